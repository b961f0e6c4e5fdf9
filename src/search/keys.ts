import type { Strategy } from '../strategy/strategy.ts';

/** Keys decided first: sizes of the groups and of the micro-batch. `data` follows from the GPU count. */
export const sizeKeys = [
  'tensor',
  'pipeline',
  'context',
  'data',
  'expert',
  'expertTensor',
  'microBatchSize',
] as const satisfies readonly (keyof Strategy)[];

/** Keys decided next: the order of passes and where things stand. */
export const scheduleKeys = [
  'virtualStages',
  'schedule',
  'vocabulary',
  'microBatchGroup',
  'shardingGroup',
] as const satisfies readonly (keyof Strategy)[];

/** Keys that make a layout, in the order in which the search decides them. */
export const layoutKeys = [...sizeKeys, ...scheduleKeys, 'recompute'] as const;

/** Keys that are switches of a layout: plans that differ in these alone count as one layout. */
export const flagKeys = [
  'sequenceParallel',
  'overlapTensor',
  'contextCommunication',
  'dispatcher',
  'overlapExpert',
  'sharding',
  'overlapGradients',
  'overlapParameters',
  'rankOrder',
  'offload',
] as const satisfies readonly (keyof Strategy)[];

export type LayoutKey = (typeof layoutKeys)[number];
export type FlagKey = (typeof flagKeys)[number];

const flags: ReadonlySet<string> = new Set(flagKeys);

export const isFlagKey = (key: keyof Strategy): key is FlagKey => flags.has(key);

/** A strategy under construction. */
export type Draft = { -readonly [Key in keyof Strategy]: Strategy[Key] };

/** A value of a key as text, equal for equal values. */
export const spell = (value: Strategy[keyof Strategy]): string => {
  if (typeof value !== 'object') return String(value);
  switch (value.kind) {
    case 'none':
    case 'full':
      return value.kind;
    case 'full-block':
      return `full:block:${value.layers}`;
    case 'full-uniform':
      return `full:uniform:${value.layers}`;
    case 'selective':
      return `selective:${value.modules.join('+')}`;
    default:
      return value satisfies never;
  }
};

/** Layout of a strategy as text: equal for strategies that differ in flags alone. */
export const layoutId = (strategy: Strategy): string =>
  layoutKeys.map((key) => spell(strategy[key])).join(' ');
