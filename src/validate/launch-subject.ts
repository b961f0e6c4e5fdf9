/** What a launch, or a list of words without one, is a subject of: the runtime is told by the program and its flags. */
import type { Source } from '../ingest/source.ts';
import { megatronFlags } from '../runtimes/megatron/flags.ts';
import { readMegatronScript } from '../runtimes/megatron/read-script.ts';
import { worldOf } from '../runtimes/shell-parse/launch.ts';
import type { Launch } from '../runtimes/shell-parse/launch.ts';
import type { ScriptFacts } from '../runtimes/shell-parse/read.ts';
import { knownText, wordOf } from '../runtimes/shell-parse/values.ts';
import type { ShellWord } from '../runtimes/shell-parse/values.ts';
import { accelerateSubject } from './accelerate-subject.ts';
import { accelerateFile } from './accelerate-words.ts';
import { isBridge, isNemo, isOverride } from './bridge-launch.ts';
import { bridgeSubject } from './bridge-subject.ts';
import { rewriteFlags } from './edit.ts';
import { note } from './finding.ts';
import type { RawFinding } from './finding.ts';
import { flagNames } from './flag-names.ts';
import { groupWords } from './megatron-words.ts';
import type { FlagUse } from './megatron-words.ts';
import { megatronSubject } from './megatron-subject.ts';
import { serverSubject } from './server-subject.ts';
import type { ReadOptions, Subject } from './subject.ts';
import { targetOf } from './target.ts';
import { torchtitanSubject } from './torchtitan-subject.ts';
import { looksLikeTorchtitan, torchtitanFile } from './torchtitan-words.ts';
import type { StatedWorld } from './world.ts';

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

/** Whether words look like flags of Megatron. */
const looksLikeMegatron = (words: readonly ShellWord[]): boolean =>
  flagNames(words).some((flag) => telling.has(flag) && megatronFlags.has(flag));

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

/** One launch of a script as a subject of its runtime's rules; null where no runtime that planner knows is launched. */
export const launchSubject = (
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
  const nemo = forced === 'nemo' || (forced === null && isNemo(launch));
  if (forced === 'bridge' || nemo || (forced === null && isBridge(launch)))
    return bridgeSubject(
      {
        source,
        words: launch.arguments,
        world,
        notes,
        environment: launch.environment,
        target: options.target ?? targetOf(nemo ? 'nemo' : 'bridge'),
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

/** Words without a launch: flags of Megatron, options of torchtitan or a server, or overrides of Megatron-Bridge. */
export const wordsSubject = (
  source: Source,
  words: readonly ShellWord[],
  options: ReadOptions,
): Subject | null => {
  const forced = options.target?.name ?? null;
  if (
    forced === 'bridge' ||
    (forced === null && (words.some(isOverride) || flagNames(words).includes('--recipe')))
  )
    return bridgeSubject(
      {
        source,
        words,
        world: null,
        notes: [],
        environment: null,
        target: options.target ?? targetOf('bridge'),
      },
      options,
    );
  if (forced === 'vllm' || forced === 'sglang' || forced === 'tensorrt-llm')
    return serverSubject(
      source,
      {
        launcher: 'server',
        program: forced,
        programWord: wordOf(forced),
        arguments: words,
        options: new Map(),
        environment: new Map(),
        certain: true,
      },
      options,
    );
  if (forced === 'torchtitan' || (forced === null && looksLikeTorchtitan(words)))
    return torchtitanLaunch(source, words, null, options);
  if (forced === null && !looksLikeMegatron(words)) return null;
  const { uses } = groupWords(words);
  return megatronSubject(
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
  );
};
