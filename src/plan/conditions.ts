/**
 * What a particular software stack does that neither Strategy nor Training says. Every field is optional: an absent
 * one means the runtime's own default. Planner's searches leave all of them out; readers of other people's runs fill
 * in what the record tells (framework, release, printed options).
 */

/** A family of software stacks whose kernels and host overheads resemble one another. */
export type SoftwareProfile =
  /** Megatron Core with Transformer Engine: NeMo, Megatron-Bridge, Megatron-LM since 2023. */
  | 'megatron-core'
  /** Megatron-LM of 2020 to 2022 and its forks: fused softmax, no flash attention by default. */
  | 'megatron-classic'
  /** Megatron-DeepSpeed: DeepSpeed's pipeline engine and ZeRO-1 around classic Megatron layers. */
  | 'megatron-deepspeed'
  /** PyTorch layers under a Megatron-like 3D split, loss on gathered logits (Aleph Alpha's Scaling). */
  | 'scaling'
  | 'nanotron'
  | 'torchtitan'
  /** PyTorch FSDP with composer or a plain loop: llm-foundry, fms-fsdp, minGPT. */
  | 'pytorch-fsdp'
  | 'megatron-fsdp'
  /** XLA compilers with sharded parameters: MaxText, PaXML. */
  | 'jax'
  /** A stack of which nothing is known: what the stacks above other than NVIDIA's have in common. */
  | 'generic';

export type AttentionImplementation =
  /** Separate kernels, PyTorch's softmax. */
  | 'torch'
  /** Separate batched GEMMs, one fused scale-mask-softmax kernel. */
  | 'fused-softmax'
  /** FlashAttention written in Triton (attn_impl: triton): its backward adds up dq by atomics. */
  | 'triton'
  | 'flash1'
  | 'flash2'
  | 'flash3'
  /** cuDNN fused attention as Transformer Engine calls it. */
  | 'cudnn';

export interface RunConditions {
  readonly profile?: SoftwareProfile;
  /** The software is not known: the bound on its memory is the most that any of these stacks holds. */
  readonly boundedBy?: readonly SoftwareProfile[];
  /** Month of the software, `YYYY-MM`: kernels and dispatchers got faster between releases. */
  readonly softwareDate?: string;
  readonly attention?: AttentionImplementation;
  /** One kernel for a norm (false: a chain of PyTorch's elementwise kernels). */
  readonly fusedNorm?: boolean;
  /** torch.compile or XLA fuses the elementwise work. */
  readonly compiled?: boolean;
  /** How much of a layer runs inside CUDA graphs. */
  readonly cudaGraphs?: 'none' | 'router' | 'attention' | 'full';
  /** Tokens beyond capacity × balanced load are dropped and buffers padded to it; null or absent: dropless. */
  readonly expertCapacity?: number | null;
  /** Experts run as one grouped GEMM; false: one after the other. */
  readonly groupedExperts?: boolean;
  /** Activation and quantisation of the experts stand in the epilogues of their grouped products (Transformer Engine on Blackwell); absent: no. */
  readonly fusedExperts?: boolean;
  /** Attention multiplies in 8 bits; absent: in bf16. */
  readonly lowPrecisionAttention?: boolean;
  /** The output projection is lowered by the precision recipe too; absent: it stays in bf16. */
  readonly lowPrecisionHead?: boolean;
  /** The loss works on logits gathered over the tensor-parallel group. */
  readonly gatheredLogits?: boolean;
  /** The loss takes logits in half precision as they are. */
  readonly halfPrecisionLoss?: boolean;
  /** Sharded parameters without stages: gradients are reduced with the last micro-batch alone, and whole until then. */
  readonly accumulatesWhole?: boolean;
  /** Hidden and attention dropout as in GPT-3 (their masks are kept). */
  readonly dropout?: boolean;
  /** Selective recomputation by operator: matrix products and attention outputs are kept, the rest recomputed. */
  readonly recomputeOperators?: boolean;
  /** Selective recomputation by layer: every second layer is recomputed in full. */
  readonly recomputeEveryOther?: boolean;
  /** The activation function between the products of a feed-forward block is computed again: its output is not kept. */
  readonly recomputeActivation?: boolean;
  /** Share of the optimizer's states and step on the host, 0 to 1. */
  readonly optimizerOffload?: number;
  /** Decoder layers whose activations wait in host memory. */
  readonly offloadedLayers?: number;
  /** Gradients are reduced by all-reduce although optimizer states are sharded (nanotron's ZeRO-1, DeepSpeed's). */
  readonly gradientAllReduce?: boolean;
  /** Fused cross-entropy: none (half- and single-precision copies), Megatron's own, Transformer Engine's in place. */
  readonly lossFusion?: 'none' | 'native' | 'te';
  /** One kernel sorts tokens by expert, and the router's probability is applied before the second product; absent: yes. */
  readonly permuteFusion?: boolean;
  /** Nanotron with stages: the host keeps ahead of the GPU, so that freed blocks wait for the communication stream; absent: yes. */
  readonly hostRunsAhead?: boolean;
  /** Every rank makes its parameters whole on the GPU before they are sharded; absent: it makes its shards alone. */
  readonly startsWhole?: boolean;
  /** Weights of linears are stored and gathered in the format of the products alone; absent: also in half precision. */
  readonly lowPrecisionParameters?: boolean;
  /** Each parameter steps as its gradient comes, so that no gradient is kept. */
  readonly stepsInBackward?: boolean;
  /** Weight gradients are added to the accumulated ones inside the matrix product; absent: yes. */
  readonly gradientAccumulationFusion?: boolean;
}
