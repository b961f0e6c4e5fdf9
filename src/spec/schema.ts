/** The SPEC's JSON Schema as a function that finds every way in which data differs from it. */
import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import type { ErrorObject, ValidateFunction } from 'ajv';
import { isPreset } from '../ingest/presets.ts';
import type { PresetKind } from '../ingest/presets.ts';
import { parseQuantity } from '../quantity.ts';
import type { Dimension } from '../quantity.ts';
import type { Data } from '../ingest/document.ts';
import { parseRuntime } from './runtime-reference.ts';

type Schema = Readonly<Record<string, unknown>>;

const isSchema = (value: unknown): value is Schema =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const definitionOf = (schema: Schema, root: Schema): Schema => {
  const reference = schema['$ref'];
  if (typeof reference !== 'string') return schema;
  const definitions = root['definitions'];
  const name = reference.replace('#/definitions/', '');
  const target = isSchema(definitions) ? definitions[name] : undefined;
  if (!isSchema(target)) throw new Error(`schema: nothing at ${reference}`);
  return target;
};

/**
 * The same schema with each `anyOf` decided by the type of the data: branches differ in type throughout, and a plain
 * anyOf would report what every branch dislikes.
 */
const decided = (value: unknown, root: Schema): unknown => {
  if (Array.isArray(value)) return value.map((item) => decided(item, root));
  if (!isSchema(value)) return value;
  const entries = Object.entries(value)
    .filter(([key]) => key !== 'anyOf')
    .map(([key, inner]) => [key, decided(inner, root)] as const);
  const branches = value['anyOf'];
  if (!Array.isArray(branches)) return Object.fromEntries(entries);
  const typed = branches
    .filter(isSchema)
    .map((branch) => ({ type: definitionOf(branch, root)['type'], branch }));
  return {
    ...Object.fromEntries(entries),
    type: typed.map(({ type }) => type),
    allOf: typed.map(({ type, branch }) => ({ if: { type }, then: decided(branch, root) })),
  };
};

const compile = (): ValidateFunction => {
  const file = new URL('../../schema/spec.schema.json', import.meta.url);
  const schema = JSON.parse(readFileSync(file, 'utf8')) as Schema;
  const ajv = new Ajv({ allErrors: true, strict: false, verbose: true });
  ajv.addKeyword({
    keyword: 'quantity',
    schemaType: 'string',
    validate: (dimension: Dimension, data: unknown) => {
      if (typeof data !== 'number' && typeof data !== 'string') return true;
      const quantity = parseQuantity(data, dimension);
      return quantity.ok && quantity.value > 0;
    },
  });
  ajv.addKeyword({
    keyword: 'preset',
    schemaType: 'string',
    validate: (kind: PresetKind, data: unknown) => typeof data !== 'string' || isPreset(kind, data),
  });
  ajv.addKeyword({
    keyword: 'runtime',
    schemaType: 'boolean',
    validate: (_: boolean, data: unknown) => typeof data !== 'string' || parseRuntime(data).ok,
  });
  return ajv.compile(decided(schema, schema) as Schema);
};

let compiled: ValidateFunction | undefined;

/**
 * Every error, apart from those that merely follow: that a branch has errors, that a value of the wrong type is not in
 * the list either. Compiled at the first call.
 */
export const schemaErrors = (data: Data): readonly ErrorObject[] => {
  compiled ??= compile();
  if (compiled(data)) return [];
  const errors = compiled.errors ?? [];
  const mistyped = new Set(
    errors.filter(({ keyword }) => keyword === 'type').map(({ instancePath }) => instancePath),
  );
  return errors.filter(
    ({ keyword, instancePath }) => keyword === 'type' || (keyword !== 'if' && !mistyped.has(instancePath)),
  );
};
