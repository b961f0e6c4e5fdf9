/** The SPEC arguments of a command. */
import type { Diagnostic } from '../diagnostics.ts';
import { loadSpec, type LoadedSpec } from '../spec/load.ts';
import { printDiagnostics } from './diagnostic-text.ts';
import { failWith } from './fail.ts';

export interface NamedSpec extends LoadedSpec {
  readonly file: string;
}

/** Reads all before any is worked on; everything that is wrong is reported at once, warnings on stderr. */
export const loadSpecs = (files: readonly string[], set: readonly string[]): readonly NamedSpec[] => {
  const specs: NamedSpec[] = [];
  const diagnostics: Diagnostic[] = [];
  const warnings: Diagnostic[] = [];
  for (const file of files) {
    const loaded = loadSpec(file, { set });
    if (loaded.ok) {
      specs.push({ ...loaded.value, file });
      warnings.push(...loaded.warnings);
    } else diagnostics.push(...loaded.diagnostics);
  }
  if (diagnostics.length > 0) failWith([...warnings, ...diagnostics]);
  printDiagnostics(warnings);
  return specs;
};
