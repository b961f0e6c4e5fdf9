import { readYaml } from '../ingest/read-yaml.ts';
import type { Source } from '../ingest/source.ts';
import type { ReadResult } from './read-result.ts';
import { readShellConfig } from './read-shell.ts';
import { formatOf, readDataConfig } from './read-yaml-config.ts';
import type { ReadOptions } from './subject.ts';
import { targetOf } from './target.ts';
import { readToml } from './toml-file.ts';
import { torchtitanSubject } from './torchtitan-subject.ts';

const readTomlConfig = (source: Source, options: ReadOptions): ReadResult => {
  const toml = readToml(source);
  if (!toml.ok) return { kind: 'unreadable', message: toml.message, range: toml.range };
  const name = options.target?.name ?? 'torchtitan';
  const ours = ['parallelism', 'training'].some((section) =>
    [...toml.file.entries.keys()].some((key) => key.startsWith(`${section}.`)),
  );
  if (name !== 'torchtitan' || !ours)
    return {
      kind: 'unreadable',
      message: 'TOML without the sections of torchtitan, [training] and [parallelism]',
      range: null,
    };
  return {
    kind: 'subjects',
    subjects: [torchtitanSubject(toml.file, options.target ?? targetOf('torchtitan'), options)],
  };
};

/** The launches and configurations of one file. Nothing is run, nothing else is read. */
export const readConfig = (source: Source, options: ReadOptions): ReadResult => {
  if (source.text.trim() === '') return { kind: 'unreadable', message: 'is empty', range: null };
  const format = formatOf(source);
  if (format === 'toml') return readTomlConfig(source, options);
  if (format === 'shell') return readShellConfig(source, options);
  const read = readYaml(source);
  const [fault] = read.diagnostics.filter(({ severity }) => severity === 'error');
  if (read.document === null || fault !== undefined) {
    const place = fault === undefined ? '' : ` at ${fault.position.line}:${fault.position.column}`;
    return { kind: 'unreadable', message: `${fault?.message ?? 'cannot be read'}${place}`, range: null };
  }
  return readDataConfig(read.document, format, options);
};
