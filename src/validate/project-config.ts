import type { Diagnostic, Result } from '../diagnostics.ts';
import { isDataMap, keyRange, pointerTo, valueRange } from '../ingest/document.ts';
import type { Data, DataDocument, DataMap } from '../ingest/document.ts';
import { readYaml } from '../ingest/read-yaml.ts';
import { diagnosticAt, sortDiagnostics } from '../ingest/source.ts';
import type { Source } from '../ingest/source.ts';

/** A repository's defaults for `planner validate`. */
export interface ProjectConfig {
  readonly files: readonly string[];
  readonly spec: string | null;
  readonly target: string | null;
  readonly gpus: number | null;
  readonly environment: ReadonlyMap<string, string>;
  readonly strict: boolean;
  readonly maxSlowdown: number | null;
  readonly off: readonly { readonly rule: string; readonly reason: string }[];
}

export const emptyConfig: ProjectConfig = {
  files: [],
  spec: null,
  target: null,
  gpus: null,
  environment: new Map(),
  strict: false,
  maxSlowdown: null,
  off: [],
};

const keys = ['files', 'spec', 'target', 'gpus', 'env', 'strict', 'max_slowdown', 'rules_off'] as const;
type Key = (typeof keys)[number];

const text = (value: Data | undefined): string | null =>
  typeof value === 'string' && value !== '' ? value : null;

const expectations: Readonly<Record<Key, readonly [string, (value: Data) => boolean]>> = {
  files: [
    'a list of file names or patterns',
    (value) => Array.isArray(value) && (value as readonly Data[]).every((item) => text(item) !== null),
  ],
  spec: ['the name of a SPEC', (value) => text(value) !== null],
  target: ['a target such as megatron@0.20', (value) => text(value) !== null],
  gpus: [
    'a whole number from 1',
    (value) => typeof value === 'number' && Number.isSafeInteger(value) && value >= 1,
  ],
  env: [
    'a map from names to values',
    (value) =>
      isDataMap(value) && Object.values(value).every((item) => item !== null && typeof item !== 'object'),
  ],
  strict: ['true or false', (value) => typeof value === 'boolean'],
  max_slowdown: ['a fraction from 0', (value) => typeof value === 'number' && value >= 0],
  rules_off: ['a map from rules to the reason for which each is off', (value) => isDataMap(value)],
};

const isKey = (key: string): key is Key => (keys as readonly string[]).includes(key);

const faults = (document: DataDocument, root: DataMap, isRule: (rule: string) => boolean): Diagnostic[] => {
  const found: Diagnostic[] = [];
  for (const [key, value] of Object.entries(root)) {
    const pointer = pointerTo('', key);
    if (!isKey(key)) {
      found.push(
        diagnosticAt(keyRange(document, pointer), 'config/unknown-key', `unknown key "${key}"`, {
          expected: keys.join(', '),
        }),
      );
      continue;
    }
    const [expected, fits] = expectations[key];
    if (!fits(value))
      found.push(
        diagnosticAt(valueRange(document, pointer), 'config/value', `"${key}" does not fit`, { expected }),
      );
  }
  const off = root['rules_off'];
  if (isDataMap(off))
    for (const [rule, reason] of Object.entries(off)) {
      const pointer = pointerTo('/rules_off', rule);
      if (!isRule(rule))
        found.push(
          diagnosticAt(keyRange(document, pointer), 'config/unknown-rule', `no rule is named "${rule}"`),
        );
      if (text(reason) === null)
        found.push(
          diagnosticAt(
            valueRange(document, pointer),
            'config/reason',
            `rule "${rule}" is switched off without a reason`,
            { expected: 'one sentence' },
          ),
        );
    }
  return found;
};

/** Reads planner.config.yaml; everything that is wrong with it at once. `isRule`: whether a name, or a pattern with `*`, is one of a rule. */
export const readProjectConfig = (
  source: Source,
  isRule: (rule: string) => boolean,
): Result<ProjectConfig> => {
  const read = readYaml(source);
  const errors = read.diagnostics.filter(({ severity }) => severity === 'error');
  if (read.document === null || errors.length > 0) return { ok: false, diagnostics: sortDiagnostics(errors) };
  const { document } = read;
  const { root } = document;
  if (root === null) return { ok: true, value: emptyConfig, warnings: [] };
  if (!isDataMap(root))
    return {
      ok: false,
      diagnostics: [
        diagnosticAt(valueRange(document, ''), 'config/type', 'the configuration is a map', {
          expected: keys.join(', '),
        }),
      ],
    };
  const wrong = faults(document, root, isRule);
  if (wrong.length > 0) return { ok: false, diagnostics: sortDiagnostics(wrong) };
  const {
    files,
    env,
    rules_off: off,
    gpus,
    strict,
    max_slowdown: slowdown,
  } = root as unknown as {
    readonly files?: readonly string[];
    readonly env?: Readonly<Record<string, string | number | boolean>>;
    readonly rules_off?: Readonly<Record<string, string>>;
    readonly gpus?: number;
    readonly strict?: boolean;
    readonly max_slowdown?: number;
  };
  return {
    ok: true,
    warnings: [],
    value: {
      files: files ?? [],
      spec: text(root['spec']),
      target: text(root['target']),
      gpus: gpus ?? null,
      environment: new Map(Object.entries(env ?? {}).map(([name, value]) => [name, String(value)])),
      strict: strict ?? false,
      maxSlowdown: slowdown ?? null,
      off: Object.entries(off ?? {}).map(([rule, reason]) => ({ rule, reason })),
    },
  };
};
