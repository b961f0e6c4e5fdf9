/** Arrays of numbers from a NumPy file (`numpy.save`): https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html */

/** A dense array in C order. */
export interface NumpyArray {
  readonly shape: readonly number[];
  readonly values: readonly number[];
}

type Read = (view: DataView, at: number) => number;

const READERS: Readonly<Record<string, readonly [number, Read]>> = {
  '|u1': [1, (view, at) => view.getUint8(at)],
  '|i1': [1, (view, at) => view.getInt8(at)],
  '<u2': [2, (view, at) => view.getUint16(at, true)],
  '<i2': [2, (view, at) => view.getInt16(at, true)],
  '<u4': [4, (view, at) => view.getUint32(at, true)],
  '<i4': [4, (view, at) => view.getInt32(at, true)],
  '<u8': [8, (view, at) => Number(view.getBigUint64(at, true))],
  '<i8': [8, (view, at) => Number(view.getBigInt64(at, true))],
  '<f4': [4, (view, at) => view.getFloat32(at, true)],
  '<f8': [8, (view, at) => view.getFloat64(at, true)],
};

const MAGIC = '\u0093NUMPY';
const LONGEST_HEADER = 10_000;

export const isNumpy = (bytes: Buffer): boolean => bytes.toString('latin1', 0, 6) === MAGIC;

/** The array, or in words what is wrong. */
export const readNumpy = (bytes: Buffer): NumpyArray | string => {
  const wide = (bytes[6] ?? 1) > 1;
  const begin = wide ? 12 : 10;
  if (bytes.length < begin) return 'is cut off within its NumPy header';
  const length = wide ? bytes.readUInt32LE(8) : bytes.readUInt16LE(8);
  if (length > LONGEST_HEADER || begin + length > bytes.length) return 'is cut off within its NumPy header';
  const header = bytes.toString('latin1', begin, begin + length);
  const type = /'descr':\s*'([^']*)'/u.exec(header)?.[1] ?? 'a structure';
  const shapeText = /'shape':\s*\(([\d,\s]*)\)/u.exec(header)?.[1];
  const reader = Object.hasOwn(READERS, type) ? READERS[type] : undefined;
  if (reader === undefined) return `holds ${type}: expected one of ${Object.keys(READERS).join(', ')}`;
  if (shapeText === undefined) return 'has a NumPy header without a shape';
  if (/'fortran_order':\s*True/u.test(header))
    return 'is in Fortran order: save numpy.ascontiguousarray(counts)';
  const shape = shapeText.split(',').flatMap((size) => (size.trim() === '' ? [] : [Number(size)]));
  const count = shape.reduce((product, size) => product * size, 1);
  const [size, read] = reader;
  const room = bytes.length - begin - length;
  if (count * size !== room)
    return `states ${String(count)} numbers of ${String(size)} bytes, but ${String(room)} bytes follow`;
  const view = new DataView(bytes.buffer, bytes.byteOffset + begin + length, room);
  return { shape, values: Array.from({ length: count }, (_, index) => read(view, index * size)) };
};
