/**
 * Evaluations per CPU-second of the estimator, tables warm, as a search calls it in bulk: `npx tsx bench/estimator.ts`
 * builds the package and measures that (`--source`: as tsx runs it, which names every closure at run time and takes
 * about twice as long). Prints times alone, times with memory bound, and lower bounds, for set-ups of every kind.
 */
import { execFileSync } from 'node:child_process';
import type { Cluster, NodeGroup } from '../src/cluster/cluster.ts';
import type * as estimators from '../src/cost/estimator.ts';
import type * as calibrations from '../src/ingest/calibration.ts';
import type * as models from '../src/ingest/model-presets.ts';
import type * as presets from '../src/ingest/presets.ts';
import { FP32_ADAM, PLAN_AS_GIVEN } from '../src/plan/plain.ts';
import type { Problem } from '../src/plan/problem.ts';
import { plainStrategy } from '../src/strategy/plain.ts';
import type { Partition, Strategy } from '../src/strategy/strategy.ts';

const source = process.argv.includes('--source');
if (!source) execFileSync('npx', ['tsc', '-p', 'tsconfig.build.json'], { stdio: 'inherit' });
const load = async <M>(path: string): Promise<M> =>
  (await import(source ? `../src/${path}.ts` : `../dist/${path}.js`)) as M;
const { createEstimator } = await load<typeof estimators>('cost/estimator');
const { defaultCalibration } = await load<typeof calibrations>('ingest/calibration');
const { readModelPreset } = await load<typeof models>('ingest/model-presets');
const { readAccelerator } = await load<typeof presets>('ingest/presets');

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

const strategyOf = (change: Partial<Strategy>): Strategy =>
  plainStrategy({
    sequenceParallel: (change.tensor ?? 1) > 1,
    sharding: 'optimizer',
    overlapGradients: true,
    overlapParameters: true,
    overlapTensor: true,
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

/** Neighbours of a partition: one layer moved from each chunk to each later one, as far as `most` goes. */
const variants = (partition: Partition, most: number): readonly Partition[] => {
  const chunks = partition.flatMap((stage, i) => stage.map((_, v) => [i, v] as const));
  const moved = ([i, v]: readonly [number, number], [j, w]: readonly [number, number]): Partition =>
    partition.map((stage, at) =>
      stage.map(
        (layers, chunk) => layers - Number(at === i && chunk === v) + Number(at === j && chunk === w),
      ),
    );
  const all = chunks.flatMap((from, index) =>
    chunks
      .slice(index + 1)
      .filter(() => (partition[from[0]]?.[from[1]] ?? 0) > 0)
      .map((to) => moved(from, to)),
  );
  return [partition, ...all].slice(0, most);
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
  [
    'DeepSeek-V3 in five dimensions, 1024 H100',
    problemOf(clusterOf('h100-sxm-80gb', 128), 'deepseek-v3', 8192, 2048),
    strategyOf({ tensor: 2, pipeline: 8, virtualStages: 2, context: 2, data: 32, expert: 32 }),
  ],
  [
    'Llama-3 70B, 64 H100 and 64 A100 (unequal nodes)',
    problemOf(
      clusterOf('h100-sxm-80gb', 0, { groups: [groupOf('h100-sxm-80gb', 8), groupOf('a100-sxm-80gb', 8)] }),
      'llama3-70b',
      8192,
      512,
    ),
    strategyOf({ tensor: 8, pipeline: 8, data: 2 }),
  ],
  [
    'Llama-3 70B, 128 A100 over measured links',
    problemOf(clusterOf('a100-sxm-80gb', 16, { measured: unevenLinks(16) }), 'llama3-70b', 8192, 256),
    strategyOf({ tensor: 8, pipeline: 8, data: 2 }),
  ],
];

const CALLS = 50_000;

const rate = (call: (index: number) => unknown): number => {
  for (let i = 0; i < CALLS / 10; i += 1) call(i);
  const before = process.cpuUsage();
  for (let i = 0; i < CALLS; i += 1) call(i);
  const { user, system } = process.cpuUsage(before);
  return CALLS / ((user + system) / 1e6);
};

/** Partitions that calls take in turn: no two neighbours are equal, so that nothing of the last answer may be kept. */
const PARTITIONS = 64;

for (const [name, problem, strategy] of CASES) {
  const estimator = createEstimator(problem, defaultCalibration());
  const partitions = variants(evenPartition(problem.model.layers.length, strategy), PARTITIONS);
  const at = (index: number): Partition => partitions[index % partitions.length] ?? [];
  // A search makes a new strategy for every candidate: object identity must not help.
  const rates = [
    ['time', rate((index) => estimator.iterationTime({ ...strategy }, at(index)))],
    ['time and memory', rate((index) => estimator.evaluate({ ...strategy }, at(index)))],
    ['lower bound', rate(() => estimator.lowerBound({ ...strategy }))],
  ] as const;
  const cells = rates.map(([what, perSecond]) => `${what} ${Math.round(perSecond / 1000)}k`);
  process.stdout.write(`${name}: ${cells.join(', ')} per CPU-second\n`);
}
