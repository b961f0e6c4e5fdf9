import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The package's folder: two levels above this file, in src/ as in dist/. */
export const packageRoot = (): string => path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');

/** Version of this package. */
export const packageVersion = (): string => {
  const content = JSON.parse(readFileSync(path.join(packageRoot(), 'package.json'), 'utf8')) as {
    version: string;
  };
  return content.version;
};
