/** Closed forms of the length of one pipelined iteration. */
import type { FlatInput, PipelineInput } from './stage.ts';

/** Σ over the chunks of each stage, of one micro-batch; only the first entries count where an array is longer. */
export interface StageSums {
  readonly forward: ArrayLike<number>;
  readonly backward: ArrayLike<number>;
  readonly weight: ArrayLike<number>;
}

/** A pipeline as a search asks about it: the passes of its chunks, and what they are together for each stage. */
export type TabledInput = FlatInput & { readonly sums: StageSums };

/** A pipeline by its chunks, or by the sums of each stage, which is all that closed forms look at. */
export type ClosedInput =
  PipelineInput | TabledInput | (Omit<PipelineInput, 'chunks'> & { readonly sums: StageSums });

const sums = (input: ClosedInput): StageSums => {
  if ('sums' in input) return input.sums;
  const forward: number[] = [];
  const backward: number[] = [];
  const weight: number[] = [];
  for (let stage = 0; stage < input.stages; stage += 1) {
    let [f, b, w] = [0, 0, 0];
    for (const chunk of input.chunks[stage] ?? []) {
      f += chunk.forward;
      b += chunk.backward;
      w += chunk.weightGradient;
    }
    forward.push(f);
    backward.push(b);
    weight.push(w);
  }
  return { forward, backward, weight };
};

const total = (values: ArrayLike<number>, count: number): number => {
  let sum = 0;
  for (let index = 0; index < count; index += 1) sum += values[index] ?? 0;
  return sum;
};

/**
 * GPipe: all forwards, then all backwards, each a flow shop of equal jobs:
 * Σf + Σc + (m−1)·max f, and the same with b. Blocking sends lengthen the sender's occupation by c. Exact.
 * Source: Huang et al., GPipe, with unequal stages.
 */
export const gpipeTime = (input: ClosedInput): number => {
  const { forward, backward } = sums(input);
  const p = input.stages;
  const link = (index: number): number => (index >= 0 && index < p - 1 ? (input.links[index] ?? 0) : 0);
  let [slowForward, slowBackward, transfers] = [0, 0, 0];
  for (let stage = 0; stage < p; stage += 1) {
    slowForward = Math.max(slowForward, (forward[stage] ?? 0) + (input.blocking ? link(stage) : 0));
    slowBackward = Math.max(slowBackward, (backward[stage] ?? 0) + (input.blocking ? link(stage - 1) : 0));
    transfers += 2 * link(stage);
  }
  return (
    total(forward, p) +
    total(backward, p) +
    transfers +
    (input.microBatches - 1) * (slowForward + slowBackward)
  );
};

const largest = (values: Float64Array): number => {
  let most = 0;
  for (const value of values) most = Math.max(most, value);
  return most;
};

/** Both passes of each stage, its own passes of a spread vocabulary apart. */
const workOf = (input: ClosedInput): Float64Array => {
  const { forward, backward } = sums(input);
  const work = new Float64Array(input.stages);
  for (let stage = 0; stage < work.length; stage += 1)
    work[stage] = (forward[stage] ?? 0) + (backward[stage] ?? 0);
  return work;
};

/**
 * W[k−1] = the longest cycle of k neighbouring stages i..j in the event graph of 1F1B:
 * max over i of Σ(f+b) + 2Σc inside; blocking sends add the transfers at both ends of the run, which hold up the
 * streams of i and j. Such a cycle carries k micro-batches.
 */
const longestCycles = (input: ClosedInput, work: ArrayLike<number>): Float64Array => {
  const p = input.stages;
  const longest = new Float64Array(p);
  for (let first = 0; first < p; first += 1) {
    let length = input.blocking && first > 0 ? (input.links[first - 1] ?? 0) : 0;
    for (let last = first; last < p; last += 1) {
      length += work[last] ?? 0;
      const after = last < p - 1 ? (input.links[last] ?? 0) : 0;
      const cycle = length + (input.blocking ? after : 0);
      if (cycle > (longest[last - first] ?? 0)) longest[last - first] = cycle;
      length += 2 * after;
    }
  }
  return longest;
};

/**
 * Time per micro-batch in the steady state of 1F1B: max over runs of stages i..j of
 * [Σ(f+b) + 2Σ links inside] / (j−i+1), the maximum cycle mean of the schedule's event graph.
 */
export const steadyPeriod = (input: ClosedInput): number => {
  return longestCycles(input, workOf(input)).reduce(
    (best, cycle, index) => Math.max(best, cycle / (index + 1)),
    0,
  );
};

/**
 * Longest total of cycles that carry `count` micro-batches together: an unbounded knapsack. Only its first few
 * entries are computed; beyond them the cycle with the best mean repeats, which is optimal for large counts.
 */
const cyclesFor = (longest: Float64Array, count: number): number => {
  const p = longest.length;
  let best = 0;
  for (let k = 1; k < p; k += 1)
    if ((longest[k] ?? 0) / (k + 1) > ((longest[best] ?? 0) / (best + 1)) * (1 + 1e-12)) best = k;
  const size = best + 1;
  const exact = Math.min(count, size + p + ((count - size) % size));
  const repeats = Math.max(0, Math.floor((count - exact) / size));
  const rest = count - repeats * size;
  const table = new Float64Array(rest + 1);
  for (let n = 1; n <= rest; n += 1)
    for (let k = Math.min(n, p); k >= 1; k -= 1)
      table[n] = Math.max(table[n] ?? 0, (table[n - k] ?? 0) + (longest[k - 1] ?? 0));
  return (table[rest] ?? 0) + repeats * (longest[best] ?? 0);
};

/**
 * 1F1B: the first micro-batch through all stages and back, Σ(f+b) + 2Σc, then m−1 more in the heaviest chain of
 * cycles. Exact for equal stages and links; with unequal ones the chain may combine cycles that the warm-up or the
 * flush of a short iteration does not allow, so it is an upper bound there.
 * Source: maximum cycle mean of the event graph (max-plus algebra); for c = 0 and equal stages (m + p − 1)(f+b),
 * Narayanan et al. SC21 section 2.2.
 */
export const oneForwardOneBackwardTime = (input: ClosedInput): number => {
  const work = workOf(input);
  const p = input.stages;
  let transfers = 0;
  for (let index = 0; index < input.stages - 1; index += 1) transfers += input.links[index] ?? 0;
  // Without transfers no run of stages is longer than as many times its slowest stage.
  if (transfers === 0) return total(work, p) + (input.microBatches - 1) * largest(work);
  return total(work, p) + 2 * transfers + cyclesFor(longestCycles(input, work), input.microBatches - 1);
};

/**
 * Interleaved 1F1B: the slowest stage's work, and for the rest of a micro-batch's way the mean chunk of every other
 * stage: m·Σ_v(f+b) + Σ_{others}(f+b)/v. Transfers hide behind the other micro-batches in the steady state; the first
 * way down and the last way up are exposed, and each of the v−1 turns from the last stage to the first waits for what
 * a group of G micro-batches does not cover, in warm-up and flush.
 * Source: Narayanan et al. SC21 section 2.2 for equal stages; warm-up order of Megatron-LM.
 */
export const interleavedTime = (input: ClosedInput): number => {
  const { forward, backward } = sums(input);
  const { stages: p, virtualStages: v, microBatches: m } = input;
  let [slowest, round, turn, way] = [0, 0, 0, 0];
  for (let stage = 0; stage < p; stage += 1) {
    const work = (forward[stage] ?? 0) + (backward[stage] ?? 0);
    const own = input.blocking ? 2 * (input.links[stage] ?? 0) * v : 0;
    slowest = Math.max(slowest, work + own);
    round += work;
    way += stage < p - 1 ? (input.links[stage] ?? 0) : 0;
    turn += input.links[stage] ?? 0;
  }
  if (p === 1) return m * round;
  const group = Math.min(input.microBatchGroup, m);
  // One way round all stages against the group's own time on one of them.
  const wait = (perRound: number): number =>
    Math.max(0, perRound / v + turn - (group * (perRound / v + (input.blocking ? turn : 0))) / p);
  return (
    m * slowest +
    (round - slowest) / v +
    2 * way +
    (v - 1) * (wait(total(forward, p)) + wait(total(backward, p)))
  );
};

/**
 * Zero-bubble and V-shaped schedules: slowest stage's work m(f+b) and a bubble, W = weight-gradient part of b:
 * ZB-H1 (p−1)(f+b−2W), where W > f (p−1)(b−W); ZB-H2 and V-ZB none where memory suffices; V-Half p/2 of (f+b);
 * DualPipe-V (p−1) chunks of (f + 2b − 3W), that is half of it per stage of two chunks. In ZB-H1 transfers
 * are exposed in the first two waves of p micro-batches, whose weight gradients are still put off; in the others each
 * stage starts its own iteration.
 * Source: Qi et al. (Zero Bubble; Controllable Memory), deepseek-ai/DualPipe README @ 3da1bbe.
 */
export const zeroBubbleTime = (input: ClosedInput): number => {
  const { forward, backward, weight } = sums(input);
  const { stages: p, microBatches: m, schedule } = input;
  let [slowest, f, b, w, way] = [0, 0, 0, 0, 0];
  for (let stage = 0; stage < p; stage += 1) {
    const work = (forward[stage] ?? 0) + (backward[stage] ?? 0);
    const after = stage < p - 1 ? (input.links[stage] ?? 0) : 0;
    const sends = input.blocking ? after + (input.links[stage - 1] ?? 0) : 0;
    slowest = Math.max(slowest, work + sends);
    f += (forward[stage] ?? 0) / p;
    b += (backward[stage] ?? 0) / p;
    w += (weight[stage] ?? 0) / p;
    way += 2 * after;
  }
  switch (schedule) {
    case 'zb-h1':
      return m * slowest + (p - 1) * (b - w + Math.max(0, f - w)) + (m > p ? 2 : 1) * way;
    case 'v-half':
      return m * slowest + (p / 2) * (f + b);
    case 'dualpipe-v':
      return m * slowest + ((p - 1) / 2) * Math.max(0, f + 2 * b - 3 * w);
    default:
      return m * slowest;
  }
};

/**
 * Vocabulary-parallel 1F1B (vocab-1, vocab-2, interlaced): (m−1)·max w + Σ w with w = f + b + the stage's vocabulary
 * passes; V-Half fills in p/2 of a mean w.
 * Source: sail-sg/VocabularyParallelism @ 6191c3b; −1.6 to +1.0 % on its 24 published runs given their stage times.
 */
export const vocabularyParallelTime = (input: ClosedInput): number => {
  const { stages: p, vocabularyPasses, microBatches, links } = input;
  const work = workOf(input);
  for (let stage = 0; stage < p; stage += 1)
    work[stage] = (work[stage] ?? 0) + (vocabularyPasses?.[stage] ?? 0);
  const fill = input.schedule === 'v-half' ? ((p / 2 + 1) * total(work, p)) / p : total(work, p);
  let way = 0;
  for (let index = 0; index < p - 1; index += 1) way += 2 * (links[index] ?? 0);
  return (microBatches - 1) * largest(work) + fill + way;
};
