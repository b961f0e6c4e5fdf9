import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { jsonText, yamlText } from '../../src/report/document-text.ts';
import { planDocument, resultsDocument } from '../../src/report/results-json.ts';
import type { Results } from '../../src/report/results.ts';
import { readStrategy } from '../../src/strategy/format.ts';
import { STRATEGY_KEYS } from '../../src/strategy/keys.ts';
import { bytes, seconds } from '../../src/units.ts';
import { repositoryPath } from '../shared-data.ts';
import { strategy } from '../strategy/sample-strategy.ts';
import { plan, results } from './sample-results.ts';

interface Schema {
  readonly definitions: {
    readonly strategy: {
      readonly required: readonly string[];
      readonly properties: Readonly<
        Record<string, { readonly type?: string; readonly enum?: readonly string[] }>
      >;
    };
  };
}

const schema = JSON.parse(readFileSync(repositoryPath('schema', 'results.schema.json'), 'utf8')) as Schema;
const validate = new Ajv({ strict: true, allErrors: true, allowUnionTypes: true }).compile(schema);
const faults = (document: unknown): readonly string[] => {
  validate(document);
  return (validate.errors ?? []).map((error) => `${error.instancePath} ${error.message ?? ''}`);
};
const resultsJson = (given: Results): string => jsonText(resultsDocument(given));
/** As a reader sees it. */
const printed = (text: string): Record<string, unknown> => JSON.parse(text) as Record<string, unknown>;

const miss = { strategy: strategy({ tensor: 8 }), stage: 1, missing: bytes(5e9), reasons: ['too large'] };
const full = results(
  [plan(1), plan(2, { recompute: { kind: 'selective', modules: ['core_attn', 'mlp'] } })],
  [miss],
);

describe('results as JSON', () => {
  it('validate against the schema, with plans and without', () => {
    expect(faults(printed(resultsJson(full)))).toEqual([]);
    expect(faults(printed(resultsJson(results([], [miss]))))).toEqual([]);
  });

  it('print the keys of the contract in its order', () => {
    // FORMATS, section 3.
    const document = printed(resultsJson(full));
    expect(Object.keys(document)).toEqual(['schema_version', 'problem', 'search', 'plans', 'nearest_misses']);
    expect(Object.keys(document['search'] as object)).toEqual([
      'strategies',
      'pruned',
      'evaluated',
      'proven_optimal',
      'gap',
      'reproducible',
      'wall_time_s',
    ]);
    const [first] = resultsDocument(full).plans;
    expect(Object.keys(first ?? {})).toEqual([
      'rank',
      'gpus_used',
      'strategy',
      'partition',
      'stage_extras',
      'hosts',
      'devices',
      'dedication',
      'estimate',
    ]);
    expect(Object.keys(first?.dedication ?? {})).toEqual([
      'method',
      'communication_s',
      'host_order_s',
      'lower_bound_s',
      'gap',
    ]);
    expect(Object.keys(first?.estimate ?? {})).toEqual([
      'feasible',
      'reasons',
      'iteration_time_s',
      'iteration_time_low_s',
      'iteration_time_high_s',
      'tokens_per_s_per_gpu',
      'model_tflops_per_gpu',
      'mfu',
      'time',
      'peak_memory_bytes',
      'peak_memory_bound_bytes',
      'memory',
    ]);
    expect(Object.keys(first?.estimate.time ?? {})).toEqual([
      'compute',
      'tensor_communication',
      'context_communication',
      'expert_communication',
      'pipeline_communication',
      'bubble',
      'data_communication',
      'optimizer',
      'overhead',
    ]);
    expect(Object.keys(first?.estimate.memory[0] ?? {})).toEqual([
      'stage',
      'parameters',
      'gradients',
      'optimizer_states',
      'activations',
      'logits',
      'communication_buffers',
      'workspace',
      'total',
      'reserved',
      'device',
      'bound',
      'capacity',
    ]);
  });

  it('carry each figure under its own name', () => {
    const document = planDocument(
      plan(
        3,
        {},
        { iterationTime: seconds(10), iterationTimeLow: seconds(9), iterationTimeHigh: seconds(11) },
      ),
    );
    expect(document).toMatchObject({
      rank: 3,
      gpus_used: 16,
      partition: [[21], [20]],
      stage_extras: [['embedding'], ['head', 'loss']],
      estimate: {
        iteration_time_s: 10,
        iteration_time_low_s: 9,
        iteration_time_high_s: 11,
        tokens_per_s_per_gpu: 12_345.6,
        model_tflops_per_gpu: 471.2,
        mfu: 0.4712,
        time: {
          compute: 6,
          tensor_communication: 1,
          pipeline_communication: 0.5,
          bubble: 1.5,
          data_communication: 0.25,
        },
        peak_memory_bytes: 60 * 2 ** 30,
        peak_memory_bound_bytes: 64 * 2 ** 30,
      },
    });
    const memory = document.estimate.memory[1];
    expect(memory).toMatchObject({ stage: 1, parameters: 50 * 2 ** 30, communication_buffers: 3 * 2 ** 30 });
    expect(memory?.optimizer_states).toBe(2 * 2 ** 30);
  });

  it('have breakdowns that sum to their totals', () => {
    for (const { estimate } of resultsDocument(full).plans) {
      const spent = Object.values(estimate.time).reduce((sum, part) => sum + part, 0);
      expect(spent).toBeCloseTo(estimate.iteration_time_s, 9);
      for (const stage of estimate.memory) {
        const {
          parameters,
          gradients,
          optimizer_states,
          activations,
          logits,
          communication_buffers,
          workspace,
        } = stage;
        expect(
          parameters +
            gradients +
            optimizer_states +
            activations +
            logits +
            communication_buffers +
            workspace,
        ).toBe(stage.total);
      }
    }
  });

  it('echo the problem and sort the ids of what was dropped', () => {
    const document = printed(resultsJson(results([], [], { echo: { b: 1, a: [2] } })));
    expect(document['problem']).toEqual({ b: 1, a: [2] });
    const search = document['search'] as { pruned: object; wall_time_s: number };
    expect(Object.keys(search.pruned)).toEqual(['bound/memory', 'bound/time', 'megatron/heads-divide']);
    expect(search.wall_time_s).toBe(0.25);
  });

  it('hold plans whose strategy reads back', () => {
    const [, second] = resultsDocument(full).plans;
    expect(readStrategy(second?.strategy ?? {})).toEqual({ ok: true, value: full.result.plans[1]?.strategy });
  });

  it('never turn a figure into null', () => {
    expect(() => resultsJson(results([plan(1, {}, { mfu: NaN })]))).toThrow('mfu is NaN');
    expect(() => resultsJson(results([], [], { search: { gap: Infinity } }))).toThrow('gap is Infinity');
  });

  it('are the same as YAML, without anchors', () => {
    const shared = { tensor: 1 };
    const given = results([plan(1), plan(2)], [miss], { echo: { fix: shared, limit: shared } });
    const text = yamlText(resultsDocument(given));
    expect(parse(text)).toEqual(printed(resultsJson(given)));
    expect(text).not.toMatch(/[&*]a\d/);
  });
});

describe('results schema', () => {
  it('knows every key and value of a strategy', () => {
    const { properties, required } = schema.definitions.strategy;
    expect(required).toEqual(STRATEGY_KEYS.map(({ key }) => key));
    for (const key of STRATEGY_KEYS) {
      if (key.kind === 'choice') expect(properties[key.key]?.enum, key.key).toEqual(key.values);
      if (key.kind === 'size') expect(properties[key.key]?.type, key.key).toBe('integer');
      if (key.kind === 'flag') expect(properties[key.key]?.type, key.key).toBe('boolean');
    }
  });

  const broken = (
    change: (document: Record<string, Record<string, unknown>[]>) => void,
  ): readonly string[] => {
    const document = JSON.parse(resultsJson(full)) as Record<string, Record<string, unknown>[]>;
    change(document);
    return faults(document);
  };

  it.each<[string, (first: Record<string, Record<string, unknown>>) => void]>([
    ['an unknown key of a strategy', (first) => Object.assign(first['strategy'] ?? {}, { colour: 'red' })],
    [
      'an unknown recomputation',
      (first) => Object.assign(first['strategy'] ?? {}, { recompute: 'selective:' }),
    ],
    ['a size of 0', (first) => Object.assign(first['strategy'] ?? {}, { tensor: 0 })],
    ['a figure as text', (first) => Object.assign(first['estimate'] ?? {}, { mfu: '0.4' })],
    [
      'a missing part of time',
      (first) => delete (first['estimate']?.['time'] as Record<string, unknown>)['bubble'],
    ],
    ['a negative time', (first) => Object.assign(first['estimate']?.['time'] ?? {}, { bubble: -1 })],
    ['an unknown extra', (first) => Object.assign(first, { stage_extras: [['tail'], []] })],
    ['hosts twice', (first) => Object.assign(first, { hosts: [0, 0] })],
  ])('refuses %s', (_name, change) => {
    const found = broken((document) => {
      change(document['plans']?.[0] as Record<string, Record<string, unknown>>);
    });
    expect(found.length).toBeGreaterThan(0);
  });

  it('lets `explain` add keys to results, plans and estimates', () => {
    expect(broken((document) => Object.assign(document['plans']?.[0] ?? {}, { levers: [] }))).toEqual([]);
  });
});
