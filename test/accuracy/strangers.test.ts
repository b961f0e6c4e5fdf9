/** Known stacks made strangers: what they are predicted as, and what their constants become. */
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { describe, expect, it } from 'vitest';
import type { Tree } from '../../src/accuracy/fit-parameters.ts';
import { fitRows } from '../../src/accuracy/fit-rows.ts';
import { setGenericProfile } from '../../src/accuracy/generic-profile.ts';
import { LinearisedFit } from '../../src/accuracy/linearised-fit.ts';
import { createPredictor } from '../../src/accuracy/predict.ts';
import type { Prediction } from '../../src/accuracy/predict.ts';
import { strangerOf, validateStrangers } from '../../src/accuracy/strangers.ts';
import { calibrationOf, readCalibration } from '../../src/ingest/calibration.ts';
import { parseMeasuredRuns } from '../../src/ingest/measured-runs.ts';
import type { RunConfiguration } from '../../src/ingest/measured-configuration.ts';
import { MEASURED_STACKS } from '../../src/runtimes/memory-behaviour.ts';
import { repositoryPath } from '../shared-data.ts';
import { varied } from './measured-record.ts';
import type { Json } from './measured-record.ts';

const text = readFileSync(repositoryPath('configs/calibration/default.yaml'), 'utf8');

const configuration = (changes: Readonly<Record<string, Json>>): RunConfiguration => {
  const [line] = parseMeasuredRuns(JSON.stringify(varied(changes)));
  if (line?.kind !== 'run') throw new Error('not a run');
  return line.run.configuration;
};

describe('generic profile', () => {
  const tree = (): Tree => ({
    runtimes: {
      'megatron-core': { host_dense: 9, traffic: 9 },
      'megatron-deepspeed': { extends: 'megatron-core', host_dense: 1, traffic: 8 },
      scaling: { host_dense: 2, traffic: 90, eager_traffic: 1 },
      nanotron: { extends: 'megatron-core', host_dense: 30, eager_traffic: 2 },
      torchtitan: { extends: 'megatron-core', eager_traffic: 3 },
      'pytorch-fsdp': { extends: 'torchtitan', host_dense: 4 },
      generic: { source: 'medians' },
    },
  });
  const generic = (root: Tree): unknown => (root['runtimes'] as Tree)['generic'];

  it('has medians of the stacks that are not NVIDIA’s; what they inherit counts, but for what NVIDIA’s recipes show', () => {
    const root = tree();
    setGenericProfile(root);
    // Host: 1, 2, 30, 4. Traffic of eager kernels: 1, 2, 3, 3.
    expect(generic(root)).toEqual({ source: 'medians', host_dense: 3, eager_traffic: 2.5 });
  });

  it('leaves a stack out', () => {
    const root = tree();
    setGenericProfile(root, 'nanotron');
    // Host: 1, 2, 4. Traffic: 1, 3, 3.
    expect(generic(root)).toMatchObject({ host_dense: 2, eager_traffic: 3 });
  });

  it('stands in the shipped file as it is computed', () => {
    const root = parse(text) as Tree;
    setGenericProfile(root);
    expect(calibrationOf(root).runtimes.generic).toEqual(readCalibration(text).runtimes.generic);
  });
});

describe('strangers', () => {
  it('are predicted as the nearest stack that is left', () => {
    const nanotron = configuration({ 'source.title': 'nanotron runs', date: '2025-02' });
    expect(strangerOf(nanotron, 'nanotron').profile).toBe('generic');
    const sharded = { 'train.zero_stage': 3, 'parallel.pp': 1, 'parallel.tp': 1, date: '2025-02' };
    const fsdp = configuration({ 'source.title': 'llm-foundry', ...sharded });
    expect(strangerOf(fsdp, 'pytorch-fsdp').profile).toBe('torchtitan');
    expect(strangerOf(fsdp, 'torchtitan').profile).toBe('pytorch-fsdp');
    const early = configuration({ 'source.title': 'vTrain', date: '2023-02', 'parallel.vpp': 1 });
    expect(strangerOf(early, 'scaling').profile).toBe('megatron-deepspeed');
    expect(strangerOf(early, 'megatron-deepspeed').profile).toBe('megatron-classic');
    const layersOfItsOwn = configuration({
      'source.title': 'Aleph Alpha',
      date: '2023-11',
      'parallel.vpp': 1,
    });
    expect(strangerOf(layersOfItsOwn, 'scaling').profile).toBe('generic');
  });

  it('are bounded by the other stacks', () => {
    const nanotron = configuration({ 'source.title': 'nanotron runs', date: '2025-02' });
    expect(strangerOf(nanotron, 'nanotron').boundedBy).toEqual([
      'megatron-core',
      'megatron-classic',
      'megatron-deepspeed',
      'torchtitan',
    ]);
    expect(strangerOf(nanotron, 'jax').boundedBy).toEqual(MEASURED_STACKS);
  });

  it('must fit as the worst of the known stacks do; a relative of one, as that one', () => {
    const predict = createPredictor(readCalibration(text));
    const predicted = (title: string): Prediction => {
      const layout = { 'parallel.pp': 4, 'parallel.dp': 12, 'train.zero_stage': 1 };
      const outcome = predict(configuration({ 'source.title': title, date: '2022-02', ...layout }));
      if (!outcome.ok) throw new Error(outcome.reason);
      return outcome.prediction;
    };
    const [stranger, relative, known] = ['a blog', 'GPT-NeoX', 'Megatron-DeepSpeed'].map(predicted);
    expect(relative?.peakMemoryBytes).toBe(known?.peakMemoryBytes);
    expect(relative?.iterationTimeS).toBe(known?.iterationTimeS);
    // An A100 has 85 GB.
    expect(relative?.peakMemoryBoundBytes).toBeGreaterThan(85e9);
    expect(relative?.peakMemoryBoundBytes).toBe(stranger?.peakMemoryBoundBytes);
    expect(known?.peakMemoryBoundBytes).toBeLessThan(85e9);
    expect([stranger?.feasible, relative?.feasible, known?.feasible]).toEqual([false, true, true]);
  });

  it('measured as known constants say, they are found exactly when known and less well when not', () => {
    const calibration = readCalibration(text);
    const predict = createPredictor(calibration);
    const lines = ['nanotron runs', 'torchtitan runs'].flatMap((title) =>
      [1, 2, 4].flatMap((micro) =>
        [96, 192].map((gpus) => {
          const bare = varied({
            'source.title': title,
            id: `${title} ${micro} ${gpus}`,
            'train.micro_batch': micro,
            'cluster.gpus': gpus,
            'parallel.dp': gpus / 96,
            date: '2025-02',
          });
          const [line] = parseMeasuredRuns(JSON.stringify(bare));
          const predicted = line?.kind === 'run' ? predict(line.run.configuration) : null;
          if (predicted?.ok !== true) throw new Error('not predicted');
          return JSON.stringify({
            ...bare,
            measured: { iteration_time_s: predicted.prediction.iterationTimeS },
          });
        }),
      ),
    );
    const runs = parseMeasuredRuns(lines.join('\n'));
    const fit = new LinearisedFit(parse(text) as Tree, fitRows(runs, calibration, []), calibrationOf);
    const table = validateStrangers(fit, runs);
    expect(table.map(({ profile }) => profile)).toEqual(['nanotron', 'torchtitan']);
    for (const { known, unknown } of table) {
      const worst = (errors: readonly number[]): number => Math.max(...errors.map(Math.abs));
      expect(known.time).toHaveLength(6);
      expect(worst(known.time)).toBeLessThan(0.06);
      expect(worst(unknown.time)).toBeGreaterThan(worst(known.time));
    }
  });
});
