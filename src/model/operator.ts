import type { AttentionSpan } from './model.ts';

/** Part of a layer that recomputation and memory rules speak of. */
export type Module =
  | 'input_norm'
  | 'attention'
  | 'core_attn'
  | 'mla_up_proj'
  | 'post_norm'
  | 'mlp'
  | 'router'
  | 'moe'
  | 'shared_experts'
  | 'mixer'
  /** Additions of a sublayer's output to the residual stream; outside every recomputed module. */
  | 'residual'
  | 'embedding'
  | 'head'
  /** Norms and projection that join the embedding to the hidden state in multi-token prediction. */
  | 'mtp';

/** A matrix product on every token: [tokens, inputs] × [inputs, outputs]. */
export interface Linear {
  readonly kind: 'linear';
  readonly name: string;
  readonly module: Module;
  readonly inputs: number;
  readonly outputs: number;
  /** Elements, bias included, before sharding. */
  readonly parameters: number;
  /**
   * Which dimension tensor parallelism cuts: outputs, inputs, or none. `replicated`: a full copy of the
   * weights on every rank, applied to the rank's own tokens (fewer only with sequence parallelism).
   */
  readonly sharding: 'column' | 'row' | 'replicated';
  /** False where the precision recipe keeps bf16 (router, latent down-projections where stated). */
  readonly lowPrecision: boolean;
}

/** The same product for each routed expert on the tokens sent to it; expert tensor parallelism cuts it. */
export interface GroupedLinear {
  readonly kind: 'grouped-linear';
  readonly name: string;
  readonly module: 'moe';
  readonly experts: number;
  /** Mean routed copies of a token that reach an expert with weights; a fraction with zero-computation experts. */
  readonly topK: number;
  /** Experts in `count` groups, of which a token uses `limit`; absent: any experts. */
  readonly groups?: { readonly count: number; readonly limit: number };
  readonly inputs: number;
  readonly outputs: number;
  readonly parameters: number;
  readonly sharding: 'column' | 'row';
}

/** softmax(QK)V over the attended tokens. */
export interface CoreAttention {
  readonly kind: 'core-attention';
  readonly name: string;
  readonly module: 'core_attn';
  readonly heads: number;
  readonly kvHeads: number;
  readonly queryKeyDim: number;
  readonly valueDim: number;
  readonly span: AttentionSpan;
  /** Tokens that a sparse-attention indexer leaves (null: all of the span). */
  readonly topK: number | null;
  readonly sinks: boolean;
  /** True for a sparse-attention indexer: every tensor-parallel rank scores all its heads. Absent: heads are cut. */
  readonly replicated?: true;
  /** Sink logits, 0 where there are none. */
  readonly parameters: number;
}

/** A linear-time token mixer: chunked scan of Gated DeltaNet or Mamba-2. */
export interface Recurrence {
  readonly kind: 'recurrence';
  readonly name: string;
  readonly module: 'mixer';
  readonly heads: number;
  /** Forward, before sharding over tensor parallelism. */
  readonly flopsPerToken: number;
  /** Forward traffic in bytes (2-byte activations), before sharding. */
  readonly bytesPerToken: number;
  readonly parameters: number;
}

/** Work bound by memory traffic: norms, residuals, activation functions, rope, permutation. */
export interface Pointwise {
  readonly kind: 'pointwise';
  readonly name: string;
  readonly module: Module;
  /** Elements per token that the kernel touches (its own width, before sharding). */
  readonly width: number;
  /** Traffic per token (per routed copy where sharding is `expert`) in bytes, fused kernels, 2-byte activations. */
  readonly forwardBytes: number;
  readonly backwardBytes: number;
  /**
   * tensor: cut by tensor parallelism; sequence: only with sequence parallelism, parameters replicated; expert:
   * once per routed copy, the copies of the tokens of an expert-parallel × expert-tensor group shared evenly.
   */
  readonly sharding: 'tensor' | 'sequence' | 'expert';
  /** Work that no stack fuses: the bytes are those of PyTorch's kernels one by one. Absent: fused where the stack fuses. */
  readonly unfused?: true;
  readonly parameters: number;
}

export type Operator = Linear | GroupedLinear | CoreAttention | Recurrence | Pointwise;
