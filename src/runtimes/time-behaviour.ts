/**
 * What a software stack does in which order, as far as time is concerned: which kernels it calls, what it hides
 * behind what. Facts by profile; the numbers that measurements fix stand in the calibration.
 */
import type { AcceleratorArchitecture } from '../cluster/cluster.ts';
import type { AttentionImplementation, RunConditions, SoftwareProfile } from '../plan/conditions.ts';
import type { RuntimeName, Training } from '../plan/problem.ts';
import { compareVersions } from './version.ts';

/** Attention kernels by rate: unfused ones with PyTorch's or a fused softmax, and the generations of fused ones. */
export type AttentionKernelKind =
  'torch' | 'fused-softmax' | 'triton' | 'flash1' | 'flash2' | 'flash3' | 'cudnn' | 'cudnn-v9';

/**
 * Sharded parameters, without and with stages: gradients are reduced with the last micro-batch alone, whole and in single
 * precision until then; with stages the weights stay whole, too.
 */
export interface WholeAccumulation {
  readonly one: boolean;
  readonly more: boolean;
}

export interface TimeBehaviour {
  readonly profile: SoftwareProfile;
  readonly attention: AttentionKernelKind;
  /** Dropout on attention, hidden state and residual. */
  readonly dropout: boolean;
  readonly fusedNorm: boolean;
  /** A compiler, or hand-written fused kernels, merge the elementwise work. */
  readonly compiled: boolean;
  /** Around a fused attention kernel queries, keys, values and outputs are copied between sequence-first and batch-first. */
  readonly copiesAttention: boolean;
  /** The loss works on logits gathered over the tensor-parallel group. */
  readonly gatheredLogits: boolean;
  /**
   * Tensor-parallel passes over the hidden state of one layer: gathers and scatters with sequence parallelism, half
   * all-reduces without. Backward may gather a linear's input again for its weight gradient.
   */
  readonly tensorPasses: {
    readonly forward: number;
    readonly backwardSequence: number;
    readonly backward: number;
  };
  /** Tensor-parallel passes of backward that run beside matrix products: none, those of all-reduces, all of them. */
  readonly hiddenBackward: 'none' | 'all-reduce' | 'all';
  /** With sequence parallelism exchanges run beside the product that does not need them, and wait for no other. */
  readonly besideProducts: boolean;
  /** Stage transfers carry 1/tensor of the hidden state, gathered over the node's links on arrival. */
  readonly scattersTransfers: boolean;
  /** The sender waits for the transfer. */
  readonly blockingTransfers: boolean;
  /** Re-entrance-free checkpointing stops as soon as it has what it needs: the last linear of a block is not recomputed. */
  readonly checkpointStopsEarly: boolean;
  readonly cudaGraphs: 'none' | 'router' | 'attention' | 'full';
  /** Tokens over capacity are dropped and buffers padded; null: dropless. */
  readonly expertCapacity: number | null;
  /** Local experts run one after the other, each as an MLP of its own. */
  readonly sequentialExperts: boolean;
  /** Activation and quantisation of the experts happen in the epilogues of their products. */
  readonly fusedExperts: boolean;
  readonly lowPrecisionAttention: boolean;
  readonly lowPrecisionHead: boolean;
  readonly recomputeOperators: boolean;
  readonly recomputeActivation: boolean;
  readonly recomputeEveryOther: boolean;
  /** Gradients are reduced by all-reduce even where optimizer states are sharded. */
  readonly gradientAllReduce: boolean;
  /** Bytes of weights whose gradients are reduced together where no states are sharded. */
  readonly bucketBytes: number;
  /** Sharded dense and expert parameters travel at the same time, each over a communicator of its own. */
  readonly exchangesGroupsTogether: boolean;
  readonly accumulatesWhole: WholeAccumulation;
  /** Share of the optimizer step that runs on the host. */
  readonly optimizerOffload: number;
}

type Facts = Pick<
  TimeBehaviour,
  | 'dropout'
  | 'fusedNorm'
  | 'compiled'
  | 'copiesAttention'
  | 'gatheredLogits'
  | 'tensorPasses'
  | 'hiddenBackward'
  | 'besideProducts'
  | 'scattersTransfers'
  | 'blockingTransfers'
  | 'checkpointStopsEarly'
  | 'gradientAllReduce'
  | 'bucketBytes'
  | 'exchangesGroupsTogether'
  | 'accumulatesWhole'
>;

const base: Facts = {
  dropout: false,
  fusedNorm: true,
  compiled: true,
  copiesAttention: false,
  gatheredLogits: false,
  tensorPasses: { forward: 4, backward: 4, backwardSequence: 6 },
  hiddenBackward: 'none',
  besideProducts: false,
  scattersTransfers: true,
  blockingTransfers: false,
  checkpointStopsEarly: false,
  gradientAllReduce: false,
  // Megatron's buckets of 40 million parameters and more (core/distributed/distributed_data_parallel.py) lose nothing to latency.
  bucketBytes: Infinity,
  // PyTorch's FSDP gathers all groups on one stream, DeepSpeed too.
  exchangesGroupsTogether: false,
  accumulatesWhole: { one: false, more: false },
};

/**
 * PyTorch's pipeline stages switch resharding and reduction off but for the last micro-batch (pytorch @ 0138610
 * torch/distributed/pipelining/stage.py, backward_maybe_with_nosync; torchtitan does not reshard after forward, either).
 */
const PYTORCH_STAGES: WholeAccumulation = { one: false, more: true };

/** Sources: the runtimes' code as read in DeepSpeed @ edaa722, Nanotron @ 67c5ebb6 and 0e0a27ea, Megatron-LM @ d98e8a6. */
const facts: Readonly<Record<SoftwareProfile, Facts>> = {
  'megatron-core': { ...base, hiddenBackward: 'all-reduce', exchangesGroupsTogether: true },
  // Fused attention in sequence-first layers: NVIDIA/Megatron-LM of 2023, megatron/model/transformer.py, ParallelAttention.
  'megatron-classic': { ...base, dropout: true, gradientAllReduce: true, copiesAttention: true },
  // DeepSpeed's pipeline engine: transfers partitioned over tensor ranks, one gradient reduction at the end.
  'megatron-deepspeed': { ...base, dropout: true, copiesAttention: true },
  scaling: { ...base, compiled: false, gatheredLogits: true },
  // Column linears gather their input again in backward; sends carry metadata first and block.
  nanotron: {
    ...base,
    // PyTorch's DDP counts its buckets of 25 MiB in weights (config_tiny_llama_bench.yaml: bucket_cap_mb).
    bucketBytes: 25 * 2 ** 20,
    compiled: false,
    copiesAttention: true,
    blockingTransfers: true,
    scattersTransfers: false,
    besideProducts: true,
  },
  torchtitan: {
    ...base,
    scattersTransfers: false,
    checkpointStopsEarly: true,
    accumulatesWhole: PYTORCH_STAGES,
  },
  'pytorch-fsdp': {
    ...base,
    compiled: false,
    scattersTransfers: false,
    checkpointStopsEarly: true,
    accumulatesWhole: PYTORCH_STAGES,
  },
  'megatron-fsdp': { ...base, hiddenBackward: 'all-reduce', exchangesGroupsTogether: true },
  jax: { ...base, scattersTransfers: false },
  // Most stacks run PyTorch's kernels one by one.
  generic: { ...base, compiled: false, scattersTransfers: false },
};

const defaultProfile: Readonly<Record<RuntimeName, SoftwareProfile>> = {
  megatron: 'megatron-core',
  torchtitan: 'torchtitan',
  nanotron: 'nanotron',
  deepspeed: 'megatron-deepspeed',
  fsdp: 'pytorch-fsdp',
};

export const softwareProfile = (training: Training): SoftwareProfile =>
  training.conditions?.profile ?? defaultProfile[training.runtime.name];

/** Transformer Engine took over cuDNN 9's attention kernels in NeMo 24.09 = Megatron Core 0.9. */
const hasCudnn9 = (training: Training): boolean => {
  const date = training.conditions?.softwareDate;
  if (date !== undefined) return date >= '2024-09';
  return training.runtime.name !== 'megatron' || compareVersions(training.runtime.version, '0.9') >= 0;
};

const usesTransformerEngine = (profile: SoftwareProfile): boolean =>
  profile === 'megatron-core' || profile === 'megatron-fsdp' || profile === 'jax';

const attentionKernel = (
  training: Training,
  profile: SoftwareProfile,
  architecture: AcceleratorArchitecture,
  stated: AttentionImplementation | undefined,
): AttentionKernelKind => {
  if (stated !== undefined && stated !== 'cudnn') return stated;
  const cudnn = hasCudnn9(training) ? 'cudnn-v9' : 'cudnn';
  if (stated === 'cudnn') return cudnn;
  if (training.attentionKernel === 'unfused')
    return profile === 'scaling' || profile === 'pytorch-fsdp' ? 'torch' : 'fused-softmax';
  const modern = architecture === 'hopper' || architecture === 'blackwell';
  return usesTransformerEngine(profile) && modern ? cudnn : training.attentionKernel;
};

/** Megatron-LM of 2022 runs the all-reduces of backward beside the weight-gradient product; before, nothing hides them. */
const hiddenBackward = (training: Training, profile: SoftwareProfile): TimeBehaviour['hiddenBackward'] =>
  profile === 'megatron-classic' && (training.conditions?.softwareDate ?? '') >= '2022'
    ? 'all'
    : facts[profile].hiddenBackward;

export const accumulatesWhole = (training: Training): WholeAccumulation => {
  const habit = facts[softwareProfile(training)].accumulatesWhole;
  return { ...habit, one: training.conditions?.accumulatesWhole ?? habit.one };
};

/** What the training's stack does on an accelerator; what its conditions state wins over the profile's habit. */
export const timeBehaviour = (training: Training, architecture: AcceleratorArchitecture): TimeBehaviour => {
  const profile = softwareProfile(training);
  const habit = facts[profile];
  const stated: RunConditions = training.conditions ?? {};
  const fused = training.attentionKernel !== 'unfused';
  return {
    profile,
    ...habit,
    hiddenBackward: hiddenBackward(training, profile),
    attention: attentionKernel(training, profile, architecture, stated.attention),
    dropout: stated.dropout ?? (habit.dropout && !fused),
    fusedNorm: stated.fusedNorm ?? habit.fusedNorm,
    compiled: stated.compiled ?? habit.compiled,
    gatheredLogits: stated.gatheredLogits ?? habit.gatheredLogits,
    gradientAllReduce: stated.gradientAllReduce ?? habit.gradientAllReduce,
    cudaGraphs: stated.cudaGraphs ?? 'none',
    expertCapacity: stated.expertCapacity ?? null,
    sequentialExperts: stated.groupedExperts === false,
    fusedExperts: stated.fusedExperts ?? false,
    lowPrecisionAttention: stated.lowPrecisionAttention ?? false,
    lowPrecisionHead: stated.lowPrecisionHead ?? false,
    accumulatesWhole: accumulatesWhole(training),
    recomputeOperators: stated.recomputeOperators ?? false,
    recomputeActivation: stated.recomputeActivation ?? false,
    recomputeEveryOther: stated.recomputeEveryOther ?? false,
    optimizerOffload: stated.optimizerOffload ?? 0,
  };
};
