import { firstLine, locate } from '../ingest/source.ts';
import type { Range, Source } from '../ingest/source.ts';
import type { Estimate } from '../plan/plan.ts';
import type { Strategy } from '../strategy/strategy.ts';
import { decide } from './decide.ts';
import type { Decision } from './decide.ts';
import type { Finding, Origin, RawFinding, Verdict } from './finding.ts';
import { nearestSettings } from './nearest.ts';
import { readConfig } from './read-config.ts';
import { ruleFacts } from './rule-facts.ts';
import { noChanges } from './subject.ts';
import type { ReadOptions, Subject } from './subject.ts';
import type { Target } from './target.ts';

/** What planner says of one file. */
export interface FileReport {
  readonly file: string;
  /** null where nothing could be judged. */
  readonly target: Target | null;
  /** null: unreadable, see `unreadable`. */
  readonly verdict: Verdict | null;
  readonly unreadable: { readonly message: string; readonly range: Range | null } | null;
  /** Launches or configurations in it, in order; the first speaks for the file where one strategy is wanted. */
  readonly subjects: readonly JudgedSubject[];
  readonly findings: readonly Finding[];
  /** With a SPEC: time and memory of the first launch; null without, or where they cannot be estimated. */
  readonly estimate: Estimate | null;
  /** Distinct rules that were asked. */
  readonly rules: readonly string[];
}

export interface JudgedSubject {
  readonly subject: Subject;
  readonly decision: Decision;
  readonly findings: readonly Finding[];
}

const placed = (
  source: Source,
  range: Range | null,
): Pick<Finding, 'position' | 'lineText' | 'lineTextColumn' | 'range'> => {
  if (range === null)
    return { position: { line: 1, column: 1 }, lineText: null, lineTextColumn: 1, range: null };
  const { position, lineText, lineTextColumn } = locate(firstLine(range));
  return {
    position,
    lineText: lineText ?? null,
    lineTextColumn: lineTextColumn ?? 1,
    range: { ...range, source },
  };
};

const originsOf = (subject: Subject, settings: readonly string[]): readonly Origin[] =>
  [...new Set(settings)].flatMap((setting): Origin[] => {
    const origin = subject.originOf(setting);
    if (origin === null) return [];
    const range = subject.placeOf(setting);
    return [{ setting, ...origin, line: range === null ? null : locate(range).position.line }];
  });

/** A finding in its place, with where each value came from and what would mend it. */
export const completed = (subject: Subject, raw: RawFinding, decision: Decision): Finding => {
  const ranges = raw.settings.map((setting) => subject.placeOf(setting)).filter((range) => range !== null);
  const known = ruleFacts(raw.rule);
  return {
    ...raw,
    ...placed(subject.source, ranges[0] ?? null),
    source: known?.source ?? null,
    why: known?.why ?? null,
    origins: originsOf(subject, raw.settings),
    nearest: raw.level === 'error' ? nearestSettings(subject, raw, decision) : [],
  };
};

const order = { error: 0, unchecked: 1, warning: 2, note: 3 } as const;

export const sortFindings = (findings: readonly Finding[]): readonly Finding[] =>
  findings.toSorted(
    (a, b) =>
      order[a.level] - order[b.level] ||
      a.position.line - b.position.line ||
      a.position.column - b.position.column ||
      (a.rule < b.rule ? -1 : a.rule > b.rule ? 1 : 0),
  );

export const verdictOf = (findings: readonly Pick<Finding, 'level'>[]): Verdict =>
  findings.some(({ level }) => level === 'error')
    ? 'invalid'
    : findings.some(({ level }) => level === 'unchecked')
      ? 'unchecked'
      : 'valid';

/** Rules that the project switched off, by id; a `*` at the end covers all that begin so. */
export type RulesOff = readonly string[];

export const isOff = (rule: string, off: RulesOff): boolean =>
  off.some((pattern) => (pattern.endsWith('*') ? rule.startsWith(pattern.slice(0, -1)) : rule === pattern));

export const judgeSubject = (subject: Subject, off: RulesOff): JudgedSubject => {
  const decision = decide(subject, noChanges);
  const raw = [...decision.findings, ...subject.notes].filter(({ rule }) => !isOff(rule, off));
  return {
    subject,
    decision,
    findings: sortFindings(raw.map((finding) => completed(subject, finding, decision))),
  };
};

const keyOf = ({ rule, level, position, message }: Finding): string =>
  JSON.stringify([rule, level, position.line, position.column, message]);

const distinct = (findings: readonly Finding[]): readonly Finding[] => {
  const seen = new Set<string>();
  return findings.filter((finding) => {
    const key = keyOf(finding);
    return !seen.has(key) && seen.add(key);
  });
};

/** Adds findings of another kind (a SPEC's memory and time) to a report. */
export const withFindings = (
  report: FileReport,
  more: readonly Finding[],
  rules: readonly string[],
  estimate: Estimate | null,
): FileReport => {
  const findings = sortFindings(distinct([...report.findings, ...more]));
  return {
    ...report,
    estimate,
    findings,
    verdict: verdictOf(findings),
    rules: [...new Set([...report.rules, ...rules])],
  };
};

/** Reads and judges one file: everything at once, each at its place. Never throws for any content. */
export const validateSource = (source: Source, options: ReadOptions, off: RulesOff): FileReport => {
  const read = readConfig(source, options);
  const base = {
    file: source.name,
    subjects: [],
    findings: [],
    rules: [],
    target: null,
    unreadable: null,
    estimate: null,
  };
  if (read.kind === 'unreadable')
    return { ...base, verdict: null, unreadable: { message: read.message, range: read.range } };
  if (read.kind === 'refused') {
    const findings = read.findings.map(({ finding, range }): Finding => ({
      ...finding,
      ...placed(source, range),
      source: null,
      why: null,
      origins: [],
      nearest: [],
    }));
    return {
      ...base,
      target: read.target,
      findings,
      verdict: verdictOf(findings),
      rules: findings.map(({ rule }) => rule),
    };
  }
  const subjects = read.subjects.map((subject) => judgeSubject(subject, off));
  const findings = sortFindings(distinct(subjects.flatMap((subject) => subject.findings)));
  return {
    ...base,
    target: subjects[0]?.subject.target ?? null,
    verdict: verdictOf(findings),
    subjects,
    findings,
    rules: [...new Set(read.subjects.flatMap(({ rules }) => rules).filter((rule) => !isOff(rule, off)))],
  };
};

/** Strategy keys that are known, in the format's spelling elsewhere; null for what the file leaves open. */
export const knownStrategy = ({
  subject,
  decision,
}: JudgedSubject): { readonly strategy: Strategy; readonly unknown: ReadonlySet<keyof Strategy> } | null => {
  const { strategy } = decision.first;
  return strategy === null
    ? null
    : { strategy, unknown: new Set([...decision.varying, ...subject.unknownKeys]) };
};
