/**
 * Which memory figure a source reports, and of which rank: by source, as their code and text say
 * (huggingface/nanotron @ 0e0a27ea helpers.py:674; NVIDIA/Megatron-LM @ d98e8a6 training/global_vars.py:241).
 */
import type { SoftwareProfile } from '../../plan/conditions.ts';

export interface MemoryView {
  readonly kind: 'allocated' | 'reserved' | 'device';
  /** Stage of the rank that prints: the first, the last, or the fullest of all. */
  readonly stage: 'first' | 'last' | 'largest';
}

const NAMED: readonly (readonly [RegExp, MemoryView])[] = [
  [/nanotron|ultra-?scale/, { kind: 'reserved', stage: 'first' }],
  [/golden|functional test/, { kind: 'allocated', stage: 'last' }],
  [/vocabularyparallelism artifact/, { kind: 'reserved', stage: 'largest' }],
  [/balancing pipeline|zero bubble/, { kind: 'allocated', stage: 'largest' }],
  [/torchtitan/, { kind: 'reserved', stage: 'largest' }],
  [/bigscience|flagperf/, { kind: 'device', stage: 'largest' }],
  [/megatron-bridge/, { kind: 'allocated', stage: 'first' }],
  [/kwai|simumax|kempner/, { kind: 'allocated', stage: 'largest' }],
];

/** Where nothing is known: Megatron logs what its allocator handed out, the others what it reserved. */
export const memoryView = (title: string, profile: SoftwareProfile): MemoryView => {
  const words = title.toLowerCase();
  const named = NAMED.find(([pattern]) => pattern.test(words))?.[1];
  if (named !== undefined) return named;
  return { kind: profile.startsWith('megatron') ? 'allocated' : 'reserved', stage: 'largest' };
};
