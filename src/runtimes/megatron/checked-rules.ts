import { holdsIn } from '../version.ts';
import { megatron } from './runtime.ts';
import { argumentRules } from './validate.ts';

/** What its parser says, as ids beside those of the rules. */
export const parserRules: readonly string[] = [
  'unknown-flag',
  'missing-value',
  'bad-value',
  'stray-value',
].map((kind) => `megatron/${kind}`);

const byVersion = new Map<string, readonly string[]>();

/** Ids of all that is asked of a set of flags in one release. */
export const checkedRules = (version: string): readonly string[] => {
  const known = byVersion.get(version);
  if (known !== undefined) return known;
  const ids = new Set([
    ...parserRules,
    ...argumentRules
      .filter(({ since, until }) => holdsIn(version, since ?? null, until ?? null))
      .map(({ id }) => `megatron/${id}`),
    ...megatron.rules.filter((rule) => holdsIn(version, rule.since, rule.until)).map(({ id }) => id),
  ]);
  const list = [...ids];
  byVersion.set(version, list);
  return list;
};
