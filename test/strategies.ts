/** Random legal strategies of real models, the same for the same seed. */
import { gpuCount } from '../src/cluster/cluster.ts';
import type { Cluster } from '../src/cluster/cluster.ts';
import { readAccelerator } from '../src/ingest/presets.ts';
import { readModelPreset } from '../src/ingest/model-presets.ts';
import type { Model } from '../src/model/model.ts';
import type { Plan } from '../src/plan/plan.ts';
import { FP32_ADAM, PLAN_AS_GIVEN } from '../src/plan/plain.ts';
import type { Precision, Problem, RuntimeName, Training } from '../src/plan/problem.ts';
import { evenPartition } from '../src/strategy/layer-split.ts';
import { selective } from '../src/strategy/recompute.ts';
import type { Partition, Recompute, RecomputeModule, Strategy } from '../src/strategy/strategy.ts';
import { gpusUsed } from '../src/strategy/strategy.ts';
import { hasExperts, modelFacts } from '../src/runtimes/model-facts.ts';
import { checkStrategy, latestVersion } from '../src/runtimes/registry.ts';
import type { RuleContext } from '../src/runtimes/rule.ts';
import { bytes, seconds } from '../src/units.ts';

export type Random = () => number;

/** Mulberry32: uniform in [0, 1). */
export const seededRandom = (seed: number): Random => {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
};

export const pick = <T>(random: Random, items: readonly T[]): T => {
  const item = items[Math.floor(random() * items.length)];
  if (item === undefined) throw new RangeError('nothing to pick from');
  return item;
};

export const flip = (random: Random, chance = 0.5): boolean => random() < chance;

export const shuffled = (random: Random, count: number): number[] => {
  const order = Array.from({ length: count }, (_, index) => index);
  for (let last = count - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    [order[last], order[other]] = [order[other] ?? 0, order[last] ?? 0];
  }
  return order;
};

export const clusterOf = (accelerator: string, nodes: number, hosts = false): Cluster => {
  const preset = readAccelerator(accelerator);
  return {
    name: `${nodes} nodes of ${accelerator}`,
    groups: [
      {
        count: nodes,
        hosts: hosts
          ? Array.from({ length: nodes }, (_, node) => `gpu${String(node + 1).padStart(3, '0')}`)
          : null,
        accelerator: preset.accelerator,
        perNode: preset.perNode,
        intraNode: preset.intraNode,
        nics: preset.nics,
        pricePerHour: null,
      },
    ],
    domain: preset.domain,
    tiers: [],
    measured: null,
  };
};

/** Whether the runtime accepts the strategy. */
export const isLegal = (context: RuleContext): boolean =>
  checkStrategy(context).every(({ rule }) => rule.severity !== 'error');

export const trainingOf = (overrides: Partial<Training> = {}): Training => ({
  runtime: { name: 'megatron', version: latestVersion('megatron') },
  sequenceLength: 4096,
  globalBatchSize: 512,
  precision: 'bf16',
  attentionKernel: 'flash2',
  optimizer: FP32_ADAM,
  routing: { kind: 'balanced' },
  tokens: null,
  ...overrides,
});

export const problemOf = (model: Model, cluster: Cluster, training: Training): Problem => ({
  cluster,
  model,
  training,
  search: { ...PLAN_AS_GIVEN, memoryReserve: 0.06 },
});

const noTime = seconds(0);

/** A plan around a strategy, with an estimate that says nothing. */
export const planOf = (
  strategy: Strategy,
  partition: Partition,
  order: Pick<Plan, 'hosts' | 'devices'>,
): Plan => ({
  rank: 1,
  gpusUsed: gpusUsed(strategy),
  strategy,
  partition,
  stageExtras: partition.map(() => []),
  ...order,
  dedication: { method: 'none', communication: noTime, hostOrder: noTime, lowerBound: noTime, gap: 0 },
  estimate: {
    feasible: true,
    reasons: [],
    iterationTime: seconds(1),
    iterationTimeLow: seconds(1),
    iterationTimeHigh: seconds(1),
    tokensPerSecondPerGpu: 1,
    modelTflopsPerGpu: 1,
    mfu: 0.5,
    time: {
      compute: seconds(1),
      tensorCommunication: noTime,
      contextCommunication: noTime,
      expertCommunication: noTime,
      pipelineCommunication: noTime,
      bubble: noTime,
      dataCommunication: noTime,
      optimizer: noTime,
      overhead: noTime,
    },
    peakMemory: bytes(1),
    peakMemoryBound: bytes(1),
    memory: [],
  },
});

const powers = (most: number): readonly number[] => [1, 2, 4, 8, 16, 32, 64].filter((size) => size <= most);

const randomRecompute = (random: Random, layersPerChunk: number): Recompute => {
  const kind = pick(random, ['none', 'full', 'full-block', 'full-uniform', 'selective'] as const);
  if (kind === 'none' || kind === 'full') return { kind };
  if (kind === 'selective') {
    const all: RecomputeModule[] = [
      'core_attn',
      'layernorm',
      'mla_up_proj',
      'mlp',
      'moe',
      'moe_act',
      'shared_experts',
    ];
    return selective(all.filter(() => flip(random, 0.35)));
  }
  // One layer at a time in units of one is `full` under another name.
  return { kind, layers: Math.max(kind === 'full-uniform' ? 2 : 1, Math.ceil(random() * layersPerChunk)) };
};

/** Layers spread unevenly; now and then only the first and the last stage differ, or a stage is empty. */
const randomPartition = (
  random: Random,
  layers: number,
  pipeline: number,
  virtualStages: number,
): Partition => {
  const even = evenPartition(layers, pipeline, virtualStages);
  if (even !== null && flip(random)) return even;
  const chunks = pipeline * virtualStages;
  const sizes = Array.from(
    { length: chunks },
    (_, chunk) => Math.floor((layers * (chunk + 1)) / chunks) - Math.floor((layers * chunk) / chunks),
  );
  for (let move = Math.floor(random() * 4); move > 0; move--) {
    const from = Math.floor(random() * chunks);
    const to = flip(random) ? 0 : Math.floor(random() * chunks);
    if ((sizes[from] ?? 0) > 0) {
      sizes[from] = (sizes[from] ?? 0) - 1;
      sizes[to] = (sizes[to] ?? 0) + 1;
    }
  }
  return Array.from({ length: pipeline }, (_, p) =>
    Array.from({ length: virtualStages }, (__, v) => sizes[v * pipeline + p] ?? 0),
  );
};

/** Any strategy of plausible sizes, legal or not. */
export const randomStrategy = (
  random: Random,
  model: Model,
  world: number,
): { readonly strategy: Strategy; readonly partition: Partition } => {
  const experts = hasExperts(model);
  const tensor = pick(random, powers(8));
  const pipeline = pick(random, [1, 2, 3, 4, 6, 8]);
  const context = pick(random, [1, 1, 2, 4, 8]);
  const replica = tensor * pipeline * context;
  const data = Math.max(1, Math.floor(world / replica));
  const virtualStages = pipeline > 1 && flip(random) ? pick(random, [2, 3, 4]) : 1;
  const expert = experts ? pick(random, powers(64)) : 1;
  const sharding = pick(random, ['none', 'optimizer', 'optimizer', 'gradients', 'parameters'] as const);
  const replicas = data * context;
  const overlapGradients = flip(random);
  const partition = randomPartition(random, model.layers.length, pipeline, virtualStages);
  return {
    partition,
    strategy: {
      tensor,
      pipeline,
      virtualStages,
      context,
      data,
      expert,
      expertTensor: experts ? pick(random, [1, 1, tensor, 2]) : 1,
      microBatchSize: pick(random, [1, 1, 2, 4]),
      microBatchGroup:
        virtualStages > 1 && flip(random, 0.3) ? pipeline + Math.floor(random() * pipeline) : pipeline,
      schedule: virtualStages > 1 ? 'interleaved' : '1f1b',
      vocabulary: 'last',
      sequenceParallel: flip(random, 0.7),
      recompute: randomRecompute(random, Math.max(...partition.flat())),
      sharding,
      shardingGroup: sharding === 'none' || flip(random, 0.7) ? replicas : replicas / pick(random, [2, 4]),
      overlapGradients,
      overlapParameters: overlapGradients && flip(random),
      overlapTensor: flip(random, 0.3),
      overlapExpert: experts && flip(random, 0.3),
      contextCommunication:
        context > 1 ? pick(random, ['p2p', 'a2a', 'all-gather', 'a2a+p2p'] as const) : 'p2p',
      dispatcher: experts
        ? pick(random, ['all-gather', 'all-to-all', 'deepep', 'hybridep'] as const)
        : 'all-gather',
      rankOrder: flip(random, 0.8) ? 'tp-cp-ep-dp-pp' : 'tp-cp-ep-pp-dp',
      offload: flip(random, 0.9) ? 'none' : 'optimizer',
    },
  };
};

export interface Case {
  readonly name: string;
  readonly problem: Problem;
  readonly plan: Plan;
}

const models = [
  'gpt3-175b',
  'llama2-7b',
  'llama3-70b',
  'llama3-405b',
  'mixtral-8x22b',
  'qwen3-30b-a3b',
  'qwen3-235b-a22b',
  'qwen3-next-80b-a3b',
  'deepseek-v2-lite',
  'deepseek-v3',
  'deepseek-v3.2',
  'kimi-k2',
  'gpt-oss-120b',
  'nemotron-3-nano-30b-a3b',
] as const;

const precisionsOf = (accelerator: string): readonly Precision[] => {
  if (accelerator.startsWith('a100')) return ['bf16', 'fp16'];
  return accelerator.startsWith('h100') ? ['bf16', 'fp8'] : ['bf16', 'fp8', 'mxfp8', 'nvfp4'];
};

const fits = (model: Model, sequenceLength: number): boolean =>
  model.positions.kind !== 'learned' || model.positions.count >= sequenceLength;

export const contextOf = (problem: Problem, plan: Plan): RuleContext => ({
  world: gpuCount(problem.cluster),
  perNode: Math.min(...problem.cluster.groups.map(({ perNode }) => perNode)),
  architecture: problem.cluster.groups[0]?.accelerator.architecture ?? 'other',
  model: problem.model,
  training: problem.training,
  strategy: plan.strategy,
  partition: plan.partition,
});

/** One random problem and plan that `runtime` accepts; most draws do not, so many are made. */
const drawCase = (random: Random, runtime: RuntimeName): Case | null => {
  const name = pick(random, models);
  const { model } = readModelPreset(name);
  const accelerator = pick(random, ['a100-sxm-80gb', 'h100-sxm-80gb', 'gb200-186gb']);
  const nodes = pick(random, [1, 2, 4, 8, 12, 16, 32]);
  const cluster = clusterOf(accelerator, nodes, flip(random));
  const world = nodes * (cluster.groups[0]?.perNode ?? 1);
  const sequenceLength = fits(model, 8192) ? pick(random, [4096, 8192]) : 2048;
  const lowStates = flip(random, 0.2);
  const training = trainingOf({
    runtime: { name: runtime, version: latestVersion(runtime) },
    sequenceLength,
    globalBatchSize: pick(random, [256, 512, 768, 1536]),
    precision: pick(random, precisionsOf(accelerator)),
    attentionKernel: flip(random, 0.1) ? 'unfused' : 'flash2',
    optimizer: {
      name: 'adam',
      states: lowStates ? 'bf16' : 'fp32',
      gradients: flip(random, 0.3) ? 'bf16' : 'fp32',
      mainParameters: 'fp32',
    },
  });
  const { strategy, partition } = randomStrategy(random, model, world);
  const hosts = flip(random, 0.3) ? shuffled(random, nodes) : null;
  const perNode = cluster.groups[0]?.perNode ?? 1;
  const devices = flip(random, 0.2) ? Array.from({ length: nodes }, () => shuffled(random, perNode)) : null;
  const problem = problemOf(model, cluster, training);
  const plan = planOf(strategy, partition, { hosts, devices });
  return isLegal(contextOf(problem, plan)) ? { name, problem, plan } : null;
};

/** `count` random cases that the runtime's rules accept. */
export const legalCases = (
  count: number,
  seed: number,
  runtime: RuntimeName = 'megatron',
): readonly Case[] => {
  const random = seededRandom(seed);
  const cases: Case[] = [];
  for (let draws = 0; cases.length < count; draws++) {
    if (draws > 2_000_000)
      throw new Error(`only ${cases.length} of ${count} legal strategies in ${draws} draws`);
    const drawn = drawCase(random, runtime);
    if (drawn !== null) cases.push(drawn);
  }
  return cases;
};

/** The model's kinds that a test may want to see covered. */
export const traitsOf = ({ problem, plan }: Case): readonly string[] => {
  const facts = modelFacts(problem.model);
  const { strategy } = plan;
  return [
    ...(facts.moe.length > 0 ? ['experts'] : ['dense']),
    ...(facts.latent.length > 0 ? ['latent'] : []),
    ...(facts.deltaNet.length > 0 ? ['delta-net'] : []),
    ...(facts.mamba.length > 0 ? ['mamba'] : []),
    ...(strategy.virtualStages > 1 ? ['virtual'] : []),
    ...(new Set(plan.partition.flat()).size > 1 ? ['uneven'] : []),
    ...(strategy.context > 1 ? [`context-${strategy.contextCommunication}`] : []),
    `recompute-${strategy.recompute.kind}`,
    `sharding-${strategy.sharding}`,
    `dispatcher-${strategy.dispatcher}`,
    ...(strategy.overlapExpert ? ['overlap-expert'] : []),
    ...(strategy.offload === 'optimizer' ? ['offload'] : []),
  ];
};
