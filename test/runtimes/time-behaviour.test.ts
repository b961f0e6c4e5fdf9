import { describe, expect, it } from 'vitest';
import type { Training } from '../../src/plan/problem.ts';
import { softwareProfile, timeBehaviour } from '../../src/runtimes/time-behaviour.ts';
import { problemOf } from '../cost/fixtures.ts';

const training = (change: Partial<Training>): Training => problemOf({}, change).training;

describe('what a stack does', () => {
  it.each([
    ['megatron', 'megatron-core'],
    ['torchtitan', 'torchtitan'],
    ['nanotron', 'nanotron'],
    ['deepspeed', 'megatron-deepspeed'],
    ['fsdp', 'pytorch-fsdp'],
  ] as const)('%s is profiled as %s where nothing else is known', (name, profile) => {
    expect(softwareProfile(training({ runtime: { name, version: '1' } }))).toBe(profile);
  });

  it.each([
    ['0.8', undefined, 'cudnn'],
    ['0.9', undefined, 'cudnn-v9'],
    ['0.20', undefined, 'cudnn-v9'],
    ['0.20', '2024-07', 'cudnn'],
    ['0.8', '2024-09', 'cudnn-v9'],
  ] as const)('Transformer Engine of Megatron %s, %s, calls %s on Hopper', (version, softwareDate, want) => {
    const conditions = softwareDate === undefined ? {} : { conditions: { softwareDate } };
    const run = training({
      runtime: { name: 'megatron', version },
      attentionKernel: 'flash3',
      ...conditions,
    });
    expect(timeBehaviour(run, 'hopper').attention).toBe(want);
  });

  it('PyTorch stacks and older GPUs run the kernel that the training names', () => {
    expect(
      timeBehaviour(training({ runtime: { name: 'torchtitan', version: '1' } }), 'hopper').attention,
    ).toBe('flash2');
    expect(timeBehaviour(training({}), 'ampere').attention).toBe('flash2');
  });

  it('unfused attention means a fused softmax in Megatron and PyTorch’s in FSDP, with GPT dropout in classic stacks alone', () => {
    const classic = training({ attentionKernel: 'unfused', conditions: { profile: 'megatron-classic' } });
    expect(timeBehaviour(classic, 'ampere')).toMatchObject({ attention: 'fused-softmax', dropout: true });
    const fsdp = training({ attentionKernel: 'unfused', runtime: { name: 'fsdp', version: '1' } });
    expect(timeBehaviour(fsdp, 'ampere')).toMatchObject({ attention: 'torch', dropout: false });
  });

  it('what is stated wins over habit', () => {
    const stated = training({
      conditions: {
        attention: 'flash1',
        dropout: true,
        cudaGraphs: 'full',
        expertCapacity: 1.5,
        gatheredLogits: true,
      },
    });
    expect(timeBehaviour(stated, 'hopper')).toMatchObject({
      attention: 'flash1',
      dropout: true,
      cudaGraphs: 'full',
      expertCapacity: 1.5,
      gatheredLogits: true,
    });
  });

  it('Megatron-LM hides its backward all-reduces from 2022 on', () => {
    const on = (softwareDate: string): string =>
      timeBehaviour(training({ conditions: { profile: 'megatron-classic', softwareDate } }), 'ampere')
        .hiddenBackward;
    expect(on('2021-06')).toBe('none');
    expect(on('2022-05')).toBe('all');
    expect(timeBehaviour(training({}), 'hopper').hiddenBackward).toBe('all-reduce');
  });
});
