/**
 * How others would choose a configuration on one cluster, each by its own rule, over the same strategies: tensor, pipeline
 * and data parallelism with 1F1B, layers as planner splits them. What they chose is scored by planner's event simulation.
 */
import { launchedCluster } from '../../src/cluster/launch-order.ts';
import { measuredAtMedian, nodeMatrix } from '../../src/cluster/measured-links.ts';
import type { NodeMatrix } from '../../src/cluster/measured-links.ts';
import type { Calibration } from '../../src/cost/calibration.ts';
import { ampTime, pipetteTime, type LatencyTerms } from '../../src/cost/latency-forms.ts';
import { communicationShape, pathTime, ringTime } from '../../src/cost/link-objective.ts';
import type { Plan } from '../../src/plan/plan.ts';
import type { Problem } from '../../src/plan/problem.ts';
import { createSearchCosts } from '../../src/search/costs.ts';
import { pipetteAnnealing } from '../../src/search/dedication-annealing.ts';
import { dedicationInstance } from '../../src/search/dedication-instance.ts';
import { defaultControls } from '../../src/search/search-types.ts';
import { searchPlans } from '../../src/search/search.ts';

export interface Choice {
  readonly method: string;
  readonly layout: string;
  /** Seconds by the event simulation on the measured links, in the order of hosts that the method chose. */
  readonly time: number;
  /** What the method itself expects, seconds; NaN where it expects nothing. */
  readonly expected: number;
  readonly reordered: boolean;
}

const hostsOf = (nodes: number): readonly number[] => Array.from({ length: nodes }, (_, node) => node);

const layoutOf = ({ strategy: s }: Plan): string =>
  `tp${s.tensor} pp${s.pipeline} dp${s.data} mbs${s.microBatchSize}`;

/** Every strategy that fits, best on equal links first. */
const candidates = (problem: Problem, calibration: Calibration): readonly Plan[] => {
  const equal: Problem = {
    ...problem,
    cluster: measuredAtMedian(problem.cluster),
    search: { ...problem.search, dedication: 'none', top: 1000 },
  };
  return searchPlans(equal, createSearchCosts(equal, calibration), { ...defaultControls, exhaustive: true })
    .plans;
};

/** Passes of each stage, and the links and rings of an order, as the closed forms ask for them. */
const termsOf = (
  problem: Problem,
  calibration: Calibration,
  plan: Plan,
  matrix: NodeMatrix,
  order: readonly number[],
): LatencyTerms => {
  const { strategy, partition } = plan;
  const [costs] = createSearchCosts(problem, calibration).stageCosts(strategy);
  if (costs === undefined) throw new Error('a strategy has costs');
  const [layer] = costs.kinds;
  const both = (pass: { forward: number; backward: number } | null | undefined): number =>
    pass === null || pass === undefined ? 0 : pass.forward + pass.backward;
  const stages = partition.map(
    (chunks, stage) =>
      chunks.reduce((sum, layers) => sum + layers, 0) * both(layer) +
      (stage === 0 ? both(costs.embedding) : 0) +
      (stage === strategy.pipeline - 1 ? both(costs.head) : 0),
  );
  const shape = communicationShape(problem, problem.cluster, strategy, partition);
  const at = (node: number): number => order[node] ?? 0;
  const worst = shape.paths.reduce(
    (most, path) => Math.max(most, pathTime(matrix, path, shape.activation, at)),
    0,
  );
  return {
    microBatches: problem.training.globalBatchSize / (strategy.data * strategy.microBatchSize),
    stages,
    // The forms add hops up: the worst pipeline's time, one way, in equal parts.
    hops: Array.from({ length: strategy.pipeline - 1 }, () => worst / 2 / (strategy.pipeline - 1)),
    data: shape.rings.map(({ nodes, bytes }) => ringTime(matrix, nodes.map(at), bytes)),
  };
};

/** The choices of planner and of four other methods on one problem, whose cluster has measured links. */
export const contenders = (problem: Problem, calibration: Calibration): readonly Choice[] => {
  const matrix = nodeMatrix(problem.cluster);
  if (matrix === null) throw new Error('the cluster has measured links');
  const equalMatrix = nodeMatrix(measuredAtMedian(problem.cluster)) ?? matrix;
  const own = hostsOf(matrix.nodes);
  const score = ({ strategy, partition }: Plan, hosts: readonly number[]): number => {
    const cluster = launchedCluster(problem.cluster, { hosts, devices: null });
    return createSearchCosts({ ...problem, cluster }, calibration).iterationTime(strategy, partition);
  };
  const all = candidates(problem, calibration);
  const least = <T>(list: readonly T[], value: (item: T) => number): T => {
    const [first] = list;
    if (first === undefined) throw new Error('no strategy fits');
    return list.reduce((best, item) => (value(item) < value(best) ? item : best), first);
  };
  const choice = (method: string, plan: Plan, hosts: readonly number[], expected: number): Choice => ({
    method,
    layout: layoutOf(plan),
    time: score(plan, hosts),
    expected,
    reordered: hosts.some((host, index) => host !== index),
  });

  const search: Problem = { ...problem, search: { ...problem.search, dedication: 'nodes', top: 1 } };
  const [planned] = searchPlans(search, createSearchCosts(search, calibration)).plans;
  if (planned === undefined) throw new Error('no plan');

  const annealed = all
    .filter(({ strategy }) => matrix.nodes % strategy.pipeline === 0)
    .map((plan, index) => {
      const shape = communicationShape(problem, problem.cluster, plan.strategy, plan.partition);
      const { order } = pipetteAnnealing(dedicationInstance(shape, matrix), index + 1);
      const hosts = [...order.subarray(0, shape.nodes)];
      return { plan, hosts, expected: pipetteTime(termsOf(problem, calibration, plan, matrix, hosts)) };
    });
  const pipette = least(annealed, ({ expected }) => expected);

  const byAmp = all.map((plan) => ({
    plan,
    expected: ampTime(termsOf(problem, calibration, plan, equalMatrix, own)),
  }));
  const amp = least(byAmp, ({ expected }) => expected);

  const inNode = all.filter(({ strategy }) => strategy.tensor === 8);
  const depth = Math.min(...inNode.map(({ strategy }) => strategy.pipeline));
  const rule = least(
    inNode.filter(({ strategy }) => strategy.pipeline === depth),
    (plan) => score(plan, own),
  );
  const equal = least(all, ({ estimate }) => estimate.iterationTime);
  return [
    choice('ours', planned, planned.hosts ?? own, planned.estimate.iterationTime),
    choice('Pipette', pipette.plan, pipette.hosts, pipette.expected),
    choice('AMP', amp.plan, own, amp.expected),
    choice('tensor in a node, least pipeline', rule, own, NaN),
    choice('exhaustive, links not seen', equal, own, equal.estimate.iterationTime),
  ];
};
