/** The runs that nothing is fitted to: read, predicted, and out of reach of every fit. Never how well. */
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { describe, expect, it } from 'vitest';
import { fitRows } from '../../src/accuracy/fit-rows.ts';
import { createPredictor } from '../../src/accuracy/predict.ts';
import type { Tree } from '../../src/accuracy/fit-parameters.ts';
import { calibrationOf, defaultCalibration } from '../../src/ingest/calibration.ts';
import { excludedRecords, exclusionOf } from '../../src/ingest/excluded-records.ts';
import { parseMeasuredRuns } from '../../src/ingest/measured-runs.ts';
import type { MeasuredLine, MeasuredRun } from '../../src/ingest/measured-runs.ts';
import { dataPath, hasData, repositoryPath } from '../shared-data.ts';

const half = (name: string): string =>
  readFileSync(repositoryPath('test', 'accuracy', 'held-out', `${name}-half.jsonl`), 'utf8');

const linesOf = (text: string): readonly string[] => text.trim().split('\n');

const runsOf = (lines: readonly MeasuredLine[]): readonly MeasuredRun[] =>
  lines.map((line) => {
    if (line.kind === 'unreadable') throw new Error(`line ${line.line}: ${line.reason}`);
    return line.run;
  });

const first = parseMeasuredRuns(half('first'));
const second = parseMeasuredRuns(half('second'));
const memory = [...parseMeasuredRuns(half('memory-first')), ...parseMeasuredRuns(half('memory-second'))];
const runs = runsOf([...first, ...second]);
const memoryRuns = runsOf(memory);
const all = [...runs, ...memoryRuns];
const sources = (lines: readonly MeasuredLine[]): ReadonlySet<string> =>
  new Set(runsOf(lines).map(({ source }) => source));

describe('held-out runs', () => {
  it('are 187 of 30 sources, each with an id of its own and an address', () => {
    expect(runs).toHaveLength(187);
    expect(new Set(runs.map(({ id }) => id)).size).toBe(187);
    expect(new Set(runs.map(({ source }) => source)).size).toBe(30);
  });

  it('are 202 more of four projects and a fork that print memory', () => {
    expect(memoryRuns).toHaveLength(202);
    expect(new Set(all.map(({ id }) => id)).size).toBe(389);
    expect([...sources(memory)].map((title) => title.split(' ')[0]).sort()).toEqual([
      'FlagPerf',
      'KempnerForge',
      'Megatron-Kwai',
      'Megatron-Kwai',
      'SimuMax',
    ]);
    expect(memoryRuns.filter(({ outcome }) => outcome.usable.memory)).toHaveLength(139);
  });

  it('name where they were published', () => {
    const texts = ['first', 'second', 'memory-first', 'memory-second'].flatMap((name) => linesOf(half(name)));
    for (const line of texts) {
      const { source } = JSON.parse(line) as { source: Readonly<Record<string, string>> };
      expect(source).toEqual({
        title: expect.stringMatching(/\S/) as string,
        address: expect.stringMatching(/[./ ]/) as string,
        table: expect.stringMatching(/\S/) as string,
      });
    }
  });

  it('share no source between the halves', () => {
    const seen = sources(first);
    expect([...sources(second)].filter((title) => seen.has(title))).toEqual([]);
  });

  it('are all predicted', () => {
    const predict = createPredictor(defaultCalibration());
    const refused = all.flatMap(({ id, configuration }) => {
      const outcome = predict(configuration);
      return outcome.ok ? [] : [id];
    });
    expect(refused).toEqual([]);
  });

  it('reach no fit', () => {
    const tree = parse(readFileSync(repositoryPath('configs/calibration/default.yaml'), 'utf8')) as Tree;
    expect(fitRows([...first, ...second, ...memory], calibrationOf(tree), excludedRecords())).toEqual([]);
    for (const { id } of all) expect(exclusionOf(excludedRecords(), id)).toBe('held out: never fitted');
  });

  it.skipIf(!hasData('measured', 'training.jsonl'))('share no source with the fitted corpus', () => {
    const fitted = sources(parseMeasuredRuns(readFileSync(dataPath('measured', 'training.jsonl'), 'utf8')));
    expect(all.filter(({ source }) => fitted.has(source))).toEqual([]);
  });
});
