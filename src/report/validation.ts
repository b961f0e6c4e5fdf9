import type { FileReport } from '../validate/validate-file.ts';

/** What `planner validate` found in one call. */
export interface Validation {
  readonly files: readonly FileReport[];
  /** Rules that the project switched off, with its reasons. */
  readonly off: readonly { readonly rule: string; readonly reason: string }[];
}

export interface ValidationSummary {
  readonly files: number;
  readonly valid: number;
  readonly invalid: number;
  readonly unchecked: number;
  /** Distinct rules that were asked of at least one file. */
  readonly rules: number;
}

export const summarize = ({ files }: Validation): ValidationSummary => {
  const count = (verdict: FileReport['verdict']): number =>
    files.filter((file) => file.verdict === verdict).length;
  return {
    files: files.length,
    valid: count('valid'),
    invalid: count('invalid'),
    unchecked: count('unchecked'),
    rules: new Set(files.flatMap(({ rules }) => rules)).size,
  };
};

const plural = (count: number, one: string): string => `${count} ${one}${count === 1 ? '' : 's'}`;

/** `3 files, 98 rules: 1 valid, 2 invalid`. */
export const summaryLine = (validation: Validation): string => {
  const { files, valid, invalid, unchecked, rules } = summarize(validation);
  const parts = [
    ...(valid > 0 ? [`${valid} valid`] : []),
    ...(invalid > 0 ? [`${invalid} invalid`] : []),
    ...(unchecked > 0 ? [`${unchecked} unchecked`] : []),
  ];
  const off = validation.off.length === 0 ? '' : `; ${plural(validation.off.length, 'rule')} switched off`;
  return `${plural(files, 'file')}, ${plural(rules, 'rule')} checked: ${parts.join(', ')}${off}`;
};

/** Control characters, line separators and bidirectional overrides of a file must not reach a terminal or a log. */
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]|\p{Cs}/gu;

export const safeText = (text: string): string =>
  text.replace(UNSAFE, (character) =>
    character === '\t'
      ? ' '
      : character === '\n'
        ? ' '
        : `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  );

/** The sentence of a finding: message, what was found and wanted, what would mend it. */
export const findingSentence = ({
  message,
  found,
  expected,
  nearest,
}: Pick<FileReport['findings'][number], 'message' | 'found' | 'expected' | 'nearest'>): string => {
  const details = [
    ...(found === '' || found === 'unknown' || message.includes(found) ? [] : [`found ${found}`]),
    ...(expected === '' || message.includes(expected) ? [] : [`expected ${expected}`]),
  ];
  const mend = nearest.length === 0 ? '' : `; nearest: ${nearest.join(', or ')}`;
  return safeText(`${message}${details.length === 0 ? '' : ` (${details.join(', ')})`}${mend}`).slice(
    0,
    1000,
  );
};
