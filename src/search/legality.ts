import { gpuCount } from '../cluster/cluster.ts';
import type { Problem } from '../plan/problem.ts';
import { rulesFor } from '../runtimes/registry.ts';
import type { Rule, RuleContext } from '../runtimes/rule.ts';
import type { Partition, Strategy } from '../strategy/strategy.ts';
import { isFlagKey } from './keys.ts';

/** A rule context whose partition the caller may change. */
export type OpenContext = Omit<RuleContext, 'partition'> & { partition: Partition | null };

/**
 * What the rules look at, once per accelerator architecture of the cluster: a strategy runs on unequal groups when every
 * group can run it. The strategy may be a draft that the caller goes on changing.
 */
export const ruleContexts = (
  problem: Problem,
  strategy: Strategy,
  partition: Partition | null,
): OpenContext[] => {
  const { groups } = problem.cluster;
  const architectures = [...new Set(groups.map((group) => group.accelerator.architecture))];
  return architectures.map((architecture) => ({
    world: gpuCount(problem.cluster),
    perNode: Math.min(...groups.map((group) => group.perNode)),
    architecture,
    model: problem.model,
    training: problem.training,
    strategy,
    partition,
  }));
};

/** The partitions of a search have the right shape and hold all layers: not worth asking millions of times. */
const isHeldByDesign = ({ id }: Rule): boolean => id.endsWith('/partition-shape');

/**
 * The rules that a search obeys: every error, and warnings about switches and recomputation (one without effect is not
 * worth a plan) unless the user asked for the key. Warnings about sizes are left to the cost model.
 */
export const searchRules = (problem: Problem): readonly Rule[] => {
  const { name, version } = problem.training.runtime;
  const asked = problem.search.limits;
  return rulesFor(name, version).filter(
    (rule) =>
      !isHeldByDesign(rule) &&
      (rule.severity === 'error' ||
        rule.reads.some((key) => (isFlagKey(key) || key === 'recompute') && asked[key] === undefined)),
  );
};

export const passes = (rule: Rule, contexts: readonly RuleContext[]): boolean =>
  contexts.every((context) => rule.check(context).ok);

/** Whether the runtime can be told a partition; asks the error rules that read the pipeline. */
export const createExpressible = (
  problem: Problem,
): ((strategy: Strategy, partition: Partition) => boolean) => {
  const { name, version } = problem.training.runtime;
  const rules = rulesFor(name, version).filter(
    (rule) => rule.severity === 'error' && rule.reads.includes('pipeline') && !isHeldByDesign(rule),
  );
  return (strategy, partition) => {
    const contexts = ruleContexts(problem, strategy, partition);
    return rules.every((rule) => passes(rule, contexts));
  };
};
