import type { Model } from '../../src/model/model.ts';
import type { Estimate, NearestMiss, Plan, SearchStatistics, StageMemory } from '../../src/plan/plan.ts';
import { FP32_ADAM, PLAN_AS_GIVEN } from '../../src/plan/plain.ts';
import type { Problem, Training } from '../../src/plan/problem.ts';
import type { Results } from '../../src/report/results.ts';
import type { Strategy } from '../../src/strategy/strategy.ts';
import { bytes, GIB, seconds } from '../../src/units.ts';
import { cluster, nodes } from '../cluster/sample-cluster.ts';
import { strategy } from '../strategy/sample-strategy.ts';

const model: Model = {
  name: 'tiny',
  modelType: 'llama',
  hidden: 64,
  vocabularySize: 100,
  tiedEmbeddings: false,
  positions: { kind: 'rope' },
  normalization: 'rmsnorm',
  kinds: [],
  layers: [],
  multiTokenPrediction: null,
  omitted: [],
};

const training: Training = {
  runtime: { name: 'megatron', version: '0.20' },
  sequenceLength: 8192,
  globalBatchSize: 256,
  precision: 'bf16',
  attentionKernel: 'flash2',
  optimizer: FP32_ADAM,
  routing: { kind: 'balanced' },
  tokens: null,
};

export const problem = (
  tokens: number | null = null,
  prices: readonly (number | null)[] = [null, null],
): Problem => ({
  cluster: cluster(prices.map((pricePerHour) => nodes(1, { pricePerHour }))),
  model,
  training: { ...training, tokens },
  search: { ...PLAN_AS_GIVEN, top: 10, memoryReserve: 0.06 },
});

/** Ten, and as many GiB of weights as told; capacity 74. */
export const stageMemory = (stage: number, weights: number): StageMemory => ({
  stage,
  parameters: bytes(weights * GIB),
  gradients: bytes(GIB),
  optimizerStates: bytes(2 * GIB),
  activations: bytes(3 * GIB),
  logits: bytes(0),
  communicationBuffers: bytes(3 * GIB),
  workspace: bytes(GIB),
  total: bytes((10 + weights) * GIB),
  reserved: bytes((11 + weights) * GIB),
  device: bytes((12 + weights) * GIB),
  bound: bytes((14 + weights) * GIB),
  capacity: bytes(74 * GIB),
});

/** Ten seconds, ±5 %, on two stages of which the second is the tighter. */
export const estimate = (given: Partial<Estimate> = {}): Estimate => ({
  feasible: true,
  reasons: [],
  iterationTime: seconds(10),
  iterationTimeLow: seconds(9.5),
  iterationTimeHigh: seconds(10.5),
  tokensPerSecondPerGpu: 12_345.6,
  modelTflopsPerGpu: 471.2,
  mfu: 0.4712,
  time: {
    compute: seconds(6),
    tensorCommunication: seconds(1),
    contextCommunication: seconds(0),
    expertCommunication: seconds(0),
    pipelineCommunication: seconds(0.5),
    bubble: seconds(1.5),
    dataCommunication: seconds(0.25),
    optimizer: seconds(0.5),
    overhead: seconds(0.25),
  },
  peakMemory: bytes(60 * GIB),
  peakMemoryBound: bytes(64 * GIB),
  memory: [stageMemory(0, 40), stageMemory(1, 50)],
  ...given,
});

export const plan = (rank: number, layout: Partial<Strategy> = {}, given: Partial<Estimate> = {}): Plan => ({
  rank,
  gpusUsed: 16,
  strategy: strategy({ tensor: 4, pipeline: 2, data: 2, ...layout }),
  partition: [[21], [20]],
  stageExtras: [['embedding'], ['head', 'loss']],
  hosts: null,
  devices: null,
  dedication: {
    method: 'none',
    communication: seconds(0),
    hostOrder: seconds(0),
    lowerBound: seconds(0),
    gap: 0,
  },
  estimate: estimate(given),
});

const statistics: SearchStatistics = {
  strategies: 12_345,
  pruned: { 'megatron/heads-divide': 7, 'bound/time': 11_000, 'bound/memory': 0 },
  evaluated: 1_345,
  provenOptimal: true,
  gap: 0,
  reproducible: true,
};

export const results = (
  plans: readonly Plan[],
  nearestMisses: readonly NearestMiss[] = [],
  given: Partial<Omit<Results, 'result'>> & { readonly search?: Partial<SearchStatistics> } = {},
): Results => ({
  problem: given.problem ?? problem(),
  echo: given.echo ?? { cluster: { nodes: 2 } },
  result: { search: { ...statistics, ...given.search }, plans, nearestMisses },
  wallTime: given.wallTime ?? seconds(0.25),
});
