import { checkedRules } from '../runtimes/megatron/checked-rules.ts';
import { megatronFlags } from '../runtimes/megatron/flags.ts';
import { readVariables } from '../runtimes/megatron/argument-rules/rule.ts';
import { judgeArguments } from '../runtimes/megatron/validate.ts';
import { filledText, gapsOf, knownText, shownText } from '../runtimes/shell-parse/values.ts';
import type { Fragment, ShellWord } from '../runtimes/shell-parse/values.ts';
import type { Source } from '../ingest/source.ts';
import { note } from './finding.ts';
import type { RawFinding } from './finding.ts';
import { candidatesOf, groupWords } from './megatron-words.ts';
import { fragmentRange, useRange } from './places.ts';
import { megatronSettings } from './megatron-settings.ts';
import type { Changes, Judgement, OpenValue, ReadOptions, Subject } from './subject.ts';
import type { Target } from './target.ts';
import { worldValue } from './world.ts';
import type { StatedWorld } from './world.ts';

/** What a reader knows of one launch of Megatron. */
export interface MegatronLaunch {
  readonly source: Source;
  readonly target: Target;
  readonly words: readonly ShellWord[];
  /** Ranks as the file states them; null where it does not. */
  readonly world: StatedWorld | null;
  /** Variables that the launch exports; null where the file has no say about the environment. */
  readonly environment: ReadonlyMap<string, readonly Fragment[]> | null;
  /** Other programs than Megatron's own may add flags to its parser. */
  readonly ownProgram: boolean;
  readonly rewrite: (changes: Changes) => string | null;
  readonly notes: readonly RawFinding[];
}

const connections = 'CUDA_DEVICE_MAX_CONNECTIONS';

/** Flags that a strategy key is stated by, to tell where a default comes from. */
const inherits: Readonly<Record<string, string>> = {
  '--expert-tensor-parallel-size': '--tensor-model-parallel-size',
  '--microbatch-group-size-per-virtual-pipeline-stage': '--pipeline-model-parallel-size',
};

const sizeFlags = new Set([
  '--tensor-model-parallel-size',
  '--pipeline-model-parallel-size',
  '--context-parallel-size',
  '--expert-model-parallel-size',
  '--micro-batch-size',
]);

const isFlag = (word: string): boolean => word.startsWith('-') && !/^-\d/u.test(word) && word !== '-';

/** The words with other values of some flags: a changed flag goes, with its values, and comes back at the end. */
const withChanges = (words: readonly string[], changes: Changes): readonly string[] => {
  const changed = new Map([...changes].filter(([key]) => key.startsWith('--')));
  if (changed.size === 0) return words;
  const result: string[] = [];
  let keeps = true;
  for (const word of words) {
    const name = word.split('=')[0] ?? word;
    if (isFlag(word)) keeps = !changed.has(megatronFlags.get(name)?.name ?? name);
    if (keeps) result.push(word);
  }
  for (const [flag, value] of changed)
    if (value !== null) result.push(flag, ...value.split(' ').filter((part) => part !== ''));
  return result;
};

/** One launch of Megatron as a subject of its rules. */
export const megatronSubject = (launch: MegatronLaunch, options: ReadOptions): Subject => {
  const { source, target } = launch;
  const grouped = groupWords(launch.words);
  const extras = new Set(grouped.extras);
  const kept = launch.words.filter(({ many, fragments }) => {
    const gap = many ? fragments[0]?.gap : null;
    return gap === null || gap === undefined || !extras.has(gap);
  });
  const candidates = candidatesOf(grouped);
  const extraNames = [...new Set(grouped.extras.map(({ name }) => name))];
  const uses = new Map(grouped.uses.map((use) => [use.flag, use]));
  const text = (flag: string): string | null => {
    const value = uses.get(flag)?.values[0];
    return value === undefined ? null : knownText(value.fragments);
  };
  const world = worldValue(launch.world, options, {
    tensor: Number(text('--tensor-model-parallel-size') ?? 1) || 1,
    pipeline: Number(text('--pipeline-model-parallel-size') ?? 1) || 1,
    context: Number(text('--context-parallel-size') ?? 1) || 1,
    expert: Number(text('--expert-model-parallel-size') ?? 1) || 1,
    expertTensor:
      Number(text('--expert-tensor-parallel-size') ?? text('--tensor-model-parallel-size') ?? 1) || 1,
  });
  const exported = launch.environment?.get(connections);
  const connectionGaps = exported === undefined ? [] : gapsOf(exported);
  const open: OpenValue[] = [...world.open];
  for (const [name, values] of candidates)
    if (!open.some(({ key }) => key === name))
      open.push({ key: name, label: name, hint: hintOf(name), candidates: values });
  for (const { name } of connectionGaps)
    if (!open.some(({ key }) => key === name))
      open.push({ key: name, label: name, hint: hintOf(name), candidates: ['1', '8'] });

  const judge = (changes: Changes): Judgement => {
    const fill = (gap: { readonly name: string }): string =>
      changes.get(gap.name) ?? candidates.get(gap.name)?.[0] ?? 'x';
    const words = withChanges(
      kept.map((word) => filledText(word, fill)),
      changes,
    );
    const ranks = world.of(changes);
    const environment: Record<string, string> = {};
    for (const name of readVariables) {
      const stated = launch.environment?.get(name);
      const value =
        (name === connections ? changes.get(name) : null) ??
        (stated === undefined
          ? options.environment.get(name)
          : stated.map((fragment) => (fragment.gap === null ? fragment.text : fill(fragment.gap))).join(''));
      if (value !== undefined) environment[name] = value;
    }
    const { findings, reading } = judgeArguments(words, {
      world: ranks,
      version: target.version,
      architecture: options.architecture ?? 'hopper',
      environment,
      environmentPartial: true,
      ...(options.perNode === null
        ? world.perNode === null
          ? {}
          : { perNode: world.perNode }
        : { perNode: options.perNode }),
    });
    return {
      findings: findings.flatMap((finding): RawFinding[] => {
        const unknown = finding.rule === 'megatron/unknown-flag';
        const { rule, stage, flags, message, found, expected } = finding;
        const base = { rule, stage, settings: flags, message, found, expected };
        if (finding.level === 'unchecked')
          return [
            {
              ...base,
              level: 'unchecked',
              missing: [
                unknown
                  ? `the flags of Megatron ${target.version}`
                  : `the value of ${flags[0] ?? connections} (--env ${flags[0] ?? connections}=…)`,
              ],
            },
          ];
        if (unknown && (!target.versionGiven || !launch.ownProgram))
          return [
            {
              ...base,
              level: 'unchecked',
              message: launch.ownProgram
                ? `${flags.join(' ')} is not a flag of Megatron ${target.version}, the newest that planner knows`
                : `${flags.join(' ')} is not a flag of Megatron itself: the program may add it`,
              missing: [
                launch.ownProgram ? 'the version (--target megatron@VERSION)' : 'the flags of the program',
              ],
            },
          ];
        // Names that a release retired were right before it.
        if (rule === 'megatron/retired-flags' && !target.versionGiven)
          return [{ ...base, level: 'unchecked', missing: ['the version (--target megatron@VERSION)'] }];
        const level = finding.level;
        // What is missed may stand where planner does not see: in "$@", or in what another program sets.
        const elsewhere =
          extraNames.length > 0 ? extraNames : launch.ownProgram ? [] : ['what the program sets'];
        if (level === 'error' && elsewhere.length > 0 && found === 'nothing')
          return [{ ...base, level: 'unchecked', missing: elsewhere }];
        return [assumed({ ...base, level, missing: [] }, options.architecture === null)];
      }),
      world: ranks,
      strategy: reading.strategy,
      partition: reading.partition,
      model: reading.model,
      training: reading.training,
    };
  };

  const originOf = (setting: string): { value: string; from: string } | null => {
    const use = uses.get(setting);
    if (use !== undefined) {
      const value = use.values.map(({ fragments }) => shownText(fragments)).join(' ');
      return { value: value === '' ? 'given' : value, from: 'given' };
    }
    if (setting === connections)
      return exported === undefined ? null : { value: shownText(exported), from: 'exported' };
    const source = inherits[setting];
    if (source !== undefined) {
      const given = originOf(source);
      return given === null
        ? null
        : { value: given.value, from: `inherited from ${source}, as Megatron does` };
    }
    return sizeFlags.has(setting) ? { value: '1', from: `default of Megatron ${target.version}` } : null;
  };

  return {
    target,
    source,
    open,
    unknownKeys: new Set(),
    judge,
    placeOf: (setting) => {
      if (setting === connections) return exported === undefined ? null : fragmentRange(source, exported);
      const use = uses.get(setting);
      if (use !== undefined) return useRange(source, use);
      const stray = grouped.strays.find((word) => shownText(word.fragments) === setting);
      return stray === undefined ? null : fragmentRange(source, stray.fragments);
    },
    originOf,
    settings: megatronSettings(uses),
    rewrite: launch.rewrite,
    rules: checkedRules(target.version),
    notes: [
      ...launch.notes,
      ...(extraNames.length > 0
        ? [
            note(
              'planner/more-arguments',
              [],
              `${extraNames.join(' and ')} may add arguments that planner does not see`,
            ),
          ]
        : []),
    ],
  };
};

/** Rules that ask for the GPU type. */
const byArchitecture: ReadonlySet<string> = new Set([
  'megatron/precision-architecture',
  'megatron/flex-dispatcher-architecture',
  'megatron/attention-kernel-architecture',
  'megatron/device-connections',
]);

/** Says that Hopper is assumed; a number format of newer GPUs tells more of the GPUs than of a mistake. */
const assumed = (finding: RawFinding, unknown: boolean): RawFinding =>
  !unknown || !byArchitecture.has(finding.rule)
    ? finding
    : {
        ...finding,
        level: finding.rule === 'megatron/precision-architecture' ? 'warning' : finding.level,
        message: `${finding.message} (the GPU type is not known: Hopper is assumed, --spec tells it)`,
      };

const hintOf = (name: string): string => {
  const plain = /^\$\{?(\w+)\}?$/u.exec(name)?.[1];
  return plain === undefined ? 'known to a run only' : `--env ${plain}=…`;
};
