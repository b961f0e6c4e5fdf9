import type { FeedForward, LayerKind, Mixer, Model } from '../../model/model.ts';
import { has, integerOf, listOf, textOf } from './arguments.ts';
import type { ArgumentMap } from './arguments.ts';
import { parsePattern } from './patterns.ts';

/** Layers as the flags count them; 0 when they do not say. */
export const layersOf = (given: ArgumentMap): number => {
  const pattern = hybridPattern(given);
  return integerOf(given, '--num-layers') ?? integerOf(given, '--encoder-num-layers') ?? pattern?.length ?? 0;
};

/** Letters of the decoder in a hybrid pattern, stage marks removed; null for other models. */
export const hybridPattern = (given: ArgumentMap): string | null => {
  const text = textOf(given, '--hybrid-layer-pattern') ?? textOf(given, '--hybrid-override-pattern');
  return text === null ? null : (text.split('/')[0] ?? '').replaceAll('|', '');
};

const latentMixer = (given: ArgumentMap, heads: number): Mixer => ({
  kind: 'latent-attention',
  heads,
  queryRank: integerOf(given, '--q-lora-rank'),
  kvRank: integerOf(given, '--kv-lora-rank') ?? 32,
  nopeHeadDim: integerOf(given, '--qk-head-dim') ?? 128,
  ropeHeadDim: integerOf(given, '--qk-pos-emb-head-dim') ?? 64,
  valueHeadDim: integerOf(given, '--v-head-dim') ?? 128,
  indexer:
    textOf(given, '--experimental-attention-variant') === 'dsa'
      ? {
          heads: integerOf(given, '--dsa-indexer-n-heads') ?? heads,
          headDim: integerOf(given, '--dsa-indexer-head-dim') ?? 128,
          topK: integerOf(given, '--dsa-indexer-topk') ?? 2048,
        }
      : null,
});

const bias = (given: ArgumentMap): boolean => !has(given, '--disable-bias-linear');

const attentionMixer = (given: ArgumentMap, heads: number, hidden: number, window: number | null): Mixer => ({
  kind: 'attention',
  heads,
  kvHeads: has(given, '--group-query-attention') ? (integerOf(given, '--num-query-groups') ?? 1) : heads,
  headDim: integerOf(given, '--kv-channels') ?? hidden / heads,
  qkvBias: bias(given) || has(given, '--add-qkv-bias'),
  outputBias: bias(given),
  qkNorm: has(given, '--qk-layernorm') ? 'head' : 'none',
  outputGate: has(given, '--attention-output-gate'),
  sinks: (textOf(given, '--softmax-type') ?? 'vanilla') !== 'vanilla',
  sharedKeyValue: false,
  span: window === null ? { kind: 'full' } : { kind: 'window', window },
});

const gated = (given: ArgumentMap): boolean => has(given, '--swiglu') || has(given, '--quick-geglu');

const denseFeedForward = (given: ArgumentMap, hidden: number): FeedForward => ({
  kind: 'dense',
  // arguments.py: two thirds of 4 × hidden in multiples of 64 with SwiGLU, 4 × hidden without.
  width:
    integerOf(given, '--ffn-hidden-size') ??
    (has(given, '--swiglu') ? Math.floor((4 * hidden * 2) / 3 / 64) * 64 : 4 * hidden),
  gated: gated(given),
  bias: bias(given),
});

const moeFeedForward = (given: ArgumentMap, hidden: number, experts: number): FeedForward => {
  const dense = denseFeedForward(given, hidden);
  const groups = integerOf(given, '--moe-router-num-groups');
  const limit = integerOf(given, '--moe-router-group-topk');
  return {
    kind: 'moe',
    experts,
    topK: integerOf(given, '--moe-router-topk') ?? 2,
    expertWidth: integerOf(given, '--moe-ffn-hidden-size') ?? (dense.kind === 'dense' ? dense.width : 0),
    gated: gated(given),
    bias: bias(given),
    sharedWidth: integerOf(given, '--moe-shared-expert-intermediate-size') ?? 0,
    sharedGate: has(given, '--moe-shared-expert-gate'),
    routerBias: has(given, '--moe-router-enable-expert-bias'),
    latent: integerOf(given, '--moe-latent-size'),
    zeroComputationExperts: 0,
    // Groups without a limit limit nothing.
    groups: groups === null || limit === null || limit < 1 ? null : { count: groups, limit },
    parallelDenseWidth: 0,
  };
};

/** Which layers a frequency or list flag marks; `every` tells what an integer means for the flag. */
const marks = (
  text: string | null,
  layers: number,
  every: (layer: number, frequency: number) => boolean,
): readonly boolean[] | null => {
  if (text === null) return null;
  const frequency = /^\d+$/u.test(text) ? Number(text) : null;
  if (frequency !== null && frequency >= 1)
    return Array.from({ length: layers }, (_, layer) => every(layer, frequency));
  return parsePattern(text);
};

const hybridKind = (
  letter: string,
  attention: Mixer,
  dense: FeedForward,
  moe: FeedForward,
  mamba: Mixer,
): LayerKind => {
  const none = { kind: 'none' } as const;
  if (letter === 'M') return { name: 'mamba2', mixer: mamba, feedForward: none, norms: 1 };
  if (letter === '*') return { name: 'attention', mixer: attention, feedForward: none, norms: 1 };
  if (letter === 'E') return { name: 'moe', mixer: none, feedForward: moe, norms: 1 };
  return { name: 'dense', mixer: none, feedForward: dense, norms: 1 };
};

/**
 * The model that the flags describe: enough for rules and costs. Null when layers, hidden size or heads are missing or
 * no counts. Default values are those of Megatron's dataclasses at mcore 0.20.
 */
export const readModel = (given: ArgumentMap): Model | null => {
  const layers = layersOf(given);
  const hidden = integerOf(given, '--hidden-size');
  const heads = integerOf(given, '--num-attention-heads');
  if (hidden === null || heads === null || layers < 1 || layers > 100_000 || hidden < 1 || heads < 1)
    return null;
  const experts = integerOf(given, '--num-experts');
  const dense = denseFeedForward(given, hidden);
  const moe = experts === null || experts < 1 ? dense : moeFeedForward(given, hidden, experts);
  const windowText = listOf(given, '--window-size')[0]?.match(/\d+/u)?.[0];
  const window = windowText === undefined ? null : Number(windowText);
  const latent = has(given, '--multi-latent-attention');
  const full = latent ? latentMixer(given, heads) : attentionMixer(given, heads, hidden, null);
  const mamba: Mixer = {
    kind: 'mamba2',
    headDim: integerOf(given, '--mamba-head-dim') ?? 64,
    heads:
      integerOf(given, '--mamba-num-heads') ?? (2 * hidden) / (integerOf(given, '--mamba-head-dim') ?? 64),
    state: integerOf(given, '--mamba-state-dim') ?? 128,
    groups: integerOf(given, '--mamba-num-groups') ?? 8,
    convolution: 4,
    chunk: 128,
  };
  const deltaNet: Mixer = {
    kind: 'gated-delta-net',
    keyHeads: integerOf(given, '--linear-num-key-heads') ?? 16,
    valueHeads: integerOf(given, '--linear-num-value-heads') ?? 32,
    keyHeadDim: integerOf(given, '--linear-key-head-dim') ?? 128,
    valueHeadDim: integerOf(given, '--linear-value-head-dim') ?? 128,
    convolution: integerOf(given, '--linear-conv-kernel-dim') ?? 4,
  };
  const isMoe = marks(textOf(given, '--moe-layer-freq') ?? '1', layers, (layer, n) => layer % n === 0);
  const isLinear = marks(
    textOf(given, '--linear-attention-freq'),
    layers,
    (layer, n) => (layer + 1) % n !== 0,
  );
  const isWindow = marks(
    textOf(given, '--window-attn-skip-freq'),
    layers,
    (layer, n) => (layer + 1) % n !== 0,
  );
  const variant = textOf(given, '--experimental-attention-variant');
  const linear = variant === 'gated_delta_net' || variant === 'gdn' || variant === 'gdn2';
  const pattern = hybridPattern(given);

  const kinds: LayerKind[] = [];
  const indexOf = new Map<string, number>();
  const kindIndex = (key: string, make: () => LayerKind): number => {
    const known = indexOf.get(key);
    if (known !== undefined) return known;
    kinds.push(make());
    indexOf.set(key, kinds.length - 1);
    return kinds.length - 1;
  };
  const order = Array.from({ length: layers }, (_, layer): number => {
    const letter = pattern?.[layer];
    if (letter !== undefined) return kindIndex(letter, () => hybridKind(letter, full, dense, moe, mamba));
    const gdn = linear && (isLinear?.[layer] ?? true);
    const windowed = !latent && window !== null && (isWindow?.[layer] ?? true);
    const expertLayer = moe.kind === 'moe' && (isMoe?.[layer] ?? true);
    const mixer = gdn ? deltaNet : windowed ? attentionMixer(given, heads, hidden, window) : full;
    return kindIndex(`${mixer.kind}${windowed ? '-window' : ''}+${expertLayer ? 'moe' : 'dense'}`, () => ({
      name: `${mixer.kind}${windowed ? '-window' : ''}+${expertLayer ? 'moe' : 'dense'}`,
      mixer,
      feedForward: expertLayer ? moe : dense,
      norms: 2,
    }));
  });
  const mtpLayers = integerOf(given, '--mtp-num-layers') ?? 0;
  const positions = textOf(given, '--position-embedding-type') ?? 'learned_absolute';
  return {
    name: 'arguments',
    modelType: 'megatron',
    hidden,
    vocabularySize: integerOf(given, '--padded-vocab-size') ?? integerOf(given, '--vocab-size') ?? 0,
    tiedEmbeddings: !has(given, '--untie-embeddings-and-output-weights'),
    positions:
      positions === 'learned_absolute'
        ? { kind: 'learned', count: integerOf(given, '--max-position-embeddings') ?? 0 }
        : { kind: positions === 'none' ? 'none' : 'rope' },
    normalization: textOf(given, '--normalization') === 'RMSNorm' ? 'rmsnorm' : 'layernorm',
    kinds,
    layers: order,
    multiTokenPrediction: mtpLayers >= 1 ? { layers: mtpLayers, kind: order.at(-1) ?? 0 } : null,
    omitted: [],
  };
};
