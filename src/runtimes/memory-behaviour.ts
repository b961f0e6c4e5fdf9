/**
 * What a software stack keeps in memory: a few physical constants per profile, read from its code or fitted on
 * published peaks of that stack. Formulas that use them stand in `cost/memory-*.ts`.
 */
import type { AcceleratorArchitecture } from '../cluster/cluster.ts';
import type { SoftwareProfile } from '../plan/conditions.ts';
import type { Training } from '../plan/problem.ts';
import { GIB, MIB } from '../units.ts';
import { accumulatesWhole, softwareProfile } from './time-behaviour.ts';
import type { WholeAccumulation } from './time-behaviour.ts';

/** Bytes per parameter beside what precision and optimizer imply. */
export interface StateHabit {
  /** Undivided bytes added: half-precision gradients beside the accumulated ones, fitted copies. */
  readonly extra: number;
  /** The same where gradients are reduced over several replicas (buckets). */
  readonly buckets: number;
  /** Bytes per parameter of the shard beside main parameters and moments. */
  readonly shardExtra: number;
}

export interface MemoryBehaviour {
  readonly profile: SoftwareProfile;
  readonly states: StateHabit;
  /** Sharded parameters are first made whole on every rank. */
  readonly startsWhole: boolean;
  /** Sharded parameters: layers whose whole gradients are held at once. */
  readonly gradientBlocks: number;
  readonly accumulatesWhole: WholeAccumulation;
  /** Bytes kept per token and hidden element by the norms of a layer: two inputs, two outputs. */
  readonly norms: number;
  /** Dropout masks and copies beside residual additions, per token and hidden element. */
  readonly residual: number;
  /** Embedding output and mask kept per micro-batch in flight on the first stage, per token and hidden element. */
  readonly embedding: number;
  /** One more copy of the hidden state per layer when a micro-batch holds several sequences. */
  readonly batchCopy: number;
  /** Bytes per element of the projections q, k, v, and of the attention output. */
  readonly projection: number;
  /** Bytes per token and element of the feed-forward width. */
  readonly gated: number;
  readonly plain: number;
  /** Experts keep a second copy of their input and the product weighted by the router (no fused permutation). */
  readonly keepsExpertOutput: boolean;
  /** Unfused attention: bytes per token, head and key position. */
  readonly softmax: number;
  /** Full recomputation: multiples of the layer input and of one live layer that are held. */
  readonly checkpoint: number;
  readonly live: number;
  /**
   * Selective recomputation: of named modules (Megatron), of all but matrix products (PyTorch), of all but the
   * attention projections (XLA's saved names).
   */
  readonly selective: 'modules' | 'operators' | 'projections';
  /** Bytes per token and hidden element that recomputation by operator keeps. */
  readonly operatorPolicy: number;
  /** Loss: bytes per token and logit of the rank's shard, and of the whole vocabulary. */
  readonly lossSharded: number;
  readonly lossWhole: number;
  /** Bytes per token and hidden element, undivided by tensor parallelism: gather and scatter buffers of the head. */
  readonly headBuffers: number;
  /** With sequence parallelism: whole hidden states between gather and scatter, bytes per token and hidden element. */
  readonly gatherBuffers: number;
  /** Outputs of row-parallel linears wait, whole, for the communication stream: bytes per token, hidden element and layer. */
  readonly retention: number;
  /** Whether that also happens in a pipeline: only where the host keeps ahead of the GPU. */
  readonly retainsInPipeline: boolean;
  /** Whether they count for the expected peak; false: for the bound alone. */
  readonly expectsRetention: boolean;
  /** Bytes per parameter of the embedding table on a first stage: its gradient, dense, until the last micro-batch. */
  readonly embeddingGradient: number;
  /** Bytes per weight of a layer's linears in 8 or 4 bits, beside the half-precision ones; negative where they replace them. */
  readonly weightCopies: number;
  /** Transformer Engine caches one half-precision weight-gradient buffer per distinct linear shape. */
  readonly dummyWeightGradients: boolean;
  /** Library workspaces inside the allocator, bytes. */
  readonly constant: number;
  /** Of grouped expert products. */
  readonly groupedConstant: number;
  /** reserved = total × (1 + fragmentation) + activationFragmentation × activations. */
  readonly fragmentation: number;
  readonly activationFragmentation: number;
  /** Share of the smaller of loss and backward temporaries whose freed blocks the larger one cannot reuse. */
  readonly unshared: number;
  /** Figures are of what the allocator reserved, cached blocks included: it gives those back before it fails. */
  readonly reclaims: boolean;
  /** Context, loaded kernels and communicators outside the allocator, bytes. */
  readonly outside: number;
  /** Bound on the allocator's figure: factor on what is held, without and with pipeline stages; at least what is reserved. */
  readonly bound: number;
  readonly pipelineBound: number;
  /** Factor on blocks that wait, with two stages and with more. */
  readonly retainedBound: { readonly two: number; readonly more: number };
  readonly source: string;
}

/** What follows from the training and the accelerator. */
type Derived =
  'profile' | 'constant' | 'groupedConstant' | 'pipelineBound' | 'accumulatesWhole' | 'weightCopies';

const MEGATRON: Omit<MemoryBehaviour, Derived> = {
  states: { extra: 0, buckets: 0, shardExtra: 0 },
  startsWhole: false,
  gradientBlocks: 1,
  norms: 8,
  residual: 0,
  embedding: 0,
  batchCopy: 0,
  projection: 2,
  gated: 6,
  plain: 4,
  keepsExpertOutput: false,
  softmax: 2,
  checkpoint: 1,
  live: 1,
  selective: 'modules',
  operatorPolicy: 17,
  lossSharded: 6,
  lossWhole: 0,
  headBuffers: 0,
  gatherBuffers: 2,
  retention: 0,
  retainsInPipeline: true,
  expectsRetention: true,
  embeddingGradient: 0,
  dummyWeightGradients: true,
  fragmentation: 0.05,
  activationFragmentation: 0,
  unshared: 0,
  reclaims: false,
  // CUDA context and kernels 0.5-0.9 GiB, communicators 1-2 GiB.
  outside: 1.5 * GIB,
  bound: 1.07,
  retainedBound: { two: 1, more: 1 },
  source:
    'NVIDIA/Megatron-LM @ d98e8a6; its functional tests; reserved over allocated of six Megatron-Bridge runs',
};

type Habit = Omit<MemoryBehaviour, Derived> & {
  readonly constant?: number;
  /** Absent: the same as without stages. */
  readonly pipelineBound?: number;
};

const HABITS: Readonly<Record<SoftwareProfile, Habit>> = {
  'megatron-core': MEGATRON,
  // 34 bytes per token and hidden element measured on runs without dropout, where 32 are explained.
  'megatron-classic': {
    ...MEGATRON,
    residual: 2,
    embedding: 3,
    dummyWeightGradients: false,
    source: 'sail-sg/VocabularyParallelism @ 6191c3b: 142 published peaks; logits 10 bytes',
    lossSharded: 10,
    // The largest of 154 published peaks is 1.02 times the expected one: as much again for a source that is not among them.
    bound: 1.04,
  },
  // Half precision: FP16_Optimizer and BF16_Optimizer as fitted on device memory of the BLOOM trials.
  'megatron-deepspeed': {
    ...MEGATRON,
    residual: 2,
    dummyWeightGradients: false,
    fragmentation: 0,
    reclaims: true,
    checkpoint: 1.22,
    live: 0.3,
    outside: 6.5 * GIB,
    // The largest of 55 peaks is 1.10 times the expected one; a 56th contradicts the same run with a larger micro-batch.
    bound: 1.11,
    source: 'deepspeedai/DeepSpeed @ edaa722; device memory of 56 BigScience trials',
  },
  // Bounds of a grid search on 390 runs: which ran and which did not.
  scaling: {
    ...MEGATRON,
    states: { extra: -2, buckets: 0, shardExtra: 0 },
    projection: 5,
    gated: 9,
    softmax: 5,
    lossSharded: 15,
    lossWhole: 16,
    headBuffers: 40,
    dummyWeightGradients: false,
    outside: 5 * GIB,
    fragmentation: 0.03,
    unshared: 0.6,
    bound: 1.03,
    source: 'Hagemann et al., COLM 2024: which of 390 runs fitted',
  },
  nanotron: {
    ...MEGATRON,
    states: { extra: 2, buckets: 0.4, shardExtra: 0 },
    gated: 8,
    batchCopy: 2,
    lossSharded: 10,
    headBuffers: 6,
    gatherBuffers: 4,
    retention: 4,
    dummyWeightGradients: false,
    fragmentation: 0,
    activationFragmentation: 0.12,
    constant: 0.2 * GIB,
    embeddingGradient: 4,
    bound: 1.08,
    pipelineBound: 1.18,
    retainedBound: { two: 1.7, more: 1.1 },
    source: 'huggingface/nanotron @ 0e0a27ea; 1,374 published peaks of its benchmark',
  },
  torchtitan: {
    ...MEGATRON,
    gated: 8,
    selective: 'operators',
    lossSharded: 14,
    dummyWeightGradients: false,
    fragmentation: 0,
    reclaims: true,
    bound: 1.07,
    source: 'pytorch/torchtitan @ b5bcd76; 12 published peaks',
  },
  'pytorch-fsdp': {
    ...MEGATRON,
    gated: 8,
    selective: 'operators',
    lossSharded: 14,
    dummyWeightGradients: false,
    bound: 1.07,
    source: 'as torchtitan, eager',
  },
  'megatron-fsdp': { ...MEGATRON, bound: 1.06 },
  // XLA fuses elementwise work and rematerialises; no published peaks: taken as Megatron's.
  jax: {
    ...MEGATRON,
    selective: 'projections',
    dummyWeightGradients: false,
    lossSharded: 4,
    bound: 1.06,
    source: 'no measured peak',
  },
  // The middle of what stacks beside NVIDIA's keep; the most that any of them keeps bounds it: cost/memory-hull.ts.
  generic: {
    ...MEGATRON,
    states: { extra: 2, buckets: 0, shardExtra: 0 },
    gated: 8,
    lossSharded: 14,
    gatherBuffers: 4,
    dummyWeightGradients: false,
    outside: 2.5 * GIB,
    source: 'the profiles above; no peak fixes it',
  },
};

/** Stacks whose constants published peaks fix: they bound what a stack holds that nobody measured. */
export const MEASURED_STACKS: readonly SoftwareProfile[] = [
  'megatron-core',
  'megatron-classic',
  'megatron-deepspeed',
  'nanotron',
  'torchtitan',
];

/** cuBLAS and Transformer Engine workspaces: 70 MB on Ampere, 100 MB later; four grouped-GEMM workspaces of 4 or 32 MiB. */
const workspaces = (architecture: AcceleratorArchitecture): { constant: number; groupedConstant: number } =>
  architecture === 'hopper' || architecture === 'blackwell'
    ? { constant: 100e6, groupedConstant: 4 * 32 * MIB }
    : { constant: 70e6, groupedConstant: 4 * 4 * MIB };

/**
 * Transformer Engine quantises weights with the first micro-batch and keeps them for the others, in the layout of each of
 * the two products that use them; Blackwell reads 8-bit tensors of one scale in either layout. MXFP8 has a byte of scale
 * for 32 elements, NVFP4 one for 16. `--fp8-param-gather` keeps no weights in half precision beside them
 * (NVIDIA/TransformerEngine pytorch/module/linear.py get_weight_workspace, utils.py is_non_tn_fp8_gemm_supported;
 * NVIDIA/Megatron-LM core/extensions/transformer_engine.py is_first_microbatch).
 */
const weightCopies = ({ precision, conditions }: Training, architecture: AcceleratorArchitecture): number => {
  const replaced = conditions?.lowPrecisionParameters === true ? 2 : 0;
  switch (precision) {
    case 'fp8':
      return (architecture === 'blackwell' ? 1 : 2) - replaced;
    case 'mxfp8':
      return 2 * (1 + 1 / 32) - replaced;
    case 'nvfp4':
      return 2 * (1 / 2 + 1 / 16) - replaced;
    default:
      return 0;
  }
};

/** Megatron-FSDP queues two layers' reductions beside the layer that is computed (062c833 wait_for_previous_grad_reduce). */
const MEGATRON_FSDP_QUEUE = 3;

export const memoryBehaviour = (
  training: Training,
  architecture: AcceleratorArchitecture,
): MemoryBehaviour => {
  const profile = softwareProfile(training);
  const stated = training.conditions ?? {};
  const habit = HABITS[profile];
  const unfused =
    training.attentionKernel === 'unfused' ||
    stated.attention === 'torch' ||
    stated.attention === 'fused-softmax';
  const classic = profile === 'megatron-classic' || profile === 'megatron-deepspeed';
  const dropout = stated.dropout ?? (classic && unfused);
  // BF16_Optimizer accumulates in fp32, FP16_Optimizer in half precision.
  const bf16DeepSpeed = profile === 'megatron-deepspeed' && training.optimizer.gradients === 'fp32';
  const fusedLoss = stated.lossFusion;
  const megatron = profile === 'megatron-core' || profile === 'megatron-fsdp';
  return {
    ...habit,
    startsWhole: stated.startsWhole ?? habit.startsWhole,
    weightCopies: profile === 'megatron-core' ? weightCopies(training, architecture) : 0,
    gated: habit.gated - (stated.recomputeActivation === true ? 2 : 0),
    plain: habit.plain - (stated.recomputeActivation === true ? 2 : 0),
    accumulatesWhole: accumulatesWhole(training),
    gradientBlocks: megatron ? MEGATRON_FSDP_QUEUE : habit.gradientBlocks,
    keepsExpertOutput: !(stated.permuteFusion ?? true),
    ...workspaces(architecture),
    ...(stated.groupedExperts === false ? { groupedConstant: 0 } : {}),
    ...(habit.constant === undefined ? {} : { constant: habit.constant }),
    profile,
    pipelineBound: habit.pipelineBound ?? habit.bound,
    retainsInPipeline: stated.hostRunsAhead ?? true,
    residual: Math.max(habit.residual, dropout ? 2 : 0),
    embedding: Math.max(habit.embedding, dropout ? 1 : 0),
    // The mask and the dropped-out copy of the softmax add three bytes.
    softmax: profile === 'scaling' ? (stated.attention === 'torch' ? 6.6 : 5) : dropout ? 5 : habit.softmax,
    norms: habit.norms + (stated.fusedNorm === false ? 8.5 : 0),
    // In place in half precision; the unfused loss holds a half- and a single-precision copy, `native` a third.
    lossSharded:
      fusedLoss === 'te'
        ? megatron
          ? 2
          : 4
        : fusedLoss === 'native'
          ? 10
          : fusedLoss === 'none' && profile === 'megatron-core'
            ? 6
            : habit.lossSharded,
    // Gathered or whole: logits, their log-softmax and its gradient, 2 B each.
    ...(stated.halfPrecisionLoss === true
      ? { lossSharded: 6, lossWhole: stated.gatheredLogits === true ? 6 : 0 }
      : {}),
    dummyWeightGradients: habit.dummyWeightGradients && (stated.gradientAccumulationFusion ?? true),
    ...(bf16DeepSpeed ? { checkpoint: 1.2, live: 1.2, outside: 11.5 * GIB } : {}),
  };
};
