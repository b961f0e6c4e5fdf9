/** YAML 1.2 (and so JSON) as a tree of data with places; everything that is wrong with the text itself, at once. */
import { isAlias, isMap, isScalar, isSeq, parseDocument } from 'yaml';
import type { ParsedNode, YAMLMap } from 'yaml';
import type { Diagnostic } from '../diagnostics.ts';
import { pointerTo } from './document.ts';
import type { Data, DataDocument, DataMap, NodeRange } from './document.ts';
import { diagnosticAt } from './source.ts';
import type { Range, Source } from './source.ts';
import { MAXIMUM_DEPTH, scanYaml } from './yaml-scan.ts';

/** Values after every alias has been replaced by what it stands for. */
const MAXIMUM_VALUES = 200_000;
const MAXIMUM_TEXT = 100_000;
const MAXIMUM_DIAGNOSTICS = 1000;

/** Names that reach the prototype of an object somewhere downstream. */
export const FORBIDDEN_KEYS: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

type Node = ParsedNode | null;

/** Thrown inside this file alone, when the walk itself has become the problem. */
class TooMuch extends Error {}

class Walk {
  readonly ranges = new Map<string, NodeRange>();
  readonly diagnostics: Diagnostic[] = [];
  readonly #source: Source;
  readonly #anchors = new Map<string, Node>();
  #values = 0;

  constructor(source: Source) {
    this.#source = source;
  }

  #range(node: Node, fallback: Range): Range {
    return node === null
      ? fallback
      : { source: this.#source, start: node.range[0], end: Math.max(node.range[1], node.range[0]) };
  }

  #report(range: Range, id: string, message: string): null {
    this.diagnostics.push(diagnosticAt(range, id, message));
    if (this.diagnostics.length >= MAXIMUM_DIAGNOSTICS) throw new TooMuch();
    return null;
  }

  /** The data of a node. `fallback` is the place of its key or parent, for values that were left out. */
  value(node: Node, pointer: string, key: Range | null, fallback: Range, depth: number): Data {
    const range = this.#range(node, fallback);
    this.#values += 1;
    if (this.#values > MAXIMUM_VALUES) {
      this.#report(
        range,
        'yaml/too-complex',
        `aliases make more than ${String(MAXIMUM_VALUES)} values of this text`,
      );
      throw new TooMuch();
    }
    if (depth > MAXIMUM_DEPTH)
      return this.#report(range, 'yaml/too-complex', `nests more than ${String(MAXIMUM_DEPTH)} levels deep`);
    if (isAlias(node)) {
      if (!this.#anchors.has(node.source))
        return this.#report(range, 'yaml/unknown-alias', `no anchor &${node.source} before this alias`);
      return this.value(this.#anchors.get(node.source) ?? null, pointer, key, range, depth + 1);
    }
    if (node !== null && node.anchor !== undefined) this.#anchors.set(node.anchor, node);
    this.ranges.set(pointer, { key, value: range });
    if (isMap(node)) return this.#map(node, pointer, range, depth);
    if (isSeq(node))
      return node.items.map((item, index) =>
        this.value(item, pointerTo(pointer, index), null, range, depth + 1),
      );
    if (node === null) return null;
    return this.#scalar(node, range);
  }

  #scalar(node: ParsedNode, range: Range): Data {
    if (!isScalar(node)) return this.#report(range, 'yaml/value', 'is not a value that planner reads');
    const { value } = node;
    const written = node.source;
    if (value === null || typeof value === 'boolean') return value;
    if (typeof value === 'string')
      return value.length <= MAXIMUM_TEXT
        ? value
        : this.#report(range, 'yaml/too-long', `a value of ${String(value.length)} characters is too long`);
    if (typeof value !== 'number')
      return this.#report(range, 'yaml/value', 'is not a value that planner reads');
    return this.#number(value, written, range);
  }

  #number(value: number, written: string, range: Range): Data {
    const shown = written.length > 40 ? `${written.slice(0, 40)}…` : written;
    if (!Number.isFinite(value)) return this.#report(range, 'yaml/number', `${shown} is not a finite number`);
    if (/^[-+]?\d+$/u.test(written)) {
      if (
        !Number.isSafeInteger(value) &&
        (written.length > 30 || BigInt(written.replace(/^\+/u, '')) !== BigInt(value))
      )
        return this.#report(range, 'yaml/number', `${shown} is too large to be read exactly`);
      if (/^[-+]?0\d/u.test(written))
        this.diagnostics.push(
          diagnosticAt(range, 'yaml/leading-zero', `${shown} is read as ${String(value)}`, {}, 'warning'),
        );
    }
    return value;
  }

  #key(node: ParsedNode | null, range: Range): string | null {
    const target = isAlias(node) ? (this.#anchors.get(node.source) ?? null) : node;
    if (!isScalar(target) || target.value === null)
      return this.#report(range, 'yaml/key', 'a key must be a name: found a list, a map or nothing');
    if (target.anchor !== undefined) this.#anchors.set(target.anchor, target);
    const key = typeof target.value === 'string' ? target.value : target.source;
    if (FORBIDDEN_KEYS.has(key))
      return this.#report(range, 'yaml/forbidden-key', `the key "${key}" is not allowed`);
    if (key.length > 1000)
      return this.#report(range, 'yaml/too-long', 'a key of more than 1,000 characters is too long');
    return key;
  }

  #map(node: YAMLMap<ParsedNode, Node>, pointer: string, range: Range, depth: number): DataMap {
    const map = Object.create(null) as Record<string, Data>;
    for (const pair of node.items) {
      const keyRange = this.#range(pair.key, range);
      const key = this.#key(pair.key, keyRange);
      if (key === null) continue;
      if (Object.hasOwn(map, key)) {
        this.#report(keyRange, 'yaml/duplicate-key', `the key "${key}" is given twice`);
        continue;
      }
      map[key] = this.value(pair.value, pointerTo(pointer, key), keyRange, keyRange, depth + 1);
    }
    return map;
  }
}

const syntaxMessage = (code: string, message: string): string => {
  if (code === 'MULTIPLE_DOCS') return 'holds more than one document; one is expected';
  const sentence = message.split('\n')[0] ?? message;
  return sentence.charAt(0).toLowerCase() + sentence.slice(1);
};

export interface ReadYaml {
  /** null where the text has no structure at all. */
  readonly document: DataDocument | null;
  /** Errors and warnings of the text itself. */
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * Reads YAML or JSON. Numbers are finite and exact, keys are names and occur once, tags are those of YAML's core
 * schema, aliases are replaced. What is at fault is null in the tree or left out of it, so that the rest can be judged.
 */
export const readYaml = (source: Source): ReadYaml => {
  const scan = scanYaml(source);
  if (!scan.ok) return { document: null, diagnostics: scan.diagnostics };
  const parsed = parseDocument(source.text, {
    schema: 'core',
    version: '1.2',
    resolveKnownTags: false,
    uniqueKeys: false,
    merge: false,
    prettyErrors: false,
    strict: true,
    // At 'silent' the library would not even report a second document.
    logLevel: 'error',
  });
  const faults = [...parsed.errors, ...parsed.warnings];
  if (faults.length > 0) {
    const diagnostics = faults.slice(0, MAXIMUM_DIAGNOSTICS).map((fault) => {
      const [start, end] = fault.pos;
      return diagnosticAt({ source, start, end }, 'yaml/syntax', syntaxMessage(fault.code, fault.message));
    });
    return { document: null, diagnostics };
  }
  const walk = new Walk(source);
  const whole: Range = { source, start: 0, end: 0 };
  let root: Data = null;
  try {
    root = walk.value(parsed.contents, '', null, whole, 0);
  } catch (error) {
    if (!(error instanceof TooMuch)) throw error;
  }
  return { document: { source, root, ranges: walk.ranges }, diagnostics: walk.diagnostics };
};
