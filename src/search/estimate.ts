import type { Plan } from '../plan/plan.ts';
import type { Problem } from '../plan/problem.ts';
import { checkStrategy } from '../runtimes/registry.ts';
import type { Violation } from '../runtimes/rule.ts';
import type { Partition, Strategy } from '../strategy/strategy.ts';
import { ruleContexts } from './legality.ts';
import { partitionOf } from './partition-best.ts';
import { createPartitioner } from './partition-choice.ts';
import { toPlan } from './plan.ts';
import type { SearchCosts } from './search-types.ts';

/** One strategy, judged: its plan with the warnings of the runtime's rules, or the rules that it breaks. */
export type Judgement =
  | { readonly kind: 'legal'; readonly plan: Plan; readonly warnings: readonly Violation[] }
  | { readonly kind: 'illegal'; readonly violations: readonly Violation[] }
  /** No partition of its stages can be stated to the runtime. */
  | { readonly kind: 'unsplittable' };

const violationsOf = (problem: Problem, strategy: Strategy, partition: Partition | null): Violation[] => {
  const found = new Map<string, Violation>();
  for (const context of ruleContexts(problem, strategy, partition))
    for (const violation of checkStrategy(context)) found.set(violation.rule.id, violation);
  return [...found.values()];
};

const errorsOf = (violations: readonly Violation[]): Violation[] =>
  violations.filter(({ rule }) => rule.severity === 'error');

/**
 * Time and memory of a strategy. Without a partition the one that the search would choose is taken; the rules are asked
 * first with the runtime's own even split left open, as it is ours that will run.
 */
export const judgeStrategy = (
  problem: Problem,
  costs: SearchCosts,
  strategy: Strategy,
  given: Partition | null,
): Judgement => {
  const layers = problem.model.layers.length;
  const chunks = strategy.pipeline * strategy.virtualStages;
  const early = errorsOf(violationsOf(problem, strategy, given)).filter(
    ({ rule }) => given !== null || !(rule.reads.includes('pipeline') && layers % chunks !== 0),
  );
  if (early.length > 0) return { kind: 'illegal', violations: early };
  const partition = given ?? partitionOf(strategy, createPartitioner(problem, costs), costs);
  if (partition === null) {
    const late = errorsOf(violationsOf(problem, strategy, null));
    return late.length > 0 ? { kind: 'illegal', violations: late } : { kind: 'unsplittable' };
  }
  const violations = violationsOf(problem, strategy, partition);
  const errors = errorsOf(violations);
  if (errors.length > 0) return { kind: 'illegal', violations: errors };
  const estimate = costs.estimate(strategy, partition);
  return { kind: 'legal', plan: toPlan(problem, strategy, partition, estimate, 1), warnings: violations };
};
