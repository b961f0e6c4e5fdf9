/** What ranks hold of parameters and states, what the ends of a pipeline hold besides, and what tables remember. */
import { describe, expect, it } from 'vitest';
import { smallestAccelerator } from '../../src/cost/memory-capacity.ts';
import { stageExtras } from '../../src/cost/memory-extras.ts';
import { firstLayers, kindPrefixes, liveOfChunk } from '../../src/cost/memory-layers.ts';
import { modelParameters, rankParameters } from '../../src/cost/memory-parameters.ts';
import { retainedBytes } from '../../src/cost/memory-retention.ts';
import type { RetentionInput } from '../../src/cost/memory-retention.ts';
import { stateBytes } from '../../src/cost/memory-states.ts';
import { createMemoryTables } from '../../src/cost/memory-table.ts';
import type { MemoryTable } from '../../src/cost/memory-table.ts';
import type { ScheduleShape } from '../../src/cost/schedule-order.ts';
import type { Operator } from '../../src/model/operator.ts';
import { measuredRouting } from '../../src/placement/training-load.ts';
import type { RunConditions } from '../../src/plan/conditions.ts';
import type { Optimizer, Precision, Training } from '../../src/plan/problem.ts';
import { memoryBehaviour } from '../../src/runtimes/memory-behaviour.ts';
import type { MemoryBehaviour } from '../../src/runtimes/memory-behaviour.ts';
import type { RecomputeModule, Strategy } from '../../src/strategy/strategy.ts';
import { bytes, flopsPerSecond } from '../../src/units.ts';
import { llama8b, problem, strategy } from './memory-fixtures.ts';
import { attention, base, behaviourWith, dense, layer, moe, none } from './memory-term-fixtures.ts';

describe('parameters of a rank', () => {
  const linear = (
    outputs: number,
    parameters: number,
    sharding: 'column' | 'row' | 'replicated',
  ): Operator => ({
    kind: 'linear',
    name: 'linear',
    module: 'mlp',
    inputs: 10,
    outputs,
    parameters,
    sharding,
    lowPrecision: true,
  });
  const experts: Operator = {
    kind: 'grouped-linear',
    name: 'expert_up',
    module: 'moe',
    experts: 8,
    topK: 2,
    inputs: 10,
    outputs: 20,
    parameters: 1600,
    sharding: 'column',
  };
  const shape = { tensor: 2, expert: 4, expertTensor: 2 };
  const pointwise = (module: 'embedding' | 'mlp', sharding: 'tensor' | 'sequence'): Operator => ({
    kind: 'pointwise',
    name: 'work',
    module,
    width: 1,
    forwardBytes: 0,
    backwardBytes: 0,
    sharding,
    parameters: 40,
  });

  it.each<[string, Operator, number, number, number]>([
    ['column', linear(20, 200, 'column'), 100, 0, 100],
    ['replicated', linear(20, 200, 'replicated'), 200, 0, 200],
    // 1600 over 4 × 2 ranks, two experts on each: a hundred an expert.
    ['experts', experts, 0, 200, 100],
    ['the embedding table', pointwise('embedding', 'tensor'), 20, 0, 0],
    ['learned positions', pointwise('embedding', 'sequence'), 40, 0, 0],
    ['norms', pointwise('mlp', 'sequence'), 40, 0, 0],
    ['a norm inside the heads stays whole', pointwise('mlp', 'tensor'), 40, 0, 0],
  ])('%s', (_, operator, denseParameters, expert, distinct) => {
    expect(rankParameters([operator], shape)).toEqual({ dense: denseParameters, expert, distinct });
  });

  it('equal shapes are counted once among distinct ones, empty ones never', () => {
    const list = [
      linear(20, 200, 'column'),
      linear(20, 200, 'column'),
      linear(20, 200, 'row'),
      linear(30, 300, 'column'),
      linear(40, 0, 'column'),
    ];
    expect(rankParameters(list, shape)).toEqual({ dense: 450, expert: 0, distinct: 100 + 100 + 150 });
    // More expert ranks than experts: still one expert's weights.
    expect(rankParameters([experts], { tensor: 1, expert: 16, expertTensor: 1 }).distinct).toBe(100);
  });

  it('of the ends of a model: both tables padded and cut, the norm whole', () => {
    const of = modelParameters(
      { ...llama8b, vocabularySize: 1000 },
      { tensor: 2, expert: 1, expertTensor: 1 },
    );
    // 1000 → 1024 rows of 4096 over two ranks.
    expect([of.vocabulary, of.embedding, of.head, of.finalNorm]).toEqual([
      1024,
      512 * 4096,
      512 * 4096 + 4096,
      4096,
    ]);
    expect(of.mtp).toEqual({ dense: 0, expert: 0, distinct: 0 });
    // 4096·6144 + 4096² + 3·4096·14336 over two ranks, and two norms.
    expect(of.kinds.map((kind) => kind.dense)).toEqual([(25_165_824 + 16_777_216 + 176_160_768) / 2 + 8192]);
  });
});

describe('layers of a stage', () => {
  const shape = (change: Partial<ScheduleShape>): ScheduleShape => ({
    schedule: 'interleaved',
    stages: 2,
    virtualStages: 2,
    microBatches: 64,
    microBatchGroup: 2,
    ...change,
  });

  it('counts kinds in every prefix', () => {
    const mixed = { ...llama8b, kinds: [...llama8b.kinds, ...llama8b.kinds], layers: [0, 1, 1, 0, 1] };
    expect(kindPrefixes(mixed).map((prefix) => [...prefix])).toEqual([
      [0, 1, 1, 1, 2, 2],
      [0, 0, 1, 2, 2, 3],
    ]);
  });

  it('positions follow the chunks: one after another, or down and back up a V', () => {
    const at = (schedule: ScheduleShape['schedule']): number[] => {
      const first = new Int32Array(5);
      firstLayers(
        strategy({ pipeline: 2, virtualStages: 2, schedule }),
        shape({ schedule }),
        [
          [1, 2],
          [3, 4],
        ],
        first,
      );
      return [...first];
    };
    expect(at('interleaved')).toEqual([0, 1, 4, 6, 10]);
    expect(at('zb-v')).toEqual([0, 1, 4, 8, 10]);
  });

  it.each([
    // Groups of 2 over 2 chunks: two of the first, two of the second, and again.
    [5, 0, 3],
    [5, 1, 2],
    [3, 0, 2],
    [3, 1, 1],
    [1, 1, 0],
    [8, 0, 4],
    [8, 1, 4],
  ])('%i chunk passes alive: of chunk %i, %i', (alive, chunk, want) => {
    expect(liveOfChunk(shape({}), alive, chunk)).toBe(want);
  });

  it('one chunk has them all; the chunks of a V are alike', () => {
    expect(liveOfChunk(shape({ virtualStages: 1 }), 5, 0)).toBe(5);
    expect(liveOfChunk(shape({ schedule: 'v-half' }), 7, 1)).toBe(3.5);
  });
});

describe('states of a parameter', () => {
  const adam: Optimizer = { name: 'adam', states: 'fp32', gradients: 'fp32', mainParameters: 'fp32' };
  const of = (
    precision: Precision,
    optimizer: Partial<Optimizer>,
    sharding: Strategy['sharding'] = 'optimizer',
    profile?: NonNullable<RunConditions['profile']>,
  ) => {
    const training = {
      ...base.training,
      precision,
      optimizer: { ...adam, ...optimizer },
      ...(profile === undefined ? {} : { conditions: { profile } }),
    };
    return stateBytes(training, sharding, memoryBehaviour(training, 'hopper'));
  };

  it('Megatron: weights, gradients, main parameters and moments', () => {
    expect(of('bf16', {})).toMatchObject({ weights: 2, gradients: 4, optimizer: 12, moments: 8, step: 0 });
    expect(of('fp16', { gradients: 'fp16' })).toMatchObject({
      weights: 2,
      gradients: 2,
      optimizer: 12,
      step: 4,
    });
    expect(of('fp16', {})).toMatchObject({ gradients: 4, step: 0 });
    expect(of('bf16', { gradients: 'bf16' })).toMatchObject({ gradients: 2, step: 0 });
    expect(of('fp32', {})).toMatchObject({ weights: 4, gradients: 4, optimizer: 8 });
    expect(of('bf16', { states: 'fp8', mainParameters: 'fp16' })).toMatchObject({ optimizer: 4, moments: 2 });
  });

  it('DeepSpeed around PyTorch’s layers keeps what DeepSpeed keeps: 2 + 2 + 14 bytes, parameters in half precision', () => {
    const training: Training = {
      ...base.training,
      runtime: { name: 'deepspeed', version: '0' },
      precision: 'bf16',
      optimizer: { ...adam, gradients: 'bf16' },
      conditions: { profile: 'pytorch-fsdp' },
    };
    expect(stateBytes(training, 'parameters', memoryBehaviour(training, 'hopper'))).toMatchObject({
      weights: 2,
      gradients: 2,
      optimizer: 14,
      shardsWeights: true,
    });
  });

  it('a step inside backward keeps no gradient', () => {
    const training: Training = {
      ...base.training,
      runtime: { name: 'fsdp', version: '0' },
      optimizer: { ...adam, states: 'fp8', mainParameters: 'bf16' },
      conditions: { stepsInBackward: true },
    };
    expect(stateBytes(training, 'none', memoryBehaviour(training, 'hopper'))).toMatchObject({
      weights: 2,
      gradients: 0,
      optimizer: 2,
    });
  });

  it.each([
    ['adam', 8],
    ['sgd', 4],
    ['muon', 4],
  ] as const)('%s keeps %i bytes of moments', (name, moments) => {
    expect(of('bf16', { name })).toMatchObject({ moments, optimizer: 4 + moments });
  });

  it('what is divided', () => {
    const divided = (sharding: Strategy['sharding']) => {
      const { shardsWeights, shardsGradients } = of('bf16', {}, sharding);
      return [shardsWeights, shardsGradients];
    };
    expect(divided('none')).toEqual([false, false]);
    expect(divided('optimizer')).toEqual([false, false]);
    expect(divided('gradients')).toEqual([false, true]);
    expect(divided('parameters')).toEqual([true, true]);
  });

  it('a model that is itself in bf16 has shards in bf16: 8 bytes a parameter in place of 16', () => {
    const pure = { states: 'bf16', mainParameters: 'bf16' } as const;
    expect(of('bf16', pure, 'parameters', 'torchtitan')).toMatchObject({
      weights: 2,
      gradients: 2,
      optimizer: 4,
    });
  });

  it.each(['torchtitan', 'pytorch-fsdp'] as const)('%s keeps all in fp32', (profile) => {
    expect(of('bf16', {}, 'parameters', profile)).toEqual({
      weights: 4,
      gradients: 4,
      optimizer: 8,
      moments: 8,
      step: 0,
      shardsWeights: true,
      shardsGradients: true,
    });
  });

  // deepspeedai/DeepSpeed @ edaa722: 2 + 18∕n, and 18∕n, of which gradients take two bytes and a step four.
  it.each([
    ['none', 12],
    ['gradients', 14],
    ['parameters', 14],
  ] as const)('DeepSpeed with sharding of %s: %i bytes of optimizer', (sharding, optimizer) => {
    expect(of('bf16', { gradients: 'bf16' }, sharding, 'megatron-deepspeed')).toMatchObject({
      weights: 2,
      gradients: 2,
      optimizer,
      step: 4,
    });
  });
});

describe('what the ends of a pipeline hold', () => {
  const table: MemoryTable = {
    parameters: {
      kinds: [],
      embedding: 700,
      head: 0,
      finalNorm: 11,
      mtp: { dense: 90, expert: 30, distinct: 0 },
      vocabulary: 64,
    },
    activations: [
      { kept: 1, live: 1, input: 1, working: 1 },
      { kept: 500, live: 1, input: 1, working: 1 },
    ],
  };
  // Hidden 100, 64 rows, over two tensor ranks: 3200 elements of a table.
  const given = (mtp: number, tied = false) => ({
    ...base,
    model: {
      ...llama8b,
      hidden: 100,
      tiedEmbeddings: tied,
      multiTokenPrediction: mtp === 0 ? null : { layers: mtp, kind: 1 },
    },
  });
  const keys = (change: Partial<Strategy>): Strategy => strategy({ tensor: 2, pipeline: 4, ...change });
  const extras = (change: Partial<Strategy>, stage: number, mtp = 0, tied = false) => ({
    ...stageExtras(given(mtp, tied), behaviourWith()).addExtras(keys(change), table, stage),
  });

  it('the first stage: the table, its output of each pass, its dense gradient', () => {
    expect(extras({}, 0)).toEqual({
      dense: 700,
      expert: 0,
      keptPerPass: 300,
      keptOnce: 0,
      embeddingGradient: 6400,
      headWeights: 0,
    });
    expect(extras({ sequenceParallel: true }, 0).keptPerPass).toBe(150);
  });

  it('a middle stage: nothing', () => {
    expect(Object.values(extras({}, 1)).every((value) => value === 0)).toBe(true);
  });

  it('the last stage: final norm and head, tied tables a second time', () => {
    const last = {
      dense: 3211,
      expert: 0,
      keptPerPass: 0,
      keptOnce: 400,
      embeddingGradient: 0,
      headWeights: 3200,
    };
    expect(extras({}, 3)).toEqual(last);
    expect(extras({}, 3, 0, true)).toEqual(last);
    expect(extras({ sequenceParallel: true }, 3).keptOnce).toBe(200);
  });

  it('one stage is both; a tied table is there once', () => {
    expect(extras({ pipeline: 1 }, 0)).toMatchObject({ dense: 700 + 3211, keptPerPass: 300, keptOnce: 400 });
    expect(extras({ pipeline: 1 }, 0, 0, true).dense).toBe(711);
  });

  it('a V ends where it began', () => {
    expect(extras({ schedule: 'zb-v' }, 0).dense).toBe(700 + 3211);
    expect(extras({ schedule: 'zb-v' }, 3).dense).toBe(0);
  });

  it('prediction modules: their layer, norms and joined inputs, with an embedding of their own', () => {
    expect(extras({}, 3, 2)).toMatchObject({
      dense: 3211 + 90 + 700,
      expert: 30,
      keptOnce: 400 + 2 * (500 + 1200),
    });
    expect(extras({ pipeline: 1 }, 0, 2).dense).toBe(700 + 3211 + 90);
    expect(extras({}, 0, 2).expert).toBe(0);
  });

  it('shards of the vocabulary: both tables on every stage', () => {
    const shared = { vocabulary: 'vocab-1', virtualStages: 2 } as const;
    expect(extras(shared, 0)).toEqual({
      dense: 1600,
      expert: 0,
      keptPerPass: 600,
      keptOnce: 1400,
      embeddingGradient: 0,
      headWeights: 800,
    });
    expect(extras(shared, 2)).toMatchObject({ dense: 1600, keptPerPass: 0, keptOnce: 1400 });
    expect(extras(shared, 3).dense).toBe(1611);
    expect(extras({ vocabulary: 'redistributed' }, 0)).toEqual(extras({}, 0));
  });

  const peak = (
    change: Partial<Strategy>,
    stage: number,
    behaviour: Partial<MemoryBehaviour> = {},
    mtp = 0,
  ): number => stageExtras(given(mtp), behaviourWith(behaviour)).headPeak(keys(change), table, stage, 10);

  it('the loss of one micro-batch of ten tokens: 6 bytes a logit of the rank', () => {
    expect(peak({}, 3)).toBe((6 * 10 * 64) / 2);
    expect(peak({}, 0)).toBe(0);
    // Prediction modules keep probabilities in fp32, or as narrow as the loss.
    expect(peak({}, 3, {}, 2)).toBe(((6 + 2 * 4) * 640) / 2);
    expect(peak({}, 3, { lossSharded: 2 }, 2)).toBe(((2 + 2 * 2) * 640) / 2);
  });

  it('logits gathered over tensor ranks, and buffers of the head', () => {
    expect(peak({}, 3, { lossWhole: 5, headBuffers: 7 })).toBe(1920 + 5 * 640 + 7 * 1000);
    expect(peak({ tensor: 1 }, 3, { lossWhole: 5, headBuffers: 7 })).toBe(3840 + 7000);
    // Without a gather they count where one stage holds everything.
    expect(peak({}, 3, { headBuffers: 7 })).toBe(1920);
    expect(peak({ pipeline: 1 }, 0, { headBuffers: 7 })).toBe(1920 + 7000);
  });

  it('shared by all stages: a share of logits and of a dense gradient', () => {
    expect(peak({ vocabulary: 'vocab-2' }, 1)).toBe((6 * 320) / 4 + (2 * 64 * 100) / 4);
  });
});

describe('blocks that wait for communication', () => {
  const [group] = base.cluster.groups;
  if (group === undefined) throw new Error('no group');
  const gpu = { ...group.accelerator, memory: bytes(1e12), peak: { bf16: flopsPerSecond(1e12) } };
  const retained = (
    change: Partial<Strategy>,
    input: Partial<RetentionInput> = {},
    behaviour: Partial<MemoryBehaviour> = {},
  ): number =>
    retainedBytes(behaviourWith({ retention: 4, ...behaviour }), gpu, {
      strategy: strategy({ tensor: 4, ...change }),
      live: 5,
      tokens: 10,
      layers: 30,
      hidden: 100,
      layerParameters: 0,
      used: 0,
      ...input,
    });
  /** 0.88 of 4 bytes a token and hidden element. */
  const EACH = 0.88 * 4 * 10 * 100;

  it('one forward pass without pipeline, of 24 layers at least', () => {
    expect(retained({})).toBeCloseTo(EACH * 30, 6);
    expect(retained({}, { layers: 10 })).toBeCloseTo(EACH * 24, 6);
  });

  it('none without tensor parallelism, in a pipeline over 32 ranks, or in other stacks', () => {
    expect(retained({ tensor: 1 })).toBe(0);
    expect(retained({ tensor: 32, pipeline: 4 })).toBe(0);
    expect(retained({ tensor: 32 })).toBeCloseTo(EACH * 30, 6);
    expect(retained({}, {}, { retention: 0 })).toBe(0);
  });

  it('all but two micro-batches in flight from three stages on', () => {
    expect(retained({ pipeline: 3 })).toBeCloseTo(EACH * 3 * 30, 6);
    expect(retained({ pipeline: 8 }, { live: 1 })).toBe(0);
  });

  it('none in a pipeline whose host waits; without stages it makes no difference', () => {
    expect(retained({ pipeline: 4 }, {}, { retainsInPipeline: false })).toBe(0);
    expect(retained({ pipeline: 2 }, { layerParameters: 2e8 }, { retainsInPipeline: false })).toBe(0);
    expect(retained({}, {}, { retainsInPipeline: false })).toBeCloseTo(EACH * 30, 6);
  });

  it('with two stages as far as a layer takes between 2.5 and 4.5 ms', () => {
    // 2 · P · tokens over half of 1e12 FLOP/s: 3.5 ms for P = 8.75e7.
    expect(retained({ pipeline: 2 }, { layerParameters: 8.75e7 })).toBeCloseTo((EACH * 30) / 2, 3);
    expect(retained({ pipeline: 2 }, { layerParameters: 5e7 })).toBe(0);
    expect(retained({ pipeline: 2 }, { layerParameters: 2e8 })).toBeCloseTo(EACH * 30, 6);
  });

  it('no more than the allocator keeps: 88 % of the memory less what is used', () => {
    expect(retained({}, { used: 0.88e12 - 1000 })).toBeCloseTo(1000, 3);
    expect(retained({}, { used: 0.9e12 })).toBe(0);
  });
});

describe('tables by keys', () => {
  const of = problem({ model: llama8b, sequence: 1024, conditions: {} });
  const behaviour = memoryBehaviour(of.training, 'hopper');
  const variants: readonly Partial<Strategy>[] = [
    {},
    { tensor: 2 },
    { context: 2 },
    { context: 2, contextCommunication: 'all-gather' },
    { context: 2, contextCommunication: 'a2a' },
    { context: 2, contextCommunication: 'a2a+p2p' },
    { expert: 2 },
    { expertTensor: 2 },
    { tensor: 2, sequenceParallel: true },
    { dispatcher: 'all-gather' },
    { recompute: { kind: 'selective', modules: ['mlp'] } },
    { recompute: { kind: 'selective', modules: ['core_attn'] } },
    { recompute: { kind: 'selective', modules: ['mlp', 'core_attn'] } },
    { recompute: { kind: 'selective', modules: ['layernorm', 'mlp'] } },
  ];

  it('remember nothing wrongly, and give the same table again', () => {
    const mixed = problem({
      model: { ...llama8b, kinds: [layer(attention, moe), layer(attention, dense)], layers: [0, 1] },
      sequence: 1024,
    });
    for (const given of [of, mixed]) {
      const used = createMemoryTables(given, behaviour);
      for (const variant of [...variants, ...variants.toReversed()]) {
        const fresh = createMemoryTables(given, behaviour);
        expect(used(strategy(variant))).toEqual(fresh(strategy(variant)));
        expect(used(strategy(variant))).toBe(used(strategy(variant)));
      }
    }
  });

  it('every combination of sizes and of switches has a table of its own', () => {
    const tables = createMemoryTables(of, behaviour);
    const sizes = [1, 2, 4];
    const bySize = sizes.flatMap((tensor) =>
      sizes.flatMap((context) =>
        sizes.flatMap((expert) =>
          sizes.map((expertTensor) => tables(strategy({ tensor, context, expert, expertTensor }))),
        ),
      ),
    );
    expect(new Set(bySize).size).toBe(81);
    const bySwitch = (['all-gather', 'all-to-all', 'deepep', 'hybridep'] as const).flatMap((dispatcher) =>
      (['p2p', 'a2a', 'all-gather', 'a2a+p2p'] as const).flatMap((contextCommunication) =>
        [false, true].flatMap((sequenceParallel) =>
          [[], ['core_attn'], ['mlp'], ['core_attn', 'mlp'], ['moe']].map((modules) =>
            tables(
              strategy({
                dispatcher,
                contextCommunication,
                sequenceParallel,
                recompute: { kind: 'selective', modules: modules as RecomputeModule[] },
              }),
            ),
          ),
        ),
      ),
    );
    expect(new Set(bySwitch).size).toBe(4 * 4 * 2 * 5);
  });

  it('the worst layer of measured routing sets the copies', () => {
    const counts = [
      [1, 1, 1, 1],
      [0, 0, 0, 0],
      [4, 2, 1, 1],
    ];
    const model = { ...llama8b, kinds: [layer(none, { ...moe, experts: 4 }, 1)], layers: [0] };
    const kept = (routing: Parameters<typeof problem>[0]['training'], expert: number): number =>
      createMemoryTables(
        problem({ model, sequence: 1024, ...(routing ? { training: routing } : {}) }),
        behaviour,
      )(strategy({ expert })).activations[0]?.kept ?? 0;
    const measured = { routing: measuredRouting('counts.json', counts) };
    const copy = 4 * (2 * llama8b.hidden + 6 * 500);
    // Two blocks of two experts: 6 of 8, 1.5 times the mean; four blocks: 4 of 8, twice.
    expect(kept(measured, 2) - kept(undefined, 2)).toBeCloseTo(0.5 * copy, 6);
    expect(kept(measured, 4) - kept(undefined, 4)).toBeCloseTo(copy, 6);
    expect(kept(measured, 1)).toBeCloseTo(kept(undefined, 1), 6);
  });

  it.each([
    [{ attentionKernel: 'unfused' }, {}, true],
    [{ attentionKernel: 'flash2' }, {}, false],
    [{ attentionKernel: 'unfused' }, { attention: 'flash2' }, false],
    [{ attentionKernel: 'flash2' }, { attention: 'torch' }, true],
    [{ attentionKernel: 'flash2' }, { attention: 'fused-softmax' }, true],
  ] as const)('%o, stated %o: scores written out %s', (training, conditions, unfused) => {
    const given = problem({ model: llama8b, sequence: 1024, training, conditions });
    const [kind] = createMemoryTables(given, behaviour)(strategy()).activations;
    const [plain] = createMemoryTables(of, behaviour)(strategy()).activations;
    const scores = behaviour.softmax * 32 * 1024 - 4 * 32;
    expect((kind?.kept ?? 0) - (plain?.kept ?? 0)).toBeCloseTo(unfused ? scores : 0, 6);
  });

  it.each([
    ['bf16', 0],
    ['fp8', 1],
    ['mxfp8', 1],
    ['nvfp4', 1],
  ] as const)('%s keeps inputs of products in a byte less: %i', (precision, less) => {
    const given = problem({ model: llama8b, sequence: 1024, training: { precision } });
    const [kind] = createMemoryTables(given, behaviour)(strategy()).activations;
    const [plain] = createMemoryTables(of, behaviour)(strategy()).activations;
    // Two norms' outputs, the width, the attention's output.
    expect((plain?.kept ?? 0) - (kind?.kept ?? 0)).toBeCloseTo(less * (2 * 4096 + 14_336 + 4096), 6);
  });
});

describe('the smallest accelerator of a stage', () => {
  const [group] = base.cluster.groups;
  if (group === undefined) throw new Error('no group');
  const named = (name: string, gigabytes: number, count: number) => ({
    ...group,
    count,
    accelerator: { ...group.accelerator, name, memory: bytes(gigabytes * 1e9) },
  });
  const mixed = {
    ...base.cluster,
    groups: [named('big', 80, 1), named('small', 40, 1), named('tiny', 20, 1)],
  };
  const at = (change: Partial<Strategy>, stage: number): string =>
    smallestAccelerator(mixed, strategy(change), stage).name;

  it('by its ranks, which stand together or strided', () => {
    expect([0, 1].map((stage) => at({ pipeline: 2, data: 8 }, stage))).toEqual(['big', 'small']);
    // Six ranks a stage: the second reaches over both nodes.
    expect([0, 1].map((stage) => at({ pipeline: 2, data: 6 }, stage))).toEqual(['big', 'small']);
    expect(at({ pipeline: 2, data: 8, rankOrder: 'tp-cp-ep-pp-dp' }, 0)).toBe('small');
    expect(at({ data: 8 }, 0)).toBe('big');
    expect(at({ data: 9 }, 0)).toBe('small');
    expect([0, 1, 2].map((stage) => at({ pipeline: 3, data: 8 }, stage))).toEqual(['big', 'small', 'tiny']);
  });

  it('the first of equal ones, and none without nodes', () => {
    const equal = { ...base.cluster, groups: [named('a', 80, 1), named('b', 80, 1)] };
    expect(smallestAccelerator(equal, strategy({ data: 16 }), 0).name).toBe('a');
    expect(() => smallestAccelerator({ ...base.cluster, groups: [] }, strategy(), 0)).toThrow(RangeError);
  });
});
