/** Model chunks per stage where the source does not print them. */
import type { RunConfiguration } from '../../ingest/measured-configuration.ts';
import type { Layout } from './layout.ts';
import type { Software } from './software.ts';

/** Stacks whose published layouts interleave as deeply as the layers allow when a pipeline is used. */
const interleavesFully = (configuration: RunConfiguration, software: Software): boolean =>
  software.recipe || /interleav/i.test(configuration.parallel.schedule ?? '');

/**
 * Printed, or 1 without a pipeline. Else, in NVIDIA's recipes and where the schedule is called interleaved, one layer
 * a chunk when the layers (with embedding and output layer, where they alone do not) divide and the micro-batches fill
 * whole groups; 1 elsewhere.
 */
export const virtualStagesOf = (
  configuration: RunConfiguration,
  software: Software,
  layout: Layout,
  layers: number,
  assumptions: string[],
): number => {
  const printed = configuration.parallel.virtualStages;
  if (layout.pipeline === 1) return 1;
  if (printed !== null) return Math.min(printed, layers + 2);
  // Embedding and output layer may count as a layer each: 126 layers are 128 chunks.
  const units = [layers, layers + 2].find((count) => count % layout.pipeline === 0);
  const full = layout.microBatches % layout.pipeline === 0 && interleavesFully(configuration, software);
  const chunks = units !== undefined && full ? units / layout.pipeline : 1;
  assumptions.push(`virtual stages not printed: ${chunks}`);
  return chunks;
};
