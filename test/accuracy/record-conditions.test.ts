/** What a record says of its kernels: by the code and the tables of the stacks that it names. */
import { describe, expect, it } from 'vitest';
import { recordProblem } from '../../src/accuracy/record-problem.ts';
import { parseMeasuredRuns } from '../../src/ingest/measured-runs.ts';
import type { RunConditions } from '../../src/plan/conditions.ts';
import type { Strategy } from '../../src/strategy/strategy.ts';
import { varied } from './measured-record.ts';
import type { Json } from './measured-record.ts';

const SHARDED = {
  'train.zero_stage': 3,
  'parallel.tp': 1,
  'parallel.pp': 1,
  'parallel.dp': 384,
  'cluster.gpu': 'H100-SXM-80GB',
};

const conditions = (changes: Readonly<Record<string, Json>>): RunConditions => {
  const [line] = parseMeasuredRuns(JSON.stringify(varied({ ...SHARDED, ...changes })));
  if (line?.kind !== 'run') throw new Error('not a run');
  const recorded = recordProblem(line.run.configuration);
  if (!recorded.ok) throw new Error(recorded.reason);
  return recorded.value.problem.training.conditions ?? {};
};

describe('attention kernels', () => {
  it.each([
    ['MosaicML llm-foundry training benchmarks', '2023-2024', 'triton'],
    ['IBM fms-fsdp README', '2024', 'flash2'],
    ['PyTorch FSDP (VLDB 2023)', '2023-04', 'torch'],
    ['Paxml on GPUs', '2023-10', 'fused-softmax'],
    ['MaxText on GPUs', '2025-02', undefined],
  ])('%s of %s runs %s', (title, date, kernel) => {
    expect(conditions({ 'source.title': title, date }).attention).toBe(kernel);
  });

  it('what is printed wins', () => {
    const printed = (kernel: string): RunConditions =>
      conditions({ 'source.title': 'llm-foundry', date: '2024', 'train.attention_kernel': kernel });
    expect(printed('flash_attention2').attention).toBe('flash2');
    expect(printed('triton').attention).toBe('triton');
  });
});

describe('layers whose activations wait on the host', () => {
  const offloaded = (name: string, gpu: string, precision: string, more = {}): number | undefined =>
    conditions({
      'source.title': 'Megatron-Bridge performance summary',
      date: '2025-10',
      'model.name': name,
      'cluster.gpu': gpu,
      'train.precision': precision,
      'train.megatron_fsdp': true,
      ...more,
    }).offloadedLayers;

  // cpu_offloading_num_layers of scripts/performance/configs/llama in NVIDIA-NeMo/Megatron-Bridge.
  it.each([
    ['LLAMA3_70B', 'GB200', 'FP8-CS', 40],
    ['LLAMA3_70B', 'GB200', 'BF16', 20],
    ['LLAMA3_70B', 'GB300', 'BF16', 30],
    ['LLAMA3_70B', 'GB300', 'FP8-CS', 20],
    ['LLAMA3_70B', 'B200', 'FP8-CS', 5],
    ['LLAMA3_70B', 'B200', 'BF16', undefined],
    ['LLAMA3.1_405B', 'GB200', 'FP8 (tensor-wise)', 95],
    ['LLAMA3.1_405B', 'GB300', 'FP8-CS', 10],
    ['LLAMA3_8B', 'GB200', 'FP8-CS', undefined],
  ])('%s on %s in %s: %s', (name, gpu, precision, layers) => {
    expect(offloaded(name, gpu, precision)).toBe(layers);
  });

  it('as printed, and none without FSDP', () => {
    expect(offloaded('LLAMA3_70B', 'GB200', 'FP8', { 'train.cpu_offloading_num_layers': 7 })).toBe(7);
    const pipelined = { 'train.megatron_fsdp': false, 'train.zero_stage': 1 };
    expect(offloaded('LLAMA3_70B', 'GB200', 'FP8', pipelined)).toBeUndefined();
  });
});

const MOE = {
  'source.title': 'Megatron-Bridge performance summary',
  date: '2026-08',
  'cluster.gpu': 'GB200',
  'cluster.gpus': 8,
  'model.experts': 128,
  'model.topk': 8,
  'model.moe_ffn': 768,
  'train.zero_stage': 1,
  'train.precision': 'MXFP8',
  'train.global_batch': 512,
  'train.micro_batch': 4,
  'parallel.dp': 8,
  'parallel.ep': 8,
} as const;

const strategyOf = (changes: Readonly<Record<string, Json>>): Strategy => {
  const [line] = parseMeasuredRuns(JSON.stringify(varied({ ...SHARDED, ...MOE, ...changes })));
  if (line?.kind !== 'run') throw new Error('not a run');
  const recorded = recordProblem(line.run.configuration);
  if (!recorded.ok) throw new Error(recorded.reason);
  return recorded.value.strategy;
};

describe('whole iterations in one graph', () => {
  const full = { 'train.cuda_graph_impl': 'full_iteration' };

  it.each([
    ['MXFP8 on Blackwell', {}, true],
    ['NVFP4 on Blackwell', { 'train.precision': 'NVFP4' }, true],
    ['bf16', { 'train.precision': 'BF16' }, undefined],
    ['scaled by tensor', { 'train.precision': 'FP8-CS' }, undefined],
    ['Hopper', { 'cluster.gpu': 'H100' }, undefined],
    ['padded experts', { 'model.variant': 'tokendrop' }, undefined],
    ['printed otherwise', { 'train.moe_fused_experts': false }, undefined],
  ])('fused experts, %s: %s', (_, changes, fused) => {
    expect(conditions({ ...MOE, ...full, ...changes }).fusedExperts).toBe(fused);
  });

  it('graphs of parts leave experts as they are, unless printed', () => {
    const scope = { 'train.cuda_graph_impl': 'transformer_engine', 'train.cuda_graph_scope': 'attn' };
    expect(conditions({ ...MOE, ...scope }).fusedExperts).toBeUndefined();
    expect(conditions({ ...MOE, ...scope, 'train.moe_fused_experts': true }).fusedExperts).toBe(true);
  });

  it("NVIDIA's recipes overlap the token exchange with them", () => {
    expect(strategyOf(full).overlapExpert).toBe(true);
    expect(strategyOf({}).overlapExpert).toBe(false);
    expect(strategyOf({ ...full, 'train.moe_a2a_overlap': false }).overlapExpert).toBe(false);
    expect(strategyOf({ ...full, 'parallel.ep': 1 }).overlapExpert).toBe(false);
  });
});

describe('token drop', () => {
  it.each([
    ['tokendrop', 1],
    ['tokendrop 1.1', 1.1],
    ['w/ MTP, token-drop 1.25', 1.25],
    ['dropless', null],
    ['w/o MTP', null],
  ])('%s: capacity %s', (variant, capacity) => {
    expect(conditions({ ...MOE, 'model.variant': variant }).expertCapacity).toBe(capacity);
  });
});

describe('8 bits beyond the linears', () => {
  it('attention and output projection where they are printed', () => {
    expect(conditions(MOE)).not.toHaveProperty('lowPrecisionAttention');
    const printed = conditions({
      ...MOE,
      'train.fp8_dot_product_attention': true,
      'train.fp8_output_proj': true,
    });
    expect(printed).toMatchObject({ lowPrecisionAttention: true, lowPrecisionHead: true });
  });
});

describe('habits of single codes', () => {
  // KempnerForge: training/grad.py (no reduction but in the last step), tensor_parallel.py (output gathered to Replicate).
  it('KempnerForge reduces gradients last and takes the loss of gathered half-precision logits', () => {
    const kempner = { accumulatesWhole: true, gatheredLogits: true, halfPrecisionLoss: true };
    expect(conditions({ 'source.title': 'KempnerForge benchmarks', date: '2026-04' })).toMatchObject(kempner);
    expect(conditions({ 'source.title': 'torchtitan', date: '2026-04' })).not.toHaveProperty(
      'accumulatesWhole',
    );
  });

  it('an activation function that is computed again is no module', () => {
    const words = { 'source.title': 'Megatron-LM', 'train.recompute': 'norms and MLP activation function' };
    expect(conditions(words).recomputeActivation).toBe(true);
  });
});

describe('compilers', () => {
  it.each([
    ['torchtitan docs/performance.md 2024', '2024-06', false],
    ['torchtitan H100 benchmarks Dec 2024', '2024-12', undefined],
  ])('%s: compiled %s', (title, date, compiled) => {
    expect(conditions({ 'source.title': title, date }).compiled).toBe(compiled);
  });

  it.each([
    ['PyTorch FSDP, compiled', true],
    ['PyTorch (torch.compile)', true],
    ['torchtitan, eager', false],
    ['PyTorch FSDP, not compiled', false],
    ['PyTorch FSDP', false],
  ])('%s: compiled %s', (framework, compiled) => {
    expect(
      conditions({ 'source.title': 'A blog', 'train.framework': framework, date: '2024-12' }).compiled,
    ).toBe(compiled);
  });

  it('compile torchtitan’s loss since April 2025', () => {
    const fusion = (changes: Readonly<Record<string, Json>>): unknown =>
      conditions({ 'source.title': 'torchtitan on H200', ...changes }).lossFusion;
    expect(fusion({ date: '2024-12' })).toBeUndefined();
    expect(fusion({ date: '2025-06' })).toBe('te');
    expect(fusion({ date: '2025-06', 'train.framework': 'torchtitan, eager' })).toBeUndefined();
  });
});
