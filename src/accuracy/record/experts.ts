/** How a stack moves tokens to experts and what it captures in CUDA graphs, where the source does not print it. */
import type { RunConfiguration } from '../../ingest/measured-configuration.ts';
import type { RunConditions } from '../../plan/conditions.ts';
import type { Dispatcher } from '../../strategy/strategy.ts';
import type { Software } from './software.ts';

const DISPATCHERS: readonly (readonly [RegExp, Dispatcher])[] = [
  [/hybrid-?ep/, 'hybridep'],
  [/deep-?ep|flex/, 'deepep'],
  [/all-?_?gather/, 'all-gather'],
  [/all-?_?to-?_?all|a2a/, 'all-to-all'],
];

const isDeepSeek = (name: string): boolean => /deepseek/i.test(name);
const isHopper = (gpu: string | null): boolean => /h\d00|h20|gh200/i.test(gpu ?? '');

/** NeMo 25.11 is the first release whose recipes train dropless (docs/performance-summary-archive.md of Megatron-Bridge). */
const DROPLESS_FROM = '2025-11';

/** NeMo up to 25.09 ran DeepSeek on Hopper with DeepEP and dropless, all else with capacity 1 (its performance callbacks). */
const deepSeekOnHopper = (configuration: RunConfiguration): boolean =>
  isDeepSeek(configuration.model.name) && isHopper(configuration.cluster.gpu);

export const dispatcherOf = (configuration: RunConfiguration, software: Software): Dispatcher => {
  const words = (configuration.training.dispatcher ?? '').toLowerCase();
  const printed = DISPATCHERS.find(([pattern]) => pattern.test(words))?.[1];
  if (printed !== undefined) return printed;
  if (/^deepseek.*report/i.test(configuration.title)) return 'deepep';
  // Megatron Core's report of 2026 trains with DeepEP on Hopper and HybridEP in NVLink domains (arXiv 2603.07685, section on dispatchers).
  if (/scalable training of (?:moe|mixture)/i.test(configuration.title))
    return isHopper(configuration.cluster.gpu) ? 'deepep' : 'hybridep';
  const recipe = software.recipe && (software.date ?? '') < DROPLESS_FROM;
  return recipe && deepSeekOnHopper(configuration) ? 'deepep' : 'all-to-all';
};

/** Token drop, with a capacity in multiples of the balanced load where the words end in one (`tokendrop 1.1`). */
const DROP = /drop(?:\D*\s(\d(?:\.\d+)?))?$/;

export const capacityOf = (configuration: RunConfiguration, software: Software): number | null => {
  const variant = (configuration.model.variant ?? '').toLowerCase();
  if (/dropless/.test(variant)) return null;
  if (/drop/.test(variant)) return Math.max(1, Number(DROP.exec(variant)?.[1] ?? 1));
  const old = software.recipe && software.date !== null && software.date < DROPLESS_FROM;
  return old && !deepSeekOnHopper(configuration) ? 1 : null;
};

/** Megatron Core 0.5 is the first with grouped experts (NVIDIA/Megatron-LM, CHANGELOG); DeepSpeed loops over local experts. */
const GROUPED_FROM = '2024-02';

/** NeMo runs experts in one grouped GEMM from 25.02 on; its Grok recipe of 24.11 and capacity padding before did not. */
export const groupedExperts = (configuration: RunConfiguration, software: Software): boolean => {
  const { profile, date } = software;
  const early = date !== null && date < GROUPED_FROM && profile.startsWith('megatron');
  const grok = software.recipe && date !== null && date < '2025-02' && /grok/i.test(configuration.model.name);
  return configuration.training.packedExperts ?? !(early || grok || profile === 'megatron-deepspeed');
};

/** NeMo's padded experts on Blackwell run inside graphs (its performance scripts of 2025 switch them on with token drop). */
const graphHabit = (
  configuration: RunConfiguration,
  software: Software,
): NonNullable<RunConditions['cudaGraphs']> => {
  const padded = configuration.model.experts !== null && capacityOf(configuration, software) !== null;
  return padded &&
    software.recipe &&
    (software.date ?? '') >= '2025-05' &&
    !isHopper(configuration.cluster.gpu)
    ? 'attention'
    : 'none';
};

export const graphsOf = (
  configuration: RunConfiguration,
  software: Software,
): NonNullable<RunConditions['cudaGraphs']> => {
  const { cudaGraphs, cudaGraphScope } = configuration.training;
  const kind = (cudaGraphs ?? '').toLowerCase();
  const scope = cudaGraphScope.join(' ').toLowerCase();
  if (/^(?:none|false|off)$/.test(kind)) return 'none';
  if (/full/.test(scope) || /full/.test(kind)) return 'full';
  if (/attn|attention|mamba/.test(scope)) return 'attention';
  if (scope !== '') return 'router';
  return kind === 'local' ? 'full' : kind === '' ? graphHabit(configuration, software) : 'attention';
};

const isBlackwell = (gpu: string | null): boolean => /b[23]00/i.test(gpu ?? '');

/** A whole iteration of a dropless MoE model in one graph. */
const capturesDropless = (configuration: RunConfiguration, software: Software): boolean =>
  configuration.model.experts !== null &&
  capacityOf(configuration, software) === null &&
  graphsOf(configuration, software) === 'full';

/**
 * A graph of the whole iteration needs buffers whose shape no routing changes; Megatron Core has them for dropless experts
 * with HybridEP's or NCCL's dispatcher, and with Transformer Engine's fused grouped MLP, which is for Blackwell and 8 or
 * 4 bits (NVIDIA/Megatron-LM core/transformer/moe, validate_moe_cuda_graph_support and _is_fused_impl_supported).
 */
export const fusedExpertsOf = (configuration: RunConfiguration, software: Software): boolean =>
  configuration.training.fusedExperts ??
  (software.profile === 'megatron-core' &&
    isBlackwell(configuration.cluster.gpu) &&
    /mx|fp4/i.test(configuration.training.precision ?? '') &&
    capturesDropless(configuration, software));

/**
 * Whether the token exchange runs beside the work of other micro-batches. NVIDIA's recipes that capture whole iterations
 * switch it on (NVIDIA-NeMo/Megatron-Bridge perf_recipes, common.py of qwen, deepseek and gpt_oss); DualPipe exists for it
 * (arXiv 2412.19437, section 3.2.1).
 */
export const overlapsExchange = (configuration: RunConfiguration, software: Software): boolean =>
  (configuration.parallel.expert ?? 1) > 1 &&
  (configuration.training.expertOverlap ??
    (/dual-?pipe/i.test(configuration.parallel.schedule ?? '') ||
      (software.recipe && capturesDropless(configuration, software))));

/**
 * Expert tensor parallelism where it is not printed: the tensor size in Megatron's recipes before May 2025 (its own
 * axis is Megatron Core 0.9's; recipes took it up later), 1 after; NeMo's Grok (on Blackwell) and Llama 4 (on Hopper) recipes use 4. 1 where the ranks do not divide.
 */
export const expertTensorOf = (
  configuration: RunConfiguration,
  software: Software,
  world: number,
): number => {
  const { parallel, model, cluster } = configuration;
  if (model.experts === null) return 1;
  const divides = (size: number): boolean =>
    world % (size * (parallel.expert ?? 1) * (parallel.pipeline ?? 1)) === 0;
  const tensor = parallel.tensor ?? 1;
  const four = isHopper(cluster.gpu) ? /llama.?4/i.test(model.name) : /grok/i.test(model.name);
  const habit =
    software.date !== null && software.date < '2025-05'
      ? tensor
      : software.recipe && four
        ? Math.min(4, tensor)
        : 1;
  const size = parallel.expertTensor ?? habit;
  return divides(size) ? size : 1;
};
