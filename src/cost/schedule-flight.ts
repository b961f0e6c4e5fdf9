/** How many activations a stage holds at once. */
import type { ScheduleShape } from './schedule-order.ts';
import { warmupPasses } from './schedule-order.ts';
import type { VocabularyPlacement } from '../strategy/strategy.ts';

/**
 * Chunk activations (one micro-batch through one model chunk of the stage) alive at the peak of a stage.
 *
 * - GPipe: m. 1F1B: min(m, p−r). Interleaved: min(m·v, 2(p−1−r) + (v−1)·G + 1), so the last stage holds (v−1)·G + 1
 *   (NVIDIA/Megatron-LM @ d98e8a6 megatron/core/pipeline_parallel/schedules.py:955-979).
 * - ZB-H1 delays weight gradients by r micro-batches: min(m, p) on every stage; ZB-H2 min(m, 2(p−1−r) + 1 + r)
 *   (Qi et al., Zero Bubble Pipeline Parallelism).
 * - V-ZB: p micro-batches, that is 2p chunks of half a stage; V-Half p + 3: p/2 + 1.5 micro-batches measured on its
 *   authors' runs; DualPipe-V 2p + 2 (deepseek-ai/DualPipe README @ 3da1bbe: p + 1 micro-batches).
 * - Vocabulary passes postpone the first backward: vocab-1 by two micro-batches, vocab-2 by one; interlaced holds
 *   1.5 times the 1F1B count and one half more (sail-sg/VocabularyParallelism @ 6191c3b README).
 */
export const inFlight = (
  shape: ScheduleShape,
  stage: number,
  vocabulary: VocabularyPlacement = 'last',
): number => {
  const { schedule, stages, virtualStages, microBatches } = shape;
  const most = microBatches * virtualStages;
  const extra = vocabulary === 'vocab-1' ? 2 : vocabulary === 'vocab-2' ? 1 : 0;
  switch (schedule) {
    case 'gpipe':
      return most;
    case '1f1b':
    case 'interleaved': {
      const live = warmupPasses(shape, stage) + 1;
      return Math.min(most, vocabulary === 'interlaced' ? 1.5 * live + 0.5 : live + extra);
    }
    case 'zb-h1':
      return Math.min(most, stages + extra);
    case 'zb-h2':
      return Math.min(most, 2 * (stages - 1 - stage) + 1 + stage + extra);
    case 'zb-v':
      return Math.min(most, 2 * (stages + extra));
    case 'v-half':
      return Math.min(most, stages + 3 + 2 * extra);
    case 'dualpipe-v':
      return Math.min(most, 2 * (stages + 1 + extra));
  }
};
