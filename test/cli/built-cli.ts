/** The real command line, compiled from the sources of this very tree into a folder of its own. */
import { spawn } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import ts from 'typescript';
import { repositoryPath } from '../shared-data.ts';

/** Types are checked elsewhere; here each file is only stripped of them. */
const transpile = (source: string): string =>
  ts.transpileModule(source, {
    compilerOptions: {
      module: ts.ModuleKind.ESNext,
      target: ts.ScriptTarget.ES2023,
      verbatimModuleSyntax: true,
      rewriteRelativeImportExtensions: true,
    },
  }).outputText;

/** For the hook that builds: generous, because test files build at the same time. */
export const BUILD_TIMEOUT_MS = 180_000;

/** Compiles src/ into a new folder that looks like the package. Returns that folder. */
export const buildPackage = (): string => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'planner-cli-'));
  for (const file of readdirSync(repositoryPath('src'), { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.ts')) continue;
    const target = path.join(folder, 'dist', file.replace(/\.ts$/u, '.js'));
    mkdirSync(path.dirname(target), { recursive: true });
    writeFileSync(target, transpile(readFileSync(repositoryPath('src', file), 'utf8')));
  }
  for (const name of ['configs', 'schema', 'node_modules'])
    symlinkSync(repositoryPath(name), path.join(folder, name));
  for (const name of ['bin', 'package.json'])
    cpSync(repositoryPath(name), path.join(folder, name), { recursive: true });
  return folder;
};

export interface Run {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly seconds: number;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** Written to stdin, which is closed otherwise. */
  readonly input?: string;
}

/** After this a run counts as hung and is stopped. Generous: what is asked for takes under two seconds of an idle machine. */
const CEILING_MS = 30_000;
const HEAP_MB = 384;

/** Runs `planner …` in a process of its own, with bounded memory and time. */
export const runPlanner = (
  folder: string,
  words: readonly string[],
  options: RunOptions = {},
): Promise<Run> =>
  new Promise((resolve, reject) => {
    const start = performance.now();
    const child = spawn(
      process.execPath,
      [`--max-old-space-size=${String(HEAP_MB)}`, path.join(folder, 'bin/planner.js'), ...words],
      {
        cwd: options.cwd ?? folder,
        env: { PATH: process.env['PATH'] ?? '', ...options.environment },
        stdio: ['pipe', 'pipe', 'pipe'],
        timeout: CEILING_MS,
        killSignal: 'SIGKILL',
      },
    );
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.on('error', reject);
    child.on('close', (status, signal) => {
      resolve({ status, signal, stdout, stderr, seconds: (performance.now() - start) / 1000 });
    });
    child.stdin.on('error', () => undefined);
    child.stdin.end(options.input ?? '');
  });
