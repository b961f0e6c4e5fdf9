/** The dimensions of a record → a model. Where a dimension is absent, the family's habit stands in and is said. */
import type { RecordedModel, RunConfiguration } from '../../ingest/measured-configuration.ts';
import type {
  Attention,
  AttentionSpan,
  FeedForward,
  LatentAttention,
  LayerKind,
  Mixer,
  Model,
  MoeFeedForward,
} from '../../model/model.ts';
import { hybridMix } from './hybrid.ts';
import { familyOf } from './model-family.ts';
import type { ModelFamily } from './model-family.ts';

export type RecordedResult<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly reason: string };

interface Dimensions {
  readonly layers: number;
  readonly hidden: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly ffn: number;
  readonly gated: boolean;
}

const dimensions = (
  recorded: RecordedModel,
  family: ModelFamily,
  assumptions: string[],
): Dimensions | null => {
  const { layers, hidden } = recorded;
  if (layers === null || hidden === null) return null;
  const assume = (what: string, value: number): number => {
    assumptions.push(`${what} not recorded: ${value}`);
    return value;
  };
  const heads = recorded.heads ?? assume('attention heads', Math.max(1, Math.round(hidden / 128)));
  const gated = recorded.gated ?? family.gated;
  const ffn =
    recorded.ffn ??
    recorded.expertWidth ??
    assume('feed-forward width', gated ? Math.ceil((8 * hidden) / 3 / 256) * 256 : 4 * hidden);
  return {
    layers,
    hidden,
    heads,
    kvHeads: Math.min(recorded.kvHeads ?? heads, heads),
    headDim: recorded.headDim ?? Math.max(1, Math.round(hidden / heads)),
    ffn,
    gated,
  };
};

const attentionOf = (size: Dimensions, family: ModelFamily, span: AttentionSpan): Attention => ({
  kind: 'attention',
  heads: size.heads,
  kvHeads: size.kvHeads,
  headDim: size.headDim,
  qkvBias: family.qkvBias,
  outputBias: family.outputBias,
  qkNorm: family.qkNorm,
  outputGate: family.linear,
  sinks: family.sinks,
  sharedKeyValue: false,
  span,
});

/** DeepSeek-V3.2's sparse-attention indexer (its config.json). */
const SPARSE_INDEXER = { heads: 64, headDim: 128, topK: 2048 };

/** Qwen3-Next's linear mixer (its config.json): the record has no keys for it. */
const DELTA_NET: Mixer = {
  kind: 'gated-delta-net',
  keyHeads: 16,
  valueHeads: 32,
  keyHeadDim: 128,
  valueHeadDim: 128,
  convolution: 4,
};

const latentOf = (recorded: RecordedModel, size: Dimensions): LatentAttention | null =>
  recorded.latent === null
    ? null
    : {
        kind: 'latent-attention',
        heads: size.heads,
        ...recorded.latent,
        indexer: /v3\.2/i.test(recorded.name) ? SPARSE_INDEXER : null,
      };

const expertsOf = (
  recorded: RecordedModel,
  size: Dimensions,
  family: ModelFamily,
  latent: number | null,
): MoeFeedForward | null =>
  recorded.experts === null || recorded.experts < 2
    ? null
    : {
        kind: 'moe',
        experts: recorded.experts,
        topK: Math.min(recorded.topK ?? 2, recorded.experts),
        expertWidth: recorded.expertWidth ?? size.ffn,
        gated: size.gated,
        bias: family.expertBias,
        ...(family.modelType === 'gpt_oss' ? { clamped: true as const } : {}),
        sharedWidth: recorded.sharedWidth ?? 0,
        sharedGate: family.sharedGate && (recorded.sharedWidth ?? 0) > 0,
        routerBias: family.routerBias,
        latent,
        zeroComputationExperts: 0,
        groups: family.groups,
        parallelDenseWidth: 0,
      };

class Kinds {
  readonly kinds: LayerKind[] = [];

  /** Index of the kind of that name, made when it is new. */
  of(name: string, mixer: Mixer, feedForward: FeedForward, norms: number): number {
    const known = this.kinds.findIndex((kind) => kind.name === name);
    if (known >= 0) return known;
    this.kinds.push({ name, mixer, feedForward, norms });
    return this.kinds.length - 1;
  }
}

const hybridLayers = (
  recorded: RecordedModel,
  size: Dimensions,
  family: ModelFamily,
  kinds: Kinds,
  assumptions: string[],
): number[] => {
  const mix = hybridMix(recorded.name, size.layers, size.hidden, recorded.experts !== null);
  if (mix.assumption !== null) assumptions.push(mix.assumption);
  const none = { kind: 'none' } as const;
  const moe = expertsOf(recorded, size, family, mix.latent);
  return mix.pattern.map((letter) => {
    switch (letter) {
      case 'M':
        return kinds.of('mamba2', mix.mamba, none, 1);
      case '*':
        return kinds.of('attention', attentionOf(size, family, { kind: 'full' }), none, 1);
      case 'E':
        if (moe !== null) return kinds.of('moe', none, moe, 1);
        return kinds.of('dense', none, { kind: 'dense', width: size.ffn, gated: size.gated, bias: false }, 1);
      case '-':
        return kinds.of('dense', none, { kind: 'dense', width: size.ffn, gated: size.gated, bias: false }, 1);
    }
  });
};

const transformerLayers = (
  recorded: RecordedModel,
  size: Dimensions,
  family: ModelFamily,
  kinds: Kinds,
): number[] => {
  const latent = latentOf(recorded, size);
  const moe = expertsOf(recorded, size, family, null);
  const dense: FeedForward = {
    kind: 'dense',
    width: size.ffn,
    gated: size.gated,
    bias: family.feedForwardBias,
  };
  const every = recorded.moeEvery ?? 1;
  return Array.from({ length: size.layers }, (_, i) => {
    const between = latent === null && (i + 1) % family.fullEvery !== 0;
    const window = between ? family.window : null;
    const span: AttentionSpan = window === null ? { kind: 'full' } : { kind: 'window', window };
    const mixer = latent ?? (between && family.linear ? DELTA_NET : attentionOf(size, family, span));
    const expert = moe !== null && i >= (recorded.denseLayers ?? 0) && (i + 1) % every === 0;
    const name = `${window === null ? '' : 'window-'}${mixer.kind}+${expert ? 'moe' : 'dense'}`;
    return kinds.of(name, mixer, expert ? moe : dense, 2);
  });
};

const mtpLayers = ({ model, title }: RunConfiguration, family: ModelFamily): number => {
  if (model.mtpLayers !== null) return model.mtpLayers;
  const variant = (model.variant ?? '').toLowerCase();
  if (/w\/o mtp|no mtp|without mtp/.test(variant)) return 0;
  // NVIDIA's recipes train the published multi-token-prediction module with the model.
  return family.mtp && /nemo|megatron-bridge|dgx|megatron core|mcore/i.test(title) ? 1 : 0;
};

const positionsOf = (family: ModelFamily, sequence: number): Model['positions'] => {
  if (family.positions === 'learned') return { kind: 'learned', count: sequence };
  return family.modelType === 'gpt_oss' ? { kind: 'rope', scaled: true } : { kind: family.positions };
};

/** Bytes of learned positions matter little; families without rope and without a table (ALiBi) have none. */
export const modelOf = (
  configuration: RunConfiguration,
  sequence: number,
  assumptions: string[],
): RecordedResult<Model> => {
  const recorded = configuration.model;
  const family = familyOf(recorded, configuration.title);
  const size = dimensions(recorded, family, assumptions);
  if (size === null)
    return { ok: false, reason: `dimensions of the model ${recorded.name.slice(0, 60)} are not recorded` };
  if (recorded.vocabulary === null) assumptions.push(`vocabulary not recorded: ${family.vocabulary}`);
  const kinds = new Kinds();
  const layers = /hybrid|mamba/.test(recorded.arch)
    ? hybridLayers(recorded, size, family, kinds, assumptions)
    : transformerLayers(recorded, size, family, kinds);
  const mtp = mtpLayers(configuration, family);
  return {
    ok: true,
    value: {
      name: recorded.name,
      modelType: family.modelType,
      hidden: size.hidden,
      vocabularySize: recorded.vocabulary ?? family.vocabulary,
      tiedEmbeddings: recorded.tied ?? family.tied,
      positions: positionsOf(family, sequence),
      normalization: family.normalization,
      kinds: kinds.kinds,
      layers,
      multiTokenPrediction: mtp > 0 ? { layers: mtp, kind: layers.at(-1) ?? 0 } : null,
      omitted: [],
    },
  };
};
