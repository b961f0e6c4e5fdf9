import { chunkOrder } from './partition.ts';
import type { Partition, Schedule } from './strategy.ts';

/** Where Megatron counts something else than a layer, or a stage has a layer count of its own. */
export interface SplitOptions {
  /** Embedding, loss: counted as one layer on the first, last stage. */
  readonly accountForEmbedding?: boolean;
  readonly accountForLoss?: boolean;
  /** Layers of the whole first, last stage; the rest is split evenly over the others. */
  readonly first?: number | null;
  readonly last?: number | null;
}

export type SplitResult =
  { readonly ok: true; readonly partition: Partition } | { readonly ok: false; readonly reason: string };

const fail = (reason: string): SplitResult => ({ ok: false, reason });

const filled = <T>(length: number, value: T): T[] => Array.from({ length }, () => value);

/** The same number of layers in every chunk; null where the chunks do not divide the layers. */
export const evenPartition = (layers: number, pipeline: number, virtualStages: number): Partition | null => {
  const perChunk = layers / (pipeline * virtualStages);
  return Number.isInteger(perChunk) ? filled(pipeline, filled(virtualStages, perChunk)) : null;
};

/**
 * Chunks that differ by at most one layer, for layer counts that the chunks do not divide. Lighter by one layer are
 * first the last chunk, then the first (head and embedding stand there), then those before the last.
 */
export const nearEvenPartition = (
  layers: number,
  pipeline: number,
  virtualStages: number,
  schedule: Schedule,
): Partition => {
  const order = chunkOrder(pipeline, virtualStages, schedule);
  const last = order.length - 1;
  const least = Math.floor(layers / order.length);
  const lighter = order.length - (layers % order.length);
  const isLighter = (chunk: number): boolean =>
    chunk === last || (chunk === 0 ? lighter > 1 : chunk >= order.length + 1 - lighter);
  const partition = Array.from({ length: pipeline }, () => filled(virtualStages, least));
  for (const [chunk, { stage, virtualStage }] of order.entries()) {
    const row = partition[stage];
    if (row !== undefined && !isLighter(chunk)) row[virtualStage] = least + 1;
  }
  return partition;
};

const countedSplit = (
  layers: number,
  pipeline: number,
  virtualStages: number,
  embedding: number,
  loss: number,
): SplitResult => {
  const counted = layers + embedding + loss;
  const perChunk = counted / (pipeline * virtualStages);
  if (!Number.isInteger(perChunk)) {
    return fail(
      `${counted} layers, with what counts as one, do not divide over ${pipeline} × ${virtualStages} chunks`,
    );
  }
  const partition = Array.from({ length: pipeline }, (_, stage) =>
    Array.from({ length: virtualStages }, (__, chunk) => {
      const isFirst = stage === 0 && chunk === 0;
      const isLast = stage === pipeline - 1 && chunk === virtualStages - 1;
      return perChunk - (isFirst ? embedding : 0) - (isLast ? loss : 0);
    }),
  );
  return partition.flat().some((count) => count < 0)
    ? fail('too few layers to count embedding and loss')
    : { ok: true, partition };
};

const unevenSplit = (
  layers: number,
  pipeline: number,
  virtualStages: number,
  first: number | null,
  last: number | null,
): SplitResult => {
  const between = pipeline - (first === null ? 0 : 1) - (last === null ? 0 : 1);
  const rest = layers - (first ?? 0) - (last ?? 0);
  const perStage = between > 0 ? rest / between : 0;
  if (rest < 0 || between < 0 || (between === 0 && rest !== 0) || !Number.isInteger(perStage)) {
    return fail(`${rest} layers are left for ${between} other stages`);
  }
  const counts = [
    ...(first === null ? [] : [first]),
    ...filled(between, perStage),
    ...(last === null ? [] : [last]),
  ];
  const odd = counts.findIndex((count) => count % virtualStages !== 0);
  if (odd !== -1)
    return fail(
      `${counts[odd] ?? 0} layers of stage ${odd} do not divide over ${virtualStages} virtual stages`,
    );
  return { ok: true, partition: counts.map((count) => filled(virtualStages, count / virtualStages)) };
};

/**
 * The split that Megatron makes of `layers` decoder layers.
 *
 * Source: NVIDIA/Megatron-LM @ d98e8a64 megatron/core/transformer/transformer_block.py, get_num_layers_to_build;
 * conditions: megatron/core/transformer/transformer_config.py:2229, 2294-2368.
 */
export const splitLayers = (
  layers: number,
  pipeline: number,
  virtualStages: number,
  options: SplitOptions = {},
): SplitResult => {
  const first = options.first ?? null;
  const last = options.last ?? null;
  const embedding = options.accountForEmbedding === true ? 1 : 0;
  const loss = options.accountForLoss === true ? 1 : 0;
  if (first === null && last === null) return countedSplit(layers, pipeline, virtualStages, embedding, loss);
  if (embedding + loss > 0) {
    return fail('layer counts of the ends do not go together with counting embedding or loss as layers');
  }
  return unevenSplit(layers, pipeline, virtualStages, first, last);
};
