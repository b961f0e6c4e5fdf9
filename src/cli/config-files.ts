/** Files behind names and patterns of the command line. */
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { failUsage } from './fail.ts';

const MOST_FILES = 20_000;
const SKIPPED = new Set(['node_modules', '.git']);

const isPattern = (text: string): boolean => /[*?]/u.test(text);

/** One part of a path as a pattern: `*` any characters, `?` one. Time grows with the product of the lengths at worst. */
const matches = (pattern: string, name: string): boolean => {
  let p = 0;
  let n = 0;
  let star = -1;
  let mark = 0;
  while (n < name.length) {
    if (p < pattern.length && (pattern[p] === name[n] || pattern[p] === '?')) {
      p += 1;
      n += 1;
    } else if (pattern[p] === '*') {
      star = p++;
      mark = n;
    } else if (star >= 0) {
      p = star + 1;
      n = ++mark;
    } else return false;
  }
  while (pattern[p] === '*') p += 1;
  return p === pattern.length;
};

const list = (
  folder: string,
): { readonly name: string; readonly directory: boolean; readonly file: boolean }[] => {
  try {
    return readdirSync(folder === '' ? '.' : folder, { withFileTypes: true })
      .map((entry) => ({ name: entry.name, directory: entry.isDirectory(), file: entry.isFile() }))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch {
    // A folder that cannot be read holds no match.
    return [];
  }
};

const expand = (pattern: string): string[] => {
  const found: string[] = [];
  const walk = (folder: string, parts: readonly string[]): void => {
    const [part, ...rest] = parts;
    if (part === undefined || found.length >= MOST_FILES) return;
    const join = (name: string): string => (folder === '' ? name : path.posix.join(folder, name));
    if (part === '**') {
      walk(folder, rest);
      for (const { name, directory } of list(folder))
        if (directory && !SKIPPED.has(name) && !name.startsWith('.')) walk(join(name), parts);
      return;
    }
    if (!isPattern(part) && rest.length > 0) {
      walk(part === '' ? '/' : join(part), rest);
      return;
    }
    for (const { name, directory, file } of list(folder)) {
      if (!matches(part, name) || (name.startsWith('.') && !part.startsWith('.'))) continue;
      if (rest.length > 0 && directory && !SKIPPED.has(name)) walk(join(name), rest);
      else if (rest.length === 0 && file) found.push(join(name));
    }
  };
  walk('', pattern.split('/'));
  return found;
};

/** Names as they are, patterns expanded in order; each file once. A pattern without a match is an error: it checks nothing. */
export const configFiles = (given: readonly string[]): readonly string[] => {
  const files = given.flatMap((name) => {
    if (!isPattern(name)) return [name];
    const found = expand(name);
    return found.length > 0
      ? found
      : failUsage(name, 'no file matches this pattern: nothing would be checked');
  });
  return [...new Set(files)];
};
