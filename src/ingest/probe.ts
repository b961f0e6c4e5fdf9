/** Results of the probe script, checked against their schema. */
import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import type { ValidateFunction } from 'ajv';
import type { Diagnostic, Result } from '../diagnostics.ts';
import type { Probe } from '../formats/probe.ts';
import { readJson } from './read-json.ts';
import { diagnosticOfFile } from './source.ts';
import type { Source } from './source.ts';

let compiled: ValidateFunction<Probe> | undefined;

const validator = (): ValidateFunction<Probe> => {
  if (compiled === undefined) {
    const file = new URL('../../schema/probe.schema.json', import.meta.url);
    const schema = JSON.parse(readFileSync(file, 'utf8')) as object;
    compiled = new Ajv({ allErrors: true, strict: false }).compile<Probe>(schema);
  }
  return compiled;
};

const MOST_ERRORS = 20;

/** Whether a text means to be a probe's result: one JSON object that says so. Runs are one object a line. */
export const isProbeText = (text: string): boolean =>
  /^\s*\{/.test(text) && /"kind"\s*:\s*"planner-probe"/.test(text.slice(0, 1000));

/** Reads the JSON of the probe script. */
export const readProbe = (source: Source): Result<Probe> => {
  const json = readJson(source);
  if (!json.ok) return json;
  const validate = validator();
  const { value } = json;
  if (validate(value)) return { ok: true, value, warnings: json.warnings };
  const diagnostics = (validate.errors ?? [])
    .slice(0, MOST_ERRORS)
    .map((error): Diagnostic =>
      diagnosticOfFile(
        source.name,
        'probe/schema',
        `${error.instancePath === '' ? 'the file' : error.instancePath.slice(1).replaceAll('/', '.')} ${error.message ?? 'is wrong'}`,
      ),
    );
  return { ok: false, diagnostics };
};
