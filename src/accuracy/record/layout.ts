/** Parallel axes of a record, completed from the GPU count. */
import type { RunConfiguration } from '../../ingest/measured-configuration.ts';
import { expertTensorOf } from './experts.ts';
import type { RecordedResult } from './model.ts';
import type { Software } from './software.ts';

export interface Layout {
  readonly world: number;
  readonly tensor: number;
  readonly pipeline: number;
  readonly context: number;
  readonly data: number;
  readonly expert: number;
  readonly expertTensor: number;
  readonly microBatchSize: number;
  readonly microBatches: number;
  readonly globalBatch: number;
}

interface Batch {
  readonly size: number;
  readonly globalBatch: number;
}

/** What is printed of micro-batch, micro-batches, local batch and global batch fixes the rest; nothing: one sequence. */
const batchOf = (
  configuration: RunConfiguration,
  data: number,
  pipeline: number,
  assumptions: string[],
): Batch | null => {
  const { microBatch, localBatch, microBatches, globalBatch } = configuration.training;
  const perReplica = globalBatch === null ? null : globalBatch / data;
  const printed = microBatch ?? (pipeline === 1 ? localBatch : null);
  const counted = microBatches !== null && perReplica !== null ? perReplica / microBatches : null;
  const size = printed ?? (counted !== null && Number.isInteger(counted) ? counted : null);
  if (size === null) assumptions.push('micro-batch not printed: 1');
  const used = size ?? 1;
  if (globalBatch !== null)
    return { size: Math.min(used, Math.max(1, Math.floor(globalBatch / data))), globalBatch };
  if (size === null && microBatches === null) return null;
  const total = used * data * (microBatches ?? 1);
  assumptions.push(`global batch not printed: ${total}`);
  return { size: used, globalBatch: total };
};

/** Micro-batches that divide the replica's sequences: the printed size where it does, else the next smaller that does. */
const dividing = (batch: Batch, data: number): number => {
  const perReplica = batch.globalBatch / data;
  if (!Number.isInteger(perReplica)) return batch.size;
  let size = batch.size;
  while (size > 1 && perReplica % size !== 0) size -= 1;
  return size;
};

/** Ten times the largest cluster that was ever announced. */
const MAX_GPUS = 2 ** 20;

export const layoutOf = (
  configuration: RunConfiguration,
  software: Software,
  assumptions: string[],
): RecordedResult<Layout> => {
  const { parallel, cluster } = configuration;
  const tensor = parallel.tensor ?? 1;
  const pipeline = parallel.pipeline ?? 1;
  const context = parallel.context ?? 1;
  const model = tensor * pipeline * context;
  const world = cluster.gpus ?? (parallel.data === null ? null : model * parallel.data);
  if (world === null) return { ok: false, reason: 'number of GPUs is not recorded' };
  if (world > MAX_GPUS) return { ok: false, reason: `${world} GPUs are more than any cluster has` };
  const data = world / model;
  if (!Number.isInteger(data))
    return { ok: false, reason: `tensor × pipeline × context = ${model} does not divide ${world} GPUs` };
  if (parallel.data !== null && parallel.data !== data)
    assumptions.push(`data is ${data} by the GPU count, not ${parallel.data}`);
  const batch = batchOf(configuration, data, pipeline, assumptions);
  if (batch === null) return { ok: false, reason: 'neither global batch nor micro-batches are recorded' };
  const size = dividing(batch, data);
  if (size !== batch.size)
    assumptions.push(`micro-batch ${batch.size} does not divide the batch of a replica: ${size}`);
  const expert = configuration.model.experts === null ? 1 : (parallel.expert ?? 1);
  const microBatches = Math.max(1, Math.round(batch.globalBatch / (data * size)));
  const globalBatch = microBatches * data * size;
  if (globalBatch !== batch.globalBatch)
    assumptions.push(
      `global batch ${batch.globalBatch} is not a whole number of micro-batches: ${globalBatch}`,
    );
  const expertTensor = expertTensorOf(configuration, software, world);
  if (world % (expert * expertTensor * pipeline) !== 0)
    return { ok: false, reason: `expert × pipeline = ${expert * pipeline} does not divide ${world} GPUs` };
  return {
    ok: true,
    value: {
      world,
      tensor,
      pipeline,
      context,
      data,
      expert,
      expertTensor,
      microBatchSize: size,
      microBatches,
      globalBatch,
    },
  };
};
