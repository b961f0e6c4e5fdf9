import { plainStrategy } from '../../src/strategy/plain.ts';
import type { Strategy } from '../../src/strategy/strategy.ts';

/** A plain strategy on one GPU, with the given keys changed. */
export const strategy = (given: Partial<Strategy> = {}): Strategy =>
  plainStrategy({ dispatcher: 'all-gather', ...given });
