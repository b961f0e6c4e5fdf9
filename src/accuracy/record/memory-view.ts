/**
 * Which memory figure a source reports, and of which rank: by source, as their code and text say
 * (huggingface/nanotron @ 0e0a27ea helpers.py:674; NVIDIA/Megatron-LM @ d98e8a6 training/global_vars.py:241).
 */
import type { MemoryKind } from '../../cost/memory.ts';
import type { SoftwareProfile } from '../../plan/conditions.ts';

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
  // KempnerForge @ 43f8878 benchmarks/config_validation: rank 0 prints, which is on the first stage.
  [/kempner/, { kind: 'allocated', stage: 'first' }],
  [/kwai|simumax/, { kind: 'allocated', stage: 'largest' }],
];

const namedView = (title: string): Omit<MemoryView, 'bound'> | null => {
  const words = title.toLowerCase();
  return NAMED.find(([pattern]) => pattern.test(words))?.[1] ?? null;
};

interface Ran {
  readonly profile: SoftwareProfile;
  /** null: its name is known. */
  readonly assumption: string | null;
}

/** Software that logs by Megatron's own code. Relatives that are predicted as Megatron log with a code of their own. */
const LOGS_AS_MEGATRON = /megatron|nemo|mcore|\bdgx\b/;

/**
 * Where nothing is known, the middle one: Megatron logs what its allocator handed out, the others what it reserved. The
 * bound holds for all that the device has in use, which is what a reader of `nvidia-smi` prints.
 */
export const memoryView = (
  title: string,
  framework: string | null,
  { profile, assumption }: Ran,
): MemoryView => {
  const named = namedView(title);
  if (named !== null) return { ...named, bound: named.kind };
  const megatron =
    LOGS_AS_MEGATRON.test((framework ?? title).toLowerCase()) && profile.startsWith('megatron');
  const kind = assumption === null && megatron ? 'allocated' : 'reserved';
  return { kind, stage: 'largest', bound: 'device' };
};
