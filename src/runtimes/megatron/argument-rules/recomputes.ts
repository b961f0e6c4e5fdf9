import { has, textOf } from '../arguments.ts';
import type { ArgumentMap } from '../arguments.ts';

/** Granularity of recomputation: the older switch turns whatever is asked for into a selective one. */
export const recomputes = (given: ArgumentMap): string | null =>
  has(given, '--recompute-activations') ? 'selective' : textOf(given, '--recompute-granularity');
