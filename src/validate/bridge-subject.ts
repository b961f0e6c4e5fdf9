import type { Source } from '../ingest/source.ts';
import { flagOfKey, recipeFacts } from '../runtimes/bridge/keys.ts';
import { filledText, gapsOf, gapOf, knownText, shownText, wordOf } from '../runtimes/shell-parse/values.ts';
import type { Fragment, Gap, ShellWord } from '../runtimes/shell-parse/values.ts';
import type { RawFinding } from './finding.ts';
import { bridgeJudge, bridgeRules } from './bridge-judge.ts';
import { rewriteOverrides } from './bridge-overrides.ts';
import type { BridgeSetting } from './bridge-setting.ts';
import { architectures, fromRecipe } from './bridge-tables.ts';
import { readCommandLine, wordsOf } from './bridge-words.ts';
import { firstKeyOf, settingsOf, valuesToTry } from './bridge-settings.ts';
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
  const base = target.name === 'nemo' ? 'the configuration that it overrides' : 'the recipe';
  const gapsBySetting = new Map<string, Gap>();
  if (line !== null)
    for (const flag of fromRecipe)
      if (!byFlag.has(flag)) gapsBySetting.set(flag, gapOf(`${nameOf(flag)} of ${base}`));
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

  const layoutUnknown =
    list.some(({ key }) => key.startsWith('CALL:')) ||
    (line !== null && !byFlag.has('--pipeline-model-parallel-layout'));

  const settingName = (flag: string): string => byFlag.get(flag)?.key ?? nameOf(flag);
  const judgeWords = bridgeJudge({
    overrides: line !== null,
    layoutUnknown,
    preset,
    architecture,
    perNode: options.perNode ?? 8,
    settingName,
  });

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
    rules: bridgeRules(),
    notes: given.notes,
  };
};

const nameOf = (flag: string): string => firstKeyOf(flag);
