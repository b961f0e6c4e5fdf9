/**
 * Nanotron's published sweep mixes builds of the runtime and does not print which ran. Its largest jobs behave like the
 * build whose host waits in point-to-point calls: no freed block outlives a micro-batch there. The rule reads sizes
 * alone; it is the one by which headline figures leave out jobs of 512 GPUs (compare.ts), and its twin by work.
 */
import type { RunConfiguration } from '../../ingest/measured-configuration.ts';

const MANY_GPUS = 512;
/** Parameters × GPUs: jobs of 3B on 256 and of 8B on 128 are below it, of 8B on 256 and of 80B on 64 above. */
const MUCH_WORK = 1.5e12;

const parametersOf = ({ model }: RunConfiguration): number => {
  const { layers, hidden, ffn, vocabulary } = model;
  if (layers === null || hidden === null) return 0;
  return layers * hidden * (4 * hidden + 3 * (ffn ?? 4 * hidden)) + 2 * (vocabulary ?? 0) * hidden;
};

/** Whether the host of a run with pipeline stages keeps ahead of its GPU, so that freed blocks wait. */
export const hostRunsAhead = (configuration: RunConfiguration, gpus: number): boolean =>
  gpus < MANY_GPUS && parametersOf(configuration) * gpus < MUCH_WORK;
