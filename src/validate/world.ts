import type { OpenValue, ReadOptions, Changes } from './subject.ts';
import { filledText, gapsOf, knownText, shownText } from '../runtimes/shell-parse/values.ts';
import type { ShellWord } from '../runtimes/shell-parse/values.ts';

/** Ranks as a file states them: the product of words that may have gaps. */
export interface StatedWorld {
  readonly factors: readonly ShellWord[];
  readonly perNode: ShellWord | null;
}

/** Key of the world size among changes. */
export const WORLD = 'world';

export interface WorldValue {
  readonly open: readonly OpenValue[];
  readonly of: (changes: Changes) => number;
  readonly perNode: number | null;
  /** Where it comes from, for the report. */
  readonly from: string;
}

interface Sizes {
  readonly tensor: number;
  readonly pipeline: number;
  readonly context: number;
  readonly expert: number;
  readonly expertTensor: number;
}

const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));
const lcm = (a: number, b: number): number => (a / gcd(a, b)) * b;

/** Fewest ranks that hold both grids: PP × lcm(TP × CP, ETP × EP). */
export const smallestWorld = ({ tensor, pipeline, context, expert, expertTensor }: Sizes): number => {
  const size = (value: number): number =>
    Number.isSafeInteger(value) && value >= 1 && value <= 1_000_000 ? value : 1;
  return size(pipeline) * lcm(size(tensor) * size(context), size(expertTensor) * size(expert));
};

const countOf = (text: string): number | null => (/^\d{1,7}$/u.test(text.trim()) ? Number(text) : null);

/**
 * The world size: what the user says, else what the file says, else that of the SPEC's cluster; else it is open, and
 * rules are asked with several sizes.
 */
export const worldValue = (stated: StatedWorld | null, options: ReadOptions, sizes: Sizes): WorldValue => {
  const perNodeText =
    stated?.perNode === undefined || stated.perNode === null ? null : knownText(stated.perNode.fragments);
  const perNode = perNodeText === null ? null : countOf(perNodeText);
  const fixed = (world: number, from: string): WorldValue => ({ open: [], of: () => world, perNode, from });
  if (options.gpus !== null) return fixed(options.gpus, '--gpus');
  if (stated !== null) {
    const texts = stated.factors.map(({ fragments }) => knownText(fragments));
    const counts = texts.map((text) => (text === null ? null : countOf(text)));
    if (counts.every((count) => count !== null))
      return fixed(
        counts.reduce((product, count) => product * count, 1),
        'the launch',
      );
    // A factor that is text but no number tells nothing.
    if (!texts.some((text, index) => text !== null && counts[index] === null)) {
      const known = counts.reduce<number>((product, count) => product * (count ?? 1), 1);
      const smallest = smallestWorld(sizes);
      const gaps = stated.factors.flatMap(({ fragments }) => gapsOf(fragments));
      const needed = Math.max(1, Math.ceil(smallest / gcd(smallest, known)) / 1);
      const candidates = (alternatives: readonly string[]): readonly string[] =>
        alternatives.length > 0
          ? alternatives
          : [String(needed), '1', '2', '3', '8', String(needed * 2), String(needed * 5), '32'];
      if (options.clusterGpus !== null) return fixed(options.clusterGpus, 'the cluster of the SPEC');
      return {
        open: gaps.map(({ name, alternatives }, index) => ({
          key: name,
          label: name,
          hint: '--gpus N, or --env',
          candidates:
            index === 0 ? candidates(alternatives) : alternatives.length > 0 ? alternatives : ['1', '2', '3'],
        })),
        of: (changes) =>
          stated.factors.reduce((product, word) => {
            const text = filledText(word, (gap) => changes.get(gap.name) ?? '1');
            return product * (countOf(text) ?? 1);
          }, 1),
        perNode,
        from: stated.factors.map(({ fragments }) => shownText(fragments)).join(' × '),
      };
    }
  }
  if (options.clusterGpus !== null) return fixed(options.clusterGpus, 'the cluster of the SPEC');
  const smallest = smallestWorld(sizes);
  return {
    open: [
      {
        key: WORLD,
        label: 'the number of GPUs',
        hint: '--gpus N',
        candidates: [
          ...new Set(
            [smallest, 1, 8, 24, 64, 97, 1024, smallest * 2, smallest * 3, smallest * 64].map(String),
          ),
        ],
      },
    ],
    of: (changes) => Number(changes.get(WORLD) ?? smallest),
    perNode: null,
    from: 'unknown',
  };
};
