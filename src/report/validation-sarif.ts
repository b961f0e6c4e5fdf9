import { createHash } from 'node:crypto';
import type { Log, ReportingDescriptor, Result } from 'sarif';
import type { FileReport } from '../validate/validate-file.ts';
import type { Finding } from '../validate/finding.ts';
import { ruleFacts } from '../validate/rule-facts.ts';
import { findingSentence } from './validation.ts';
import type { Validation } from './validation.ts';

const levels = { error: 'error', warning: 'warning', unchecked: 'note', note: 'note' } as const;

/** A path as SARIF wants it: a URI reference, relative to the repository where the path is. */
export const uriOf = (file: string): string =>
  file
    .replaceAll('\\', '/')
    .replace(/^\.\//u, '')
    .split('/')
    .map((part) => encodeURIComponent(part))
    .join('/');

/** Stays the same while lines above move: of rule, file, text of the line and settings. */
const fingerprint = (file: string, { rule, lineText, settings }: Finding): string =>
  createHash('sha256')
    .update(JSON.stringify([rule, uriOf(file), (lineText ?? '').trim(), settings]))
    .digest('hex')
    .slice(0, 32);

const resultOf = (file: string, finding: Finding, index: number, occurrence: number): Result => {
  const { rule, level, position } = finding;
  return {
    ruleId: rule,
    ruleIndex: index,
    level: levels[level],
    message: {
      text: `${findingSentence(finding)}${level === 'error' ? ` The run would die at: ${finding.stage}.` : ''}`,
    },
    locations: [
      {
        physicalLocation: {
          artifactLocation: { uri: uriOf(file), ...(file.startsWith('/') ? {} : { uriBaseId: '%SRCROOT%' }) },
          region: {
            startLine: position.line,
            startColumn: position.column,
            endColumn: position.column + (position.length ?? 1),
          },
        },
      },
    ],
    partialFingerprints: { 'plannerFinding/v1': `${fingerprint(file, finding)}:${occurrence}` },
  };
};

const descriptor = (rule: string, finding: Finding): ReportingDescriptor => {
  const facts = ruleFacts(rule);
  return {
    id: rule,
    shortDescription: { text: facts?.why ?? finding.message },
    help: { text: facts === null ? 'A rule of planner.' : `Source: ${facts.source}` },
    defaultConfiguration: { level: levels[finding.level] },
  };
};

const pairs = (files: readonly FileReport[]): readonly (readonly [string, Finding])[] =>
  files.flatMap(({ file, findings }) => findings.map((finding) => [file, finding] as const));

/** SARIF 2.1.0 for code scanning. Columns count characters; what is undecided is a note. */
export const validationSarif = (validation: Validation, version: string): Log => {
  const found = pairs(validation.files);
  const rules = new Map<string, ReportingDescriptor>();
  for (const [, finding] of found)
    if (!rules.has(finding.rule)) rules.set(finding.rule, descriptor(finding.rule, finding));
  const indexOf = new Map([...rules.keys()].map((rule, index) => [rule, index]));
  const seen = new Map<string, number>();
  const results = found.map(([file, finding]) => {
    const print = fingerprint(file, finding);
    const occurrence = (seen.get(print) ?? 0) + 1;
    seen.set(print, occurrence);
    return resultOf(file, finding, indexOf.get(finding.rule) ?? 0, occurrence);
  });
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: 'planner', semanticVersion: version, rules: [...rules.values()] } },
        columnKind: 'unicodeCodePoints',
        originalUriBaseIds: { '%SRCROOT%': { description: { text: 'The folder in which planner ran.' } } },
        artifacts: validation.files.map(({ file }) => ({ location: { uri: uriOf(file) } })),
        results,
      },
    ],
  };
};
