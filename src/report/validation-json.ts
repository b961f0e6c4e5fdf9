import type { Validation as ValidationDocument } from '../formats/validation.ts';
import { strategyToJson } from '../strategy/format.ts';
import { keyOfField } from '../strategy/keys.ts';
import { knownStrategy } from '../validate/validate-file.ts';
import type { FileReport } from '../validate/validate-file.ts';
import { estimateDocument } from './results-json.ts';
import { summarize } from './validation.ts';
import type { Validation } from './validation.ts';

/** Strategy of the first launch; null for keys that the file leaves open. */
const strategyOf = ({ subjects }: FileReport): Record<string, string | number | boolean | null> | null => {
  const [first] = subjects;
  const known = first === undefined ? null : knownStrategy(first);
  if (known === null) return null;
  const open = new Set([...known.unknown].map(keyOfField));
  return Object.fromEntries(
    Object.entries(strategyToJson(known.strategy)).map(([key, value]) => [
      key,
      open.has(key) || (typeof value === 'number' && !Number.isSafeInteger(value)) ? null : value,
    ]),
  );
};

/** The document of `--format json` (schema/validation.schema.json). */
export const validationDocument = (validation: Validation): ValidationDocument => {
  const { rules, ...counts } = summarize(validation);
  return {
    schema_version: 1,
    files: validation.files.map((file) => ({
      file: file.file,
      target: file.target === null ? '' : `${file.target.name}@${file.target.version}`,
      verdict: file.verdict ?? 'unchecked',
      strategy: strategyOf(file),
      estimate: file.estimate === null ? null : estimateDocument(file.estimate),
      findings: file.findings.map(
        ({
          rule,
          level,
          position,
          message,
          found,
          expected,
          stage,
          settings,
          missing,
          origins,
          nearest,
          source,
        }) => ({
          rule,
          level,
          line: position.line,
          column: position.column,
          length: position.length ?? 1,
          message,
          found,
          expected,
          stage,
          settings: [...new Set(settings)],
          missing: [...missing],
          origins: origins.map(({ setting, value, line, from }) => ({ setting, value, line, from })),
          nearest: [...nearest],
          source,
        }),
      ),
      rules_checked: file.rules.length,
    })),
    summary: { ...counts, rules_checked: rules },
    rules_off: validation.off.map(({ rule, reason }) => ({ rule, reason })),
  };
};
