/** A tree of plain data whose every value knows where it was written. */
import type { Range, Source } from './source.ts';

export type Data = null | boolean | number | string | readonly Data[] | DataMap;

/** Has no prototype, so that no key of the input means more than it says. */
export interface DataMap {
  readonly [key: string]: Data;
}

export interface NodeRange {
  /** null in a list, at the root, and for values from elsewhere. */
  readonly key: Range | null;
  readonly value: Range;
}

export interface DataDocument {
  readonly source: Source;
  readonly root: Data;
  /** By JSON pointer; '' is the root. */
  readonly ranges: ReadonlyMap<string, NodeRange>;
}

export const isDataMap = (data: Data | undefined): data is DataMap =>
  typeof data === 'object' && data !== null && !Array.isArray(data);

/** One more step of a JSON pointer (RFC 6901). */
export const pointerTo = (parent: string, step: string | number): string =>
  `${parent}/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`;

export const pointerOf = (steps: readonly (string | number)[]): string =>
  steps.reduce<string>((pointer, step) => pointerTo(pointer, step), '');

const parentOf = (pointer: string): string => pointer.slice(0, Math.max(0, pointer.lastIndexOf('/')));

/** Where a value stands, or the nearest value around it that has a place. */
export const valueRange = (document: DataDocument, pointer: string): Range => {
  for (let at = pointer; ; at = parentOf(at)) {
    const found = document.ranges.get(at);
    if (found !== undefined) return found.value;
    if (at === '') return { source: document.source, start: 0, end: 0 };
  }
};

/** Where the key of a value stands; where it has none, the value. */
export const keyRange = (document: DataDocument, pointer: string): Range =>
  document.ranges.get(pointer)?.key ?? valueRange(document, pointer);

/** The pointer in words, as it would be written in --set: `cluster.nodes.0.count`. */
export const pathText = (pointer: string): string =>
  pointer
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
    .join('.');

/** What a value is, in the words of a message. */
export const describe = (data: Data | undefined): string => {
  if (data === undefined) return 'nothing';
  if (data === null) return 'null (no value)';
  if (Array.isArray(data)) return 'a list';
  if (typeof data === 'object') return 'a map';
  if (typeof data === 'string') return `the string "${data.length > 60 ? `${data.slice(0, 60)}…` : data}"`;
  return String(data);
};
