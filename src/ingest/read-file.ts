/** Reading a file that somebody else chose: regular files only, of bounded size, as UTF-8 text. */
import { closeSync, constants, fstatSync, openSync, readSync, statSync } from 'node:fs';
import type { Result } from '../diagnostics.ts';
import { diagnosticAt, diagnosticOfFile } from './source.ts';
import type { Source } from './source.ts';

export const MAXIMUM_SPEC_BYTES = 1_000_000;
export const MAXIMUM_REFERENCED_BYTES = 64_000_000;

const MESSAGES: Readonly<Record<string, string>> = {
  ENOENT: 'no such file',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  ENOTDIR: 'no such file: a part of its path is not a directory',
  ENAMETOOLONG: 'no such file: the name is too long',
  ELOOP: 'too many symbolic links',
  EMFILE: 'too many open files',
  ENXIO: 'not a regular file',
  EISDIR: 'is a directory, not a file',
};

const messageOf = (error: unknown): string => {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  if (code === '') throw error;
  return (Object.hasOwn(MESSAGES, code) ? MESSAGES[code] : undefined) ?? `cannot be read: ${code}`;
};

const refuse = (name: string, message: string): Result<never> => ({
  ok: false,
  diagnostics: [diagnosticOfFile(name, 'file/unreadable', message)],
});

/** Bytes of a regular file, or the reason for which there are none. Opened without blocking, so that a FIFO cannot hold us. */
const readBytes = (path: string, maximum: number): Buffer | string => {
  const kind = statSync(path);
  if (kind.isDirectory()) return 'is a directory, not a file';
  if (!kind.isFile()) return 'is not a regular file';
  const descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stat = fstatSync(descriptor);
    if (!stat.isFile()) return 'is not a regular file';
    if (stat.size > maximum)
      return `is too large: ${String(stat.size)} bytes, at most ${String(maximum)} are read`;
    // One byte more than the size shows a file that grows, or one of /proc that claims to be empty.
    const buffer = Buffer.alloc(Math.min(maximum, Math.max(stat.size, 65_536)) + 1);
    let length = 0;
    for (;;) {
      const count = readSync(descriptor, buffer, length, buffer.length - length, null);
      length += count;
      if (count === 0 || length === buffer.length) break;
    }
    if (length === buffer.length && length <= maximum) return 'changed while it was read';
    if (length > maximum) return `is too large: at most ${String(maximum)} bytes are read`;
    return buffer.subarray(0, length);
  } finally {
    closeSync(descriptor);
  }
};

/** Control characters that no text format of ours holds; tab, line feed and carriage return are text. */
const binaryOffset = (bytes: Buffer, coloured: boolean): number =>
  bytes.findIndex(
    (byte) => byte < 32 && byte !== 9 && byte !== 10 && byte !== 13 && !(coloured && byte === 27),
  );

/** Bytes of a regular file, for formats that are not text. */
export const readBinaryFile = (path: string, name: string, maximum: number): Result<Buffer> => {
  if (path.includes('\0')) return refuse(name, 'no such file: the name holds a NUL character');
  try {
    const bytes = readBytes(path, maximum);
    return typeof bytes === 'string' ? refuse(name, bytes) : { ok: true, value: bytes, warnings: [] };
  } catch (error) {
    return refuse(name, messageOf(error));
  }
};

/** Bytes as text in UTF-8 without control characters. A byte order mark is dropped. */
export const textOf = (bytes: Buffer, name: string, coloured = false): Result<Source> => {
  const [first, second] = bytes;
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff))
    return refuse(name, 'is text in UTF-16, as Windows PowerShell writes it: save it as UTF-8');
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return refuse(name, 'is not text in UTF-8');
  }
  const source: Source = { name, text };
  const control = binaryOffset(bytes, coloured);
  if (control === -1) return { ok: true, value: source, warnings: [] };
  const start = bytes
    .subarray(0, control)
    .toString('utf8')
    .replace(/^\ufeff/u, '').length;
  const range = { source, start, end: start + 1 };
  const code = (bytes[control] ?? 0).toString(16).padStart(2, '0');
  return {
    ok: false,
    diagnostics: [
      diagnosticAt(range, 'file/binary', `is not a text file: it holds the control character 0x${code}`),
    ],
  };
};

/**
 * Reads `path` and calls it `name` in messages. A byte order mark is dropped. `coloured`: the file may be what a
 * terminal showed, with escape sequences.
 */
export const readTextFile = (
  path: string,
  name: string,
  maximum: number,
  coloured = false,
): Result<Source> => {
  if (path.includes('\0')) return refuse(name, 'no such file: the name holds a NUL character');
  let bytes: Buffer | string;
  try {
    bytes = readBytes(path, maximum);
  } catch (error) {
    return refuse(name, messageOf(error));
  }
  return typeof bytes === 'string' ? refuse(name, bytes) : textOf(bytes, name, coloured);
};
