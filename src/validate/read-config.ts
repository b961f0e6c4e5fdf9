import { readYaml } from '../ingest/read-yaml.ts';
import type { Source } from '../ingest/source.ts';
import { isManifest, manifestScripts } from './manifest.ts';
import type { ReadResult } from './read-result.ts';
import { readShellConfig } from './read-shell.ts';
import { formatOf, readDataConfig } from './read-yaml-config.ts';
import type { ReadOptions } from './subject.ts';
import { targetOf } from './target.ts';
import type { Target } from './target.ts';
import { readToml } from './toml-file.ts';
import { torchtitanSubject } from './torchtitan-subject.ts';

/** Configurations became Python in 2026: a TOML file is one of 2025 or before, where the user says nothing else. */
const lastOfToml: Target = { ...targetOf('torchtitan', '2025'), versionGiven: false };

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
    subjects: [torchtitanSubject(toml.file, options.target ?? lastOfToml, options)],
  };
};

/** The scripts that a Kubernetes manifest carries. Changes are not written back into it. */
const readManifest = (source: Source, options: ReadOptions): ReadResult | null => {
  const scripts = manifestScripts(source);
  if (scripts === null) return null;
  const results = scripts.map((script) => readShellConfig(script, options));
  const subjects = results.flatMap((result) => (result.kind === 'subjects' ? result.subjects : []));
  if (subjects.length > 0)
    return { kind: 'subjects', subjects: subjects.map((subject) => ({ ...subject, rewrite: () => null })) };
  return (
    results[0] ?? {
      kind: 'unreadable',
      message: 'a Kubernetes manifest without a launch that planner knows',
      range: null,
    }
  );
};

/** The launches and configurations of one file. Nothing is run, nothing else is read. */
export const readConfig = (source: Source, options: ReadOptions): ReadResult => {
  if (source.text.trim() === '') return { kind: 'unreadable', message: 'is empty', range: null };
  const format = formatOf(source);
  if (format === 'toml') return readTomlConfig(source, options);
  if (format === 'shell') return readShellConfig(source, options);
  const manifest = format === 'yaml' && isManifest(source) ? readManifest(source, options) : null;
  if (manifest !== null) return manifest;
  const read = readYaml(source);
  const [fault] = read.diagnostics.filter(({ severity }) => severity === 'error');
  if (read.document === null || fault !== undefined) {
    const place = fault === undefined ? '' : ` at ${fault.position.line}:${fault.position.column}`;
    return { kind: 'unreadable', message: `${fault?.message ?? 'cannot be read'}${place}`, range: null };
  }
  return readDataConfig(read.document, format, options);
};
