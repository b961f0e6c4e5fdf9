import { describe, expect, it } from 'vitest';
import { createMemoryModel, memoryFigure } from '../../src/cost/memory.ts';
import type { MemoryKind } from '../../src/cost/memory.ts';
import type { Partition, Strategy, VocabularyPlacement } from '../../src/strategy/strategy.ts';
import { GIB } from '../../src/units.ts';
import { attention, evenly, llama8b, model, problem, strategy } from './memory-fixtures.ts';

const gpt = (
  hidden: number,
  layers: number,
  heads: number,
  vocabulary: number,
  positions: number,
  tied: boolean,
): ReturnType<typeof model> =>
  model({
    hidden,
    layers,
    vocabulary,
    positions,
    tied,
    layerNorm: true,
    mixer: attention(heads, heads, hidden / heads, true),
    feedForward: { kind: 'dense', width: 4 * hidden, gated: false, bias: true },
  });

const peak = (
  of: Parameters<typeof problem>[0],
  plan: Strategy,
  kind: MemoryKind,
  stage: 'first' | 'largest',
  partition?: Partition,
): number => {
  const stages = createMemoryModel(problem(of)).stages(
    plan,
    partition ?? evenly(of.model.layers.length, plan),
  );
  const chosen = stage === 'first' ? stages.slice(0, 1) : stages;
  return Math.max(...chosen.map((each) => memoryFigure(each, kind))) / GIB;
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

describe('published peaks', () => {
  // Balancing Pipeline Parallelism with Vocabulary Parallelism (MLSys 2025) table 5 and its artifact: 8 A100, 32 layers of
  // 3072, sequence 2048, micro-batch 1 of 128; largest over ranks, GiB.
  it.each([
    ['last', 32_000, 14.86],
    ['last', 64_000, 16.32],
    ['last', 128_000, 19.25],
  ] as readonly (readonly [VocabularyPlacement, number, number])[])(
    '1F1B, vocabulary %s of %i rows',
    (vocabulary, rows, printed) => {
      const parts = {
        model: gpt(3072, 32, 24, rows, 2048, false),
        sequence: 2048,
        batch: 128,
        training: fp16,
        architecture: 'ampere' as const,
        conditions: { profile: 'megatron-classic' as const },
      };
      const plan = strategy({ pipeline: 8, sharding: 'none', vocabulary });
      expect(Math.abs(peak(parts, plan, 'allocated', 'largest') / printed - 1)).toBeLessThan(0.05);
    },
  );

  // huggingface/nanotron benchmark sweep, Llama 8B with 131,072 rows, 16 H100, tensor 8, micro-batch 1 of 4096: rank 0.
  it.each([
    ['none', 26.4],
    ['optimizer', 19.2],
  ] as const)('nanotron, ZeRO %s', (sharding, printed) => {
    const wide = {
      ...llama8b,
      vocabularySize: 131_072,
      kinds: llama8b.kinds.map((kind) => ({ ...kind, mixer: attention(32, 32, 128) })),
    };
    const parts = { model: wide, sequence: 4096, batch: 256, conditions: { profile: 'nanotron' as const } };
    expect(
      Math.abs(
        peak(parts, strategy({ tensor: 8, data: 2, sequenceParallel: true, sharding }), 'reserved', 'first') /
          printed -
          1,
      ),
    ).toBeLessThan(0.12);
  });

  // pytorch/torchtitan benchmarks of December 2024: Llama-3 8B, 128 H100, FSDP, operator recomputation, 2 × 8192 tokens: 67.0 GiB eager.
  it('torchtitan with operator recomputation', () => {
    const parts = {
      model: llama8b,
      sequence: 8192,
      batch: 256,
      conditions: { profile: 'torchtitan' as const, recomputeOperators: true },
    };
    expect(
      Math.abs(
        peak(
          parts,
          strategy({ data: 128, microBatchSize: 2, sharding: 'parameters' }),
          'reserved',
          'largest',
        ) /
          67 -
          1,
      ),
    ).toBeLessThan(0.05);
    // Its selective recomputation is by operator, too.
    const plain = { profile: 'torchtitan' as const };
    const selective = strategy({
      data: 128,
      microBatchSize: 2,
      sharding: 'parameters',
      recompute: { kind: 'selective', modules: ['core_attn'] },
    });
    expect(peak({ ...parts, conditions: plain }, selective, 'reserved', 'largest')).toBeCloseTo(
      peak(parts, strategy({ data: 128, microBatchSize: 2, sharding: 'parameters' }), 'reserved', 'largest'),
      6,
    );
  });

  // BigScience BLOOM chronicles (28 February 2022): 70 layers of 14336, 384 A100, dp 8 tp 4 pp 12, micro-batch 2, BF16_Optimizer: 59 GB of the device.
  it("BLOOM's own layout", () => {
    const parts = {
      model: gpt(14_336, 70, 64, 250_880, 2048, true),
      sequence: 2048,
      batch: 2048,
      architecture: 'ampere' as const,
      conditions: { profile: 'megatron-deepspeed' as const, attention: 'fused-softmax' as const },
    };
    const plan = strategy({
      tensor: 4,
      pipeline: 12,
      data: 8,
      microBatchSize: 2,
      recompute: { kind: 'full' },
    });
    const partition = Array.from({ length: 12 }, (_, stage) => [stage === 0 || stage === 11 ? 5 : 6]);
    expect(Math.abs(peak(parts, plan, 'device', 'largest', partition) / 59 - 1)).toBeLessThan(0.12);
  });

  // NVIDIA Megatron-Bridge CPU-offloading card: Qwen3-30B-A3B, 16 H100, tp 2 pp 2 ep 4: 47.2 GB, 32.0 with the optimizer on the host.
  it.each([
    [0, 47.2],
    [0.5, 39.6],
    [1, 32],
  ] as const)('optimizer offload of %d', (share, printed) => {
    const qwen = model({
      hidden: 2048,
      layers: 48,
      vocabulary: 151_936,
      mixer: { ...attention(32, 4, 128), kind: 'attention', qkNorm: 'head' } as ReturnType<typeof attention>,
      feedForward: {
        kind: 'moe',
        experts: 128,
        topK: 8,
        expertWidth: 768,
        gated: true,
        bias: false,
        sharedWidth: 0,
        sharedGate: false,
        routerBias: false,
        latent: null,
        zeroComputationExperts: 0,
        groups: null,
        parallelDenseWidth: 0,
      },
    });
    const training = {
      optimizer: {
        name: 'adam' as const,
        states: 'fp32' as const,
        gradients: 'bf16' as const,
        mainParameters: 'fp32' as const,
      },
    };
    const parts = {
      model: qwen,
      sequence: 4096,
      batch: 8,
      training,
      conditions: { lossFusion: 'te' as const, optimizerOffload: share },
    };
    const plan = strategy({ tensor: 2, pipeline: 2, data: 4, expert: 4, sequenceParallel: true });
    expect(Math.abs(peak(parts, plan, 'allocated', 'first') / printed - 1)).toBeLessThan(0.05);
  });

  // Hagemann et al. (COLM 2024): 13B, sequence 2048, tensor 2, pipeline 2, no recomputation, 64 A100: micro-batch 4 ran
  // out of memory, with the gathered logits of 128,000 rows on every rank.
  it('the loss on gathered logits decides what fits', () => {
    const thirteen = model({
      hidden: 5120,
      layers: 40,
      vocabulary: 128_000,
      mixer: attention(40, 40, 128),
      feedForward: { kind: 'dense', width: 13_824, gated: true, bias: false },
    });
    const at = (microBatchSize: number): number => {
      const parts = {
        model: thirteen,
        sequence: 2048,
        batch: 2048,
        architecture: 'ampere' as const,
        conditions: { profile: 'scaling' as const, fusedNorm: false, attention: 'flash2' as const },
      };
      return createMemoryModel(problem(parts)).excess(
        strategy({ tensor: 2, pipeline: 2, data: 16, microBatchSize }),
        [[20], [20]],
      );
    };
    expect(at(4)).toBeGreaterThan(0);
    expect(at(1)).toBeLessThan(0);
  });
});
