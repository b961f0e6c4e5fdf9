/** The list of measured records that no fit uses, with the reason of each (`configs/calibration/excluded-records.yaml`). */
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

export interface ExcludedRecords {
  readonly pattern: RegExp;
  readonly reason: string;
}

const FILE = new URL('../../configs/calibration/excluded-records.yaml', import.meta.url);

/** Throws where the file that ships with planner is broken. */
export const excludedRecords = (): readonly ExcludedRecords[] => {
  const list = parse(readFileSync(FILE, 'utf8')) as unknown;
  if (!Array.isArray(list)) throw new Error('excluded-records.yaml: not a list');
  return list.map((each: unknown) => {
    const { pattern, reason } = each as Partial<Record<'pattern' | 'reason', unknown>>;
    if (typeof pattern !== 'string' || typeof reason !== 'string')
      throw new Error('excluded-records.yaml: an entry has a pattern and a reason');
    return { pattern: new RegExp(pattern), reason };
  });
};

/** Why no fit uses the record; null: it is used. */
export const exclusionOf = (list: readonly ExcludedRecords[], id: string): string | null =>
  list.find(({ pattern }) => pattern.test(id))?.reason ?? null;
