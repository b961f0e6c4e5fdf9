import type { Recompute, Strategy } from '../strategy/strategy.ts';
import type { SwitchOrder } from './bounds.ts';
import type { Frame } from './space.ts';

/** An open part of the space, looked at ever more closely; `orders` are known from the family on. */
export type OpenPart =
  | { readonly kind: 'glance' | 'peek'; readonly frames: readonly Frame[] }
  | { readonly kind: 'family'; readonly frames: readonly Frame[]; readonly orders: readonly SwitchOrder[] }
  | { readonly kind: 'frame'; readonly frame: Frame; readonly orders: readonly SwitchOrder[] }
  | {
      readonly kind: 'blocks';
      readonly frame: Frame;
      readonly orders: readonly SwitchOrder[];
      readonly chain: Chain;
    }
  | { readonly kind: 'layout'; readonly frame: Frame; readonly layout: Strategy };

/** Recomputed blocks from the smallest to all layers: each is slower than the one before and takes less memory. */
export interface Chain {
  readonly recomputes: readonly Recompute[];
  /** The first one may fit, and so may all others. */
  readonly mayFit: boolean;
}

export const isBlock = ({ kind }: Recompute): boolean => kind === 'full-block' || kind === 'full';

const sizeOf = (recompute: Recompute): number =>
  recompute.kind === 'full-block' ? recompute.layers : Infinity;

export const bySize = (a: Recompute, b: Recompute): number => (sizeOf(a) < sizeOf(b) ? -1 : 1);
