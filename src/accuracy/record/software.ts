/** Which software ran it: from the title of the source, the framework it names, its release and its date. */
import type { RunConfiguration } from '../../ingest/measured-configuration.ts';
import type { SoftwareProfile } from '../../plan/conditions.ts';
import type { RuntimeName } from '../../plan/problem.ts';
import { MEASURED_STACKS } from '../../runtimes/memory-behaviour.ts';
import { namedSoftware } from './software-names.ts';
import type { NamedSoftware } from './software-names.ts';

export interface Software {
  readonly runtime: RuntimeName;
  readonly profile: SoftwareProfile;
  /** Month of the software, `YYYY-MM`; null where nothing tells. */
  readonly date: string | null;
  /** NVIDIA's own tuned recipes (NeMo, Megatron-Bridge, DGX Cloud, papers of Megatron Core): overlaps on. */
  readonly recipe: boolean;
  /** Gradients are reduced in bf16: recipes of NeMo, Megatron-Bridge and DGX Cloud set it. */
  readonly bf16Gradients: boolean;
  /** Tensor-parallel communication runs beside matrix products. */
  readonly overlapsTensor: boolean;
  /** Cross-entropy in one kernel. */
  readonly fusesLoss: boolean;
  /** No master copy: parameters and moments in the format of the products. */
  readonly pureLowPrecision: boolean;
  /** Stacks that bound its memory where its code is not known; else none. */
  readonly boundedBy: readonly SoftwareProfile[];
  readonly assumption: string | null;
}

/** `NeMo 25.09`, `v24.11.1`: year and month; else the date of the source: of several years the last, of a year alone its June. */
export const softwareDate = (release: string | null, date: string | null): string | null => {
  const container = /(?:^|[^\d.])v?(2[2-9])\.(0[1-9]|1[0-2])(?:[.\D]|$)/.exec(release ?? '');
  if (container?.[1] !== undefined && container[2] !== undefined) return `20${container[1]}-${container[2]}`;
  const printed = [...(date ?? '').slice(0, 40).matchAll(/(20[12]\d)(?!\d)(?:-(0[1-9]|1[0-2])(?!\d))?/g)].at(
    -1,
  );
  if (printed?.[1] === undefined) return null;
  return `${printed[1]}-${printed[2] ?? '06'}`;
};

/** Megatron before Transformer Engine: fused softmax, no fused attention. */
const CLASSIC_UNTIL = '2024-01';

const RECIPES = /nemo|dgx cloud|megatron-bridge|mcore|megatron core|parallel folding|nemotron/;

/**
 * Papers of Megatron Core run Megatron-LM, which reduces the gradients of bf16 training in fp32 unless told otherwise
 * (megatron/training/arguments.py, accumulate_allreduce_grads_in_fp32); the recipes that their authors publish do not
 * tell it (yanring/Megatron-MoE-ModelZoo @ e865051 model_configs/benchmarking).
 */
const MEGATRON_LM = /mcore|megatron core|parallel folding/;

/**
 * Megatron Core outside NVIDIA's recipes, with `--tp-comm-overlap`: Megatron-LM's own scaling table (its README of 2024
 * and later) and Kuaishou's fork (kwai/Megatron-Kwai @ 6c1ff86 examples/atc24).
 */
const OVERLAPS_TENSOR = /megatron-lm readme|kwai|kuaishou/;

/** Loss in one fused kernel outside the recipes: SimuMax's runs of Megatron-LM. */
const FUSES_LOSS = /simumax/;

/**
 * Parameters, gradients and moments all in bf16: KempnerForge @ 0c4eba1 config/training.py `param_dtype`; torchtune's
 * recipes (`dtype: bf16` in recipes/configs).
 */
const PURE_LOW_PRECISION = /kempner|torchtune|pure[ -]bf16/;

const shardsParameters = ({ training, parallel }: RunConfiguration): boolean =>
  (training.zeroStage === 3 ||
    (training.sharding !== null && !/zero[-_ ]?(?:stage[-_ ]?)?[012]\b/i.test(training.sharding)) ||
    typeof training.fsdp === 'string' ||
    training.fsdpShardSize !== null ||
    training.hsdpShardSize !== null) &&
  (parallel.pipeline ?? 1) === 1;

/** PyTorch's own words for sharded parameters. */
const namesFsdp = ({ training }: RunConfiguration): boolean =>
  /full_?shard|shard_grad_op|hybrid_?shard|fsdp|hsdp/i.test(
    `${training.sharding ?? ''} ${typeof training.fsdp === 'string' ? training.fsdp : ''}`,
  );

/** What Megatron Core has and plain 3D stacks seldom have: interleaving, context or expert parallelism, fp8 and below. */
const usesMegatronCore = ({ training, parallel, model }: RunConfiguration): boolean =>
  (parallel.virtualStages ?? 1) > 1 ||
  /interleav|dual-?pipe|zb|v-?half/i.test(parallel.schedule ?? '') ||
  (parallel.context ?? 1) > 1 ||
  (model.experts !== null && (parallel.expert ?? 1) > 1) ||
  /fp8|fp4/i.test(training.precision ?? '');

/** With FlashAttention 2 (July 2023) stacks got layers of their own. */
const OTHER_LAYERS_FROM = '2023-07';

/** FSDP2, on which tensor and sharded data parallelism compose, came with PyTorch 2.4. */
const FSDP2_FROM = '2024-07';

/** The nearest relative of software without a name, by what the record says of its split. */
export const nearestSoftware = (
  configuration: RunConfiguration,
): Pick<NamedSoftware, 'runtime' | 'profile'> => {
  const date = softwareDate(configuration.release, configuration.date);
  if (shardsParameters(configuration)) {
    const composed = (configuration.parallel.tensor ?? 1) > 1 && (date ?? '9999') >= FSDP2_FROM;
    return composed
      ? { runtime: 'torchtitan', profile: 'torchtitan' }
      : { runtime: 'fsdp', profile: 'pytorch-fsdp' };
  }
  if (usesMegatronCore(configuration)) return { runtime: 'megatron', profile: 'megatron-core' };
  // Three-dimensional splits of that time were Megatron's layers, most of them under DeepSpeed.
  return date !== null && date < OTHER_LAYERS_FROM
    ? { runtime: 'deepspeed', profile: 'megatron-deepspeed' }
    : { runtime: 'megatron', profile: 'generic' };
};

export const softwareOf = (configuration: RunConfiguration): Software => {
  const { title, training, model } = configuration;
  const date = softwareDate(configuration.release, configuration.date);
  const known = namedSoftware(training.framework, title);
  const { runtime, profile } = known ?? nearestSoftware(configuration);
  const assumption =
    known === null ? `software of "${title.slice(0, 80)}" is unknown: predicted as ${profile}` : null;
  const words = title.toLowerCase();
  const memoryKnown = known !== null && known.memoryKnown;
  const recipe = profile !== 'torchtitan' && RECIPES.test(words) && (date ?? '9999') >= CLASSIC_UNTIL;
  const answer = (name: RuntimeName, as: SoftwareProfile): Software => ({
    runtime: name,
    profile: as,
    date,
    recipe,
    bf16Gradients: recipe && !MEGATRON_LM.test(words),
    overlapsTensor: recipe || ((date ?? '9999') >= CLASSIC_UNTIL && OVERLAPS_TENSOR.test(words)),
    fusesLoss: recipe || FUSES_LOSS.test(words),
    pureLowPrecision: PURE_LOW_PRECISION.test(
      `${words} ${training.framework ?? ''} ${training.precision ?? ''}`.toLowerCase(),
    ),
    boundedBy: memoryKnown ? [] : MEASURED_STACKS,
    assumption,
  });
  if (runtime !== 'megatron') return answer(runtime, profile);
  if (/paxml|maxtext/i.test(model.name)) return answer('fsdp', 'jax');
  if (training.megatronFsdp === true || (typeof training.fsdp === 'number' && training.fsdp > 1 && recipe))
    return answer('megatron', 'megatron-fsdp');
  if (profile === 'megatron-core' && shardsParameters(configuration)) {
    // Megatron of that time had no parameter sharding: SC21 compares with DeepSpeed's; DGX Cloud's are MaxText.
    if (date !== null && date < CLASSIC_UNTIL)
      return namesFsdp(configuration)
        ? answer('fsdp', 'pytorch-fsdp')
        : answer('deepspeed', 'megatron-deepspeed');
    if (/dgx/i.test(title)) return answer('fsdp', 'jax');
    return answer('megatron', 'megatron-fsdp');
  }
  return answer(
    'megatron',
    profile === 'megatron-core' && date !== null && date < CLASSIC_UNTIL ? 'megatron-classic' : profile,
  );
};

/** Months in which Megatron Core was released, newest first (tags of NVIDIA/Megatron-LM). */
const MEGATRON_RELEASES: readonly (readonly [from: string, version: string])[] = [
  ['2026-06', '0.20'],
  ['2026-04', '0.18'],
  ['2026-02', '0.16'],
  ['2025-12', '0.15'],
  ['2025-10', '0.14'],
  ['2025-07', '0.13'],
  ['2025-05', '0.12'],
  ['2025-03', '0.11'],
  ['2024-12', '0.10'],
  ['2024-09', '0.9'],
  ['2024-07', '0.8'],
  ['2024-05', '0.7'],
  ['2024-02', '0.5'],
  ['2000-01', '0.4'],
];

/** Megatron's release by date; runtimes whose behaviour does not change with the release have one name. */
export const runtimeVersion = (software: Software): string =>
  software.runtime === 'megatron'
    ? (MEGATRON_RELEASES.find(([from]) => (software.date ?? '9999') >= from)?.[1] ?? '0.4')
    : '0';
