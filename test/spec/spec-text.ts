import { loadSpecText } from '../../src/spec/load.ts';
import type { LoadedSpec } from '../../src/spec/load.ts';
import type { Diagnostic } from '../../src/diagnostics.ts';

/** The shortest SPEC that works, in lines, so that tests can replace one. */
export const MINIMAL = [
  'cluster: { nodes: 8, accelerator: h100-sxm-80gb }',
  'model: llama3-70b',
  'training: { sequence_length: 8192, global_batch_size: 256 }',
];

export const load = (text: string, set: readonly string[] = []): LoadedSpec => {
  const result = loadSpecText({ name: 'spec.yaml', text }, 'spec.yaml', { set });
  if (!result.ok) throw new Error(result.diagnostics.map(({ message }) => message).join('\n'));
  return result.value;
};

export const diagnosticsOf = (text: string, set: readonly string[] = []): readonly Diagnostic[] => {
  const result = loadSpecText({ name: 'spec.yaml', text }, 'spec.yaml', { set });
  return result.ok ? result.warnings : result.diagnostics;
};

/** `line:column id` of each, in order. */
export const placesOf = (diagnostics: readonly Diagnostic[]): readonly string[] =>
  diagnostics.map(({ position, id }) => `${String(position.line)}:${String(position.column)} ${id}`);
