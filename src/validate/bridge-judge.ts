import type { Strategy } from '../strategy/strategy.ts';
import type { AcceleratorArchitecture } from '../cluster/cluster.ts';
import type { Model } from '../model/model.ts';
import { sharedArgumentRules } from '../runtimes/bridge/keys.ts';
import { parseArguments } from '../runtimes/megatron/arguments.ts';
import { readMegatron } from '../runtimes/megatron/read.ts';
import { megatron } from '../runtimes/megatron/runtime.ts';
import { argumentRules } from '../runtimes/megatron/validate.ts';
import type { Rule } from '../runtimes/rule.ts';
import { asOverride, quietlyUnchecked } from './bridge-overrides.ts';
import { flagOfStrategyKey } from './bridge-tables.ts';
import { error, warning } from './finding.ts';
import type { RawFinding } from './finding.ts';
import { askRules, missingModel, withMissing } from './missing.ts';
import type { Judgement } from './subject.ts';

/** What does not change while values are tried. */
export interface BridgeFacts {
  /** Only overrides of a recipe are known. */
  readonly overrides: boolean;
  /** The recipe may bring a pipeline layout of its own, by a function. */
  readonly layoutUnknown: boolean;
  /** Model that the recipe's name states. */
  readonly preset: Model | null;
  readonly architecture: AcceleratorArchitecture;
  readonly perNode: number;
  /** A flag of Megatron as the file names it. */
  readonly settingName: (flag: string) => string;
}

/** Judges a configuration of Bridge, given as flags of Megatron, by the rules of the core and of Bridge. */
export const bridgeJudge = ({
  overrides,
  layoutUnknown,
  preset,
  architecture,
  perNode,
  settingName,
}: BridgeFacts): ((words: readonly string[], ranks: number) => Judgement) => {
  const judgeWords = (given: readonly string[], ranks: number): Judgement => {
    const reading = readMegatron(
      given.includes('--num-experts') || preset === null ? given : [...given, ...expertsOf(preset)],
      { world: ranks, version: '0.20' },
    );
    const { values, problems } = parseArguments(given);
    const model = reading.model ?? preset;
    const { strategy, partition } = reading;
    const findings: RawFinding[] = problems
      .filter(({ kind }) => kind === 'bad-value')
      .map(({ flag, message, found, expected }) =>
        error(
          'bridge/bad-value',
          'parse',
          [settingName(flag)],
          message.replaceAll(flag, settingName(flag)),
          found,
          expected,
        ),
      );
    const layers = reading.layers > 0 ? reading.layers : (model?.layers.length ?? 0);
    for (const rule of argumentRules) {
      if (!sharedArgumentRules.has(rule.id)) continue;
      if (layers === 0 && (rule.id === 'layout' || rule.id === 'uneven-stages')) continue;
      const verdict = rule.check({
        given: values,
        world: ranks,
        environment: undefined,
        architecture,
        version: '0.20',
        strategy,
        layers,
      });
      if (verdict.kind !== 'bad') continue;
      const { flags, message, found, expected, severity } = verdict;
      const make = severity === 'error' ? error : warning;
      findings.push(
        make(`megatron/${rule.id}`, rule.stage, flags.map(settingName), message, found, expected),
      );
    }
    if (!Number.isSafeInteger(strategy.data) || strategy.data < 1) {
      const replica = strategy.tensor * strategy.pipeline * strategy.context;
      findings.push(
        error(
          'megatron/world-divisible',
          'startup',
          [
            settingName('--tensor-model-parallel-size'),
            settingName('--pipeline-model-parallel-size'),
            settingName('--context-parallel-size'),
          ],
          `${ranks} GPUs do not divide by tensor × pipeline × context = ${replica}`,
          ranks,
          `a multiple of ${replica}`,
        ),
      );
    }
    if (strategy.sequenceParallel && strategy.tensor === 1)
      findings.push(
        error(
          'bridge/sequence-needs-tensor',
          'startup',
          [settingName('--sequence-parallel')],
          'sequence parallelism without tensor parallelism: Bridge raises where Megatron only switches it off',
          'true',
          'false, or tensor_model_parallel_size above 1',
        ),
      );
    findings.push(
      ...strategyFindings(
        strategy,
        partition,
        model,
        ranks,
        reading.training,
        values.has('--seq-length'),
        values.has('--global-batch-size'),
      ),
    );
    return {
      findings: overrides ? findings.map(asOverride) : findings,
      world: ranks,
      strategy,
      partition,
      model,
      training: reading.training,
    };
  };

  const strategyFindings = (
    strategy: Strategy,
    partition: Judgement['partition'],
    model: Judgement['model'],
    ranks: number,
    training: NonNullable<Judgement['training']>,
    sequence: boolean,
    batch: boolean,
  ): RawFinding[] => {
    const whole = Number.isSafeInteger(strategy.data) && strategy.data >= 1;
    const rules = megatron.rules.filter(
      (rule) =>
        holds(rule) &&
        rule.id !== 'megatron/sequence-needs-tensor' &&
        (whole || !rule.reads.some((key) => key === 'data' || key === 'shardingGroup')) &&
        (!layoutUnknown || !rule.reads.includes('virtualStages') || rule.id === 'megatron/micro-batch-group'),
    );
    const context = {
      world: ranks,
      perNode: perNode,
      architecture,
      model: model ?? missingModel('the model of the recipe'),
      training: withMissing(training, {
        ...(sequence ? {} : { sequenceLength: 'the sequence length (dataset.seq_length)' }),
        ...(batch ? {} : { globalBatchSize: 'the batch (train.global_batch_size)' }),
      }),
      strategy,
      partition: layoutUnknown ? null : partition,
    };
    return askRules(rules, context, (key) => {
      const flag = flagOfStrategyKey[key as keyof Strategy];
      return flag === undefined ? [] : [settingName(flag)];
    }).filter(({ level, rule }) => level !== 'unchecked' || !quietlyUnchecked.has(rule));
  };

  return judgeWords;
};

/** Rules of Megatron's core that Bridge's configurations are asked, too. */
export const bridgeRules = (): readonly string[] => [
  ...megatron.rules.filter(holds).map(({ id }) => id),
  ...[...sharedArgumentRules].map((id) => `megatron/${id}`),
  'bridge/sequence-needs-tensor',
  'bridge/bad-value',
];

const holds = (rule: Rule): boolean => rule.until === null && rule.id !== 'megatron/expert-group-routing';

const expertsOf = (model: NonNullable<Judgement['model']>): readonly string[] => {
  const moe = model.kinds.map(({ feedForward }) => feedForward).find(({ kind }) => kind === 'moe');
  return moe?.kind === 'moe' ? ['--num-experts', String(moe.experts)] : [];
};
