import type { ContextCommunication, Dispatcher, Recompute } from '../strategy/strategy.ts';

/** The keys of a strategy that activation bytes depend on, and the sequence. */
export interface ActivationShape {
  readonly tensor: number;
  readonly sequenceParallel: boolean;
  readonly context: number;
  readonly contextCommunication: ContextCommunication;
  readonly expert: number;
  readonly expertTensor: number;
  readonly dispatcher: Dispatcher;
  readonly recompute: Recompute;
  readonly sequenceLength: number;
  /** Softmax scores are written to memory. */
  readonly unfused: boolean;
  /** Routed copies per token and chosen expert: 1, or the capacity factor. */
  readonly capacity: number;
  /** Scaled inputs of matrix products are kept in 8 bits. */
  readonly fp8: boolean;
}
