import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseStrategy, readStrategy, strategyToJson, strategyToText } from '../../src/strategy/format.ts';
import { keyOfField, RECOMPUTE_MODULES, STRATEGY_KEYS } from '../../src/strategy/keys.ts';
import { parseRecompute, recomputeToText, selective } from '../../src/strategy/recompute.ts';
import type { Recompute, RecomputeModule, Strategy } from '../../src/strategy/strategy.ts';
import { strategy } from './sample-strategy.ts';

const recompute: fc.Arbitrary<Recompute> = fc.oneof(
  fc.constantFrom<Recompute>({ kind: 'none' }, { kind: 'full' }),
  fc.record({
    kind: fc.constantFrom<'full-block' | 'full-uniform'>('full-block', 'full-uniform'),
    layers: fc.integer({ min: 1, max: 200 }),
  }),
  fc.subarray<RecomputeModule>([...RECOMPUTE_MODULES], { minLength: 1 }).map(selective),
);

const anyStrategy: fc.Arbitrary<Strategy> = fc
  .tuple(
    ...STRATEGY_KEYS.map((key) => {
      switch (key.kind) {
        case 'size':
          return fc.integer({ min: 1, max: 4096 });
        case 'flag':
          return fc.boolean();
        case 'recompute':
          return recompute;
        case 'choice':
          return fc.constantFrom(...key.values);
      }
    }),
  )
  .map((values) =>
    strategy(Object.fromEntries(STRATEGY_KEYS.map((key, index) => [key.field, values[index]]))),
  );

describe('strategy as text', () => {
  it('reads the example of the format', () => {
    const text =
      'tensor=8,pipeline=4,virtual_stages=2,context=1,expert=1,expert_tensor=1,micro_batch_size=1,sharding=optimizer,recompute=none';
    expect(parseStrategy(text)).toEqual({
      ok: true,
      value: {
        tensor: 8,
        pipeline: 4,
        virtualStages: 2,
        context: 1,
        expert: 1,
        expertTensor: 1,
        microBatchSize: 1,
        sharding: 'optimizer',
        recompute: { kind: 'none' },
      },
    });
  });

  it('covers every field of a strategy once, in snake case', () => {
    expect(STRATEGY_KEYS.map((key) => key.field).sort()).toEqual(Object.keys(strategy()).sort());
    for (const { key, field } of STRATEGY_KEYS) {
      expect(key.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase())).toBe(field);
      expect(keyOfField(field)).toBe(key);
    }
  });

  it('reads back what it prints, as text and as a map', () => {
    fc.assert(
      fc.property(anyStrategy, (given) => {
        expect(parseStrategy(strategyToText(given))).toEqual({ ok: true, value: given });
        expect(readStrategy(strategyToJson(given))).toEqual({ ok: true, value: given });
      }),
      { seed: 1 },
    );
  });

  it('prints every key in the order of the format', () => {
    expect(strategyToText(strategy({ tensor: 8, recompute: selective(['moe_act', 'core_attn']) }))).toBe(
      'tensor=8,pipeline=1,virtual_stages=1,context=1,data=1,expert=1,expert_tensor=1,micro_batch_size=1,' +
        'micro_batch_group=1,schedule=1f1b,vocabulary=last,sequence_parallel=false,recompute=selective:core_attn+moe_act,' +
        'sharding=none,sharding_group=1,overlap_gradients=false,overlap_parameters=false,overlap_tensor=false,' +
        'overlap_expert=false,context_communication=p2p,dispatcher=all-gather,rank_order=tp-cp-ep-dp-pp,offload=none',
    );
  });

  it.each<[string, Record<string, unknown>]>([
    ['tensr=8', { id: 'strategy/unknown-key', suggestion: 'tensor', offset: 0, length: 5 }],
    ['tensor=8, pp=4', { id: 'strategy/unknown-key', suggestion: 'pipeline', offset: 10, length: 2 }],
    ['colour=red', { id: 'strategy/unknown-key', suggestion: null }],
    ['tensor=8,tensor=4', { id: 'strategy/duplicate-key', offset: 9 }],
    ['tensor=8,', { id: 'strategy/missing-key', offset: 9 }],
    ['', { id: 'strategy/missing-key' }],
    ['=8', { id: 'strategy/missing-key' }],
    ['tensor', { id: 'strategy/missing-value', key: 'tensor' }],
    ['tensor=', { id: 'strategy/missing-value' }],
    ['tensor=0', { id: 'strategy/bad-value', found: '0', offset: 7, length: 1 }],
    ['tensor= -8 ', { id: 'strategy/bad-value', found: '-8', offset: 8, length: 2 }],
    ['tensor=08', { id: 'strategy/bad-value' }],
    ['tensor=1e3', { id: 'strategy/bad-value' }],
    ['tensor=1000001', { id: 'strategy/bad-value', expected: 'a whole number from 1 to 1000000' }],
    ['schedule=1F1B', { id: 'strategy/bad-value', suggestion: '1f1b' }],
    ['dispatcher=alltoall', { id: 'strategy/bad-value', suggestion: 'all-to-all' }],
    ['sequence_parallel=yes', { id: 'strategy/bad-value', expected: 'true or false' }],
    ['recompute=selective', { id: 'strategy/bad-value', suggestion: 'selective:core_attn' }],
    ['recompute=selective:core_atn', { id: 'strategy/bad-value', suggestion: 'selective:core_attn' }],
    ['recompute=full:block:0', { id: 'strategy/bad-value' }],
    ['__proto__=1', { id: 'strategy/unknown-key' }],
    ['constructor=1', { id: 'strategy/unknown-key' }],
  ])('refuses %j', (text, fault) => {
    const result = parseStrategy(text);
    expect(result.ok ? [] : result.faults).toEqual([expect.objectContaining(fault)]);
  });

  it('reports all faults at once and keeps messages short', () => {
    const result = parseStrategy(`tensr=8,pipeline=x,${'a'.repeat(100_000)}=1`);
    const faults = result.ok ? [] : result.faults;
    expect(faults.map((fault) => fault.id)).toEqual([
      'strategy/unknown-key',
      'strategy/bad-value',
      'strategy/unknown-key',
    ]);
    expect(faults[0]?.message).toBe('unknown strategy key "tensr"; did you mean tensor?');
    expect(faults[1]?.message).toBe('pipeline: expected a whole number from 1 to 1000000, found x');
    expect(faults[2]?.message).toBe(`unknown strategy key "${'a'.repeat(40)}…"`);
    expect(faults[2]?.expected).toMatch(/^one of tensor, pipeline, .*, offload$/);
  });
});

describe('strategy as a map', () => {
  it('takes numbers and flags as YAML gives them', () => {
    expect(readStrategy({ tensor: 8, sequence_parallel: true })).toEqual({
      ok: true,
      value: { tensor: 8, sequenceParallel: true },
    });
  });

  it.each([[1.5], [NaN], [Infinity], [null], [[8]], [{}], [true]])('refuses tensor: %j', (tensor) => {
    const result = readStrategy({ tensor });
    expect(result.ok ? [] : result.faults).toEqual([
      expect.objectContaining({ id: 'strategy/bad-value', key: 'tensor' }),
    ]);
  });
});

describe('recomputation', () => {
  it.each<[string, Recompute]>([
    ['none', { kind: 'none' }],
    ['full', { kind: 'full' }],
    ['full:block:3', { kind: 'full-block', layers: 3 }],
    ['full:uniform:12', { kind: 'full-uniform', layers: 12 }],
    ['selective:core_attn+moe_act', { kind: 'selective', modules: ['core_attn', 'moe_act'] }],
  ])('%s', (text, value) => {
    expect(parseRecompute(text)).toEqual(value);
    expect(recomputeToText(value)).toBe(text);
  });

  it('sorts modules and drops repetition', () => {
    expect(parseRecompute('selective:mlp+core_attn+mlp')).toEqual({
      kind: 'selective',
      modules: ['core_attn', 'mlp'],
    });
    expect(selective([])).toEqual({ kind: 'none' });
  });

  it.each([
    '',
    'Full',
    'full:',
    'full:block',
    'full:block:',
    'full:block:1.5',
    'selective:',
    'selective:mlp+',
    'selective:toString',
  ])('refuses %j', (text) => {
    expect(parseRecompute(text)).toBeNull();
  });
});
