/** What a transformer-like language model is made of, apart from how it is split. */

/** Which earlier tokens a token attends to. */
export type AttentionSpan =
  | { readonly kind: 'full' }
  /** The last `window` tokens. */
  | { readonly kind: 'window'; readonly window: number }
  /** The last `window` tokens and the first `sink` ones (LongGen and kin). */
  | { readonly kind: 'sparse'; readonly window: number; readonly sink: number };

/** Multi-head, grouped-query or multi-query attention. */
export interface Attention {
  readonly kind: 'attention';
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly qkvBias: boolean;
  readonly outputBias: boolean;
  /** RMSNorm on q and k: none, one vector of headDim each, or one over the whole projection. */
  readonly qkNorm: 'none' | 'head' | 'projection';
  /** Sigmoid gate on the attention output (Qwen3-Next): q projection twice as wide. */
  readonly outputGate: boolean;
  /** One learned sink logit per head (gpt-oss). */
  readonly sinks: boolean;
  /** Value projection shared with the key projection (Gemma 4 global layers). */
  readonly sharedKeyValue: boolean;
  readonly span: AttentionSpan;
}

/** Multi-head latent attention (DeepSeek V2 and later). */
export interface LatentAttention {
  readonly kind: 'latent-attention';
  readonly heads: number;
  /** null: q is projected directly. */
  readonly queryRank: number | null;
  readonly kvRank: number;
  readonly nopeHeadDim: number;
  readonly ropeHeadDim: number;
  readonly valueHeadDim: number;
  /** Sparse-attention indexer (DeepSeek V3.2, GLM-5): each token attends to `topK` tokens. */
  readonly indexer: { readonly heads: number; readonly headDim: number; readonly topK: number } | null;
  /** Sigmoid gate on the attention output (Kimi K3). Absent: none. */
  readonly outputGate?: true;
}

/** Gated DeltaNet linear attention (Qwen3-Next), and Kimi Delta Attention, which refines its decay. */
export interface GatedDeltaNet {
  readonly kind: 'gated-delta-net';
  readonly keyHeads: number;
  readonly valueHeads: number;
  readonly keyHeadDim: number;
  readonly valueHeadDim: number;
  readonly convolution: number;
  /**
   * Kimi Delta Attention: the decay is per key channel, from a projection of this rank, and so is the output gate
   * (gateRank null: a full projection). Absent: a decay per value head and a full gate.
   */
  readonly channelDecay?: { readonly rank: number; readonly gateRank: number | null };
}

/** Mamba-2 state-space layer (Nemotron hybrids). */
export interface Mamba2 {
  readonly kind: 'mamba2';
  readonly heads: number;
  readonly headDim: number;
  readonly state: number;
  readonly groups: number;
  readonly convolution: number;
  readonly chunk: number;
  /** Bias of the convolution; absent: yes. */
  readonly convolutionBias?: boolean;
}

export type Mixer = Attention | LatentAttention | GatedDeltaNet | Mamba2 | { readonly kind: 'none' };

export interface DenseFeedForward {
  readonly kind: 'dense';
  readonly width: number;
  /** SwiGLU or GeGLU: three matrices in place of two. */
  readonly gated: boolean;
  readonly bias: boolean;
}

export interface MoeFeedForward {
  readonly kind: 'moe';
  readonly experts: number;
  readonly topK: number;
  readonly expertWidth: number;
  readonly gated: boolean;
  readonly bias: boolean;
  /** Both halves of the gated product are clamped before the activation (gpt-oss). Absent: they are not. */
  readonly clamped?: true;
  /** Total width of the shared experts, 0 for none. */
  readonly sharedWidth: number;
  /** Qwen: a sigmoid gate of width 1 on the shared expert. */
  readonly sharedGate: boolean;
  /** Bias or correction term of the router, one per expert. */
  readonly routerBias: boolean;
  /** Latent MoE: experts work on this width, with a projection down and up; null: on the hidden width. */
  readonly latent: number | null;
  /** A norm on the latent sum of the experts (Kimi K3). Absent: none. */
  readonly latentNorm?: true;
  /** MoE++: experts that compute nothing (zero, copy, constant), present on every GPU. */
  readonly zeroComputationExperts: number;
  /** Node-limited routing: experts in `count` groups, of which `limit` are used by a token. */
  readonly groups: { readonly count: number; readonly limit: number } | null;
  /** A dense MLP beside the experts in the same layer (Gemma 4, Arctic); 0 for none. */
  readonly parallelDenseWidth: number;
}

export type FeedForward = DenseFeedForward | MoeFeedForward | { readonly kind: 'none' };

/** One distinct kind of decoder layer. */
export interface LayerKind {
  /** `attention+dense`, `latent-attention+moe`, `mamba2`, …; unique within a model. */
  readonly name: string;
  readonly mixer: Mixer;
  readonly feedForward: FeedForward;
  /** Norm vectors of the hidden width in the layer (2 in Llama, 4 in Gemma 2/3 sandwich norms). */
  readonly norms: number;
}

export interface Model {
  readonly name: string;
  /** Architecture name, as in Hugging Face config.json. */
  readonly modelType: string;
  readonly hidden: number;
  readonly vocabularySize: number;
  readonly tiedEmbeddings: boolean;
  readonly positions:
    /** `scaled`: sines and cosines are multiplied by YaRN's attention factor, as gpt-oss's are; absent: not. */
    | { readonly kind: 'rope'; readonly scaled?: true }
    | { readonly kind: 'none' }
    | { readonly kind: 'learned'; readonly count: number };
  readonly normalization: 'rmsnorm' | 'layernorm';
  /** Whether norms have a bias vector; absent: layernorm has, rmsnorm has not. */
  readonly normalizationBias?: boolean;
  /** A norm right after the embedding (BLOOM). Absent: none. */
  readonly embeddingNorm?: boolean;
  /** A norm before the head; absent: yes. */
  readonly finalNorm?: boolean;
  /** A bias on the logits (Phi-2, GPT-J). Absent: none. */
  readonly headBias?: boolean;
  /** Distinct kinds of decoder layers. */
  readonly kinds: readonly LayerKind[];
  /** Decoder layers in order, each an index into `kinds`. */
  readonly layers: readonly number[];
  /** Multi-token prediction modules after the decoder: `layers` of kind `kind`. */
  readonly multiTokenPrediction: { readonly layers: number; readonly kind: number } | null;
  /** What the description leaves out, one sentence each (a vision tower, per-layer embeddings, …). */
  readonly omitted: readonly string[];
}
