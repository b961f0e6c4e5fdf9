import type { Source } from '../ingest/source.ts';
import type { Launch } from '../runtimes/shell-parse/launch.ts';
import { filledText, gapsOf, shownText } from '../runtimes/shell-parse/values.ts';
import type { Gap, ShellWord } from '../runtimes/shell-parse/values.ts';
import { plainStrategy } from '../strategy/plain.ts';
import { error, note } from './finding.ts';
import { fragmentRange } from './places.ts';
import { serverKinds } from './server-rules.ts';
import type { ServerSizes } from './server-rules.ts';
import type { Changes, Judgement, OpenValue, ReadOptions, Subject } from './subject.ts';
import { targetOf } from './target.ts';

interface Option {
  readonly word: ShellWord;
  readonly value: ShellWord | null;
}

/** What stands behind the `=` of an option, with what only a run knows of it. */
const behindEquals = (word: ShellWord, equals: number): ShellWord => {
  const [first, ...rest] = word.fragments;
  const kept =
    first === undefined || first.gap !== null
      ? []
      : [{ ...first, text: first.text.slice(equals + 1), at: first.at < 0 ? -1 : first.at + equals + 1 }];
  return {
    fragments: [...kept, ...rest].filter(({ text, gap }) => gap !== null || text !== ''),
    at: word.at,
    many: false,
  };
};

/** Options by their names; vLLM takes underscores in long names for dashes. */
const optionsOf = (words: readonly ShellWord[], engine: string): ReadonlyMap<string, Option> => {
  const found = new Map<string, Option>();
  const nameOf = (name: string): string =>
    engine === 'vllm' && name.startsWith('--') ? name.replaceAll('_', '-') : name;
  for (const [index, word] of words.entries()) {
    const text = shownText(word.fragments);
    if (!/^-{1,2}[a-zA-Z]/u.test(text)) continue;
    const equals = text.indexOf('=');
    const next = words[index + 1];
    if (equals >= 0) found.set(nameOf(text.slice(0, equals)), { word, value: behindEquals(word, equals) });
    else
      found.set(nameOf(text), {
        word,
        value: next === undefined || /^-{1,2}[a-zA-Z]/u.test(shownText(next.fragments)) ? null : next,
      });
  }
  return found;
};

/** A launch of vLLM, SGLang or TensorRT-LLM: read, judged by the engine's own conditions, never written. */
export const serverSubject = (source: Source, launch: Launch, options: ReadOptions): Subject => {
  const name = launch.program === 'sglang' || launch.program === 'tensorrt-llm' ? launch.program : 'vllm';
  const kind = serverKinds[name];
  const given = optionsOf(launch.arguments, name);
  const gaps = new Map<string, Gap>();
  for (const { value } of given.values())
    for (const gap of gapsOf(value?.fragments ?? [])) gaps.set(gap.name, gap);
  const open: OpenValue[] = [...gaps.values()].map(({ name: label, alternatives }) => ({
    key: label,
    label,
    hint: '--env',
    candidates: alternatives.length > 0 ? alternatives : ['1', '2', '3', '8'],
  }));
  const sizesOf = (changes: Changes): ServerSizes => {
    const text = (...names: readonly string[]): string | null => {
      for (const option of names) {
        const changed = changes.get(option);
        if (changed !== undefined) return changed;
        const value = given.get(option)?.value;
        if (value !== undefined && value !== null)
          return filledText(value, (gap) => changes.get(gap.name) ?? '1');
      }
      return null;
    };
    return {
      text,
      count: (...names) => {
        const value = text(...names);
        return value !== null && /^\d{1,7}$/u.test(value) ? Math.max(1, Number(value)) : null;
      },
      on: (...names) => names.some((option) => given.has(option)),
    };
  };
  const judge = (changes: Changes): Judgement => {
    const sizes = sizesOf(changes);
    const world = kind.world(sizes);
    const available = options.gpus ?? options.clusterGpus;
    const findings = [...kind.check(sizes)];
    if (available !== null && available < world)
      findings.push(
        error(
          `${name}/world`,
          'startup',
          [...given.keys()].filter((option) => /tp|pp|dp|tensor|pipeline|data/u.test(option)),
          `the sizes ask for ${world} GPUs, there are ${available}`,
          world,
          `at most ${available}`,
        ),
      );
    const axes = kind.axes(sizes);
    const strategy = plainStrategy({
      ...axes,
      expertTensor: Math.max(1, axes.tensor / Math.max(1, axes.expert)),
    });
    return { findings, world, strategy, partition: null, model: null, training: null };
  };
  return {
    target: options.target?.name === name ? options.target : targetOf(name),
    source,
    open,
    unknownKeys: new Set([
      'microBatchSize',
      'microBatchGroup',
      'schedule',
      'vocabulary',
      'sequenceParallel',
      'recompute',
      'sharding',
      'shardingGroup',
      'overlapGradients',
      'overlapParameters',
      'overlapTensor',
      'overlapExpert',
      'contextCommunication',
      'dispatcher',
      'rankOrder',
      'offload',
      'virtualStages',
      'expertTensor',
    ]),
    judge,
    placeOf: (setting) => {
      const option = given.get(setting);
      return option === undefined ? null : fragmentRange(source, option.word.fragments);
    },
    originOf: (setting) => {
      const option = given.get(setting);
      return option === undefined ? null : { value: shownText(option.value?.fragments ?? []), from: 'given' };
    },
    settings: [],
    rewrite: () => null,
    rules: [...kind.rules, `${name}/world`],
    notes: [
      note('planner/server', [], 'a serving engine: its sizes are checked, its memory and speed are not'),
    ],
  };
};
