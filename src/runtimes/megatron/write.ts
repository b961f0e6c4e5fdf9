import type { AcceleratorArchitecture } from '../../cluster/cluster.ts';
import type { Plan } from '../../plan/plan.ts';
import type { Problem } from '../../plan/problem.ts';
import { emitLaunch } from '../emit-launch.ts';
import type { Emission, Emitter, NotCarried } from '../emit-types.ts';
import { hasExperts } from '../model-facts.ts';
import { notCarried } from '../not-carried.ts';
import { shellQuote } from '../shell.ts';
import { compareVersions } from '../version.ts';
import { environmentOf } from './environment.ts';
import type { Variable } from './environment.ts';
import { writeModel } from './write-model.ts';
import type { FlagWords } from './write-model.ts';
import { writeStages } from './write-stages.ts';
import { writeStrategy } from './write-strategy.ts';
import { writeTraining } from './write-training.ts';

/** Everything that Megatron is started with, as data. */
export interface MegatronCommand {
  /** `layout`, then `model`. */
  readonly flags: readonly FlagWords[];
  /** Strategy, stages, precision, optimizer and kernels. */
  readonly layout: readonly FlagWords[];
  /** The architecture. */
  readonly model: readonly FlagWords[];
  readonly environment: readonly Variable[];
  /** Entry point, relative to Megatron-LM's folder. */
  readonly program: string;
  readonly notes: readonly string[];
  readonly notCarried: readonly NotCarried[];
}

const mtpStageOf = (plan: Plan): number => {
  const stage = plan.stageExtras.findIndex((extras) => extras.includes('mtp'));
  return stage < 0 ? plan.strategy.pipeline - 1 : stage;
};

/** The oldest architecture decides what all ranks may use. */
export const weakestArchitecture = (problem: Problem): AcceleratorArchitecture => {
  const order: readonly AcceleratorArchitecture[] = [
    'volta',
    'turing',
    'ampere',
    'ada',
    'hopper',
    'blackwell',
  ];
  const present = problem.cluster.groups.map(({ accelerator }) => accelerator.architecture);
  return order.find((architecture) => present.includes(architecture)) ?? present[0] ?? 'other';
};

/** Flags, environment and entry point of a plan. */
export const megatronCommand = (plan: Plan, problem: Problem, version: string): MegatronCommand => {
  const { model, cluster } = problem;
  const training = { ...problem.training, runtime: { name: 'megatron' as const, version } };
  const experts = hasExperts(model);
  const architecture = weakestArchitecture(problem);
  const written = writeModel(model, training.sequenceLength, version);
  const notes = [
    'Data, tokenizer, checkpoints, learning rate and training length are yours: the script passes its arguments on (a first run without data: --mock-data --tokenizer-type NullTokenizer --train-iters 20 --lr 1e-4).',
    ...model.omitted,
  ];
  if (model.positions.kind === 'rope')
    notes.push('Rotary base and scaling are not part of the plan: pass --rotary-base and the like.');
  if (experts)
    notes.push(
      'Losses and scale of the router are not part of the plan: pass --moe-aux-loss-coeff, --moe-router-topk-scaling-factor and the like.',
    );
  if (architecture === 'volta' || architecture === 'turing')
    notes.push(
      `Transformer Engine runs on ${architecture === 'volta' ? 'Volta' : 'Turing'} where it was built for it (NVTE_CUDA_ARCHS=${architecture === 'volta' ? '70 with CUDA 12' : '75'}).`,
    );
  const layout = [
    ...writeStrategy(plan.strategy, training, experts),
    ...writeStages(plan.strategy, plan.partition, model, version, mtpStageOf(plan)),
    ...writeTraining(plan.strategy, training, experts),
  ];
  return {
    flags: [...layout, ...written.flags],
    layout,
    model: written.flags,
    environment: environmentOf(plan.strategy, cluster, model, architecture),
    program: !written.hybrid
      ? 'pretrain_gpt.py'
      : compareVersions(version, '0.17') < 0
        ? 'pretrain_mamba.py'
        : 'pretrain_hybrid.py',
    notes,
    notCarried: written.inexpressible.map((part) =>
      notCarried('model', `Megatron ${version} has no flag for ${part}: the script trains without it`),
    ),
  };
};

/** The plan as a bash script for torchrun or Slurm, or as flags alone. */
export const emitMegatron: Emitter = (plan, problem, options): Emission => {
  const { version } = problem.training.runtime;
  const command = megatronCommand(plan, problem, version);
  if (options.only === 'flags') {
    const text = command.flags.map((words) => words.map(shellQuote).join(' ')).join('\n');
    return {
      files: [{ name: 'flags.txt', text: `${text}\n` }],
      notes: command.notes,
      notCarried: command.notCarried,
      unsupported: null,
    };
  }
  return emitLaunch(plan, problem, options, {
    runtime: `Megatron-LM ${version}`,
    usage: 'MEGATRON_PATH is the folder of Megatron-LM; arguments are passed on.',
    notes: command.notes,
    notCarried: command.notCarried,
    environment: command.environment,
    flags: command.flags,
    program: `"\${MEGATRON_PATH:-.}"/${command.program}`,
    files: [],
  });
};
