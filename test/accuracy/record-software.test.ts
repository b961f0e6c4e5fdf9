/** Which software a record names, and what one without a known name is predicted as. */
import { describe, expect, it } from 'vitest';
import { recordProblem } from '../../src/accuracy/record-problem.ts';
import type { RecordedProblem } from '../../src/accuracy/record-problem.ts';
import { readConfiguration } from '../../src/ingest/measured-configuration.ts';
import { varied } from './measured-record.ts';
import type { Json } from './measured-record.ts';

const read = (changes: Readonly<Record<string, Json>>): RecordedProblem => {
  const result = recordProblem(readConfiguration(varied(changes)));
  if (!result.ok) throw new Error(result.reason);
  return result.value;
};

describe('software', () => {
  const profile = (title: string, changes: Readonly<Record<string, Json>> = {}): string =>
    read({ 'source.title': title, ...changes }).software.profile;
  it.each([
    ['Nanotron Ultra-Scale Playbook benchmark sweep', {}, 'nanotron'],
    ['torchtitan H100 benchmarks Dec 2024', {}, 'torchtitan'],
    ['MosaicML llm-foundry training benchmarks', {}, 'pytorch-fsdp'],
    ['IBM fms-fsdp README', {}, 'pytorch-fsdp'],
    ['vTrain (MICRO 2024) validation data', {}, 'megatron-deepspeed'],
    ['BigScience BLOOM engineering chronicles (prequel)', {}, 'megatron-deepspeed'],
    ['Hagemann et al., Efficient Parallelization Layouts', {}, 'scaling'],
    ['Zero Bubble Pipeline Parallelism (ICLR 2024)', { date: '2023-11' }, 'megatron-classic'],
    ['Megatron-Bridge performance summary', { release: 'NeMo 26.02' }, 'megatron-core'],
    [
      'Megatron-Bridge performance summary',
      { release: 'NeMo 26.02', 'train.megatron_fsdp': true },
      'megatron-fsdp',
    ],
    ['Some blog', { date: '2025-03' }, 'generic'],
    ['Some blog', { date: '2022-03' }, 'megatron-deepspeed'],
    ['Some blog', { date: '2025-03', 'train.precision': 'fp8' }, 'megatron-core'],
    [
      'Some blog',
      { date: '2025-03', 'train.zero_stage': 3, 'parallel.pp': 1, 'parallel.tp': 2 },
      'torchtitan',
    ],
    [
      'Some blog',
      { date: '2023-03', 'train.zero_stage': 3, 'parallel.pp': 1, 'parallel.tp': 1 },
      'pytorch-fsdp',
    ],
    ['NeMo AutoModel performance summary', { date: '2025-10' }, 'torchtitan'],
    ['Megatron-FSDP benchmarks', { date: '2025-10' }, 'megatron-fsdp'],
    ['KempnerForge benchmarks', { date: '2026-04' }, 'torchtitan'],
    ['EasyLM on GPUs', { date: '2023-06' }, 'jax'],
    ['Colossal-AI blog', { date: '2023-06' }, 'megatron-deepspeed'],
    ['OPT-175B (metaseq chronicles)', { date: '2022-06' }, 'pytorch-fsdp'],
    ['GPT-NeoX performance', { date: '2022-06' }, 'megatron-deepspeed'],
    ['SimuMax validation', { date: '2025-10' }, 'megatron-core'],
    ['Galvatron', { date: '2023-02' }, 'megatron-classic'],
    ['Some blog', { 'train.framework': 'torchtitan', date: '2025-03' }, 'torchtitan'],
    // Stacks of a code of their own go by their split.
    ['InternEvo', { date: '2023-11' }, 'generic'],
    [
      'Colossal-AI blog',
      { date: '2024-06', 'train.sharding': 'FULL_SHARD', 'parallel.pp': 1 },
      'pytorch-fsdp',
    ],
    ['PaddleNLP', { date: '2024-03' }, 'generic'],
    // Sharding in PyTorch's words under Megatron's name, before Megatron could shard.
    ['LLM-jp', { date: '2023-10', 'train.sharding': 'FULL_SHARD', 'parallel.pp': 1 }, 'pytorch-fsdp'],
    // Hugging Face's layers, whoever shards them.
    ['Some blog', { date: '2024-05', 'train.framework': 'DeepSpeed ZeRO-3, Hugging Face' }, 'pytorch-fsdp'],
    ['XTuner with DeepSpeed', { date: '2024-05' }, 'pytorch-fsdp'],
  ] as const)('%s', (title, changes, expected) => {
    expect(profile(title, changes)).toBe(expected);
  });

  it('an unknown stack falls back by what is sharded, and says so', () => {
    const sharded = {
      'train.zero_stage': 3,
      'parallel.pp': 1,
      'parallel.tp': 1,
      'cluster.gpus': 512,
      'parallel.dp': 512,
    };
    const { software } = read({ 'source.title': 'Some blog', ...sharded });
    expect(software.profile).toBe('pytorch-fsdp');
    expect(software.assumption).toMatch(/unknown/);
  });
});

describe('reduction of gradients', () => {
  const overlapped = (title: string, changes: Readonly<Record<string, Json>> = {}): boolean =>
    read({ 'source.title': title, 'train.sharding': 'DDP', date: '2024-05', ...changes }).strategy
      .overlapGradients;
  it('runs beside backward in PyTorch’s DDP (Li et al., VLDB 2020), not in Megatron of 2021', () => {
    expect(overlapped('nanoGPT README', { 'parallel.pp': 1 })).toBe(true);
    expect(overlapped('Narayanan et al. SC21', { date: '2021-04' })).toBe(false);
  });

  it('keeps the format of the parameters under DeepSpeed', () => {
    const gradients = (framework: string): string =>
      read({ 'train.framework': framework, 'train.precision': 'bf16', date: '2024-05' }).problem.training
        .optimizer.gradients;
    expect(gradients('DeepSpeed ZeRO-3, Hugging Face')).toBe('bf16');
    expect(gradients('FSDP, Hugging Face')).toBe('fp32');
  });
});

describe('formats of the optimizer', () => {
  const of = (changes: Readonly<Record<string, Json>>): RecordedProblem['problem']['training'] =>
    read({ 'source.title': 'A blog', 'train.precision': 'bf16', date: '2024-09', ...changes }).problem
      .training;
  it.each([
    ['adamw (bf16 moments)', 'bf16'],
    ['8-bit paged AdamW', 'fp8'],
    ['adamw', 'fp32'],
  ])('%s: moments in %s', (words, states) => {
    expect(of({ 'train.optimizer': words }).optimizer).toMatchObject({ states, mainParameters: 'fp32' });
  });

  it('are all bf16 in torchtune (dtype: bf16 in its recipes), with no gradient kept where the step is in backward', () => {
    const training = of({
      'train.framework': 'torchtune',
      'train.optimizer': 'adamw, step inside the backward pass',
    });
    expect(training.optimizer).toMatchObject({ states: 'bf16', mainParameters: 'bf16' });
    expect(training.conditions?.stepsInBackward).toBe(true);
  });

  it('runs DeepSpeed around Hugging Face’s layers', () => {
    const training = of({ 'train.framework': 'DeepSpeed ZeRO-3, Hugging Face' });
    expect([training.runtime.name, training.conditions?.profile]).toEqual(['deepspeed', 'pytorch-fsdp']);
  });
});

describe('sharding in words', () => {
  const sharding = (changes: Readonly<Record<string, Json>>): string =>
    read({
      'source.title': 'A blog',
      date: '2024-05',
      'parallel.pp': 1,
      'parallel.dp': 48,
      'train.zero_stage': null,
      'train.distributed_optimizer': null,
      ...changes,
    }).strategy.sharding;
  it.each([
    [{ 'train.sharding': 'ZeRO stage 2' }, 'gradients'],
    [{ 'train.sharding': 'zero3' }, 'parameters'],
    [{ 'train.sharding': 'ZeRO-1' }, 'optimizer'],
    [{ 'train.framework': 'DeepSpeed ZeRO-2' }, 'gradients'],
    [{ 'train.framework': 'PyTorch Lightning, DDP' }, 'none'],
    [{ 'train.fsdp': true }, 'parameters'],
  ] as const)('%j', (changes, expected) => {
    expect(sharding(changes)).toBe(expected);
  });

  it('a bare yes or no of recomputation means whole layers', () => {
    const recompute = (printed: boolean): string =>
      read({ 'train.recompute': printed }).strategy.recompute.kind;
    expect([recompute(true), recompute(false)]).toEqual(['full', 'none']);
  });
});

describe('a benchmark of several stacks', () => {
  it('is none of those that its title stands for where the framework has a code of its own', () => {
    const of = (framework: string): string =>
      read({ 'source.title': 'FlagPerf training results', date: '2024-06', 'train.framework': framework })
        .software.profile;
    expect(of('PaddlePaddle 2.5.1 (PaddleNLP)')).toBe('generic');
    expect(of('Megatron-LM core_v0.6.0')).toBe('megatron-core');
    expect(of('PyTorch 2.3')).toBe('megatron-core');
  });
});
