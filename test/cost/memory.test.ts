import { describe, expect, it } from 'vitest';
import { createMemoryModel, memoryBoundFigure, memoryFigure } from '../../src/cost/memory.ts';
import type { MoeFeedForward } from '../../src/model/model.ts';
import { measuredRouting } from '../../src/placement/training-load.ts';
import type { StageMemory } from '../../src/plan/plan.ts';
import type { RunConditions } from '../../src/plan/conditions.ts';
import type { Strategy } from '../../src/strategy/strategy.ts';
import { GIB } from '../../src/units.ts';
import { attention, evenly, llama8b, model, problem, strategy } from './memory-fixtures.ts';

/** No cached weight gradients: the terms of the published formulas alone. */
const bare: RunConditions = { gradientAccumulationFusion: false, lossFusion: 'te' };

const stageOf = (parts: Parameters<typeof problem>[0], keys: Partial<Strategy>, stage = 0): StageMemory => {
  const plan = strategy(keys);
  return createMemoryModel(problem(parts)).stage(plan, evenly(parts.model.layers.length, plan), stage);
};

describe('Llama-3 8B on eight GPUs, by hand', () => {
  // Parameters: layer 4096·6144 + 4096² + 3·4096·14336 + 2·4096 = 218,112,000; 32 of them, two tables of
  // 128256·4096 = 525,336,576 and the final norm: 8,030,261,248.
  const memory = stageOf({ model: llama8b, sequence: 2048, conditions: { lossFusion: 'te' } }, { data: 8 });

  it('states are 2 + 4 + 12/D bytes per parameter', () => {
    expect(memory.parameters).toBe(2 * 8_030_261_248);
    expect(memory.gradients).toBe(4 * 8_030_261_248);
    expect(memory.optimizerStates).toBe((12 * 8_030_261_248) / 8);
  });

  // Per token: 8h 32768 + q,k,v 12288 + output 8192 + log-sum-exp 128 + 6f 86016 = 139,392 a layer; the final norm 4h.
  it('activations are 8h + 2(q+2kv) + 2q + 4a + 6f per token and layer', () => {
    expect(memory.activations).toBe(2048 * (32 * 139_392 + 16_384));
  });

  it('the fused loss holds half-precision logits in place', () => {
    expect(memory.logits).toBe(2 * 2048 * 128_256);
  });

  // One buffer per distinct linear: qkv 25,165,824, output 16,777,216, gate and up 117,440,512, down 58,720,256, head 525,336,576.
  it('Transformer Engine caches a weight gradient per linear shape; workspaces are 100 MB on Hopper', () => {
    expect(memory.workspace).toBe(
      2 * (25_165_824 + 16_777_216 + 117_440_512 + 58_720_256 + 525_336_576) + 100e6,
    );
  });

  it('parts sum to the total, and reserved, device and bound lie in order', () => {
    const { parameters, gradients, optimizerStates, activations, logits, communicationBuffers, workspace } =
      memory;
    expect(memory.total).toBeCloseTo(
      parameters + gradients + optimizerStates + activations + logits + communicationBuffers + workspace,
      0,
    );
    expect(memory.reserved).toBeCloseTo(1.05 * memory.total, 0);
    expect(memory.device).toBe(memory.reserved + 1.5 * GIB);
    expect(memory.bound).toBeCloseTo(1.07 * memory.total + 1.5 * GIB, 0);
  });
});

describe('dense layouts against the published formula', () => {
  // Bytes per token: (8h + 2(q+2kv) + 2q + 4a + 6f)/t, norms whole without sequence parallelism; stage 0 of 1F1B holds
  // min(m, p) micro-batches of L/p layers. Korthikanti et al. table 2, for grouped queries and SwiGLU.
  const shapes = [1, 2, 4, 8].flatMap((tensor) =>
    [1, 2].flatMap((pipeline) => [1, 4, 8].map((context) => ({ tensor, pipeline, context }))),
  );
  it.each(shapes)('tensor $tensor, pipeline $pipeline, context $context', ({ tensor, pipeline, context }) => {
    for (const sequenceParallel of [false, true]) {
      const parts = { model: llama8b, sequence: 8192, conditions: bare };
      const { activations } = stageOf(parts, {
        tensor,
        pipeline,
        context,
        sequenceParallel,
        microBatchSize: 2,
      });
      const norms = (8 * 4096) / (sequenceParallel ? tensor : 1);
      const perLayer = norms + (2 * (4096 + 2048) + 2 * 4096 + 4 * 32 + 6 * 14_336) / tensor;
      const head = pipeline === 1 ? norms / 2 : 0;
      const tokens = (8192 * 2) / context;
      expect(activations / (tokens * (32 * perLayer + head))).toBeCloseTo(1, 12);
    }
  });

  it('ungated blocks keep 4f, dropout two masks more, unfused softmax 5 bytes a score', () => {
    const gpt = model({
      hidden: 1024,
      layers: 2,
      vocabulary: 51_200,
      mixer: attention(16, 16, 64),
      tied: true,
      positions: 512,
      feedForward: { kind: 'dense', width: 4096, gated: false, bias: true },
      layerNorm: true,
    });
    const parts = {
      model: gpt,
      sequence: 512,
      conditions: { ...bare, dropout: true, attention: 'fused-softmax' as const },
    };
    // 10h + 8h + 4f + 5·a·s = 10240 + 8192 + 16384 + 40960; embedding mask h; final norm 4h.
    expect(stageOf(parts, {}).activations).toBe(512 * (2 * (10_240 + 8192 + 16_384 + 40_960) + 1024 + 4096));
  });
});

describe('in flight', () => {
  const parts = { model: llama8b, sequence: 1024, batch: 64, conditions: bare };
  const perLayer = 139_392 * 1024;

  it('1F1B holds p − r micro-batches, GPipe all of them', () => {
    const counts = [0, 1, 2].map(
      (stage) => stageOf(parts, { pipeline: 4 }, stage).activations / (8 * perLayer),
    );
    expect(counts).toEqual([4, 3, 2]);
    expect(stageOf(parts, { pipeline: 4, schedule: 'gpipe' }).activations / (8 * perLayer)).toBe(64);
  });

  // Stage 0 of p 4, v 2: 11 chunks of 4 layers.
  it('interleaved stages hold p(1 + (p−1)/(pv)) micro-batches and a chunk', () => {
    expect(stageOf(parts, { pipeline: 4, virtualStages: 2 }).activations / (4 * perLayer)).toBe(11);
  });

  // Megatron's loss counted as a layer: the last stage holds G micro-batches of its first chunk and one of its last.
  it('follows unequal chunks of the last stage', () => {
    const plan = strategy({ pipeline: 2, virtualStages: 2 });
    const memory = createMemoryModel(problem(parts)).stage(
      plan,
      [
        [8, 8],
        [10, 6],
      ],
      1,
    );
    expect(memory.activations).toBeCloseTo(1024 * (139_392 * (2 * 10 + 6) + 16_384), 0);
  });

  it('V-Half stages hold p/2 + 1.5 micro-batches, stage 0 embedding and head', () => {
    const memory = stageOf(
      { ...parts, conditions: { ...bare, profile: 'megatron-classic' } },
      { pipeline: 4, virtualStages: 2, schedule: 'v-half' },
    );
    // (p + 3)/2 of 8 layers at 139,392 + 2h; embedding 3h and final norm 4h.
    expect(memory.activations).toBeCloseTo(
      1024 * (3.5 * 8 * (139_392 + 8192) + 3.5 * 3 * 4096 + 4 * 4096),
      0,
    );
    expect(memory.parameters).toBe(2 * (8 * 218_112_000 + 2 * 525_336_576 + 4096));
  });
});

describe('recomputation', () => {
  const parts = { model: llama8b, sequence: 1024, conditions: bare };
  const kept = (recompute: Strategy['recompute']): number =>
    (stageOf(parts, { recompute }).activations - 1024 * 16_384) / 1024;

  it('full keeps 2h a layer, block only for its layers, uniform once per unit', () => {
    expect(kept({ kind: 'full' })).toBe(32 * 8192);
    expect(kept({ kind: 'full-block', layers: 10 })).toBe(10 * 8192 + 22 * 139_392);
    expect(kept({ kind: 'full-uniform', layers: 4 })).toBe(8 * 8192);
  });

  it('full holds one live layer in its backward pass, uniform as many as its unit', () => {
    const work = (recompute: Strategy['recompute']): number =>
      stageOf({ ...parts, sequence: 65_536 }, { pipeline: 2, recompute }).workspace;
    const one = work({ kind: 'full' });
    expect(work({ kind: 'full-uniform', layers: 3 }) - one).toBe(2 * 139_392 * 65_536);
  });

  // Beside 4f + 4h of the widest block: on stage 0 of two, ring buffers 8·2kv against gathered ones 4·2kv·(c−1).
  it('context parallelism holds its buffers in the backward pass', () => {
    const work = (contextCommunication: Strategy['contextCommunication']): number => {
      const keys = { pipeline: 2, context: 8, contextCommunication };
      return stageOf({ ...parts, sequence: 262_144 }, keys).workspace;
    };
    const attention = 4 * 4096 + 2 * 2 * 1024 + 4 * 4096;
    expect(work('all-gather') - work('p2p')).toBe(
      32_768 * (attention + 4 * 2048 * 7 - (4 * 14_336 + 4 * 4096)),
    );
  });

  it('modules free their own part', () => {
    expect(kept({ kind: 'selective', modules: ['mlp'] })).toBe(32 * (139_392 - 6 * 14_336));
    expect(kept({ kind: 'selective', modules: ['layernorm'] })).toBe(32 * (139_392 - 4 * 4096));
    expect(kept({ kind: 'selective', modules: ['core_attn', 'layernorm'] })).toBe(
      32 * (139_392 - 128 - 4 * 4096),
    );
  });
});

describe('other mixers, per token and layer', () => {
  const dense = { kind: 'dense' as const, width: 4096, gated: true, bias: false };
  const perLayer = (mixer: Parameters<typeof model>[0]['mixer'], keys: Partial<Strategy> = {}): number => {
    const of = model({ hidden: 2048, layers: 4, vocabulary: 32_000, mixer, feedForward: dense });
    return (
      stageOf({ model: of, sequence: 4096, conditions: bare }, { pipeline: 4, ...keys }, 1).activations /
      4096 /
      3
    );
  };

  // 8h + 4rq + 2(rkv + rope) + 2rkv + 4a(nope + rope) + 2a·dv (v) + 2a·dv (output) + 4a + 6f.
  const latent = {
    kind: 'latent-attention' as const,
    heads: 16,
    queryRank: 1536,
    kvRank: 512,
    nopeHeadDim: 128,
    ropeHeadDim: 64,
    valueHeadDim: 128,
    indexer: null,
  };
  it('latent attention keeps latents and the expanded q, k, v', () => {
    const latents = 4 * 1536 + 2 * 576 + 2 * 512;
    const expanded = 4 * 16 * 192 + 2 * 16 * 128;
    expect(perLayer(latent)).toBe(16_384 + latents + expanded + 2 * 16 * 128 + 64 + 24_576);
    expect(perLayer(latent, { recompute: { kind: 'selective', modules: ['mla_up_proj'] } })).toBe(
      perLayer(latent) - expanded,
    );
    // Tensor parallelism cuts heads, sequence parallelism the latents.
    expect(perLayer(latent, { tensor: 2 })).toBe(16_384 + latents + (expanded + 4096 + 64 + 24_576) / 2);
    expect(perLayer(latent, { tensor: 2, sequenceParallel: true })).toBe(perLayer(latent) / 2);
  });

  // Fused kernel: z, x, B, C, dt (2 bytes), scan output and gated product, dt in fp32, one state per chunk.
  it('Mamba-2 keeps its projection and two products', () => {
    const mamba = {
      kind: 'mamba2' as const,
      heads: 64,
      headDim: 64,
      state: 128,
      groups: 8,
      convolution: 4,
      chunk: 128,
    };
    const [inner, convolved] = [4096, 4096 + 2 * 8 * 128];
    expect(perLayer(mamba)).toBe(
      16_384 + 2 * (inner + convolved + 64) + 4 * inner + 4 * 64 + (2 * inner * 128) / 128 + 24_576,
    );
  });

  // Convolution in and out, gate, rule output, gated product, two fp32 scalars a head, the chunk matrix of 64 tokens.
  it('Gated DeltaNet keeps convolution, gate and output', () => {
    const delta = {
      kind: 'gated-delta-net' as const,
      keyHeads: 16,
      valueHeads: 32,
      keyHeadDim: 128,
      valueHeadDim: 128,
      convolution: 4,
    };
    expect(perLayer(delta)).toBe(16_384 + 4 * (2 * 2048 + 4096) + 6 * 4096 + 8 * 32 + 2 * 64 * 32 + 24_576);
  });
});

describe('vocabulary shards', () => {
  // p 8, 8 layers, h 1024, V 64000: each stage 2·V·h/8 of both tables; 14h once, 3h per pass in flight on stage 0;
  // loss 10·T·V/p and a dense gradient of 2·V·h/p.
  const parts = {
    model: model({
      hidden: 1024,
      layers: 8,
      vocabulary: 64_000,
      mixer: attention(8, 8, 128),
      feedForward: { kind: 'dense', width: 4096, gated: false, bias: false },
    }),
    sequence: 2048,
    conditions: { ...bare, profile: 'megatron-classic' as const },
  };
  const layer = 10 * 1024 + 8 * 1024 + 32 + 4 * 4096;

  it.each([
    ['vocab-1', 10],
    ['vocab-2', 9],
    ['interlaced', 12.5],
  ] as const)('%s holds %f micro-batches on stage 0', (vocabulary, live) => {
    const memory = stageOf(parts, { pipeline: 8, vocabulary });
    expect(memory.activations).toBeCloseTo(2048 * (live * (layer + 3 * 1024) + 14 * 1024), 0);
    expect(memory.parameters).toBe(2 * (12 * 1024 ** 2 + 2048 + (2 * 64_000 * 1024) / 8));
  });

  it('every stage holds its share of the loss', () => {
    const late = stageOf(parts, { pipeline: 8, vocabulary: 'vocab-1' }, 5);
    expect(late.logits + late.workspace).toBeGreaterThanOrEqual(
      (2 * 2048 * 64_000) / 8 + (2 * 64_000 * 1024) / 8,
    );
  });
});

describe('experts', () => {
  const moe: MoeFeedForward = {
    kind: 'moe',
    experts: 64,
    topK: 4,
    expertWidth: 1024,
    gated: true,
    bias: false,
    sharedWidth: 2048,
    sharedGate: false,
    routerBias: false,
    latent: null,
    zeroComputationExperts: 0,
    groups: null,
    parallelDenseWidth: 0,
  };
  const mixtral = model({
    hidden: 2048,
    layers: 4,
    vocabulary: 32_000,
    mixer: attention(16, 4, 128),
    feedForward: moe,
  });
  const parts = { model: mixtral, sequence: 4096, conditions: { ...bare, lossFusion: 'te' as const } };

  // Dense: attention 2048·(2048+1024) + 2048² = 10,485,760, router 131,072, shared 3·2048·2048, norms 4096; experts
  // 64·3·2048·1024 / 8 ranks = 50,331,648. 16 GPUs, expert 8: two replicas of an expert, 16 of the rest.
  it('are sharded over their own data-parallel group', () => {
    const memory = stageOf(parts, { data: 16, expert: 8 });
    const dense = 4 * (10_485_760 + 131_072 + 12_582_912 + 4096) + 2 * 32_000 * 2048 + 2048;
    const experts = 4 * 50_331_648;
    expect(memory.parameters).toBe(2 * (dense + experts));
    expect(memory.optimizerStates).toBeCloseTo(12 * (dense / 16 + experts / 2), 0);
  });

  // Per token 8h + 2(q+2kv) + 2q + 4a = 16384 + 6144 + 4096 + 64; router 8·64; shared 6·2048; copies 4·(2·2048 + 6·1024).
  it('keep k(2h + 6fe) per token, 2h + 2fe more without the fused permutation', () => {
    const layer = 16_384 + 6144 + 4096 + 64 + 512 + 12_288 + 4 * (4096 + 6144);
    const at = (conditions: RunConditions): number =>
      stageOf({ ...parts, conditions }, { data: 8, expert: 8 }).activations;
    expect(at(bare)).toBe(4096 * (4 * layer + 4 * 2048));
    expect(at({ ...bare, permuteFusion: false }) - at(bare)).toBe(4096 * 4 * 4 * (4096 + 2048));
    expect(at({ ...bare, expertCapacity: 1.5 }) - at(bare)).toBe(4096 * 4 * 0.5 * 4 * (4096 + 6144));
  });

  it('moe_act frees the product alone, moe everything of the experts', () => {
    const at = (modules: ('moe' | 'moe_act')[]): number =>
      stageOf(parts, { data: 8, expert: 8, recompute: { kind: 'selective', modules } }).activations;
    expect(at(['moe_act']) - at(['moe'])).toBe(4096 * 4 * (4 * (4096 + 4096) + 12_288));
  });

  it('the busiest rank of measured routing sets the copies', () => {
    // Experts 0-7 (rank 0 of 8) take half of all tokens: four times the mean.
    const counts = [Array.from({ length: 64 }, (_, expert) => (expert < 8 ? 56 : 8))];
    const skewed = { ...parts, training: { routing: measuredRouting('counts.json', counts) } };
    const at = (of: typeof parts): number => stageOf(of, { data: 8, expert: 8 }).activations;
    expect(at(skewed) - at(parts)).toBe(4096 * 4 * 3 * 4 * (4096 + 6144));
  });
});

describe('states by precision and sharding', () => {
  const tiny = model({
    hidden: 1024,
    layers: 8,
    vocabulary: 32_000,
    mixer: attention(16, 16, 64),
    feedForward: { kind: 'dense', width: 4096, gated: false, bias: false },
  });
  // Layer 12·1024² + 2048; tables 2·32000·1024; norm 1024.
  const parameters = 8 * (12 * 1024 ** 2 + 2048) + 2 * 32_000 * 1024 + 1024;
  const states = (
    training: Parameters<typeof problem>[0]['training'],
    keys: Partial<Strategy>,
    conditions: RunConditions = bare,
  ): number => {
    const memory = stageOf(
      { model: tiny, sequence: 512, conditions, ...(training === undefined ? {} : { training }) },
      keys,
    );
    return (memory.parameters + memory.gradients + memory.optimizerStates) / parameters;
  };
  const fp16 = {
    precision: 'fp16' as const,
    optimizer: {
      name: 'adam' as const,
      states: 'fp32' as const,
      gradients: 'fp16' as const,
      mainParameters: 'fp32' as const,
    },
  };
  const bf16States = {
    optimizer: {
      name: 'adam' as const,
      states: 'bf16' as const,
      gradients: 'bf16' as const,
      mainParameters: 'fp32' as const,
    },
  };

  it('bf16 18, sharded 6 + 12/D; low-precision moments 2 + 2 + 8/D; fp32 16', () => {
    expect(states({}, { sharding: 'none' })).toBeCloseTo(18, 10);
    expect(states({}, { data: 4 })).toBeCloseTo(9, 10);
    expect(states(bf16States, { data: 4 })).toBeCloseTo(6, 10);
    expect(states({ precision: 'fp32' }, { sharding: 'none' })).toBeCloseTo(16, 10);
  });

  it('sharded gradients and parameters divide their own bytes', () => {
    expect(states({}, { data: 4, sharding: 'gradients' })).toBeCloseTo(2 + 16 / 4, 10);
    expect(states({}, { data: 4, sharding: 'parameters' })).toBeCloseTo(18 / 4, 10);
    expect(states({}, { data: 8, sharding: 'parameters', shardingGroup: 4 })).toBeCloseTo(18 / 4, 10);
  });

  it('offloading takes the moments, all or a share of them', () => {
    expect(states({}, { data: 4, offload: 'optimizer' })).toBeCloseTo(6 + 4 / 4, 10);
    expect(states({}, { data: 4 }, { ...bare, optimizerOffload: 0.5 })).toBeCloseTo(6 + 8 / 4, 10);
  });

  // NVIDIA/Megatron-LM optimizer.py:1092-1105: gradient copies in fp32 exist during the step only.
  it('fp16 needs 16 bytes with activations or 20 without, whichever is more', () => {
    const light = stageOf(
      { model: tiny, sequence: 16, training: fp16, conditions: bare },
      { sharding: 'none' },
    );
    expect(light.total).toBeCloseTo(20 * parameters + 100e6, 0);
    expect(light.activations).toBe(0);
    const heavy = stageOf(
      { model: tiny, sequence: 8192, training: fp16, conditions: bare },
      { sharding: 'none' },
    );
    expect((heavy.parameters + heavy.gradients + heavy.optimizerStates) / parameters).toBeCloseTo(16, 10);
  });

  it('a tied table is one copy on one stage and two on two', () => {
    const tied = { ...tiny, tiedEmbeddings: true };
    const at = (pipeline: number, stage: number): number =>
      stageOf({ model: tied, sequence: 512, conditions: bare }, { pipeline }, stage).parameters / 2;
    expect(at(1, 0)).toBe(parameters - 32_000 * 1024);
    expect(at(2, 0) + at(2, 1)).toBe(parameters);
  });

  it('pads the vocabulary to 128 × tensor', () => {
    const odd = { ...tiny, vocabularySize: 50_257 };
    const memory = stageOf({ model: odd, sequence: 512, conditions: bare }, { tensor: 8, pipeline: 2 });
    // 50,257 → 51,200 rows, an eighth of them; norms stay whole.
    expect(memory.parameters).toBe(2 * (4 * ((12 * 1024 ** 2) / 8 + 2048) + (51_200 / 8) * 1024));
  });
});

describe('bounds and capacity', () => {
  const parts = { model: llama8b, sequence: 4096, batch: 256, conditions: bare, reserve: 0.06 };
  const plan = strategy({ pipeline: 4, tensor: 2, data: 4 });
  const split = [[9], [8], [8], [7]];
  const memory = createMemoryModel(problem(parts));

  it('capacity is the accelerator less the reserve', () => {
    expect(memory.stage(plan, split, 0).capacity).toBeCloseTo(0.94 * 80 * GIB, 0);
  });

  it('the peak is the largest bound and excess the largest shortage over stages', () => {
    const stages = memory.stages(plan, split);
    expect(memory.peak(plan, split).bound).toBe(Math.max(...stages.map(({ bound }) => bound)));
    expect(memory.excess(plan, split)).toBe(
      Math.max(...stages.map(({ bound, capacity }) => bound - capacity)),
    );
  });

  it('refuses a partition that does not hold the layers', () => {
    expect(() => memory.stage(plan, [[8], [8], [8], [7]], 0)).toThrow(RangeError);
  });

  it('a stage is limited by the smallest accelerator that holds its ranks', () => {
    const mixed = problem(parts);
    const [group] = mixed.cluster.groups;
    if (group === undefined) throw new Error('fixture without nodes');
    const small = {
      ...group,
      count: 2,
      accelerator: {
        ...group.accelerator,
        name: 'small',
        memory: (group.accelerator.memory / 2) as typeof group.accelerator.memory,
      },
    };
    const two = { ...mixed, cluster: { ...mixed.cluster, groups: [{ ...group, count: 2 }, small] } };
    const capacities = createMemoryModel(two)
      .stages(plan, split)
      .map(({ capacity }) => Math.round(capacity / 0.94 / GIB));
    expect(capacities).toEqual([80, 80, 40, 40]);
    const strided = { ...plan, rankOrder: 'tp-cp-ep-pp-dp' as const };
    expect(
      createMemoryModel(two)
        .stages(strided, split)
        .map(({ capacity }) => Math.round(capacity / 0.94 / GIB)),
    ).toEqual([40, 40, 40, 40]);
  });

  it('figures follow the kind that a source reports, bounds lie above them', () => {
    const stage = memory.stage(plan, split, 0);
    expect(memoryFigure(stage, 'allocated')).toBe(stage.total);
    expect(memoryFigure(stage, 'reserved')).toBe(stage.reserved);
    expect(memoryFigure(stage, 'device')).toBe(stage.device);
    for (const kind of ['allocated', 'reserved', 'device'] as const)
      expect(memoryBoundFigure(stage, kind)).toBeGreaterThan(memoryFigure(stage, kind));
    expect(memoryBoundFigure(stage, 'allocated') / stage.total).toBeCloseTo(1.07, 10);
  });

  it('memory falls with tensor parallelism and sharding, grows with the micro-batch', () => {
    const total = (keys: Partial<Strategy>): number => stageOf(parts, { data: 4, ...keys }).total;
    expect(total({ tensor: 2 })).toBeLessThan(total({ tensor: 1 }));
    expect(total({ tensor: 4, sequenceParallel: true })).toBeLessThan(total({ tensor: 4 }));
    expect(total({ sharding: 'parameters' })).toBeLessThan(total({ sharding: 'optimizer' }));
    expect(total({ microBatchSize: 2 })).toBeGreaterThan(total({ microBatchSize: 1 }));
  });
});
