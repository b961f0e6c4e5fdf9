/** `--set key.path=value`: changes of the SPEC from the command line, before anything is checked. */
import type { Diagnostic } from '../diagnostics.ts';
import { describe, isDataMap, pathText, pointerOf, pointerTo } from '../ingest/document.ts';
import type { Data, DataDocument, NodeRange } from '../ingest/document.ts';
import { FORBIDDEN_KEYS, readYaml } from '../ingest/read-yaml.ts';
import { diagnosticAt } from '../ingest/source.ts';
import type { Range, Source } from '../ingest/source.ts';

export const SET_NAME = '--set';

const MAXIMUM_STEPS = 16;

interface Override {
  readonly range: Range;
  readonly steps: readonly string[];
  readonly value: DataDocument;
}

type Parsed =
  | { readonly ok: true; readonly value: Override }
  | { readonly ok: false; readonly diagnostics: readonly Diagnostic[] };

const refuse = (range: Range, message: string): Parsed => ({
  ok: false,
  diagnostics: [diagnosticAt(range, 'spec/set', message)],
});

const parseOverride = (argument: string): Parsed => {
  const source: Source = { name: SET_NAME, text: argument };
  const range: Range = { source, start: 0, end: argument.length };
  const equals = argument.indexOf('=');
  if (equals === -1) return refuse(range, 'expected key.path=value, found no "="');
  const steps = argument.slice(0, equals).trim().split('.');
  if (steps.includes('')) return refuse(range, 'expected key.path=value, found an empty key');
  if (steps.length > MAXIMUM_STEPS) return refuse(range, 'the path has too many keys');
  const forbidden = steps.find((step) => FORBIDDEN_KEYS.has(step));
  if (forbidden !== undefined) return refuse(range, `the key "${forbidden}" is not allowed`);
  const read = readYaml({ name: SET_NAME, text: argument.slice(equals + 1) });
  const errors = read.diagnostics.filter((diagnostic) => diagnostic.severity === 'error');
  if (read.document === null || errors.length > 0)
    return { ok: false, diagnostics: errors.map(({ id, message }) => diagnosticAt(range, id, message)) };
  return { ok: true, value: { range, steps, value: read.document } };
};

/** Thrown inside this file alone: a step of the path leads nowhere. */
class NoPlace extends Error {}

const withValue = (
  data: Data | undefined,
  steps: readonly string[],
  value: Data,
  path: readonly string[],
): Data => {
  const [step, ...rest] = steps;
  if (step === undefined) return value;
  if (Array.isArray(data)) {
    const list = data as readonly Data[];
    const index = /^\d{1,6}$/u.test(step) ? Number(step) : -1;
    if (index < 0 || index >= list.length)
      throw new NoPlace(
        `${path.join('.')} is a list of ${String(list.length)}: it has no entry "${step.slice(0, 40)}"`,
      );
    return list.with(index, withValue(list[index], rest, value, [...path, step]));
  }
  if (data !== undefined && data !== null && !isDataMap(data))
    throw new NoPlace(
      `${path.join('.') || 'the SPEC'} is ${describe(data)}, not a map: it has no key "${step.slice(0, 40)}"`,
    );
  const map = Object.create(null) as Record<string, Data>;
  if (isDataMap(data)) for (const [key, inner] of Object.entries(data)) map[key] = inner;
  map[step] = withValue(map[step], rest, value, [...path, step]);
  return map;
};

/** Places of the new tree: those of the old one outside the override, that of the argument for all inside. */
const withRanges = (
  document: DataDocument,
  { steps, range, value }: Override,
): ReadonlyMap<string, NodeRange> => {
  const at = pointerOf(steps);
  const ranges = new Map(
    [...document.ranges].filter(([pointer]) => pointer !== at && !pointer.startsWith(`${at}/`)),
  );
  const place: NodeRange = { key: range, value: range };
  steps.reduce((pointer, step) => {
    const next = pointerTo(pointer, step);
    if (!ranges.has(next)) ranges.set(next, place);
    return next;
  }, '');
  for (const pointer of value.ranges.keys()) ranges.set(at + pointer, place);
  return ranges;
};

/** The document after all overrides, in their order; what is wrong with one is reported at `--set:1:1` and left out. */
export const applyOverrides = (
  document: DataDocument,
  settings: readonly string[],
): { readonly document: DataDocument; readonly diagnostics: readonly Diagnostic[] } => {
  const diagnostics: Diagnostic[] = [];
  let current = document;
  for (const setting of settings) {
    const parsed = parseOverride(setting);
    if (!parsed.ok) {
      diagnostics.push(...parsed.diagnostics);
      continue;
    }
    const { steps, value, range } = parsed.value;
    try {
      const root = withValue(current.root, steps, value.root, []);
      current = { ...current, root, ranges: withRanges(current, parsed.value) };
    } catch (error) {
      if (!(error instanceof NoPlace)) throw error;
      diagnostics.push(diagnosticAt(range, 'spec/set', `${pathText(pointerOf(steps))}: ${error.message}`));
    }
  }
  return { document: current, diagnostics };
};
