/** One stage's memory put together, term by term, under constants of our own: Llama-3 8B, by hand. */
import { describe, expect, it } from 'vitest';
import { createMemoryModel, memoryBoundFigure } from '../../src/cost/memory.ts';
import { firstLayers, kindPrefixes } from '../../src/cost/memory-layers.ts';
import { createStageMemory, emptyStage } from '../../src/cost/memory-stage.ts';
import type { StageBytes } from '../../src/cost/memory-stage.ts';
import { stateBytes } from '../../src/cost/memory-states.ts';
import type { ScheduleShape } from '../../src/cost/schedule-order.ts';
import type { AcceleratorArchitecture } from '../../src/cluster/cluster.ts';
import type { Model, MoeFeedForward } from '../../src/model/model.ts';
import type { RunConditions, SoftwareProfile } from '../../src/plan/conditions.ts';
import type { StageMemory } from '../../src/plan/plan.ts';
import type { Precision } from '../../src/plan/problem.ts';
import { memoryBehaviour } from '../../src/runtimes/memory-behaviour.ts';
import type { MemoryBehaviour } from '../../src/runtimes/memory-behaviour.ts';
import type { Partition, Strategy } from '../../src/strategy/strategy.ts';
import { bytes, GIB } from '../../src/units.ts';
import { evenly, llama8b, problem, strategy } from './memory-fixtures.ts';

/** Nothing but the formulas; each test switches one constant on. */
const quiet: Partial<MemoryBehaviour> = {
  dummyWeightGradients: false,
  constant: 0,
  groupedConstant: 0,
  gatherBuffers: 0,
  lossSharded: 1,
  fragmentation: 0,
  activationFragmentation: 0,
  unshared: 0,
  outside: 0,
  bound: 1,
  pipelineBound: 1,
  gradientBlocks: 1,
};

interface Given {
  readonly behaviour?: Partial<MemoryBehaviour>;
  readonly keys?: Partial<Strategy>;
  readonly parts?: Partial<Parameters<typeof problem>[0]>;
  readonly stage?: number;
  readonly partition?: Partition;
}

const stageOf = ({ behaviour, keys, parts, stage, partition }: Given = {}): StageBytes => {
  const given = problem({ model: llama8b, sequence: 1024, ...parts });
  const { model, training } = given;
  const [group] = given.cluster.groups;
  if (group === undefined) throw new Error('no group');
  const plan = strategy(keys);
  const shape: ScheduleShape = {
    schedule: plan.schedule,
    stages: plan.pipeline,
    virtualStages: plan.virtualStages,
    microBatches: 64,
    microBatchGroup: plan.microBatchGroup,
  };
  const first = new Int32Array(plan.pipeline * plan.virtualStages + 1);
  firstLayers(plan, shape, partition ?? evenly(model.layers.length, plan), first);
  const out = emptyStage();
  createStageMemory(
    given,
    { ...memoryBehaviour(training, 'hopper'), ...quiet, ...behaviour },
    group.accelerator,
    kindPrefixes(model),
  ).placed(plan, shape, first, stage ?? 0, out);
  return out;
};
const near = (value: number, want: number): void => {
  expect(value / want).toBeCloseTo(1, 10);
};

// A layer of hidden 4096: 218,112,000 parameters, 139,392 bytes a token, 2h of input; two tables of 128,256 rows.
const [LAYER, KEPT, INPUT, TABLE] = [218_112_000, 139_392, 8192, 525_336_576];
const P = 32 * LAYER + 2 * TABLE + 4096;
const TOKENS = 1024;
/** The final norm's input and output. */
const HEAD = 4 * 4096;

describe('activations of a stage', () => {
  const kept = (given: Given): number => stageOf(given).activations / TOKENS;

  it('recomputation by operator keeps so many bytes of the hidden state, whoever asks for it', () => {
    const behaviour = { operatorPolicy: 11 };
    const asked = { conditions: { recomputeOperators: true } };
    near(kept({ behaviour, parts: asked }), 32 * 11 * 4096 + HEAD);
    near(
      kept({ behaviour, parts: asked, keys: { tensor: 4, sequenceParallel: true } }),
      (32 * 11 * 4096 + HEAD) / 4,
    );
    const policy = { ...behaviour, selective: 'operators' as const };
    const selective = { kind: 'selective', modules: ['core_attn'] } as const;
    near(kept({ behaviour: policy, keys: { recompute: selective } }), 32 * 11 * 4096 + HEAD);
    near(kept({ behaviour: policy }), 32 * KEPT + HEAD);
    near(kept({ behaviour: policy, keys: { recompute: { kind: 'full' } } }), 32 * INPUT + HEAD);
    near(kept({ behaviour, keys: { recompute: selective } }), 32 * (KEPT - 128) + HEAD);
  });

  it('every second layer recomputed: half of what layers keep and half of their inputs', () => {
    near(kept({ parts: { conditions: { recomputeEveryOther: true } } }), (32 * (KEPT + INPUT)) / 2 + HEAD);
  });

  it('several sequences in a micro-batch: one more copy of the hidden state', () => {
    const behaviour = { batchCopy: 2 };
    near(kept({ behaviour }), 32 * KEPT + HEAD);
    const two = { microBatchSize: 2 };
    near(kept({ behaviour, keys: two }), 2 * (32 * (KEPT + 2 * 4096) + HEAD));
    near(
      kept({ behaviour, keys: { ...two, recompute: { kind: 'full-block', layers: 10 } } }),
      2 * (10 * INPUT + 22 * (KEPT + 8192) + HEAD),
    );
    near(
      kept({ behaviour, keys: { ...two, tensor: 4, sequenceParallel: true } }),
      (2 * (32 * (KEPT + 8192) + HEAD)) / 4,
    );
    near(
      kept({ behaviour, keys: two, parts: { conditions: { recomputeEveryOther: true } } }),
      2 * ((32 * (KEPT + 8192 + INPUT)) / 2 + HEAD),
    );
  });

  it('checkpoints are more than their input where a stack copies them', () => {
    const behaviour = { checkpoint: 1.5 };
    near(kept({ behaviour, keys: { recompute: { kind: 'full' } } }), 32 * 1.5 * INPUT + HEAD);
    near(
      kept({ behaviour, keys: { recompute: { kind: 'full-uniform', layers: 4 } } }),
      8 * 1.5 * INPUT + HEAD,
    );
  });

  it('offloaded layers are on the host', () => {
    near(kept({ parts: { conditions: { offloadedLayers: 8 } } }), 24 * KEPT + HEAD);
    near(kept({ parts: { conditions: { offloadedLayers: 99 } } }), HEAD);
  });
});

describe('the largest temporary of a stage', () => {
  // Long sequences on the first of two stages: no loss there, and activations outweigh the table's gradient.
  const long = { sequence: 65_536 };
  const WIDEST = (4 * 14_336 + 4 * 4096) * 65_536;
  const workspace = (recompute: Strategy['recompute'], conditions = {}): number =>
    stageOf({
      behaviour: { live: 0.5, constant: 7 },
      parts: { ...long, conditions },
      keys: { pipeline: 2, recompute },
    }).workspace;

  it('gradients of the widest block, and the layers that are computed again', () => {
    const layer = 0.5 * KEPT * 65_536;
    near(workspace({ kind: 'none' }), WIDEST + 7);
    near(workspace({ kind: 'full' }), WIDEST + layer + 7);
    near(workspace({ kind: 'full-block', layers: 3 }), WIDEST + layer + 7);
    near(workspace({ kind: 'full-uniform', layers: 3 }), WIDEST + 3 * layer + 7);
    near(workspace({ kind: 'none' }, { recomputeEveryOther: true }), WIDEST + layer + 7);
  });

  it('stands in the workspace, unless it is the loss', () => {
    const first = stageOf({ parts: long, keys: { pipeline: 2 } });
    expect(first.logits).toBe(0);
    near(first.workspace, WIDEST);
    // 30 bytes a logit on the last stage.
    const last = stageOf({ behaviour: { lossSharded: 30 }, parts: long, keys: { pipeline: 2 }, stage: 1 });
    near(last.logits, 30 * 128_256 * 65_536);
    expect(last.workspace).toBe(0);
  });

  it('short sequences: the dense gradient of the table, when the oldest micro-batch has gone', () => {
    const short = { sequence: 16 };
    const first = stageOf({ parts: short, keys: { pipeline: 2 } });
    // Two micro-batches of 16 layers are alive, one of them goes.
    near(first.activations, 2 * 16 * KEPT * 16);
    near(first.workspace, 2 * TABLE - 16 * KEPT * 16);
    // Interleaved, 2 + 2 + 1 chunk passes of 8 layers: two and a half micro-batches.
    const interleaved = stageOf({ parts: short, keys: { pipeline: 2, virtualStages: 2 } });
    near(interleaved.activations, 5 * 8 * KEPT * 16);
    near(interleaved.workspace, 2 * TABLE - (5 * 8 * KEPT * 16) / 2.5);
  });

  it('freed blocks of the smaller of loss and backward are lost to the larger', () => {
    const { reserved, total } = stageOf({ behaviour: { unshared: 0.5 } });
    // Loss 128,256 bytes a token, backward 4f + 4h = 73,728.
    near(reserved - total, 0.5 * 73_728 * TOKENS);
  });
});

describe('states of a stage', () => {
  it('are divided over replicas and their context ranks, as far as the group reaches', () => {
    const optimizer = (keys: Partial<Strategy>): number => stageOf({ keys }).optimizerStates;
    near(optimizer({ data: 4, context: 2 }), (12 * P) / 8);
    near(optimizer({ data: 4, context: 2, shardingGroup: 4 }), (12 * P) / 4);
    near(optimizer({ data: 4, context: 2, shardingGroup: 99 }), (12 * P) / 8);
    near(optimizer({ data: 4, sharding: 'none' }), 12 * P);
  });

  it('buckets exist where gradients meet those of other replicas', () => {
    const behaviour = { states: { extra: 0, buckets: 0.5, shardExtra: 0 } };
    near(stageOf({ behaviour, keys: { data: 2 } }).gradients, 4.5 * P);
    near(stageOf({ behaviour }).gradients, 4 * P);
  });

  it('a table whose gradient waits for the last micro-batch adds it, in pipelines', () => {
    const behaviour = { embeddingGradient: 3 };
    near(stageOf({ behaviour }).gradients, 4 * P);
    near(stageOf({ behaviour, keys: { pipeline: 2 } }).gradients, 4 * (16 * LAYER + TABLE) + 3 * TABLE);
    near(stageOf({ behaviour, keys: { pipeline: 2 }, stage: 1 }).gradients, 4 * (16 * LAYER + TABLE + 4096));
  });

  it('fp16: the step’s fp32 gradients, divided like the optimizer, when activations have gone', () => {
    const fp16 = {
      precision: 'fp16',
      optimizer: { name: 'adam', states: 'fp32', gradients: 'fp16', mainParameters: 'fp32' },
    } as const;
    const step = stageOf({
      behaviour: { constant: 7 },
      parts: { sequence: 1, training: fp16 },
      keys: { data: 4 },
    });
    near(step.gradients, 2 * P + P);
    near(step.total, (2 + 2 + 3 + 1) * P + 7);
    expect([step.activations, step.logits, step.communicationBuffers, step.workspace]).toEqual([0, 0, 0, 7]);
  });

  // deepspeedai/DeepSpeed @ edaa722 with ZeRO-1, fitted on device memory of BLOOM's trials.
  it.each([
    ['fp16', { weights: 2, gradients: 2.4, optimizer: 17.6 }],
    ['bf16', { weights: 2, gradients: 2.4, optimizer: 17.6 }],
    ['fp32', { weights: 2, gradients: 7.9, optimizer: 0, moments: 0 }],
  ] as const)('DeepSpeed’s ZeRO-1 with gradients in %s', (gradients, want) => {
    const { training } = problem({
      model: llama8b,
      sequence: 1024,
      conditions: { profile: 'megatron-deepspeed' },
      training: { optimizer: { name: 'adam', states: 'fp32', gradients, mainParameters: 'fp32' } },
    });
    expect(stateBytes(training, 'optimizer', memoryBehaviour(training, 'hopper'))).toMatchObject({
      ...want,
      step: 0,
    });
  });

  it('what a stack keeps besides, of the whole and of the shard', () => {
    const { training } = problem({ model: llama8b, sequence: 1024 });
    const states = { extra: 1.5, buckets: 0, shardExtra: 2.5 };
    expect(
      stateBytes(training, 'optimizer', { ...memoryBehaviour(training, 'hopper'), states }),
    ).toMatchObject({ gradients: 5.5, optimizer: 14.5 });
  });
});

describe('buffers', () => {
  const buffers = (given: Given): number => stageOf(given).communicationBuffers;

  it('whole hidden states between gather and scatter, with sequence parallelism over several ranks', () => {
    const behaviour = { gatherBuffers: 3 };
    near(buffers({ behaviour, keys: { tensor: 2, sequenceParallel: true } }), 3 * 4096 * TOKENS);
    expect(buffers({ behaviour, keys: { sequenceParallel: true } })).toBe(0);
    expect(buffers({ behaviour, keys: { tensor: 2 } })).toBe(0);
  });

  it('sharded parameters: two gathered layers, a layer’s gradients, the ends as a whole', () => {
    const sharded = { data: 4, sharding: 'parameters' as const };
    const ends = 2 * TABLE + 4096;
    near(buffers({ keys: sharded }), 4 * LAYER + 4 * LAYER + 2 * ends);
    const bf16 = { name: 'adam', states: 'fp32', gradients: 'bf16', mainParameters: 'fp32' } as const;
    near(buffers({ keys: sharded, parts: { training: { optimizer: bf16 } } }), 6 * LAYER + 2 * ends);
    // Copies that a stack keeps besides are not gathered.
    const extra = { states: { extra: 2, buckets: 0, shardExtra: 0 } };
    near(buffers({ keys: sharded, behaviour: extra }), 8 * LAYER + 2 * ends);
    expect(buffers({ keys: { data: 4, sharding: 'gradients' } })).toBe(0);
    // Megatron-FSDP: two layers in the queue of reductions and the one that is computed; others one.
    const blocks = (profile: SoftwareProfile): number =>
      memoryBehaviour(problem({ model: llama8b, sequence: 1024, conditions: { profile } }).training, 'hopper')
        .gradientBlocks;
    expect([blocks('megatron-core'), blocks('megatron-fsdp'), blocks('torchtitan')]).toEqual([3, 3, 1]);
    near(
      buffers({ keys: sharded, behaviour: { gradientBlocks: blocks('megatron-fsdp') } }),
      4 * LAYER + 12 * LAYER + 2 * ends,
    );
  });

  // torch/distributed/pipelining/stage.py, backward_maybe_with_nosync; FSDP2's unsharded_accumulated_grad in its reduce_dtype.
  it('gradients that are reduced with the last micro-batch alone are whole until then, weights too in pipelines', () => {
    const sharded = { data: 4, sharding: 'parameters' as const };
    const ends = 2 * TABLE + 4096;
    const accumulatesWhole = { one: true, more: true };
    near(
      buffers({ keys: sharded, behaviour: { accumulatesWhole } }),
      4 * LAYER + 4 * LAYER + 2 * ends + 4 * P,
    );
    const first = 16 * LAYER + TABLE;
    const piped = { ...sharded, pipeline: 2 };
    near(buffers({ keys: piped, behaviour: { accumulatesWhole } }), 2 * first + 4 * LAYER + 4 * first);
    const plain = { accumulatesWhole: { one: false, more: false } };
    near(buffers({ keys: piped, behaviour: plain }), 4 * LAYER + 4 * LAYER + 2 * TABLE);
    // Unsharded parameters are whole anyway.
    expect(buffers({ keys: { data: 4 }, behaviour: { accumulatesWhole } })).toBe(0);
    const habit = (conditions: RunConditions): MemoryBehaviour['accumulatesWhole'] =>
      memoryBehaviour(problem({ model: llama8b, sequence: 1024, conditions }).training, 'hopper')
        .accumulatesWhole;
    expect(habit({ profile: 'torchtitan' })).toEqual({ one: false, more: true });
    expect(habit({ profile: 'torchtitan', accumulatesWhole: true })).toEqual({ one: true, more: true });
    expect(habit({ profile: 'megatron-fsdp' })).toEqual({ one: false, more: false });
  });

  it('what the loss and a recomputed activation function hold, where the run says so', () => {
    const habit = (conditions: RunConditions): MemoryBehaviour =>
      memoryBehaviour(problem({ model: llama8b, sequence: 1024, conditions }).training, 'hopper');
    // Half-precision logits, their log-softmax and its gradient, gathered or not.
    expect(habit({ halfPrecisionLoss: true })).toMatchObject({ lossSharded: 6, lossWhole: 0 });
    expect(habit({ halfPrecisionLoss: true, gatheredLogits: true })).toMatchObject({
      lossSharded: 6,
      lossWhole: 6,
    });
    // The input of the second product, 2 bytes an element, is made again.
    expect(habit({ recomputeActivation: true })).toMatchObject({ gated: 4, plain: 2 });
    expect(habit({})).toMatchObject({ gated: 6, plain: 4 });
  });

  it('parameters that start whole: all of them in bf16, and one layer twice while it is sharded', () => {
    const keys = { data: 64, sharding: 'parameters' as const };
    const whole = stageOf({ keys, parts: { conditions: { startsWhole: true } } });
    near(whole.total, 2 * (P + LAYER));
    expect([whole.parameters, whole.gradients, whole.activations]).toEqual([whole.total, 0, 0]);
    near(whole.bound, whole.total);
    // Shards of 18 bytes over 64 ranks and a short sequence need less than that, and nothing else changes.
    const sharded = stageOf({ keys });
    expect(sharded.total).toBeLessThan(whole.total);
    near(sharded.parameters, (2 * P) / 64);
    // Over two ranks training needs more; without sharded parameters nothing is made twice.
    const two = { data: 2, sharding: 'parameters' as const };
    expect(stageOf({ keys: two, parts: { conditions: { startsWhole: true } } })).toEqual(
      stageOf({ keys: two }),
    );
    expect(stageOf({ keys: { data: 64 }, parts: { conditions: { startsWhole: true } } })).toEqual(
      stageOf({ keys: { data: 64 } }),
    );
  });

  it('weights of linears that Transformer Engine keeps in 8 or 4 bits for both products, beside bf16 or instead of it', () => {
    const copies = (
      precision: Precision,
      conditions: RunConditions = {},
      architecture: AcceleratorArchitecture = 'hopper',
    ): number => {
      const { training } = problem({
        model: llama8b,
        sequence: 1024,
        training: { precision },
        conditions,
      });
      return memoryBehaviour(training, architecture).weightCopies;
    };
    expect([copies('bf16'), copies('fp8'), copies('fp8', {}, 'blackwell')]).toEqual([0, 2, 1]);
    // A byte of scale for 32 elements of 8 bits, for 16 of 4 bits, in each of two layouts.
    expect([copies('mxfp8', {}, 'blackwell'), copies('nvfp4', {}, 'blackwell')]).toEqual([2.0625, 1.125]);
    const replaced = { lowPrecisionParameters: true };
    expect([copies('fp8', replaced), copies('fp8', replaced, 'blackwell'), copies('bf16', replaced)]).toEqual(
      [0, -1, 0],
    );
    // torchtitan casts at every use.
    expect(copies('fp8', { profile: 'torchtitan' })).toBe(0);
    const fp8 = { parts: { training: { precision: 'fp8' as const } } };
    near(stageOf(fp8).parameters, 2 * P + 2 * 32 * LAYER);
    const sharded = { ...fp8, keys: { data: 4, sharding: 'parameters' as const } };
    near(stageOf(sharded).parameters, (2 * P) / 4);
  });

  it('cached weight gradients: every distinct linear of the widest kind, and the head', () => {
    const distinct = 25_165_824 + 16_777_216 + 117_440_512 + 58_720_256;
    near(stageOf({ behaviour: { dummyWeightGradients: true } }).workspace, 2 * (distinct + TABLE));
  });

  const moe: MoeFeedForward = {
    kind: 'moe',
    experts: 8,
    topK: 2,
    expertWidth: 14_336,
    gated: true,
    bias: false,
    sharedWidth: 0,
    sharedGate: false,
    routerBias: false,
    latent: null,
    zeroComputationExperts: 0,
    groups: null,
    parallelDenseWidth: 0,
  };
  const experts: Model = { ...llama8b, kinds: llama8b.kinds.map((kind) => ({ ...kind, feedForward: moe })) };

  it('workspaces of grouped products where there are experts', () => {
    const behaviour = { constant: 5, groupedConstant: 1e9 };
    const of = (model: Model): number =>
      stageOf({ behaviour, parts: { model }, keys: { pipeline: 2 }, stage: 1 }).workspace;
    const dense = of(llama8b);
    expect(dense).toBeLessThan(1e9);
    expect(of(experts)).toBeGreaterThan(1e9);
  });

  it('fused dispatchers hold 0.6 GiB outside the allocator, where tokens travel', () => {
    const outside = (keys: Partial<Strategy>): number => {
      const { device, reserved } = stageOf({ behaviour: { outside: 100 }, parts: { model: experts }, keys });
      return Math.round(device - reserved - 100);
    };
    const buffer = Math.round(0.6 * GIB);
    expect(outside({ data: 2, expert: 2, dispatcher: 'deepep' })).toBe(buffer);
    expect(outside({ data: 2, expert: 2, dispatcher: 'hybridep' })).toBe(buffer);
    expect(outside({ data: 2, expert: 2, dispatcher: 'all-to-all' })).toBe(0);
    expect(outside({ data: 2, dispatcher: 'deepep' })).toBe(0);
  });

  it('a stage of two kinds: parameters of both, buffers of the larger', () => {
    const [kind] = llama8b.kinds;
    if (kind === undefined) throw new Error('no kind');
    const wide = {
      ...kind,
      feedForward: { kind: 'dense' as const, width: 28_672, gated: true, bias: false },
    };
    for (const kinds of [
      [kind, wide],
      [wide, kind],
    ]) {
      const mixed: Model = { ...llama8b, kinds, layers: [0, 1] };
      const { parameters, communicationBuffers } = stageOf({
        parts: { model: mixed },
        keys: { data: 4, sharding: 'parameters' },
      });
      // Another 3 · 4096 · 14,336.
      const larger = LAYER + 176_160_768;
      near(parameters, (2 * (LAYER + larger + 2 * TABLE + 4096)) / 4);
      near(communicationBuffers, 8 * larger + 2 * (2 * TABLE + 4096));
    }
    // A kind without layers on the stage does not count.
    const apart: Model = { ...llama8b, kinds: [kind, wide], layers: [0, 1] };
    const { communicationBuffers } = stageOf({
      parts: { model: apart },
      keys: { pipeline: 2, data: 4, sharding: 'parameters' },
      partition: [[1], [1]],
    });
    near(communicationBuffers, 8 * LAYER + 2 * TABLE);
  });
});

describe('from the allocator’s peak to the device', () => {
  it('parts sum to the total; fragments and what lies outside come on top', () => {
    const of = stageOf({
      behaviour: { fragmentation: 0.1, activationFragmentation: 0.2, outside: 1000, constant: 50 },
      keys: { data: 2 },
    });
    near(
      of.total,
      of.parameters +
        of.gradients +
        of.optimizerStates +
        of.activations +
        of.logits +
        of.communicationBuffers +
        of.workspace,
    );
    near(of.reserved, 1.1 * of.total + 0.2 * of.activations);
    expect(of.device).toBe(of.reserved + 1000);
  });

  it('the bound is at least what is reserved, else a factor with and without pipeline', () => {
    const bound = (behaviour: Partial<MemoryBehaviour>, keys: Partial<Strategy> = {}): number => {
      const of = stageOf({ behaviour: { outside: 1000, ...behaviour }, keys });
      return (of.bound - 1000) / of.total;
    };
    expect(bound({ bound: 1.2, pipelineBound: 1.5 })).toBeCloseTo(1.2, 10);
    expect(bound({ bound: 1.2, pipelineBound: 1.5 }, { pipeline: 2 })).toBeCloseTo(1.5, 10);
    expect(bound({ bound: 1.05, fragmentation: 0.1 })).toBeCloseTo(1.1, 10);
  });

  it('blocks that wait count for the peak, and are given back before memory runs out', () => {
    const waiting = {
      retention: 4,
      outside: GIB,
      bound: 1.2,
      pipelineBound: 1.3,
      retainedBound: { two: 1.7, more: 1.1 },
    };
    const of = (keys: Partial<Strategy>, memoryGib: number, behaviour = {}): StageBytes =>
      stageOf({
        behaviour: { ...waiting, ...behaviour },
        keys: { tensor: 2, ...keys },
        parts: { sequence: 16_384, memoryGib },
      });
    // 0.88 · 4 bytes a token, hidden element and layer.
    const retained = 0.88 * 4 * 16_384 * 4096 * 32;
    const roomy = of({}, 1000);
    const plain = of({}, 1000, { retention: 0 });
    near(roomy.communicationBuffers, retained);
    near(roomy.total, plain.total + retained);
    near(roomy.bound, GIB + 1.2 * roomy.total);
    // Three stages hold back all but two of three micro-batches, of 11 layers.
    const piped = stageOf({
      behaviour: waiting,
      keys: { tensor: 2, pipeline: 3 },
      parts: { sequence: 16_384, memoryGib: 1000 },
      partition: [[11], [11], [10]],
    });
    near(piped.communicationBuffers, (retained / 32) * 11);
    const own = piped.communicationBuffers;
    near(piped.bound, GIB + 1.3 * (piped.total - own) + 1.1 * own);
    // 85 % of the memory is used: blocks take 3 % more; 1.2 times 88 % would be too much, yet they can be given back.
    const memoryGib = plain.total / 0.85 / GIB;
    const tight = of({}, memoryGib);
    near(tight.communicationBuffers, 0.03 * memoryGib * GIB);
    near(tight.bound, 0.98 * memoryGib * GIB);
    // Far too little: then it is what is needed, and 4 %.
    const small = of({}, 1);
    near(small.bound, GIB + 1.04 * plain.total);
  });

  it('cached blocks in a stack’s figures are given back before memory runs out', () => {
    const of = (memoryGib: number, reclaims: boolean): StageBytes =>
      stageOf({ behaviour: { reclaims, bound: 1.1, outside: GIB }, parts: { memoryGib } });
    const { total } = of(1000, true);
    near(of(1000, true).bound, GIB + 1.1 * total);
    // 92 % of the memory in use: 98 % at most; 1 GiB of memory: what is needed, and 4 %.
    const memoryGib = total / GIB / 0.92;
    near(of(memoryGib, true).bound, 0.98 * memoryGib * GIB);
    near(of(memoryGib, false).bound, GIB + 1.1 * total);
    near(of(1, true).bound, GIB + 1.04 * total);
  });

  it('two stages: the factor of their own', () => {
    const behaviour = {
      retention: 4,
      bound: 1.2,
      pipelineBound: 1.3,
      retainedBound: { two: 1.7, more: 1.1 },
    };
    // Long enough that a layer takes more than 4.5 ms: all of a pass waits.
    const two = stageOf({
      behaviour,
      keys: { tensor: 2, pipeline: 2 },
      parts: { sequence: 65_536, memoryGib: 4000 },
    });
    const own = 0.88 * 4 * 65_536 * 4096 * 16;
    near(two.communicationBuffers, own);
    near(two.bound, 1.3 * (two.total - own) + 1.7 * own);
  });
});

describe('the model of memory', () => {
  it('takes pipelines of any length', () => {
    const deep: Model = { ...llama8b, layers: Array.from({ length: 200 }, () => 0) };
    for (const pipeline of [50, 100, 200]) {
      const plan = strategy({ pipeline });
      const stages = createMemoryModel(problem({ model: deep, sequence: 1024 })).stages(
        plan,
        evenly(200, plan),
      );
      expect(stages).toHaveLength(pipeline);
      expect(stages[1]?.parameters).toBe((2 * LAYER * 200) / pipeline);
    }
  });

  it('says how many layers a wrong partition holds', () => {
    const memory = createMemoryModel(problem({ model: llama8b, sequence: 1024 }));
    expect(() => memory.stage(strategy({ pipeline: 2 }), [[16], [15]], 0)).toThrow(/31 of 32 layers/u);
  });

  it('bounds by kind: the allocator’s, what it reserves at least, the device’s', () => {
    const of = (reserved: number): StageMemory => ({
      stage: 0,
      parameters: bytes(0),
      gradients: bytes(0),
      optimizerStates: bytes(0),
      activations: bytes(0),
      logits: bytes(0),
      communicationBuffers: bytes(0),
      workspace: bytes(0),
      total: bytes(100),
      reserved: bytes(reserved),
      device: bytes(reserved + 10),
      bound: bytes(130),
      capacity: bytes(200),
    });
    // 130 of the device, 10 of them outside: 120 in the allocator.
    expect(memoryBoundFigure(of(105), 'device')).toBe(130);
    expect(memoryBoundFigure(of(105), 'allocated')).toBe(120);
    expect(memoryBoundFigure(of(105), 'reserved')).toBe(120);
    // 1.06 · 118 is more than that.
    expect(memoryBoundFigure(of(118), 'reserved')).toBeCloseTo(125.08, 10);
    expect(memoryBoundFigure(of(118), 'allocated')).toBe(120);
    // And the 10 outside.
    expect(memoryBoundFigure(of(118), 'device')).toBeCloseTo(135.08, 10);
    // The software's own margin on what is handed out holds for that figure alone.
    expect(memoryBoundFigure(of(105), 'allocated', 1.04)).toBeCloseTo(104, 10);
    expect(memoryBoundFigure(of(105), 'allocated', 1.3)).toBe(120);
    expect(memoryBoundFigure(of(105), 'device', 1.04)).toBe(130);
  });
});
