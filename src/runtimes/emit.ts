import { gpuCount } from '../cluster/cluster.ts';
import type { Plan } from '../plan/plan.ts';
import type { Problem, RuntimeName } from '../plan/problem.ts';
import { emitAccelerate, engineOf } from './accelerate/write.ts';
import { emitBridge } from './bridge/write.ts';
import { emitDeepspeed } from './deepspeed/write.ts';
import { unsupported } from './emit-types.ts';
import type { Emission, Emitter, EmitOptions, EmitTarget } from './emit-types.ts';
import { emitMegatron, weakestArchitecture } from './megatron/write.ts';
import { emitNanotron } from './nanotron/write.ts';
import { checkStrategy, latestVersion, runtimeOf } from './registry.ts';
import { emitTorchtitan } from './torchtitan/write.ts';

export const emitTargets: readonly EmitTarget[] = [
  'megatron',
  'bridge',
  'torchtitan',
  'deepspeed',
  'nanotron',
  'accelerate',
];

/** The runtime whose rules a target's runs obey; accelerate runs a plan as the plan's own runtime does. */
export const runtimeOfEmission = (target: EmitTarget, planned: RuntimeName): RuntimeName => {
  if (target === 'accelerate') return engineOf(planned);
  return target === 'bridge' ? 'megatron' : target;
};

const emitterOf = (target: EmitTarget, runtime: RuntimeName): Emitter => {
  switch (target) {
    case 'megatron':
      return emitMegatron;
    case 'bridge':
      return emitBridge;
    case 'torchtitan':
      return emitTorchtitan;
    case 'deepspeed':
      return emitDeepspeed;
    case 'nanotron':
      return emitNanotron;
    case 'accelerate':
      return emitAccelerate(engineOf(runtime));
  }
};

/** Releases of a target that can be asked for; none where planner knows its front end in one release alone. */
export const releasesOf = (target: EmitTarget): readonly string[] =>
  target === 'bridge' || target === 'accelerate' ? [] : runtimeOf(target).versions;

/** The problem as the target sees it: its own newest version where the plan was made for another runtime. */
const retarget = (problem: Problem, runtime: RuntimeName, release: string | undefined): Problem => {
  const planned = problem.training.runtime;
  const version = release ?? (planned.name === runtime ? planned.version : latestVersion(runtime));
  return { ...problem, training: { ...problem.training, runtime: { name: runtime, version } } };
};

/**
 * Launch files of a plan. Pure: nothing is written, the caller does. A plan that the target's own rules refuse gives no
 * files, and the reasons.
 */
export const emit = (plan: Plan, problem: Problem, options: EmitOptions): Emission => {
  const runtime = runtimeOfEmission(options.target, problem.training.runtime.name);
  const seen = retarget(problem, runtime, options.release);
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
  const planned = problem.training.runtime;
  return emitterOf(options.target, runtime)(
    plan,
    seen,
    planned.name === runtime ? options : { ...options, estimatedFor: `${planned.name}@${planned.version}` },
  );
};
