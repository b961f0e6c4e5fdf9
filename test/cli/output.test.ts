import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CommandFailure } from '../../src/cli/fail.ts';
import { checkOutput, checkOutputFolder, writeAnswer, writeAnswerFiles } from '../../src/cli/output.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'planner-output-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const inFolder = (...parts: readonly string[]): string => path.join(folder, ...parts);

/** The message with which an action is refused. */
const refusal = (action: () => void): string => {
  try {
    action();
  } catch (error) {
    if (error instanceof CommandFailure) {
      expect(error.exitCode).toBe(2);
      return error.message;
    }
    throw error;
  }
  throw new Error('not refused');
};

describe('-o FILE', () => {
  it('writes the answer, ended by a line feed, and leaves nothing else', () => {
    writeAnswer('answer', { output: inFolder('a.txt') });
    expect(readFileSync(inFolder('a.txt'), 'utf8')).toBe('answer\n');
    expect(readdirSync(folder)).toEqual(['a.txt']);
  });

  it('keeps what exists, unless forced', () => {
    writeFileSync(inFolder('a.txt'), 'old');
    expect(refusal(() => writeAnswer('new', { output: inFolder('a.txt') }))).toContain('--force');
    expect(readFileSync(inFolder('a.txt'), 'utf8')).toBe('old');
    writeAnswer('new', { output: inFolder('a.txt'), force: true });
    expect(readFileSync(inFolder('a.txt'), 'utf8')).toBe('new\n');
  });

  it.each([
    ['a symbolic link', 'link', 'symbolic link'],
    ['a directory', 'directory', 'directory'],
    ['a path upwards', '../a.txt', '".."'],
    ['a folder that is not there', 'none/a.txt', 'does not exist'],
    ['a file as a folder', 'file/a.txt', 'cannot write'],
    ['an empty name', '', 'empty'],
    ['a NUL', 'a\0b', 'NUL'],
  ])('refuses %s, even when forced, before any work', (_, name, words) => {
    writeFileSync(inFolder('file'), 'kept');
    symlinkSync(inFolder('file'), inFolder('link'));
    mkdirSync(inFolder('directory'));
    const output = name === '' || name.startsWith('..') ? name : `${folder}/${name}`;
    expect(refusal(() => checkOutput({ output, force: true }))).toContain(words);
    expect(refusal(() => writeAnswer('x', { output, force: true }))).toContain(words);
    expect(readFileSync(inFolder('file'), 'utf8')).toBe('kept');
    expect(readdirSync(folder).sort()).toEqual(['directory', 'file', 'link']);
  });

  it.skipIf(process.getuid?.() === 0)('refuses a folder that may not be written to', () => {
    mkdirSync(inFolder('closed'));
    chmodSync(inFolder('closed'), 0o500);
    expect(refusal(() => writeAnswer('x', { output: inFolder('closed', 'a') }))).toContain('permission');
  });
});

describe('--emit … -o DIR', () => {
  const files = [
    { name: 'train.sh', content: '#!/bin/bash\n', executable: true },
    { name: 'hosts', content: 'a\nb\n' },
  ];

  it('makes the folder and writes all files', () => {
    writeAnswerFiles(inFolder('launch'), files, false);
    expect(readdirSync(inFolder('launch')).sort()).toEqual(['hosts', 'train.sh']);
    expect(statSync(inFolder('launch', 'train.sh')).mode & 0o111).not.toBe(0);
    expect(statSync(inFolder('launch', 'hosts')).mode & 0o111).toBe(0);
  });

  it('writes none when one exists', () => {
    mkdirSync(inFolder('launch'));
    writeFileSync(inFolder('launch', 'hosts'), 'mine');
    expect(refusal(() => writeAnswerFiles(inFolder('launch'), files, false))).toContain('--force');
    expect(readdirSync(inFolder('launch'))).toEqual(['hosts']);
    writeAnswerFiles(inFolder('launch'), files, true);
    expect(readFileSync(inFolder('launch', 'hosts'), 'utf8')).toBe('a\nb\n');
  });

  it('refuses what is no folder, and names that leave it', () => {
    writeFileSync(inFolder('file'), '');
    expect(refusal(() => checkOutputFolder(inFolder('file'), [], true))).toContain('not a directory');
    expect(refusal(() => checkOutputFolder(inFolder('new'), ['../x'], true))).toContain('".."');
    expect(refusal(() => checkOutputFolder(inFolder('new'), ['/etc/x'], true))).toContain('relative');
  });
});
