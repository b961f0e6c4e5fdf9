/** Event simulation of one iteration of a pipeline: when every pass of every stage starts and ends. */
import { seconds } from '../units.ts';
import type { PipelineInput, PipelineTime } from './stage.ts';
import type { Pass } from './schedule-order.ts';
import { chunkPosition, splitsBackward, stageOrder } from './schedule-order.ts';
import { busiestStage, passTime, transferBetween } from './schedule-time.ts';
import { isListScheduled, listOrder } from './schedule-list.ts';

export interface TimedPass extends Pass {
  readonly stage: number;
  /** Seconds from the start of the iteration. */
  readonly start: number;
  readonly end: number;
}

export interface PipelineSimulation extends Omit<PipelineTime, 'transfer'> {
  /** By stage, each in the order of execution. */
  readonly passes: readonly (readonly TimedPass[])[];
}

/**
 * Runs the stages' orders against each other: a pass starts when its stage is free and its input has arrived.
 * Asynchronous sends cost the receiver their transfer time alone; blocking ones keep the sender's stream busy as long.
 * Vocabulary-parallel passes are counted by the closed form (`pipelineTime`), not here.
 */
export const simulatePipeline = (input: PipelineInput): PipelineSimulation => {
  const { stages, microBatches } = input;
  const split = splitsBackward(input.schedule);
  const positions = stages * input.virtualStages;
  const done: Record<Pass['kind'], Float64Array> = {
    forward: new Float64Array(positions * microBatches).fill(NaN),
    backward: new Float64Array(positions * microBatches).fill(NaN),
    'weight-gradient': new Float64Array(positions * microBatches).fill(NaN),
  };
  const orders = isListScheduled(input.schedule)
    ? listOrder(input, input.schedule)
    : Array.from({ length: stages }, (_, stage) => stageOrder(input, stage));
  const next = new Int32Array(stages);
  const free = new Float64Array(stages);
  const passes: TimedPass[][] = orders.map(() => []);

  /** When the input of a pass is there; NaN while unknown. */
  const ready = (pass: Pass, position: number): number => {
    const at = (kind: Pass['kind'], place: number): number =>
      done[kind][place * microBatches + pass.microBatch] ?? NaN;
    if (pass.kind === 'weight-gradient') return at('backward', position);
    if (pass.kind === 'forward')
      return position === 0
        ? 0
        : at('forward', position - 1) + transferBetween(input, position - 1, position);
    return position === positions - 1
      ? at('forward', position)
      : at('backward', position + 1) + transferBetween(input, position + 1, position);
  };
  const sendTime = (pass: Pass, position: number): number => {
    const to = position + (pass.kind === 'forward' ? 1 : -1);
    return !input.blocking || pass.kind === 'weight-gradient' || to < 0 || to === positions
      ? 0
      : transferBetween(input, position, to);
  };
  /** Runs a stage as far as its inputs allow; true when it got anywhere. */
  const advance = (stage: number): boolean => {
    const order = orders[stage] ?? [];
    let moved = false;
    for (let pass = order[next[stage] ?? 0]; pass !== undefined; pass = order[next[stage] ?? 0]) {
      const position = chunkPosition(input, stage, pass.chunk);
      const chunk = input.chunks[stage]?.[pass.chunk];
      const arrival = ready(pass, position);
      if (chunk === undefined) throw new RangeError(`stage ${stage} has no chunk ${pass.chunk}`);
      if (Number.isNaN(arrival)) return moved;
      const start = Math.max(arrival, free[stage] ?? 0);
      const end = start + passTime(chunk, pass.kind, split);
      done[pass.kind][position * microBatches + pass.microBatch] = end;
      free[stage] = end + sendTime(pass, position);
      passes[stage]?.push({ ...pass, stage, start, end });
      next[stage] = (next[stage] ?? 0) + 1;
      moved = true;
    }
    return moved;
  };
  for (let moved = true; moved;) {
    moved = false;
    for (let stage = 0; stage < stages; stage += 1) if (advance(stage)) moved = true;
  }
  if (orders.some((order, stage) => (next[stage] ?? 0) < order.length))
    throw new RangeError(`${input.schedule}: the order of passes waits for itself`);

  const spans = passes.map((stage) => [stage[0]?.start ?? 0, stage.at(-1)?.end ?? 0] as const);
  const makespan = split
    ? Math.max(...spans.map(([start, end]) => end - start))
    : Math.max(...spans.map(([, end]) => end)) - Math.min(...spans.map(([start]) => start));
  return { makespan: seconds(makespan), busy: seconds(busiestStage(input)), passes };
};
