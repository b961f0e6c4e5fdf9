import type { RawFinding } from './finding.ts';
import type { Decision } from './decide.ts';
import type { Subject } from './subject.ts';

/** Proposals that a message shows. */
const MOST = 4;

/** How a changed setting is written. */
export const writtenChange = (key: string, value: string | null): string => {
  if (value === null) return `without ${key}`;
  if (key.startsWith('-')) return value === '' ? key : `${key} ${value}`;
  return `${key}=${value}`;
};

/**
 * Single changes of the settings at fault with which this rule holds and no other begins to fail, nearest first. Asked
 * with the first choice of what is open.
 */
export const nearestSettings = (
  subject: Subject,
  finding: RawFinding,
  { first }: Decision,
): readonly string[] => {
  const broken = new Set(first.findings.filter(({ level }) => level === 'error').map(({ rule }) => rule));
  if (!broken.has(finding.rule)) return [];
  const base = new Map(subject.open.map(({ key, candidates }) => [key, candidates[0] ?? '']));
  const found: string[] = [];
  for (const { key, candidates } of subject.settings) {
    if (!finding.settings.includes(key)) continue;
    let taken = 0;
    for (const candidate of candidates) {
      if (taken >= 2 || found.length >= MOST) break;
      const { findings } = subject.judge(new Map([...base, [key, candidate]]));
      const errors = findings.filter(({ level }) => level === 'error');
      if (errors.some(({ rule }) => rule === finding.rule || !broken.has(rule))) continue;
      found.push(writtenChange(key, candidate));
      taken += 1;
    }
  }
  return found.slice(0, MOST);
};
