import type { Source } from '../ingest/source.ts';
import { megatronFlags } from '../runtimes/megatron/flags.ts';
import { readMegatronScript } from '../runtimes/megatron/read-script.ts';
import { readArgumentList } from '../runtimes/shell-parse/arguments.ts';
import { worldOf } from '../runtimes/shell-parse/launch.ts';
import type { Launch } from '../runtimes/shell-parse/launch.ts';
import { readScript } from '../runtimes/shell-parse/read.ts';
import type { ScriptFacts } from '../runtimes/shell-parse/read.ts';
import { knownText, shownText, wordOf } from '../runtimes/shell-parse/values.ts';
import type { ShellWord } from '../runtimes/shell-parse/values.ts';
import { accelerateSubject } from './accelerate-subject.ts';
import { accelerateFile } from './accelerate-words.ts';
import { bridgeSubject } from './bridge-subject.ts';
import { rewriteFlags } from './edit.ts';
import { error, note } from './finding.ts';
import type { RawFinding } from './finding.ts';
import { configurationOf } from './launch-configuration.ts';
import { groupWords } from './megatron-words.ts';
import type { FlagUse } from './megatron-words.ts';
import { megatronSubject } from './megatron-subject.ts';
import type { ReadResult } from './read-result.ts';
import { serverSubject } from './server-subject.ts';
import type { ReadOptions, Subject } from './subject.ts';
import { targetOf } from './target.ts';
import { torchtitanSubject } from './torchtitan-subject.ts';
import { looksLikeTorchtitan, torchtitanFile } from './torchtitan-words.ts';
import type { StatedWorld } from './world.ts';

/** Launches of one script that are judged; a sweep over forty sizes is understood before the twentieth. */
const MOST_LAUNCHES = 20;

const telling = new Set([
  '--num-layers',
  '--hidden-size',
  '--micro-batch-size',
  '--tensor-model-parallel-size',
  '--pipeline-model-parallel-size',
  '--expert-model-parallel-size',
  '--context-parallel-size',
  '--yaml-cfg',
]);

const ownPrograms = /(?:^|\/)(?:pretrain_(?:gpt|bert|t5|mamba|hybrid|vlm|ict|retro|mimo)|train_rl)\.py$/u;

const flagNames = (words: readonly ShellWord[]): readonly string[] =>
  words
    .map(({ fragments }) => shownText(fragments).split('=')[0] ?? '')
    .filter((text) => text.startsWith('--'));

/** Whether words look like flags of Megatron. */
export const looksLikeMegatron = (words: readonly ShellWord[]): boolean =>
  flagNames(words).some((flag) => telling.has(flag) && megatronFlags.has(flag));

const keyValue = /^[+~]{0,2}[A-Za-z_]\w*(?:\.\w+)+=/u;

export const isOverride = (word: ShellWord): boolean => keyValue.test(shownText(word.fragments));

const isBridge = ({ program, arguments: words }: Launch): boolean =>
  /(?:run_recipe|run_script|train)\.(?:py|sh)$/u.test(program) &&
  (flagNames(words).includes('--recipe') || words.filter(isOverride).length >= 2);

const sourcedNotes = (facts: ScriptFacts): readonly RawFinding[] =>
  facts.sourced.length === 0
    ? []
    : [
        note(
          'planner/sourced',
          [],
          `${facts.sourced.slice(0, 3).join(', ')} ${facts.sourced.length === 1 ? 'is' : 'are'} read by the script, not by planner: variables set there are unknown`,
        ),
      ];

const signature = ({ program, arguments: words, environment }: Launch): string =>
  JSON.stringify([
    program,
    words.map(({ fragments }) => shownText(fragments)),
    [...environment].map(([name, value]) => [name, shownText(value)]),
  ]);

/** A launch of torchtitan whose sections are words of the command line. */
const torchtitanLaunch = (
  source: Source,
  words: readonly ShellWord[],
  world: StatedWorld | null,
  options: ReadOptions,
): Subject | null => {
  const file = torchtitanFile(source, words);
  if (file === null) return null;
  const factors = world?.factors.map(({ fragments }) => Number(knownText(fragments))) ?? [Number.NaN];
  const ranks = factors.reduce((product, factor) => product * factor, 1);
  const gpus = options.gpus ?? (Number.isSafeInteger(ranks) && ranks > 0 ? ranks : null);
  return torchtitanSubject(file, options.target ?? targetOf('torchtitan'), { ...options, gpus });
};

/** Ranks of the trainer as slime's programs state them (THUDM/slime @ 128cb0e7 slime/utils/arguments.py). */
const actorWorld = (uses: readonly FlagUse[]): StatedWorld | null => {
  const valueOf = (flag: string): ShellWord | undefined =>
    uses.findLast((use) => use.flag === flag)?.values[0];
  const nodes = valueOf('--actor-num-nodes');
  const perNode = valueOf('--actor-num-gpus-per-node');
  return nodes === undefined || perNode === undefined ? null : { factors: [nodes, perNode], perNode };
};

const subjectOf = (
  source: Source,
  launch: Launch,
  facts: ScriptFacts,
  options: ReadOptions,
): Subject | null => {
  const world = worldOf(launch, facts.header);
  const notes = [
    ...sourcedNotes(facts),
    ...(launch.certain
      ? []
      : [note('planner/uncertain-launch', [], 'only a run knows whether this launch is reached')]),
  ];
  if (launch.launcher === 'server') return serverSubject(source, launch, options);
  const forced = options.target?.name ?? null;
  if (forced === 'bridge' || (forced === null && isBridge(launch)))
    return bridgeSubject(
      {
        source,
        words: launch.arguments,
        world,
        notes,
        environment: launch.environment,
        target: options.target ?? targetOf('bridge'),
      },
      options,
    );
  if (forced === 'torchtitan' || (forced === null && looksLikeTorchtitan(launch.arguments)))
    return torchtitanLaunch(source, launch.arguments, world, options);
  const isMegatron = looksLikeMegatron(launch.arguments);
  if (forced === 'accelerate' || (forced === null && !isMegatron)) {
    const file = accelerateFile(source, launch);
    return file === null ? null : accelerateSubject(file, options.target ?? targetOf('accelerate'), options);
  }
  if ((forced !== null && forced !== 'megatron') || !isMegatron) return null;
  const own = readMegatronScript(source.text, '0.20');
  const { uses } = groupWords(launch.arguments);
  const stated =
    world ??
    actorWorld(uses) ??
    (own === null ? null : { factors: [wordOf(String(own.world))], perNode: null });
  return megatronSubject(
    {
      source,
      target: options.target ?? targetOf('megatron'),
      words: launch.arguments,
      world: stated,
      environment: launch.environment,
      ownProgram: ownPrograms.test(launch.program),
      rewrite: (changes) => rewriteFlags(source, uses, changes),
      notes,
    },
    options,
  );
};

/** A shell script, or a file of arguments alone. */
export const readShellConfig = (source: Source, options: ReadOptions): ReadResult => {
  if (
    /^\s*(?:#[^!][^\n]*\n\s*)*(?:-{1,2}[A-Za-z]|[A-Za-z_]\w*(?:\.\w+)+=)/u.test(source.text.slice(0, 4000)) &&
    !/^#!/u.test(source.text)
  ) {
    const list = readArguments(source, options);
    if (list !== null) return list;
  }
  const facts = readScript(source.text, options.environment);
  if (facts.kind === 'limit')
    return { kind: 'unreadable', message: `asks for too much: ${facts.message}`, range: null };
  if (facts.kind === 'syntax') {
    const range = { source, start: Math.max(0, facts.at), end: Math.max(0, facts.at) + 1 };
    if (!/--[a-z]|torchrun|python|srun/u.test(source.text))
      return {
        kind: 'unreadable',
        message: `no script, list of arguments or configuration: ${facts.message}`,
        range,
      };
    return {
      kind: 'refused',
      target: options.target ?? targetOf('megatron'),
      findings: [
        {
          finding: error(
            'shell/syntax',
            'parse',
            [],
            `the shell refuses the script: ${facts.message}`,
            source.text.slice(range.start, range.start + 20).split('\n')[0] ?? '',
            'balanced quotes, parentheses and commands',
          ),
          range,
        },
      ],
    };
  }
  const seen = new Set<string>();
  const launches = facts.launches.filter((launch) => {
    const key = signature(launch);
    return !seen.has(key) && seen.add(key);
  });
  const subjects = launches
    .slice(0, MOST_LAUNCHES)
    .flatMap((launch) => subjectOf(source, launch, facts, options) ?? []);
  if (subjects.length > 0) return { kind: 'subjects', subjects };
  const elsewhere = launches.map(configurationOf).find((file) => file !== null);
  return {
    kind: 'unreadable',
    message:
      elsewhere === undefined
        ? 'no launch that planner knows: a training program with flags of Megatron or Megatron-Bridge, or a server'
        : `its configuration is in another file: name that file (${elsewhere})`,
    range: null,
  };
};

const readArguments = (source: Source, options: ReadOptions): ReadResult | null => {
  const list = readArgumentList(source.text, options.environment);
  if (!list.ok) {
    const range = { source, start: list.at, end: list.at + 1 };
    return {
      kind: 'refused',
      target: options.target ?? targetOf('megatron'),
      findings: [{ finding: error('shell/syntax', 'parse', [], list.message, '', 'balanced quotes'), range }],
    };
  }
  return subjectOfWords(source, list.words, options);
};

/** Words without a launch: flags of Megatron or overrides of Megatron-Bridge. */
export const subjectOfWords = (
  source: Source,
  words: readonly ShellWord[],
  options: ReadOptions,
): ReadResult | null => {
  const forced = options.target?.name ?? null;
  if (
    forced === 'bridge' ||
    (forced === null && (words.some(isOverride) || flagNames(words).includes('--recipe')))
  )
    return {
      kind: 'subjects',
      subjects: [
        bridgeSubject(
          {
            source,
            words,
            world: null,
            notes: [],
            environment: null,
            target: options.target ?? targetOf('bridge'),
          },
          options,
        ),
      ],
    };
  if (forced === 'vllm' || forced === 'sglang' || forced === 'tensorrt-llm') {
    const launch: Launch = {
      launcher: 'server',
      program: forced,
      programWord: wordOf(forced),
      arguments: words,
      options: new Map(),
      environment: new Map(),
      certain: true,
    };
    return { kind: 'subjects', subjects: [serverSubject(source, launch, options)] };
  }
  if (forced === 'torchtitan' || (forced === null && looksLikeTorchtitan(words))) {
    const subject = torchtitanLaunch(source, words, null, options);
    return subject === null ? null : { kind: 'subjects', subjects: [subject] };
  }
  if (forced === null && !looksLikeMegatron(words)) return null;
  const { uses } = groupWords(words);
  return {
    kind: 'subjects',
    subjects: [
      megatronSubject(
        {
          source,
          target: options.target ?? targetOf('megatron'),
          words,
          world: null,
          environment: null,
          ownProgram: true,
          rewrite: (changes) => rewriteFlags(source, uses, changes),
          notes: [],
        },
        options,
      ),
    ],
  };
};
