import { plainStrategy } from '../../src/strategy/plain.ts';
import type { Strategy } from '../../src/strategy/strategy.ts';

/** One GPU, nothing switched on, with `overrides`. */
export const strategyOf = (overrides: Partial<Strategy> = {}): Strategy =>
  plainStrategy({ dispatcher: 'all-gather', ...overrides });
