import type { Data } from '../ingest/document.ts';
import { gapOf } from '../runtimes/shell-parse/values.ts';
import type { ShellWord } from '../runtimes/shell-parse/values.ts';

/** References that refer to references, at most so many in a row. */
const DEEPEST = 16;

const LONGEST = 2_000;

type Lookup = (key: string) => Data | undefined;

const products: Readonly<Record<string, (a: number, b: number) => number>> = {
  multiply: (a, b) => a * b,
  divide: (a, b) => a / b,
  add: (a, b) => a + b,
};

const isPlain = (value: Data | undefined): value is string | number | boolean =>
  typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';

/** `.x` is a sibling of the key that refers to it, `..x` one of its parent; other names begin at the root. */
const absolute = (reference: string, from: string): string => {
  const dots = /^\.*/u.exec(reference)?.[0].length ?? 0;
  if (dots === 0) return reference;
  const parents = from.split('.').slice(0, -dots);
  return [...parents, reference.slice(dots)].join('.');
};

const resolve = (text: string, from: string, lookup: Lookup, depth: number): string | null => {
  if (depth > DEEPEST || text.length > LONGEST) return null;
  // Innermost first: what stands in braces without braces of its own.
  const inner = /\$\{([^${}]*)\}/u.exec(text);
  if (inner === null) return text.includes('${') ? null : text;
  const body = (inner[1] ?? '').trim();
  const call = /^(\w+):\s*(-?[\d.]+)\s*,\s*(-?[\d.]+)$/u.exec(body);
  let value: string | null = null;
  if (call !== null) {
    const result = products[call[1] ?? '']?.(Number(call[2]), Number(call[3]));
    if (result !== undefined && Number.isFinite(result)) value = String(result);
  } else if (/^\.*[A-Za-z_][\w.]*$/u.test(body)) {
    const key = absolute(body, from);
    const found = lookup(key);
    if (isPlain(found))
      value = typeof found === 'string' ? resolve(found, key, lookup, depth + 1) : String(found);
  }
  return value === null
    ? null
    : resolve(
        text.replace(inner[0], () => value),
        from,
        lookup,
        depth + 1,
      );
};

/**
 * A value of a YAML file of OmegaConf: references to other keys (`${.hidden_size}`, `${model.x}`) and products
 * (`${multiply:4, ${.hidden_size}}`) filled in, or a gap where planner cannot (environment, functions of the program).
 * Null where it refers to nothing.
 */
export const interpolated = (text: string, from: string, at: number, lookup: Lookup): ShellWord | null => {
  if (!text.includes('${')) return null;
  const value = resolve(text, from, lookup, 0);
  const fragment = value === null ? { text, at, gap: gapOf(text) } : { text: value, at: -1, gap: null };
  return { fragments: [fragment], at, many: false };
};
