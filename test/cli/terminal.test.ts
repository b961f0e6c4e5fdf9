import { describe, expect, it } from 'vitest';
import { colourLevel } from '../../src/cli/colour.ts';
import { escapeText, formatDiagnostic, formatDiagnostics } from '../../src/cli/diagnostic-text.ts';
import { startProgress } from '../../src/cli/progress.ts';
import type { Diagnostic } from '../../src/diagnostics.ts';

const terminal = { isTTY: true };
const pipe = {};

describe('colour', () => {
  it.each([
    ['a terminal', terminal, undefined, {}, 1],
    ['a pipe', pipe, undefined, {}, 0],
    ['NO_COLOR', terminal, undefined, { NO_COLOR: '1' }, 0],
    ['NO_COLOR that is empty', terminal, undefined, { NO_COLOR: '' }, 1],
    ['a dumb terminal', terminal, undefined, { TERM: 'dumb' }, 0],
    ['FORCE_COLOR over NO_COLOR and a pipe', pipe, undefined, { FORCE_COLOR: '1', NO_COLOR: '1' }, 1],
    ['FORCE_COLOR=0', terminal, undefined, { FORCE_COLOR: '0' }, 0],
    ['--color over NO_COLOR and a pipe', pipe, true, { NO_COLOR: '1' }, 1],
    ['--no-color over FORCE_COLOR', terminal, false, { FORCE_COLOR: '1' }, 0],
  ] as const)('%s', (_, stream, flag, environment, want) => {
    expect(colourLevel(stream, flag, environment)).toBe(want);
  });
});

const diagnostic = (changes: Partial<Diagnostic> = {}): Diagnostic => ({
  id: 'spec/type',
  severity: 'error',
  file: 'spec.yaml',
  position: { line: 3, column: 5, length: 3 },
  message: 'expected a number, found "abc"',
  lineText: 'a:  abc',
  ...changes,
});

describe('a diagnostic', () => {
  it('is a line that begins with its place, and an excerpt with carets', () => {
    expect(formatDiagnostic(diagnostic()).split('\n')).toEqual([
      'spec.yaml:3:5: error: expected a number, found "abc"',
      '  3 | a:  abc',
      '    |     ^^^',
    ]);
  });

  it('says what its message does not', () => {
    const text = formatDiagnostic(
      diagnostic({
        message: 'unknown key',
        expected: 'one of a, b',
        found: 'c',
        suggestion: 'b',
        severity: 'warning',
      }),
    );
    expect(text.split('\n')[0]).toBe(
      'spec.yaml:3:5: warning: unknown key: expected one of a, b, found c; did you mean "b"?',
    );
  });

  it('shows control characters, and lets none through', () => {
    const text = formatDiagnostic(
      diagnostic({
        file: 'a\nb',
        message: 'x\u001b[31m\u202e\ud800\u2028',
        lineText: 'a:\t\u001babc',
        position: { line: 1, column: 4 },
      }),
    );
    expect(text.split('\n')[0]).toBe(
      'a\\nb:3:5: error: '.replace('3:5', '1:4') + 'x\\u{1b}[31m\\u{202e}\\u{d800}\\u{2028}',
    );
    expect(text.split('\n').slice(1)).toEqual(['  1 | a: \\u{1b}abc', '    |    ^^^^^^']);
  });

  it('cuts a long line around the fault', () => {
    const text = formatDiagnostic(
      diagnostic({
        lineText: `${'x'.repeat(500)}FAULT${'y'.repeat(500)}`,
        position: { line: 1, column: 501, length: 5 },
      }),
    );
    const [, line = '', caret = ''] = text.split('\n');
    expect(line.length).toBeLessThan(120);
    expect(line.slice(caret.indexOf('^'), caret.lastIndexOf('^') + 1)).toBe('FAULT');
  });

  it('points into the kept part of a very long line', () => {
    const text = formatDiagnostic(
      diagnostic({
        lineText: 'abcFAULT',
        lineTextColumn: 100_000,
        position: { line: 1, column: 100_003, length: 5 },
      }),
    );
    const [, line = '', caret = ''] = text.split('\n');
    expect(line.slice(caret.indexOf('^'), caret.lastIndexOf('^') + 1)).toBe('FAULT');
  });

  it('has no excerpt where there is no line', () => {
    const { id, severity, file, position, message } = diagnostic();
    expect(formatDiagnostic({ id, severity, file, position, message })).not.toContain('\n');
  });

  it('is one of at most a hundred', () => {
    const text = formatDiagnostics(Array.from({ length: 130 }, () => diagnostic()));
    expect(text.match(/error:/gu)).toHaveLength(100);
    expect(text).toContain('(30 more are not shown)');
  });

  it('escapes what terminals obey', () => {
    expect(escapeText('a\tb\r\u0007\u009b')).toBe('a\\tb\\r\\u{7}\\u{9b}');
    expect(escapeText('größe 😀')).toBe('größe 😀');
  });
});

describe('progress', () => {
  const record = (
    isTTY: boolean,
  ): { written: string[]; stream: { isTTY: boolean; columns: number; write: (text: string) => void } } => {
    const written: string[] = [];
    return { written, stream: { isTTY, columns: 20, write: (text) => void written.push(text) } };
  };

  it('is silent for a second, then shows one line at most ten times a second, and removes it', () => {
    const { written, stream } = record(true);
    let time = 0;
    const progress = startProgress(stream, () => time);
    for (const at of [0, 500, 999]) {
      time = at;
      progress.update(() => 'early');
    }
    expect(written).toEqual([]);
    for (const at of [1000, 1050, 1099, 1100]) {
      time = at;
      progress.update(() => `at ${String(at)} ${'x'.repeat(50)}`);
    }
    expect(written.map((text) => text.slice(5, 12))).toEqual(['at 1000', 'at 1100']);
    expect(Math.max(...written.map((text) => text.length))).toBeLessThanOrEqual(5 + 19);
    progress.done();
    expect(written.at(-1)).toBe('\r\u001b[2K');
    progress.update(() => 'late');
    expect(written).toHaveLength(3);
  });

  it('says nothing where nobody looks', () => {
    const { written, stream } = record(false);
    let time = 0;
    const progress = startProgress(stream, () => time);
    time = 5000;
    progress.update(() => 'unseen');
    progress.done();
    expect(written).toEqual([]);
  });
});
