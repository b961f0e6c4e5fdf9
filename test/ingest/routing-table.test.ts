/** Counts of experts as tables, and JSON whose numbers are none; small ones written for these tests. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readRoutingFile } from '../../src/ingest/routing-file.ts';
import { checkCounts } from '../../src/ingest/routing-checks.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'planner-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const read = (text: string): ReturnType<typeof readRoutingFile> => {
  const file = path.join(folder, 'counts');
  writeFileSync(file, text);
  return readRoutingFile(file, 'counts');
};

const ROWS = [
  [0, 0, 0, 0],
  [5, 1, 2, 2],
  [1, 0, 6, 3],
];

/** Experts without a token and dense layers are not listed. */
const LISTED = ROWS.flatMap((row, layer) =>
  row.flatMap((count, expert) => (count > 0 ? [`${layer},${expert},${count}`] : [])),
);

describe('counts as a table', () => {
  it.each([
    ['a line for each expert, in any order', ['layer_id,expert_id,count', ...LISTED.toReversed()]],
    [
      'further columns after the count',
      ['layer_id,expert_id,count_all_topk,ratio', ...LISTED.map((line) => `${line},0.5`)],
    ],
    ['a line for each layer', ROWS.map((row) => row.join(','))],
    ['blanks between the counts', ROWS.map((row) => row.join('  '))],
    [
      'lines headed by their layer',
      ['layer\te0\te1\te2\te3', ...ROWS.slice(1).map((row, index) => [index + 1, ...row].join('\t'))],
    ],
  ])('%s', (_, lines) => {
    for (const end of ['\n', '\r\n']) {
      const found = read(lines.join(end) + end);
      expect(found.ok && found.value.snapshots).toEqual([ROWS]);
    }
  });

  it.each([
    ['a count below zero', 'layer_id,expert_id,count\n0,0,5\n0,1,-3\n', '3:1', /found "-3"/u],
    ['an expert twice', 'layer_id,expert_id,count\n0,1,5\n0,1,6\n', '3:1', /expert 1 is given twice/u],
    ['an expert that is no number', 'layer_id,expert_id,count\n0,1,5\n0,x,6\n', '3:1', /found "x"/u],
    ['lines of another length', '1,2,3,4\n1,2,3\n', '2:1', /has 3 counts, the first one 4/u],
    ['nan', '1,2,nan,4\n1,2,3,4\n', '1:1', /found "nan"/u],
    ['NaN in JSON', '[[1, 2, NaN, 4]]', '1:9', /unexpected "NaN"/u],
    ['Infinity in JSON', '[[1,\n Infinity, 4]]', '2:2', /unexpected "Infinity"/u],
  ])('refuses %s', (_, text, place, message) => {
    const found = read(text);
    const [fault] = found.ok ? [] : found.diagnostics;
    expect(`${fault?.position.line}:${fault?.position.column}`).toBe(place);
    expect(fault?.message).toMatch(message);
  });

  it('says when counts are too large to be added up', () => {
    const source = { name: 'counts', text: '' };
    expect(checkCounts(source, [[1.7e308, 1.7e308]])[0]?.message).toMatch(/too large to be added up/u);
    expect(checkCounts(source, [[2 ** 60, 2 ** 60]])).toEqual([]);
  });
});
