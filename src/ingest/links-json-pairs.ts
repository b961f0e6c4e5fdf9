/** Collections of nccl-tests between all pairs of nodes: `{ nodes, tests: { NAME: { gpus_per_node, message_bytes, pairs } } }`. */
import { nodeRate } from './links-bus.ts';
import { collectiveNamed } from './links-nccl-runs.ts';
import { emptyRows } from './links-pairs.ts';
import { ReadingReport, noFacts } from './links-reading.ts';
import type { ReadOptions, ReadingResult } from './links-reading.ts';
import { locateJson } from './json-scan.ts';
import { presetOfDevice } from './links-gpu.ts';
import type { Source } from './source.ts';

type Json = Readonly<Record<string, unknown>>;

const isMap = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const numbers = (value: unknown): readonly number[] | null =>
  Array.isArray(value) && value.every((entry) => typeof entry === 'number' && entry > 0)
    ? (value as number[])
    : null;

/** The test that uses most GPUs of a node shows the links of nodes, not of one GPU; sendrecv has no other traffic in it. */
const chooseTest = (names: readonly string[], wanted: string | null): string | undefined =>
  wanted === null
    ? names.toSorted((a, b) => {
        const send = Number(b.startsWith('sendrecv')) - Number(a.startsWith('sendrecv'));
        const gpus = (name: string): number => Number(/_G(\d+)$/u.exec(name)?.[1] ?? 0);
        return send !== 0 ? send : gpus(b) - gpus(a);
      })[0]
    : names.find((name) => name === wanted);

/** Slow pairs that share a GPU, by PCI bus, on exactly one side are slow because of it, not of the link. */
const commonDevice = (
  pairs: Json,
  bandwidth: readonly (readonly number[])[],
  names: readonly string[],
): string | null => {
  const known = bandwidth
    .flat()
    .filter((value) => value > 0)
    .toSorted((a, b) => a - b);
  const limit = 0.75 * (known[known.length >> 1] ?? 0);
  const busesOf = new Map<string, number>();
  let slow = 0;
  for (const [key, pair] of Object.entries(pairs)) {
    const [a = -1, b = -1] = key.split('|').map((each) => names.indexOf(each));
    const sides = isMap(pair) ? pair['gpu_pci_bus'] : null;
    if (!((bandwidth[a]?.[b] ?? NaN) < limit) || !Array.isArray(sides) || sides.length !== 2) continue;
    slow += 1;
    const [left, right] = sides.map((side) => new Set(Array.isArray(side) ? side.map(String) : []));
    for (const bus of new Set([...(left ?? []), ...(right ?? [])]))
      if (left?.has(bus) !== right?.has(bus)) busesOf.set(bus, (busesOf.get(bus) ?? 0) + 1);
  }
  const [bus] = [...busesOf].find(([, count]) => count === slow) ?? [];
  return slow < 2 || bus === undefined
    ? null
    : `all ${slow} slow pairs have the GPU at PCI bus ${bus} on exactly one side: the GPU or its port is slow, not the links between these nodes`;
};

/** A pair's figures hold for both directions: the tests send both ways at once. */
export const readPairs = (source: Source, map: Json, options: ReadOptions): ReadingResult => {
  const report = new ReadingReport('nccl-pairs');
  const tests = map['tests'] as Json;
  const all = Object.keys(tests);
  const name = chooseTest(all, options.test);
  const test = name === undefined ? undefined : tests[name];
  const nodes = map['nodes'];
  const sound = Array.isArray(nodes) && nodes.length > 1 && nodes.every((node) => typeof node === 'string');
  if (!sound) report.error(locateJson(source, ['nodes']), 'nodes: expected a list of names');
  if (name === undefined || !isMap(test)) {
    report.error(
      locateJson(source, ['tests']),
      `has no test ${options.test ?? ''}: expected one of ${all.join(', ')}`,
    );
    return report.refuse();
  }
  const path = ['tests', name];
  const names = sound ? nodes : [];
  const perNode = Number(test['gpus_per_node']);
  const sizes = numbers(test['message_bytes']);
  const collective = collectiveNamed(name);
  if (!(perNode >= 1))
    report.error(locateJson(source, [...path, 'gpus_per_node']), 'gpus_per_node: expected a number');
  if (sizes === null || sizes.some((size, index) => size <= (sizes[index - 1] ?? 0)))
    report.error(locateJson(source, [...path, 'message_bytes']), 'message_bytes: expected ascending numbers');
  if (collective === null) report.error(locateJson(source, path), `${name}: names no test of nccl-tests`);
  if (!isMap(test['pairs']))
    report.error(locateJson(source, [...path, 'pairs']), 'pairs: expected a map of "a|b"');
  if (report.errors.length > 0 || sizes === null || collective === null) return report.refuse();
  const factor = nodeRate(collective, 2, perNode) * 1e9;
  const tables = sizes.map(() => emptyRows(names.length));
  const bandwidth = emptyRows(names.length);
  const places = new Map<string, string>();
  for (const [key, pair] of Object.entries(test['pairs'] as Json)) {
    const at = [...path, 'pairs', key];
    const [a = -1, b = -1] = key.split('|').map((each) => names.indexOf(each));
    const rates = isMap(pair) ? numbers(pair['busbw_by_size']) : null;
    if (a < 0 || b < 0 || a === b)
      report.error(locateJson(source, at), `the pair "${key}" does not join two of nodes`);
    // A run that died half-way has fewer sizes; what it has is kept as the lower figure, not as a curve.
    else if (rates === null || rates.length !== sizes.length)
      report.warn(
        locateJson(source, at),
        `ignored: ${key} has ${rates?.length ?? 0} of ${sizes.length} sizes: the run did not finish`,
      );
    else {
      places.set(`${Math.min(a, b)} ${Math.max(a, b)}`, key);
      const mean = rates.reduce((sum, rate) => sum + rate, 0) / rates.length;
      for (const [from, to] of [[a, b] as const, [b, a] as const]) {
        (bandwidth[from] as number[])[to] = mean * factor;
        for (const [size, table] of tables.entries())
          (table[from] as number[])[to] = (rates[size] ?? NaN) * factor;
      }
    }
  }
  const suspect = commonDevice(test['pairs'] as Json, bandwidth, names);
  if (suspect !== null) report.warn(locateJson(source, [...path, 'pairs']), suspect);
  const others = all.filter((other) => other !== name);
  if (others.length > 0)
    report.warn(
      locateJson(source, path),
      `read: ${name}; not read: ${others.join(', ')} (--test, in a SPEC network.test, picks one)`,
    );
  const gpu = (Array.isArray(map['gpu']) ? (map['gpu'] as readonly unknown[]) : [])[0];
  const failed = Array.isArray(test['missing_pairs']) ? (test['missing_pairs'] as readonly unknown[]) : [];
  return report.finish({
    kind: 'nccl-pairs',
    source,
    summary: `${name} between ${names.length} nodes, ${places.size} of ${(names.length * (names.length - 1)) / 2} pairs, ${sizes.length} sizes`,
    facts: {
      ...noFacts,
      hosts: names,
      nodes: names.length,
      accelerator: typeof gpu === 'string' ? presetOfDevice(gpu) : null,
    },
    matrix: {
      level: 'node',
      names,
      bandwidth,
      latency: null,
      bySize: sizes.map((message, index) => ({ message, bandwidth: tables[index] ?? [] })),
      rangeOf: (from, to) => {
        const key = places.get(`${Math.min(from, to)} ${Math.max(from, to)}`);
        return locateJson(source, key === undefined ? [...path, 'pairs'] : [...path, 'pairs', key]);
      },
      failed: failed.map((pair) => (Array.isArray(pair) ? pair.join(' | ') : String(pair))),
      nominal: false,
    },
    curves: [],
  });
};
