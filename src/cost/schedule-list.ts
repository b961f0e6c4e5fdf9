/**
 * Orders of schedules that their authors generate by search: ZB-H2 and the V-shaped ones, in which stage r holds
 * chunks r and 2p−1−r of the model. This list scheduler keeps their two defining properties, the memory limit of a
 * stage and the split backward pass, and runs whatever is ready: backward before forward before weight gradient.
 * Source: Qi et al., Zero Bubble Pipeline Parallelism and Pipeline Parallelism with Controllable Memory (V-ZB,
 * V-Half); deepseek-ai/DualPipe README @ 3da1bbe.
 */
import type { PipelineInput } from './stage.ts';
import type { Pass, PassKind } from './schedule-order.ts';
import { chunkPosition } from './schedule-order.ts';
import { passTime, transferBetween } from './schedule-time.ts';

type ListSchedule = 'zb-h2' | 'zb-v' | 'v-half' | 'dualpipe-v';

/** Chunk activations that a stage may hold at once: ZB-H2 2p − 1; of half a stage: V-ZB 2p, V-Half p + 2, DualPipe-V 2p + 2. */
const LIMIT: Record<ListSchedule, (stages: number) => number> = {
  'zb-h2': (stages) => 2 * stages - 1,
  'zb-v': (stages) => 2 * stages,
  'v-half': (stages) => stages + 2,
  'dualpipe-v': (stages) => 2 * stages + 2,
};

export const isListScheduled = (schedule: PipelineInput['schedule']): schedule is ListSchedule =>
  schedule in LIMIT;

interface Stage {
  free: number;
  live: number;
  /** Next micro-batch of each kind, by chunk: passes of one chunk run in the order of micro-batches. */
  readonly next: Record<PassKind, number[]>;
  readonly order: Pass[];
}

interface Candidate {
  readonly start: number;
  readonly pass: Pass;
}

const KINDS = ['backward', 'forward', 'weight-gradient'] as const;

export const listOrder = (input: PipelineInput, schedule: ListSchedule): Pass[][] => {
  const { stages, microBatches } = input;
  const chunks = schedule === 'zb-h2' ? 1 : 2;
  if (input.virtualStages !== chunks)
    throw new RangeError(`${schedule} needs virtual stages ${chunks}, not ${input.virtualStages}`);
  const limit = LIMIT[schedule](stages);
  const last = chunks * stages - 1;
  const done = {
    forward: new Float64Array(chunks * stages * microBatches).fill(Infinity),
    backward: new Float64Array(chunks * stages * microBatches).fill(Infinity),
  };
  const zeros = (): number[] => Array.from({ length: chunks }, () => 0);
  const state: Stage[] = Array.from({ length: stages }, () => ({
    free: 0,
    live: 0,
    next: { forward: zeros(), backward: zeros(), 'weight-gradient': zeros() },
    order: [],
  }));

  const arrival = (kind: PassKind, position: number, microBatch: number): number => {
    const at = (of: 'forward' | 'backward', place: number): number =>
      done[of][place * microBatches + microBatch] ?? Infinity;
    if (kind === 'weight-gradient') return at('backward', position);
    if (kind === 'forward')
      return position === 0
        ? 0
        : at('forward', position - 1) + transferBetween(input, position - 1, position);
    return position === last
      ? at('forward', last)
      : at('backward', position + 1) + transferBetween(input, position + 1, position);
  };
  /** The pass that a stage would run next; null when none is known to become ready. */
  const candidate = (own: Stage, stage: number): Candidate | null => {
    let best: Candidate | null = null;
    for (const kind of KINDS)
      for (let chunk = chunks - 1; chunk >= 0; chunk -= 1) {
        const microBatch = own.next[kind][chunk] ?? 0;
        // The first of two chunks leaves room for the second: otherwise the V would block itself.
        const room = limit - (chunks - 1 - chunk);
        if (microBatch >= microBatches || (kind === 'forward' && own.live >= room)) continue;
        const start = Math.max(own.free, arrival(kind, chunkPosition(input, stage, chunk), microBatch));
        if (start === Infinity || (best !== null && start >= best.start * (1 - 1e-15))) continue;
        best = { start, pass: { kind, chunk, microBatch } };
      }
    return best;
  };
  for (let left = 3 * chunks * stages * microBatches; left > 0; left -= 1) {
    let chosen = 0;
    let best: Candidate | null = null;
    for (const [stage, own] of state.entries()) {
      const here = candidate(own, stage);
      if (here !== null && (best === null || here.start < best.start)) [chosen, best] = [stage, here];
    }
    const own = state[chosen];
    const chunk = best === null ? undefined : input.chunks[chosen]?.[best.pass.chunk];
    if (own === undefined || best === null || chunk === undefined)
      throw new RangeError(`${schedule}: no pass can run`);
    const { kind, microBatch } = best.pass;
    own.free = best.start + passTime(chunk, kind, true);
    own.next[kind][best.pass.chunk] = microBatch + 1;
    own.order.push(best.pass);
    if (kind === 'forward') own.live += 1;
    else if (kind === 'weight-gradient') own.live -= 1;
    if (kind !== 'weight-gradient')
      done[kind][chunkPosition(input, chosen, best.pass.chunk) * microBatches + microBatch] = own.free;
  }
  return state.map(({ order }) => order);
};
