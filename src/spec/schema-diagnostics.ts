/** Schema errors as diagnostics: at the key that is unknown, at the parent of what is missing, at the value that is wrong. */
import type { ErrorObject } from 'ajv';
import { presetNames } from '../ingest/presets.ts';
import type { PresetKind } from '../ingest/presets.ts';
import type { Diagnostic } from '../diagnostics.ts';
import { QUANTITY_EXAMPLES, parseQuantity } from '../quantity.ts';
import type { Dimension } from '../quantity.ts';
import { nearest } from '../strategy/parse-value.ts';
import { describe, keyRange, pathText, pointerTo, valueRange } from '../ingest/document.ts';
import type { Data, DataDocument } from '../ingest/document.ts';
import { parseRuntime } from './runtime-reference.ts';
import { diagnosticAt, firstLine } from '../ingest/source.ts';
import type { Details } from '../ingest/source.ts';

const TYPE_WORDS: Readonly<Record<string, string>> = {
  integer: 'a whole number',
  number: 'a number',
  string: 'a string',
  boolean: 'true or false',
  array: 'a list',
  object: 'a map',
  null: 'null',
};

const PRESET_WORDS: Readonly<Record<PresetKind, string>> = {
  accelerator: 'accelerator',
  'intra-node': 'intra-node link',
  nic: 'NIC',
};

type Plain = Readonly<Record<string, unknown>>;

const plain = (value: unknown): Plain =>
  typeof value === 'object' && value !== null ? (value as Plain) : {};

const words = (types: unknown): string =>
  (Array.isArray(types) ? types : [types])
    .map((type) => TYPE_WORDS[String(type)] ?? String(type))
    .join(' or ');

/** YAML surprises: what looks like a number or a truth value and is a string. */
const stringHint = (types: unknown, data: Data): string => {
  if (typeof data !== 'string') return '';
  const wanted = new Set(Array.isArray(types) ? types : [types]);
  const digits = data.replaceAll(/[_,' ]/gu, '');
  if (
    (wanted.has('integer') || wanted.has('number')) &&
    data.length < 40 &&
    /^[-+]?\d+(\.\d+)?$/u.test(digits)
  )
    return data === digits ? '; write it without quotes' : `; write ${digits}`;
  if (wanted.has('boolean') && /^(yes|no|on|off)$/iu.test(data)) return '; YAML 1.2 reads it as a string';
  return '';
};

/** A scalar as it would be written; maps and lists, which need no text here, as JSON. */
const textOf = (data: Data): string => (typeof data === 'string' ? data : JSON.stringify(data));

interface Fault {
  readonly id: string;
  /** Where: at the value, or at the key with `key`. */
  readonly pointer: string;
  readonly atKey?: boolean;
  readonly message: string;
  readonly details?: Details;
}

const suggested = (name: string, candidates: readonly string[]): Details => {
  const suggestion = nearest(name, candidates);
  return suggestion === null ? {} : { suggestion };
};

const RANGE_WORDS: Readonly<Record<string, string>> = {
  '>=': 'at least',
  '<=': 'at most',
  '>': 'more than',
  '<': 'less than',
};

/** What a limit keyword (minimum, maxItems, …) demands. */
const limitWords = (error: ErrorObject): string => {
  const params = plain(error.params);
  const limit = String(params['limit']);
  switch (error.keyword) {
    case 'minItems':
    case 'minProperties':
      return `at least ${limit} ${limit === '1' ? 'entry' : 'entries'}`;
    case 'maxItems':
    case 'maxProperties':
      return `at most ${limit} entries`;
    case 'minLength':
      return 'a string that is not empty';
    case 'maxLength':
      return `at most ${limit} characters`;
    default:
      return `${RANGE_WORDS[String(params['comparison'])] ?? ''} ${limit}`.trim();
  }
};

const quantityFault = (pointer: string, dimension: Dimension, data: Data, path: string): Fault => {
  const quantity = parseQuantity(typeof data === 'number' ? data : textOf(data), dimension);
  const message = quantity.ok ? `expected more than 0, found ${textOf(data)}` : quantity.message;
  return { id: 'spec/quantity', pointer, message: `${path}: ${message}` };
};

const presetFault = (pointer: string, kind: PresetKind, data: Data, path: string): Fault => {
  const name = textOf(data);
  const message = `${path}: no ${PRESET_WORDS[kind]} preset is named "${name.slice(0, 60)}"; see planner presets`;
  return { id: 'spec/unknown-preset', pointer, message, details: suggested(name, presetNames(kind)) };
};

const runtimeFault = (pointer: string, data: Data, path: string): Fault => {
  const runtime = parseRuntime(textOf(data));
  if (runtime.ok) throw new Error(`${path} was refused and is a runtime`);
  const { message, expected, suggestion } = runtime;
  const details: Details = suggestion === null ? { expected } : { expected, suggestion };
  return { id: 'spec/unknown-runtime', pointer, message: `${path}: ${message}`, details };
};

const faultOf = (error: ErrorObject): Fault => {
  const pointer = error.instancePath;
  const data = error.data as Data;
  const params = plain(error.params);
  const path = pathText(pointer) || 'the SPEC';
  switch (error.keyword) {
    case 'additionalProperties': {
      const key = String(params['additionalProperty']);
      const names = Object.keys(plain(plain(error.parentSchema)['properties']));
      const message = `unknown key "${key}"${pointer === '' ? '' : ` in ${path}`}`;
      const details = suggested(key, names);
      const expected = `one of ${names.join(', ')}`;
      return {
        id: 'spec/unknown-key',
        pointer: pointerTo(pointer, key),
        atKey: true,
        message,
        details: details.suggestion === undefined ? { expected } : details,
      };
    }
    case 'required':
      return {
        id: 'spec/missing-key',
        pointer,
        atKey: true,
        message: `${path} lacks the key "${String(params['missingProperty'])}"`,
      };
    case 'type': {
      const dimension = plain(error.parentSchema)['quantity'];
      const expected =
        typeof dimension === 'string' ? QUANTITY_EXAMPLES[dimension as Dimension] : words(params['type']);
      const message = `${path}: expected ${expected}, found ${describe(data)}${stringHint(params['type'], data)}`;
      return { id: 'spec/type', pointer, message };
    }
    case 'enum': {
      const values = (params['allowedValues'] as readonly unknown[]).map(String);
      const message = `${path}: expected one of ${values.join(', ')}, found ${describe(data)}`;
      return { id: 'spec/value', pointer, message, details: suggested(textOf(data), values) };
    }
    case 'pattern': {
      const expected = String(plain(error.parentSchema)['description']);
      return { id: 'spec/value', pointer, message: `${path}: expected ${expected}; found ${describe(data)}` };
    }
    case 'quantity':
      return quantityFault(pointer, error.schema as Dimension, data, path);
    case 'preset':
      return presetFault(pointer, error.schema as PresetKind, data, path);
    case 'runtime':
      return runtimeFault(pointer, data, path);
    default:
      return {
        id: 'spec/range',
        pointer,
        message: `${path}: expected ${limitWords(error)}, found ${describe(data)}`,
      };
  }
};

/** Enough to act on; the text of a thousand would be no help. */
const MAXIMUM = 200;

/** Each schema error at its place in the document; of very many the first ones. */
export const schemaDiagnostics = (
  errors: readonly ErrorObject[],
  document: DataDocument,
): readonly Diagnostic[] =>
  errors.slice(0, MAXIMUM).map((error) => {
    const { pointer, atKey, id, message, details } = faultOf(error);
    const range = atKey === true ? keyRange(document, pointer) : valueRange(document, pointer);
    return diagnosticAt(firstLine(range), id, message, details);
  });
