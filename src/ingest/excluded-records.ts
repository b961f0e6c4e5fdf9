/**
 * Lists of measured records by pattern of their id, with a reason each: those that no fit uses
 * (`configs/calibration/excluded-records.yaml`), and what we believe of others that miss (`explanations.yaml`).
 */
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

export interface ExcludedRecords {
  readonly pattern: RegExp;
  readonly reason: string;
}

/** Throws where the file that ships with planner is broken. */
const readList = (name: string): readonly ExcludedRecords[] => {
  const file = new URL(`../../configs/calibration/${name}`, import.meta.url);
  const list = parse(readFileSync(file, 'utf8')) as unknown;
  if (!Array.isArray(list)) throw new Error(`${name}: not a list`);
  return list.map((each: unknown) => {
    const { pattern, reason } = each as Partial<Record<'pattern' | 'reason', unknown>>;
    if (typeof pattern !== 'string' || typeof reason !== 'string')
      throw new Error(`${name}: an entry has a pattern and a reason`);
    return { pattern: new RegExp(pattern), reason };
  });
};

export const excludedRecords = (): readonly ExcludedRecords[] => readList('excluded-records.yaml');

export const explanations = (): readonly ExcludedRecords[] => readList('explanations.yaml');

/** Why no fit uses the record; null: it is used. */
export const exclusionOf = (list: readonly ExcludedRecords[], id: string): string | null =>
  list.find(({ pattern }) => pattern.test(id))?.reason ?? null;
