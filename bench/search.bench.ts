/**
 * Speed of the estimator and of the search, as ratios within one run: absolute times say more about the machine than about
 * the code. Usage: tsx bench/search.bench.ts
 */
import { Bench } from 'tinybench';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { createSearchCosts } from '../src/search/costs.ts';
import { createPartitioner } from '../src/search/partition-choice.ts';
import { searchPlans } from '../src/search/search.ts';
import { createSpace } from '../src/search/space.ts';
import { loadSpec } from '../src/spec/load.ts';
import { combinations } from '../src/search/combinations.ts';
import type { Partition, Strategy } from '../src/strategy/strategy.ts';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');

const load = (name: string) => {
  const loaded = loadSpec(path.join(root, 'configs', 'examples', `${name}.yaml`));
  if (!loaded.ok) throw new Error(`${name} does not read`);
  return loaded.value;
};

/** Strategies of an example with their partitions, evenly over the space. */
const sample = (name: string, count: number) => {
  const { problem, calibration } = load(name);
  const costs = createSearchCosts(problem, calibration);
  const space = createSpace(problem);
  const partition = createPartitioner(problem, costs).choose;
  const frames = space.families.flatMap((family) => family.frames);
  const pairs: { strategy: Strategy; partition: Partition }[] = [];
  for (let index = 0; index < count; index += 1) {
    const frame = frames[Math.floor((index * frames.length) / count)];
    const recompute = frame?.recomputes[index % frame.recomputes.length];
    if (frame === undefined || recompute === undefined) continue;
    const layout = { ...frame.strategy, recompute };
    const choices = combinations(space.flagChoices(layout));
    const strategy = { ...layout, ...choices[index % choices.length] };
    const choice = partition(strategy);
    if (choice !== null) pairs.push({ strategy, partition: choice.partition });
  }
  return { costs, pairs };
};

const { costs, pairs } = sample('mixtral-8x22b-128-h100', 500);
const gpt = load('gpt3-175b-64-a100');
const llama = load('llama3-405b-16384-h100');
const bench = new Bench({ time: 500, warmupTime: 200 });
bench
  .add('estimate with breakdowns × 500', () => {
    for (const { strategy, partition } of pairs) costs.estimate(strategy, partition);
  })
  .add('iteration time × 500', () => {
    for (const { strategy, partition } of pairs) costs.iterationTime(strategy, partition);
  })
  .add('memory excess × 500', () => {
    for (const { strategy, partition } of pairs) costs.excess(strategy, partition);
  })
  .add('lower bound × 500', () => {
    for (const { strategy } of pairs) costs.lowerBound(strategy);
  })
  .add('space of Llama 3 405B on 16,384 GPUs', () => {
    createSpace(llama.problem);
  })
  .add('search of GPT-3 175B on 64 GPUs', () => {
    searchPlans(gpt.problem, createSearchCosts(gpt.problem, gpt.calibration));
  })
  .add('search of Llama 3 405B on 16,384 GPUs', () => {
    searchPlans(llama.problem, createSearchCosts(llama.problem, llama.calibration));
  });

await bench.run();
const mean = (index: number): number => {
  const result = bench.tasks[index]?.result;
  return result !== undefined && 'latency' in result ? result.latency.mean : Number.NaN;
};
const unit = mean(0);
for (const [index, { name }] of bench.tasks.entries())
  console.log(
    `${name.padEnd(42)} ${mean(index).toFixed(2).padStart(10)} ms   ${(mean(index) / unit).toFixed(3).padStart(10)} × estimates`,
  );
const evaluations = (1000 * pairs.length) / (mean(1) + mean(2));
console.log(`evaluations (time and memory) per second: ${evaluations.toFixed(0)}`);
