/** What a layer keeps and what its backward pass holds, term by term. */
import { describe, expect, it } from 'vitest';
import { layerActivations } from '../../src/cost/memory-activations.ts';
import type { ActivationShape } from '../../src/cost/memory-shape.ts';
import { backwardTemporaries } from '../../src/cost/memory-temporaries.ts';
import type {
  Attention,
  FeedForward,
  LatentAttention,
  LayerKind,
  MoeFeedForward,
} from '../../src/model/model.ts';
import type { MemoryBehaviour } from '../../src/runtimes/memory-behaviour.ts';
import {
  attention,
  behaviourWith,
  dense,
  gated,
  HIDDEN,
  layer,
  moe,
  none,
  nothing,
  shapeWith,
} from './memory-term-fixtures.ts';

const activations = (
  kind: LayerKind,
  shape: Partial<ActivationShape> = {},
  behaviour: Partial<MemoryBehaviour> = {},
) => layerActivations(HIDDEN, kind, shapeWith(shape), behaviourWith(behaviour));
const live = (...given: Parameters<typeof activations>): number => activations(...given).live;

// Two halves: 2.5 h in and 2.5 h out of each norm, 1.5 h of residual each.
const NORMS = 2 * 1000 * (2.5 + 2.5 + 1.5);
// q, k, v at 5 bytes, the output at 5, log-sum-exp of 2 heads in fp32.
const ATTENTION = 5 * (128 + 128) + 5 * 128 + 8;

describe('what a layer keeps', () => {
  it('attention and an ungated block', () => {
    expect(live(layer(attention, dense))).toBeCloseTo(NORMS + ATTENTION + (3 * 3000) / 4, 9);
    const cost = activations(layer(attention, dense));
    expect(cost.kept).toBe(cost.live);
    expect(cost.input).toBe(2000);
  });

  it('a gated block', () => {
    expect(live(layer(attention, gated)) - live(layer(attention, dense))).toBeCloseTo((4 * 3000) / 4, 9);
  });

  it('sequence parallelism cuts norms and input', () => {
    const cost = activations(layer(attention, dense), { sequenceParallel: true });
    expect(cost.live).toBeCloseTo(NORMS / 4 + ATTENTION + (3 * 3000) / 4, 9);
    expect(cost.input).toBe(500);
  });

  it('half a layer has one norm; norms beyond one a half keep their input', () => {
    expect(live(layer(none, dense, 1))).toBeCloseTo(NORMS / 2 + (3 * 3000) / 4, 9);
    expect(live(layer(attention, nothing, 1))).toBeCloseTo(NORMS / 2 + ATTENTION, 9);
    expect(live(layer(attention, dense, 4)) - live(layer(attention, dense))).toBeCloseTo(2 * 2000, 9);
    expect(live(layer(attention, dense, 4), { sequenceParallel: true })).toBeCloseTo(
      (NORMS + 4000) / 4 + ATTENTION + (3 * 3000) / 4,
      9,
    );
    expect(live(layer(attention, dense, 1))).toBe(live(layer(attention, dense)));
  });

  it('norms, gates and shared keys of attention', () => {
    const plain = live(layer(attention, dense));
    const of = (change: Partial<Attention>): number =>
      live(layer({ ...attention, ...change }, dense)) - plain;
    // Values before the norm of q and of k.
    expect(of({ qkNorm: 'head' })).toBeCloseTo(2 * (128 + 64), 9);
    // The gate and the gated product.
    expect(of({ outputGate: true })).toBeCloseTo(4 * 128, 9);
    // Keys are the values.
    expect(of({ sharedKeyValue: true })).toBeCloseTo(-5 * 64, 9);
    expect(of({ sharedKeyValue: true, qkNorm: 'head' })).toBeCloseTo(-5 * 64 + 2 * (128 + 64), 9);
    // Key-value heads that divide are cut, fewer than ranks are copied.
    expect(of({ kvHeads: 8 })).toBeCloseTo(5 * (256 - 128), 9);
    expect(of({ kvHeads: 1 })).toBeCloseTo(0, 9);
  });

  it('scores of unfused attention, over tensor and context ranks', () => {
    const fused = live(layer(attention, dense));
    expect(live(layer(attention, dense), { unfused: true }) - fused).toBeCloseTo((5 * 8 * 1000) / 4 - 8, 9);
    expect(live(layer(attention, dense), { unfused: true, context: 2 }) - fused).toBeCloseTo(
      (5 * 8 * 1000) / 8 - 8,
      9,
    );
  });

  it('8 bits: a byte less of each norm’s output and of the block’s width, one for the attention’s output', () => {
    expect(live(layer(attention, dense)) - live(layer(attention, dense), { fp8: true })).toBeCloseTo(
      2 * 1000 + 3000 / 4 + 4 * 128,
      9,
    );
  });

  const latent: LatentAttention = {
    kind: 'latent-attention',
    heads: 8,
    queryRank: 300,
    kvRank: 100,
    nopeHeadDim: 40,
    ropeHeadDim: 20,
    valueHeadDim: 50,
    indexer: null,
  };
  it('latent attention: latents whole, heads cut', () => {
    const half = NORMS / 2;
    // q rank and its norm's output, kv latent and rope, the norm's output; q and k, v; the output.
    const latents = 4 * 300 + 2 * 120 + 2 * 100;
    const heads = (4 * 8 * 60 + 2 * 8 * 50 + 2 * 8 * 50) / 4 + 8;
    expect(live(layer(latent, nothing, 1))).toBeCloseTo(half + latents + heads, 9);
    expect(live(layer(latent, nothing, 1), { sequenceParallel: true })).toBeCloseTo(
      half / 4 + latents / 4 + heads,
      9,
    );
    expect(live(layer({ ...latent, queryRank: null }, nothing, 1))).toBeCloseTo(
      half + latents - 1200 + heads,
      9,
    );
    expect(live(layer(latent, nothing, 1), { fp8: true })).toBeCloseTo(
      half + latents + heads - 1000 - (8 * 50) / 4,
      9,
    );
  });

  it('an indexer: its queries and key, weights, and the chosen positions', () => {
    const indexed = (topK: number): number =>
      live(layer({ ...latent, indexer: { heads: 4, headDim: 32, topK } }, nothing, 1)) -
      live(layer(latent, nothing, 1));
    expect(indexed(200)).toBeCloseTo(2 * 5 * 32 + 4 * 4 + 4 * 200, 9);
    // No more than the sequence has.
    expect(indexed(5000)).toBeCloseTo(2 * 5 * 32 + 4 * 4 + 4 * 1000, 9);
  });
});

describe('what experts keep', () => {
  const own = (
    change: Partial<MoeFeedForward> = {},
    ...rest: [Partial<ActivationShape>?, Partial<MemoryBehaviour>?]
  ) => live(layer(none, { ...moe, ...change }, 1), ...rest);
  const half = NORMS / 2;
  // 4 copies of 2h and 7 bytes a width; the router's probabilities; the shared expert over tensor ranks.
  const COPIES = 4 * (2 * 1000 + 7 * 500);
  const ROUTER = 8 * 12;
  const SHARED = (7 * 400) / 4;

  it('copies, router and shared experts', () => {
    expect(own()).toBeCloseTo(half + COPIES + ROUTER + SHARED, 9);
    expect(own({ gated: false })).toBeCloseTo(half + 4 * (2000 + 3 * 500) + ROUTER + (3 * 400) / 4, 9);
    expect(own({}, { capacity: 1.5 })).toBeCloseTo(half + 1.5 * COPIES + ROUTER + SHARED, 9);
    expect(own({}, { sequenceParallel: true })).toBeCloseTo((half + COPIES + ROUTER) / 4 + SHARED, 9);
  });

  it('copies that no expert computes are not made', () => {
    // 4 of 16 choices fall on experts without weights.
    expect(own({ zeroComputationExperts: 4 })).toBeCloseTo(half + 0.75 * COPIES + 8 * 16 + SHARED, 9);
  });

  it('expert tensor parallelism gathers inputs', () => {
    expect(own({}, { expertTensor: 2 }) - own()).toBeCloseTo(4 * 2 * 1000, 9);
  });

  it('without the fused permutation a second input and the weighted product', () => {
    expect(own({}, {}, { keepsExpertOutput: true }) - own()).toBeCloseTo(4 * 2 * (1000 + 500), 9);
    expect(
      own({}, { expertTensor: 2 }, { keepsExpertOutput: true }) - own({}, { expertTensor: 2 }),
    ).toBeCloseTo(4 * 2 * (2000 + 500), 9);
  });

  it('the all-gather dispatcher holds the tokens of its group', () => {
    expect(own({}, { dispatcher: 'all-gather', expert: 6 }) - own({}, { expert: 6 })).toBeCloseTo(
      2 * 1000 * 6,
      9,
    );
    const split = { sequenceParallel: true, expert: 6 } as const;
    expect(own({}, { ...split, dispatcher: 'all-gather' }) - own({}, split)).toBeCloseTo((2 * 6000) / 4, 9);
  });

  it('experts in a latent space', () => {
    expect(own({ latent: 200 })).toBeCloseTo(half + 4 * (2 * 200 + 7 * 500) + ROUTER + 4 * 200 + SHARED, 9);
    expect(own({ latent: 200 }, { sequenceParallel: true })).toBeCloseTo(
      (half + 4 * (2 * 200 + 7 * 500) + ROUTER + 4 * 200) / 4 + SHARED,
      9,
    );
  });

  it('a dense block beside them', () => {
    expect(own({ parallelDenseWidth: 600 }) - own()).toBeCloseTo((7 * 600) / 4, 9);
    expect(own({ parallelDenseWidth: 600, gated: false }) - own({ gated: false })).toBeCloseTo(
      (3 * 600) / 4,
      9,
    );
  });

  it('modules free the width’s product, or all of it', () => {
    const freed = (
      modules: ('moe' | 'moe_act' | 'shared_experts' | 'mlp')[],
      of: FeedForward = moe,
    ): number => {
      const { kept, live: all } = activations(layer(none, of, 1), {
        recompute: { kind: 'selective', modules },
      });
      return all - kept;
    };
    expect(freed(['moe_act'])).toBeCloseTo(4 * 2 * 500, 9);
    expect(freed(['shared_experts'])).toBeCloseTo(SHARED, 9);
    expect(freed(['moe'])).toBeCloseTo(COPIES + SHARED, 9);
    expect(freed(['moe', 'moe_act', 'shared_experts'])).toBeCloseTo(COPIES + SHARED, 9);
    expect(freed(['mlp'], { ...moe, parallelDenseWidth: 600 })).toBeCloseTo((7 * 600) / 4, 9);
  });
});

describe('recomputation', () => {
  it('holds again the largest of its modules while backward runs', () => {
    const kind = layer(attention, dense);
    const { working } = activations(kind);
    const again = (modules: ('mlp' | 'layernorm' | 'core_attn')[]): number =>
      activations(kind, { recompute: { kind: 'selective', modules } }).working - working;
    expect(again(['mlp'])).toBeCloseTo(2250, 9);
    expect(again(['layernorm'])).toBeCloseTo(5000, 9);
    expect(again(['mlp', 'layernorm', 'core_attn'])).toBeCloseTo(5000, 9);
    expect(activations(kind, { recompute: { kind: 'full' } })).toEqual(activations(kind));
  });

  it('by saved names keeps one input and q, k, v, and computes the rest again', () => {
    const kind = layer(attention, dense);
    const saved = activations(
      kind,
      { recompute: { kind: 'selective', modules: ['core_attn'] } },
      { selective: 'projections' },
    );
    expect(saved.kept).toBeCloseTo(2500 + (5 * (8 + 4) * 64) / 4, 9);
    expect(saved.working).toBeCloseTo(activations(kind).working + saved.live, 9);
    const half = activations(
      layer(none, dense, 1),
      { recompute: { kind: 'selective', modules: ['mlp'] } },
      { selective: 'projections' },
    );
    expect(half.kept).toBeCloseTo(2500, 9);
  });
});

describe('what the backward pass of a layer holds', () => {
  const held = (kind: LayerKind, shape: Partial<ActivationShape> = {}): number =>
    backwardTemporaries(HIDDEN, kind, shapeWith(shape));
  const HIDDEN_GRADIENTS = 4 * 1000;

  it('gradients of the widest block and of the hidden state', () => {
    expect(held(layer(attention, dense))).toBeCloseTo((2 * 3000) / 4 + HIDDEN_GRADIENTS, 9);
    expect(held(layer(attention, gated))).toBeCloseTo((4 * 3000) / 4 + HIDDEN_GRADIENTS, 9);
    expect(held(layer(attention, dense), { sequenceParallel: true })).toBeCloseTo(1500 + 1000, 9);
    expect(held(layer(none, nothing, 1))).toBe(HIDDEN_GRADIENTS);
  });

  it('of attention: q twice and the output, k and v', () => {
    // 128 elements of q; k and v are copied to a head a rank: 2 · 4 · 64 ∕ 4.
    expect(held(layer(attention, nothing, 1))).toBeCloseTo(4 * 128 + 2 * 128 + HIDDEN_GRADIENTS, 9);
    const wide: Attention = { ...attention, kvHeads: 8 };
    expect(held(layer(wide, nothing, 1))).toBeCloseTo(4 * 128 + 2 * 256 + HIDDEN_GRADIENTS, 9);
    const latent: LatentAttention = {
      kind: 'latent-attention',
      heads: 8,
      queryRank: null,
      kvRank: 100,
      nopeHeadDim: 40,
      ropeHeadDim: 20,
      valueHeadDim: 50,
      indexer: null,
    };
    // q and k of 8 · 60 over 4 ranks, v of 8 · 50.
    expect(held(layer(latent, nothing, 1))).toBeCloseTo(4 * 120 + 2 * (120 + 100) + HIDDEN_GRADIENTS, 9);
  });

  it('scores in fp32 where they are written out', () => {
    expect(held(layer(attention, nothing, 1), { unfused: true })).toBeCloseTo(
      768 + (4 * 8 * 1000) / 4 + HIDDEN_GRADIENTS,
      9,
    );
    expect(held(layer(attention, nothing, 1), { unfused: true, context: 2 })).toBeCloseTo(
      768 + (4 * 8 * 1000) / 8 + 8 * 128 + HIDDEN_GRADIENTS,
      9,
    );
  });

  it.each([
    // Next chunk of k, v and of their gradients, sent and received.
    ['p2p', 8 * 128],
    // k, v and gradients of the three other ranks.
    ['all-gather', 4 * 128 * 3],
    ['a2a', 2 * (2 * 128 + 128)],
    ['a2a+p2p', 2 * (2 * 128 + 5 * 128)],
  ] as const)('buffers of context parallelism by %s', (contextCommunication, want) => {
    const of = held(layer(attention, nothing, 1), { context: 4, contextCommunication });
    expect(of).toBeCloseTo(768 + want + HIDDEN_GRADIENTS, 9);
    expect(held(layer(attention, nothing, 1), { contextCommunication })).toBeCloseTo(
      768 + HIDDEN_GRADIENTS,
      9,
    );
  });

  it('of experts: widths and the copies’ hidden states', () => {
    const each = 4 * 500 + 4 * 1000;
    expect(held(layer(none, moe, 1))).toBeCloseTo(4 * each + HIDDEN_GRADIENTS, 9);
    expect(held(layer(none, { ...moe, gated: false }, 1))).toBeCloseTo(4 * 5000 + HIDDEN_GRADIENTS, 9);
    expect(held(layer(none, moe, 1), { capacity: 1.5, expertTensor: 2 })).toBeCloseTo(
      6 * (2000 + 8000) + HIDDEN_GRADIENTS,
      9,
    );
    expect(held(layer(none, { ...moe, latent: 200 }, 1), { sequenceParallel: true })).toBeCloseTo(
      (4 * (2000 + 800)) / 4 + HIDDEN_GRADIENTS / 4,
      9,
    );
  });
});
