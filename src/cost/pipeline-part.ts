/**
 * The part of an iteration that the pipeline takes, remembered for the strategies that are asked about next: switches of
 * sharding, offloading and the overlap of gradients change nothing in it.
 */
import type { Partition, Strategy } from '../strategy/strategy.ts';
import { seconds } from '../units.ts';
import type { Seconds } from '../units.ts';
import type { DataTable } from './data-part.ts';
import type { LayerSet, LayerTables } from './layer-set.ts';
import { measuredPipeline } from './measured-pipeline.ts';
import { pipelineMakespan } from './pipeline.ts';
import type { TabledInput } from './schedule-closed.ts';
import type { CourseOf } from './schedule-course.ts';
import type { UnevenTime } from './schedule-uneven.ts';
import type { LinksOfStages, StageLinks } from './stage-links.ts';
import type { StageSummer, StageTable } from './stage-sums.ts';

/** A vocabulary spread over stages: its passes cost every stage an equal share. */
export const spreadVocabulary = (s: Strategy): boolean =>
  s.vocabulary !== 'last' && s.vocabulary !== 'redistributed';

/** Seconds that a spread vocabulary costs every stage for each micro-batch. */
export const vocabularyShare = ({ head }: LayerSet, s: Strategy): number =>
  spreadVocabulary(s) ? (head.forwardTime + head.backwardTime) / s.pipeline : 0;

/** Overwritten by the next call. */
export interface PipelinePart {
  readonly makespan: number;
  /** Over measured links: seconds before the end at which each stage is done. */
  readonly starts: readonly number[] | null;
  /** Parameters of each stage, and the last backward passes that their exchange hides behind. */
  readonly table: DataTable;
  /** Seconds that the busiest stage's runtime takes for every iteration. */
  readonly overhead: number;
}

/** Tables and simulations that every call shares. */
export interface PipelineContext {
  readonly tables: LayerTables;
  readonly machines: (s: Strategy) => readonly (readonly number[])[];
  readonly linksOf: LinksOfStages;
  /** Over measured links. */
  readonly simulate: CourseOf;
  readonly uneven: UnevenTime;
}

/** `microBatches`: of the strategy. */
export type PipelinePartOf = (
  context: PipelineContext,
  s: Strategy,
  partition: Partition,
  microBatches: number,
) => PipelinePart;

type Writable<T> = { -readonly [Key in keyof T]: T[Key] };

/** A part with all that it depends on. Objects are tables of the cost model or partitions, which never change. */
interface Entry {
  partition: Partition | null;
  machines: readonly (readonly number[])[];
  links: readonly StageLinks[];
  /** What layers cost on each machine, in the order of the sets. */
  readonly costs: object[];
  pipeline: number;
  virtualStages: number;
  microBatches: number;
  microBatchGroup: number;
  schedule: Strategy['schedule'];
  vocabulary: Strategy['vocabulary'];
  block: number;
  busiest: number;
  /** By stage: index of its set. */
  readonly chosen: number[];
  makespan: number;
  starts: readonly number[] | null;
  dense: Float64Array;
  expert: Float64Array;
  backward: Float64Array;
  backwardPorts: Float64Array;
}

const emptyEntry = (): Entry => ({
  partition: null,
  machines: [],
  links: [],
  costs: [],
  pipeline: 0,
  virtualStages: 0,
  microBatches: 0,
  microBatchGroup: 0,
  schedule: '1f1b',
  vocabulary: 'last',
  block: 0,
  busiest: 0,
  chosen: [],
  makespan: 0,
  starts: null,
  dense: new Float64Array(64),
  expert: new Float64Array(64),
  backward: new Float64Array(64),
  backwardPorts: new Float64Array(64),
});

/** The switches of a layout lead to about so many different pipelines in turn. */
const REMEMBERED = 8;

const blockOf = ({ recompute }: Strategy): number => (recompute.kind === 'full-block' ? recompute.layers : 0);

const sameCosts = (costs: readonly object[], sets: readonly LayerSet[]): boolean => {
  if (costs.length !== sets.length) return false;
  for (let index = 0; index < costs.length; index += 1) if (costs[index] !== sets[index]?.whole) return false;
  return true;
};

/** A stage without passes of its own for the vocabulary. */
const NO_PASSES: readonly Seconds[] = [];

const makespanOf = (
  { tables, simulate, uneven }: PipelineContext,
  s: Strategy,
  m: number,
  table: StageTable,
  set: LayerSet,
  busy: number,
  replicas: readonly StageLinks[],
): { readonly makespan: number; readonly starts: readonly number[] | null } => {
  const vocabulary = vocabularyShare(set, s);
  if (s.pipeline === 1 && s.virtualStages === 1) return { makespan: m * (busy + vocabulary), starts: null };
  const vocabularyPasses =
    vocabulary > 0 ? Array.from({ length: s.pipeline }, () => seconds(vocabulary)) : NO_PASSES;
  const inputOf = (replica: StageLinks | undefined): TabledInput => ({
    schedule: s.schedule,
    vocabulary: s.vocabulary,
    vocabularyPasses,
    stages: s.pipeline,
    virtualStages: s.virtualStages,
    microBatches: m,
    microBatchGroup: s.microBatchGroup,
    blocking: set.behaviour.blockingTransfers,
    sums: table,
    passes: s.virtualStages > 1 ? table.passes : table,
    links: replica?.links ?? [],
    ...(replica?.directed === undefined ? {} : { directed: replica.directed }),
  });
  if (tables.topology.links === null)
    return { makespan: pipelineMakespan(inputOf(replicas[0]), uneven), starts: null };
  const { makespan, headStarts } = measuredPipeline(replicas.map(inputOf), simulate);
  return { makespan, starts: headStarts };
};

export const createPipelineParts = (sumStages: StageSummer): PipelinePartOf => {
  const entries = Array.from({ length: REMEMBERED }, emptyEntry);
  let oldest = 0;
  const sets: LayerSet[] = [];

  /** Works a part out, in the place of the oldest. */
  const renew: (...of: Parameters<PipelinePartOf>) => Entry = (context, s, partition, microBatches) => {
    const all = context.tables.sets(s);
    const machines = context.machines(s);
    const table = sumStages(all, machines, s, partition);
    let busiest = 0;
    for (let stage = 1; stage < s.pipeline; stage += 1)
      if ((table.time[stage] ?? 0) > (table.time[busiest] ?? 0)) busiest = stage;
    const set = table.sets[busiest];
    if (set === undefined) throw new RangeError('a pipeline has at least one stage');
    const links = context.linksOf(set, s);
    const busy = table.time[busiest] ?? 0;
    const { makespan, starts } = makespanOf(context, s, microBatches, table, set, busy, links);
    const entry = entries[oldest] ?? emptyEntry();
    oldest = (oldest + 1) % REMEMBERED;
    if (entry.dense.length < s.pipeline) {
      entry.dense = new Float64Array(2 * s.pipeline);
      entry.expert = new Float64Array(2 * s.pipeline);
      entry.backward = new Float64Array(2 * s.pipeline);
      entry.backwardPorts = new Float64Array(2 * s.pipeline);
    }
    for (let stage = 0; stage < s.pipeline; stage += 1) {
      const own = table.sets[stage];
      entry.chosen[stage] = own === undefined || all.length === 1 ? 0 : all.indexOf(own);
      entry.dense[stage] = table.dense[stage] ?? 0;
      entry.expert[stage] = table.expert[stage] ?? 0;
      entry.backward[stage] = table.backward[stage] ?? 0;
      entry.backwardPorts[stage] = table.backwardPorts[stage] ?? 0;
    }
    entry.costs.length = 0;
    for (const { whole } of all) entry.costs.push(whole);
    entry.partition = partition;
    entry.machines = machines;
    entry.links = links;
    entry.pipeline = s.pipeline;
    entry.virtualStages = s.virtualStages;
    entry.microBatches = microBatches;
    entry.microBatchGroup = s.microBatchGroup;
    entry.schedule = s.schedule;
    entry.vocabulary = s.vocabulary;
    entry.block = blockOf(s);
    entry.busiest = busiest;
    entry.makespan = makespan;
    entry.starts = starts;
    return entry;
  };

  const find: (...of: Parameters<PipelinePartOf>) => Entry | null = (context, s, partition, m) => {
    let machines: Entry['machines'] | null = null;
    for (let index = 0; index < REMEMBERED; index += 1) {
      const entry = entries[index];
      if (entry?.partition !== partition || entry.microBatches !== m) continue;
      if (entry.pipeline !== s.pipeline || entry.virtualStages !== s.virtualStages) continue;
      if (entry.microBatchGroup !== s.microBatchGroup || entry.schedule !== s.schedule) continue;
      if (entry.vocabulary !== s.vocabulary || entry.block !== blockOf(s)) continue;
      const all = context.tables.sets(s);
      machines ??= context.machines(s);
      if (entry.machines !== machines || !sameCosts(entry.costs, all)) continue;
      const busiest = all[entry.chosen[entry.busiest] ?? 0];
      if (busiest !== undefined && context.linksOf(busiest, s) === entry.links) return entry;
    }
    return null;
  };

  const { dense, expert, backward, backwardPorts } = emptyEntry();
  const table: Writable<DataTable> = { sets, dense, expert, backward, backwardPorts };
  const part: Writable<PipelinePart> = { makespan: 0, starts: null, table, overhead: 0 };
  return (context, s, partition, microBatches) => {
    const entry = find(context, s, partition, microBatches) ?? renew(context, s, partition, microBatches);
    const all = context.tables.sets(s);
    for (let stage = 0; stage < s.pipeline; stage += 1) {
      const set = all[entry.chosen[stage] ?? 0];
      if (set !== undefined) sets[stage] = set;
    }
    table.dense = entry.dense;
    table.expert = entry.expert;
    table.backward = entry.backward;
    table.backwardPorts = entry.backwardPorts;
    part.makespan = entry.makespan;
    part.starts = entry.starts;
    part.overhead = sets[entry.busiest]?.runtime.iterationOverhead ?? 0;
    return part;
  };
};
