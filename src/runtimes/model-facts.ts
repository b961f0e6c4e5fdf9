import type {
  Attention,
  GatedDeltaNet,
  LatentAttention,
  Mamba2,
  Model,
  MoeFeedForward,
} from '../model/model.ts';

/** What rules and writers ask of a model, gathered once: its kinds that occur, by part. */
export interface ModelFacts {
  readonly layers: number;
  readonly attention: readonly Attention[];
  readonly latent: readonly LatentAttention[];
  readonly deltaNet: readonly GatedDeltaNet[];
  readonly mamba: readonly Mamba2[];
  readonly moe: readonly MoeFeedForward[];
  /** Layers of which one half is missing (mixer or feed-forward alone), or Mamba: Megatron's hybrid stack. */
  readonly hybrid: boolean;
  readonly mtpLayers: number;
}

const cache = new WeakMap<Model, ModelFacts>();

const gather = (model: Model): ModelFacts => {
  const used = new Set(model.layers);
  if (model.multiTokenPrediction !== null) used.add(model.multiTokenPrediction.kind);
  const kinds = model.kinds.filter((_, index) => used.has(index));
  const mixers = kinds.map((kind) => kind.mixer);
  return {
    layers: model.layers.length,
    attention: mixers.filter((mixer) => mixer.kind === 'attention'),
    latent: mixers.filter((mixer) => mixer.kind === 'latent-attention'),
    deltaNet: mixers.filter((mixer) => mixer.kind === 'gated-delta-net'),
    mamba: mixers.filter((mixer) => mixer.kind === 'mamba2'),
    moe: kinds.map((kind) => kind.feedForward).filter((feedForward) => feedForward.kind === 'moe'),
    hybrid: kinds.some((kind) => kind.mixer.kind === 'none' || kind.feedForward.kind === 'none'),
    mtpLayers: model.multiTokenPrediction?.layers ?? 0,
  };
};

/** Memoised by identity: models are immutable, and a search asks millions of times. */
export const modelFacts = (model: Model): ModelFacts => {
  const known = cache.get(model);
  if (known !== undefined) return known;
  const facts = gather(model);
  cache.set(model, facts);
  return facts;
};

export const hasExperts = (model: Model): boolean => modelFacts(model).moe.length > 0;
