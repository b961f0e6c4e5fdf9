/**
 * Sailor's validation runs from its profile of layers, which holds tensor communication. Its runtime (DeepSpeed's
 * pipeline engine, changed; deepspeed/pipe_engine.py, utils.py, p2p.py) decides the rest: everything in single
 * precision, sends and receives on the stream that computes, what crosses stages cut into one shard for each tensor
 * rank and gathered again by who receives it, gradients reduced after the last backward pass.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { simulatePipeline } from '../../src/cost/schedule-simulation.ts';
import { seconds } from '../../src/units.ts';
import { dataPath } from '../../test/shared-data.ts';
import { betweenNodes, gatherTime, layerTime, MODELS, vocabularyRows } from './sailor-profile.ts';
import type { SailorModel } from './sailor-profile.ts';

/** The GPUs of one replica of a stage, and the tensor degree over them. */
type Replica = readonly [gpus: readonly [kind: string, count: number], tensor: number];

interface Run {
  /** cluster/MODEL/… */
  readonly file: string;
  /** First and last layer of each stage, and their number. */
  readonly layers_per_stage: readonly (readonly number[])[];
  readonly data_per_stage: readonly number[];
  readonly gpu_tensor_per_stage_replica: readonly (readonly Replica[])[];
  readonly micro_batch: number;
  readonly global_batch: number;
  readonly measured_iteration_s: number;
}

export interface SailorRow {
  readonly name: string;
  readonly microBatch: number;
  readonly ours: number;
  readonly measured: number;
}

const BYTES = 4;
/** bytes/s of device memory, vendors' data sheets. */
const MEMORY: Readonly<Record<string, number>> = {
  'GH-96': 4.0e12,
  'A100-40': 1.555e12,
  'A100-80': 2.039e12,
  'V100-16': 0.9e12,
};
/**
 * Passes over the logits that the loss makes beyond the profiled layers: maximum, subtraction, exponential, sum and
 * division forward, two of the gradient backward, reads and writes apart (NVIDIA/Megatron-LM cross_entropy.py).
 */
const LOGIT_PASSES = { forward: 8, backward: 3 };
/** Passes over a gathered tensor: set to zero, shard copied, cloned (deepspeed/utils.py reconstruct_tensor). */
const GATHER_PASSES = 4;

/**
 * bytes/s of one thread of a host over pages that it touches first, and over those that it stages for a device: about
 * 20 GB/s on servers of this kind, not fitted here. What is gathered is first zeroed in host memory and copied over,
 * not pinned (torch.zeros(…).cuda(), deepspeed/utils.py), while the stream waits.
 */
const HOST_THREAD = 20e9;

const parametersOf = ({ blocks, hidden, sequence }: SailorModel, layer: number, tensor: number): number => {
  const table = vocabularyRows(tensor) * hidden;
  if (layer === 0) return table + sequence * hidden;
  return layer > blocks ? table : 12 * hidden ** 2 + 13 * hidden;
};

interface StageTimes {
  readonly forward: number;
  readonly backward: number;
  readonly update: number;
  /** Gradient bytes of a rank. */
  readonly gradients: number;
}

const stageTimes = (
  name: string,
  layers: readonly number[],
  [[gpu], tensor]: Replica,
  microBatch: number,
): StageTimes => {
  const model = MODELS[name];
  if (model === undefined) throw new Error(`no model ${name}`);
  const memory = MEMORY[gpu] ?? Infinity;
  const weights = (list: readonly number[]): number =>
    list.reduce((sum, layer) => sum + parametersOf(model, layer, tensor), 0);
  let [forward, backward, update] = [0, 0, 0];
  for (const layer of layers) {
    const times = layerTime(name, gpu, microBatch, tensor, layer);
    if (times === null) throw new Error(`no profile of ${name} on ${gpu}: micro batch ${microBatch}`);
    forward += times.forward;
    backward += times.backward;
    update = times.update;
  }
  if (layers.includes(model.blocks + 1)) {
    const pass = (microBatch * model.sequence * vocabularyRows(tensor) * BYTES) / tensor / memory;
    forward += LOGIT_PASSES.forward * pass;
    backward += LOGIT_PASSES.backward * pass;
  }
  const profiled = weights([0, 1, 2, model.blocks + 1]);
  return {
    forward,
    backward,
    update: (update * weights(layers)) / profiled,
    gradients: (weights(layers) * BYTES) / tensor,
  };
};

const iterationTime = (run: Run): number => {
  const [, name = ''] = run.file.split('/');
  const model = MODELS[name];
  if (model === undefined) throw new Error(`no model ${name}`);
  const microBatch = run.micro_batch;
  const stages = run.layers_per_stage.map(([first = 0, last = 0]) =>
    Array.from({ length: last - first + 1 }, (_, index) => first + index),
  );
  const replicas = run.data_per_stage[0] ?? 1;
  const message = microBatch * model.sequence * model.hidden * BYTES;
  const replicaOf = (stage: number, replica: number): Replica => {
    const all = run.gpu_tensor_per_stage_replica[stage] ?? [];
    const found = all[replica % Math.max(1, all.length)];
    if (found === undefined) throw new Error(`${run.file}: stage ${stage} has no GPUs`);
    return found;
  };
  const gpuOf = ([[gpu]]: Replica): string => gpu;
  const times = (replica: number): readonly StageTimes[] =>
    stages.map((layers, stage) => stageTimes(name, layers, replicaOf(stage, replica), microBatch));
  const makespan = (replica: number): number => {
    const gather = (stage: number): number => {
      const own = replicaOf(stage, replica);
      const copies =
        (GATHER_PASSES * message) / (MEMORY[gpuOf(own)] ?? Infinity) + (2 * message) / HOST_THREAD;
      return gatherTime(gpuOf(own), own[1], message / own[1]) + copies;
    };
    const hops = stages.slice(1).map((_, stage) => {
      const [from, to] = [replicaOf(stage, replica), replicaOf(stage + 1, replica)];
      const rate = betweenNodes([gpuOf(from), gpuOf(to)], Math.min(from[1], to[1]), message);
      return seconds(message / rate);
    });
    return simulatePipeline({
      schedule: '1f1b',
      stages: stages.length,
      virtualStages: 1,
      microBatches: run.global_batch / (replicas * microBatch),
      microBatchGroup: stages.length,
      chunks: times(replica).map(({ forward, backward }, stage) => [
        {
          forward: seconds(forward + (stage > 0 ? gather(stage) : 0)),
          backward: seconds(backward + (stage + 1 < stages.length ? gather(stage) : 0)),
          weightGradient: seconds(0),
        },
      ]),
      links: [...hops, seconds(0)],
      blocking: true,
    }).makespan;
  };
  /** A ring of the replicas for each tensor rank, all through the node's ports at once. */
  const exchange = ({ gradients }: StageTimes, stage: number): number => {
    if (replicas === 1) return 0;
    const all = Array.from({ length: replicas }, (_, replica) => replicaOf(stage, replica));
    const tensor = Math.min(...all.map(([, degree]) => degree));
    const rate = betweenNodes(all.map(gpuOf), tensor, (gradients * tensor) / replicas) / tensor;
    return (2 * (replicas - 1) * gradients) / replicas / rate;
  };
  const order = Array.from({ length: replicas }, (_, replica) => replica);
  const last = times(0);
  return (
    Math.max(...order.map(makespan)) +
    Math.max(...last.map(exchange)) +
    Math.max(...last.map(({ update }) => update))
  );
};

const isProfiled = (run: Run): boolean => {
  const [, name = ''] = run.file.split('/');
  return (
    MODELS[name] !== undefined &&
    run.gpu_tensor_per_stage_replica
      .flat()
      .every(([[gpu], tensor]) => layerTime(name, gpu, run.micro_batch, tensor, 1) !== null)
  );
};

/** Every run of the folder's `validation_*.json` whose layers were profiled. */
export const sailorRows = (): readonly SailorRow[] =>
  readdirSync(dataPath('clusters', 'sailor'))
    .filter((name) => /^validation_.*\.json$/u.test(name))
    .toSorted()
    .flatMap(
      (name) => JSON.parse(readFileSync(dataPath('clusters', 'sailor', name), 'utf8')) as readonly Run[],
    )
    .filter(isProfiled)
    .map((run) => ({
      name: run.file.replace(/^.*plan_config_|\.json$/gu, ''),
      microBatch: run.micro_batch,
      ours: iterationTime(run),
      measured: run.measured_iteration_s,
    }));
