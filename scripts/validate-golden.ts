/** Tabulates what planner says of every configuration of a folder: test/golden/validate-configs.json, in our own form. */
import { readdirSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { tabulate } from '../test/validate/tabulate.ts';

const [folder, output] = process.argv.slice(2);
if (folder === undefined || output === undefined) throw new Error('usage: validate-golden.ts FOLDER OUTPUT');
const walk = (name: string): string[] =>
  readdirSync(name)
    .sort()
    .flatMap((entry) => {
      const file = path.join(name, entry);
      return statSync(file).isDirectory() ? walk(file) : [file];
    });
const rows = Object.fromEntries(walk(folder).map((file) => [path.relative(folder, file), tabulate(file)]));
writeFileSync(output, `${JSON.stringify(rows, null, 1)}\n`);
