import { isInverted } from '../runtimes/bridge/keys.ts';
import { megatronFlags } from '../runtimes/megatron/flags.ts';
import { knownText, shownText, wordOf } from '../runtimes/shell-parse/values.ts';
import type { ShellWord } from '../runtimes/shell-parse/values.ts';
import type { BridgeSetting } from './bridge-setting.ts';
import type { StatedWorld } from './world.ts';

const override = /^[+~]{0,2}([A-Za-z_][\w.]*)=/u;

const settingOfWord = (word: ShellWord): BridgeSetting | null => {
  const [first] = word.fragments;
  const match = first === undefined || first.gap !== null ? null : override.exec(first.text);
  if (match === null || first === undefined) return null;
  const cut = match[0].length;
  const fragments = [
    { ...first, text: first.text.slice(cut), at: first.at < 0 ? -1 : first.at + cut },
    ...word.fragments.slice(1),
  ].filter(({ text, gap }) => gap !== null || text !== '');
  return {
    // The launcher of NeMo puts the configuration of a training one section deeper.
    key: (match[1] ?? '').replace(/^training\.(?=model\.|trainer\.)/u, ''),
    value: { fragments, at: fragments[0]?.at ?? word.at, many: false },
    at: word.at,
  };
};

export interface CommandLine {
  readonly settings: readonly BridgeSetting[];
  readonly recipe: string | null;
  readonly world: StatedWorld | null;
}

/** Nodes and GPUs of a node, as NeMo's trainer is told. */
const nemoWorld = (settings: readonly BridgeSetting[]): StatedWorld | null => {
  const valueOf = (key: string): ShellWord | null =>
    settings.findLast((setting) => setting.key === key)?.value ?? null;
  const [nodes, devices] = [valueOf('trainer.num_nodes'), valueOf('trainer.devices')];
  return devices === null || nodes === null ? null : { factors: [nodes, devices], perNode: devices };
};

/** Recipe, size and overrides of a command line. */
export const readCommandLine = (words: readonly ShellWord[]): CommandLine => {
  const settings: BridgeSetting[] = [];
  const options = new Map<string, ShellWord>();
  for (const [index, word] of words.entries()) {
    const text = shownText(word.fragments);
    const setting = text.startsWith('-') ? null : settingOfWord(word);
    if (setting !== null) settings.push(setting);
    const name = /^--(recipe|nodes|num[-_]nodes|gpus[-_]per[-_]node|num[-_]gpus|ng)(?:=(.*))?$/u.exec(text);
    if (name === null) continue;
    const value = name[2] === undefined ? words[index + 1] : wordOf(name[2], word.at);
    if (value !== undefined) options.set((name[1] ?? '').replaceAll('_', '-'), value);
  }
  const nodes = options.get('nodes') ?? options.get('num-nodes');
  const perNode = options.get('gpus-per-node') ?? null;
  const total = options.get('num-gpus') ?? options.get('ng');
  const world =
    total !== undefined
      ? { factors: [total], perNode }
      : nodes !== undefined && perNode !== null
        ? { factors: [nodes, perNode], perNode }
        : null;
  const recipe = options.get('recipe');
  const own = world ?? nemoWorld(settings);
  return { settings, recipe: recipe === undefined ? null : knownText(recipe.fragments), world: own };
};

/** PyTorch's names of data types, which Bridge's dataclasses hold, as Megatron-LM's flags spell them. */
const dataTypes: Readonly<Record<string, string>> = {
  'torch.float32': 'fp32',
  'torch.bfloat16': 'bf16',
  'torch.float16': 'fp16',
  'torch.uint8': 'fp8',
};

const plainValue = (text: string): string => text.trim().replace(/^(["'])(.*)\1$/u, '$2');

/** Words of Megatron for one setting; none for what is off or not said. */
export const wordsOf = (flag: string, given: string): readonly string[] => {
  const plain = plainValue(given);
  const text = dataTypes[plain] ?? plain;
  if (isInverted(flag)) return /^false$/iu.test(text) ? [flag] : [];
  if (/^(?:null|none|~)?$/iu.test(text) || /^false$/iu.test(text)) return [];
  if (megatronFlags.get(flag)?.values === 0)
    return /^(?:true|1|distributed_fused_adam)$/iu.test(text) ? [flag] : [];
  const list = /^\[(.*)\]$/su.exec(text)?.[1];
  const many = megatronFlags.get(flag)?.values === null;
  if (list === undefined || (!many && flag === '--pipeline-model-parallel-layout'))
    return list === undefined ? [flag, text] : [];
  return [
    flag,
    ...list
      .split(',')
      .map((item) => plainValue(item))
      .filter((item) => item !== ''),
  ];
};
