import { mkdtempSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { createEstimator } from '../../src/cost/estimator.ts';
import { readLayerTimes } from '../../src/ingest/layer-times.ts';
import { loadSpec } from '../../src/spec/load.ts';
import { calibrationWith, clusterOf, model, problemOf, strategyOf } from '../cost/fixtures.ts';

const profile = {
  unit: 'ms',
  layers: {
    layer: { forward: 10, backward: 30 },
    embedding: { forward: 1, backward: 2 },
    head: { forward: 5, backward: 7 },
  },
  by: { tensor: 1, micro_batch_size: 1 },
};

const times = (of: object) =>
  readLayerTimes({ name: 'times.json', text: JSON.stringify(of, null, 1) }, model);

const problemWith = (of: object) => {
  const read = times(of);
  if (!read.ok) throw new Error(read.diagnostics[0]?.message);
  return problemOf({ cluster: clusterOf(1), layerTimes: [read.value] }, { globalBatchSize: 64 });
};

describe('profiled layers', () => {
  it('replace the operator model where they were taken', () => {
    const { kinds, embedding, head } = createEstimator(problemWith(profile), calibrationWith()).layerCosts(
      strategyOf(),
    );
    expect(kinds[0]?.forward).toBeCloseTo(0.01, 12);
    expect(kinds[0]?.backward).toBeCloseTo(0.03, 12);
    expect(embedding.forward).toBeCloseTo(0.001, 12);
    expect(head.backward).toBeCloseTo(0.007, 12);
  });

  it('make up the iteration: 8 micro-batches of 8 layers, both ends', () => {
    const estimate = createEstimator(problemWith(profile), calibrationWith()).estimate(strategyOf(), [[8]]);
    expect(estimate.time.compute).toBeCloseTo(8 * (8 * 0.04 + 0.003 + 0.012), 9);
  });

  it('scale the model elsewhere by what they differ from it', () => {
    const factor = (strategy: ReturnType<typeof strategyOf>): number => {
      const plain = createEstimator(problemOf({ cluster: clusterOf(1) }), calibrationWith()).layerCosts(
        strategy,
      );
      const own = createEstimator(problemWith(profile), calibrationWith()).layerCosts(strategy);
      return (own.kinds[0]?.forward ?? NaN) / (plain.kinds[0]?.forward ?? NaN);
    };
    expect(factor(strategyOf({ microBatchSize: 4 }))).toBeCloseTo(factor(strategyOf()), 9);
  });

  it('cannot take longer with fewer samples: a larger micro-batch bounds a smaller one, pass by pass', () => {
    const read = (layer: object, microBatch: number, tensor = 1) => {
      const one = times({ ...profile, layers: { layer }, by: { tensor, micro_batch_size: microBatch } });
      if (!one.ok) throw new Error(one.diagnostics[0]?.message);
      return one.value;
    };
    // eth-easl/sailor @ cf2c8e3, OPT-350 on GH-96, tensor 4: 2.381/1.719, 1.509/1.846, 1.800/3.320 ms.
    const layerTimes = [
      read({ forward: 2.381, backward: 1.719 }, 1),
      read({ forward: 1.509, backward: 1.846 }, 2),
      read({ forward: 1.8, backward: 3.32 }, 4),
      read({ forward: 0.001, backward: 0.001 }, 8, 2),
    ];
    const problem = problemOf({ cluster: clusterOf(1), layerTimes }, { globalBatchSize: 64 });
    const estimator = createEstimator(problem, calibrationWith());
    const [one, four] = [1, 4].map(
      (size) => estimator.layerCosts(strategyOf({ microBatchSize: size })).kinds[0],
    );
    expect(one?.forward).toBeCloseTo(1.509e-3, 9);
    expect(one?.backward).toBeCloseTo(1.719e-3, 9);
    expect(four?.forward).toBeCloseTo(1.8e-3, 9);
  });

  it('of one kind count with their mean', () => {
    const layers = { '0': { forward: 8, backward: 20 }, '7': { forward: 12, backward: 40 } };
    const { kinds } = createEstimator(problemWith({ ...profile, layers }), calibrationWith()).layerCosts(
      strategyOf(),
    );
    expect(kinds[0]?.forward).toBeCloseTo(0.01, 12);
    expect(kinds[0]?.backward).toBeCloseTo(0.03, 12);
  });

  it.each([
    [{ ...profile, unit: 'h' }, /unit: expected/u, 2],
    [{ ...profile, layers: { decoder: { forward: 1, backward: 1 } } }, /no layer "decoder"/u, 4],
    [{ ...profile, layers: { layer: { forward: -1, backward: 1 } } }, /at least 0/u, 4],
    [{ ...profile, layers: {} }, /expected a map of names/u, 3],
    [{ ...profile, by: { tensor: 0 } }, /whole number/u, 18],
    [{ ...profile, more: 1 }, /unknown key "more"/u, 21],
  ])('%# are refused where they are wrong', (of, message, line) => {
    const read = times(of);
    expect(read.ok).toBe(false);
    if (read.ok) return;
    expect(read.diagnostics[0]?.message).toMatch(message);
    expect(read.diagnostics[0]?.position.line).toBe(line);
  });

  it('are named by a SPEC, beside a preset or the keys of a model', () => {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'planner-times-'));
    writeFileSync(path.join(folder, 'times.json'), JSON.stringify(profile));
    const spec = (measured: string): string => {
      const file = path.join(folder, 'spec.yaml');
      writeFileSync(
        file,
        `cluster: { nodes: 1, accelerator: a100-sxm-80gb }\nmodel: { name: llama2-7b, measured: ${measured} }\ntraining: { sequence_length: 4096, global_batch_size: 64 }\n`,
      );
      return file;
    };
    const loaded = loadSpec(spec('./times.json'));
    expect(loaded.ok && loaded.value.problem.layerTimes?.[0]?.kinds[0]?.forward).toBeCloseTo(0.01, 12);
    const missing = loadSpec(spec('./none.json'));
    expect(missing.ok ? '' : missing.diagnostics[0]?.message).toMatch(/no such file/u);
  });
});
