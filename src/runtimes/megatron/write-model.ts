import type {
  Attention,
  DenseFeedForward,
  LatentAttention,
  LayerKind,
  Model,
  MoeFeedForward,
} from '../../model/model.ts';
import { modelFacts } from '../model-facts.ts';
import { compareVersions } from '../version.ts';
import { patternText } from './patterns.ts';

/** A flag with its values, in the order of the command line. */
export type FlagWords = readonly [flag: string, ...values: string[]];

export interface ModelFlags {
  readonly flags: readonly FlagWords[];
  /** What Megatron's flags cannot say of this model, one sentence each: the run would train another model. */
  readonly inexpressible: readonly string[];
  /** Megatron's hybrid stack (Mamba and layers of one half), which has its own entry point. */
  readonly hybrid: boolean;
}

const integer = (flag: string, value: number): FlagWords => [flag, String(value)];
const when = (condition: boolean, ...words: readonly FlagWords[]): readonly FlagWords[] =>
  condition ? words : [];

const attentionFlags = (attention: Attention): readonly FlagWords[] => [
  integer('--num-attention-heads', attention.heads),
  integer('--kv-channels', attention.headDim),
  ...when(
    attention.kvHeads !== attention.heads,
    ['--group-query-attention'],
    integer('--num-query-groups', attention.kvHeads),
  ),
  ...when(attention.qkNorm !== 'none', ['--qk-layernorm']),
  ...when(attention.outputGate, ['--attention-output-gate']),
  ...when(attention.sinks, ['--softmax-type', 'learnable']),
];

const latentFlags = (latent: LatentAttention): readonly FlagWords[] => [
  integer('--num-attention-heads', latent.heads),
  ['--multi-latent-attention'],
  ...(latent.queryRank === null ? [] : [integer('--q-lora-rank', latent.queryRank)]),
  integer('--kv-lora-rank', latent.kvRank),
  integer('--qk-head-dim', latent.nopeHeadDim),
  integer('--qk-pos-emb-head-dim', latent.ropeHeadDim),
  integer('--v-head-dim', latent.valueHeadDim),
  integer('--kv-channels', latent.nopeHeadDim),
  ['--qk-layernorm'],
  ...(latent.indexer === null
    ? []
    : [
        ['--experimental-attention-variant', 'dsa'] as const,
        // Sparse attention rotates keys by itself: transformer_config.py refuses the fused kernel.
        ['--no-rope-fusion'] as const,
        integer('--dsa-indexer-n-heads', latent.indexer.heads),
        integer('--dsa-indexer-head-dim', latent.indexer.headDim),
        integer('--dsa-indexer-topk', latent.indexer.topK),
      ]),
];

const linearFlags = (model: Model): readonly FlagWords[] => {
  const net = modelFacts(model).deltaNet[0];
  if (net === undefined) return [];
  const linear = model.layers.map((index) => model.kinds[index]?.mixer.kind === 'gated-delta-net');
  return [
    ['--experimental-attention-variant', 'gated_delta_net'],
    ['--linear-attention-freq', patternText(linear)],
    integer('--linear-num-key-heads', net.keyHeads),
    integer('--linear-num-value-heads', net.valueHeads),
    integer('--linear-key-head-dim', net.keyHeadDim),
    integer('--linear-value-head-dim', net.valueHeadDim),
    integer('--linear-conv-kernel-dim', net.convolution),
  ];
};

const windowFlags = (model: Model): readonly FlagWords[] => {
  const windows = model.layers.map((index) => {
    const mixer = model.kinds[index]?.mixer;
    return mixer?.kind === 'attention' && mixer.span.kind === 'window' ? mixer.span.window : null;
  });
  const width = windows.find((window) => window !== null);
  if (width === undefined) return [];
  return [
    ['--window-size', `${width},0`],
    ...when(windows.includes(null), [
      '--window-attn-skip-freq',
      patternText(windows.map((window) => window !== null)),
    ]),
  ];
};

const moeFlags = (model: Model, moe: MoeFeedForward): readonly FlagWords[] => {
  const expertLayers = model.layers.map((index) => model.kinds[index]?.feedForward.kind === 'moe');
  // A bias with biased layers belongs to the router's own layer; alone it is the correction of balanced routing.
  const correction = moe.routerBias && !moe.bias;
  return [
    integer('--num-experts', moe.experts),
    ...when(expertLayers.includes(false) && !modelFacts(model).hybrid, [
      '--moe-layer-freq',
      patternText(expertLayers),
    ]),
    integer('--moe-ffn-hidden-size', moe.expertWidth),
    integer('--moe-router-topk', moe.topK),
    ...when(moe.topK === 1, ['--moe-router-pre-softmax']),
    ...when(correction, ['--moe-router-score-function', 'sigmoid'], ['--moe-router-enable-expert-bias']),
    ...(moe.groups === null
      ? []
      : [
          integer('--moe-router-num-groups', moe.groups.count),
          integer('--moe-router-group-topk', moe.groups.limit),
        ]),
    ...when(moe.sharedWidth > 0, integer('--moe-shared-expert-intermediate-size', moe.sharedWidth)),
    ...when(moe.sharedWidth > 0 && moe.sharedGate, ['--moe-shared-expert-gate']),
    ...(moe.latent === null ? [] : [integer('--moe-latent-size', moe.latent)]),
  ];
};

const letterOf = (kind: LayerKind): string | null => {
  if (kind.mixer.kind === 'mamba2' && kind.feedForward.kind === 'none') return 'M';
  if (kind.mixer.kind === 'attention' && kind.feedForward.kind === 'none') return '*';
  if (kind.mixer.kind !== 'none') return null;
  return kind.feedForward.kind === 'moe' ? 'E' : '-';
};

/** Letters of a hybrid model's layers, or null where a layer has none. */
export const hybridLetters = (model: Model): readonly string[] | null => {
  const letters = model.kinds.map(letterOf);
  const order = model.layers.map((index) => letters[index] ?? null);
  return order.every((letter) => letter !== null) ? order : null;
};

const mambaFlags = (model: Model): readonly FlagWords[] => {
  const mamba = modelFacts(model).mamba[0];
  if (mamba === undefined) return [];
  return [
    integer('--mamba-num-heads', mamba.heads),
    integer('--mamba-head-dim', mamba.headDim),
    integer('--mamba-state-dim', mamba.state),
    integer('--mamba-num-groups', mamba.groups),
  ];
};

const activationFlags = (model: Model, gated: boolean): readonly FlagWords[] => {
  if (model.modelType === 'gpt_oss')
    return [['--quick-geglu'], ['--glu-linear-offset', '1.0'], ['--activation-func-clamp-value', '7.0']];
  if (gated) return [['--swiglu']];
  return when(model.modelType.startsWith('nemotron'), ['--squared-relu']);
};

const biasFlags = (model: Model): readonly FlagWords[] => {
  const { attention } = modelFacts(model);
  const linear = model.kinds.some(({ feedForward }) => feedForward.kind !== 'none' && feedForward.bias);
  if (linear) return [];
  return [
    ['--disable-bias-linear'],
    ...when(
      attention.some(({ qkvBias }) => qkvBias),
      ['--add-qkv-bias'],
    ),
  ];
};

const differing = <T>(items: readonly T[], key: (item: T) => string): boolean =>
  new Set(items.map(key)).size > 1;

/** Parts of a model that have no flag. */
const inexpressibleParts = (model: Model, version: string): readonly string[] => {
  const facts = modelFacts(model);
  const dense = model.kinds.map(({ feedForward }) => feedForward).filter((part) => part.kind === 'dense');
  const faults: string[] = [];
  const add = (condition: boolean, text: string): void => {
    if (condition) faults.push(text);
  };
  add(
    differing(facts.attention, ({ heads, kvHeads, headDim }) => [heads, kvHeads, headDim].join()),
    'layers with different attention heads',
  );
  add(
    differing(dense, ({ width }) => String(width)),
    'dense layers of different widths',
  );
  add(
    differing(facts.moe, ({ experts, expertWidth, topK }) => [experts, expertWidth, topK].join()),
    'layers with different experts',
  );
  add(facts.attention.length > 0 && facts.latent.length > 0, 'latent attention beside other attention');
  add(
    facts.attention.some(({ span }) => span.kind === 'sparse'),
    'sparse attention with a sink window',
  );
  add(
    facts.attention.some(({ sharedKeyValue }) => sharedKeyValue),
    'a value projection shared with the keys',
  );
  add(
    facts.attention.some(({ qkNorm }) => qkNorm === 'projection'),
    'a norm over the whole query and key projection',
  );
  const linearBias = model.kinds.some(({ feedForward }) => feedForward.kind !== 'none' && feedForward.bias);
  add(
    facts.attention.some(({ outputBias }) => outputBias !== linearBias),
    'a bias of the attention output apart from other biases',
  );
  add(
    facts.latent.some(({ outputGate }) => outputGate === true),
    'an output gate on latent attention',
  );
  add(
    facts.deltaNet.some(({ channelDecay }) => channelDecay !== undefined),
    'delta attention with a decay per channel',
  );
  add(
    facts.moe.some(({ latentNorm }) => latentNorm === true),
    'a norm on the latent sum of experts',
  );
  add(
    facts.moe.some(({ zeroComputationExperts }) => zeroComputationExperts > 0),
    'experts without computation',
  );
  add(
    facts.moe.some(({ parallelDenseWidth }) => parallelDenseWidth > 0),
    'a dense layer beside the experts',
  );
  add(
    model.kinds.some(({ norms }) => norms > 2),
    'more than two norms in a layer',
  );
  add(model.modelType.startsWith('gemma'), 'the activation of Gemma (gated GELU)');
  add(facts.hybrid && hybridLetters(model) === null, 'hybrid layers that are neither whole nor half');
  add(facts.mamba.length > 0 && !facts.hybrid, 'Mamba layers with a feed-forward part of their own');
  add(
    facts.deltaNet.length > 0 && compareVersions(version, '0.16') < 0,
    'Gated DeltaNet before Megatron 0.16',
  );
  add(
    facts.latent.some(({ indexer }) => indexer !== null) && compareVersions(version, '0.16') < 0,
    'sparse attention with an indexer before Megatron 0.16',
  );
  return faults;
};

/** Architecture flags of a model. The pattern of a hybrid model depends on the partition and is added by the caller. */
export const writeModel = (model: Model, sequenceLength: number, version: string): ModelFlags => {
  const facts = modelFacts(model);
  const hybrid = facts.mamba.length > 0 || facts.hybrid;
  const dense = model.kinds
    .map(({ feedForward }) => feedForward)
    .find((part): part is DenseFeedForward => part.kind === 'dense');
  const moe = facts.moe[0];
  const gated = dense?.gated ?? moe?.gated ?? false;
  const [attention] = facts.attention;
  const [latent] = facts.latent;
  const learned = model.positions.kind === 'learned' ? model.positions.count : 0;
  const flags: FlagWords[] = [
    ...when(!hybrid, integer('--num-layers', model.layers.length)),
    integer('--hidden-size', model.hidden),
    integer('--ffn-hidden-size', dense?.width ?? moe?.expertWidth ?? 4 * model.hidden),
    ...(latent !== undefined
      ? latentFlags(latent)
      : attention !== undefined
        ? attentionFlags(attention)
        : [integer('--num-attention-heads', 1), integer('--kv-channels', model.hidden)]),
    ...linearFlags(model),
    ...windowFlags(model),
    ...mambaFlags(model),
    ...(moe === undefined ? [] : moeFlags(model, moe)),
    ...when(facts.mtpLayers > 0, integer('--mtp-num-layers', facts.mtpLayers)),
    integer('--seq-length', sequenceLength),
    integer('--max-position-embeddings', Math.max(learned, sequenceLength)),
    [
      '--position-embedding-type',
      { learned: 'learned_absolute', rope: 'rope', none: 'none' }[model.positions.kind],
    ],
    ['--normalization', model.normalization === 'rmsnorm' ? 'RMSNorm' : 'LayerNorm'],
    ...activationFlags(model, gated),
    ...biasFlags(model),
    ...when(!model.tiedEmbeddings, ['--untie-embeddings-and-output-weights']),
    integer('--vocab-size', model.vocabularySize),
    ['--attention-dropout', '0.0'],
    ['--hidden-dropout', '0.0'],
  ];
  return { flags, inexpressible: inexpressibleParts(model, version), hybrid };
};
