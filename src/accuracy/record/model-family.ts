/** Habits of model families that records do not spell out: biases, norms, positions, sinks, windows. By name. */
import type { RecordedModel } from '../../ingest/measured-configuration.ts';
import type { Attention, Model, MoeFeedForward } from '../../model/model.ts';

export interface ModelFamily {
  readonly modelType: string;
  readonly gated: boolean;
  readonly tied: boolean;
  readonly vocabulary: number;
  readonly qkvBias: boolean;
  readonly outputBias: boolean;
  readonly feedForwardBias: boolean;
  readonly expertBias: boolean;
  readonly qkNorm: Attention['qkNorm'];
  readonly sinks: boolean;
  /** Window of the layers that are not full; null: all are full. */
  readonly window: number | null;
  /** Where there are windows or linear mixers: every n-th layer attends to all tokens. */
  readonly fullEvery: number;
  /** Layers between the full ones are Gated DeltaNet. */
  readonly linear: boolean;
  readonly sharedGate: boolean;
  readonly routerBias: boolean;
  /** Groups of experts and how many of them a token uses; null: all. */
  readonly groups: MoeFeedForward['groups'];
  readonly mtp: boolean;
  readonly positions: Model['positions']['kind'];
  readonly normalization: Model['normalization'];
}

const llama: ModelFamily = {
  modelType: 'llama',
  gated: true,
  tied: false,
  vocabulary: 32000,
  qkvBias: false,
  outputBias: false,
  feedForwardBias: false,
  expertBias: false,
  qkNorm: 'none',
  sinks: false,
  window: null,
  fullEvery: 2,
  linear: false,
  sharedGate: false,
  routerBias: false,
  groups: null,
  mtp: false,
  positions: 'rope',
  normalization: 'rmsnorm',
};

/** GPT-2's tokenizer padded for eight-way tensor parallelism: what Megatron's GPT runs print. */
const gpt: ModelFamily = {
  ...llama,
  modelType: 'gpt2',
  gated: false,
  tied: true,
  vocabulary: 51200,
  qkvBias: true,
  outputBias: true,
  feedForwardBias: true,
  positions: 'learned',
  normalization: 'layernorm',
};

const FAMILIES: readonly (readonly [RegExp, ModelFamily])[] = [
  [
    /gpt.?oss/,
    {
      ...llama,
      modelType: 'gpt_oss',
      vocabulary: 201088,
      qkvBias: true,
      outputBias: true,
      expertBias: true,
      sinks: true,
      window: 128,
    },
  ],
  [
    /deepseek|kimi|moonlight|glm-?5/,
    { ...llama, modelType: 'deepseek_v3', vocabulary: 129280, routerBias: true },
  ],
  [
    /qwen-?3(?:[-_ ]*next|\.5)/,
    {
      ...llama,
      modelType: 'qwen3_next',
      vocabulary: 151936,
      qkNorm: 'head',
      sharedGate: true,
      linear: true,
      fullEvery: 4,
    },
  ],
  [/qwen-?3/, { ...llama, modelType: 'qwen3', vocabulary: 151936, qkNorm: 'head' }],
  [/qwen/, { ...llama, modelType: 'qwen2', vocabulary: 151936, qkvBias: true, sharedGate: true }],
  [
    /nemotron/,
    { ...llama, modelType: 'nemotron', gated: false, vocabulary: 256000, normalization: 'layernorm' },
  ],
  [
    /\bmpt/,
    {
      ...gpt,
      modelType: 'mpt',
      qkvBias: false,
      outputBias: false,
      feedForwardBias: false,
      vocabulary: 50368,
      positions: 'none',
    },
  ],
  [/bloom/, { ...gpt, modelType: 'bloom', vocabulary: 250880, positions: 'none' }],
  [/gemma-?2/, { ...llama, modelType: 'gemma2', tied: true, vocabulary: 256000, window: 4096 }],
  [
    /gemma/,
    {
      ...llama,
      modelType: 'gemma3',
      tied: true,
      vocabulary: 262144,
      qkNorm: 'head',
      window: 1024,
      fullEvery: 6,
    },
  ],
  [/llama-?3|llama3/, { ...llama, vocabulary: 128256 }],
  [/llama|mistral|mixtral|grok|yi-|phi|olmo|apertus/, llama],
  [/gpt|opt-|megatron|turing/, gpt],
];

/** DeepSeek-V3 is published with one multi-token-prediction module; V2, Moonlight and Kimi K2 have none. */
const hasMtp = (name: string): boolean => /deepseek.?v3|deepseek.?r1/.test(name);

/** `n_group` and `topk_group` of config.json: DeepSeek-V3 and R1 4 of 8, V2 3 of 8; V2-Lite, Moonlight, Kimi K2 and GLM 1 of 1. */
const groupsOf = (name: string): MoeFeedForward['groups'] =>
  /deepseek.*(?:v3|r1)/.test(name)
    ? { count: 8, limit: 4 }
    : /deepseek.*v2(?!.*lite)/.test(name)
      ? { count: 8, limit: 3 }
      : null;

export const familyOf = (recorded: RecordedModel, title: string): ModelFamily => {
  const name = recorded.name.toLowerCase();
  const plain = /bloom|bigscience/i.test(title) ? 'bloom' : name;
  const named =
    FAMILIES.find(([pattern]) => pattern.test(plain))?.[1] ?? (recorded.gated === false ? gpt : llama);
  const groups = groupsOf(name);
  return hasMtp(name) || groups !== null ? { ...named, mtp: hasMtp(name), groups } : named;
};
