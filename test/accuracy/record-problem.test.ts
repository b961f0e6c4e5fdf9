import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { recordProblem } from '../../src/accuracy/record-problem.ts';
import type { RecordedProblem } from '../../src/accuracy/record-problem.ts';
import { readConfiguration } from '../../src/ingest/measured-configuration.ts';
import { MEASURED_STACKS } from '../../src/runtimes/memory-behaviour.ts';
import { gpusUsed } from '../../src/strategy/strategy.ts';
import { record, varied } from './measured-record.ts';
import type { Json } from './measured-record.ts';

const read = (changes: Readonly<Record<string, Json>>): RecordedProblem => {
  const result = recordProblem(readConfiguration(varied(changes)));
  if (!result.ok) throw new Error(result.reason);
  return result.value;
};

const reason = (changes: Readonly<Record<string, Json>>): string => {
  const result = recordProblem(readConfiguration(varied(changes)));
  return result.ok ? 'predicted' : result.reason;
};

describe('gradients of bf16 training', () => {
  const reduced = (title: string): string =>
    read({ 'source.title': title, date: '2025-04', 'train.precision': 'bf16' }).problem.training.optimizer
      .gradients;
  // NeMo's performance recipes set grad_reduce_in_fp32 to false; Megatron-LM's arguments.py sets fp32 for bf16.
  it('are reduced in bf16 by recipes that say so, in fp32 by Megatron-LM', () => {
    expect(reduced('NeMo Framework performance summary 25.02')).toBe('bf16');
    expect(reduced('MoE Parallel Folding (Liu et al.)')).toBe('fp32');
    expect(reduced('Scalable Training of MoE Models with Megatron Core')).toBe('fp32');
  });
});

describe('what is known of a stack’s memory', () => {
  const boundedBy = (title: string, framework: string | null = null): readonly string[] =>
    read({ 'source.title': title, 'train.framework': framework, date: '2022-02' }).software.boundedBy;

  it('is that of its own peaks', () => {
    for (const title of [
      'Megatron-LM on a cluster',
      'nanotron runs',
      'torchtitan on H200',
      'KempnerForge',
      'Megatron-Kwai fork',
    ])
      expect(boundedBy(title)).toEqual([]);
  });

  it('is that of all measured stacks for a stranger and for one that is a known one’s relative alone', () => {
    for (const title of ['a blog', 'Colossal-AI', 'OLMo-core README', 'XTuner', 'FlagScale'])
      expect(boundedBy(title)).toEqual(MEASURED_STACKS);
    // The framework ran, whatever the title compares it with.
    expect(boundedBy('Megatron compared', 'DeepSpeed ZeRO-3')).toEqual(MEASURED_STACKS);
    expect(boundedBy('a cluster', 'Megatron-LM (our fork)')).toEqual(MEASURED_STACKS);
    expect(boundedBy('a blog', 'Megatron-LM')).toEqual([]);
  });

  // A layer costs 12288 · (4·12288 + 3·49152), the output 12288 · 51200: 96.26 layers' worth, 8.02 a stage.
  it('leaves the partition open', () => {
    const stranger = read({ 'source.title': 'a blog', date: '2022-02' });
    expect(stranger.partition.flat()).toEqual(Array.from({ length: 12 }, () => 8));
    expect(stranger.otherPartitions).toEqual([
      [9, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 7].map((layers) => [layers]),
    ]);
    expect(read({}).otherPartitions).toEqual([]);
  });
});

describe('a complete record', () => {
  const { problem, strategy, partition, assumptions } = read({});
  it('is taken as printed', () => {
    expect(strategy).toMatchObject({
      tensor: 8,
      pipeline: 12,
      data: 4,
      microBatchSize: 1,
      schedule: '1f1b',
      sharding: 'none',
    });
    expect(strategy.recompute).toEqual({ kind: 'full' });
    expect(problem.training).toMatchObject({
      globalBatchSize: 1536,
      sequenceLength: 2048,
      precision: 'fp16',
      attentionKernel: 'unfused',
    });
    expect(problem.training.conditions).toMatchObject({
      profile: 'megatron-classic',
      attention: 'fused-softmax',
    });
    expect(problem.cluster.groups[0]).toMatchObject({ count: 48, perNode: 8, nics: { count: 8 } });
    expect(partition.flat()).toEqual(Array.from({ length: 12 }, () => 8));
    expect(assumptions).toEqual([]);
  });
});

describe('what is not printed', () => {
  it('data follows from the GPU count, the micro-batch is 1, and both are said', () => {
    const { strategy, assumptions } = read({ 'parallel.dp': null, 'train.micro_batch': null });
    expect(strategy).toMatchObject({ data: 4, microBatchSize: 1 });
    expect(assumptions).toContain('micro-batch not printed: 1');
  });

  it('a printed data size that contradicts the GPU count is overruled and said', () => {
    expect(read({ 'parallel.dp': 8 }).assumptions).toContain('data is 4 by the GPU count, not 8');
  });

  it('num_microbatches gives the micro-batch: 1536 ∕ 4 replicas ∕ 96', () => {
    expect(read({ 'train.micro_batch': null, 'train.num_microbatches': 96 }).strategy.microBatchSize).toBe(4);
  });

  it('a format that the GPU lacks falls to the next one, and that is said', () => {
    const { problem, assumptions } = read({ 'train.precision': 'fp8' });
    expect(problem.training.precision).toBe('bf16');
    expect(assumptions).toContain('a100-sxm-80gb has no fp8: bf16');
    expect(read({ 'train.precision': 'nvfp4', 'cluster.gpu': 'H100' }).problem.training.precision).toBe(
      'fp8',
    );
  });

  it('offloaded activations as a share are as many layers', () => {
    expect(
      read({ 'train.activation_offload_ratio': 0.25 }).problem.training.conditions?.offloadedLayers,
    ).toBe(24);
  });

  it('FSDP of Megatron-LM starts whole until its guide recommends the meta device; recipes of NeMo never do', () => {
    const start = (changes: Readonly<Record<string, Json>>): boolean =>
      read({ 'train.zero_stage': 3, ...changes }).problem.training.conditions?.startsWhole ?? false;
    const paper = {
      'source.title': 'MoE Parallel Folding (Liu et al.)',
      'parallel.pp': 1,
      'parallel.dp': 48,
    };
    expect(start({ ...paper, date: '2025-04' })).toBe(true);
    expect(start({ ...paper, date: '2025-10' })).toBe(false);
    expect(start({ ...paper, date: '2025-04', 'train.zero_stage': 1 })).toBe(false);
    expect(
      start({
        'source.title': 'Megatron-Bridge performance summary',
        release: 'NeMo 25.09',
        'train.megatron_fsdp': true,
      }),
    ).toBe(false);
    expect(read({ 'train.zero_stage': 3, ...paper, date: '2025-04' }).assumptions).toContain(
      'parameters are made whole on every GPU before they are sharded',
    );
  });

  it('recipes of NVIDIA store parameters in 8 bits where products run in them; others do not unless they say so', () => {
    const stored = (changes: Readonly<Record<string, Json>>): boolean =>
      read({ 'cluster.gpu': 'H100', ...changes }).problem.training.conditions?.lowPrecisionParameters ??
      false;
    const recipe = { 'source.title': 'Megatron-Bridge performance summary', release: 'NeMo 25.09' };
    expect(stored({ ...recipe, 'train.precision': 'fp8' })).toBe(true);
    expect(stored({ ...recipe, 'train.precision': 'bf16' })).toBe(false);
    expect(stored({ 'source.title': 'Megatron-LM README', 'train.precision': 'fp8' })).toBe(false);
  });

  it('recomputation: none in NVIDIA recipe tables, else the lightest that fits', () => {
    const recipe = {
      'source.title': 'NVIDIA DGX Cloud Benchmarking recipes',
      release: 'v25.02',
      'train.recompute': null,
    };
    expect(read(recipe).recomputeChoices).toEqual([{ kind: 'none' }]);
    expect(read({ 'train.recompute': null }).recomputeChoices.map((each) => each.kind)).toEqual([
      'none',
      'selective',
      'full',
    ]);
    expect(read({}).recomputeChoices).toEqual([]);
    // Praxis, MaxText and EasyLM keep the inputs of layers unless told otherwise.
    expect(read({ 'train.recompute': null, 'source.title': 'Paxml on GPUs' }).recomputeChoices).toEqual([
      { kind: 'full' },
    ]);
  });
});

describe('models', () => {
  it('latent attention, shared experts and leading dense layers of DeepSeek-V3', () => {
    const { problem } = read({
      'model.name': 'DeepSeek-V3',
      'model.layers': 61,
      'model.experts': 256,
      'model.topk': 8,
      'model.moe_ffn': 2048,
      'model.shared_expert_ffn': 2048,
      'model.dense_layers': 3,
      'model.gated_mlp': true,
      'model.mla': { q_lora_rank: 1536, kv_lora_rank: 512, qk_nope_dim: 128, qk_rope_dim: 64, v_dim: 128 },
      'parallel.pp': 1,
      'parallel.dp': 48,
      'parallel.ep': 8,
    });
    const { kinds, layers } = problem.model;
    expect(kinds.map((kind) => kind.name)).toEqual(['latent-attention+dense', 'latent-attention+moe']);
    expect(layers.filter((kind) => kind === 0)).toHaveLength(3);
    expect(kinds[1]?.feedForward).toMatchObject({ kind: 'moe', experts: 256, topK: 8, sharedWidth: 2048 });
  });

  it('Qwen3-Next: three Gated DeltaNet layers to one of full attention; gpt-oss: windows of 128 in every second layer', () => {
    const next = read({ 'model.name': 'Qwen3-Next-80B-A3B', 'model.layers': 48, 'parallel.dp': 4 }).problem
      .model;
    const mixers = next.layers.slice(0, 4).map((kind) => next.kinds[kind]?.mixer.kind);
    expect(mixers).toEqual(['gated-delta-net', 'gated-delta-net', 'gated-delta-net', 'attention']);
    const oss = read({ 'model.name': 'gpt-oss-120b', 'model.layers': 36 }).problem.model;
    expect(oss.layers.slice(0, 4)).toEqual([0, 1, 0, 1]);
    expect(oss.kinds[0]?.mixer).toMatchObject({ span: { kind: 'window', window: 128 }, sinks: true });
  });

  it('Llama 4 Maverick: experts in every second layer', () => {
    const { problem } = read({
      'model.name': 'Llama4-Maverick',
      'model.layers': 48,
      'model.experts': 128,
      'model.topk': 1,
      'model.moe_layer_freq': 2,
    });
    expect(problem.model.layers.slice(0, 4)).toEqual([0, 1, 0, 1]);
  });

  it('Nemotron-H 56B: 54 Mamba-2, 10 attention, 54 feed-forward layers (arXiv 2504.03624)', () => {
    const { problem } = read({
      'model.name': 'Nemotron-H 56B',
      'model.arch': 'hybrid-mamba',
      'model.layers': 118,
      'parallel.pp': 1,
      'parallel.dp': 48,
    });
    const counts = problem.model.kinds.map((kind, i) => [
      kind.name,
      problem.model.layers.filter((each) => each === i).length,
    ]);
    expect(Object.fromEntries(counts)).toEqual({ mamba2: 54, attention: 10, dense: 54 });
  });
});

describe('records that cannot be predicted say why', () => {
  it.each([
    [{ 'model.layers': null }, 'dimensions'],
    [{ 'train.seq': null, 'model.seq': null }, 'sequence length'],
    [{ 'cluster.gpus': 100 }, 'does not divide 100 GPUs'],
    [{ 'cluster.gpus': null, 'parallel.dp': null }, 'number of GPUs'],
    [{ 'train.global_batch': null, 'train.micro_batch': null }, 'neither global batch'],
    [{ 'model.experts': 64, 'parallel.ep': 7 }, 'does not divide'],
    [{ 'model.layers': 1e15 }, 'dimensions'],
    [{ 'cluster.gpus': 524_288, 'parallel.pp': 65_536, 'parallel.vpp': 2000 }, 'chunks for 96 layers'],
    [{ 'cluster.gpus': 4_194_304 }, 'more than any cluster has'],
  ] as const)('%j', (changes, expected) => {
    expect(reason(changes)).toContain(expected);
  });
});

describe('any record', () => {
  const anything = fc.oneof(
    fc.jsonValue({ maxDepth: 3 }),
    fc.constantFrom(null, 0, -1, 1e400, 'full', '8x400Gb/s', true, [], {}),
  );
  const keyed = (fields: Readonly<Record<string, unknown>>): fc.Arbitrary<Record<string, unknown>> =>
    fc.record(
      Object.fromEntries(
        Object.entries(fields).map(([key, value]) => [
          key,
          fc.oneof({ weight: 3, arbitrary: fc.constant(value) }, anything),
        ]),
      ),
    );
  const arbitrary = fc.record({
    source: fc.oneof(fc.constant(record.source), anything),
    release: fc.oneof(fc.constantFrom('NeMo 25.09', null), anything),
    date: fc.oneof(fc.constant('2025-02'), anything),
    model: keyed(record.model),
    cluster: keyed(record.cluster),
    train: keyed(record.train),
    parallel: keyed(record.parallel),
  });

  it('becomes a problem whose sizes multiply to its GPUs and whose layers are all placed, or a reason; nothing throws', () => {
    let problems = 0;
    fc.assert(
      fc.property(arbitrary, (value) => {
        const result = recordProblem(readConfiguration(value));
        if (!result.ok) {
          expect(result.reason).not.toBe('');
          return;
        }
        problems += 1;
        const { strategy, partition, problem } = result.value;
        const placed = partition.flat().reduce((a, b) => a + b, 0);
        const group = problem.cluster.groups[0];
        expect(placed).toBe(problem.model.layers.length);
        expect(partition).toHaveLength(strategy.pipeline);
        expect(gpusUsed(strategy)).toBeLessThanOrEqual(group === undefined ? 0 : group.count * group.perNode);
        expect(problem.training.globalBatchSize % (strategy.data * strategy.microBatchSize)).toBe(0);
      }),
      { numRuns: 2000, seed: 7 },
    );
    // Not all are refused.
    expect(problems).toBeGreaterThan(20);
  });
});
