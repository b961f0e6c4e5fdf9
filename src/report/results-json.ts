import type {
  Dedication,
  Estimate,
  NearestMiss,
  Plan,
  SearchResult,
  StageMemory,
  TimeBreakdown,
} from '../plan/plan.ts';
import type { Problem } from '../plan/problem.ts';
import { strategyToJson } from '../strategy/format.ts';
import { assumedPlacement } from './expert-placement.ts';
import { trainingCost, trainingDays } from './results.ts';
import type { Results } from './results.ts';

/** JSON has no infinities: a figure that is none would silently become null. */
const finite = (name: string, value: number): number => {
  if (!Number.isFinite(value)) throw new RangeError(`${name} is ${value}`);
  return value;
};

/** Checks every figure of an object of named numbers and keeps their order. */
const figures = <T extends Readonly<Record<string, number>>>(values: T): T => {
  for (const [name, value] of Object.entries(values)) finite(name, value);
  return values;
};

const timeDocument = (time: TimeBreakdown) =>
  figures({
    compute: time.compute,
    tensor_communication: time.tensorCommunication,
    context_communication: time.contextCommunication,
    expert_communication: time.expertCommunication,
    pipeline_communication: time.pipelineCommunication,
    bubble: time.bubble,
    data_communication: time.dataCommunication,
    optimizer: time.optimizer,
    overhead: time.overhead,
  });

const memoryDocument = (memory: StageMemory) =>
  figures({
    stage: memory.stage,
    parameters: memory.parameters,
    gradients: memory.gradients,
    optimizer_states: memory.optimizerStates,
    activations: memory.activations,
    logits: memory.logits,
    communication_buffers: memory.communicationBuffers,
    workspace: memory.workspace,
    total: memory.total,
    reserved: memory.reserved,
    device: memory.device,
    bound: memory.bound,
    capacity: memory.capacity,
  });

export const estimateDocument = (estimate: Estimate) => ({
  feasible: estimate.feasible,
  reasons: estimate.reasons,
  ...figures({
    iteration_time_s: estimate.iterationTime,
    iteration_time_low_s: estimate.iterationTimeLow,
    iteration_time_high_s: estimate.iterationTimeHigh,
    tokens_per_s_per_gpu: estimate.tokensPerSecondPerGpu,
    model_tflops_per_gpu: estimate.modelTflopsPerGpu,
    mfu: estimate.mfu,
  }),
  time: timeDocument(estimate.time),
  ...figures({ peak_memory_bytes: estimate.peakMemory, peak_memory_bound_bytes: estimate.peakMemoryBound }),
  memory: estimate.memory.map(memoryDocument),
});

const dedicationDocument = (dedication: Dedication) => ({
  method: dedication.method,
  ...figures({
    communication_s: dedication.communication,
    host_order_s: dedication.hostOrder,
    lower_bound_s: dedication.lowerBound,
    gap: dedication.gap,
  }),
});

/** One element of `plans[]`, which is a plan file too. */
export const planDocument = (plan: Plan) => ({
  rank: plan.rank,
  gpus_used: plan.gpusUsed,
  strategy: strategyToJson(plan.strategy),
  partition: plan.partition,
  stage_extras: plan.stageExtras,
  hosts: plan.hosts,
  devices: plan.devices,
  dedication: dedicationDocument(plan.dedication),
  estimate: estimateDocument(plan.estimate),
});

const missDocument = (miss: NearestMiss) => ({
  strategy: strategyToJson(miss.strategy),
  stage: miss.stage,
  missing_bytes: finite('missing_bytes', miss.missing),
  reasons: miss.reasons,
});

/** Ids in alphabetical order, so that the order in which a search met them changes no byte. */
const sortedCounts = (counts: Readonly<Record<string, number>>): Readonly<Record<string, number>> =>
  Object.fromEntries(Object.entries(counts).sort(([a], [b]) => (a < b ? -1 : 1)));

const searchDocument = ({ search }: SearchResult, wallTime: number) => ({
  strategies: search.strategies,
  pruned: sortedCounts(search.pruned),
  evaluated: search.evaluated,
  proven_optimal: search.provenOptimal,
  gap: finite('gap', search.gap),
  reproducible: search.reproducible,
  wall_time_s: finite('wall_time_s', wallTime),
});

/** Days and cost of the whole run, each where it is known. */
const trainingDocument = (problem: Problem, plan: Plan) => {
  const days = trainingDays(problem, plan);
  const cost = trainingCost(problem, plan);
  return {
    ...(days === null ? {} : { training_days: finite('training_days', days) }),
    ...(cost === null ? {} : { training_cost: finite('training_cost', cost) }),
  };
};

/** The placement of experts that a plan assumes, where there are any. */
const expertsDocument = (problem: Problem, plan: Plan) => {
  const assumed = assumedPlacement(problem, plan);
  if (assumed === null) return {};
  return {
    expert_placement: {
      placement: assumed.placement,
      routing: assumed.routing,
      ...figures({
        max_over_mean: assumed.maxOverMean,
        worst_layer: assumed.worstLayer,
        contiguous: assumed.contiguous,
      }),
    },
  };
};

/** The results format, its keys always in this order. Throws RangeError on a figure that is not finite, a defect of ours. */
export const resultsDocument = ({ problem, echo, result, wallTime }: Results) => ({
  schema_version: 1,
  problem: echo,
  search: searchDocument(result, wallTime),
  plans: result.plans.map((plan) => ({
    ...planDocument(plan),
    ...expertsDocument(problem, plan),
    ...trainingDocument(problem, plan),
  })),
  nearest_misses: result.nearestMisses.map(missDocument),
});
