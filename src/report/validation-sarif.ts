import { createHash } from 'node:crypto';
import type { Log, ReportingDescriptor, Result } from 'sarif';
import type { FileReport } from '../validate/validate-file.ts';
import type { Finding } from '../validate/finding.ts';
import { ruleFacts } from '../validate/rule-facts.ts';
import { findingSentence } from './validation.ts';
import type { Validation } from './validation.ts';

const levels = { error: 'error', warning: 'warning', unchecked: 'note', note: 'note' } as const;

const slashed = (file: string): string => file.replaceAll('\\', '/');
const isAbsolute = (path: string): boolean => /^(?:\/|[A-Za-z]:\/)/u.test(path);

/**
 * A path as SARIF wants it: a URI reference relative to `folder`, which code scanning takes for the repository; a path
 * outside `folder` is an absolute `file:` URI.
 */
export const uriOf = (file: string, folder: string): string => {
  const root = slashed(folder).replace(/\/*$/u, '/');
  const path = slashed(file).replace(/^(?:\.\/)+/u, '');
  const inside = path.startsWith(root) ? path.slice(root.length) : path;
  const uri = inside
    .split('/')
    .map((part) => (/^[A-Za-z]:$/u.test(part) ? part : encodeURIComponent(part)))
    .join('/');
  return isAbsolute(inside) ? `file://${uri.startsWith('/') ? '' : '/'}${uri}` : uri;
};

const locationOf = (file: string, folder: string): { uri: string; uriBaseId?: string } => {
  const uri = uriOf(file, folder);
  return uri.startsWith('file:') ? { uri } : { uri, uriBaseId: '%SRCROOT%' };
};

/** Stays the same while lines above move: of rule, file, text of the line and settings. */
const fingerprint = (uri: string, { rule, lineText, settings }: Finding): string =>
  createHash('sha256')
    .update(JSON.stringify([rule, uri, (lineText ?? '').trim(), settings]))
    .digest('hex')
    .slice(0, 32);

const resultOf = (
  location: ReturnType<typeof locationOf>,
  finding: Finding,
  index: number,
  occurrence: number,
): Result => {
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
          artifactLocation: location,
          region: {
            startLine: position.line,
            startColumn: position.column,
            endColumn: position.column + (position.length ?? 1),
          },
        },
      },
    ],
    partialFingerprints: { 'plannerFinding/v1': `${fingerprint(location.uri, finding)}:${occurrence}` },
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

/** SARIF 2.1.0 for code scanning, with paths relative to `folder`, where planner runs. Columns count characters; what is undecided is a note. */
export const validationSarif = (validation: Validation, version: string, folder: string): Log => {
  const found = pairs(validation.files);
  const rules = new Map<string, ReportingDescriptor>();
  for (const [, finding] of found)
    if (!rules.has(finding.rule)) rules.set(finding.rule, descriptor(finding.rule, finding));
  const indexOf = new Map([...rules.keys()].map((rule, index) => [rule, index]));
  const seen = new Map<string, number>();
  const results = found.map(([file, finding]) => {
    const location = locationOf(file, folder);
    const print = fingerprint(location.uri, finding);
    const occurrence = (seen.get(print) ?? 0) + 1;
    seen.set(print, occurrence);
    return resultOf(location, finding, indexOf.get(finding.rule) ?? 0, occurrence);
  });
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: 'planner', semanticVersion: version, rules: [...rules.values()] } },
        columnKind: 'unicodeCodePoints',
        originalUriBaseIds: { '%SRCROOT%': { description: { text: 'The folder in which planner ran.' } } },
        artifacts: validation.files.map(({ file }) => ({ location: locationOf(file, folder) })),
        results,
      },
    ],
  };
};
