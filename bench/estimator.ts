/**
 * Evaluations per CPU-second of the estimator, tables warm, as a search calls it in bulk: `npx tsx bench/estimator.ts`
 * (tsx names every closure at run time; compiled code is about twice as fast). Prints, for three real set-ups, times
 * alone, times with memory bound, and lower bounds.
 */
import { createEstimator } from '../src/cost/estimator.ts';
import type { Cluster } from '../src/cluster/cluster.ts';
import { defaultCalibration } from '../src/ingest/calibration.ts';
import { readModelPreset } from '../src/ingest/model-presets.ts';
import { readAccelerator } from '../src/ingest/presets.ts';
import type { Problem } from '../src/plan/problem.ts';
import type { Partition, Strategy } from '../src/strategy/strategy.ts';

const clusterOf = (preset: string, nodes: number): Cluster => {
  const { accelerator, perNode, intraNode, nics, domain } = readAccelerator(preset);
  return {
    name: preset,
    groups: [{ count: nodes, hosts: null, accelerator, perNode, intraNode, nics, pricePerHour: null }],
    domain,
    tiers: [],
    measured: null,
  };
};

const problemOf = (
  cluster: Cluster,
  model: string,
  sequenceLength: number,
  globalBatchSize: number,
): Problem => ({
  cluster,
  model: readModelPreset(model).model,
  training: {
    runtime: { name: 'megatron', version: '0.20' },
    sequenceLength,
    globalBatchSize,
    precision: 'bf16',
    attentionKernel: 'flash2',
    optimizer: { name: 'adam', states: 'fp32', gradients: 'fp32', mainParameters: 'fp32' },
    routing: { kind: 'balanced' },
    tokens: null,
  },
  search: {
    objective: 'throughput',
    top: 1,
    limits: {},
    memoryReserve: 0,
    dedication: 'none',
    dedicationObjective: 'iteration_time',
  },
});

const strategyOf = (change: Partial<Strategy>): Strategy => ({
  tensor: 1,
  pipeline: 1,
  virtualStages: 1,
  context: 1,
  data: 1,
  expert: 1,
  expertTensor: 1,
  microBatchSize: 1,
  microBatchGroup: change.pipeline ?? 1,
  schedule: (change.virtualStages ?? 1) > 1 ? 'interleaved' : '1f1b',
  vocabulary: 'last',
  sequenceParallel: (change.tensor ?? 1) > 1,
  recompute: { kind: 'none' },
  sharding: 'optimizer',
  shardingGroup: (change.data ?? 1) * (change.context ?? 1),
  overlapGradients: true,
  overlapParameters: true,
  overlapTensor: true,
  overlapExpert: false,
  contextCommunication: 'p2p',
  dispatcher: 'all-to-all',
  rankOrder: 'tp-cp-ep-dp-pp',
  offload: 'none',
  ...change,
});

/** Layers dealt to chunks as evenly as they go, in layer order. */
const evenPartition = (layers: number, { pipeline, virtualStages }: Strategy): Partition => {
  const chunks = pipeline * virtualStages;
  const size = (chunk: number): number => Math.floor(layers / chunks) + (chunk < layers % chunks ? 1 : 0);
  return Array.from({ length: pipeline }, (_, stage) =>
    Array.from({ length: virtualStages }, (__, v) => size(v * pipeline + stage)),
  );
};

const CASES: readonly (readonly [string, Problem, Strategy])[] = [
  [
    'GPT-3 175B, 1024 A100',
    problemOf(clusterOf('a100-sxm-80gb', 128), 'gpt3-175b', 2048, 1536),
    strategyOf({ tensor: 8, pipeline: 16, data: 8 }),
  ],
  [
    'Llama-3 405B, 16384 H100',
    problemOf(clusterOf('h100-sxm-80gb', 2048), 'llama3-405b', 8192, 2048),
    strategyOf({ tensor: 8, pipeline: 16, virtualStages: 7, data: 128 }),
  ],
  [
    'Qwen3-235B, 256 GB200',
    problemOf(clusterOf('gb200-186gb', 64), 'qwen3-235b-a22b', 4096, 8192),
    strategyOf({ pipeline: 4, data: 64, expert: 32 }),
  ],
];

const CALLS = 50_000;

const rate = (call: () => unknown): number => {
  for (let i = 0; i < CALLS / 10; i += 1) call();
  const before = process.cpuUsage();
  for (let i = 0; i < CALLS; i += 1) call();
  const { user, system } = process.cpuUsage(before);
  return CALLS / ((user + system) / 1e6);
};

for (const [name, problem, strategy] of CASES) {
  const estimator = createEstimator(problem, defaultCalibration());
  const partition = evenPartition(problem.model.layers.length, strategy);
  // A search makes a new strategy for every candidate: object identity must not help.
  const rates = [
    ['time', rate(() => estimator.iterationTime({ ...strategy }, partition))],
    ['time and memory', rate(() => estimator.evaluate({ ...strategy }, partition))],
    ['lower bound', rate(() => estimator.lowerBound({ ...strategy }))],
  ] as const;
  const cells = rates.map(([what, perSecond]) => `${what} ${Math.round(perSecond / 1000)}k`);
  process.stdout.write(`${name}: ${cells.join(', ')} per CPU-second\n`);
}
