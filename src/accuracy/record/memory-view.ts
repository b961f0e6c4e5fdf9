/**
 * Which memory figure a source reports, and of which rank: by source, as their code and text say
 * (huggingface/nanotron @ 0e0a27ea helpers.py:674; NVIDIA/Megatron-LM @ d98e8a6 training/global_vars.py:241).
 */
import type { MemoryKind } from '../../cost/memory.ts';
import type { Software } from './software.ts';

export interface MemoryView {
  readonly kind: MemoryKind;
  /** Stage of the rank that prints: the first, the last, or the fullest of all. */
  readonly stage: 'first' | 'last' | 'largest';
  /** Kind that the bound holds for: of a figure whose kind is not known, a larger one. */
  readonly bound: MemoryKind;
}

const NAMED: readonly (readonly [RegExp, Omit<MemoryView, 'bound'>])[] = [
  [/nanotron|ultra-?scale/, { kind: 'reserved', stage: 'first' }],
  [/golden|functional test/, { kind: 'allocated', stage: 'last' }],
  [/vocabularyparallelism artifact/, { kind: 'reserved', stage: 'largest' }],
  [/balancing pipeline|zero bubble/, { kind: 'allocated', stage: 'largest' }],
  [/torchtitan/, { kind: 'reserved', stage: 'largest' }],
  [/bigscience|flagperf/, { kind: 'device', stage: 'largest' }],
  [/megatron-bridge/, { kind: 'allocated', stage: 'first' }],
  [/kwai|simumax|kempner/, { kind: 'allocated', stage: 'largest' }],
];

/**
 * Where nothing is known: Megatron logs what its allocator handed out, the others what it reserved. The bound then holds
 * for what the allocator reserved (Megatron), or for all that the device has in use.
 */
export const memoryView = (title: string, { profile, assumption }: Software): MemoryView => {
  const words = title.toLowerCase();
  const named = NAMED.find(([pattern]) => pattern.test(words))?.[1];
  if (named !== undefined) return { ...named, bound: named.kind };
  return assumption === null && profile.startsWith('megatron')
    ? { kind: 'allocated', stage: 'largest', bound: 'reserved' }
    : { kind: 'reserved', stage: 'largest', bound: 'device' };
};
