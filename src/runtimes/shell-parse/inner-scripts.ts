import type { HereDocument } from './syntax.ts';
import { knownText, textFragment } from './values.ts';
import type { Fragment, ShellWord } from './values.ts';

const SHELLS = /^(?:\S*\/)?(?:ba|da|z)?sh$/u;
/** Read a script from their input. */
const SUBMITS = /^(?:\S*\/)?(?:sbatch|qsub|bsub|salloc|ssh|(?:ba|da|z)?sh)$/u;

/** `sbatch <<EOF`, `bash <<EOF`: whether the command takes its here-document for a script. */
export const readsScript = (words: readonly ShellWord[]): boolean =>
  SUBMITS.test(knownText(words[0]?.fragments ?? []) ?? '');

/** The text of a here-document as its reader gets it: where it is expanded, `\$` and its kin lose their backslash. */
export const hereFragments = ({ text, at, quoted }: HereDocument): readonly Fragment[] => {
  if (quoted) return [textFragment(text, at)];
  const fragments: Fragment[] = [];
  let start = 0;
  for (const match of text.matchAll(/\\[$`\\]/gu)) {
    fragments.push(textFragment(text.slice(start, match.index), at < 0 ? -1 : at + start));
    start = match.index + 1;
    // The character after the backslash begins the next part, and is not looked at again.
    fragments.push(textFragment(text.slice(start, start + 1), at < 0 ? -1 : at + start));
    start += 1;
  }
  return [...fragments, textFragment(text.slice(start), at < 0 ? -1 : at + start)];
};

/** The script of `bash -c '…'` behind whatever starts it (srun, docker, ssh); null where there is none. */
export const shellText = (
  words: readonly ShellWord[],
): { readonly text: readonly Fragment[]; readonly outer: readonly ShellWord[] } | null => {
  for (const [index, word] of words.entries()) {
    if (index > 400) return null;
    const text = knownText(word.fragments);
    if (text === null || !SHELLS.test(text)) continue;
    const flag = knownText(words[index + 1]?.fragments ?? []);
    const script = words[index + 2];
    if (flag === null || script === undefined || !/^-[a-z]*c$/u.test(flag)) continue;
    return { text: script.fragments, outer: words.slice(0, index) };
  }
  return null;
};

export interface ComposedScript {
  readonly text: string;
  /** Maps an offset of the text to one of the file; -1 for what stands nowhere in it. */
  readonly locate: (offset: number) => number;
}

/** Text that a script has put together, with the places of its parts; `standIn` writes what is not known. */
export const composeScript = (
  parts: readonly (readonly Fragment[])[],
  standIn: (fragment: Fragment) => string,
): ComposedScript => {
  const starts: { readonly offset: number; readonly at: number }[] = [];
  let text = '';
  for (const part of parts) {
    if (text !== '') text += ' ';
    for (const fragment of part) {
      starts.push({ offset: text.length, at: fragment.at });
      text += fragment.gap === null ? fragment.text : standIn(fragment);
    }
  }
  const locate = (offset: number): number => {
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((starts[middle]?.offset ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    const start = starts[low];
    return start === undefined || start.at < 0 ? -1 : start.at + offset - start.offset;
  };
  return { text, locate };
};
