import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { echoProblem } from '../../src/spec/echo.ts';
import { loadProblem, loadSpecText } from '../../src/spec/load.ts';
import { MINIMAL, diagnosticsOf, load, placesOf } from './spec-text.ts';

const minimal = MINIMAL.join('\n');

describe('a SPEC becomes a problem', () => {
  it('takes what is absent from presets and the runtime', () => {
    const { problem } = load(minimal);
    const [group] = problem.cluster.groups;
    expect(group?.count).toBe(8);
    expect(group?.perNode).toBe(8);
    expect(group?.intraNode.name).toBe('nvlink4');
    expect(group?.nics).toMatchObject({ name: 'ndr-400', count: 8, bandwidth: 50e9 });
    expect(problem.cluster.domain).toBeNull();
    expect(problem.model.name).toBe('llama3-70b');
    expect(problem.training).toMatchObject({
      runtime: { name: 'megatron', version: '0.20' },
      precision: 'bf16',
      attentionKernel: 'flash3',
      optimizer: { name: 'adam', states: 'fp32', gradients: 'fp32', mainParameters: 'fp32' },
      routing: { kind: 'balanced' },
      tokens: null,
    });
    expect(problem.search).toEqual({
      objective: 'throughput',
      top: 10,
      limits: {},
      memoryReserve: 0.06,
      dedication: 'none',
      dedicationObjective: 'iteration_time',
    });
  });

  it('reads the same from JSON, with tabs, a byte order mark and CRLF', () => {
    const json = JSON.stringify(
      {
        cluster: { nodes: 8, accelerator: 'h100-sxm-80gb' },
        model: 'llama3-70b',
        training: { sequence_length: 8192, global_batch_size: 256 },
      },
      null,
      '\t',
    );
    expect(load(json).problem).toEqual(load(minimal).problem);
    expect(load(json.replaceAll('\n', '\r\n')).problem).toEqual(load(minimal).problem);
    expect(load(`\ufeff${minimal}`).problem).toEqual(load(minimal).problem);
  });

  it('lets groups inherit from the cluster, and reads units', () => {
    const { problem } = load(`
cluster:
  accelerator: a100-sxm-40gb
  per_node: 4
  nodes:
    - { count: 2, hosts: "a[08-09]", price_per_hour: 12.5 }
    - count: 1
      accelerator: { memory: 16 GiB, memory_bandwidth: 900 GB/s, peak: { fp16: 125 TFLOP/s }, architecture: volta }
      per_node: 8
      intra_node: { bandwidth: 150 GB/s, latency: 2 us, kind: mesh }
      nics: { count: 1, bandwidth: 100 Gb/s, latency: 5 us }
  network: { tiers: [{ name: leaf, nodes: 2 }, { name: spine, oversubscription: 2 }] }
model: llama2-13b
training: { sequence_length: 4096, global_batch_size: 64 }`);
    const [first, second] = problem.cluster.groups;
    expect(first).toMatchObject({ count: 2, hosts: ['a08', 'a09'], perNode: 4, pricePerHour: 12.5 });
    expect(first?.accelerator.name).toBe('a100-sxm-40gb');
    expect(second?.accelerator).toMatchObject({
      memory: 17_179_869_184,
      memoryBandwidth: 9e11,
      peak: { fp16: 125e12 },
    });
    expect(second?.intraNode).toMatchObject({ bandwidth: 150e9, latency: 2e-6, kind: 'mesh' });
    expect(second?.nics).toMatchObject({ count: 1, bandwidth: 12.5e9, latency: 5e-6 });
    expect(problem.cluster.tiers).toEqual([
      { name: 'leaf', nodes: 2, oversubscription: 1 },
      { name: 'spine', nodes: null, oversubscription: 2 },
    ]);
    // Volta has no bf16, and no FlashAttention 2.
    expect(problem.training).toMatchObject({ precision: 'fp16', attentionKernel: 'unfused' });
  });

  it('knows NVLink domains of racks, and what an intra_node of its own does to them', () => {
    const rack = 'cluster: { nodes: 36, accelerator: gb200-186gb }';
    expect(load(minimal.replace(MINIMAL[0] ?? '', rack)).problem.cluster.domain).toBe(72);
    const own = rack.replace(' }', ', intra_node: nvlink5 }');
    expect(load(minimal.replace(MINIMAL[0] ?? '', own)).problem.cluster.domain).toBeNull();
  });

  it('turns fix and limit into limits', () => {
    const { problem } = load(
      `${minimal}\nsearch: { fix: { tensor: 8, recompute: full:block:4 }, limit: { pipeline: [1, 2], sequence_parallel: [true] } }`,
    );
    expect(problem.search.limits).toEqual({
      tensor: [8],
      recompute: ['full:block:4'],
      pipeline: [1, 2],
      sequenceParallel: [true],
    });
  });

  it('replaces aliases, 150 of one scalar among them', () => {
    const values = Array.from({ length: 150 }, () => '*n').join(', ');
    const { problem } = load(
      `${minimal.replace('nodes: 8', 'nodes: &n 8')}\nsearch: { limit: { data: [${values}] } }`,
    );
    expect(problem.search.limits.data).toEqual([8]);
  });
});

describe('diagnostics', () => {
  it('come all at once, each at its place', () => {
    const text = [
      'cluster:',
      '  nodes: 1_000',
      '  acelerator: h100-sxm-80gb',
      '  accelerator: h100-sxm-80g',
      'model: ./none/config.json',
      'training:',
      '  sequence_length: -1',
      '  global_batch_size: 1e400',
      '  optimizer: { nam: adam }',
      'search:',
      '  fix: { tensr: 8, recompute: some }',
      '  limit: { pipeline: 4, data: [1, 0] }',
    ].join('\n');
    const diagnostics = diagnosticsOf(text);
    expect(placesOf(diagnostics)).toEqual([
      '2:10 spec/type',
      '3:3 spec/unknown-key',
      '4:16 spec/unknown-preset',
      '7:20 spec/range',
      '8:22 yaml/number',
      '9:3 spec/missing-key',
      '9:16 spec/unknown-key',
      '11:10 spec/unknown-key',
      '11:31 spec/value',
      '12:22 spec/type',
      '12:35 spec/range',
      '1:1 file/unreadable',
    ]);
    expect(diagnostics.map(({ suggestion }) => suggestion).filter((name) => name !== undefined)).toEqual([
      'accelerator',
      'h100-sxm-80gb',
      'name',
      'tensor',
    ]);
    expect(diagnostics.at(-1)?.file).toBe('./none/config.json');
  });

  it.each([
    ['a missing section, at the top', MINIMAL.slice(0, 2).join('\n'), '1:1 spec/missing-key', 'training'],
    [
      'a missing key, at its parent',
      minimal.replace('sequence_length: 8192, ', ''),
      '3:1 spec/missing-key',
      'sequence_length',
    ],
    [
      'no accelerator anywhere',
      minimal.replace(', accelerator: h100-sxm-80gb', ''),
      '1:1 spec/missing-key',
      'accelerator',
    ],
    [
      'a unit of another quantity',
      minimal.replace('h100-sxm-80gb', '{ memory: 400 Gb/s, memory_bandwidth: 1, peak: { bf16: 1 } }'),
      '1:45 spec/quantity',
      'unit of bandwidth',
    ],
    [
      'an unknown runtime',
      minimal.replace('{ seq', '{ runtime: megatorn, seq'),
      '3:22 spec/unknown-runtime',
      'megatorn',
    ],
    [
      'an unknown version',
      minimal.replace('{ seq', '{ runtime: megatron@7, seq'),
      '3:22 spec/unknown-runtime',
      'version "7" of megatron',
    ],
    ['an unknown model', minimal.replace('llama3-70b', 'lama3-70b'), '2:8 spec/unknown-preset', 'lama3-70b'],
    [
      'an unknown architecture',
      minimal.replace('llama3-70b', '{ model_type: nope, hidden_size: 8 }'),
      '2:22 spec/model',
      'nope',
    ],
    [
      'a fixed value outside its limit',
      `${minimal}\nsearch: { fix: { tensor: 4 }, limit: { tensor: [1, 2] } }`,
      '4:26 spec/fix',
      'allows only 1, 2',
    ],
    [
      'hosts that are too few',
      minimal.replace('nodes: 8', 'nodes: [{ count: 3, hosts: "a[1-2]" }]'),
      '1:39 spec/hosts',
      'names 2 hosts',
    ],
    [
      'flash3 on Ampere',
      minimal.replace('h100-sxm-80gb', 'a100-sxm-80gb').replace('{ seq', '{ attention_kernel: flash3, seq'),
      '3:31 spec/kernel',
      'does not run',
    ],
    [
      'fp8 on Ampere',
      minimal.replace('h100-sxm-80gb', 'a100-sxm-80gb').replace('{ seq', '{ precision: fp8, seq'),
      '3:24 spec/precision',
      'no peak rate',
    ],
    [
      'a domain of broken nodes',
      minimal.replace('80gb }', '80gb, network: { domain: 12 } }'),
      '1:69 spec/domain',
      'whole nodes of 8',
    ],
    [
      'tiers from outside in',
      minimal.replace('80gb }', '80gb, network: { tiers: [{ name: a, nodes: 4 }, { name: b, nodes: 2 }] } }'),
      '1:110 spec/tiers',
      'inside out',
    ],
    [
      'a boolean of YAML 1.1',
      `${minimal}\nsearch: { fix: { sequence_parallel: yes } }`,
      '4:37 spec/type',
      'YAML 1.2 reads it as a string',
    ],
  ])('%s', (_, text, place, words) => {
    const diagnostics = diagnosticsOf(text);
    expect(placesOf(diagnostics)).toEqual([place]);
    expect(diagnostics[0]?.message).toContain(words);
  });

  it('warn of a number that looks octal, and go on', () => {
    const result = loadSpecText({ name: 's', text: minimal.replace('256', '0256') }, 's');
    expect(result.ok).toBe(true);
    if (!result.ok) return;
    expect(result.warnings.map(({ id }) => id)).toEqual(['yaml/leading-zero']);
    expect(result.value.problem.training.globalBatchSize).toBe(256);
  });
});

describe('--set', () => {
  it('overrides, makes maps on the way, and is typed like YAML', () => {
    const { problem } = load(minimal, [
      'training.global_batch_size=2048',
      'search.fix.sequence_parallel=true',
      'search.limit.pipeline=[1, 2]',
      'training.tokens=15e12',
    ]);
    expect(problem.training).toMatchObject({ globalBatchSize: 2048, tokens: 15e12 });
    expect(problem.search.limits).toEqual({ sequenceParallel: [true], pipeline: [1, 2] });
  });

  it('reaches into lists', () => {
    const text = minimal.replace('nodes: 8', 'nodes: [{ count: 1 }, { count: 2 }]');
    expect(load(text, ['cluster.nodes.1.count=5']).problem.cluster.groups.map(({ count }) => count)).toEqual([
      1, 5,
    ]);
  });

  it('mends what the file has wrong', () => {
    expect(
      load(minimal.replace('256', 'many'), ['training.global_batch_size=8']).problem.training.globalBatchSize,
    ).toBe(8);
  });

  it.each([
    'training.global_batch_size=many',
    'training.global_batch_size=',
    'training.global_batch_sise=8',
    'no-equals-sign',
    '=1',
    'a..b=1',
    '__proto__.x=1',
    'training.constructor=1',
    'cluster.nodes.0.count=1',
    'search.limit.pipeline=[1, 2',
    'training.tokens=1e400',
    'training.tokens=!!js/function x',
    `search.top=${'['.repeat(2000)}`,
  ])('is at fault itself: %.40s', (setting) => {
    const diagnostics = diagnosticsOf(minimal, [setting]);
    expect(diagnostics.length).toBeGreaterThan(0);
    for (const { file, position, severity } of diagnostics) {
      expect(severity).toBe('error');
      expect(`${file}:${String(position.line)}:${String(position.column)}`).toBe('--set:1:1');
    }
  });
});

describe('files beside the SPEC', () => {
  let folder = '';
  const write = (name: string, content: string): string => {
    const file = path.join(folder, name);
    writeFileSync(file, content);
    return file;
  };
  beforeAll(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'planner-spec-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const spec = (change: (text: string) => string): string => write('spec.yaml', change(minimal));

  it('reads a config.json, and points into it', () => {
    const config = {
      model_type: 'llama',
      hidden_size: 512,
      num_hidden_layers: 4,
      num_attention_heads: 8,
      num_key_value_heads: 8,
      intermediate_size: 1024,
      vocab_size: 1000,
      rms_norm_eps: 1e-6,
    };
    write('config.json', JSON.stringify(config, null, 2));
    const file = spec((text) => text.replace('llama3-70b', './config.json'));
    const good = loadProblem(file);
    expect(good.ok && good.value.model.layers.length).toBe(4);
    write(
      'config.json',
      JSON.stringify({ ...config, hidden_size: 'wide', num_attention_heads: -8 }, null, 2),
    );
    const bad = loadProblem(file);
    expect(bad.ok).toBe(false);
    if (bad.ok) return;
    const places = bad.diagnostics.map(
      ({ file: name, position }) => `${name}:${String(position.line)}:${String(position.column)}`,
    );
    expect(places).toContain('./config.json:3:18');
    expect(places).toContain('./config.json:5:26');
  });

  it('reads routing counts of the model, and refuses those of another', () => {
    const counts = (layers: number, experts: number): string =>
      JSON.stringify(Array.from({ length: layers }, () => Array.from({ length: experts }, () => 5)));
    const file = spec((text) =>
      text.replace('llama3-70b', 'mixtral-8x7b').replace('{ seq', '{ routing: ./counts.json, seq'),
    );
    write('counts.json', counts(32, 8));
    const good = loadProblem(file);
    expect(good.ok && good.value.training.routing).toMatchObject({ kind: 'counts', file: './counts.json' });
    write('counts.json', counts(31, 7));
    const bad = loadProblem(file);
    expect(!bad.ok && bad.diagnostics.map(({ id }) => id)).toEqual(['spec/routing', 'spec/routing']);
    write('counts.json', '[[1, 2], [3, -4]]');
    const negative = loadProblem(file);
    expect(!negative.ok && placesOf(negative.diagnostics)).toEqual(['1:14 routing/counts']);
  });

  it('takes experts as a placement says, and refuses one that no training run can take', () => {
    const experts = [0, 1, 2, 3, 4, 5, 6, 7];
    const row = [8, 8, 1, 1, 1, 1, 2, 2];
    write('counts.json', JSON.stringify(Array.from({ length: 32 }, () => row)));
    const placed = (order: readonly number[], layers = 32): string =>
      JSON.stringify({
        layers: Array.from({ length: layers }, (_, layer) => ({ layer, physical_to_logical: order })),
      });
    const at = (placement: string, routing = './counts.json') =>
      loadProblem(
        spec((text) =>
          text
            .replace('llama3-70b', 'mixtral-8x7b')
            .replace('{ seq', `{ routing: ${routing}, expert_placement: ${placement}, seq`),
        ),
      );
    const load = (placement: string) => {
      const loaded = at(placement);
      if (!loaded.ok || loaded.value.training.routing.kind !== 'counts') return null;
      return loaded.value.training.routing.load(4).worst;
    };
    // Of 24 tokens 6 are the mean of four GPUs; blocks carry 16, 2, 2, 4; the order below 9, 9, 2, 4.
    expect(load('contiguous')).toBeCloseTo(16 / 6, 12);
    expect(load('balanced')).toBeCloseTo(9 / 6, 12);
    write('order.json', placed([0, 2, 1, 3, 4, 5, 6, 7]));
    expect(load('./order.json')).toBeCloseTo(9 / 6, 12);
    const echoed = at('./order.json');
    expect(echoed.ok && echoProblem(echoed.value)).toMatchObject({
      training: { routing: './counts.json', expert_placement: './order.json' },
    });
    const refused = (text: string): string => {
      write('order.json', text);
      const found = at('./order.json');
      return found.ok ? 'taken' : found.diagnostics.map(({ id, message }) => `${id}: ${message}`).join('; ');
    };
    expect(refused(placed([...experts, 0, 1]))).toContain('10 slots for 8 of 8 experts');
    expect(refused(placed([0, 0, 1, 2, 3, 4, 5, 6]))).toContain('8 slots for 7 of 8 experts');
    expect(refused(placed([0, 1, 2, 3, 4, 5, 6, 8]))).toContain('names expert 8, but there are 8');
    expect(refused(placed(experts, 31))).toContain('has 31 layers, the counts 32');
    expect(refused('Expert,Node\n0,0\n1,0\n2,0\n3,1\n4,1\n5,1\n6,1\n7,1\n')).toContain('has 1 layers');
    const even = at('balanced', 'balanced');
    expect(!even.ok && even.diagnostics.map(({ id }) => id)).toEqual(['spec/expert-placement']);
  });

  it('reads measured links, and points at a missing one', () => {
    const file = spec((text) =>
      text.replace('nodes: 8', 'nodes: 2').replace('80gb }', '80gb, network: { measured: ./links.csv } }'),
    );
    write('links.csv', 'GB/s,a,b\na,,40\nb,41,\n');
    const good = loadProblem(file);
    expect(good.ok && good.value.cluster.measured).toMatchObject({
      level: 'node',
      names: ['a', 'b'],
      latency: null,
    });
    expect(good.ok && good.value.cluster.measured?.bandwidth[1]?.[0]).toBe(41e9);
    write('links.csv', 'GB/s,a,b\na,,\nb,0,\n');
    const bad = loadProblem(file);
    expect(!bad.ok && placesOf(bad.diagnostics)).toEqual(['2:4 matrix/csv', '3:3 matrix/csv']);
  });

  it('reads a calibration, and says which value is wrong', () => {
    const file = write('spec.yaml', `${minimal}\ncalibration: ./mine.yaml\n`);
    write('mine.yaml', 'name: mine\n');
    const bad = loadProblem(file);
    expect(!bad.ok && bad.diagnostics.map(({ file: name, id }) => `${name} ${id}`)).toEqual([
      './mine.yaml calibration/value',
    ]);
  });

  it('echoes what it read as a SPEC that states the same problem', () => {
    const file = write(
      'spec.yaml',
      `
cluster:
  name: two kinds
  nodes:
    - { count: 4, hosts: "n[1-4]", accelerator: h100-sxm-80gb, price_per_hour: 90 }
    - count: 2
      accelerator: { name: mine, memory: 40 GiB, memory_bandwidth: 1.5 TB/s, peak: { bf16: 300 TFLOP/s }, architecture: ampere }
      intra_node: { bandwidth: 200 GB/s, latency: 2 us, kind: switch }
      nics: { count: 4, bandwidth: 100 Gb/s, latency: 5 us }
  network: { domain: 16, tiers: [{ name: leaf, nodes: 2, oversubscription: 1.5 }] }
model: { model_type: llama, hidden_size: 512, num_hidden_layers: 4, num_attention_heads: 8, intermediate_size: 1024, vocab_size: 1000, name: small }
training: { sequence_length: 2048, global_batch_size: 64, tokens: 1e12, optimizer: { name: adam, states: bf16 } }
search: { fix: { tensor: 2 }, limit: { recompute: [none, full] }, top: 3, objective: cost }
`,
    );
    const first = loadProblem(file);
    if (!first.ok) throw new Error(JSON.stringify(first.diagnostics));
    const second = loadProblem(write('echo.json', JSON.stringify(echoProblem(first.value))));
    if (!second.ok) throw new Error(JSON.stringify(second.diagnostics));
    expect(echoProblem(second.value)).toEqual(echoProblem(first.value));
    expect(second.value.cluster).toEqual(first.value.cluster);
    expect(second.value.model).toEqual(first.value.model);
    expect(second.value.training).toEqual(first.value.training);
    expect(second.value.search).toEqual(first.value.search);
  });
});
