/** Layer mixes of hybrid models: which layers are Mamba-2, attention, feed-forward or experts. */
import type { Mamba2 } from '../../model/model.ts';

export type HybridLayer = 'M' | '*' | '-' | 'E';

export interface HybridMix {
  /** M Mamba-2, * attention, - dense feed-forward, E experts. */
  readonly pattern: readonly HybridLayer[];
  readonly mamba: Mamba2;
  /** Experts work on this width; null: on the hidden width. */
  readonly latent: number | null;
  readonly assumption: string | null;
}

const mamba = (heads: number, state: number): Mamba2 => ({
  kind: 'mamba2',
  heads,
  headDim: 64,
  state,
  groups: 8,
  convolution: 4,
  chunk: 128,
});

/** Attention layers spread evenly, the rest in turn Mamba and feed-forward. */
const spread = (layers: number, attention: number, feedForward: HybridLayer): readonly HybridLayer[] => {
  let other = 0;
  return Array.from({ length: layers }, (_, i): HybridLayer => {
    const due = Math.floor(((i + 1) * attention) / layers) > Math.floor((i * attention) / layers);
    if (due) return '*';
    other += 1;
    return other % 2 === 1 ? 'M' : feedForward;
  });
};

/**
 * Nemotron-H 56B: 54 Mamba-2, 10 attention, 54 feed-forward layers; 8B: 24, 4, 24 (arXiv 2504.03624, table 1).
 * Nemotron 3 Nano and 3.5 Lightning: hybrid_override_pattern of its config.json: 23 Mamba-2, 6 attention, 23 expert layers; Super: 40,
 * 8, 40 with a latent width of 1024 (its config.json).
 */
const KNOWN: readonly (readonly [RegExp, number, (layers: number) => HybridMix])[] = [
  [
    /nemotron.?h.*56b/,
    118,
    (layers) => ({
      pattern: spread(layers, 10, '-'),
      mamba: mamba(256, 256),
      latent: null,
      assumption: null,
    }),
  ],
  [
    /nemotron.?h.*8b/,
    52,
    (layers) => ({ pattern: spread(layers, 4, '-'), mamba: mamba(128, 128), latent: null, assumption: null }),
  ],
  [
    /nemotron.*3.*(?:nano|lightning)/,
    52,
    (layers) => ({ pattern: spread(layers, 6, 'E'), mamba: mamba(64, 128), latent: null, assumption: null }),
  ],
  [
    /nemotron.*3.*super/,
    88,
    (layers) => ({ pattern: spread(layers, 8, 'E'), mamba: mamba(128, 128), latent: 1024, assumption: null }),
  ],
];

/** One attention layer in twelve, as hybrids commonly have, where the name is not known. */
const USUAL_ATTENTION_SHARE = 1 / 12;

export const hybridMix = (name: string, layers: number, hidden: number, experts: boolean): HybridMix => {
  const words = name.toLowerCase();
  const known = KNOWN.find(([pattern, depth]) => pattern.test(words) && depth === layers);
  if (known !== undefined) return known[2](layers);
  const attention = Math.max(1, Math.round(layers * USUAL_ATTENTION_SHARE));
  return {
    pattern: spread(layers, attention, experts ? 'E' : '-'),
    mamba: mamba(Math.max(8, Math.round((2 * hidden) / 64 / 8) * 8), 128),
    latent: null,
    assumption: `layer mix of ${name.slice(0, 60)} is not recorded: ${attention} attention layers of ${layers}, the rest half Mamba-2`,
  };
};
