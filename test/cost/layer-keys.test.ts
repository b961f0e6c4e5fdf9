/** Keys under which layer costs are remembered: strategies that cost differently must not share one. */
import { describe, expect, it } from 'vitest';
import { createLayerTables, setIndex } from '../../src/cost/layer-set.ts';
import { paddedVocabulary } from '../../src/cost/model-operators.ts';
import { createRecomputeCodes, dataSwitches, pieceSwitches } from '../../src/cost/layer-keys.ts';
import type { LayerCost } from '../../src/cost/layer.ts';
import { total } from '../../src/cost/parts.ts';
import { pair, TupleMap } from '../../src/cost/tuple-map.ts';
import type { ContextCommunication, Dispatcher, Sharding, Strategy } from '../../src/strategy/strategy.ts';
import { calibrationWith, clusterOf, model, moeModel, problemOf, strategyOf } from './fixtures.ts';

const both = [false, true] as const;
const methods: readonly ContextCommunication[] = ['p2p', 'a2a', 'all-gather', 'a2a+p2p'];
const dispatchers: readonly Dispatcher[] = ['all-gather', 'all-to-all', 'deepep', 'hybridep'];
const shardings: readonly Sharding[] = ['none', 'optimizer', 'gradients', 'parameters'];

describe('switches as numbers', () => {
  it('every combination that a layer depends on has its own, from 0 to 127', () => {
    const codes = both.flatMap((sequenceParallel) =>
      both.flatMap((overlapTensor) =>
        both.flatMap((overlapExpert) =>
          methods.flatMap((contextCommunication) =>
            dispatchers.map((dispatcher) =>
              pieceSwitches(
                strategyOf({
                  sequenceParallel,
                  overlapTensor,
                  overlapExpert,
                  contextCommunication,
                  dispatcher,
                }),
              ),
            ),
          ),
        ),
      ),
    );
    expect(codes.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 128 }, (_, code) => code));
  });

  it('every combination that gradients and the step depend on has its own, from 0 to 63', () => {
    const codes = shardings.flatMap((sharding) =>
      both.flatMap((overlapGradients) =>
        both.flatMap((overlapParameters) =>
          (['tp-cp-ep-dp-pp', 'tp-cp-ep-pp-dp'] as const).flatMap((rankOrder) =>
            (['none', 'optimizer'] as const).map((offload) =>
              dataSwitches(strategyOf({ sharding, overlapGradients, overlapParameters, rankOrder, offload })),
            ),
          ),
        ),
      ),
    );
    expect(codes.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 64 }, (_, code) => code));
  });

  it('recomputations that cost a layer differently differ; selective ones by their modules', () => {
    const code = createRecomputeCodes();
    const codes = [
      code({ kind: 'none' }),
      code({ kind: 'full-block', layers: 2 }),
      code({ kind: 'full' }),
      code({ kind: 'selective', modules: ['mlp'] }),
      code({ kind: 'selective', modules: ['core_attn'] }),
      code({ kind: 'selective', modules: ['core_attn', 'mlp'] }),
    ];
    expect(new Set(codes).size).toBe(6);
    expect(code({ kind: 'full-block', layers: 5 })).toBe(codes[1]);
    expect(code({ kind: 'full-uniform', layers: 5 })).toBe(codes[2]);
    expect(code({ kind: 'selective', modules: ['mlp'] })).toBe(codes[3]);
    expect(code({ kind: 'selective', modules: ['core_attn', 'mlp'] })).toBe(codes[5]);
    // Keys leave room for them: none is negative.
    expect(Math.min(...codes)).toBe(0);
  });
});

describe('a map from four numbers', () => {
  it('gives back what was put under all four', () => {
    const map = new TupleMap<string>();
    const keys = [
      [1, 2, 3, 4],
      [2, 2, 3, 4],
      [1, 3, 3, 4],
      [1, 2, 4, 4],
      [1, 2, 3, 5],
    ] as const;
    for (const [a, b, c, d] of keys) map.set(a, b, c, d, [a, b, c, d].join(' '));
    for (const [a, b, c, d] of keys) expect(map.get(a, b, c, d)).toBe([a, b, c, d].join(' '));
    for (const [a, b, c, d] of [
      [9, 2, 3, 4],
      [1, 9, 3, 4],
      [1, 2, 9, 4],
      [1, 2, 3, 9],
    ] as const)
      expect(map.get(a, b, c, d)).toBeUndefined();
    map.set(1, 2, 3, 4, 'new');
    expect(map.get(1, 2, 3, 4)).toBe('new');
  });

  it('two counts in one number', () => {
    expect(new Set([pair(1, 2), pair(2, 1), pair(0, 2), pair(1, 0), pair(2, 2)]).size).toBe(5);
    expect(pair(3, 5)).toBe(3 * 67_108_864 + 5);
  });
});

describe('tables of layers', () => {
  // New ones for every test: what they remember must not hide what another test would notice.
  const fresh = () => createLayerTables(problemOf({ cluster: clusterOf(2) }), calibrationWith());
  const first = (strategy: Partial<Strategy>, of = fresh()) => {
    const [set] = of.sets(strategyOf(strategy));
    if (set === undefined) throw new Error('no set');
    return set;
  };

  it('remember nothing wrongly: asked in any order they answer like new ones', () => {
    const moe = problemOf({ model: moeModel, cluster: clusterOf(2) }, { globalBatchSize: 64 });
    const used = createLayerTables(moe, calibrationWith());
    const strategies: readonly Partial<Strategy>[] = [
      { data: 16 },
      { data: 8, tensor: 2 },
      { data: 8, context: 2 },
      { data: 8, pipeline: 2 },
      { data: 16, microBatchSize: 2 },
      { data: 16, expert: 4 },
      { data: 8, tensor: 2, expertTensor: 2 },
      { data: 8, tensor: 2, sequenceParallel: true },
      { data: 16, expert: 4, dispatcher: 'all-gather' },
      { data: 16, expert: 4, overlapExpert: true },
      { data: 8, context: 2, contextCommunication: 'a2a' },
      { data: 16, recompute: { kind: 'full' } },
      { data: 16, recompute: { kind: 'selective', modules: ['mlp'] } },
      { data: 16, sharding: 'parameters' },
      { data: 16, sharding: 'parameters', shardingGroup: 8 },
      { data: 16, sharding: 'none' },
      { data: 16, overlapGradients: false },
      { data: 8, pipeline: 2, rankOrder: 'tp-cp-ep-pp-dp' },
      { data: 8 },
    ];
    for (const strategy of [...strategies, ...strategies.toReversed()]) {
      const own = first(strategy, createLayerTables(moe, calibrationWith()));
      const shared = first(strategy, used);
      // The context of gradients is shared by strategies that differ in what gradients do not depend on.
      expect({ ...shared, data: null }).toEqual({ ...own, data: null });
      expect({ ...shared.data, strategy: null }).toEqual({ ...own.data, strategy: null });
      expect(dataSwitches(shared.data.strategy)).toBe(dataSwitches(strategyOf(strategy)));
    }
  });

  it('answer the same strategy with the same tables', () => {
    const tables = fresh();
    const one = strategyOf({ data: 16 });
    expect(tables.sets(one)).toBe(tables.sets(one));
    const again = first({ data: 16 }, tables);
    expect(again.kinds).toBe(tables.sets(one)[0]?.kinds);
    expect(again.data).toBe(tables.sets(one)[0]?.data);
    expect(first({ data: 8, tensor: 2 }, tables).kinds).not.toBe(again.kinds);
  });

  it('one set for each kind of node', () => {
    const tables = fresh();
    expect(tables.machines).toHaveLength(1);
    expect([setIndex(tables, 0, 0), setIndex(tables, 3, 0)]).toEqual([0, 0]);
    expect(setIndex(tables, 3, 1)).toBe(1);
  });

  it('the whole model: embedding, layers and head, each with its parameters', () => {
    const { whole, kinds, embedding, head, mtp } = first({ data: 16 });
    const [layer] = kinds;
    if (layer === undefined) throw new Error('no layer');
    expect(mtp).toBeNull();
    const sum = (of: (cost: LayerCost) => number): number => 8 * of(layer) + of(embedding) + of(head);
    expect(whole.work).toBeCloseTo(
      sum(({ forward, backward }) => total(forward) + total(backward)),
      12,
    );
    expect(fresh().operatorWork(strategyOf({ data: 16 }))).toBeCloseTo(
      sum(({ forward, backward }) => forward.compute + backward.compute),
      12,
    );
    // Two tables of 32,768 · 1024, the final norm, and layers of 4h² + 3·h·4h and two norms.
    expect(whole.denseParameters).toBe(8 * (16 * 1024 ** 2 + 2048) + 2 * 32_768 * 1024 + 1024);
    expect(whole.expertParameters).toBe(0);
  });

  it('the whole model counts every kind by its layers, experts apart', () => {
    const [dense] = model.kinds;
    const [moe] = moeModel.kinds;
    if (dense === undefined || moe === undefined) throw new Error('no kind');
    const mixed = { ...model, kinds: [dense, moe], layers: [0, 1, 1], tiedEmbeddings: false };
    const { whole, kinds, embedding, head } = first(
      { data: 16, expert: 4 },
      createLayerTables(problemOf({ model: mixed, cluster: clusterOf(2) }), calibrationWith()),
    );
    const [one, other] = kinds;
    if (one === undefined || other === undefined) throw new Error('no kind');
    const time = ({ forwardTime, backwardTime }: LayerCost): number => forwardTime + backwardTime;
    expect(whole.work).toBeCloseTo(time(one) + 2 * time(other) + time(embedding) + time(head), 12);
    // 16 experts of 3 · 1024² over 4 ranks, in two layers; a dense layer has none.
    expect(whole.expertParameters).toBe(2 * 4 * 3 * 1024 ** 2);
    expect([one.expertParameters, other.expertParameters]).toEqual([0, 4 * 3 * 1024 ** 2]);
  });

  it('a dense model has no expert axes, whatever the strategy says', () => {
    expect(first({ data: 16, expert: 4 }).kinds).toEqual(first({ data: 16 }).kinds);
  });

  it('layers that gather their parameters add that to every piece', () => {
    // Half of an exchange across nodes shows beside longer compute.
    const half = () =>
      createLayerTables(
        problemOf({ cluster: clusterOf(2) }),
        calibrationWith({ runtime: { fsdpNetwork: 0.5 } }),
      );
    const sharded = first(
      { data: 16, sharding: 'parameters', recompute: { kind: 'full-block', layers: 2 } },
      half(),
    );
    for (const cost of [...sharded.kinds, ...sharded.plain, sharded.embedding, sharded.head])
      expect(cost.forward.data).toBeGreaterThan(0);
    expect(sharded.plain[0]?.backwardTime).toBeLessThan(sharded.kinds[0]?.backwardTime ?? 0);
    const whole = first({ data: 16, sharding: 'parameters' }, half());
    expect(whole.plain).toBe(whole.kinds);
    expect(whole.mtp).toBeNull();
    const plain = first({ data: 16 });
    expect(whole.whole.work).toBeGreaterThan(plain.whole.work);
    expect(plain.kinds[0]?.forward.data).toBe(0);
  });

  it('recomputation by operator leaves embedding and head alone', () => {
    const by = createLayerTables(
      problemOf({ cluster: clusterOf(2) }, { conditions: { recomputeOperators: true } }),
      calibrationWith(),
    );
    const [policy, plain] = [first({ data: 16 }, by), first({ data: 16 })];
    expect(policy.kinds[0]?.backwardTime).toBeGreaterThan(plain.kinds[0]?.backwardTime ?? Infinity);
    expect([policy.embedding, policy.head]).toEqual([plain.embedding, plain.head]);
  });

  it('the first layers of a block are recomputed, the others are not', () => {
    const block = first({ data: 16, recompute: { kind: 'full-block', layers: 2 } });
    const none = first({ data: 16 });
    const full = first({ data: 16, recompute: { kind: 'full' } });
    expect(block.kinds).toEqual(full.kinds);
    expect(block.plain).toEqual(none.kinds);
    expect(full.plain).toBe(full.kinds);
  });

  it('embedding and head exchange half a sublayer each: one pass forward', () => {
    const set = first({ tensor: 8, data: 2, sequenceParallel: true });
    const pass = (0.875 * 2 * 4096 * 1024) / 100e9;
    expect(set.embedding.forward.tensor).toBeCloseTo(pass, 12);
    expect(set.head.forward.tensor).toBeCloseTo(pass, 12);
    expect(set.head.backward.tensor).toBeCloseTo(1.5 * pass, 12);
  });

  it('sequence parallelism on one tensor rank is none', () => {
    expect(first({ data: 16, sequenceParallel: true }).kinds).toEqual(first({ data: 16 }).kinds);
  });

  it('prediction modules exchange two and a half sublayers each', () => {
    const two = createLayerTables(
      problemOf({ model: { ...model, multiTokenPrediction: { layers: 2, kind: 0 } }, cluster: clusterOf(2) }),
      calibrationWith(),
    );
    const pass = (0.875 * 2 * 4096 * 1024) / 100e9;
    const { mtp, whole, kinds } = first({ tensor: 8, data: 2, sequenceParallel: true }, two);
    expect(mtp?.forward.tensor).toBeCloseTo(2 * 5 * pass, 12);
    expect(whole.denseParameters).toBeGreaterThan(8 * (kinds[0]?.denseParameters ?? 0));
  });

  it.each([
    [50_257, 1, 'megatron-core', 50_304],
    [50_257, 8, 'megatron-core', 51_200],
    [50_257, 8, 'megatron-classic', 51_200],
    [50_257, 8, 'torchtitan', 50_264],
    [50_256, 8, 'nanotron', 50_256],
  ] as const)('%i rows over tensor %i in %s: %i', (vocabulary, tensor, profile, want) => {
    expect(paddedVocabulary(vocabulary, tensor, profile)).toBe(want);
  });
});
