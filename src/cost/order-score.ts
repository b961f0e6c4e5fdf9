/** Iteration time as a function of the order of hosts and GPUs, for who compares many orders of one strategy. */
import { launchedCluster } from '../cluster/launch-order.ts';
import type { LaunchOrder } from '../cluster/launch-order.ts';
import { createTopology } from '../cluster/topology.ts';
import type { GroupSpan } from '../cluster/topology.ts';
import type { Problem } from '../plan/problem.ts';
import type { Partition, Strategy } from '../strategy/strategy.ts';
import { seconds } from '../units.ts';
import type { Seconds } from '../units.ts';
import type { Calibration } from './calibration.ts';
import { shardsLayers } from './data-parallel.ts';
import { createDataParts } from './data-part.ts';
import { createEstimator } from './estimator.ts';
import { dataSpans, groupSpans, spanOf, spansOfStages } from './group-spans.ts';
import { iterationTime } from './iteration.ts';
import type { IterationContext } from './iteration.ts';
import { createLayerTables, setIndex } from './layer-set.ts';
import { createPipelineParts } from './pipeline-part.ts';
import { createCourses } from './schedule-course.ts';
import { createStageLinks } from './stage-links.ts';
import { createUnevenTime } from './schedule-uneven.ts';
import { createStageSummer } from './stage-sums.ts';
import { kindPrefixes, stageMachines } from './stages.ts';

const crossesMeasured = ({ inside, outside }: GroupSpan): boolean =>
  inside?.measured !== undefined || outside?.measured !== undefined;

/**
 * The estimator's iteration time of `strategy` under any order. Where all nodes are alike and the groups inside a layer
 * stay within nodes, layers cost the same in every order and are computed once; what is computed for each order are its
 * links. Otherwise every order gets tables of its own. Throws RangeError as `Estimator.estimate`.
 */
export const createOrderScore = (
  problem: Problem,
  calibration: Calibration,
  strategy: Strategy,
  partition: Partition,
): ((order: LaunchOrder) => Seconds) => {
  const { cluster, model } = problem;
  const tables = createLayerTables(problem, calibration);
  const sets = tables.sets(strategy);
  const inner = Object.values<GroupSpan>({ ...groupSpans(spanOf(tables.topology, strategy), strategy) });
  const fixed =
    cluster.groups.length === 1 &&
    !inner.some((span) => crossesMeasured(span) || span.nodes > 1) &&
    !sets.some(({ behaviour }) => shardsLayers(strategy, behaviour));
  if (!fixed) {
    const estimator = createEstimator(problem, calibration);
    return (order) => estimator.ordered(order).iterationTime(strategy, partition);
  }
  const machines = stageMachines(problem, strategy).map((groups, stage) =>
    groups.map((group) => setIndex(tables, stage, group)),
  );
  const prefixes = kindPrefixes(model.kinds.length, model.layers);
  const simulate = createCourses();
  const context: Omit<IterationContext, 'tables' | 'linksOf'> = {
    problem,
    prefixes,
    machines: () => machines,
    pipelinePart: createPipelineParts(createStageSummer(problem, prefixes)),
    dataPart: createDataParts(),
    simulate,
    uneven: createUnevenTime(simulate),
  };
  return (order) => {
    const topology = createTopology(launchedCluster(cluster, order));
    const spans = spansOfStages(topology, strategy).map((span) => dataSpans(span, strategy));
    const moved = sets.map((set, index) => ({ ...set, data: { ...set.data, ...spans[index] } }));
    const own = { topology, machines: tables.machines, sets: () => moved };
    const linksOf = createStageLinks(problem, own);
    return seconds(iterationTime({ ...context, tables: own, linksOf }, strategy, partition));
  };
};
