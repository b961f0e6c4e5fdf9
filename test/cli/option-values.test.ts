import { Command } from 'commander';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { CommandFailure } from '../../src/cli/fail.ts';
import { checkCompanions, parseCount, parseFraction, warnOfFormat } from '../../src/cli/option-values.ts';

const parsed = (...words: readonly string[]): Command =>
  new Command()
    .option('--emit <target>')
    .option('--launcher <launcher>', '', 'torchrun')
    .option('--max-change <fraction>', '', '0.05')
    .option('--against <plan>')
    .option('--format <format>', '', 'table')
    .parse(words, { from: 'user' });

const diagnosticOf = (action: () => unknown): unknown => {
  try {
    action();
  } catch (failure) {
    return failure instanceof CommandFailure ? failure.diagnostics[0] : failure;
  }
  return null;
};

describe('options that belong to another one', () => {
  const check = (...words: readonly string[]): unknown =>
    diagnosticOf(() => {
      checkCompanions(parsed(...words), { launcher: 'emit', maxChange: 'against' });
    });

  it('are refused without it, and say nothing where they have their default', () => {
    expect(check()).toBeNull();
    expect(check('--emit', 'megatron')).toBeNull();
    expect(check('--emit', 'megatron', '--launcher', 'slurm')).toBeNull();
    expect(check('--launcher', 'slurm')).toMatchObject({
      file: '--launcher',
      message: 'has a meaning together with --emit alone',
    });
    expect(check('--max-change', '0.1', '--emit', 'megatron')).toMatchObject({
      file: '--max-change',
      message: 'has a meaning together with --against alone',
    });
  });
});

describe('--format beside what decides what is printed', () => {
  afterEach(() => {
    vi.restoreAllMocks();
  });

  const said = (...words: readonly string[]): string => {
    const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    write.mockClear();
    warnOfFormat(parsed(...words), 'emit');
    return write.mock.calls.map(([text]) => String(text)).join('');
  };

  it('is a warning', () => {
    expect(said('--emit', 'megatron', '--format', 'json')).toBe(
      '--format:1:1: warning: changes nothing: --emit decides what is printed\n',
    );
    expect(said('--emit', 'megatron')).toBe('');
    expect(said('--format', 'json')).toBe('');
  });
});

describe('values', () => {
  it('are counts up to the largest', () => {
    const count = parseCount('--top', 20);
    expect(count('20')).toBe(20);
    for (const text of ['0', '-1', '1e1', '1.5', '', '21', '99999999'])
      expect(
        diagnosticOf(() => count(text)),
        text,
      ).toMatchObject({
        file: '--top',
        found: text,
        expected: 'a whole number from 1 to 20',
      });
  });

  it('are fractions in digits', () => {
    const fraction = parseFraction('--max-change', '0.05');
    expect(fraction('0.05')).toBe(0.05);
    expect(fraction('2')).toBe(2);
    for (const text of ['', '-0.1', '5%', '.5', 'NaN'])
      expect(
        diagnosticOf(() => fraction(text)),
        text,
      ).toMatchObject({ file: '--max-change', found: text });
  });
});
