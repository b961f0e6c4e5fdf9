import type { Source } from '../ingest/source.ts';
import type { Strategy } from '../strategy/strategy.ts';
import { flagOfKey, recipeFacts, sharedArgumentRules } from '../runtimes/bridge/keys.ts';
import { parseArguments } from '../runtimes/megatron/arguments.ts';
import { readMegatron } from '../runtimes/megatron/read.ts';
import { megatron } from '../runtimes/megatron/runtime.ts';
import { argumentRules } from '../runtimes/megatron/validate.ts';
import type { Rule } from '../runtimes/rule.ts';
import { filledText, gapsOf, gapOf, knownText, shownText, wordOf } from '../runtimes/shell-parse/values.ts';
import type { Fragment, Gap, ShellWord } from '../runtimes/shell-parse/values.ts';
import { applyEdits } from './edit.ts';
import { error, unchecked, warning } from './finding.ts';
import type { RawFinding } from './finding.ts';
import type { BridgeSetting } from './bridge-setting.ts';
import { architectures, flagOfStrategyKey, fromRecipe } from './bridge-tables.ts';
import { readCommandLine, wordsOf } from './bridge-words.ts';
import { firstKeyOf, settingsOf, valuesToTry } from './bridge-settings.ts';
import { askRules, missingModel, withMissing } from './missing.ts';
import { modelNamed } from './model-name.ts';
import { fragmentRange } from './places.ts';
import type { Changes, Judgement, OpenValue, ReadOptions, Subject } from './subject.ts';
import type { Target } from './target.ts';
import { worldValue } from './world.ts';
import type { StatedWorld } from './world.ts';

export interface BridgeGiven {
  readonly source: Source;
  readonly target: Target;
  readonly notes: readonly RawFinding[];
  readonly environment: ReadonlyMap<string, readonly Fragment[]> | null;
  readonly world: StatedWorld | null;
  /** Of a command line: KEY=VALUE, `--recipe NAME`, `--nodes N --gpus-per-node G`. */
  readonly words?: readonly ShellWord[];
  /** Of a resolved file. */
  readonly settings?: readonly BridgeSetting[];
  readonly rewrite?: (changes: Changes) => string | null;
}

/** A configuration of Bridge or NeMo as a subject of the rules of Megatron's core and of Bridge's own checks. */
export const bridgeSubject = (given: BridgeGiven, options: ReadOptions): Subject => {
  const { source, target } = given;
  const line = given.words === undefined ? null : readCommandLine(given.words);
  const list = given.settings ?? line?.settings ?? [];
  const recipe = line?.recipe ?? list.find(({ key }) => key === 'recipe')?.value.fragments[0]?.text ?? null;
  const facts = recipe === null ? null : recipeFacts(recipe);
  const byFlag = new Map<string, BridgeSetting>();
  for (const setting of list) {
    const flag = flagOfKey(setting.key);
    if (flag === null) continue;
    // A later section that switches something off does not undo the one that switches it on.
    if (byFlag.has(flag) && /^(?:null|none|false)?$/iu.test(shownText(setting.value.fragments))) continue;
    byFlag.set(flag, setting);
  }
  const gapsBySetting = new Map<string, Gap>();
  if (line !== null)
    for (const flag of fromRecipe)
      if (!byFlag.has(flag)) gapsBySetting.set(flag, gapOf(`${nameOf(flag)} of the recipe`));
  const etp = byFlag.get('--expert-tensor-parallel-size');
  const etpOpen = etp !== undefined && shownText(etp.value.fragments) === '?';
  if (etpOpen)
    gapsBySetting.set(
      '--expert-tensor-parallel-size',
      gapOf('model.expert_tensor_parallel_size of the base configuration'),
    );
  const text = (flag: string): string | null => {
    const setting = byFlag.get(flag);
    return setting === undefined ? null : knownText(setting.value.fragments);
  };
  const size = (flag: string): number => Number(text(flag) ?? 1) || 1;
  const stated: StatedWorld | null =
    line?.world ??
    given.world ??
    (facts === null ? null : { factors: [wordOf(String(facts.gpus))], perNode: null });
  const world = worldValue(stated, options, {
    tensor: size('--tensor-model-parallel-size'),
    pipeline: size('--pipeline-model-parallel-size'),
    context: size('--context-parallel-size'),
    expert: size('--expert-model-parallel-size'),
    expertTensor: size('--expert-tensor-parallel-size'),
  });
  const open: OpenValue[] = [...world.open];
  const offer = (gap: Gap, flag: string): void => {
    if (open.some(({ key }) => key === gap.name)) return;
    const tensor = text('--tensor-model-parallel-size') ?? '1';
    const candidates =
      gap.alternatives.length > 0
        ? gap.alternatives
        : flag === '--expert-tensor-parallel-size'
          ? [...new Set(['1', tensor])]
          : valuesToTry(flag);
    const variable = /^\$\{?(\w+)\}?$/u.exec(gap.name)?.[1];
    open.push({
      key: gap.name,
      label: gap.name,
      hint: variable === undefined ? 'state it' : `--env ${variable}=…`,
      candidates,
    });
  };
  for (const [flag, gap] of gapsBySetting) offer(gap, flag);
  for (const [flag, setting] of byFlag) for (const gap of gapsOf(setting.value.fragments)) offer(gap, flag);
  const firstOf = new Map(open.map(({ key, candidates }) => [key, candidates[0] ?? '1']));

  const preset = facts === null ? null : modelNamed(facts.model);
  const architecture = options.architecture ?? architectures[facts?.hardware ?? ''] ?? 'hopper';

  const judge = (changes: Changes): Judgement => {
    const fill = (gap: Gap): string => changes.get(gap.name) ?? firstOf.get(gap.name) ?? '1';
    const words: string[] = [];
    for (const [flag, setting] of byFlag) {
      const changed = changes.get(setting.key);
      if (changed === null || gapsBySetting.has(flag)) continue;
      words.push(...wordsOf(flag, changed ?? filledText(setting.value, fill)));
    }
    for (const [flag, gap] of gapsBySetting)
      words.push(...wordsOf(flag, changes.get(nameOf(flag)) ?? fill(gap)));
    for (const [key, value] of changes) {
      const flag = key.includes('.') ? flagOfKey(key) : null;
      if (flag !== null && value !== null && !byFlag.has(flag) && !gapsBySetting.has(flag))
        words.push(...wordsOf(flag, value));
    }
    // Bridge's models have positions for the sequence (docs/megatron-lm-to-megatron-bridge.md).
    const sequence = words[words.indexOf('--seq-length') + 1];
    if (words.includes('--seq-length') && sequence !== undefined)
      words.push('--max-position-embeddings', sequence);
    return judgeWords(words, world.of(changes));
  };

  const settingName = (flag: string): string => byFlag.get(flag)?.key ?? nameOf(flag);

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
      findings: line === null ? findings : findings.map(asOverride),
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
        // The recipe may bring a layout of its own, by a function.
        (!layoutUnknown || !rule.reads.includes('virtualStages') || rule.id === 'megatron/micro-batch-group'),
    );
    const context = {
      world: ranks,
      perNode: options.perNode ?? 8,
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

  const layoutUnknown =
    list.some(({ key }) => key.startsWith('CALL:')) ||
    (line !== null && !byFlag.has('--pipeline-model-parallel-layout'));

  return {
    target,
    source,
    open,
    unknownKeys: new Set(),
    judge,
    placeOf: (name) => {
      const setting = list.findLast(({ key }) => key === name);
      if (setting === undefined || setting.at < 0) return null;
      const value = fragmentRange(source, setting.value.fragments);
      const end =
        value !== null && value.start > setting.at && value.end - setting.at < 200
          ? value.end
          : setting.at + name.length;
      return { source, start: setting.at, end };
    },
    originOf: (name) => {
      const setting = list.findLast(({ key }) => key === name);
      if (setting !== undefined) return { value: shownText(setting.value.fragments), from: 'given' };
      if (line !== null) return { value: 'unknown', from: 'the recipe' };
      if (name === 'model.expert_tensor_parallel_size')
        return {
          value: String(size('--tensor-model-parallel-size')),
          from: 'inherited from model.tensor_model_parallel_size, as the core does',
        };
      return flagOfKey(name) === null ? null : { value: '1', from: 'default of Megatron-Bridge' };
    },
    settings: settingsOf(byFlag),
    rewrite: given.rewrite ?? ((changes) => rewriteOverrides(source, list, changes)),
    rules: [
      ...megatron.rules.filter(holds).map(({ id }) => id),
      ...[...sharedArgumentRules].map((id) => `megatron/${id}`),
      'bridge/sequence-needs-tensor',
      'bridge/bad-value',
    ],
    notes: given.notes,
  };
};

/** Rules whose facts a recipe always brings and that nobody overrides: they would only repeat that the model is unknown. */
const quietlyUnchecked = new Set([
  'megatron/padded-vocabulary',
  'megatron/positions',
  'megatron/precision-architecture',
  'megatron/attention-kernel-architecture',
]);

/**
 * Rules that the stated sizes decide, whatever else a recipe's base sets; the others may be answered by a setting that a
 * command line does not show (a layout, a dispatcher, grouped products).
 */
const decidedBySizes: ReadonlySet<string> = new Set([
  'megatron/world-divisible',
  'megatron/expert-grid',
  'megatron/batch-divisible',
  'megatron/micro-batch-group',
  'megatron/sizes',
  'megatron/heads-tensor',
  'megatron/query-groups-tensor',
  'megatron/experts-divisible',
  'megatron/sequence-context',
  'megatron/sequence-tensor-divisible',
  'megatron/virtual-needs-pipeline',
  'bridge/sequence-needs-tensor',
  'bridge/bad-value',
]);

const asOverride = (finding: RawFinding): RawFinding =>
  finding.level !== 'error' || decidedBySizes.has(finding.rule)
    ? finding
    : unchecked(
        finding.rule,
        finding.stage,
        finding.settings,
        ['what the base of the recipe sets'],
        finding.message,
      );

const holds = (rule: Rule): boolean => rule.until === null && rule.id !== 'megatron/expert-group-routing';

const nameOf = (flag: string): string => firstKeyOf(flag);

const expertsOf = (model: NonNullable<Judgement['model']>): readonly string[] => {
  const moe = model.kinds.map(({ feedForward }) => feedForward).find(({ kind }) => kind === 'moe');
  return moe?.kind === 'moe' ? ['--num-experts', String(moe.experts)] : [];
};

/** Overrides are changed in place; new ones go after the last. */
const rewriteOverrides = (
  source: Source,
  list: readonly BridgeSetting[],
  changes: Changes,
): string | null => {
  const edits: { start: number; end: number; text: string }[] = [];
  for (const [key, value] of changes) {
    const setting = list.findLast((one) => one.key === key);
    const range = setting === undefined ? null : fragmentRange(source, setting.value.fragments);
    if (setting !== undefined && range !== null && value !== null)
      edits.push({ start: range.start, end: range.end, text: value });
    else if (setting === undefined && value !== null) {
      const last = list.findLast(({ at }) => at >= 0);
      if (last === undefined) return null;
      edits.push({ start: last.at, end: last.at, text: `${key}=${value} ` });
    } else if (value === null && setting !== undefined && range !== null)
      edits.push({ start: range.start, end: range.end, text: 'null' });
    else return null;
  }
  return applyEdits(source.text, edits);
};
