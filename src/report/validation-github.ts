import { findingSentence, summaryLine } from './validation.ts';
import type { Validation } from './validation.ts';

const commands = { error: 'error', warning: 'warning', unchecked: 'notice', note: 'notice' } as const;

const data = (text: string): string =>
  text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
const property = (text: string): string => data(text).replaceAll(':', '%3A').replaceAll(',', '%2C');

/** Workflow commands of GitHub Actions: one annotation a line. */
export const validationGithub = (validation: Validation): string => {
  const lines = validation.files.flatMap(({ file, findings }) =>
    findings.map((finding) => {
      const { level, rule, position, stage } = finding;
      const end = position.column + (position.length ?? 1) - 1;
      const title = level === 'error' ? `${rule} (dies at: ${stage})` : rule;
      return `::${commands[level]} file=${property(file)},line=${position.line},endLine=${position.line},col=${position.column},endColumn=${end},title=${property(title)}::${data(findingSentence(finding))}`;
    }),
  );
  return `${[...lines, data(summaryLine(validation))].join('\n')}\n`;
};
