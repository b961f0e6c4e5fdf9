/** FLOPs of one operator; a multiply-add counts 2. */
import type { AttentionSpan } from './model.ts';
import type { CoreAttention, Operator } from './operator.ts';

/** Mean number of keys over the s positions of a causal sequence, where a query sees at most `most` of them. */
const meanOfAtMost = (most: number, sequenceLength: number): number =>
  most >= sequenceLength ? sequenceLength / 2 : most - (most * most) / (2 * sequenceLength);

/** Most keys that a query may see. */
const spanLimit = (span: AttentionSpan): number => {
  switch (span.kind) {
    case 'full':
      return Infinity;
    case 'window':
      return span.window;
    case 'sparse':
      return span.window + span.sink;
  }
};

/**
 * Keys that a query attends to, averaged over a causal sequence of s tokens: s/2 in full attention (the half mask,
 * without its diagonal, as frameworks count), w − w²/2s under a limit of w < s: a window, a window with sinks, or
 * the top-k of a sparse-attention indexer.
 */
export const attendedKeys = (
  operator: Pick<CoreAttention, 'span' | 'topK'>,
  sequenceLength: number,
): number => meanOfAtMost(Math.min(spanLimit(operator.span), operator.topK ?? Infinity), sequenceLength);

/**
 * Forward FLOPs per token: linear 2·k·n; grouped linear the same for each routed copy; core attention
 * 2·heads·(qk + v)·keys; recurrences as stated with them; memory-bound work 0.
 */
export const forwardFlops = (operator: Operator, sequenceLength: number): number => {
  switch (operator.kind) {
    case 'linear':
      return 2 * operator.inputs * operator.outputs;
    case 'grouped-linear':
      return 2 * operator.inputs * operator.outputs * operator.topK;
    case 'core-attention':
      return (
        2 *
        operator.heads *
        (operator.queryKeyDim + operator.valueDim) *
        attendedKeys(operator, sequenceLength)
      );
    case 'recurrence':
      return operator.flopsPerToken;
    case 'pointwise':
      return 0;
  }
};
