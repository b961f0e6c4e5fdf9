/** One layer made of few operators whose times are round numbers: what its passes sum, repeat and hide. */
import { describe, expect, it } from 'vitest';
import { createTopology } from '../../src/cluster/topology.ts';
import type { GroupSpan } from '../../src/cluster/topology.ts';
import type { LinkCalibration } from '../../src/cost/calibration.ts';
import { withHost } from '../../src/cost/host.ts';
import { layerCost } from '../../src/cost/layer.ts';
import type { LayerCost, LayerOptions } from '../../src/cost/layer.ts';
import { machineOf } from '../../src/cost/machine.ts';
import type { Machine } from '../../src/cost/machine.ts';
import type { LayerContext } from '../../src/cost/operator-time.ts';
import { addParts, noParts, scaleParts, total } from '../../src/cost/parts.ts';
import type { Module, Operator, Pointwise } from '../../src/model/operator.ts';
import type { RunConditions } from '../../src/plan/conditions.ts';
import { timeBehaviour } from '../../src/runtimes/time-behaviour.ts';
import type { Recompute, RecomputeModule } from '../../src/strategy/strategy.ts';
import { calibrationWith, clusterOf, problemOf, runtimeConstants } from './fixtures.ts';

const cluster = clusterOf(1);
const topology = createTopology(cluster);
const near = (size: number): GroupSpan => topology.groupSpan({ world: 8, size, stride: 1 });
const alone = { tensor: near(1), context: near(1), expert: near(1), expertTensor: near(1) };

/** 1e6 tokens at 1e12 B/s: a byte a token is a microsecond, `seconds` of them a second. */
const TOKENS = 1e6;
const machineWith = (link: Partial<LinkCalibration> = {}): Machine => {
  const [group] = cluster.groups;
  if (group === undefined) throw new Error('no group');
  return machineOf(group, calibrationWith({ link }));
};
const contextWith = (
  change: Partial<LayerContext> = {},
  conditions: RunConditions = {},
  runtime: Partial<LayerContext['runtime']> = {},
): LayerContext => ({
  machine: machineWith(),
  runtime: { ...runtimeConstants, ...runtime },
  behaviour: timeBehaviour(problemOf({}, { conditions }).training, 'ampere'),
  format: 'bf16',
  tokens: TOKENS,
  sequenceLength: 4096,
  context: 1,
  tensor: 1,
  sequenceParallel: false,
  expert: 1,
  expertTensor: 1,
  imbalance: 1,
  ...change,
});

/** Memory-bound work of so many seconds forward and three times as many backward. */
const work = (module: Module, seconds: number, name: string = module): Pointwise => ({
  kind: 'pointwise',
  name,
  module,
  width: 1,
  forwardBytes: seconds * 1e6,
  backwardBytes: 3 * seconds * 1e6,
  sharding: 'sequence',
  parameters: 10 * seconds,
});

/** A square linear of 5·10⁷ elements: 2 · 10⁶ · 5·10⁷ ∕ 10¹⁴ = 1 s each product. */
const linear = (module: Module, sharding: 'column' | 'row' | 'replicated' = 'replicated'): Operator => ({
  kind: 'linear',
  name: module,
  module,
  inputs: 5000,
  outputs: 10_000,
  parameters: 5e7,
  sharding,
  lowPrecision: true,
});
const experts: Operator = {
  kind: 'grouped-linear',
  name: 'expert_up',
  module: 'moe',
  experts: 8,
  topK: 2,
  inputs: 5000,
  outputs: 10_000,
  parameters: 4e8,
  sharding: 'column',
};

const costOf = (
  operators: readonly Operator[],
  change: Partial<LayerOptions> = {},
  context: LayerContext = contextWith(),
  spans = alone,
): LayerCost =>
  layerCost(context, spans, operators, {
    hidden: 1024,
    dispatcher: 'all-to-all',
    contextMethod: 'p2p',
    overlapTensor: false,
    overlapExpert: false,
    recompute: { kind: 'none' },
    ...change,
  });

/** Distinct powers of two: a sum says which operators are in it. */
const parts: readonly Operator[] = [
  work('input_norm', 1),
  work('attention', 2),
  work('core_attn', 4),
  work('mla_up_proj', 8),
  work('post_norm', 16),
  work('mlp', 32),
  work('router', 64),
  work('moe', 128),
  work('moe', 256, 'expert_activation'),
  work('shared_experts', 512),
  work('residual', 1024),
];
const ALL = 2047;

const repeated = (
  recompute: Recompute,
  operators: readonly Operator[] = parts,
  conditions: RunConditions = {},
): number =>
  costOf(operators, { recompute }, contextWith({}, conditions)).backwardTime -
  costOf(operators, {}, contextWith()).backwardTime;

describe('a recomputed activation function', () => {
  const conditions = { recomputeActivation: true };
  it('repeats its elementwise work, once', () => {
    const both = [...parts, work('mlp', 2048, 'mlp_activation')];
    const base = costOf(both).backwardTime;
    const of = (recompute: Recompute): number =>
      costOf(both, { recompute }, contextWith({}, conditions)).backwardTime - base;
    expect(of({ kind: 'none' })).toBeCloseTo(256 + 2048, 8);
    expect(of({ kind: 'selective', modules: ['layernorm'] })).toBeCloseTo(1 + 16 + 256 + 2048, 8);
    expect(of({ kind: 'selective', modules: ['mlp', 'moe_act'] })).toBeCloseTo(32 + 256 + 2048, 8);
    // Full recomputation repeats it already.
    expect(of({ kind: 'full' })).toBeCloseTo(ALL + 2048, 8);
  });
});

describe('passes of a layer', () => {
  it('sum the operators', () => {
    const cost = costOf(parts);
    expect(cost.forward.compute).toBeCloseTo(ALL, 8);
    expect(cost.backward.compute).toBeCloseTo(3 * ALL, 8);
    expect([cost.forwardTime, cost.backwardTime]).toEqual([total(cost.forward), total(cost.backward)]);
    expect(cost.weightGradient).toBe(0);
    expect([cost.denseParameters, cost.expertParameters]).toEqual([10 * ALL, 0]);
  });

  it('weight gradients are part of backward, and experts hold parameters of their own', () => {
    const cost = costOf([linear('mlp'), work('mlp', 1)]);
    expect(cost.forwardTime).toBeCloseTo(2, 8);
    expect(cost.backwardTime).toBeCloseTo(1 + 1 + 3, 8);
    expect(cost.weightGradient).toBeCloseTo(1, 8);
    const mixed = costOf([linear('attention'), experts], {}, contextWith({ expert: 4, expertTensor: 2 }));
    expect([mixed.denseParameters, mixed.expertParameters]).toEqual([5e7, 5e7]);
  });
});

describe('selective recomputation repeats', () => {
  it.each<[readonly RecomputeModule[], number]>([
    [['core_attn'], 4],
    [['mla_up_proj'], 8],
    [['layernorm'], 1 + 16],
    [['mlp'], 32],
    [['moe'], 64 + 128 + 256 + 512],
    [['moe_act'], 256],
    [['shared_experts'], 512],
    [['core_attn', 'mlp'], 36],
    // What two modules cover is repeated once.
    [['moe', 'moe_act', 'shared_experts'], 960],
    [[], 0],
  ])('%s', (modules, want) => {
    expect(repeated({ kind: 'selective', modules })).toBeCloseTo(want, 6);
  });
});

it('clamps of gpt-oss stand inside the activation that is recomputed', () => {
  const clamped = [...parts, work('moe', 4096, 'expert_clamp')];
  expect(repeated({ kind: 'selective', modules: ['moe_act'] }, clamped)).toBeCloseTo(256 + 4096, 6);
});

describe('other policies repeat', () => {
  it('everything in full recomputation, of a block or of a unit too', () => {
    expect(repeated({ kind: 'none' })).toBe(0);
    expect(repeated({ kind: 'full' })).toBeCloseTo(ALL, 6);
    expect(repeated({ kind: 'full-block', layers: 1 })).toBeCloseTo(ALL, 6);
    expect(repeated({ kind: 'full-uniform', layers: 2 })).toBeCloseTo(ALL, 6);
  });

  it('all but the last product where checkpointing stops early, experts among the products', () => {
    const early = { profile: 'torchtitan' } as const;
    const sandwich = [linear('attention'), work('mlp', 2), linear('mlp'), work('residual', 4)];
    expect(repeated({ kind: 'full' }, sandwich, early)).toBeCloseTo(1 + 2 + 4, 6);
    // Experts are last: the linear before them is repeated.
    const moe = [linear('attention'), work('mlp', 2), experts];
    expect(repeated({ kind: 'full' }, moe, early)).toBeCloseTo(1 + 2, 6);
    expect(repeated({ kind: 'full' }, sandwich)).toBeCloseTo(1 + 2 + 1 + 4, 6);
  });

  it('every second layer: half of all, whatever the strategy says', () => {
    const everyOther = { recomputeEveryOther: true };
    expect(repeated({ kind: 'none' }, parts, everyOther)).toBeCloseTo(ALL / 2, 6);
    expect(repeated({ kind: 'selective', modules: ['mlp'] }, parts, everyOther)).toBeCloseTo(ALL / 2, 6);
  });

  it('by operator: all memory-bound work and every second product', () => {
    const sandwich = [linear('attention'), work('mlp', 2), experts, work('residual', 4)];
    // Two rows a token for 8 experts: 2 s of products; the weights of 8 experts take 0.8 ms beside them.
    const grouped = Math.hypot(2, (2 * 8 * 5e7) / 1e12);
    expect(repeated({ kind: 'none' }, sandwich, { recomputeOperators: true })).toBeCloseTo(
      2 + 4 + (1 + grouped) / 2,
      6,
    );
  });

  it('communication in full recomputation, that of experts with the module moe', () => {
    const spans = { ...alone, tensor: near(2), expert: near(4) };
    const layer = [linear('attention', 'column'), experts];
    const context = contextWith({ tensor: 2, expert: 4, sequenceParallel: true });
    const of = (recompute: Recompute, chosen = context): LayerCost =>
      costOf(layer, { recompute, hidden: 5000 }, chosen, spans);
    const none = of({ kind: 'none' });
    // A gather over two ranks moves half of 10¹⁰ bytes, and one sublayer has two of four passes forward, three of six back.
    expect(none.forward.tensor).toBeCloseTo((2 * 0.5 * 1e10) / 100e9, 9);
    expect(none.backward.tensor).toBeCloseTo((3 * 0.5 * 1e10) / 100e9, 9);
    // Dispatch and combine of two copies of half the tokens: 3∕4 of 10¹⁰ bytes.
    expect(none.forward.expert).toBeCloseTo((2 * 0.75 * 1e10) / 100e9, 9);
    const full = of({ kind: 'full' });
    expect(full.backward.tensor).toBeCloseTo(none.backward.tensor + none.forward.tensor, 9);
    expect(full.backward.expert).toBeCloseTo(2 * none.backward.expert, 9);
    expect(full.forward).toEqual(none.forward);
    const moe = of({ kind: 'selective', modules: ['moe'] });
    expect(moe.backward.tensor).toBe(none.backward.tensor);
    expect(moe.backward.expert).toBeCloseTo(2 * none.backward.expert, 9);
    const mlp = of({ kind: 'selective', modules: ['mlp'] });
    expect(mlp.backward.expert).toBe(none.backward.expert);
    const half = of(
      { kind: 'none' },
      contextWith({ tensor: 2, expert: 4, sequenceParallel: true }, { recomputeEveryOther: true }),
    );
    expect(half.backward.tensor).toBeCloseTo(none.backward.tensor + none.forward.tensor / 2, 9);
    expect(half.backward.expert).toBeCloseTo(1.5 * none.backward.expert, 9);
  });

  it('the ring of context parallelism', () => {
    const core: Operator = {
      kind: 'core-attention',
      name: 'core_attention',
      module: 'core_attn',
      heads: 1,
      kvHeads: 1,
      queryKeyDim: 64,
      valueDim: 64,
      span: { kind: 'full' },
      topK: null,
      sinks: false,
      parameters: 0,
    };
    const context = contextWith({ context: 2 });
    const spans = { ...alone, context: near(2) };
    const of = (recompute: Recompute, operators: readonly Operator[] = [core]): LayerCost =>
      costOf(operators, { recompute, contextMethod: 'all-gather' }, context, spans);
    // Half of keys and values of 2·10⁶ tokens, 128 elements of 2 bytes.
    const gather = (2 * 1e6 * 128) / 100e9;
    expect(of({ kind: 'none' }).forward.context).toBeCloseTo(gather, 9);
    expect(of({ kind: 'none' }).backward.context).toBeCloseTo(2 * gather, 9);
    expect(of({ kind: 'full' }).backward.context).toBeCloseTo(3 * gather, 9);
    // An indexer scores alone: it has no values to exchange, and takes nothing from the attention beside it.
    const indexer: Operator = { ...core, name: 'indexer', valueDim: 0 };
    expect(of({ kind: 'none' }, [indexer]).forward.context).toBe(0);
    expect(of({ kind: 'none' }, [core, indexer]).forward.context).toBeCloseTo(gather, 9);
  });
});

describe('what hides', () => {
  it('passes beside the products of their sublayer that do not need them', () => {
    const spans = { ...alone, tensor: near(2) };
    const runtime = { accumulationBytes: 8 };
    const context = contextWith({ tensor: 2, sequenceParallel: true }, { profile: 'nanotron' }, runtime);
    // Hidden 10⁶: a pass takes 10 s. A linear cut in two: 0.5 s each product, what is added to the gradient hides nothing.
    const tensor = (layer: readonly Operator[]): readonly number[] => {
      const { forward, backward } = costOf(layer, { hidden: 1e6 }, context, spans);
      return [forward.tensor, backward.tensor];
    };
    const near6 = (...values: readonly number[]): readonly number[] =>
      values.map((value) => expect.closeTo(value, 6) as number);
    const column = linear('attention', 'column');
    const row = linear('attention', 'row');
    // Forward: of the product the half on the rank's own tokens. Backward: input and weight gradient; of rows a half again.
    expect(tensor([column])).toEqual(near6(20 - 0.25, 30 - 0.5 - 0.5));
    expect(tensor([row])).toEqual(near6(20, 30 - 0.25));
    expect(tensor([column, row, column])).toEqual(near6(20 - 0.5, 30 - 0.25 - 1 - 1));
    expect(tensor([column, linear('mlp', 'row')])).toEqual(near6(40 - 0.25, 60 - 1 - 0.25));
  });

  it('of expert exchange and compute the longer counts, and a share x of the shorter', () => {
    const spans = { ...alone, expert: near(4) };
    const slow = (forward: number, exchange: number): LayerCost =>
      costOf(
        [experts, work('mlp', forward)],
        { overlapExpert: true },
        contextWith(
          { expert: 4, machine: machineWith({ allToAll: 1 / exchange }) },
          {},
          { expertOverlap: 0.2 },
        ),
        spans,
      );
    // Forward: products of 2 s (weights beside them: 0.2 ms), 10 s of other work, two copies of 2·10⁶ rows of 5000 elements,
    // 4 bytes each; 0.3 s of exchange a unit.
    const compute = Math.hypot(2, (2 * 2 * 5e7) / 1e12) + 10 + (8 * 2e6 * 5000) / 1e12;
    const short = slow(10, 1);
    expect(short.forward.expert).toBeCloseTo(0.2 * 0.3, 6);
    expect(short.backward.expert).toBeCloseTo(0.2 * 0.3, 6);
    const long = slow(10, 100);
    expect(long.forward.expert).toBeCloseTo(30 + 0.2 * compute - compute, 6);
    // Backward: two products each, and three times the other work: longer than the exchange.
    expect(long.backward.expert).toBeCloseTo(0.2 * 30, 6);
    const dense = costOf([work('mlp', 10)], { overlapExpert: true });
    expect(dense.forward.expert).toBe(0);
  });
});

describe('launches', () => {
  const host = (operators: readonly Operator[], change: Partial<LayerOptions> = {}): number => {
    const context = contextWith({ tokens: 1 }, {}, { hostDense: 3, hostMoe: 7 });
    const { forwardTime, backwardTime } = costOf(operators, change, context);
    return forwardTime + backwardTime;
  };

  it('of so many dense layers, or of a MoE layer', () => {
    expect(host([work('mlp', 1)])).toBeCloseTo(3, 6);
    expect(host([work('mlp', 1)], { hostLayers: 2 })).toBeCloseTo(6, 6);
    expect(host([work('mlp', 1)], { hostLayers: 0 })).toBeCloseTo(4e-6, 12);
    expect(host([work('mlp', 1), experts])).toBeCloseTo(7, 3);
  });

  it('a third more where all of forward is repeated, by operators where some is', () => {
    const layer = [work('mlp', 6), work('core_attn', 4), work('mlp', 1), work('input_norm', 1)];
    expect(host(layer)).toBeCloseTo(3, 3);
    expect(host(layer, { recompute: { kind: 'full' } })).toBeCloseTo(4, 3);
    // Two operators of four; one of four, whatever its seconds.
    expect(host(layer, { recompute: { kind: 'selective', modules: ['mlp'] } })).toBeCloseTo(3.5, 3);
    expect(host(layer, { recompute: { kind: 'selective', modules: ['core_attn'] } })).toBeCloseTo(3.25, 3);
  });

  it('(G^p + H^p)^(1∕p) of each pass: a third of the launches in forward, the rest in backward', () => {
    const forward = { ...noParts, compute: 3, tensor: 1 };
    const backward = { ...noParts, compute: 7, overhead: 1 };
    // Euclidean norm: 4 and 9∕3 make 5; 8 and 6 make 10.
    const both = withHost(2, 9, 0, forward, backward);
    expect(both.forward).toEqual({ ...forward, overhead: expect.closeTo(1, 12) as number });
    expect(both.backward).toEqual({ ...backward, overhead: expect.closeTo(3, 12) as number });
  });

  it('forward makes as many whatever backward repeats', () => {
    const forward = { ...noParts, compute: 4 };
    // 12 launches of which a quarter is repeated: 3 in forward as before, 9 in backward; 12 and 9 make 15.
    const both = withHost(2, 12, 1, forward, { ...noParts, compute: 12 });
    expect([total(both.forward), total(both.backward)]).toEqual([
      expect.closeTo(5, 12) as number,
      expect.closeTo(15, 12) as number,
    ]);
  });

  it('leave alone what has no launches or no work', () => {
    const forward = { ...noParts, compute: 3 };
    expect(withHost(6, 0, 0, forward, noParts)).toEqual({ forward, backward: noParts });
    expect(withHost(6, 5, 0, noParts, noParts)).toEqual({ forward: noParts, backward: noParts });
  });
});

describe('parts', () => {
  const one = { compute: 1, tensor: 2, context: 4, expert: 8, data: 16, overhead: 32 };

  it('total, scale and add each cause', () => {
    expect(total(one)).toBe(63);
    expect(scaleParts(one, 3)).toEqual({
      compute: 3,
      tensor: 6,
      context: 12,
      expert: 24,
      data: 48,
      overhead: 96,
    });
    const two = { compute: 10, tensor: 20, context: 40, expert: 80, data: 160, overhead: 320 };
    expect(addParts(one, two)).toEqual(scaleParts(one, 11));
    expect(addParts(two, one, 5)).toEqual(scaleParts(one, 15));
  });
});
