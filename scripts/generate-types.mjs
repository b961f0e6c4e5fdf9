// JSON Schemas are the single source of the formats' types: writes src/formats/NAME.ts for each schema/NAME.schema.json.
// With --check it writes nothing, and fails where a file differs from what it would write.
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { compile } from 'json-schema-to-typescript';

const root = new URL('../', import.meta.url);
const WIDTH = 110;
const check = process.argv.includes('--check');
const names = readdirSync(new URL('schema/', root))
  .filter((file) => file.endsWith('.schema.json'))
  .map((file) => file.slice(0, -'.schema.json'.length))
  .sort();

/**
 * What the compiler turns into the shortest type. Lengths of lists are checked by the schema alone: as types they would be
 * unions of tuples. A reference with a description of its own would be written out in full; inside `allOf` it keeps its name.
 */
const shortened = (schema) => {
  if (Array.isArray(schema)) return schema.map(shortened);
  if (typeof schema !== 'object' || schema === null) return schema;
  const { $ref, ...rest } = Object.fromEntries(
    Object.entries(schema)
      .filter(([key, value]) => !(/^(min|max)Items$/u.test(key) && typeof value === 'number'))
      .map(([key, value]) => [key, shortened(value)]),
  );
  if ($ref === undefined) return rest;
  return Object.keys(rest).length === 0 ? { $ref } : { ...rest, allOf: [{ $ref }] };
};

/** A comment as one line where it fits, else as lines that do; declarations apart. */
const compact = (types) =>
  types
    .replace(/^( *)\/\*\*\n *\* (.*)\n *\*\/$/gmu, (_, indent, text) => {
      if (indent.length + text.length + '/**  */'.length <= WIDTH) return `${indent}/** ${text} */`;
      const lines = [''];
      for (const word of text.split(' ')) {
        const line = `${lines.at(-1)} ${word}`;
        if (`${indent} *${line}`.length <= WIDTH) lines.splice(-1, 1, line);
        else lines.push(` ${word}`);
      }
      return [`${indent}/**`, ...lines.map((line) => `${indent} *${line}`), `${indent} */`].join('\n');
    })
    .replace(/^\}\n(?=\S)/gmu, '}\n\n');

const typesOf = async (name) => {
  const schema = JSON.parse(readFileSync(new URL(`schema/${name}.schema.json`, root), 'utf8'));
  const types = await compile(shortened(schema), name, {
    additionalProperties: true,
    bannerComment: `/* Generated from schema/${name}.schema.json by scripts/generate-types.mjs; do not edit. */`,
    style: { singleQuote: true, printWidth: WIDTH, trailingComma: 'all' },
    unknownAny: true,
  });
  return compact(types);
};

mkdirSync(new URL('src/formats/', root), { recursive: true });
const stale = [];
for (const name of names) {
  const file = new URL(`src/formats/${name}.ts`, root);
  const types = await typesOf(name);
  const written = existsSync(file) ? readFileSync(file, 'utf8') : '';
  if (types === written) continue;
  stale.push(`src/formats/${name}.ts`);
  if (!check) writeFileSync(file, types);
}
if (check && stale.length > 0) {
  console.error(`not what the schemas say: ${stale.join(', ')}; run node scripts/generate-types.mjs`);
  process.exitCode = 1;
} else if (!check) console.log(stale.length === 0 ? 'all types are current' : `written: ${stale.join(', ')}`);
