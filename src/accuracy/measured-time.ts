/** Iteration time of a record: printed, or from the throughput that is printed. */
import { fullAttentionFlopsPerToken, narayananFlopsPerToken } from '../model/flops.ts';
import type { RunOutcome } from '../ingest/measured-outcome.ts';
import type { RecordedProblem } from './record-problem.ts';

/**
 * Seconds per iteration, in order: as printed; tokens of a batch over tokens/s; FLOPs of a batch over TFLOP/s or over
 * MFU × peak, counted as 6N + 12Lsh (with the recomputed forward where the source says so, or where it prints
 * TFLOP/s of a fully recomputed run without a convention). null: none of them.
 */
export const measuredIterationTime = (
  outcome: RunOutcome,
  recorded: RecordedProblem | null,
): number | null => {
  if (outcome.iterationTimeS !== null) return outcome.iterationTimeS;
  if (recorded === null) return null;
  const { training, cluster, model } = recorded.problem;
  const gpus =
    recorded.strategy.tensor *
    recorded.strategy.pipeline *
    recorded.strategy.context *
    recorded.strategy.data;
  const tokens = training.globalBatchSize * training.sequenceLength;
  if (outcome.tokensPerSecondPerGpu !== null) return tokens / (outcome.tokensPerSecondPerGpu * gpus);
  const convention = (outcome.tflopsConvention ?? '').toLowerCase();
  const unstated =
    convention === '' && outcome.tflopsPerGpu !== null && recorded.strategy.recompute.kind === 'full';
  const flopsPerToken =
    convention.startsWith('hardware') || unstated ? narayananFlopsPerToken : fullAttentionFlopsPerToken;
  const work = tokens * flopsPerToken(model, training.sequenceLength);
  if (outcome.tflopsPerGpu !== null) return work / (outcome.tflopsPerGpu * 1e12 * gpus);
  const accelerator = cluster.groups[0]?.accelerator;
  const peak =
    outcome.mfuPeakTflops === null
      ? (accelerator?.peak.bf16 ?? accelerator?.peak.fp16)
      : outcome.mfuPeakTflops * 1e12;
  return outcome.mfu === null || peak === undefined ? null : work / (outcome.mfu * peak * gpus);
};
