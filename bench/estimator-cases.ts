/** Set-ups of every kind for the bench of the estimator, and calls on them of which no two are alike. */
import type { Cluster, NodeGroup } from '../src/cluster/cluster.ts';
import { readModelPreset } from '../src/ingest/model-presets.ts';
import { readAccelerator } from '../src/ingest/presets.ts';
import { FP32_ADAM, PLAN_AS_GIVEN } from '../src/plan/plain.ts';
import type { Problem } from '../src/plan/problem.ts';
import { combinations } from '../src/search/combinations.ts';
import { createSpace } from '../src/search/space.ts';
import { nearEvenPartition } from '../src/strategy/layer-split.ts';
import type { Partition, Strategy } from '../src/strategy/strategy.ts';

/** What a case fixes; micro-batch, recomputation and switches vary. */
type Sizes = Partial<
  Pick<Strategy, 'tensor' | 'pipeline' | 'virtualStages' | 'context' | 'data' | 'expert' | 'expertTensor'>
>;

export interface BenchCase {
  readonly name: string;
  readonly problem: Problem;
  readonly sizes: Sizes;
}

export interface Call {
  readonly strategy: Strategy;
  readonly partition: Partition;
}

const groupOf = (preset: string, count: number): NodeGroup => {
  const { accelerator, perNode, intraNode, nics } = readAccelerator(preset);
  return { count, hosts: null, accelerator, perNode, intraNode, nics, pricePerHour: null };
};

const clusterOf = (preset: string, nodes: number, changes: Partial<Cluster> = {}): Cluster => ({
  name: preset,
  groups: [groupOf(preset, nodes)],
  domain: readAccelerator(preset).domain,
  tiers: [],
  measured: null,
  ...changes,
});

/** Links between nodes that differ by up to 20 % in both directions, by a rule. */
const unevenLinks = (nodes: number): Cluster['measured'] => ({
  level: 'node',
  names: Array.from({ length: nodes }, (_, node) => `node${node}`),
  bandwidth: Array.from({ length: nodes }, (_, from) =>
    Array.from({ length: nodes }, (__, to) =>
      from === to ? NaN : 20e9 * (1 - 0.2 * (((from * 7 + to * 3) % 11) / 11)),
    ),
  ),
  latency: null,
});

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
    optimizer: FP32_ADAM,
    routing: { kind: 'balanced' },
    tokens: null,
  },
  search: PLAN_AS_GIVEN,
});

export const CASES: readonly BenchCase[] = [
  {
    name: 'GPT-3 175B, 1024 A100',
    problem: problemOf(clusterOf('a100-sxm-80gb', 128), 'gpt3-175b', 2048, 1536),
    sizes: { tensor: 8, pipeline: 16, data: 8 },
  },
  {
    name: 'Llama-3 405B, 16384 H100',
    problem: problemOf(clusterOf('h100-sxm-80gb', 2048), 'llama3-405b', 8192, 2048),
    sizes: { tensor: 8, pipeline: 16, virtualStages: 7, data: 128 },
  },
  {
    name: 'Qwen3-235B, 256 GB200',
    problem: problemOf(clusterOf('gb200-186gb', 64), 'qwen3-235b-a22b', 4096, 8192),
    sizes: { pipeline: 4, data: 64, expert: 32 },
  },
  {
    name: 'DeepSeek-V3 in five dimensions, 1024 H100',
    problem: problemOf(clusterOf('h100-sxm-80gb', 128), 'deepseek-v3', 8192, 2048),
    sizes: { tensor: 2, pipeline: 8, virtualStages: 2, context: 2, data: 32, expert: 32 },
  },
  {
    name: 'Llama-3 70B, 64 H100 and 64 A100 (unequal nodes)',
    problem: problemOf(
      clusterOf('h100-sxm-80gb', 0, { groups: [groupOf('h100-sxm-80gb', 8), groupOf('a100-sxm-80gb', 8)] }),
      'llama3-70b',
      8192,
      512,
    ),
    sizes: { tensor: 8, pipeline: 8, data: 2 },
  },
  {
    name: 'Llama-3 70B, 128 A100 over measured links',
    problem: problemOf(
      clusterOf('a100-sxm-80gb', 16, { measured: unevenLinks(16) }),
      'llama3-70b',
      8192,
      256,
    ),
    sizes: { tensor: 8, pipeline: 8, data: 2 },
  },
];

/** Legal strategies of the case's sizes by layout, in the order of an exhaustive search. */
const layoutsOf = ({ problem, sizes }: BenchCase): readonly (readonly Strategy[])[] => {
  const one = { tensor: 1, pipeline: 1, virtualStages: 1, context: 1, data: 1, expert: 1, expertTensor: 1 };
  const limits = Object.fromEntries(
    Object.entries({ ...one, ...sizes }).map(([key, value]) => [key, [value]]),
  );
  const space = createSpace({ ...problem, search: { ...problem.search, limits } });
  return space.families.flatMap(({ frames }) =>
    frames.flatMap((frame) =>
      frame.recomputes.map((recompute) => {
        const layout: Strategy = { ...frame.strategy, recompute };
        return combinations(space.flagChoices(layout)).map((flags) => ({ ...layout, ...flags }));
      }),
    ),
  );
};

/** Numbers below `end` from a multiplicative generator with a fixed seed (Park and Miller, CACM 1988). */
const drawer = (): ((end: number) => number) => {
  let state = 1;
  return (end) => {
    state = (state * 48_271) % 2_147_483_647;
    return state % end;
  };
};

/** Different partitions: as even as layers go, and up to a chunk of layers moved from there to other chunks. */
const partitionsOf = (
  layers: number,
  { pipeline, virtualStages, schedule }: Strategy,
  count: number,
): Partition[] => {
  const draw = drawer();
  const most = Math.max(3, Math.floor(layers / (pipeline * virtualStages)));
  const even = nearEvenPartition(layers, pipeline, virtualStages, schedule).flat();
  const found = new Map([[even.join(), even]]);
  while (found.size < count) {
    const sizes = [...even];
    for (let move = draw(most); move >= 0; move -= 1) {
      const [from, to] = [draw(sizes.length), draw(sizes.length)];
      if ((sizes[from] ?? 0) < 2) continue;
      sizes[from] = (sizes[from] ?? 0) - 1;
      sizes[to] = (sizes[to] ?? 0) + 1;
    }
    found.set(sizes.join(), sizes);
  }
  return [...found.values()].map((sizes) =>
    Array.from({ length: pipeline }, (_, stage) =>
      sizes.slice(stage * virtualStages, (stage + 1) * virtualStages),
    ),
  );
};

/**
 * At least `count` pairs of a strategy and a partition as a search asks for them: layout after layout, each with all of its
 * switches. A layout that comes again has another partition, and so has every other layout: no pair comes twice.
 */
export const callsOf = (of: BenchCase, count: number): readonly Call[] => {
  const layouts = layoutsOf(of).filter((strategies) => strategies.length > 0);
  const [first] = layouts.flat();
  if (first === undefined) throw new Error(`${of.name}: no legal strategy`);
  const turns: (readonly Strategy[])[] = [];
  for (let calls = 0; calls < count; calls += turns.at(-1)?.length ?? 0)
    turns.push(layouts[turns.length % layouts.length] ?? []);
  const partitions = partitionsOf(of.problem.model.layers.length, first, turns.length);
  return turns.flatMap((strategies, turn) =>
    // A search makes a new strategy for every candidate: object identity must not help.
    strategies.map((strategy) => ({ strategy: { ...strategy }, partition: partitions[turn] ?? [] })),
  );
};
