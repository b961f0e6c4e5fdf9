import { readTextFile } from '../../src/ingest/read-file.ts';
import { strategyToJson } from '../../src/strategy/format.ts';
import { keyOfField } from '../../src/strategy/keys.ts';
import { knownStrategy, validateSource } from '../../src/validate/validate-file.ts';
import { optionsOf } from './judge.ts';

export interface Row {
  readonly target: string | null;
  readonly verdict: string;
  readonly strategy: string | null;
  readonly errors: readonly string[];
  readonly unchecked: readonly string[];
  readonly warnings: readonly string[];
}

const shown = [
  'tensor',
  'pipeline',
  'virtual_stages',
  'context',
  'data',
  'expert',
  'expert_tensor',
  'micro_batch_size',
  'sharding',
  'recompute',
];

/** Verdict, strategy (`?`: left open) and rules of a file, judged without any option. */
export const tabulate = (file: string): Row => {
  const source = readTextFile(file, file, 16_000_000);
  if (!source.ok)
    return { target: null, verdict: 'unreadable', strategy: null, errors: [], unchecked: [], warnings: [] };
  const report = validateSource(source.value, optionsOf({}), []);
  const [first] = report.subjects;
  const known = first === undefined ? null : knownStrategy(first);
  const open = new Set([...(known?.unknown ?? [])].map(keyOfField));
  const json = known === null ? {} : strategyToJson(known.strategy);
  const rules = (level: string): readonly string[] =>
    report.findings
      .filter((finding) => finding.level === level)
      .map(({ rule, missing }) => (missing.length === 0 ? rule : `${rule}: ${missing.join('; ')}`));
  return {
    target: report.target === null ? null : `${report.target.name}@${report.target.version}`,
    verdict: report.verdict ?? `unreadable: ${report.unreadable?.message ?? ''}`,
    strategy:
      known === null
        ? null
        : shown.map((key) => `${key}=${open.has(key) ? '?' : String(json[key])}`).join(' '),
    errors: rules('error'),
    unchecked: rules('unchecked'),
    warnings: rules('warning'),
  };
};
