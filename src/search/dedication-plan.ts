/** A plan with the order of hosts, and of GPUs, that suits it best. */
import type { Cluster, MeasuredLinks } from '../cluster/cluster.ts';
import { launchedCluster } from '../cluster/launch-order.ts';
import { nodeMatrix } from '../cluster/measured-links.ts';
import { communicationShape, communicationTime } from '../cost/link-objective.ts';
import type { Dedication, Plan } from '../plan/plan.ts';
import type { Problem } from '../plan/problem.ts';
import { gpusUsed, microBatches, type Partition, type Strategy } from '../strategy/strategy.ts';
import { seconds } from '../units.ts';
import { dedicate, type DedicationAnswer } from './dedication.ts';
import { orderDevices } from './dedication-gpus.ts';
import { polishOrder } from './dedication-polish.ts';
import type { SearchCosts } from './search-types.ts';

export interface Dedicated {
  readonly hosts: readonly number[] | null;
  readonly devices: readonly (readonly number[])[] | null;
  readonly dedication: Dedication;
  /** Iteration time in that order; over several measurements their worst or mean. */
  readonly time: number;
  readonly feasible: boolean;
  /** Why the order was left as it is; null where it was not. */
  readonly reason: string | null;
}

export interface PlanQuestion {
  readonly problem: Problem;
  readonly costsOf: (problem: Problem) => SearchCosts;
  readonly strategy: Strategy;
  readonly partition: Partition;
  /** Nodes that may be launched; null: all. Fewer are when the strategy uses fewer. */
  readonly hosts: readonly number[] | null;
  /** Seconds that no order goes below. */
  readonly bound: number;
  /** Assignments solved before, by what they depend on: layouts that differ in switches alone share theirs. */
  readonly solved: Map<string, DedicationAnswer>;
}

/** Gain below which the order of the hosts is kept: less than measurements repeat. */
const WORTH = 0.005;
/** Of two orders whose times differ less, the one that communicates less is kept. */
const NOTICEABLE = 1e-3;
/** Questions to the cost model about orders of GPUs. */
const DEVICE_EVALUATIONS = 400;
/** Questions about exchanges of two nodes, and nodes up to which they are asked. */
const POLISH_EVALUATIONS = 150;
const MOST_POLISHED = 64;

/** The cluster as each of its measurements shows it. */
export const measuredClusters = (cluster: Cluster): readonly Cluster[] => {
  const others: readonly MeasuredLinks[] = cluster.measurements?.links ?? [];
  return others.length === 0 ? [cluster] : others.map((measured) => ({ ...cluster, measured }));
};

/** Several figures of one order as the SPEC wants them combined. */
export const combined = (cluster: Cluster, values: readonly number[]): number =>
  cluster.measurements?.combine === 'mean'
    ? values.reduce((sum, value) => sum + value, 0) / values.length
    : Math.max(...values);

interface Order {
  readonly hosts: readonly number[] | null;
  readonly devices: readonly (readonly number[])[] | null;
}

/** Time of the plan in an order; Infinity where it needs what must not be used. */
const timeOf = ({ problem, costsOf, strategy, partition }: PlanQuestion, order: Order) => {
  const estimates = measuredClusters(problem.cluster).map((cluster) =>
    costsOf({ ...problem, cluster: launchedCluster(cluster, order) }).estimate(strategy, partition),
  );
  return {
    time: combined(
      problem.cluster,
      estimates.map(({ iterationTime }) => iterationTime),
    ),
    feasible: estimates.every(({ feasible }) => feasible),
  };
};

/** Launched nodes that the strategy's ranks fill. */
const usedHosts = (cluster: Cluster, strategy: Strategy, hosts: readonly number[]): readonly number[] => {
  const sizes = cluster.groups.flatMap((group) => Array.from({ length: group.count }, () => group.perNode));
  const used: number[] = [];
  let left = gpusUsed(strategy);
  for (const host of hosts) {
    if (left <= 0) break;
    used.push(host);
    left -= sizes[host] ?? 0;
  }
  return used;
};

interface Sought {
  readonly cluster: Cluster;
  readonly answers: readonly DedicationAnswer[];
}

/** Orders that communicate least, by how often the largest pipeline counts: once, once a round trip, once a micro-batch. */
const seek = (question: PlanQuestion, counts: readonly number[]): Sought => {
  const { problem, strategy, partition, hosts } = question;
  const launched = launchedCluster(problem.cluster, { hosts, devices: null });
  const answers: DedicationAnswer[] = [];
  for (const [index, measured] of measuredClusters(launched).entries()) {
    const matrix = nodeMatrix(measured);
    if (matrix === null || matrix.nodes < 2) continue;
    const shape = communicationShape(problem, measured, strategy, partition);
    for (const pipelineCount of counts) {
      const key = JSON.stringify([index, hosts, pipelineCount, shape]);
      const answer = question.solved.get(key) ?? dedicate({ shape, matrix, pipelineCount });
      question.solved.set(key, answer);
      answers.push(answer);
    }
  }
  return { cluster: launched, answers };
};

/** Communication of orders as FORMATS states it, over the measurements. */
const communicationOf = (question: PlanQuestion, cluster: Cluster, order: readonly number[] | null): number =>
  combined(
    cluster,
    measuredClusters(cluster).map((measured) => {
      const matrix = nodeMatrix(measured);
      if (matrix === null) return 0;
      const shape = communicationShape(question.problem, measured, question.strategy, question.partition);
      return communicationTime(shape, matrix, order).total;
    }),
  );

/** Exchanges judged by the estimator, where it can be asked often: one measurement of few nodes. */
const polish = (question: PlanQuestion, { hosts }: Order, all: readonly number[]) => {
  const { problem, costsOf, strategy, partition } = question;
  if (problem.cluster.measured === null || problem.cluster.measurements !== undefined) return null;
  const launched = hosts ?? usedHosts(problem.cluster, strategy, all);
  if (launched.length > MOST_POLISHED) return null;
  const score = costsOf(problem).orderScore?.(strategy, partition);
  if (score === undefined) return null;
  const spares = all.filter((host) => !launched.includes(host));
  return polishOrder(launched, spares, (order) => score({ hosts: order, devices: null }), POLISH_EVALUATIONS);
};

const isIdentity = (order: readonly number[]): boolean => order.every((host, index) => host === index);

/**
 * Chooses the order of a plan. `communication`: the order of least communication. `iteration_time`: of the orders that
 * communicate least under three weights of the pipeline, and the hosts' own, the one of least estimated time.
 */
export const dedicatePlan = (question: PlanQuestion): Dedicated => {
  const { problem, strategy, hosts: pool } = question;
  const { dedication: scope, dedicationObjective } = problem.search;
  const all =
    pool ??
    problem.cluster.groups.flatMap(({ count }) => Array.from({ length: count }, () => 0)).map((_, i) => i);
  const through = (order: readonly number[]): readonly number[] => order.map((index) => all[index] ?? 0);
  const own: Order = {
    hosts: pool === null ? null : usedHosts(problem.cluster, strategy, all),
    devices: null,
  };
  const host = timeOf(question, own);
  const byTime = dedicationObjective === 'iteration_time';
  const gain = host.time > 0 ? (host.time - question.bound) / host.time : 0;
  const idle = byTime && host.feasible && gain < WORTH && scope !== 'gpus';
  const rounds = microBatches(strategy, problem.training.globalBatchSize) / strategy.pipeline;
  const counts = byTime && strategy.pipeline > 1 ? [1, Math.max(1, rounds), rounds * strategy.pipeline] : [1];
  const { cluster, answers } = seek(question, idle ? [1] : [...new Set(counts)]);
  const single = answers.filter((_, index) => index % (idle ? 1 : new Set(counts).size) === 0);
  let best: { order: Order; time: number; feasible: boolean; moved: readonly number[] | null } = {
    order: own,
    ...host,
    moved: null,
  };
  const better = (a: { time: number; feasible: boolean; value: number }, value: number): boolean =>
    a.feasible !== best.feasible
      ? a.feasible
      : a.value < value * (1 - (byTime && best.moved !== null ? NOTICEABLE : 1e-9));
  let value = byTime ? host.time : communicationOf(question, cluster, null);
  for (const answer of idle ? [] : answers) {
    if (answer.method === 'none' || isIdentity(answer.order)) continue;
    const order: Order = { hosts: through(answer.order), devices: null };
    const found = timeOf(question, order);
    const own = byTime ? found.time : communicationOf(question, cluster, answer.order);
    if (!better({ ...found, value: own }, value)) continue;
    best = { order, ...found, moved: answer.order };
    value = own;
  }
  if (byTime && !idle) {
    const found = polish(question, best.order, all);
    if (found !== null && found.time < value * (1 - NOTICEABLE)) {
      const order: Order = { hosts: found.order, devices: null };
      best = { order, ...timeOf(question, order), moved: found.order.map((host) => all.indexOf(host)) };
    }
  }
  let { order } = best;
  if (scope === 'gpus' && problem.cluster.measured?.level === 'gpu') {
    const launched = order.hosts ?? usedHosts(problem.cluster, strategy, all);
    const perNode = problem.cluster.groups.flatMap((group) =>
      Array.from({ length: group.count }, () => group.perNode),
    );
    const sizes = launched.map((node) => perNode[node] ?? 0);
    const { devices } = orderDevices(
      sizes,
      (each) => {
        const found = timeOf(question, { hosts: launched, devices: each });
        return found.feasible || !best.feasible ? found.time : Infinity;
      },
      DEVICE_EVALUATIONS,
    );
    if (devices !== null) {
      order = { hosts: order.hosts, devices };
      // Devices are listed by launched node, so that they need the list of these.
      if (order.hosts === null && launched.length < all.length) order = { hosts: launched, devices };
      best = { ...best, order, ...timeOf(question, { hosts: launched, devices }) };
    }
  }
  const local = best.moved;
  const communication = communicationOf(question, cluster, local);
  const hostValue = communicationOf(question, cluster, null);
  const bounds = single.map(({ lowerBound }) => lowerBound);
  const lowerBound = Math.min(communication, bounds.length === 0 ? communication : combined(cluster, bounds));
  const gap = lowerBound > 0 ? Math.max(0, communication / lowerBound - 1) : 0;
  const moved = local !== null || order.devices !== null;
  return {
    hosts: order.hosts,
    devices: order.devices,
    dedication: {
      method: !moved ? 'none' : gap <= 1e-9 ? 'exact' : 'search',
      communication: seconds(communication),
      hostOrder: seconds(hostValue),
      lowerBound: seconds(lowerBound),
      gap,
    },
    time: best.time,
    feasible: best.feasible,
    reason: moved
      ? null
      : idle
        ? `no order can gain more than ${(100 * gain).toFixed(2)} % of the iteration`
        : (single.find(({ reason }) => reason !== null)?.reason ??
          'no order found is faster than that of the hosts'),
  };
};

/** The plan in its order, estimated in it. */
export const planInOrder = (plan: Plan, question: PlanQuestion, found: Dedicated): Plan => {
  const { problem, costsOf, strategy, partition } = question;
  const order = { hosts: found.hosts, devices: found.devices };
  const clusters = measuredClusters(problem.cluster);
  const estimates = clusters.map((cluster) =>
    costsOf({ ...problem, cluster: launchedCluster(cluster, order) }).estimate(strategy, partition),
  );
  // Of several measurements the one whose time is nearest to what is ranked stands for all.
  const nearest = estimates.reduce((a, b) =>
    Math.abs(b.iterationTime - found.time) < Math.abs(a.iterationTime - found.time) ? b : a,
  );
  return {
    ...plan,
    hosts: found.hosts,
    devices: found.devices,
    dedication: found.dedication,
    estimate: nearest,
  };
};
