import { distance } from 'fastest-levenshtein';
import { RECOMPUTE_MODULES } from './keys.ts';
import type { StrategyKey } from './keys.ts';
import { parseRecompute } from './recompute.ts';
import type { Strategy } from './strategy.ts';

export type ValueResult =
  | { readonly ok: true; readonly value: Strategy[keyof Strategy] }
  | { readonly ok: false; readonly expected: string; readonly suggestion: string | null };

/** Largest size that a key takes: beyond any cluster, and products of a few stay exact. */
const LARGEST_SIZE = 1_000_000;
const LONGEST_COMPARED = 40;

/** Abbreviations of the field, for suggestions. */
const ABBREVIATIONS: ReadonlyMap<string, string> = new Map([
  ['tp', 'tensor'],
  ['pp', 'pipeline'],
  ['vpp', 'virtual_stages'],
  ['vp', 'virtual_stages'],
  ['cp', 'context'],
  ['dp', 'data'],
  ['ep', 'expert'],
  ['etp', 'expert_tensor'],
  ['mbs', 'micro_batch_size'],
  ['micro_batch', 'micro_batch_size'],
  ['sp', 'sequence_parallel'],
  ['zero', 'sharding'],
]);

/** The candidate that was probably meant, null where none is near. Names longer than any candidate by far are not compared. */
export const nearest = (text: string, candidates: readonly string[]): string | null => {
  const known = ABBREVIATIONS.get(text.toLowerCase());
  if (known !== undefined && candidates.includes(known)) return known;
  if (text.length > LONGEST_COMPARED) return null;
  const ranked = candidates.map((candidate) => ({ candidate, edits: distance(text, candidate) }));
  const best = ranked.reduce<(typeof ranked)[number] | null>(
    (least, each) => (least === null || each.edits < least.edits ? each : least),
    null,
  );
  return best !== null && best.edits <= Math.max(2, Math.floor(text.length / 3)) ? best.candidate : null;
};

const RECOMPUTE_EXPECTED = `none, full, full:block:N, full:uniform:N, or selective: and a +-joined list of ${RECOMPUTE_MODULES.join(', ')}`;

const parseSize = (value: unknown): ValueResult => {
  const number = typeof value === 'string' && /^[1-9]\d*$/.test(value) ? Number(value) : value;
  const valid =
    typeof number === 'number' && Number.isInteger(number) && number >= 1 && number <= LARGEST_SIZE;
  return valid
    ? { ok: true, value: number }
    : { ok: false, expected: `a whole number from 1 to ${LARGEST_SIZE}`, suggestion: null };
};

const parseFlag = (value: unknown): ValueResult => {
  if (value === true || value === 'true') return { ok: true, value: true };
  if (value === false || value === 'false') return { ok: true, value: false };
  return { ok: false, expected: 'true or false', suggestion: null };
};

const recomputeSuggestion = (value: unknown): string | null => {
  if (typeof value !== 'string') return null;
  if (value === 'selective' || value === 'selective:') return 'selective:core_attn';
  return nearest(value, ['none', 'full', ...RECOMPUTE_MODULES.map((module) => `selective:${module}`)]);
};

/** Reads the value of one key, from text or from a YAML or JSON scalar. */
export const parseStrategyValue = (key: StrategyKey, value: unknown): ValueResult => {
  switch (key.kind) {
    case 'size':
      return parseSize(value);
    case 'flag':
      return parseFlag(value);
    case 'recompute': {
      const recompute = typeof value === 'string' ? parseRecompute(value) : null;
      return recompute === null
        ? { ok: false, expected: RECOMPUTE_EXPECTED, suggestion: recomputeSuggestion(value) }
        : { ok: true, value: recompute };
    }
    case 'choice': {
      const found = key.values.find((each) => each === value);
      return found === undefined
        ? {
            ok: false,
            expected: `one of ${key.values.join(', ')}`,
            suggestion: typeof value === 'string' ? nearest(value, key.values) : null,
          }
        : { ok: true, value: found as Strategy[keyof Strategy] };
    }
  }
};
