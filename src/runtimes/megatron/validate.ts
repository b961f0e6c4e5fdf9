import type { AcceleratorArchitecture } from '../../cluster/cluster.ts';
import type { Model } from '../../model/model.ts';
import type { Training } from '../../plan/problem.ts';
import type { Partition, Strategy } from '../../strategy/strategy.ts';
import type { FailureStage, RuleContext } from '../rule.ts';
import { compareVersions, holdsIn } from '../version.ts';
import { basicArgumentRules } from './argument-rules/basics.ts';
import { activationArgumentRules } from './argument-rules/activations.ts';
import { attentionArgumentRules } from './argument-rules/attention.ts';
import { checkpointArgumentRules } from './argument-rules/checkpoint.ts';
import { combinationArgumentRules } from './argument-rules/combinations.ts';
import { expertArgumentRules } from './argument-rules/experts.ts';
import { graphArgumentRules } from './argument-rules/graphs.ts';
import { graphModuleArgumentRules } from './argument-rules/graph-modules.ts';
import { harmfulArgumentRules } from './argument-rules/harmful.ts';
import { hybridArgumentRules } from './argument-rules/hybrid.ts';
import { lengthArgumentRules } from './argument-rules/length.ts';
import { mixerArgumentRules } from './argument-rules/mixers.ts';
import { offloadArgumentRules } from './argument-rules/offload.ts';
import { precisionArgumentRules } from './argument-rules/precision.ts';
import type { ArgumentContext, ArgumentRule } from './argument-rules/rule.ts';
import { recomputeArgumentRules } from './argument-rules/recompute.ts';
import { routerArgumentRules } from './argument-rules/router.ts';
import { shardedArgumentRules } from './argument-rules/sharded.ts';
import { stageArgumentRules } from './argument-rules/stages.ts';
import { shardCopies, weightShardRules } from './argument-rules/weight-shards.ts';
import { parseArguments } from './arguments.ts';
import type { ArgumentProblem } from './arguments.ts';
import { flagSince } from './flags.ts';
import { readParsed } from './read.ts';
import type { MegatronReading } from './read.ts';
import { tolerated } from './tolerated.ts';
import { megatron } from './runtime.ts';

export const argumentRules: readonly ArgumentRule[] = [
  ...basicArgumentRules,
  ...stageArgumentRules,
  ...hybridArgumentRules,
  ...lengthArgumentRules,
  ...precisionArgumentRules,
  ...attentionArgumentRules,
  ...activationArgumentRules,
  ...mixerArgumentRules,
  ...routerArgumentRules,
  ...expertArgumentRules,
  ...recomputeArgumentRules,
  ...combinationArgumentRules,
  ...offloadArgumentRules,
  ...graphArgumentRules,
  ...graphModuleArgumentRules,
  ...shardedArgumentRules,
  ...checkpointArgumentRules,
  ...weightShardRules,
  ...harmfulArgumentRules,
];

/** What is wrong with a set of flags, and when the run would have died. */
export interface ArgumentFinding {
  /** `megatron/…`. */
  readonly rule: string;
  /** unchecked: could not be decided; `message` says what is missing. */
  readonly level: 'error' | 'warning' | 'unchecked';
  readonly stage: FailureStage;
  /** Flags (or environment variables) at fault. */
  readonly flags: readonly string[];
  readonly message: string;
  readonly found: string;
  readonly expected: string;
}

/** What is known about the run beside its flags. */
export interface ValidationOptions {
  readonly world: number;
  /** GPUs of a node; 8 where it is not known. */
  readonly perNode?: number;
  /** undefined: the environment is not known, and rules about it stay unchecked. */
  readonly environment?: Readonly<Record<string, string>> | undefined;
  /** Only the variables in `environment` are known. */
  readonly environmentPartial?: boolean;
  readonly architecture: AcceleratorArchitecture;
  readonly version: string;
}

/** Flags behind strategy keys, for findings of rules about strategies. */
const flagsOfKey: Readonly<Partial<Record<keyof Strategy, readonly string[]>>> = {
  tensor: ['--tensor-model-parallel-size'],
  pipeline: ['--pipeline-model-parallel-size'],
  virtualStages: ['--num-virtual-stages-per-pipeline-rank'],
  context: ['--context-parallel-size'],
  expert: ['--expert-model-parallel-size'],
  expertTensor: ['--expert-tensor-parallel-size'],
  microBatchSize: ['--micro-batch-size'],
  microBatchGroup: ['--microbatch-group-size-per-virtual-pipeline-stage'],
  sequenceParallel: ['--sequence-parallel'],
  recompute: ['--recompute-granularity'],
  sharding: ['--use-distributed-optimizer'],
  shardingGroup: ['--num-distributed-optimizer-instances'],
  overlapGradients: ['--overlap-grad-reduce'],
  overlapParameters: ['--overlap-param-gather'],
  overlapTensor: ['--tp-comm-overlap'],
  overlapExpert: ['--overlap-moe-expert-parallel-comm'],
  contextCommunication: ['--cp-comm-type'],
  dispatcher: ['--moe-token-dispatcher-type'],
  rankOrder: ['--use-tp-pp-dp-mapping'],
  offload: ['--optimizer-cpu-offload'],
};

/** The flag table is that of 0.20: for another release an unknown flag may be one of its own. */
const problemFinding = (problem: ArgumentProblem, version: string): ArgumentFinding => ({
  rule: `megatron/${problem.kind}`,
  level: problem.kind === 'unknown-flag' && compareVersions(version, '0.20') !== 0 ? 'unchecked' : 'error',
  stage: 'parse',
  flags: [problem.flag],
  message: problem.message,
  found: problem.found,
  expected: problem.expected,
});

const sinceFindings = (flags: Iterable<string>, version: string): ArgumentFinding[] =>
  [...flags].flatMap((flag) => {
    const since = flagSince[flag];
    return since === undefined || compareVersions(version, since) >= 0
      ? []
      : [
          {
            rule: 'megatron/unknown-flag',
            level: 'error' as const,
            stage: 'parse' as const,
            flags: [flag],
            message: `${flag} came with Megatron ${since}`,
            found: version,
            expected: `${since} or later`,
          },
        ];
  });

const argumentFindings = (context: ArgumentContext): ArgumentFinding[] =>
  argumentRules.flatMap((rule): ArgumentFinding[] => {
    if (!holdsIn(context.version, rule.since ?? null, rule.until ?? null)) return [];
    const verdict = rule.check(context);
    if (verdict.kind === 'ok') return [];
    const base = { rule: `megatron/${rule.id}`, stage: rule.stage, flags: verdict.flags };
    if (verdict.kind === 'unchecked')
      return [
        {
          ...base,
          level: 'unchecked',
          message: `needs ${verdict.missing}`,
          found: 'unknown',
          expected: rule.why,
        },
      ];
    const { severity, message, found, expected } = verdict;
    return [{ ...base, level: severity, message, found, expected }];
  });

interface Subject {
  readonly strategy: Strategy;
  readonly partition: Partition | null;
  readonly model: Model;
  readonly training: Training;
}

/** The rules that the search uses, on what the flags say. Without whole replicas only rules that need none are asked. */
const strategyFindings = (subject: Subject, options: ValidationOptions, world: number): ArgumentFinding[] => {
  const whole = Number.isSafeInteger(subject.strategy.data) && subject.strategy.data >= 1;
  const context: RuleContext = {
    ...subject,
    world,
    perNode: options.perNode ?? 8,
    architecture: options.architecture,
  };
  return megatron.rules.flatMap((rule) => {
    if (!holdsIn(options.version, rule.since, rule.until)) return [];
    if (!whole && rule.reads.some((key) => key === 'data' || key === 'shardingGroup')) return [];
    const verdict = rule.check(context);
    if (verdict.ok) return [];
    return [
      {
        rule: rule.id,
        level: rule.severity,
        stage: rule.stage,
        flags: verdict.at.flatMap((key) => flagsOfKey[key] ?? []),
        message: verdict.message,
        found: verdict.found,
        expected: verdict.expected,
      },
    ];
  });
};

const worldFinding = (strategy: Strategy, world: number): ArgumentFinding => {
  const replica = strategy.tensor * strategy.pipeline * strategy.context;
  return {
    rule: 'megatron/world-divisible',
    level: 'error',
    stage: 'startup',
    flags: ['--tensor-model-parallel-size', '--pipeline-model-parallel-size', '--context-parallel-size'],
    message: `${world} GPUs do not divide by tensor × pipeline × context = ${replica}`,
    found: String(world),
    expected: `a multiple of ${replica}`,
  };
};

/**
 * Everything that Megatron would say about these flags, collected from the four places where it checks: its parser, its
 * start-up checks, the creation of process groups, and the first steps. Errors, warnings and what could not be decided,
 * with what the flags mean.
 */
export const judgeArguments = (
  words: readonly string[],
  options: ValidationOptions,
): { readonly findings: readonly ArgumentFinding[]; readonly reading: MegatronReading } => {
  const parsed = parseArguments(words);
  const { values, problems } = parsed;
  const { version } = options;
  const reading = readParsed(parsed, { world: options.world, version });
  // Ranks of weight shards are no replicas: the grids are laid over the others.
  const copies = shardCopies({ given: values, strategy: reading.strategy }).dense;
  const world = options.world / copies;
  const laid = copies === 1 ? reading : readParsed(parsed, { world, version });
  const findings = [
    ...problems.map((problem) => problemFinding(problem, version)),
    ...sinceFindings(values.keys(), version),
    ...argumentFindings({
      given: values,
      world,
      environment: options.environment,
      environmentPartial: options.environmentPartial ?? false,
      architecture: options.architecture,
      version,
      strategy: laid.strategy,
      layers: laid.layers,
    }),
  ];
  if (!Number.isSafeInteger(laid.strategy.data) || laid.strategy.data < 1)
    findings.push(worldFinding(laid.strategy, world));
  if (laid.model !== null)
    for (const finding of strategyFindings({ ...laid, model: laid.model }, options, world)) {
      const level = tolerated[finding.rule]?.(values, version);
      if (level !== null) findings.push(level === undefined ? finding : { ...finding, level });
    }
  return { findings, reading };
};
