/** Which software ran it: from the title of the source, the framework it names, its release and its date. */
import type { RunConfiguration } from '../../ingest/measured-configuration.ts';
import type { SoftwareProfile } from '../../plan/conditions.ts';
import type { RuntimeName } from '../../plan/problem.ts';

export interface Software {
  readonly runtime: RuntimeName;
  readonly profile: SoftwareProfile;
  /** Month of the software, `YYYY-MM`; null where nothing tells. */
  readonly date: string | null;
  /** NVIDIA's own tuned recipes (NeMo, Megatron-Bridge, DGX Cloud): overlaps on, gradients in bf16. */
  readonly recipe: boolean;
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

type Rule = readonly [pattern: RegExp, runtime: RuntimeName, profile: SoftwareProfile];

/** First match wins; compared with framework, then title, in lower case. */
const NAMED: readonly Rule[] = [
  [/nanotron|ultra-?scale playbook|picotron/, 'nanotron', 'nanotron'],
  [/torchtitan|torch ?titan/, 'torchtitan', 'torchtitan'],
  [/maxtext|paxml|jax|levanter|\bpax\b/, 'fsdp', 'jax'],
  [
    /megatron-?deepspeed|megatron\s*\+\s*deepspeed|vtrain|bigscience|bloom|mt-nlg|megatron-turing|gpt-neox/,
    'deepspeed',
    'megatron-deepspeed',
  ],
  [/deepspeed|zero-?offload|zero-?infinity/, 'deepspeed', 'megatron-deepspeed'],
  [/hagemann|efficient parallelization layouts|aleph.?alpha/, 'megatron', 'scaling'],
  [
    /llm-?foundry|mosaic|fms-?fsdp|fsdp|composer|accelerate|lightning|olmo|litgpt|axolotl|hugging ?face trainer|kempnerforge/,
    'fsdp',
    'pytorch-fsdp',
  ],
  [
    /zero bubble|vocabulary ?parallelism|balancing pipeline|megascale|pipeline parallelism with controllable/,
    'megatron',
    'megatron-classic',
  ],
  [
    /megatron|nemo|dgx|narayanan|korthikanti|sc21|nemotron|transformer engine|mcore|simumax|parallel folding|primus|flagscale|flagperf/,
    'megatron',
    'megatron-core',
  ],
];

/** Megatron before Transformer Engine: fused softmax, no fused attention. */
const CLASSIC_UNTIL = '2024-01';

const RECIPES = /nemo|dgx cloud|megatron-bridge|mcore|megatron core|parallel folding|nemotron/;

const shardsParameters = ({ training, parallel }: RunConfiguration): boolean =>
  (training.zeroStage === 3 || training.sharding !== null) && (parallel.pipeline ?? 1) === 1;

const named = (configuration: RunConfiguration): Rule | null => {
  for (const words of [configuration.training.framework, configuration.title]) {
    const found = words === null ? undefined : NAMED.find(([pattern]) => pattern.test(words.toLowerCase()));
    if (found !== undefined) return found;
  }
  return null;
};

/** By what the record says of the split: sharded parameters without a pipeline are FSDP, all else is Megatron. */
const unnamed = (configuration: RunConfiguration): Rule =>
  shardsParameters(configuration) && (configuration.parallel.tensor ?? 1) === 1
    ? [/./, 'fsdp', 'pytorch-fsdp']
    : [/./, 'megatron', 'megatron-core'];

export const softwareOf = (configuration: RunConfiguration): Software => {
  const { title, training, model } = configuration;
  const date = softwareDate(configuration.release, configuration.date);
  const known = named(configuration);
  const [, runtime, profile] = known ?? unnamed(configuration);
  const assumption =
    known === null ? `software of "${title.slice(0, 80)}" is unknown: predicted as ${profile}` : null;
  const recipe = RECIPES.test(title.toLowerCase()) && (date ?? '9999') >= CLASSIC_UNTIL;
  const answer = (name: RuntimeName, as: SoftwareProfile): Software => ({
    runtime: name,
    profile: as,
    date,
    recipe,
    assumption,
  });
  if (runtime !== 'megatron') return answer(runtime, profile);
  if (/paxml|maxtext/i.test(model.name)) return answer('fsdp', 'jax');
  if (training.megatronFsdp === true || (typeof training.fsdp === 'number' && training.fsdp > 1 && recipe))
    return answer('megatron', 'megatron-fsdp');
  if (profile === 'megatron-core' && shardsParameters(configuration)) {
    // Megatron of that time had no parameter sharding: SC21 compares with DeepSpeed's; DGX Cloud's are MaxText.
    if (date !== null && date < CLASSIC_UNTIL) return answer('deepspeed', 'megatron-deepspeed');
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
