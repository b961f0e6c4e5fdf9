import type { FileReport } from '../validate/validate-file.ts';
import { findingSentence, safeText, summarize } from './validation.ts';
import type { Validation } from './validation.ts';

const escaped = (text: string): string =>
  safeText(text)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    // Characters that XML 1.0 does not admit at all.
    .replace(/[\ufffe\uffff]/gu, '\ufffd');

/** One case for each rule that was asked: failed, skipped where it could not be decided, else passed. */
const casesOf = ({
  file,
  rules,
  findings,
}: FileReport): {
  readonly lines: readonly string[];
  readonly failures: number;
  readonly skipped: number;
  readonly tests: number;
} => {
  const names = [
    ...new Set([
      ...rules,
      ...findings.filter(({ level }) => level === 'error' || level === 'unchecked').map(({ rule }) => rule),
    ]),
  ].sort();
  let failures = 0;
  let skipped = 0;
  const lines = names.flatMap((rule) => {
    const open = `    <testcase name="${escaped(rule)}" classname="${escaped(file)}"`;
    const errors = findings.filter((finding) => finding.rule === rule && finding.level === 'error');
    const undecided = findings.filter((finding) => finding.rule === rule && finding.level === 'unchecked');
    if (errors.length > 0) {
      failures += 1;
      const body = errors.map(
        (finding) =>
          `      <failure type="${escaped(finding.stage)}" message="${escaped(findingSentence(finding))}">${escaped(`${file}:${finding.position.line}:${finding.position.column}`)}</failure>`,
      );
      return [`${open}>`, ...body, '    </testcase>'];
    }
    if (undecided.length > 0) {
      skipped += 1;
      return [
        `${open}>`,
        `      <skipped message="${escaped(undecided.map(findingSentence).join('; '))}"/>`,
        '    </testcase>',
      ];
    }
    return [`${open}/>`];
  });
  return { lines, failures, skipped, tests: names.length };
};

/** JUnit XML: a suite for each file. */
export const validationJunit = (validation: Validation): string => {
  const suites = validation.files.map((file) => ({ file: file.file, ...casesOf(file) }));
  const total = (key: 'tests' | 'failures' | 'skipped'): number =>
    suites.reduce((sum, suite) => sum + suite[key], 0);
  const body = suites.flatMap(({ file, lines, tests, failures, skipped }) => [
    `  <testsuite name="${escaped(file)}" tests="${tests}" failures="${failures}" skipped="${skipped}" errors="0">`,
    ...lines,
    '  </testsuite>',
  ]);
  return `${['<?xml version="1.0" encoding="UTF-8"?>', `<testsuites name="planner validate, ${summarize(validation).files} files" tests="${total('tests')}" failures="${total('failures')}" skipped="${total('skipped')}" errors="0">`, ...body, '</testsuites>'].join('\n')}\n`;
};
