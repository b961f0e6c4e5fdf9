import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { readPlacementFile } from '../../src/ingest/expert-placement.ts';
import { emitPlacement } from '../../src/report/placement-emit.ts';
import type { EmittablePlacement, PlacementTarget } from '../../src/report/placement-emit.ts';
import { hasData, dataPath } from '../shared-data.ts';
import { readFileSync } from 'node:fs';

/** Two MoE layers (rows 1 and 2 of 3) of 4 experts and 2 redundant ones on 2 GPUs. */
const REDUNDANT: EmittablePlacement = {
  experts: 4,
  rows: 3,
  layers: [
    {
      layer: 1,
      placement: [
        [0, 1, 2],
        [0, 2, 3],
      ],
    },
    {
      layer: 2,
      placement: [
        [0, 1, 3],
        [1, 2, 3],
      ],
    },
  ],
};
const PLAIN: EmittablePlacement = {
  experts: 4,
  rows: 2,
  layers: [
    {
      layer: 0,
      placement: [
        [0, 3],
        [1, 2],
      ],
    },
    {
      layer: 1,
      placement: [
        [2, 3],
        [0, 1],
      ],
    },
  ],
};

const textOf = (plan: EmittablePlacement, target: PlacementTarget): string => {
  const emitted = emitPlacement(plan, target);
  if (!emitted.ok) throw new Error(emitted.reason);
  return emitted.text;
};

const parsedBack = (text: string, gpus = 2) => {
  const read = readPlacementFile({ name: 'emitted', text }, { experts: 4, gpus, slots: null });
  if (!read.ok) throw new Error(JSON.stringify(read.diagnostics));
  return read.value;
};

describe('emission', () => {
  it('sglang: the map alone, a row for each hidden layer, dense rows trivial', () => {
    const text = textOf(REDUNDANT, 'sglang');
    // init_by_mapping(**dict) of SGLang takes this one key, and its rows are as long as the slots.
    expect(JSON.parse(text)).toEqual({
      physical_to_logical_map: [
        [0, 1, 2, 3, 0, 1],
        [0, 1, 2, 0, 2, 3],
        [0, 1, 3, 1, 2, 3],
      ],
    });
    expect(parsedBack(text).layers.slice(1)).toEqual(REDUNDANT.layers);
  });

  it('vllm-ascend: the form of its own expert_map.json', () => {
    const text = textOf(REDUNDANT, 'vllm-ascend');
    expect(JSON.parse(text)).toEqual({
      moe_layer_count: 2,
      layer_list: [
        {
          layer_id: 0,
          device_count: 2,
          device_list: [
            { device_id: 0, device_expert: [0, 1, 2] },
            { device_id: 1, device_expert: [0, 2, 3] },
          ],
        },
        {
          layer_id: 1,
          device_count: 2,
          device_list: [
            { device_id: 0, device_expert: [0, 1, 3] },
            { device_id: 1, device_expert: [1, 2, 3] },
          ],
        },
      ],
    });
    expect(parsedBack(text).layers.map(({ placement }) => placement)).toEqual(
      REDUNDANT.layers.map(({ placement }) => placement),
    );
  });

  it('tensorrt-llm: slots, no updates, assignments by layer number', () => {
    const text = textOf(REDUNDANT, 'tensorrt-llm');
    expect(parse(text)).toEqual({
      num_slots: 6,
      layer_updates_per_iter: 0,
      initial_global_assignments: { 1: [0, 1, 2, 0, 2, 3], 2: [0, 1, 3, 1, 2, 3] },
    });
    expect(parsedBack(text)).toEqual({ form: 'tensorrt-llm', layers: REDUNDANT.layers });
  });

  it('vllm: what it can take, and a warning about what it cannot', () => {
    const emitted = emitPlacement(REDUNDANT, 'vllm');
    if (!emitted.ok) throw new Error(emitted.reason);
    const config = parse(emitted.text) as Record<string, unknown>;
    expect(config['enable-eplb']).toBe(true);
    expect(JSON.parse(String(config['eplb-config']))).toMatchObject({ num_redundant_experts: 2 });
    expect(emitted.warnings.join()).toMatch(/no placement from a file/);
  });

  it('megatron: a permutation, and a refusal of redundancy', () => {
    expect(emitPlacement(REDUNDANT, 'megatron')).toMatchObject({ ok: false });
    const text = textOf(PLAIN, 'megatron');
    expect(JSON.parse(text)).toMatchObject({
      expert_model_parallel_size: 2,
      permutation: { 0: [0, 3, 1, 2], 1: [2, 3, 0, 1] },
    });
    expect(parsedBack(text).layers).toEqual(PLAIN.layers);
  });

  it('refuses unequal slots wherever the system has none', () => {
    const unequal: EmittablePlacement = {
      experts: 3,
      rows: 1,
      layers: [{ layer: 0, placement: [[0, 1], [2]] }],
    };
    for (const target of ['sglang', 'vllm', 'vllm-ascend', 'tensorrt-llm', 'megatron'] as const)
      expect(emitPlacement(unequal, target).ok, target).toBe(false);
  });
});

describe('placements of others', () => {
  const sample = ['moe-routing', 'vllm-project__vllm-ascend', 'expert_map.json'] as const;
  it.skipIf(!hasData(...sample))('reads the sample of vllm-ascend', () => {
    const read = readPlacementFile(
      { name: 'expert_map.json', text: readFileSync(dataPath(...sample), 'utf8') },
      { experts: 8, gpus: 2, slots: null },
    );
    expect(read.ok && read.value.layers).toEqual([
      {
        layer: 0,
        placement: [
          [7, 2, 0, 3, 5],
          [6, 1, 4, 7, 2],
        ],
      },
    ]);
  });

  it('reads ExFlow: expert layer · experts + e, GPU', () => {
    const read = readPlacementFile(
      { name: 'x.csv', text: 'Expert,Node\n0,1\n1,0\n2,0\n3,1\n' },
      { experts: 2, gpus: 2, slots: null },
    );
    expect(read.ok && read.value.layers).toEqual([
      { layer: 0, placement: [[1], [0]] },
      { layer: 1, placement: [[0], [1]] },
    ]);
  });

  const refused: readonly (readonly [string, string, RegExp])[] = [
    ['no placement at all', '{"a": 1}', /is no placement/],
    ['slots that do not divide', '{"physical_to_logical_map": [[0, 1, 2]]}', /do not divide among 2 GPUs/],
    ['ids that are none', '{"physical_to_logical_map": [[0, "1"]]}', /list of expert ids/],
    [
      'another number of devices',
      '{"layer_list": [{"device_list": [{"device_expert": [0, 1]}]}]}',
      /1 devices, expected 2/,
    ],
    ['ExFlow with a GPU too many', 'Expert,Node\n0,5\n', /a GPU from 0 to 1/],
    ['broken JSON', '{"layers": [', /not JSON/],
  ];
  it.each(refused)('refuses %s', (_, text, message) => {
    const read = readPlacementFile({ name: 'bad', text }, { experts: 4, gpus: 2, slots: null });
    expect(read.ok).toBe(false);
    if (!read.ok) expect(read.diagnostics[0]?.message).toMatch(message);
  });
});
