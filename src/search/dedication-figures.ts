/** What the hosts' own order communicates, for plans whose order was not chosen. */
import { nodeMatrix } from '../cluster/measured-links.ts';
import { communicationShape, communicationTime } from '../cost/link-objective.ts';
import type { Plan } from '../plan/plan.ts';
import type { Problem } from '../plan/problem.ts';
import { seconds } from '../units.ts';
import { dedicationBounds } from './dedication-bounds.ts';
import { dedicationInstance } from './dedication-instance.ts';

/** Nodes up to which a bound costs little beside a search; beyond, the value stands for it. */
const MOST_BOUNDED = 128;

/** The plan with FORMATS' figures of the SPEC's order; as it is where no links between nodes were measured. */
export const withHostOrderFigures = (problem: Problem, plan: Plan): Plan => {
  const matrix = nodeMatrix(problem.cluster);
  if (matrix === null || plan.hosts !== null || plan.devices !== null) return plan;
  const shape = communicationShape(problem, problem.cluster, plan.strategy, plan.partition);
  const { total } = communicationTime(shape, matrix);
  const bound =
    matrix.nodes > MOST_BOUNDED || !Number.isFinite(total)
      ? total
      : dedicationBounds(dedicationInstance(shape, matrix), total).total;
  const lowerBound = Math.min(total, bound);
  const gap = lowerBound > 0 && Number.isFinite(total) ? total / lowerBound - 1 : 0;
  return {
    ...plan,
    dedication: {
      method: 'none',
      communication: seconds(total),
      hostOrder: seconds(total),
      lowerBound: seconds(lowerBound),
      gap,
    },
  };
};
