import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { describe, expect, it } from 'vitest';
import { acceleratorOf, crossValidate, crossValidateGroups } from '../../src/accuracy/cross-validation.ts';
import type { Tree } from '../../src/accuracy/fit-parameters.ts';
import { fitRows } from '../../src/accuracy/fit-rows.ts';
import { LinearisedFit } from '../../src/accuracy/linearised-fit.ts';
import { median } from '../../src/accuracy/metrics.ts';
import { createPredictor } from '../../src/accuracy/predict.ts';
import { calibrationOf } from '../../src/ingest/calibration.ts';
import { parseMeasuredRuns } from '../../src/ingest/measured-runs.ts';
import { repositoryPath } from '../shared-data.ts';
import { varied } from './measured-record.ts';
import type { Json } from './measured-record.ts';

const root = (): Tree =>
  parse(readFileSync(repositoryPath('configs/calibration/default.yaml'), 'utf8')) as Tree;
const calibration = calibrationOf(root());

/** Six layouts of a source, each measured at `factor` times what the shipped constants predict. */
const source = (
  title: string,
  factor: number,
  changes: Readonly<Record<string, Json>>,
): readonly string[] => {
  const predict = createPredictor(calibration);
  return [1, 2, 4].flatMap((micro) =>
    [96, 192].map((gpus) => {
      const layout = { 'train.micro_batch': micro, 'cluster.gpus': gpus, 'parallel.dp': gpus / 96 };
      const bare = varied({ 'source.title': title, id: `${title} ${micro} ${gpus}`, ...layout, ...changes });
      const [line] = parseMeasuredRuns(JSON.stringify(bare));
      const predicted = line?.kind === 'run' ? predict(line.run.configuration) : null;
      if (predicted?.ok !== true) throw new Error('not predicted');
      const time = (predicted.prediction.iterationTimeS ?? 0) * factor;
      return JSON.stringify({ ...bare, measured: { iteration_time_s: time } });
    }),
  );
};

const validate = (lines: readonly string[], tree: Tree): ReturnType<typeof crossValidate> =>
  crossValidate(
    new LinearisedFit(tree, fitRows(parseMeasuredRuns(lines.join('\n')), calibration, []), calibrationOf),
  );

describe('cross-validation by source', () => {
  const slow = [...source('Megatron one', 1.1, {}), ...source('Megatron two', 1.1, {})];

  it('a slowness that two sources share is learnt from one and found on the other', () => {
    const table = validate(slow, root());
    expect(table.map((row) => [row.source, row.tested, row.given])).toEqual([
      ['Megatron one', 6, 0],
      ['Megatron two', 6, 0],
    ]);
    for (const row of table) expect(median(row.outside)).toBeLessThan(0.05);
  });

  it('a slowness of one source alone cannot be learnt from the other', () => {
    const mixed = [...source('Megatron one', 1, {}), ...source('Megatron two', 1.3, {})];
    const two = validate(mixed, root()).find((row) => row.source === 'Megatron two');
    expect(median(two?.outside ?? [])).toBeGreaterThan(0.1);
  });

  it('a profile that one source alone has is lent half of its six runs', () => {
    const nanotron = source('nanotron runs', 1.1, { 'parallel.pp': 4, 'parallel.tp': 4, 'parallel.cp': 6 });
    const table = validate([...slow, ...nanotron], root());
    expect(table.at(-1)).toMatchObject({ source: 'nanotron runs', tested: 3, given: 3 });
  });

  it('leaves the constants as it found them', () => {
    const tree = root();
    validate(slow, tree);
    expect(JSON.stringify(calibrationOf(tree))).toBe(JSON.stringify(calibration));
  });
});

describe('cross-validation by accelerator', () => {
  it('fits without the runs of an accelerator: nothing teaches what it alone shows', () => {
    const lines = [
      ...source('Megatron one', 1, {}),
      ...source('Megatron two', 1.3, { 'cluster.gpu': 'H100-SXM-80GB' }),
    ];
    const rows = fitRows(parseMeasuredRuns(lines.join('\n')), calibration, []);
    const table = crossValidateGroups(new LinearisedFit(root(), rows, calibrationOf), acceleratorOf);
    expect(table.map(({ group, tested }) => [group, tested])).toEqual([
      ['a100-sxm-80gb', 6],
      ['h100-sxm-80gb', 6],
    ]);
    expect(median(table[1]?.outside ?? [])).toBeGreaterThan(0.05);
  });
});
