import { splitWords } from '../shell.ts';
import { readMegatron } from './read.ts';
import type { MegatronReading } from './read.ts';

/** A launch script of planner's own making, taken apart without running it. */
export interface ScriptReading extends MegatronReading {
  readonly words: readonly string[];
  readonly world: number;
  readonly environment: Readonly<Record<string, string>>;
  /** Names of nodes in launch order, where the script has them. */
  readonly hosts: readonly string[] | null;
}

/** Words of a bash array `local -r NAME=( … )`, on one line or many. */
const arrayOf = (text: string, name: string): readonly string[] | null => {
  const lines = text.split('\n');
  const opening = `local -r ${name}=(`;
  const start = lines.findIndex((line) => line.trim().startsWith(opening));
  if (start < 0) return null;
  const first = (lines[start] ?? '').trim().slice(opening.length);
  if (first.endsWith(')')) return splitWords(first.slice(0, -1));
  const words: string[] = [];
  for (const line of lines.slice(start + 1)) {
    if (line.trim() === ')') return words;
    const parts = splitWords(line);
    if (parts === null) return null;
    words.push(...parts);
  }
  return null;
};

const worldOf = (text: string): number | null => {
  const gpus = arrayOf(text, 'gpus');
  if (gpus !== null) return gpus.reduce((sum, count) => sum + Number(count), 0);
  const nodes = /--nnodes (\d+)/u.exec(text)?.[1];
  const perNode = /--nproc-per-node (\d+)/u.exec(text)?.[1];
  return nodes === undefined || perNode === undefined ? null : Number(nodes) * Number(perNode);
};

const environmentOf = (text: string): Readonly<Record<string, string>> => {
  const found: [string, string][] = [];
  for (const match of text.matchAll(/^\s*export ([A-Z][A-Z0-9_]*)=(\S+)$/gmu)) {
    const words = splitWords(match[2] ?? '');
    if (words?.length === 1 && !(words[0] ?? '').includes('$')) found.push([match[1] ?? '', words[0] ?? '']);
  }
  return Object.fromEntries(found);
};

/** Reads a script that planner wrote; null for any other text. */
export const readMegatronScript = (text: string, version: string): ScriptReading | null => {
  const words = arrayOf(text, 'flags');
  const world = worldOf(text);
  if (words === null || world === null || !Number.isSafeInteger(world)) return null;
  return {
    ...readMegatron(words, { world, version }),
    words,
    world,
    environment: environmentOf(text),
    hosts: arrayOf(text, 'hosts'),
  };
};
