import type { NearestMiss } from '../plan/plan.ts';
import type { Problem } from '../plan/problem.ts';
import type { Rule } from '../runtimes/rule.ts';
import type { Strategy } from '../strategy/strategy.ts';
import { keyOfField } from '../strategy/keys.ts';
import { nearEvenPartition } from '../strategy/layer-split.ts';
import { bytes } from '../units.ts';
import { createCombiner } from './combinations.ts';
import { spell } from './keys.ts';
import { ruleContexts, searchRules } from './legality.ts';
import { createSpace } from './space.ts';

/** One thing that stands in the way: a rule, or a key that the user fixed or limited. */
type Obstacle =
  { readonly kind: 'rule'; readonly rule: Rule } | { readonly kind: 'limit'; readonly key: keyof Strategy };

/** Any one strategy that is legal without these obstacles. */
const legalWithout = (problem: Problem, obstacles: readonly Obstacle[]): Strategy | null => {
  const without = new Set(obstacles.map((each) => (each.kind === 'rule' ? each.rule : each.key)));
  const limits = Object.fromEntries(
    Object.entries(problem.search.limits).filter(([key]) => !without.has(key as keyof Strategy)),
  );
  const relaxed: Problem = { ...problem, search: { ...problem.search, limits } };
  // Rules as the given problem has them: a key that is freed does not make warnings about it binding.
  const rules = searchRules(problem).filter((rule) => !without.has(rule));
  const space = createSpace(relaxed, rules, 1);
  const frame = space.families[0]?.frames[0];
  if (frame === undefined) return null;
  const combine = createCombiner(null);
  for (const recompute of frame.recomputes) {
    const layout: Strategy = { ...frame.strategy, recompute };
    for (const flags of combine(space.flagChoices(layout))) return { ...layout, ...flags };
  }
  return null;
};

/** What a strategy finds in its way, in words: what the rule found and what it would accept. */
const reasonOf = (problem: Problem, strategy: Strategy, obstacle: Obstacle): string[] => {
  if (obstacle.kind === 'limit') {
    const asked = problem.search.limits[obstacle.key] ?? [];
    const where = `search.${asked.length === 1 ? 'fix' : 'limit'}.${keyOfField(obstacle.key)}`;
    const value = spell(strategy[obstacle.key]);
    return [`${where}: no strategy is legal with ${asked.map(String).join(', ')}; one is with ${value}`];
  }
  const { pipeline, virtualStages, schedule } = strategy;
  const partition = nearEvenPartition(problem.model.layers.length, pipeline, virtualStages, schedule);
  for (const context of ruleContexts(problem, strategy, partition)) {
    const verdict = obstacle.rule.check(context);
    if (!verdict.ok)
      return [
        `${obstacle.rule.id}: ${verdict.message}; found ${verdict.found}, expected ${verdict.expected}`,
      ];
  }
  return [];
};

/** All obstacles without which nothing is legal any more, by putting back what is not needed; null: more is in the way. */
const leastSet = (problem: Problem, obstacles: readonly Obstacle[]): readonly Obstacle[] | null => {
  if (legalWithout(problem, obstacles) === null) return null;
  let needed = obstacles;
  for (const obstacle of obstacles) {
    const fewer = needed.filter((each) => each !== obstacle);
    if (legalWithout(problem, fewer) !== null) needed = fewer;
  }
  return needed;
};

/**
 * Nearest misses of a problem without any legal strategy: each names a rule or a limit without which one strategy at least
 * would be legal, or, where no single one is to blame, a smallest set of them. Memory is not looked at.
 */
export const forbiddenMisses = (
  problem: Problem,
  rejected: Readonly<Record<string, number>>,
): readonly NearestMiss[] => {
  const obstacles: readonly Obstacle[] = [
    ...searchRules(problem)
      .filter(({ id }) => rejected[id] !== undefined)
      .map((rule): Obstacle => ({ kind: 'rule', rule })),
    ...Object.keys(problem.search.limits).map((key): Obstacle => ({
      kind: 'limit',
      key: key as keyof Strategy,
    })),
  ];
  const missOf = (set: readonly Obstacle[]): NearestMiss[] => {
    const strategy = legalWithout(problem, set);
    if (strategy === null) return [];
    const reasons = set.flatMap((obstacle) => reasonOf(problem, strategy, obstacle));
    return [{ strategy, stage: 0, missing: bytes(0), reasons }];
  };
  const single = obstacles.flatMap((obstacle) => missOf([obstacle]));
  if (single.length > 0) return single;
  const set = leastSet(problem, obstacles);
  return set === null ? [] : missOf(set);
};
