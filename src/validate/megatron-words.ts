import { knownText, shownText } from '../runtimes/shell-parse/values.ts';
import type { Fragment, Gap, ShellWord } from '../runtimes/shell-parse/values.ts';
import { megatronFlags } from '../runtimes/megatron/flags.ts';

/** A flag as it is written, with its values. */
export interface FlagUse {
  readonly flag: string;
  readonly word: ShellWord;
  readonly values: readonly ShellWord[];
}

export interface MegatronWords {
  readonly uses: readonly FlagUse[];
  /** Words without a flag, in place. */
  readonly strays: readonly ShellWord[];
  /** Gaps that may become any number of flags: `"$@"`. */
  readonly extras: readonly Gap[];
}

const flagOf = (word: ShellWord): string | null => {
  const text = shownText(word.fragments);
  return text.startsWith('-') && !/^-\d/u.test(text) && text !== '-' ? text : null;
};

/**
 * Groups words into flags with their values by the arity of each flag, as Megatron's parser does. A gap takes the place
 * of one value where a flag wants one, and is set apart where a flag could begin.
 */
export const groupWords = (words: readonly ShellWord[]): MegatronWords => {
  const uses: FlagUse[] = [];
  const strays: ShellWord[] = [];
  const extras: Gap[] = [];
  const gapOf = (word: ShellWord): Gap | null => (word.many ? (word.fragments[0]?.gap ?? null) : null);
  let index = 0;
  while (index < words.length) {
    const word = words[index++];
    if (word === undefined) break;
    const text = flagOf(word);
    if (text === null) {
      const gap = gapOf(word);
      if (gap === null) strays.push(word);
      else extras.push(gap);
      continue;
    }
    const equals = text.indexOf('=');
    const flag = equals < 0 ? text : text.slice(0, equals);
    const spec = megatronFlags.get(flag);
    const limit = equals >= 0 ? 0 : (spec?.values ?? Number.POSITIVE_INFINITY);
    const values: ShellWord[] = [];
    for (
      let next = words[index];
      next !== undefined && values.length < limit && flagOf(next) === null;
      next = words[index]
    ) {
      // "$@" after a list flag that has its values, or after a flag that nobody knows, belongs to nobody.
      if (
        gapOf(next) !== null &&
        limit === Number.POSITIVE_INFINITY &&
        (values.length > 0 || spec === undefined)
      )
        break;
      values.push(next);
      index += 1;
    }
    uses.push({ flag: spec?.name ?? flag, word, values });
  }
  return { uses, strays, extras };
};

/** Values worth trying for what may stand after a flag. */
const integers: Readonly<Record<string, readonly string[]>> = {
  '--seq-length': ['4096', '8192', '1024', '1', '131072', '30030', '97'],
  '--max-position-embeddings': ['1048576', '4096', '1'],
  '--global-batch-size': ['47185920', '1', '16', '512', '1152', '97', '4096'],
  '--micro-batch-size': ['1', '2', '3', '8', '64'],
  '--num-layers': ['5040', '1', '7', '32', '61', '96'],
  '--hidden-size': ['4096', '1', '1000', '8192'],
  '--num-attention-heads': ['5040', '1', '7', '64', '128'],
  '--num-query-groups': ['5040', '1', '8', '7'],
  '--num-experts': ['5040', '1', '8', '256'],
  '--expert-tensor-parallel-size': ['1', '2', '4', '8', '3'],
};
const parallel = ['1', '2', '4', '8', '16', '32', '64', '3', '7'];

const candidatesAfter = (flag: string): readonly string[] => {
  const spec = megatronFlags.get(flag);
  if (spec === undefined) return ['x'];
  if (spec.choices !== null) return spec.choices;
  if (Object.hasOwn(integers, flag)) return integers[flag] ?? [];
  if (spec.type === 'integer') return parallel;
  if (spec.type === 'number') return ['1', '0.5'];
  if (flag === '--pipeline-model-parallel-layout') return ['EttL', 'Et|tL', 'x'];
  if (flag === '--recompute-modules') return ['core_attn', 'moe_act', 'mlp', 'x'];
  if (flag === '--cp-comm-type') return ['p2p', 'a2a', 'allgather', 'a2a+p2p'];
  if (flag === '--hybrid-layer-pattern') return ['M*', 'M|*'];
  return ['x'];
};

/** Gaps of an argument list with the values to try, by name. */
export const candidatesOf = ({ uses }: MegatronWords): ReadonlyMap<string, readonly string[]> => {
  const found = new Map<string, readonly string[]>();
  const offer = (gap: Gap, candidates: readonly string[]): void => {
    const chosen = gap.alternatives.length > 0 ? gap.alternatives : candidates;
    const known = found.get(gap.name);
    if (known === undefined || known.length < chosen.length) found.set(gap.name, chosen);
  };
  for (const { flag, word, values } of uses) {
    for (const { gap } of word.fragments) if (gap !== null) offer(gap, candidatesAfter(flag));
    for (const value of values) {
      const alone = value.fragments.filter(({ text, gap }) => gap !== null || text !== '').length === 1;
      for (const { gap } of value.fragments)
        if (gap !== null) offer(gap, alone ? candidatesAfter(flag) : candidatesInside(flag, value.fragments));
    }
  }
  return found;
};

/** A gap beside text: `${TP}8` of a number may be digits, `name-${TP}` anything. */
const candidatesInside = (flag: string, fragments: readonly Fragment[]): readonly string[] =>
  megatronFlags.get(flag)?.type === 'integer' && knownText(fragments) === null ? ['1', '2', ''] : ['1'];
