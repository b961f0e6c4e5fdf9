import { flagGroups } from './flag-table.ts';

export type FlagType = 'integer' | 'number' | 'text';

/** How many values a flag takes and of which type. */
export interface FlagSpec {
  /** First of its synonyms, with the dashes. */
  readonly name: string;
  /** 0 for a switch; null for one or more. */
  readonly values: number | null;
  readonly type: FlagType;
  readonly choices: readonly string[] | null;
}

/** Values that Megatron's parser admits, for the flags that planner writes or reads (mcore 0.20). */
const choices: Readonly<Record<string, readonly string[]>> = {
  '--attention-backend': ['flash', 'fused', 'unfused', 'local', 'auto'],
  '--ckpt-format': ['torch', 'torch_dist', 'torch_dcp', 'fsdp_dtensor'],
  '--cross-entropy-fusion-impl': ['native', 'te'],
  '--data-parallel-sharding-strategy': ['no_shard', 'optim', 'optim_grads', 'optim_grads_params'],
  '--exp-avg-dtype': ['fp32', 'fp16', 'bf16', 'fp8'],
  '--exp-avg-sq-dtype': ['fp32', 'fp16', 'bf16', 'fp8'],
  '--experimental-attention-variant': ['gdn', 'gdn2', 'dsa', 'gated_delta_net'],
  '--fp4-format': ['e2m1'],
  '--fp4-recipe': ['nvfp4', 'custom'],
  '--fp8-format': ['e4m3', 'hybrid'],
  '--fp8-recipe': ['tensorwise', 'delayed', 'mxfp8', 'blockwise', 'custom'],
  '--main-grads-dtype': ['fp32', 'bf16'],
  '--main-params-dtype': ['fp32', 'fp16'],
  '--moe-flex-dispatcher-backend': ['deepep', 'hybridep', 'ncclep'],
  '--moe-router-dtype': ['fp32', 'fp64'],
  '--moe-router-score-function': ['softmax', 'sigmoid', 'sqrtsoftplus'],
  '--moe-token-dispatcher-type': ['allgather', 'alltoall', 'flex'],
  '--normalization': ['LayerNorm', 'RMSNorm'],
  '--optimizer': ['adam', 'sgd', 'muon', 'dist_muon', 'lion', 'soap', 'adaptive_muon'],
  '--position-embedding-type': ['learned_absolute', 'rope', 'yarn', 'mrope', 'relative', 'none'],
  '--recompute-granularity': ['full', 'selective'],
  '--recompute-method': ['uniform', 'block'],
  '--softmax-type': ['vanilla', 'off-by-one', 'learnable'],
};

const expand = (names: string, values: number | null, type: FlagType): [string, FlagSpec][] =>
  names
    .trim()
    .split(/\s+/u)
    .flatMap((group) => {
      const synonyms = group.split('/').map((name) => `--${name}`);
      const name = synonyms[0] ?? '';
      const spec: FlagSpec = { name, values, type, choices: choices[name] ?? null };
      return synonyms.map((synonym): [string, FlagSpec] => [synonym, spec]);
    });

/** Every flag of mcore 0.20 by each of its names. */
export const megatronFlags: ReadonlyMap<string, FlagSpec> = new Map([
  ...expand(flagGroups.switches, 0, 'text'),
  ...expand(flagGroups.integers, 1, 'integer'),
  ...expand(flagGroups.numbers, 1, 'number'),
  ...expand(flagGroups.texts, 1, 'text'),
  ...expand(flagGroups.integerLists, null, 'integer'),
  ...expand(flagGroups.numberLists, null, 'number'),
  ...expand(flagGroups.textLists, null, 'text'),
  ...expand(flagGroups.integerTriples, 3, 'integer'),
]);

/** First release with a flag, for those that came after 0.12 and that planner writes. */
export const flagSince: Readonly<Record<string, string>> = {
  '--pipeline-model-parallel-layout': '0.13',
  '--use-megatron-fsdp': '0.14',
  '--overlap-moe-expert-parallel-comm': '0.14',
  '--moe-flex-dispatcher-backend': '0.15',
  '--hybrid-layer-pattern': '0.17',
};
