/**
 * A second evaluator of a plan on measured links, written from the definitions alone: slow, simple, and without a line
 * of the estimator. It walks the rank table, asks for each message which two nodes it leads between, and steps through
 * 1F1B pass by pass. Times are seconds, rates bytes/s.
 */
import type { RankRow } from '../../src/strategy/rank-table.ts';

export interface Replay {
  readonly rows: readonly RankRow[];
  /** Whole-node bandwidth from a node to another, in the SPEC's numbering. */
  readonly bandwidth: readonly (readonly number[])[];
  /** Inside a node, per rank. */
  readonly near: number;
  readonly stages: number;
  readonly microBatches: number;
  readonly forward: readonly number[];
  readonly backward: readonly number[];
  /** One rank's message to the next stage. */
  readonly message: number;
  /** Gradient bytes of one rank, and the seconds of its optimizer step, by stage. */
  readonly gradients: readonly number[];
  readonly step: readonly number[];
}

interface Flow {
  readonly from: RankRow;
  readonly to: RankRow;
}

/** Rate of one flow while all of `flows` run: its link and both ends' ports are divided among those that use them. */
const rateOf = (flow: Flow, flows: readonly Flow[], { bandwidth, near }: Replay): number => {
  const [a, b] = [flow.from.node, flow.to.node];
  if (a === b) return near;
  const between = flows.filter(({ from, to }) => from.node !== to.node);
  const sharing = between.filter(({ from, to }) => from.node === a && to.node === b).length;
  const leaving = between.filter(({ from }) => from.node === a).length;
  const entering = between.filter(({ to }) => to.node === b).length;
  const out = Math.max(...(bandwidth[a] ?? []).filter((_, to) => to !== a));
  const into = Math.max(...bandwidth.map((row, from) => (from === b ? 0 : (row[b] ?? 0))));
  return Math.min((bandwidth[a]?.[b] ?? 0) / sharing, out / leaving, into / entering);
};

/** Ranks that agree in everything but `axis`, in ascending order. */
const groupsAlong = (rows: readonly RankRow[], axis: 'data' | 'pipeline'): RankRow[][] => {
  const groups = new Map<string, RankRow[]>();
  for (const row of rows) {
    const rest = axis === 'data' ? row.pipeline : row.data;
    const key = `${row.tensor} ${row.context} ${rest}`;
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  return [...groups.values()];
};

/** Passes of a stage in 1F1B's order: p − 1 − s forwards, then one forward and one backward in turn, then the rest. */
const order = (stage: number, stages: number, m: number): { forward: boolean; batch: number }[] => {
  const warm = Math.min(m, stages - 1 - stage);
  const passes = Array.from({ length: warm }, (_, batch) => ({ forward: true, batch }));
  for (let batch = 0; batch < m; batch += 1) {
    if (warm + batch < m) passes.push({ forward: true, batch: warm + batch });
    passes.push({ forward: false, batch });
  }
  return passes;
};

/** End of the last pass of each stage; down[h], up[h]: seconds from stage h to h + 1 and back. */
const pipelineEnds = (r: Replay, down: readonly number[], up: readonly number[]): number[] => {
  const ends = new Map<string, number>();
  const name = (forward: boolean, stage: number, batch: number): string => `${forward} ${stage} ${batch}`;
  for (let changed = true; changed;) {
    changed = false;
    for (let stage = 0; stage < r.stages; stage += 1) {
      let free = 0;
      for (const { forward, batch } of order(stage, r.stages, r.microBatches)) {
        const last = stage === r.stages - 1;
        let ready: number | undefined = 0;
        if (forward && stage > 0) {
          const end = ends.get(name(true, stage - 1, batch));
          ready = end === undefined ? undefined : end + (down[stage - 1] ?? 0);
        } else if (!forward && last) ready = ends.get(name(true, stage, batch));
        else if (!forward) {
          const end = ends.get(name(false, stage + 1, batch));
          ready = end === undefined ? undefined : end + (up[stage] ?? 0);
        }
        if (ready === undefined) break;
        const end = Math.max(ready, free) + ((forward ? r.forward : r.backward)[stage] ?? 0);
        if (ends.get(name(forward, stage, batch)) !== end) changed = true;
        ends.set(name(forward, stage, batch), end);
        free = end;
      }
    }
  }
  return Array.from(
    { length: r.stages },
    (_, stage) => ends.get(name(false, stage, r.microBatches - 1)) ?? NaN,
  );
};

/**
 * Iteration time: every stage's gradients go round when all replicas of it are done; the optimizer steps when the last
 * of them are reduced, for it needs the norm of all.
 */
export const replay = (r: Replay): number => {
  const pipelines = groupsAlong(r.rows, 'pipeline');
  const hop = (h: number, back: boolean): Flow[] =>
    pipelines.flatMap((pipe) => {
      const [a, b] = [pipe[h], pipe[h + 1]];
      if (a === undefined || b === undefined) return [];
      return [back ? { from: b, to: a } : { from: a, to: b }];
    });
  const replicas = new Set(r.rows.map(({ data }) => data));
  const ends = Array.from({ length: r.stages }, () => 0);
  for (const replica of replicas) {
    const times = (back: boolean): number[] =>
      Array.from({ length: r.stages - 1 }, (_, h) => {
        const flows = hop(h, back);
        const own = flows.filter(({ from }) => from.data === replica);
        return Math.max(...own.map((flow) => r.message / rateOf(flow, flows, r)));
      });
    pipelineEnds(r, times(false), times(true)).forEach((end, stage) => {
      ends[stage] = Math.max(ends[stage] ?? 0, end);
    });
  }
  const rings = groupsAlong(r.rows, 'data').map((group) =>
    group.flatMap((from, index): Flow[] => {
      const to = group[(index + 1) % group.length];
      return to === undefined || group.length === 1 ? [] : [{ from, to }];
    }),
  );
  const all = rings.flat();
  const reduced = rings.map((ring, index) => {
    const stage = groupsAlong(r.rows, 'data')[index]?.[0]?.pipeline ?? 0;
    const size = ring.length;
    const slowest = Math.min(...ring.map((flow) => rateOf(flow, all, r)));
    const exchange = size === 0 ? 0 : (2 * (size - 1) * (r.gradients[stage] ?? 0)) / size / slowest;
    return (ends[stage] ?? 0) + exchange;
  });
  return Math.max(...reduced, ...ends) + Math.max(...r.step);
};
