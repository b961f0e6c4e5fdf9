/**
 * SARIF 2.1.0 as its published types have it: `@types/sarif` is made from the OASIS schema (2.1.0-rtm.5), object by
 * object. The schema file itself is not kept in this repository. What is read here: names of properties, which of them
 * are required, and the literals of the closed sets.
 */
import { readFileSync } from 'node:fs';
import { repositoryPath } from '../shared-data.ts';

interface Property {
  readonly type: string;
  readonly optional: boolean;
}

const text = readFileSync(repositoryPath('node_modules', '@types', 'sarif', 'index.d.ts'), 'utf8').replace(
  /\/\*[^]*?\*\//gu,
  '',
);

const interfaces = new Map<string, ReadonlyMap<string, Property>>();
for (const [, name = '', body = ''] of text.matchAll(/export interface (\w+) \{([^]*?)\n\}/gu))
  interfaces.set(
    name,
    new Map(
      [...body.matchAll(/^ {4}(\$?\w+)(\??): ([^;]+);/gmu)].map(([, key = '', mark, type = '']) => [
        key,
        { type: type.replace(' | undefined', '').trim(), optional: mark === '?' },
      ]),
    ),
  );

const literals = new Map<string, readonly string[]>();
for (const [, outer = '', body = ''] of text.matchAll(/export namespace (\w+) \{([^]*?)\n\}/gu))
  for (const [, name = '', values = ''] of body.matchAll(/type (\w+) =([^;]+);/gu))
    literals.set(
      `${outer}.${name}`,
      [...values.matchAll(/"([^"]*)"/gu)].map(([, value = '']) => value),
    );

/** What a value of a SARIF log breaks of its type, as paths with sentences; empty when it holds. */
export const sarifFaults = (value: unknown, type = 'Log', path = '$'): readonly string[] => {
  if (type.endsWith('[]'))
    return Array.isArray(value)
      ? value.flatMap((item, index) => sarifFaults(item, type.slice(0, -2), `${path}[${index}]`))
      : [`${path} is no array`];
  const closed = literals.get(type);
  if (closed !== undefined)
    return typeof value === 'string' && closed.includes(value)
      ? []
      : [`${path} is none of ${closed.join(', ')}`];
  const index = /^\{ \[key: string\]: (\w+) \}$/u.exec(type)?.[1];
  if (index !== undefined)
    return Object.entries(value as object).flatMap(([key, item]) =>
      sarifFaults(item, index, `${path}.${key}`),
    );
  const shape = interfaces.get(type);
  if (shape === undefined) {
    if (type === 'string' || type === 'number' || type === 'boolean')
      return typeof value === type ? [] : [`${path} is no ${type}`];
    return [];
  }
  if (typeof value !== 'object' || value === null) return [`${path} is no object`];
  const given = new Map(Object.entries(value));
  return [
    ...[...shape].flatMap(([key, { optional }]) =>
      optional || given.has(key) ? [] : [`${path} lacks ${key}`],
    ),
    ...[...given].flatMap(([key, item]) => {
      const property = shape.get(key);
      return property === undefined
        ? [`${path}.${key} is no property of ${type}`]
        : sarifFaults(item, property.type, `${path}.${key}`);
    }),
  ];
};

/** Objects that were read from the types. */
export const sarifObjects = interfaces.size;
