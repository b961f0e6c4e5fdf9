import type { FileReport } from '../validate/validate-file.ts';
import type { Finding } from '../validate/finding.ts';
import type { Paint, Style } from './paint.ts';
import { findingSentence, safeText, summaryLine } from './validation.ts';
import type { Validation } from './validation.ts';

/** Characters of an excerpt; longer lines are cut around the fault. */
const WIDTH = 100;
/** Findings of one file that a table shows. */
const SHOWN = 100;

const styles: Readonly<Record<string, Style>> = {
  valid: 'good',
  invalid: 'bad',
  unchecked: 'strong',
  error: 'bad',
  warning: 'strong',
  note: 'faint',
};
const styleOf = (word: string): Style => styles[word] ?? 'plain';

/** The line of the file with the place of the finding underlined. */
const excerpt = ({ lineText, lineTextColumn, position }: Finding, paint: Paint): readonly string[] => {
  if (lineText === null || lineText.trim() === '') return [];
  const characters = Array.from(lineText);
  const index = Math.min(Math.max(0, position.column - lineTextColumn), characters.length);
  const start = Math.max(0, Math.min(index - WIDTH / 2, characters.length - WIDTH));
  const shown = characters.slice(start, start + WIDTH);
  const before = safeText(shown.slice(0, index - start).join(''));
  const marked = safeText(
    shown.slice(index - start, index - start + Math.max(1, position.length ?? 1)).join(''),
  );
  const margin = String(position.line).padStart(5);
  const lead = start > 0 || lineTextColumn > 1 ? '…' : '';
  const trail = start + WIDTH < characters.length ? '…' : '';
  return [
    `  ${paint('faint', `${margin} |`)} ${lead}${safeText(shown.join(''))}${trail}`,
    `  ${paint('faint', `${' '.repeat(margin.length)} |`)} ${' '.repeat(lead.length + Array.from(before).length)}${paint('bad', '~'.repeat(Math.max(1, Array.from(marked).length)))}`,
  ];
};

const originText = ({ origins }: Finding): string =>
  origins
    .map(
      ({ setting, value, line, from }) =>
        `${setting} ${value}: ${from}${line === null ? '' : ` in line ${line}`}`,
    )
    .join('; ');

const findingLines = (file: string, finding: Finding, paint: Paint): readonly string[] => {
  const { position, level, rule, stage } = finding;
  const place = `${safeText(file)}:${position.line}:${position.column}:`;
  const when = level === 'error' ? ` [dies at: ${stage}]` : '';
  const origins = level === 'error' || level === 'warning' ? safeText(originText(finding)) : '';
  return [
    `${paint('strong', place)} ${paint(styleOf(level), `${level}:`)} ${findingSentence(finding)}${when} ${paint('faint', `(${rule})`)}`,
    ...excerpt(finding, paint),
    ...(origins === '' ? [] : [`  ${paint('faint', `from: ${origins}`)}`]),
  ];
};

const heading = ({ file, target, verdict, subjects, rules }: FileReport, paint: Paint): string => {
  const runtime = target === null ? '' : `  ${target.name}@${target.version}`;
  const launches = subjects.length > 1 ? `, ${subjects.length} launches` : '';
  return `${safeText(file)}${runtime}  ${paint(styleOf(verdict ?? ''), verdict ?? '')} ${paint('faint', `(${rules.length} rules${launches})`)}`;
};

/** For people: each file with its verdict, each finding with its line, and what was counted. */
export const validationTable = (validation: Validation, paint: Paint): string => {
  const lines = validation.files.flatMap((file) => {
    const more = file.findings.length - SHOWN;
    return [
      heading(file, paint),
      ...file.findings.slice(0, SHOWN).flatMap((finding) => findingLines(file.file, finding, paint)),
      ...(more > 0 ? [`(${more} more are not shown)`] : []),
      '',
    ];
  });
  const off = validation.off.map(
    ({ rule, reason }) => `switched off: ${safeText(rule)} (${safeText(reason)})`,
  );
  return `${[...lines, ...off, summaryLine(validation)].join('\n')}\n`;
};
