/** Diagnostics as text: `FILE:LINE:COLUMN: error: message`, then the line of the file with a caret. */
import { Chalk } from 'chalk';
import type { ChalkInstance } from 'chalk';
import type { Diagnostic } from '../diagnostics.ts';

/** Columns of an excerpt; longer lines are cut around the fault. */
const WIDTH = 100;
const MAXIMUM_MESSAGE = 600;

/**
 * Control characters, line separators, bidirectional overrides and lone surrogates: what input must not be able to do to
 * a terminal, or to a reader of one diagnostic per line.
 */

const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]|\p{Cs}/gu;

/** Makes text of unknown origin safe to print on one line. */
export const escapeText = (text: string): string =>
  text.replace(UNSAFE, (character) => {
    if (character === '\t') return '\\t';
    if (character === '\n') return '\\n';
    if (character === '\r') return '\\r';
    return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
  });

const cut = (text: string, maximum: number): string =>
  text.length <= maximum ? text : `${text.slice(0, maximum)}…`;

/** The sentence of a diagnostic: message, what was found and expected where the message does not say, nearest valid name. */
export const diagnosticSentence = (diagnostic: Diagnostic): string => {
  const { message, expected, found, suggestion } = diagnostic;
  const details = [
    expected === undefined || message.includes(expected) ? '' : `expected ${expected}`,
    found === undefined || message.includes(found) ? '' : `found ${found}`,
  ].filter((detail) => detail !== '');
  const tail = details.length === 0 ? '' : `: ${details.join(', ')}`;
  const hint =
    suggestion === undefined || message.includes(suggestion) ? '' : `; did you mean "${suggestion}"?`;
  return cut(escapeText(`${message}${tail}${hint}`), MAXIMUM_MESSAGE);
};

const excerpt = (diagnostic: Diagnostic, chalk: ChalkInstance): readonly string[] => {
  const { lineText, position } = diagnostic;
  if (lineText === undefined || lineText.trim() === '') return [];
  const characters = Array.from(lineText);
  const first = diagnostic.lineTextColumn ?? 1;
  const index = Math.min(Math.max(0, position.column - first), characters.length);
  const start = Math.max(0, Math.min(index - WIDTH / 2, characters.length - WIDTH));
  const shown = characters.slice(start, start + WIDTH);
  const before = escapeText(
    shown
      .slice(0, index - start)
      .join('')
      .replaceAll('\t', ' '),
  );
  const marked = escapeText(
    shown
      .slice(index - start, index - start + Math.max(1, position.length ?? 1))
      .join('')
      .replaceAll('\t', ' '),
  );
  const text = escapeText(shown.join('').replaceAll('\t', ' '));
  const margin = String(position.line);
  const lead = start > 0 || first > 1 ? '…' : '';
  const trail = start + WIDTH < characters.length ? '…' : '';
  const carets = '^'.repeat(Math.max(1, Array.from(marked).length));
  return [
    `  ${chalk.dim(`${margin} |`)} ${lead}${text}${trail}`,
    `  ${chalk.dim(`${' '.repeat(margin.length)} |`)} ${' '.repeat(lead.length + Array.from(before).length)}${chalk.red(carets)}`,
  ];
};

/** One diagnostic: its line, and an excerpt where the line of the file is known. Ends without a newline. */
export const formatDiagnostic = (
  diagnostic: Diagnostic,
  chalk: ChalkInstance = new Chalk({ level: 0 }),
): string => {
  const { file, position, severity } = diagnostic;
  const place = `${cut(escapeText(file), 300)}:${String(position.line)}:${String(position.column)}:`;
  const label = severity === 'error' ? chalk.red.bold('error:') : chalk.yellow.bold('warning:');
  return [
    `${chalk.bold(place)} ${label} ${diagnosticSentence(diagnostic)}`,
    ...excerpt(diagnostic, chalk),
  ].join('\n');
};

/** Diagnostics shown of one run; a file with ten thousand mistakes is understood before the thousandth. */
const MAXIMUM_SHOWN = 100;

/** All diagnostics of a run, in the order of their places; ends with a newline unless there are none. */
export const formatDiagnostics = (
  diagnostics: readonly Diagnostic[],
  chalk: ChalkInstance = new Chalk({ level: 0 }),
): string => {
  const lines = diagnostics
    .slice(0, MAXIMUM_SHOWN)
    .map((diagnostic) => `${formatDiagnostic(diagnostic, chalk)}\n`);
  const rest = diagnostics.length - MAXIMUM_SHOWN;
  if (rest > 0) lines.push(`(${String(rest)} more are not shown)\n`);
  return lines.join('');
};

/** Prints diagnostics on stderr, in colour where stderr takes it. */
export const printDiagnostics = (diagnostics: readonly Diagnostic[], chalk?: ChalkInstance): void => {
  const text = formatDiagnostics(diagnostics, chalk);
  if (text !== '') process.stderr.write(text);
};
