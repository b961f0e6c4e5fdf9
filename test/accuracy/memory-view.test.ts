/** Which memory figure a source prints: by source where its code says, else the middle one with a bound on the largest. */
import { describe, expect, it } from 'vitest';
import { memoryView } from '../../src/accuracy/record/memory-view.ts';
import type { Software } from '../../src/accuracy/record/software.ts';

const software = (profile: Software['profile'], assumption: string | null): Software => ({
  runtime: 'megatron',
  profile,
  date: null,
  recipe: false,
  bf16Gradients: false,
  overlapsTensor: false,
  fusesLoss: false,
  pureLowPrecision: false,
  boundedBy: [],
  assumption,
});

describe('memory figure', () => {
  it('of a known source is the one that its code prints', () => {
    expect(memoryView('Nanotron Ultra-Scale Playbook', null, software('nanotron', null))).toEqual({
      kind: 'reserved',
      stage: 'first',
      bound: 'reserved',
    });
  });

  it('of KempnerForge is that of rank 0, on the first stage', () => {
    expect(memoryView('KempnerForge benchmarks', null, software('torchtitan', null))).toEqual({
      kind: 'allocated',
      stage: 'first',
      bound: 'allocated',
    });
  });

  it('of a Megatron run elsewhere is allocated, bounded by the whole device', () => {
    expect(memoryView('A cluster report on Megatron-LM', null, software('megatron-core', null))).toEqual({
      kind: 'allocated',
      stage: 'largest',
      bound: 'device',
    });
  });

  it('of unknown software is reserved, bounded by the whole device', () => {
    for (const profile of ['generic', 'megatron-core', 'megatron-deepspeed', 'pytorch-fsdp'] as const)
      expect(memoryView('A blog', null, software(profile, 'unknown'))).toEqual({
        kind: 'reserved',
        stage: 'largest',
        bound: 'device',
      });
  });

  it('of relatives that are predicted as Megatron, but log otherwise, is reserved', () => {
    const known = software('megatron-deepspeed', null);
    expect(memoryView('A blog', 'DeepSpeed ZeRO-2', known).kind).toBe('reserved');
    expect(memoryView('A blog', 'Megatron-DeepSpeed', known).kind).toBe('allocated');
  });
});
