import { gpuCount } from '../cluster/cluster.ts';
import type { Plan } from '../plan/plan.ts';
import type { Problem } from '../plan/problem.ts';
import { emitDeepspeed } from './deepspeed/write.ts';
import { unsupported } from './emit-types.ts';
import type { Emission, Emitter, EmitOptions, EmitTarget } from './emit-types.ts';
import { emitMegatron, weakestArchitecture } from './megatron/write.ts';
import { emitNanotron } from './nanotron/write.ts';
import { checkStrategy, latestVersion } from './registry.ts';
import { emitTorchtitan } from './torchtitan/write.ts';

const emitters: Readonly<Record<EmitTarget, Emitter>> = {
  megatron: emitMegatron,
  torchtitan: emitTorchtitan,
  deepspeed: emitDeepspeed,
  nanotron: emitNanotron,
};

export const emitTargets: readonly EmitTarget[] = ['megatron', 'torchtitan', 'deepspeed', 'nanotron'];

/** The problem as the target sees it: its own newest version where the plan was made for another runtime. */
const retarget = (problem: Problem, target: EmitTarget): Problem =>
  problem.training.runtime.name === target
    ? problem
    : {
        ...problem,
        training: { ...problem.training, runtime: { name: target, version: latestVersion(target) } },
      };

/**
 * Launch files of a plan. Pure: nothing is written, the caller does. A plan that the target's own rules refuse gives no
 * files, and the reasons.
 */
export const emit = (plan: Plan, problem: Problem, options: EmitOptions): Emission => {
  const seen = retarget(problem, options.target);
  const broken = checkStrategy({
    world: gpuCount(problem.cluster),
    perNode: Math.min(...problem.cluster.groups.map((group) => group.perNode)),
    architecture: weakestArchitecture(problem),
    model: problem.model,
    training: seen.training,
    strategy: plan.strategy,
    partition: plan.partition,
  }).filter(({ rule }) => rule.severity === 'error');
  if (broken.length > 0)
    return unsupported(
      `${options.target} would not run this plan: ${broken.map(({ rule, message }) => `${message} (${rule.id})`).join('; ')}`,
    );
  return emitters[options.target](plan, seen, options);
};
