import { shownText, knownText } from '../runtimes/shell-parse/values.ts';
import { layoutCandidates } from './layout-candidates.ts';
import { byDistance, near } from './sizes.ts';
import type { FlagUse } from './megatron-words.ts';
import type { Setting } from './subject.ts';

const layoutFlag = '--pipeline-model-parallel-layout';

const divisors = ['1', '2', '4', '8', '16', '32', '64'];

const sizes: readonly string[] = [
  '--tensor-model-parallel-size',
  '--pipeline-model-parallel-size',
  '--context-parallel-size',
  '--expert-model-parallel-size',
  '--expert-tensor-parallel-size',
  '--micro-batch-size',
  '--num-virtual-stages-per-pipeline-rank',
  '--num-layers-per-virtual-pipeline-stage',
  '--microbatch-group-size-per-virtual-pipeline-stage',
  '--num-distributed-optimizer-instances',
  '--decoder-first-pipeline-num-layers',
  '--decoder-last-pipeline-num-layers',
];

/** Absent ones may be added with these values. */
const addable: Readonly<Record<string, readonly string[]>> = {
  '--expert-tensor-parallel-size': divisors,
  '--sequence-parallel': [''],
  '--overlap-grad-reduce': [''],
  '--use-distributed-optimizer': [''],
  '--moe-grouped-gemm': [''],
  '--overlap-moe-expert-parallel-comm': [''],
  '--use-precision-aware-optimizer': [''],
  '--untie-embeddings-and-output-weights': [''],
  '--no-gradient-accumulation-fusion': [''],
  '--calculate-per-token-loss': [''],
  '--recompute-method': ['uniform', 'block'],
  '--recompute-num-layers': ['1'],
  '--moe-token-dispatcher-type': ['alltoall', 'flex'],
  '--ckpt-format': ['fsdp_dtensor', 'torch'],
  '--moe-router-pre-softmax': [''],
  '--save-interval': ['1000'],
  '--no-rope-fusion': [''],
  '--account-for-embedding-in-pipeline-split': [''],
  '--account-for-loss-in-pipeline-split': [''],
};

/** Switches and choices that may be taken out where they stand. */
const removable: readonly string[] = [
  '--sequence-parallel',
  '--recompute-method',
  '--recompute-num-layers',
  '--group-query-attention',
  '--num-query-groups',
  '--cross-entropy-loss-fusion',
  '--step-batch-size-schedule',
  '--overlap-param-gather',
  '--tp-comm-overlap',
  '--delay-wgrad-compute',
  '--moe-shared-expert-overlap',
  '--overlap-moe-expert-parallel-comm',
  '--distribute-saved-activations',
  '--decoder-first-pipeline-num-layers',
  '--decoder-last-pipeline-num-layers',
  '--account-for-embedding-in-pipeline-split',
  '--account-for-loss-in-pipeline-split',
  '--num-virtual-stages-per-pipeline-rank',
  '--num-layers-per-virtual-pipeline-stage',
  '--cpu-offloading-num-layers',
  '--moe-enable-deepep',
  '--use-tp-pp-dp-mapping',
  '--no-overlap-p2p-communication',
  '--fp16',
  '--use-torch-fsdp2',
  '--fp8-param-gather',
  '--overlap-param-gather-with-optimizer-step',
  '--rampup-batch-size',
  '--moe-layer-recompute',
  '--cuda-graph-impl',
];

const choices: Readonly<Record<string, readonly string[]>> = {
  '--moe-token-dispatcher-type': ['alltoall', 'flex', 'allgather'],
  '--cp-comm-type': ['p2p', 'a2a', 'allgather'],
  '--cross-entropy-fusion-impl': ['native'],
  '--recompute-granularity': ['selective', 'full'],
  '--ckpt-format': ['fsdp_dtensor', 'torch_dist'],
};

/** What a fix of Megatron flags may change, most particular first; the model and its data are never touched. */
export const megatronSettings = (uses: ReadonlyMap<string, FlagUse>): readonly Setting[] => {
  const settings: Setting[] = [];
  const valueOf = (flag: string): string | null => {
    const use = uses.get(flag);
    return use === undefined ? null : use.values.map(({ fragments }) => shownText(fragments)).join(' ');
  };
  const known = (flag: string): boolean =>
    uses.get(flag)?.values.every(({ fragments }) => knownText(fragments) !== null) === true;
  for (const flag of sizes) {
    const value = valueOf(flag);
    if (value === null || !known(flag) || !/^\d+$/u.test(value)) continue;
    const number = Math.max(1, Number(value));
    const takeOut = removable.includes(flag) ? [null] : [];
    settings.push({ key: flag, value, candidates: [...byDistance(number, near(number)), ...takeOut] });
  }
  const batch = valueOf('--global-batch-size');
  if (batch !== null && known('--global-batch-size') && /^\d+$/u.test(batch)) {
    const number = Number(batch);
    settings.push({
      key: '--global-batch-size',
      value: batch,
      candidates: byDistance(number, near(number)),
    });
  }
  const layout = valueOf(layoutFlag);
  if (layout !== null && known(layoutFlag)) {
    const count = (flag: string, fallback: number): number => Number(valueOf(flag) ?? fallback);
    const candidates = layoutCandidates(layout, {
      layers: count('--num-layers', 0),
      pipeline: count('--pipeline-model-parallel-size', 1),
      predictionLayers: count('--mtp-num-layers', 0),
    });
    settings.push({ key: layoutFlag, value: layout, candidates: [...candidates, null] });
  }
  for (const [flag, values] of Object.entries(choices)) {
    const value = valueOf(flag);
    if (value !== null && known(flag))
      settings.push({ key: flag, value, candidates: values.filter((choice) => choice !== value) });
  }
  for (const flag of removable)
    if (uses.has(flag) && !settings.some(({ key }) => key === flag))
      settings.push({ key: flag, value: valueOf(flag), candidates: [null] });
  for (const [flag, values] of Object.entries(addable))
    if (!uses.has(flag)) settings.push({ key: flag, value: null, candidates: values });
  return settings;
};
