import type {
  ContextCommunication,
  Dispatcher,
  Offload,
  RankOrder,
  RecomputeModule,
  Schedule,
  Sharding,
  Strategy,
  VocabularyPlacement,
} from './strategy.ts';

/** Values of the keys that take one of a few words, as written. */
export const SCHEDULES: readonly Schedule[] = [
  'gpipe',
  '1f1b',
  'interleaved',
  'zb-h1',
  'zb-h2',
  'zb-v',
  'v-half',
  'dualpipe-v',
];
export const VOCABULARY_PLACEMENTS: readonly VocabularyPlacement[] = [
  'last',
  'redistributed',
  'vocab-1',
  'vocab-2',
  'interlaced',
];
export const SHARDINGS: readonly Sharding[] = ['none', 'optimizer', 'gradients', 'parameters'];
export const CONTEXT_COMMUNICATIONS: readonly ContextCommunication[] = [
  'p2p',
  'a2a',
  'all-gather',
  'a2a+p2p',
];
export const DISPATCHERS: readonly Dispatcher[] = ['all-gather', 'all-to-all', 'deepep', 'hybridep'];
export const RANK_ORDERS: readonly RankOrder[] = ['tp-cp-ep-dp-pp', 'tp-cp-ep-pp-dp'];
export const OFFLOADS: readonly Offload[] = ['none', 'optimizer'];
export const RECOMPUTE_MODULES: readonly RecomputeModule[] = [
  'core_attn',
  'mlp',
  'moe',
  'moe_act',
  'layernorm',
  'mla_up_proj',
  'shared_experts',
];

type FieldsOf<T> = { readonly [K in keyof Strategy]: Strategy[K] extends T ? K : never }[keyof Strategy];
type ChoiceField = Exclude<FieldsOf<string>, undefined>;

/** A key of the strategy format with the field that holds it and the values that it takes. */
export type StrategyKey =
  | { readonly key: string; readonly field: FieldsOf<number>; readonly kind: 'size' }
  | { readonly key: string; readonly field: FieldsOf<boolean>; readonly kind: 'flag' }
  | { readonly key: string; readonly field: 'recompute'; readonly kind: 'recompute' }
  | {
      readonly key: string;
      readonly field: ChoiceField;
      readonly kind: 'choice';
      readonly values: readonly string[];
    };

/** Every key, in the order in which results print them. */
export const STRATEGY_KEYS: readonly StrategyKey[] = [
  { key: 'tensor', field: 'tensor', kind: 'size' },
  { key: 'pipeline', field: 'pipeline', kind: 'size' },
  { key: 'virtual_stages', field: 'virtualStages', kind: 'size' },
  { key: 'context', field: 'context', kind: 'size' },
  { key: 'data', field: 'data', kind: 'size' },
  { key: 'expert', field: 'expert', kind: 'size' },
  { key: 'expert_tensor', field: 'expertTensor', kind: 'size' },
  { key: 'micro_batch_size', field: 'microBatchSize', kind: 'size' },
  { key: 'micro_batch_group', field: 'microBatchGroup', kind: 'size' },
  { key: 'schedule', field: 'schedule', kind: 'choice', values: SCHEDULES },
  { key: 'vocabulary', field: 'vocabulary', kind: 'choice', values: VOCABULARY_PLACEMENTS },
  { key: 'sequence_parallel', field: 'sequenceParallel', kind: 'flag' },
  { key: 'recompute', field: 'recompute', kind: 'recompute' },
  { key: 'sharding', field: 'sharding', kind: 'choice', values: SHARDINGS },
  { key: 'sharding_group', field: 'shardingGroup', kind: 'size' },
  { key: 'overlap_gradients', field: 'overlapGradients', kind: 'flag' },
  { key: 'overlap_parameters', field: 'overlapParameters', kind: 'flag' },
  { key: 'overlap_tensor', field: 'overlapTensor', kind: 'flag' },
  { key: 'overlap_expert', field: 'overlapExpert', kind: 'flag' },
  {
    key: 'context_communication',
    field: 'contextCommunication',
    kind: 'choice',
    values: CONTEXT_COMMUNICATIONS,
  },
  { key: 'dispatcher', field: 'dispatcher', kind: 'choice', values: DISPATCHERS },
  { key: 'rank_order', field: 'rankOrder', kind: 'choice', values: RANK_ORDERS },
  { key: 'offload', field: 'offload', kind: 'choice', values: OFFLOADS },
];

const byKey = new Map(STRATEGY_KEYS.map((each) => [each.key, each]));
const byField = new Map(STRATEGY_KEYS.map((each) => [each.field, each]));

/** The key of that spelling, undefined where there is none. */
export const strategyKey = (key: string): StrategyKey | undefined => byKey.get(key);

/** The spelling of a field: `virtualStages` → `virtual_stages`. */
export const keyOfField = (field: keyof Strategy): string => byField.get(field)?.key ?? field;
