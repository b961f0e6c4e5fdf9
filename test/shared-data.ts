import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import path from 'node:path';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');

/** Folder of real measurements that the project reads but does not hold. */
const dataFolder = (): string => path.resolve(root, process.env['PLANNER_DATA'] ?? '../shared/data');

export const dataPath = (...parts: readonly string[]): string => path.join(dataFolder(), ...parts);

export const hasData = (...parts: readonly string[]): boolean => existsSync(dataPath(...parts));

export const repositoryPath = (...parts: readonly string[]): string => path.join(root, ...parts);
