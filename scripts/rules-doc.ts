/**
 * Writes docs/rules.md: every rule with its reason, source, and an example that breaks it with planner's own words.
 * `--check` writes nothing and fails where the page is stale. Examples are found among scripts/rule-examples.ts.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { findingSentence } from '../src/report/validation.ts';
import { argumentRules } from '../src/runtimes/megatron/validate.ts';
import { allRules } from '../src/runtimes/registry.ts';
import { ruleIds } from '../src/validate/all-rules.ts';
import type { Finding } from '../src/validate/finding.ts';
import { ruleFacts } from '../src/validate/rule-facts.ts';
import { specRules } from '../src/validate/spec-rules.ts';
import { parseTarget } from '../src/validate/target.ts';
import { validateSource } from '../src/validate/validate-file.ts';
import { examples } from './rule-examples.ts';
import type { Example } from './rule-examples.ts';

interface Shown {
  readonly example: Example;
  readonly finding: Finding;
}

const findExamples = (): ReadonlyMap<string, Shown> => {
  const found = new Map<string, Shown>();
  for (const example of examples) {
    const report = validateSource(
      { name: example.name, text: example.text },
      {
        environment: new Map(),
        gpus: example.gpus ?? null,
        clusterGpus: null,
        perNode: null,
        target: example.target === undefined ? null : parseTarget(example.target),
        architecture: null,
      },
      [],
    );
    for (const finding of report.findings)
      if ((finding.level === 'error' || finding.level === 'warning') && !found.has(finding.rule))
        found.set(finding.rule, { example, finding });
  }
  return found;
};

const command = ({ name, gpus, target }: Example): string =>
  [
    'planner validate',
    name,
    ...(gpus === undefined ? [] : [`--gpus ${gpus}`]),
    ...(target === undefined ? [] : [`--target ${target}`]),
  ].join(' ');

/** The base flags of the examples would bury the one that matters. */
const shortened = (text: string): string =>
  text.length <= 400
    ? text.trimEnd()
    : `${text.slice(0, 110).trimEnd()} … ${text
        .trimEnd()
        .slice(-240)
        .replace(/^\S*\s/u, '')}`;

const versionsOf = (id: string): string => {
  const own = argumentRules
    .filter((rule) => `megatron/${rule.id}` === id)
    .map(({ since, until }) => ({ since: since ?? null, until: until ?? null }));
  const holds = [...own, ...allRules().filter((rule) => rule.id === id)].map(({ since, until }) =>
    since === null && until === null
      ? ''
      : `${since === null ? '' : `from ${since}`}${since !== null && until !== null ? ' ' : ''}${until === null ? '' : `before ${until}`}`,
  );
  const text = holds.find((part) => part !== '');
  return text === undefined ? '' : `Versions: ${text}. `;
};

const section = (id: string, shown: Shown | undefined): readonly string[] => {
  const facts = ruleFacts(id);
  const anchor = id.replace('/', '-');
  const lines = [`### <a id="${anchor}"></a>\`${id}\``, ''];
  if (facts !== null)
    lines.push(
      `${facts.why.charAt(0).toUpperCase()}${facts.why.slice(1)}. ${versionsOf(id)}Source: ${facts.source}.`,
      '',
    );
  if (shown === undefined) {
    lines.push(
      specRules.includes(id)
        ? 'Asked with `--spec` alone.'
        : 'No file of this runtime can state what breaks it: it guards plans of `planner search` and layouts that `--emit` carries over.',
      '',
    );
    return lines;
  }
  const { example, finding } = shown;
  const { position, level, stage } = finding;
  lines.push(
    '```sh',
    shortened(example.text),
    '```',
    '',
    `\`${command(example)}\` says:`,
    '',
    '```text',
    `${example.name}:${position.line}:${position.column}: ${level}: ${findingSentence(finding)}${level === 'error' ? ` [dies at: ${stage}]` : ''} (${id})`,
    '```',
    '',
  );
  return lines;
};

/** The whole page. */
export const rulesPage = (): string => {
  const shown = findExamples();
  const ids = ruleIds();
  const rooms = [...new Set(ids.map((id) => id.split('/')[0] ?? ''))];
  const covered = ids.filter((id) => shown.has(id)).length;
  const lines = [
    '# Rules of `planner validate`',
    '',
    'Written by `npx tsx scripts/rules-doc.ts`; a test compares it with what the program says. Ids are stable: `rules_off` in `planner.config.yaml` names them, each with a reason.',
    '',
    `${ids.length} rules; ${covered} of them with an example below, the others guard what no file can state. Long examples are cut in the middle; columns count in the whole line.`,
    '',
  ];
  for (const room of rooms) {
    lines.push(`## ${room}`, '');
    for (const id of ids) if (id.startsWith(`${room}/`)) lines.push(...section(id, shown.get(id)));
  }
  return `${lines.join('\n').trimEnd()}\n`;
};

if (process.argv[1]?.endsWith('rules-doc.ts') === true) {
  const file = new URL('../docs/rules.md', import.meta.url);
  const page = rulesPage();
  if (!process.argv.includes('--check')) writeFileSync(file, page);
  else if (readFileSync(file, 'utf8') !== page) {
    console.error('docs/rules.md is stale: run npx tsx scripts/rules-doc.ts');
    process.exitCode = 1;
  }
}
