import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createEstimator } from '../../src/cost/estimator.ts';
import { megatronFlopsPerToken } from '../../src/model/flops.ts';
import { readAccelerator } from '../../src/ingest/presets.ts';
import { defaultCalibration } from '../../src/ingest/calibration.ts';
import type { Cluster } from '../../src/cluster/cluster.ts';
import type { Model } from '../../src/model/model.ts';
import type { TimeBreakdown } from '../../src/plan/plan.ts';
import type { Problem } from '../../src/plan/problem.ts';
import type { Partition, Strategy } from '../../src/strategy/strategy.ts';
import { bytes, flopsPerSecond } from '../../src/units.ts';
import { calibrationWith, clusterOf, model, moeModel, problemOf, strategyOf } from './fixtures.ts';

const sum = (time: TimeBreakdown): number => {
  let total = 0;
  for (const part of Object.values(time) as number[]) total += part;
  return total;
};
const latent = calibrationWith({
  link: { step: 1e-6, base: 1e-5 },
  runtime: { hostDense: 1e-3, hostMoe: 2e-3, accumulationBytes: 6, iterationOverhead: 1e-3 },
});

/** Layer counts per stage and chunk that sum to the model's, some uneven. */
const partitionArbitrary = (pipeline: number, virtualStages: number): fc.Arbitrary<Partition> =>
  fc
    .array(fc.nat({ max: 8 }), {
      minLength: pipeline * virtualStages - 1,
      maxLength: pipeline * virtualStages - 1,
    })
    .map((cuts) => {
      const bounds = [0, ...cuts.toSorted((a, b) => a - b), 8];
      const sizes = bounds.slice(1).map((end, i) => end - (bounds[i] ?? 0));
      return Array.from({ length: pipeline }, (_, stage) =>
        Array.from({ length: virtualStages }, (_, v) => sizes[v * pipeline + stage] ?? 0),
      );
    });

const caseArbitrary = fc
  .record({
    tensor: fc.constantFrom(1, 2, 4),
    pipeline: fc.constantFrom(1, 2, 4),
    virtualStages: fc.constantFrom(1, 2),
    microBatchSize: fc.constantFrom(1, 2),
    sequenceParallel: fc.boolean(),
    recompute: fc.constantFrom<Strategy['recompute']>(
      { kind: 'none' },
      { kind: 'full' },
      { kind: 'full-block', layers: 1 },
      { kind: 'selective', modules: ['core_attn'] },
    ),
    sharding: fc.constantFrom<Strategy['sharding']>('none', 'optimizer', 'parameters'),
    moe: fc.boolean(),
  })
  .chain(({ moe, virtualStages, ...rest }) => {
    const v = rest.pipeline > 1 ? virtualStages : 1;
    const strategy = strategyOf({
      ...rest,
      virtualStages: v,
      schedule: v > 1 ? 'interleaved' : '1f1b',
      microBatchGroup: rest.pipeline,
      data: 16 / (rest.tensor * rest.pipeline),
    });
    return partitionArbitrary(rest.pipeline, v).map((partition) => ({ strategy, partition, moe }));
  });

const problems = {
  dense: problemOf({ cluster: clusterOf(2) }),
  moe: problemOf({ cluster: clusterOf(2), model: moeModel }),
};
const estimators = {
  dense: createEstimator(problems.dense, latent),
  moe: createEstimator(problems.moe, latent),
};

describe('an estimate', () => {
  it('is the sum of its parts, none negative; evaluate and iterationTime say the same; the bound is below', () => {
    fc.assert(
      fc.property(caseArbitrary, ({ strategy, partition, moe }) => {
        const estimator = moe ? estimators.moe : estimators.dense;
        const estimate = estimator.estimate(strategy, partition);
        expect(sum(estimate.time)).toBeCloseTo(estimate.iterationTime, 9);
        for (const part of Object.values(estimate.time)) expect(part).toBeGreaterThanOrEqual(-1e-12);
        const evaluation = estimator.evaluate(strategy, partition);
        // The way without records adds the same numbers in the same order.
        expect(evaluation.iterationTime).toBe(estimate.iterationTime);
        expect(evaluation.feasible).toBe(estimate.feasible);
        expect(evaluation.peakMemoryBound).toBe(estimate.peakMemoryBound);
        expect(estimator.iterationTime(strategy, partition)).toBe(evaluation.iterationTime);
        expect(estimator.lowerBound(strategy)).toBeLessThanOrEqual(estimate.iterationTime * (1 + 1e-9));
      }),
      { numRuns: 300, seed: 1 },
    );
  });

  it('of one partition under many strategies in turn is what an estimator says that is asked once', () => {
    const base = {
      pipeline: 2,
      data: 8,
      virtualStages: 2,
      schedule: 'interleaved',
      microBatchGroup: 2,
    } as const;
    const asked: readonly Partial<Strategy>[] = [
      {},
      { rankOrder: 'tp-cp-ep-pp-dp' },
      { overlapGradients: true, overlapParameters: true },
      { sharding: 'none' },
      { sharding: 'gradients' },
      { sharding: 'parameters' },
      { shardingGroup: 2 },
      { offload: 'optimizer' },
      { overlapTensor: true, overlapExpert: true },
      { expert: 2, dispatcher: 'all-to-all' },
      { expert: 2, dispatcher: 'deepep' },
      { expert: 4, expertTensor: 1, dispatcher: 'all-to-all' },
      { data: 4, shardingGroup: 4 },
      { context: 2, data: 4, shardingGroup: 4 },
      { context: 2, data: 2, shardingGroup: 4 },
      { context: 2, data: 4, contextCommunication: 'all-gather' },
      { microBatchGroup: 4 },
      { microBatchSize: 2 },
      { vocabulary: 'redistributed' },
      { vocabulary: 'vocab-1' },
      { recompute: { kind: 'full-block', layers: 1 } },
      { recompute: { kind: 'full-block', layers: 2 } },
      { recompute: { kind: 'full' } },
      { recompute: { kind: 'full-uniform', layers: 2 } },
      { recompute: { kind: 'selective', modules: ['core_attn'] } },
      { recompute: { kind: 'selective', modules: ['layernorm', 'mlp'] } },
      { schedule: 'zb-v' },
      { data: 4 },
      { tensor: 2, data: 4 },
      { tensor: 2, data: 4, expert: 2, expertTensor: 1, dispatcher: 'all-to-all' },
      { tensor: 2, data: 4, expert: 2, expertTensor: 2, dispatcher: 'all-to-all' },
      { tensor: 2, data: 4, sequenceParallel: true },
    ];
    const partition: Partition = [
      [3, 1],
      [2, 2],
    ];
    const [group] = clusterOf(2).groups;
    if (group === undefined) throw new Error('no group');
    const half = { ...group, count: 1 };
    // Between what the two stages need: whether both find room depends on who holds which.
    const memory = bytes(4.58e9);
    const slow = {
      ...half,
      accelerator: { ...group.accelerator, peak: { bf16: flopsPerSecond(1e14) }, memory },
    };
    const links: Cluster['measured'] = {
      level: 'node',
      names: ['a', 'b'],
      bandwidth: [
        [NaN, 20e9],
        [15e9, NaN],
      ],
      latency: null,
    };
    for (const [extra, of] of [
      [{}, moeModel],
      [{ groups: [half, slow] }, model],
      [{ measured: links }, model],
    ] as const) {
      const problem = problemOf({ cluster: clusterOf(2, extra), model: of });
      const estimator = createEstimator(problem, latent);
      // Twice in turn: what is remembered of the first round answers in the second, in another order.
      for (const change of [...asked, ...asked.toReversed()]) {
        const strategy = strategyOf({ ...base, ...change });
        const alone = createEstimator(problem, latent).estimate(strategy, partition);
        expect(estimator.iterationTime(strategy, partition), JSON.stringify(change)).toBe(
          alone.iterationTime,
        );
        expect(estimator.evaluate(strategy, partition), JSON.stringify(change)).toEqual({
          iterationTime: alone.iterationTime,
          peakMemoryBound: alone.peakMemoryBound,
          feasible: alone.feasible,
        });
      }
    }
  });

  it('without a pipeline: micro-batches times all pieces, then gradients and step', () => {
    const estimator = createEstimator(problemOf(), calibrationWith());
    const strategy = strategyOf();
    const { kinds, embedding, head } = estimator.layerCosts(strategy);
    const [layer] = kinds;
    if (layer === undefined) throw new Error('no layer');
    const micro =
      8 * (layer.forward + layer.backward) +
      embedding.forward +
      embedding.backward +
      head.forward +
      head.backward;
    const { time, iterationTime } = estimator.estimate(strategy, [[8]]);
    expect(time.compute).toBeCloseTo(8 * micro, 9);
    // Parameters: layers, norms, embedding and head of 32768 rows. fp32 gradients out, bf16 weights in, half exposed.
    const parameters = 8 * (4 * 1024 ** 2 + 3 * 1024 * 4096 + 2 * 1024) + 2 * 32768 * 1024 + 1024;
    expect(time.dataCommunication).toBeCloseTo((0.5 * 0.875 * 6 * parameters) / 100e9, 8);
    expect(time.optimizer).toBeCloseTo((parameters * (10 + 40 / 8)) / 1e12, 8);
    expect(iterationTime).toBeCloseTo(8 * micro + time.dataCommunication + time.optimizer, 9);
  });

  it('a balanced 1F1B pipeline has (p − 1)∕(m + p − 1) of bubble', () => {
    const quiet = calibrationWith({ link: { pointToPoint: 1e9 } });
    const bare: Model = { ...model, vocabularySize: 8 };
    const { time } = createEstimator(problemOf({ model: bare }), quiet).estimate(
      strategyOf({ pipeline: 4, data: 2 }),
      [[2], [2], [2], [2]],
    );
    const busy = time.compute + time.bubble;
    expect(time.bubble / busy).toBeCloseTo(3 / (32 + 3), 3);
  });

  it('the slowest of unequal machines decides: a stage on slower nodes takes longer', () => {
    const [group] = clusterOf(1).groups;
    if (group === undefined) throw new Error('no group');
    const slow = {
      ...group.accelerator,
      name: 'slow',
      peak: { bf16: (group.accelerator.peak.bf16 ?? 0) / 4 } as typeof group.accelerator.peak,
    };
    const cluster: Cluster = { ...clusterOf(1), groups: [group, { ...group, accelerator: slow }] };
    const estimator = createEstimator(problemOf({ cluster }), {
      ...calibrationWith(),
      fallback: { ampere: 'test' },
    });
    const strategy = strategyOf({ pipeline: 2, data: 8 });
    const [first, second] = estimator.stageCosts(strategy);
    expect((second?.kinds[0]?.forward ?? 0) / (first?.kinds[0]?.forward ?? 1)).toBeGreaterThan(2);
    expect(estimator.iterationTime(strategy, [[6], [2]])).toBeLessThan(
      estimator.iterationTime(strategy, [[4], [4]]),
    );
  });

  it('refuses a partition that does not hold the model, and a batch that does not divide', () => {
    const estimator = createEstimator(problemOf(), calibrationWith());
    expect(() => estimator.estimate(strategyOf(), [[7]])).toThrow(RangeError);
    expect(() => estimator.estimate(strategyOf({ microBatchSize: 3 }), [[8]])).toThrow(/micro-batches/);
  });

  it('a range of the corpus error stands around it', () => {
    const { iterationTime, iterationTimeLow, iterationTimeHigh } = createEstimator(
      problemOf(),
      calibrationWith(),
    ).estimate(strategyOf(), [[8]]);
    expect(iterationTimeHigh / iterationTime).toBeCloseTo(1.05, 9);
    expect(iterationTime / iterationTimeLow).toBeCloseTo(1.05, 9);
  });

  it('offloads the optimizer at the pace of the host', () => {
    const estimator = createEstimator(problemOf(), calibrationWith());
    const { time } = estimator.estimate(strategyOf({ offload: 'optimizer' }), [[8]]);
    const parameters = 8 * (4 * 1024 ** 2 + 3 * 1024 * 4096 + 2 * 1024) + 2 * 32768 * 1024 + 1024;
    expect(time.optimizer).toBeCloseTo((parameters / 8) * 1e-9, 6);
  });
});

/** Megatron's GPT: learned positions, biases, GELU, LayerNorm. */
const gpt = (layers: number, hidden: number, heads: number): Model => ({
  name: 'gpt',
  modelType: 'gpt2',
  hidden,
  vocabularySize: 51200,
  tiedEmbeddings: true,
  positions: { kind: 'learned', count: 2048 },
  normalization: 'layernorm',
  kinds: [
    {
      name: 'attention+dense',
      mixer: {
        kind: 'attention',
        heads,
        kvHeads: heads,
        headDim: hidden / heads,
        qkvBias: true,
        outputBias: true,
        qkNorm: 'none',
        outputGate: false,
        sinks: false,
        sharedKeyValue: false,
        span: { kind: 'full' },
      },
      feedForward: { kind: 'dense', width: 4 * hidden, gated: false, bias: true },
      norms: 2,
    },
  ],
  layers: Array.from({ length: layers }, () => 0),
  multiTokenPrediction: null,
  omitted: [],
});

describe('MFU', () => {
  const unequal = (): Cluster => {
    const same = clusterOf(1);
    const [group] = same.groups;
    if (group === undefined) throw new Error('the sample cluster has a node');
    const { accelerator } = group;
    const half = flopsPerSecond((accelerator.peak.bf16 ?? 0) / 2);
    return { ...same, groups: [group, { ...group, accelerator: { ...accelerator, peak: { bf16: half } } }] };
  };
  const ofPeak = (data: number): number => {
    const cluster = unequal();
    const { estimate } = createEstimator(problemOf({ cluster, model }), latent);
    const { mfu, modelTflopsPerGpu } = estimate(strategyOf({ data }), [[8]]);
    return (modelTflopsPerGpu * 1e12) / mfu / (cluster.groups[0]?.accelerator.peak.bf16 ?? 0);
  };

  it('is a share of the mean peak of the GPUs that are used: eight at 1 and eight at ½ make ¾', () => {
    expect(ofPeak(8)).toBeCloseTo(1, 9);
    expect(ofPeak(16)).toBeCloseTo(0.75, 9);
  });
});

describe('model FLOPs', () => {
  it("Megatron's count for GPT: 72·L·h²(1 + s∕12h + V∕12Lh) a token, causal half", () => {
    const [layers, h, s, v] = [96, 12288, 2048, 51200];
    const want = 72 * layers * h * h * (1 + s / (12 * h) + v / (12 * layers * h));
    expect(megatronFlopsPerToken(gpt(layers, h, 96), s) / want).toBeCloseTo(1, 6);
  });
});

describe('published runs', () => {
  const preset = (name: string, gpus: number): Cluster => {
    const { accelerator, perNode, intraNode, nics } = readAccelerator(name);
    return {
      name,
      groups: [
        { count: gpus / perNode, hosts: null, accelerator, perNode, intraNode, nics, pricePerHour: null },
      ],
      domain: null,
      tiers: [],
      measured: null,
    };
  };

  const classic = (gpus: number, gptModel: Model, globalBatchSize: number): Problem =>
    problemOf(
      { cluster: preset('a100-sxm-80gb', gpus), model: gptModel },
      {
        sequenceLength: 2048,
        globalBatchSize,
        attentionKernel: 'unfused',
        conditions: { profile: 'megatron-classic', softwareDate: '2022-05', attention: 'fused-softmax' },
      },
    );

  // Korthikanti et al. (arXiv:2205.05198) table 5, seconds an iteration, on Selene: micro-batch 1, tensor 8.
  it.each([
    ['22B, full recomputation', 48, 6144, 64, 8, 1, 1, 4, { kind: 'full' }, false, 1.42],
    [
      '22B, sequence parallel, selective',
      48,
      6144,
      64,
      8,
      1,
      1,
      4,
      { kind: 'selective', modules: ['core_attn'] },
      true,
      1.1,
    ],
    ['175B, full recomputation', 96, 12288, 96, 64, 8, 3, 64, { kind: 'full' }, false, 18.13],
    [
      '175B, sequence parallel, selective',
      96,
      12288,
      96,
      64,
      8,
      3,
      64,
      { kind: 'selective', modules: ['core_attn'] },
      true,
      13.75,
    ],
  ] as const)(
    '%s within 12 %%',
    (_, layers, hidden, heads, gpus, pipeline, virtualStages, batch, recompute, sequenceParallel, want) => {
      const estimator = createEstimator(
        classic(gpus, gpt(layers, hidden, heads), batch),
        defaultCalibration(),
      );
      const strategy = strategyOf({
        tensor: 8,
        pipeline,
        virtualStages,
        data: 1,
        schedule: virtualStages > 1 ? 'interleaved' : '1f1b',
        microBatchSize: gpus === 8 ? 4 : 1,
        recompute,
        sequenceParallel,
        sharding: 'none',
      });
      const chunk = layers / pipeline / virtualStages;
      const partition = Array.from({ length: pipeline }, () =>
        Array.from({ length: virtualStages }, () => chunk),
      );
      expect(Math.abs(estimator.iterationTime(strategy, partition) / want - 1)).toBeLessThan(0.12);
    },
  );
});

describe('tables', () => {
  it('a block of recomputed layers and full recomputation do not answer for one another', () => {
    const estimator = createEstimator(problemOf(), calibrationWith());
    const time = (recompute: Strategy['recompute']): number =>
      estimator.iterationTime(strategyOf({ recompute }), [[8]]);
    const [none, full] = [time({ kind: 'none' }), time({ kind: 'full' })];
    const block = time({ kind: 'full-block', layers: 2 });
    expect((block - none) / (full - none)).toBeCloseTo(2 / 8, 6);
    expect(time({ kind: 'full-uniform', layers: 2 })).toBeCloseTo(full, 12);
  });
});
