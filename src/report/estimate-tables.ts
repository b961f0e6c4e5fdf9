import type { Estimate, StageMemory, TimeBreakdown } from '../plan/plan.ts';
import { gib, percent, time } from './figures.ts';
import type { Table } from './text-table.ts';

const TIME_PARTS: readonly (readonly [string, keyof TimeBreakdown])[] = [
  ['compute', 'compute'],
  ['tensor communication', 'tensorCommunication'],
  ['context communication', 'contextCommunication'],
  ['expert communication', 'expertCommunication'],
  ['pipeline communication', 'pipelineCommunication'],
  ['bubble', 'bubble'],
  ['data communication', 'dataCommunication'],
  ['optimizer', 'optimizer'],
  ['overhead', 'overhead'],
];

/** Exposed time by cause, in the order of the results format; causes without any are left out. */
export const timeTable = ({ time: breakdown, iterationTime }: Estimate): Table => ({
  columns: [
    { header: 'exposed time', align: 'left' },
    { header: 'per iteration', align: 'right' },
    { header: 'share', align: 'right' },
  ],
  rows: [
    ...TIME_PARTS.filter(([, part]) => breakdown[part] !== 0).map(([name, part]) => [
      { text: name },
      { text: time(breakdown[part]) },
      { text: iterationTime > 0 ? percent(breakdown[part] / iterationTime) : '' },
    ]),
    [{ text: 'iteration', style: 'strong' }, { text: time(iterationTime), style: 'strong' }, { text: '' }],
  ],
});

/** Header, category, and how soon it goes where the terminal is narrow: activations last, which strategies differ in. */
const MEMORY_PARTS: readonly (readonly [string, keyof StageMemory, number])[] = [
  ['parameters', 'parameters', 2],
  ['gradients', 'gradients', 3],
  ['optimizer', 'optimizerStates', 2],
  ['activations', 'activations', 1],
  ['logits', 'logits', 5],
  ['comm', 'communicationBuffers', 7],
  ['workspace', 'workspace', 6],
];

const OUTER: readonly (readonly [string, keyof StageMemory, number])[] = [
  ['total', 'total', 0],
  ['reserved', 'reserved', 9],
  ['device', 'device', 8],
  ['bound', 'bound', 0],
  ['capacity', 'capacity', 4],
];

const roomOf = (stage: StageMemory): number => stage.capacity - stage.bound;

/** Peak memory of every stage in GiB, the one with the least room first; categories that no stage uses are left out. */
export const memoryTable = ({ memory }: Estimate): Table => {
  const parts = MEMORY_PARTS.filter(([, part]) => memory.some((stage) => stage[part] !== 0));
  // Array.prototype.sort is stable: equal stages stay in their order.
  const stages = [...memory].sort((a, b) => roomOf(a) - roomOf(b));
  return {
    columns: [
      { header: 'stage', align: 'right' },
      ...parts.map(([header, , dropOrder]) => ({ header, align: 'right' as const, dropOrder })),
      ...OUTER.map(([header, , dropOrder]) => ({
        header,
        align: 'right' as const,
        ...(dropOrder > 0 ? { dropOrder } : {}),
      })),
      { header: 'room', align: 'right' },
    ],
    rows: stages.map((stage) => [
      { text: String(stage.stage) },
      ...parts.map(([, part]) => ({ text: gib(stage[part]) })),
      ...OUTER.map(([, part]) => ({ text: gib(stage[part]) })),
      { text: gib(roomOf(stage)), style: roomOf(stage) < 0 ? ('bad' as const) : ('good' as const) },
    ]),
  };
};
