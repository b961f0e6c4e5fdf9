import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { scoreOf, TERMS, withoutTerm } from '../../src/accuracy/ablation.ts';
import type { Tree } from '../../src/accuracy/fit-parameters.ts';
import { fitRows, groupRows } from '../../src/accuracy/fit-rows.ts';
import { calibrationOf } from '../../src/ingest/calibration.ts';
import { parseMeasuredRuns } from '../../src/ingest/measured-runs.ts';
import { createPredictor } from '../../src/accuracy/predict.ts';
import { repositoryPath } from '../shared-data.ts';
import { varied } from './measured-record.ts';

const root = (): Tree =>
  parse(readFileSync(repositoryPath('configs/calibration/default.yaml'), 'utf8')) as Tree;
const shipped = calibrationOf(root());
const termOf = (name: string): (typeof TERMS)[number] => {
  const found = TERMS.find((term) => term.name === name);
  if (found === undefined) throw new Error(name);
  return found;
};

describe('ablation', () => {
  it.each(TERMS.map(({ name }) => name))('"%s" changes the constants that it names and no other', (name) => {
    const tree = root();
    const changed = calibrationOf(withoutTerm(tree, termOf(name)));
    expect(JSON.stringify(calibrationOf(tree))).toBe(JSON.stringify(shipped));
    const { section } = termOf(name);
    expect(JSON.stringify(changed[section])).not.toBe(JSON.stringify(shipped[section]));
    for (const other of (['accelerators', 'links', 'runtimes'] as const).filter((each) => each !== section))
      expect(JSON.stringify(changed[other])).toBe(JSON.stringify(shipped[other]));
  });

  it('a removed term shows in the plain score; free factors mend what all runs of a machine share', () => {
    const predict = createPredictor(shipped);
    const lines = [1, 2, 4, 8, 16].map((micro) => {
      const bare = varied({ id: `run-${micro}`, 'train.micro_batch': micro });
      const [line] = parseMeasuredRuns(JSON.stringify(bare));
      const predicted = line?.kind === 'run' ? predict(line.run.configuration) : null;
      if (predicted?.ok !== true) throw new Error('not predicted');
      return JSON.stringify({ ...bare, measured: { iteration_time_s: predicted.prediction.iterationTimeS } });
    });
    const groups = groupRows(fitRows(parseMeasuredRuns(lines.join('\n')), shipped, []));
    expect(scoreOf(groups, shipped).plain).toBeLessThan(1e-9);
    const without = scoreOf(groups, calibrationOf(withoutTerm(root(), termOf('clocks under load'))));
    expect(without.plain).toBeGreaterThan(0.04);
    expect(without.freed).toBeLessThan(without.plain / 3);
  });
});
