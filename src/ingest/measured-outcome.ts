/** What somebody measured of a run, and what readers noted about it: for scoring, never for predicting. */
import { flag, positive, section, text } from './measured-fields.ts';
import type { Fields } from './measured-fields.ts';

export interface RunOutcome {
  readonly iterationTimeS: number | null;
  readonly tokensPerSecondPerGpu: number | null;
  readonly tflopsPerGpu: number | null;
  readonly tflopsConvention: string | null;
  /** Fraction of `mfuPeakTflops`. */
  readonly mfu: number | null;
  readonly mfuPeakTflops: number | null;
  readonly peakMemoryGib: number | null;
  readonly oom: boolean | null;
  /** ok, oom, crashed_or_oom. */
  readonly status: string | null;
  /** table, log, sweep, suspect. */
  readonly quality: string | null;
  readonly usable: {
    readonly timing: boolean | null;
    readonly timingWithoutMicroBatch: boolean | null;
    readonly memory: boolean | null;
    readonly oom: boolean | null;
  };
}

export const readOutcome = (record: Fields): RunOutcome => {
  const measured = section(record, 'measured');
  const usable = section(record, 'usable');
  return {
    iterationTimeS: positive(measured, 'iteration_time_s'),
    tokensPerSecondPerGpu: positive(measured, 'tokens_per_s_per_gpu'),
    tflopsPerGpu: positive(measured, 'tflops_per_gpu'),
    tflopsConvention: text(measured, 'tflops_convention'),
    mfu: positive(measured, 'mfu'),
    mfuPeakTflops: positive(measured, 'mfu_peak_tflops'),
    peakMemoryGib: positive(measured, 'peak_memory_gib'),
    oom: flag(measured, 'oom'),
    status: text(record, 'status'),
    quality: text(record, 'quality'),
    usable: {
      timing: flag(usable, 'timing'),
      timingWithoutMicroBatch: flag(usable, 'timing_without_micro_batch'),
      memory: flag(usable, 'memory'),
      oom: flag(usable, 'oom'),
    },
  };
};
