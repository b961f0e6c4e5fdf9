// JSON Schemas are the single source of the formats' types: writes src/formats/NAME.ts for each schema/NAME.schema.json.
// With --check it writes nothing, and fails where a file differs from what it would write.
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { compileFromFile } from 'json-schema-to-typescript';

const root = new URL('../', import.meta.url);
const style = { singleQuote: true, printWidth: 110, trailingComma: 'all' };
const check = process.argv.includes('--check');
const names = readdirSync(new URL('schema/', root))
  .filter((file) => file.endsWith('.schema.json'))
  .map((file) => file.slice(0, -'.schema.json'.length))
  .sort();

const typesOf = (name) =>
  compileFromFile(new URL(`schema/${name}.schema.json`, root).pathname, {
    additionalProperties: true,
    bannerComment: `/* Generated from schema/${name}.schema.json by scripts/generate-types.mjs; do not edit. */`,
    style,
    unknownAny: true,
    maxItems: 20,
  });

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
