/** A file of routing counts: JSON or CSV, plain or gzip, or a NumPy array; what other tools save is refused by its name. */
import { gunzipSync } from 'node:zlib';
import type { Result } from '../diagnostics.ts';
import { isNumpy, readNumpy } from './numpy.ts';
import type { NumpyArray } from './numpy.ts';
import { MAXIMUM_REFERENCED_BYTES, readBinaryFile, readTextFile, textOf } from './read-file.ts';
import { readRoutingSnapshots } from './routing-counts.ts';
import { isCountTable, readCountTable } from './routing-table.ts';
import type { Counts } from './routing-counts.ts';
import { diagnosticOfFile } from './source.ts';
import type { Source } from './source.ts';

export interface RoutingFile {
  readonly source: Source;
  readonly snapshots: readonly Counts[];
}

const MAXIMUM_EXPERTS = 16_384;

const refuse = (name: string, message: string): Result<never> => ({
  ok: false,
  diagnostics: [diagnosticOfFile(name, 'routing/counts', message)],
});

/** The last opcode of every pickle. */
const PICKLE_STOP = 0x2e;

/** A zip archive (what torch.save writes), or a pickle of protocols 2 to 5. */
const isPickled = (bytes: Buffer): boolean =>
  bytes.toString('latin1', 0, 4) === 'PK\u0003\u0004' ||
  (bytes[0] === 0x80 && (bytes[1] ?? 0) >= 2 && (bytes[1] ?? 0) <= 5 && bytes.at(-1) === PICKLE_STOP);

const snapshotsOf = ({ shape, values }: NumpyArray): readonly Counts[] | string => {
  const [experts = 0, layers = 0, snapshots = 1] = shape.toReversed();
  if (shape.length < 2 || shape.length > 3 || values.length === 0)
    return `has the shape (${shape.join(', ')}): expected (layers, experts) or (snapshots, layers, experts)`;
  if (experts > MAXIMUM_EXPERTS) return `has more than ${String(MAXIMUM_EXPERTS)} experts`;
  const wrong = values.findIndex((value) => !(Number.isFinite(value) && value >= 0));
  if (wrong !== -1)
    return `layer ${String(Math.floor(wrong / experts) % layers)}, expert ${String(wrong % experts)}: expected a count from 0, found ${String(values[wrong])}`;
  return Array.from({ length: snapshots }, (_, snapshot) =>
    Array.from({ length: layers }, (__, layer) => {
      const from = (snapshot * layers + layer) * experts;
      return values.slice(from, from + experts);
    }),
  );
};

/** Reads `path` and calls it `name` in messages: snapshots of equal shape, every count a finite number from 0. */
export const readRoutingFile = (path: string, name: string): Result<RoutingFile> => {
  const read = readBinaryFile(path, name, MAXIMUM_REFERENCED_BYTES);
  if (!read.ok) return read;
  let bytes = read.value;
  const zipped = bytes[0] === 0x1f && bytes[1] === 0x8b;
  if (zipped)
    try {
      bytes = gunzipSync(bytes, { maxOutputLength: MAXIMUM_REFERENCED_BYTES });
    } catch {
      return refuse(
        name,
        `is not gzip to its end, or holds more than ${String(MAXIMUM_REFERENCED_BYTES)} bytes`,
      );
    }
  if (isPickled(bytes))
    return refuse(
      name,
      'is a PyTorch file or a pickle, which can run code when it is read: save its counts as JSON, json.dump(torch.load(FILE)["logical_count"].tolist(), …)',
    );
  if (isNumpy(bytes)) {
    const array = readNumpy(bytes);
    const snapshots = typeof array === 'string' ? array : snapshotsOf(array);
    return typeof snapshots === 'string'
      ? refuse(name, snapshots)
      : { ok: true, value: { source: { name, text: '' }, snapshots }, warnings: [] };
  }
  const text = zipped ? textOf(bytes, name) : readTextFile(path, name, MAXIMUM_REFERENCED_BYTES);
  if (!text.ok) return text;
  const counts = isCountTable(text.value.text)
    ? readCountTable(text.value)
    : readRoutingSnapshots(text.value);
  return counts.ok ? { ...counts, value: { source: text.value, snapshots: counts.value } } : counts;
};
