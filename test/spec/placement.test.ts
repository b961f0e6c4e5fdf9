import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadPlacement } from '../../src/spec/load-placement.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'planner-placement-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** Eight experts, one dense layer and two MoE layers whose sums agree. */
const COUNTS = [
  [0, 0, 0, 0, 0, 0, 0, 0],
  [8, 7, 6, 5, 4, 3, 2, 1],
  [1, 2, 3, 4, 5, 6, 7, 8],
];
const PLACEMENT = { counts: ['counts.json'], expert_parallel: 4, per_node: 2 };

type Files = Readonly<Record<string, string | Buffer>>;

const load = (placement: unknown, files: Files = {}, extra: Readonly<Record<string, unknown>> = {}) => {
  const place = mkdtempSync(path.join(folder, 'case-'));
  const all: Files = { 'counts.json': JSON.stringify(COUNTS), ...files };
  for (const [name, content] of Object.entries(all)) writeFileSync(path.join(place, name), content);
  const spec = path.join(place, 'spec.yaml');
  writeFileSync(spec, JSON.stringify({ placement, ...extra }));
  return loadPlacement(spec);
};

const messagesOf = (...input: Parameters<typeof load>): string => {
  const loaded = load(...input);
  return loaded.ok ? 'accepted' : loaded.diagnostics.map(({ message }) => message).join('\n');
};

const accepted = (...input: Parameters<typeof load>) => {
  const loaded = load(...input);
  if (!loaded.ok) throw new Error(loaded.diagnostics.map(({ message }) => message).join('\n'));
  return loaded;
};

const ROUTES = ['token,layer,experts', '0,1,0 1', '0,2,6 7', '1,1,2 3', '1,2,4 5'].join('\n');

describe('what is accepted', () => {
  it('leaves dense layers out and says so; needs neither cluster nor model nor training', () => {
    const { value } = accepted(PLACEMENT);
    expect(value.task.layers.map(({ layer }) => layer)).toEqual([1, 2]);
    expect(value.task).toMatchObject({ experts: 8, replicas: 8, objective: 'balance' });
    expect(value.notes.join()).toMatch(/1 of 3 layers/);
  });

  it('several files are scenarios, and the objective is then robust', () => {
    const { value } = accepted(
      { ...PLACEMENT, counts: ['counts.json', 'other.json'] },
      { 'other.json': JSON.stringify({ logical_count: COUNTS }) },
    );
    expect(value.task.objective).toBe('robust');
    expect(value.task.layers[0]?.scenarios).toHaveLength(2);
  });

  it('snapshots are scenarios, empty ones left out', () => {
    const idle = COUNTS.map((row) => row.map(() => 0));
    const { value } = accepted(PLACEMENT, { 'counts.json': JSON.stringify([COUNTS, idle, COUNTS]) });
    expect(value.task.layers[0]?.scenarios).toHaveLength(2);
  });

  it('bytes of an expert come from the model: Mixtral 3 · 4096 · 14336 weights of 2 bytes', () => {
    expect(accepted(PLACEMENT, {}, { model: 'mixtral-8x7b' }).value.expertBytes).toBe(3 * 4096 * 14336 * 2);
  });

  it('routes give loads and a trace', () => {
    const { value } = accepted(
      { traces: 'routes.csv', expert_parallel: 4, objective: 'joint' },
      { 'routes.csv': ROUTES },
    );
    expect(value.trace).toMatchObject({ tokens: 2, topK: 2, layers: [1, 2], experts: 8 });
    expect(value.task.layers[0]?.scenarios[0]).toEqual([1, 1, 1, 1, 0, 0, 0, 0]);
  });

  it('speeds and unequal slots', () => {
    const { value } = accepted(
      { ...PLACEMENT, slots: [3, 2, 2, 1], gpu_speeds: 'speeds.csv' },
      { 'speeds.csv': 'gpu,speed\n0,2\n1,1\n2,1\n3,0.5\n' },
    );
    expect(value.task.gpus).toEqual({ slots: [3, 2, 2, 1], perNode: 2, speeds: [2, 1, 1, 0.5] });
  });

  it('drops the rows of a profiling run and says how many', () => {
    const dummy = Array.from({ length: 40 }, (_, token) =>
      JSON.stringify({
        type: 'route',
        req_id: 'a',
        token_idx: token,
        layer: 0,
        topk_ids: [0, 1],
        topk_weights: [0.5, 0.5],
      }),
    );
    const real = Array.from({ length: 6 }, (_, token) =>
      JSON.stringify({
        type: 'route',
        req_id: 'b',
        token_idx: token,
        layer: 0,
        topk_ids: [token, 7],
        topk_weights: [0.7, 0.3],
      }),
    );
    const { value, warnings } = accepted(
      { traces: 'r.jsonl.gz', expert_parallel: 4, objective: 'balance' },
      { 'r.jsonl.gz': gzipSync(['{"type":"meta"}', ...dummy, ...real].join('\n')) },
    );
    expect(value.trace?.tokens).toBe(6);
    expect(warnings.map(({ message }) => message).join()).toMatch(/40 of 46 rows were dropped/);
  });

  it('keeps the numbers of layers that a file names, in either spelling', () => {
    const row = [1, 2, 3, 4, 5, 6, 7, 8];
    const pairs = [1, 3].flatMap((layer) =>
      row.map((count, expert) => [`${String(layer)}-${String(expert)}`, [0.5, count, 0.1]] as const),
    );
    for (const counts of [{ 3: row, 1: row }, Object.fromEntries(pairs)]) {
      const { value } = accepted(PLACEMENT, { 'counts.json': JSON.stringify(counts) });
      expect(value.rows).toBe(4);
      expect(value.task.layers.map(({ layer }) => layer)).toEqual([1, 3]);
      expect(value.task.layers[1]?.scenarios).toEqual([row]);
    }
  });

  it('reads gzip', () => {
    const { value } = accepted(PLACEMENT, {
      'counts.json': gzipSync(JSON.stringify({ logical_count: COUNTS })),
    });
    expect(value.task.layers[0]?.scenarios[0]).toEqual(COUNTS[value.task.layers[0]?.layer ?? 0]);
  });

  // As numpy.save writes them: magic, version, header padded to 64 bytes, numbers.
  const numpy = (descr: string, shape: string, data: Buffer, fortran = 'False'): Buffer => {
    const header =
      `{'descr': '${descr}', 'fortran_order': ${fortran}, 'shape': (${shape}), }`.padEnd(117) + '\n';
    const begin = Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, header.length, 0]);
    return Buffer.concat([begin, Buffer.from(header, 'latin1'), data]);
  };
  const doubles = (values: readonly number[]): Buffer => Buffer.from(Float64Array.from(values).buffer);

  it('reads NumPy arrays of two and three dimensions', () => {
    const rows = [1, 2, 3, 4, 5, 6, 7, 8, 8, 7, 6, 5, 4, 3, 2, 1];
    const integers = Buffer.from(BigInt64Array.from(rows, BigInt).buffer);
    const flat = accepted(PLACEMENT, { 'counts.json': numpy('<i8', '2, 8', integers) }).value;
    expect(flat.task.layers.map(({ scenarios }) => scenarios[0])).toEqual([rows.slice(0, 8), rows.slice(8)]);
    const deep = accepted(PLACEMENT, { 'counts.json': numpy('<f8', '2, 1, 8', doubles(rows)) }).value;
    expect(deep.task.layers).toHaveLength(1);
    expect(deep.task.layers[0]?.scenarios).toEqual([rows.slice(0, 8), rows.slice(8)]);
  });

  it.each<[string, Buffer, RegExp]>([
    ['Fortran order', numpy('<f8', '1, 8', doubles([1, 1, 1, 1, 1, 1, 1, 1]), 'True'), /Fortran order/],
    ['one dimension', numpy('<f8', '8,', doubles([1, 1, 1, 1, 1, 1, 1, 1])), /shape \(8\)/],
    ['objects', numpy('|O', '1, 8', doubles([1])), /holds \|O/],
    ['cut off', numpy('<f8', '2, 8', doubles([1, 2, 3])), /states 16 numbers of 8 bytes, but 24/],
    ['a header cut off', Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, 200, 0]), /cut off/],
    [
      'a negative number',
      numpy('<f8', '1, 8', doubles([1, 1, -1, 1, 1, 1, 1, 1])),
      /expert 2: expected a count/,
    ],
    ['not a number', numpy('<f8', '1, 8', doubles([1, 1, Number.NaN, 1, 1, 1, 1, 1])), /expert 2/],
    ['a PyTorch file', Buffer.from('PK\u0003\u0004archive/data.pkl', 'latin1'), /save its counts as JSON/],
    ['a pickle', Buffer.from([0x80, 4, 0x4e, 0x2e]), /save its counts as JSON/],
    ['half a gzip', gzipSync(JSON.stringify(COUNTS)).subarray(0, 20), /not gzip to its end/],
    ['gzip of something else', gzipSync(Buffer.from([0, 1, 2])), /control character/],
  ])('refuses %s', (_, content, message) => {
    expect(messagesOf(PLACEMENT, { 'counts.json': content })).toMatch(message);
  });

  it('refuses pairs in order of popularity: an order has no counts', () => {
    const pairs = Array.from({ length: 16 }, (_, index) => [(index * 3) % 4, Math.floor(index / 4)]);
    expect(
      messagesOf({ ...PLACEMENT, expert_parallel: 2 }, { 'counts.json': JSON.stringify(pairs) }),
    ).toMatch(/pairs \(layer, expert\)/);
  });

  it('warns when layers were counted over different tokens', () => {
    const { warnings } = accepted(PLACEMENT, {
      'counts.json': JSON.stringify([
        [1, 2, 3, 4],
        [5, 6, 7, 8],
      ]),
    });
    expect(warnings.map(({ id }) => id)).toEqual(['routing/uneven-sums']);
  });
});

describe('what is refused', () => {
  const rows = (edit: (counts: unknown[][]) => void): Files => {
    const counts: unknown[][] = COUNTS.map((row) => [...row]);
    edit(counts);
    return { 'counts.json': JSON.stringify(counts) };
  };
  const cases: readonly (readonly [string, unknown, Files, RegExp])[] = [
    ['a row of another width', PLACEMENT, rows((counts) => counts[2]?.pop()), /layer 2: expected 8 counts/],
    [
      'a negative count',
      PLACEMENT,
      rows((counts) => counts[1]?.splice(0, 1, -4)),
      /layer 1, expert 0: expected a count from 0/,
    ],
    ['a count that is text', PLACEMENT, rows((counts) => counts[1]?.splice(3, 1, '5')), /layer 1, expert 3/],
    [
      'a count beyond all numbers',
      PLACEMENT,
      { 'counts.json': '[[1, 2, 3, 1e999]]' },
      /expert 3: expected a count/,
    ],
    [
      'one rank only',
      PLACEMENT,
      {
        'counts.json': JSON.stringify([
          [5, 4, 0, 0, 0, 0, 0, 0],
          [3, 6, 0, 0, 0, 0, 0, 0],
        ]),
      },
      /dump of one rank/,
    ],
    ['no load at all', PLACEMENT, { 'counts.json': '[[0, 0, 0, 0]]' }, /holds no load/],
    ['text that is not JSON', PLACEMENT, { 'counts.json': 'layer 0: 5 6 7' }, /is not JSON/],
    ['an empty file', PLACEMENT, { 'counts.json': '' }, /is empty/],
    ['an empty list', PLACEMENT, { 'counts.json': '[]' }, /expected counts as a list of layers/],
    ['a map of something else', PLACEMENT, { 'counts.json': '{"records": [[1, 2]]}' }, /expected counts/],
    [
      'an archive',
      PLACEMENT,
      { 'counts.json': Buffer.from([0x50, 0x4b, 3, 4, 0, 0, 255, 254]) },
      /PyTorch file/,
    ],
    ['a file that is not there', { ...PLACEMENT, counts: ['nowhere.json'] }, {}, /no such file.*named at/],
    [
      'experts that do not divide',
      { ...PLACEMENT, expert_parallel: 3 },
      {},
      /8 experts.*do not divide among 3 GPUs; redundant_experts: 1 would/,
    ],
    [
      'redundant experts that do not divide',
      { ...PLACEMENT, redundant_experts: 2 },
      {},
      /redundant_experts: 4 would/,
    ],
    [
      'more replicas than GPUs',
      { ...PLACEMENT, expert_parallel: 2, redundant_experts: 10 },
      {},
      /two replicas of one expert on a GPU/,
    ],
    [
      'files of different models',
      { ...PLACEMENT, counts: ['counts.json', 'b.json'] },
      { 'b.json': '[[1, 2, 3, 4]]' },
      /1 layers of 4 experts/,
    ],
    [
      'files with other dense layers',
      { ...PLACEMENT, counts: ['counts.json', 'b.json'] },
      { 'b.json': JSON.stringify([...COUNTS].reverse()) },
      /layer 0 has load in only one/,
    ],
    ['groups that do not divide', { ...PLACEMENT, groups: 3 }, {}, /8 experts do not divide into 3 groups/],
    [
      'groups that do not divide among nodes',
      { ...PLACEMENT, groups: 1 },
      {},
      /1 groups do not divide among 2 nodes/,
    ],
    [
      'speeds for other GPUs',
      { ...PLACEMENT, gpu_speeds: 's.csv' },
      { 's.csv': '1\n2\n' },
      /has 2 speeds for 4 GPUs/,
    ],
    [
      'a speed of zero',
      { ...PLACEMENT, gpu_speeds: 's.csv' },
      { 's.csv': '1\n0\n1\n1\n' },
      /expected a speed above 0/,
    ],
    ['slots that do not sum', { ...PLACEMENT, slots: [2, 2, 2, 1] }, {}, /sum to 8/],
    ['memory without the size of an expert', { ...PLACEMENT, memory: '1 GiB' }, {}, /how large an expert is/],
    ['too little memory', { ...PLACEMENT, memory: '1 GiB', expert_size: '500 MiB' }, {}, /1 would fit/],
    ['locality without traces', { ...PLACEMENT, objective: 'locality' }, {}, /needs traces/],
    ['neither counts nor traces', { expert_parallel: 4 }, {}, /neither counts nor traces/],
    [
      'a token with an expert twice',
      { traces: 'r.csv', expert_parallel: 2 },
      { 'r.csv': '0,0,3 3\n' },
      /names an expert twice/,
    ],
    [
      'a route without experts',
      { traces: 'r.csv', expert_parallel: 2 },
      { 'r.csv': '0,0\n' },
      /at least one expert/,
    ],
    [
      'gzip that is cut off',
      { traces: 'r.jsonl.gz', expert_parallel: 2 },
      { 'r.jsonl.gz': gzipSync('{"a":1}\n'.repeat(50)).subarray(0, 20) },
      /gzip/,
    ],
    ['an unknown key', { ...PLACEMENT, experts_parallel: 4 }, {}, /experts_parallel/],
    ['an unknown objective', { ...PLACEMENT, objective: 'speed' }, {}, /objective|one of/],
  ];
  it.each(cases)('%s', (_, placement, files, message) => {
    expect(messagesOf(placement, files)).toMatch(message);
  });

  it('200 MB, a directory, a SPEC without placement', () => {
    const place = mkdtempSync(path.join(folder, 'case-'));
    const spec = path.join(place, 'spec.yaml');
    writeFileSync(path.join(place, 'huge.json'), '[');
    truncateSync(path.join(place, 'huge.json'), 200_000_000);
    mkdirSync(path.join(place, 'dir.json'));
    writeFileSync(
      spec,
      JSON.stringify({ placement: { counts: ['huge.json', 'dir.json'], expert_parallel: 2 } }),
    );
    const loaded = loadPlacement(spec);
    expect(loaded.ok).toBe(false);
    const messages = loaded.ok ? [] : loaded.diagnostics.map(({ message }) => message);
    expect(messages.join('\n')).toMatch(/too large: 200000000 bytes/);
    expect(messages.join('\n')).toMatch(/is a directory/);
    writeFileSync(spec, 'cluster: { nodes: 1 }\n');
    expect(loadPlacement(spec)).toMatchObject({
      ok: false,
      diagnostics: [{ message: expect.stringMatching(/no placement/) as string }],
    });
  });
});
