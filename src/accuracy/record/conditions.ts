/** What a record says of its software beyond strategy and training. */
import type { RunConfiguration } from '../../ingest/measured-configuration.ts';
import type { AttentionImplementation, RunConditions } from '../../plan/conditions.ts';
import type { AttentionKernel } from '../../plan/problem.ts';
import type { AcceleratorArchitecture } from '../../cluster/cluster.ts';
import { capacityOf, fusedExpertsOf, graphsOf, groupedExperts } from './experts.ts';
import { hostRunsAhead } from './nanotron-build.ts';
import type { RecordedRecompute } from './recompute.ts';
import { stepsInBackward } from './sharding.ts';
import type { Software } from './software.ts';

const KERNELS: readonly (readonly [RegExp, AttentionImplementation])[] = [
  [/triton/, 'triton'],
  [/flash.?(?:attention)?.?(?:-)?v?3/, 'flash3'],
  [/flash.?(?:attention)?.?v?1/, 'flash1'],
  [/cudnn|fused_?attn|te_?fused/, 'cudnn'],
  [/flash|sdpa/, 'flash2'],
  [/fused/, 'fused-softmax'],
  [/torch|unfused|eager|local|math/, 'torch'],
];

/** FlashAttention 2 (July 2023) reached Megatron forks and PyTorch within half a year. */
const FLASH2_FROM = '2024-01';

const UNFUSED_WORDS = /zero bubble/;

/**
 * llm-foundry's benchmarks of MPT launch the Triton kernel unless told otherwise (mosaicml/llm-foundry @ 12a6319
 * scripts/train/benchmarking/submit_benchmarks.py, `--attn_impl`, whose sweep.sh names none).
 */
const TRITON_WORDS = /foundry|mosaic/;

/** Attention where it is not printed: unfused in classic stacks, flash 2 elsewhere; null: the profile's own habit. */
const habit = (configuration: RunConfiguration, software: Software): AttentionImplementation | null => {
  const { profile, date } = software;
  const early = date !== null && date < FLASH2_FROM;
  if (profile === 'megatron-deepspeed')
    return early || /vtrain/i.test(configuration.title) ? 'fused-softmax' : 'flash2';
  if (profile === 'megatron-classic')
    return early || UNFUSED_WORDS.test(configuration.title.toLowerCase()) ? 'fused-softmax' : 'flash2';
  if (profile === 'pytorch-fsdp') {
    if (TRITON_WORDS.test(configuration.title.toLowerCase())) return 'triton';
    return date !== null && date < '2023-07' ? 'torch' : 'flash2';
  }
  // XLA fuses a softmax, not an attention. cuDNN's came with JAX of 2024; Transformer Engine's was off until then unless
  // NVTE_FUSED_ATTN was set (NVIDIA/TransformerEngine of 2023, transformer_engine/jax/flax/transformer.py).
  return profile === 'jax' && early ? 'fused-softmax' : null;
};

export const attentionOf = (
  configuration: RunConfiguration,
  software: Software,
): AttentionImplementation | null => {
  const words = (configuration.training.attentionKernel ?? '').toLowerCase();
  const printed = KERNELS.find(([pattern]) => words !== '' && pattern.test(words))?.[1];
  return printed ?? habit(configuration, software);
};

export const attentionKernelOf = (
  attention: AttentionImplementation | null,
  software: Software,
  architecture: AcceleratorArchitecture,
): AttentionKernel => {
  if (attention === 'torch' || attention === 'fused-softmax') return 'unfused';
  const transformerEngine = software.profile === 'megatron-core' || software.profile === 'megatron-fsdp';
  const modern = architecture === 'hopper' || architecture === 'blackwell';
  return attention === 'flash3' ||
    (attention === null && transformerEngine && modern && (software.date ?? '9999') >= '2024-09')
    ? 'flash3'
    : 'flash2';
};

/** torchtitan's tables of mid-2024 do not compile, those of December 2024 and later do. */
const COMPILED_FROM = '2024-09';

/** torch.compile: as printed; torchtitan's published benchmarks and fms-fsdp use it; XLA always fuses. */
const compiledOf = (configuration: RunConfiguration, software: Software): boolean | null => {
  const { title, training } = configuration;
  const words = `${training.framework ?? ''} ${title}`.toLowerCase();
  if (/\beager\b|(?:not|without|no) (?:torch\.?)?compil|uncompiled/.test(words)) return false;
  if (/\bcompiled?\b|torch\.compile/.test(words)) return true;
  if (software.profile === 'pytorch-fsdp') return /fms-?fsdp/.test(words);
  if (software.profile === 'torchtitan' && software.date !== null && software.date < COMPILED_FROM)
    return false;
  return null;
};

/** torchtitan compiles its loss with the model since April 2025 (pull request 1033): logits and their gradient alone are held. */
const LOSS_COMPILED_FROM = '2025-04';

const compilesLoss = (
  { title, training }: RunConfiguration,
  { date }: Software,
  compiled: boolean | null,
): boolean =>
  compiled !== false &&
  /torch ?titan/i.test(`${training.framework ?? ''} ${title}`) &&
  (date ?? '') >= LOSS_COMPILED_FROM;

/** Norms in one kernel: Scaling runs without it unless the record names the kernel. */
const fusedNormOf = (configuration: RunConfiguration, software: Software): boolean | null =>
  software.profile === 'scaling' ? /rms/i.test(configuration.training.attentionKernel ?? '') : null;

const offloadShare = (configuration: RunConfiguration): number => {
  const { optimizerOffload, cpuOffload } = configuration.training;
  return Math.min(1, Math.max(0, optimizerOffload ?? (cpuOffload === true ? 1 : 0)));
};

/** A share of all activations is as many layers' worth. */
const offloadShareLayers = ({ training, model }: RunConfiguration): number | null =>
  training.activationOffload === null || model.layers === null
    ? null
    : Math.round(Math.min(1, training.activationOffload) * model.layers);

/**
 * Decoder layers whose activations Megatron-Bridge's recipes with FSDP keep on the host, in bf16 and in 8 bits; tables
 * before 26.02 do not print them (NVIDIA-NeMo/Megatron-Bridge, scripts/performance/configs/llama, `cpu_offloading_num_layers`).
 */
const OFFLOADED: readonly (readonly [model: RegExp, gpu: RegExp, half: number, eight: number])[] = [
  [/llama.?3.*405b/, /gb300/, 0, 10],
  [/llama.?3.*405b/, /gb200/, 0, 95],
  [/llama.?3.*70b/, /gb300/, 30, 20],
  [/llama.?3.*70b/, /gb200/, 20, 40],
  [/llama.?3.*70b/, /\bb200/, 0, 5],
];

const offloadHabit = ({ model, cluster, training }: RunConfiguration, software: Software): number => {
  if (software.profile !== 'megatron-fsdp' || !software.recipe) return 0;
  const [name, gpu] = [model.name.toLowerCase(), (cluster.gpu ?? '').toLowerCase()];
  const [, , half, eight] = OFFLOADED.find((row) => row[0].test(name) && row[1].test(gpu)) ?? [0, 0, 0, 0];
  return /fp8|fp4/i.test(training.precision ?? '') ? eight : half;
};

/** Megatron-FSDP, whose guide recommends `--init-model-with-meta-device`, came with Megatron Core 0.14; its forerunner's does not. */
const SHARDED_START_FROM = '2025-10';

/**
 * Megatron-LM makes the model whole on every GPU and then shards it, unless that flag is set (megatron/training/training.py,
 * get_model: `model_module.cuda`; the recipes of NeMo and Megatron-Bridge set it with FSDP).
 */
const startsWhole = (software: Software): boolean =>
  software.profile === 'megatron-fsdp' &&
  !software.bf16Gradients &&
  (software.date ?? '9999') < SHARDED_START_FROM;

/**
 * KempnerForge reduces gradients with the last micro-batch and takes the loss of half-precision logits, gathered over
 * the tensor ranks (KempnerInstitute/KempnerForge @ 0c4eba1 training/grad.py, distributed/tensor_parallel.py; 01b461a
 * scripts/train.py).
 */
const habitsByName = ({ training, title }: RunConfiguration): RunConditions =>
  /kempner/i.test(`${training.framework ?? ''} ${title}`)
    ? { accumulatesWhole: true, gatheredLogits: true, halfPrecisionLoss: true }
    : {};

/**
 * NVIDIA's recipes store and gather parameters in 8 bits where products run in them, but not in 4
 * (NVIDIA-NeMo/Megatron-Bridge src/megatron/bridge/training/mixed_precision.py: fp8_param_gather).
 */
const storesEightBits = ({ training }: RunConfiguration, { recipe }: Software): boolean =>
  recipe && /fp8/i.test(training.precision ?? '');

export const conditionsOf = (
  configuration: RunConfiguration,
  software: Software,
  recompute: RecordedRecompute,
  gpus: number,
): RunConditions => {
  const attention = attentionOf(configuration, software);
  const compiled = compiledOf(configuration, software);
  const fusedNorm = fusedNormOf(configuration, software);
  const share = offloadShare(configuration);
  const offloadedLayers =
    configuration.training.offloadedLayers ??
    offloadShareLayers(configuration) ??
    offloadHabit(configuration, software);
  const experts = configuration.model.experts !== null;
  return {
    profile: software.profile,
    ...(software.boundedBy.length === 0 ? {} : { boundedBy: software.boundedBy }),
    ...(software.date === null ? {} : { softwareDate: software.date }),
    ...(attention === null ? {} : { attention }),
    ...(compiled === null ? {} : { compiled }),
    ...(fusedNorm === null ? {} : { fusedNorm }),
    cudaGraphs: graphsOf(configuration, software),
    ...(experts
      ? {
          expertCapacity: capacityOf(configuration, software),
          groupedExperts: groupedExperts(configuration, software),
          ...(fusedExpertsOf(configuration, software) ? { fusedExperts: true } : {}),
        }
      : {}),
    ...(configuration.training.lowPrecisionAttention === true ? { lowPrecisionAttention: true } : {}),
    ...(configuration.training.lowPrecisionHead === true ? { lowPrecisionHead: true } : {}),
    ...(recompute.operators ? { recomputeOperators: true } : {}),
    ...(recompute.everyOther ? { recomputeEveryOther: true } : {}),
    ...(recompute.activation ? { recomputeActivation: true } : {}),
    ...(startsWhole(software) ? { startsWhole: true } : {}),
    ...(storesEightBits(configuration, software) ? { lowPrecisionParameters: true } : {}),
    ...habitsByName(configuration),
    ...(stepsInBackward(configuration) ? { stepsInBackward: true } : {}),
    ...(share > 0 ? { optimizerOffload: share } : {}),
    ...(offloadedLayers === 0 ? {} : { offloadedLayers }),
    ...(software.profile === 'nanotron'
      ? { gradientAllReduce: true, hostRunsAhead: hostRunsAhead(configuration, gpus) }
      : {}),
    // NeMo and Megatron-Bridge switch on Transformer Engine's loss; Megatron-LM's default is the unfused one.
    // llm-foundry's default loss is FlashAttention's fused cross-entropy (`loss_fn: fused_crossentropy`).
    ...(software.profile === 'pytorch-fsdp' && /foundry|mosaic/i.test(configuration.title)
      ? { lossFusion: 'te' as const }
      : {}),
    ...(software.profile === 'torchtitan' && compilesLoss(configuration, software, compiled)
      ? { lossFusion: 'te' as const }
      : {}),
    ...(software.fusesLoss && software.profile.startsWith('megatron') ? { lossFusion: 'te' as const } : {}),
    ...(!software.fusesLoss && software.profile === 'megatron-core' ? { lossFusion: 'none' as const } : {}),
  };
};
