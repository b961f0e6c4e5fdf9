/** Where an answer goes: to stdout, or with -o into a file or folder that is complete or not there at all. */
import {
  closeSync,
  fchmodSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import type { Command } from 'commander';
import type { Diagnostic } from '../diagnostics.ts';
import { failWith } from './fail.ts';

export interface OutputOptions {
  /** -o, --output. */
  readonly output?: string;
  /** --force: overwrite what is there. */
  readonly force?: boolean;
}

/** A file of an answer that consists of several (`--emit … -o DIR`). */
export interface OutputFile {
  /** Relative to the folder, without `..`. */
  readonly name: string;
  readonly content: string;
  readonly executable?: boolean;
}

/** Gives a command the options `-o, --output <path>` and `--force`. */
export const addOutputOptions = (command: Command): Command =>
  command
    .option('-o, --output <path>', 'write the answer to this file instead of stdout')
    .option('--force', 'let -o overwrite what exists');

const outputError = (file: string, message: string): Diagnostic => ({
  id: 'cli/output',
  severity: 'error',
  file,
  position: { line: 1, column: 1 },
  message,
});

const statOf = (file: string): ReturnType<typeof lstatSync> | undefined =>
  lstatSync(file, { throwIfNoEntry: false });

const systemMessage = (error: unknown): string => {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === undefined) throw error;
  const known: Readonly<Record<string, string>> = {
    EACCES: 'permission denied',
    EPERM: 'permission denied',
    EROFS: 'the file system is read-only',
    ENOSPC: 'no space left on the device',
    ENOENT: 'its folder does not exist',
    ENOTDIR: 'a part of its path is not a folder',
    ENAMETOOLONG: 'the name is too long',
  };
  return `cannot write: ${Object.hasOwn(known, code) ? (known[code] ?? code) : code}`;
};

/** Runs a file system call; its failure is the user's to mend, not ours. */
const attempt = <T>(file: string, action: () => T): T => {
  try {
    return action();
  } catch (error) {
    return failWith([outputError(file, systemMessage(error))]);
  }
};

const checkName = (target: string): void => {
  if (target === '') failWith([outputError('-o', 'the name of the output is empty')]);
  if (target.includes('\0')) failWith([outputError('-o', 'the name of the output holds a NUL character')]);
  if (target.split(/[/\\]/u).includes('..'))
    failWith([outputError(target, 'the path of an output must not contain ".."')]);
};

const checkFile = (target: string, force: boolean): void => {
  checkName(target);
  const stat = attempt(target, () => statOf(target));
  if (stat === undefined) {
    const folder = path.dirname(target);
    const folderStat = attempt(target, () => statOf(folder));
    if (folderStat === undefined) failWith([outputError(target, `its folder ${folder} does not exist`)]);
    return;
  }
  if (stat.isSymbolicLink()) failWith([outputError(target, 'is a symbolic link; name the file itself')]);
  if (stat.isDirectory()) failWith([outputError(target, 'is a directory')]);
  if (!stat.isFile()) failWith([outputError(target, 'is not a regular file')]);
  if (!force) failWith([outputError(target, 'exists already; --force overwrites it')]);
};

/** Refuses an impossible -o before the work begins; call it first in every command that has the option. */
export const checkOutput = (options: OutputOptions): void => {
  if (options.output !== undefined) checkFile(options.output, options.force === true);
};

/** `mode`: that of the file that is replaced; null: a new file's, as the umask leaves it. */
const writeWhole = (target: string, file: OutputFile, mode: number | null = null): void => {
  const temporary = path.join(
    path.dirname(target),
    `.${path.basename(target).slice(0, 100)}.${String(process.pid)}.tmp`,
  );
  attempt(target, () => {
    try {
      const descriptor = openSync(temporary, 'wx', file.executable === true ? 0o755 : 0o644);
      try {
        const content = Buffer.from(file.content, 'utf8');
        for (let offset = 0; offset < content.length;) offset += writeSync(descriptor, content, offset);
        if (mode !== null) fchmodSync(descriptor, mode);
        fsyncSync(descriptor);
      } finally {
        closeSync(descriptor);
      }
      renameSync(temporary, target);
    } catch (error) {
      rmSync(temporary, { force: true });
      throw error;
    }
  });
};

/** Prints an answer, or writes it to the file of -o: by way of a temporary file, so that half an answer never has its name. */
export const writeAnswer = (text: string, options: OutputOptions = {}): void => {
  const content = text.endsWith('\n') || text === '' ? text : `${text}\n`;
  if (options.output === undefined) {
    process.stdout.write(content);
    return;
  }
  checkOutput(options);
  writeWhole(options.output, { name: options.output, content });
};

/** Refuses an impossible folder for `--emit … -o DIR`, and files in it that exist, before the work begins. */
export const checkOutputFolder = (folder: string, names: readonly string[], force: boolean): void => {
  checkName(folder);
  const stat = attempt(folder, () => statOf(folder));
  if (stat?.isSymbolicLink() === true)
    failWith([outputError(folder, 'is a symbolic link; name the folder itself')]);
  if (stat !== undefined && !stat.isDirectory()) failWith([outputError(folder, 'is not a directory')]);
  for (const name of names) {
    checkName(name);
    if (path.isAbsolute(name)) failWith([outputError(name, 'must be relative to the output folder')]);
    if (stat !== undefined) checkFile(path.join(folder, name), force);
  }
};

/** Writes the files of an answer into a folder, which is made when absent. All are checked before the first is written. */
export const writeAnswerFiles = (folder: string, files: readonly OutputFile[], force: boolean): void => {
  checkOutputFolder(
    folder,
    files.map((file) => file.name),
    force,
  );
  attempt(folder, () => mkdirSync(folder, { recursive: true }));
  for (const file of files) writeWhole(path.join(folder, file.name), file);
};

/** Gives a file of the user other content: where a link leads, under the same permissions, whole or not at all. */
export const rewriteFile = (name: string, content: string): void => {
  const target = attempt(name, () => realpathSync(name));
  writeWhole(target, { name, content }, attempt(name, () => statSync(target)).mode & 0o7777);
};
