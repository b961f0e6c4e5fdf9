/** Exchanges inside one layer, by hand: bytes of each, links of each, and what hides behind what. */
import { describe, expect, it } from 'vitest';
import { createTopology } from '../../src/cluster/topology.ts';
import type { AcceleratorArchitecture } from '../../src/cluster/cluster.ts';
import type { GroupSpan } from '../../src/cluster/topology.ts';
import {
  contextCommunication,
  distinctShare,
  exchangeShare,
  expertCommunication,
  onPorts,
  reachable,
  sortingTime,
  tensorCommunication,
  tensorSublayers,
} from '../../src/cost/layer-communication.ts';
import type { GroupSpans, PassPair, TensorProducts } from '../../src/cost/layer-communication.ts';
import { machineOf } from '../../src/cost/machine.ts';
import type { LayerContext } from '../../src/cost/operator-time.ts';
import type { CoreAttention, GroupedLinear, Linear, Operator } from '../../src/model/operator.ts';
import type { RunConditions } from '../../src/plan/conditions.ts';
import { timeBehaviour } from '../../src/runtimes/time-behaviour.ts';
import { calibrationWith, clusterOf, problemOf, runtimeConstants } from './fixtures.ts';

const cluster = clusterOf(4);
const topology = createTopology(cluster);
/** Groups of neighbours in a node: 100 GB/s. */
const near = (size: number): GroupSpan => topology.groupSpan({ world: 32, size, stride: 1 });
const BANDWIDTH = 100e9;
const TOKENS = 1000;

const contextWith = (change: Partial<LayerContext> = {}, conditions: RunConditions = {}): LayerContext => {
  const [group] = cluster.groups;
  if (group === undefined) throw new Error('no group');
  return {
    machine: machineOf(group, calibrationWith()),
    runtime: {
      ...runtimeConstants,
      tensorExposed: 0.8,
      tensorOverlapExposed: 0.25,
    },
    behaviour: timeBehaviour(problemOf({}, { conditions }).training, 'ampere'),
    format: 'bf16',
    tokens: TOKENS,
    sequenceLength: TOKENS,
    context: 1,
    tensor: 4,
    sequenceParallel: false,
    expert: 1,
    expertTensor: 1,
    imbalance: 1,
    ...change,
  };
};
const spansWith = (change: Partial<GroupSpans> = {}): GroupSpans => ({
  tensor: near(4),
  context: near(1),
  expert: near(1),
  expertTensor: near(1),
  ...change,
});

const expectPair = (pair: PassPair, forward: number, backward: number): void => {
  if (forward === 0) expect(pair.forward).toBe(0);
  else expect(pair.forward / forward).toBeCloseTo(1, 10);
  if (backward === 0) expect(pair.backward).toBe(0);
  else expect(pair.backward / backward).toBeCloseTo(1, 10);
};

describe('tensor parallelism', () => {
  const HIDDEN = 2048;
  /** A gather or half an all-reduce over 4 ranks: 3∕4 of 2 bytes an element. */
  const PASS = (0.75 * 2 * TOKENS * HIDDEN) / BANDWIDTH;
  const of = (
    change: Partial<LayerContext>,
    conditions: RunConditions = {},
    {
      sublayers = 2,
      overlapped = false,
      products = [] as readonly TensorProducts[],
    }: {
      readonly sublayers?: number;
      readonly overlapped?: boolean;
      readonly products?: readonly TensorProducts[];
    } = {},
  ): PassPair =>
    tensorCommunication(
      contextWith(change, conditions),
      spansWith(),
      HIDDEN,
      sublayers,
      overlapped,
      products,
    );

  it('costs nothing on one rank or without cut linears', () => {
    expectPair(of({ tensor: 1 }), 0, 0);
    expectPair(of({}, {}, { sublayers: 0 }), 0, 0);
  });

  it('an all-reduce a sublayer, two passes each, in both directions where nothing hides them', () => {
    expectPair(of({}, { profile: 'megatron-classic' }), 0.8 * 4 * PASS, 0.8 * 4 * PASS);
    expectPair(of({}, { profile: 'megatron-classic' }, { sublayers: 1 }), 0.8 * 2 * PASS, 0.8 * 2 * PASS);
  });

  it('Megatron Core hides the all-reduces of backward, Megatron-LM of 2022 everything of backward', () => {
    expectPair(of({}), 0.8 * 4 * PASS, 0);
    expectPair(of({ sequenceParallel: true }), 0.8 * 4 * PASS, 0.8 * 6 * PASS);
    const late = { profile: 'megatron-classic', softwareDate: '2022-06' } as const;
    expectPair(of({ sequenceParallel: true }, late), 0.8 * 4 * PASS, 0);
  });

  it('overlap leaves its own share', () => {
    expectPair(of({ sequenceParallel: true }, {}, { overlapped: true }), 0.25 * 4 * PASS, 0.25 * 6 * PASS);
  });

  describe('Nanotron runs exchanges beside the products of a sublayer', () => {
    const nanotron = { profile: 'nanotron' } as const;
    const sequence = { sequenceParallel: true } as const;
    const products = (forward: number, input: number, weight: number, row: number): TensorProducts => ({
      forward: forward * PASS,
      inputGradient: input * PASS,
      weightGradient: weight * PASS,
      rowInputGradient: row * PASS,
    });

    it('gathers beside the own quarter of the product on four ranks, and scatters bare', () => {
      // Forward of each of two sublayers: a scatter, and a gather less 2∕4 of a pass; backward hides nothing.
      const list = [products(2, 0, 0, 0), products(2, 0, 0, 0)];
      expectPair(of(sequence, nanotron, { products: list }), 0.8 * 3 * PASS, 0.8 * 6 * PASS);
    });

    it('in backward gathers inputs beside input gradients and scatters those beside weight gradients', () => {
      // Rows: 1 − 2∕4; gather of the inputs: 1 − 0.25; scatter: hidden by 3.
      const list = [products(0, 0.25, 3, 2), products(0, 0.25, 3, 2)];
      expectPair(of(sequence, nanotron, { products: list }), 0.8 * 4 * PASS, 0.8 * 2 * 1.25 * PASS);
    });

    it('a long product of one sublayer hides nothing of the other', () => {
      const list = [products(0, 9, 9, 0), products(0, 0, 0, 0)];
      expectPair(of(sequence, nanotron, { products: list }), 0.8 * 4 * PASS, 0.8 * (1 + 3) * PASS);
    });

    it('half of the sublayers, half of it; without products all of it', () => {
      expectPair(
        of(sequence, nanotron, { sublayers: 0.5, products: [products(2, 0.25, 3, 2)] }),
        0.8 * 0.5 * 1.5 * PASS,
        0.8 * 0.5 * 1.25 * PASS,
      );
      expectPair(of(sequence, nanotron), 0.8 * 4 * PASS, 0.8 * 6 * PASS);
    });

    it('nothing without sequence parallelism', () => {
      expectPair(of({}, nanotron, { products: [products(9, 9, 9, 9)] }), 0.8 * 4 * PASS, 0.8 * 4 * PASS);
    });
  });
});

describe('sublayers that communicate', () => {
  const linear = (module: Linear['module'], sharding: Linear['sharding'] = 'column'): Operator => ({
    kind: 'linear',
    name: module,
    module,
    inputs: 1,
    outputs: 1,
    parameters: 1,
    sharding,
    lowPrecision: true,
  });

  it.each<[string, readonly Operator[], number]>([
    ['none', [], 0],
    ['a mixer', [linear('attention')], 1],
    ['a mixer of two linears', [linear('attention'), linear('attention', 'row')], 1],
    ['a mixer and a feed-forward block', [linear('attention'), linear('mlp')], 2],
    ['a mixer and shared experts', [linear('attention'), linear('shared_experts')], 2],
    [
      'a mixer, router and experts whose linears are whole',
      [linear('mixer'), linear('router', 'replicated')],
      1,
    ],
    ['routed experts alone', [linear('moe')], 1],
    ['a router that is cut', [linear('router')], 1],
    ['feed-forward parts count once', [linear('mlp'), linear('router'), linear('moe')], 1],
    ['replicated attention', [linear('attention', 'replicated')], 0],
  ])('%s', (_, operators, want) => {
    expect(tensorSublayers(operators)).toBe(want);
  });
});

describe('context parallelism', () => {
  const core: CoreAttention = {
    kind: 'core-attention',
    name: 'core_attention',
    module: 'core_attn',
    heads: 32,
    kvHeads: 8,
    queryKeyDim: 192,
    valueDim: 128,
    span: { kind: 'full' },
    topK: null,
    sinks: false,
    parameters: 0,
  };
  const idle: PassPair = { forward: 0, backward: 0 };
  /** Of the rank's tokens: 8 key-value and 32 query heads over 4 tensor ranks, 320 elements a head in 2 bytes. */
  const [KV, QO] = [2 * TOKENS * 2 * 320, 2 * TOKENS * 8 * 320];
  const of = (
    method: Parameters<typeof contextCommunication>[3],
    attention: PassPair = idle,
    change: Partial<LayerContext> = {},
    of_ = core,
  ): PassPair =>
    contextCommunication(
      contextWith({ context: 4, ...change }),
      spansWith({ context: near(4) }),
      of_,
      method,
      attention,
    );

  it('one context rank exchanges nothing', () => {
    expectPair(of('p2p', idle, { context: 1 }), 0, 0);
  });

  it('a ring passes three chunks of keys and values on, and of their gradients, behind three quarters of attention', () => {
    const ring = (3 * KV) / BANDWIDTH;
    expectPair(of('p2p'), ring, 2 * ring);
    expectPair(of('p2p', { forward: ring, backward: 2 * ring }), ring / 4, ring / 2);
    expectPair(of('p2p', { forward: 2 * ring, backward: 4 * ring }), 0, 0);
  });

  it('a gather brings the other three chunks, backward returns their gradients', () => {
    expectPair(of('all-gather'), (3 * KV) / BANDWIDTH, (6 * KV) / BANDWIDTH);
  });

  it.each(['a2a', 'a2a+p2p'] as const)('%s exchanges queries, keys, values and outputs', (method) => {
    expectPair(of(method), (0.75 * (KV + QO)) / BANDWIDTH, (0.75 * (KV + QO)) / BANDWIDTH);
  });

  it('fewer key-value heads than tensor ranks are copied: one on each', () => {
    const two = { ...core, kvHeads: 2 };
    expectPair(of('all-gather', idle, {}, two), (3 * KV) / 2 / BANDWIDTH, (6 * KV) / 2 / BANDWIDTH);
  });
});

describe('experts', () => {
  const experts: GroupedLinear = {
    kind: 'grouped-linear',
    name: 'expert_up',
    module: 'moe',
    experts: 16,
    topK: 2,
    inputs: 1024,
    outputs: 2048,
    parameters: 0,
    sharding: 'column',
  };
  const ROWS = 2 * TOKENS * 1024 * 2;
  const of = (
    dispatcher: Parameters<typeof expertCommunication>[3],
    change: Partial<LayerContext> = {},
    spans: Partial<GroupSpans> = { expert: near(8) },
    conditions: RunConditions = {},
  ): PassPair =>
    expertCommunication(
      contextWith({ expert: 8, ...change }, conditions),
      spansWith(spans),
      experts,
      dispatcher,
    );

  it('all-to-all: dispatch and combine move 7∕8 of all copies', () => {
    const exchange = (2 * 0.875 * ROWS) / BANDWIDTH;
    expectPair(of('all-to-all'), exchange, exchange);
    expectPair(of('all-to-all', { imbalance: 1.5 }), 1.5 * exchange, 1.5 * exchange);
    expectPair(of('all-to-all', { sequenceParallel: true }), exchange / 4, exchange / 4);
    expectPair(of('all-to-all', {}, { expert: near(8) }, { expertCapacity: 2 }), 2 * exchange, 2 * exchange);
  });

  it('all-gather: every rank sees the tokens of all eight', () => {
    const gather = (0.875 * 2 * TOKENS * 1024 * 8) / BANDWIDTH;
    expectPair(of('all-gather'), 2 * gather, 2 * gather);
  });

  it.each(['deepep', 'hybridep'] as const)('%s: one row to each node that a copy is for', (dispatcher) => {
    // 32 ranks on 4 nodes: 24∕32 of the buffer leave at 10 GB/s, a share of 4(1 − (3∕4)²)∕2 = 7∕8 of them.
    const wide = { expert: near(32) };
    const remote = (2 * (24 / 32) * ROWS) / 10e9;
    expectPair(of('all-to-all', { expert: 32 }, wide), remote, remote);
    expectPair(of(dispatcher, { expert: 32 }, wide), remote * 0.875, remote * 0.875);
    // In one node one row to each rank: 8(1 − (7∕8)²)∕2 = 15∕16 of the copies.
    const local = (2 * 0.875 * ROWS * (15 / 16)) / BANDWIDTH;
    expectPair(of(dispatcher), local, local);
  });

  it('node-limited routing: fewer nodes are reached', () => {
    // A token uses 1 of 4 groups of experts, one on each of 4 nodes: both copies go to one node.
    const limited = { ...experts, groups: { count: 4, limit: 1 } };
    const span = spansWith({ expert: near(32) });
    const time = expertCommunication(contextWith({ expert: 32 }), span, limited, 'deepep');
    const remote = (2 * (24 / 32) * ROWS * 0.5) / 10e9;
    expectPair(time, remote, remote);
  });

  it('several local experts: received rows are copied into the order of experts and back', () => {
    const copied = (8 * 1024 * 2 * TOKENS) / 1e12;
    const sorted = (dispatcher: Parameters<typeof sortingTime>[2], change: Partial<LayerContext>): number =>
      sortingTime(contextWith({ expert: 8, ...change }), experts, dispatcher);
    expect(sorted('all-to-all', {})).toBeCloseTo(copied, 12);
    expect(sorted('all-to-all', { expertTensor: 4, imbalance: 1.5 })).toBeCloseTo(6 * copied, 12);
    expect(sorted('all-to-all', { expert: 16 })).toBe(0);
    expect(sorted('all-to-all', { expert: 1 })).toBe(0);
    expect(sorted('deepep', {})).toBe(0);
  });

  it('expert tensor parallelism gathers rows over its group and scatters their results', () => {
    const gathered = (2 * 0.75 * ROWS * 4) / BANDWIDTH;
    expectPair(
      of('all-to-all', { expert: 1, expertTensor: 4 }, { expertTensor: near(4) }),
      gathered,
      gathered,
    );
  });
});

describe('seconds on network ports', () => {
  const parts = { compute: 1, tensor: 2, context: 4, expert: 8, data: 16, overhead: 32 };
  const far = topology.groupSpan({ world: 32, size: 2, stride: 8 });
  it.each<[string, Partial<GroupSpans>, number]>([
    ['none within a node', {}, 0],
    ['tensor', { tensor: far }, 2],
    ['context', { context: far }, 4],
    ['experts', { expert: far }, 8],
    ['experts split over tensor ranks count once', { expert: far, expertTensor: far }, 8],
    ['their tensor ranks alone', { expertTensor: far }, 8],
    ['all', { tensor: far, context: far, expert: far }, 14],
  ])('%s', (_, change, want) => {
    expect(onPorts(spansWith(change), parts)).toBe(want);
  });
});

describe('places that a token may reach', () => {
  it.each([
    ['all, without groups', 8, undefined, 8],
    ['all, where every group may be used', 8, { count: 8, limit: 8 }, 8],
    ['half of them, where a group fills a place or several', 8, { count: 8, limit: 4 }, 4],
    ['the same on 32 ranks', 32, { count: 8, limit: 4 }, 16],
    // Of 4 nodes with 2 of 8 groups each, one is missed by 4 groups with probability (6·5·4·3)∕(8·7·6·5) = 3∕14.
    ['most of those that hold two groups', 4, { count: 8, limit: 4 }, 4 * (1 - 3 / 14)],
    ['one that holds all groups', 1, { count: 8, limit: 4 }, 1],
  ] as const)('%s', (_, places, groups, want) => {
    expect(reachable(places, groups)).toBeCloseTo(want, 12);
  });
});

it('a copy reaches a domain of its own at most', () => {
  expect(distinctShare(2, 2)).toBeCloseTo(0.75, 12);
  expect(distinctShare(8, 0.5)).toBe(1);
});

describe('an exchange beside compute', () => {
  const on = (architecture: AcceleratorArchitecture, expertOverlap: number): LayerContext => {
    const context = contextWith();
    const accelerator = { ...context.machine.accelerator, architecture };
    return {
      ...context,
      machine: { ...context.machine, accelerator },
      runtime: { ...context.runtime, expertOverlap },
    };
  };

  it("costs compute no less than the multiprocessors that HybridEP holds: 32 of Blackwell's 148", () => {
    expect(exchangeShare(on('blackwell', 0.1), 'hybridep')).toBeCloseTo(32 / 148, 12);
    expect(exchangeShare(on('blackwell', 0.4), 'hybridep')).toBe(0.4);
    expect(exchangeShare(on('blackwell', 0.1), 'all-to-all')).toBe(0.1);
    expect(exchangeShare(on('hopper', 0.1), 'hybridep')).toBe(0.1);
  });
});
