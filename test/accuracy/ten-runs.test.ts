/** Ten runs of a stack that is taken as unknown: what they learn helps on the runs that are left. */
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { describe, expect, it } from 'vitest';
import type { Tree } from '../../src/accuracy/fit-parameters.ts';
import { fitRows } from '../../src/accuracy/fit-rows.ts';
import { LinearisedFit } from '../../src/accuracy/linearised-fit.ts';
import { createPredictor } from '../../src/accuracy/predict.ts';
import { validateTenRuns } from '../../src/accuracy/ten-runs.ts';
import { calibrationOf, readCalibration } from '../../src/ingest/calibration.ts';
import { parseMeasuredRuns } from '../../src/ingest/measured-runs.ts';
import { repositoryPath } from '../shared-data.ts';
import { varied } from './measured-record.ts';

const text = readFileSync(repositoryPath('configs/calibration/default.yaml'), 'utf8');

/** Twenty layouts, each measured at `factor` times what the known stack takes. */
const runs = (title: string, factor: number): readonly string[] => {
  const predict = createPredictor(readCalibration(text));
  return [1, 2, 4, 8].flatMap((micro) =>
    [1, 2, 4, 8, 16].map((data) => {
      const bare = varied({
        'source.title': title,
        id: `${title} ${micro} ${data}`,
        'train.micro_batch': micro,
        'cluster.gpus': 96 * data,
        'parallel.dp': data,
        date: '2025-02',
      });
      const [line] = parseMeasuredRuns(JSON.stringify(bare));
      const predicted = line?.kind === 'run' ? predict(line.run.configuration) : null;
      if (predicted?.ok !== true) throw new Error('not predicted');
      const time = (predicted.prediction.iterationTimeS ?? 0) * factor;
      return JSON.stringify({ ...bare, measured: { iteration_time_s: time } });
    }),
  );
};

describe('ten runs of a user', () => {
  it('of a stack a third slower than its fallback: errors on the other ten runs fall', () => {
    const lines = parseMeasuredRuns(
      [...runs('nanotron runs', 1.3), ...runs('Megatron-LM', 1).slice(0, 6)].join('\n'),
    );
    const fit = new LinearisedFit(
      parse(text) as Tree,
      fitRows(lines, readCalibration(text), []),
      calibrationOf,
    );
    const table = validateTenRuns(fit, lines, [], calibrationOf, 1);
    const nanotron = table.find(({ profile }) => profile === 'nanotron');
    expect(nanotron?.tested).toBe(10);
    expect(nanotron?.draws).toHaveLength(1);
    for (const { before, after } of nanotron?.draws ?? []) expect(after).toBeLessThan(before / 2);
  }, 180_000);
});
