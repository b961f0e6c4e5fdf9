/**
 * What dedication costs, as ratios within one run: `npx tsx bench/dedication.ts`.
 * On equal links a search with it beside one without; on made-up matrices an assignment beside Pipette's annealing.
 */
import path from 'node:path';
import { createSearchCosts } from '../src/search/costs.ts';
import { pipetteAnnealing } from '../src/search/dedication-annealing.ts';
import { dedicationInstance } from '../src/search/dedication-instance.ts';
import { dedicate } from '../src/search/dedication.ts';
import { searchPlans } from '../src/search/search.ts';
import { loadSpec } from '../src/spec/load.ts';
import { syntheticInstances } from '../scripts/dedication-instances.ts';

const processorSeconds = (work: () => void): number => {
  const start = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1e6;
};

/** Least of several runs: what the rest of the machine adds is never negative. */
const least = (runs: number, work: () => void): number =>
  Math.min(...Array.from({ length: runs }, () => processorSeconds(work)));

const uniform = (): void => {
  const file = path.resolve(import.meta.dirname, '..', 'configs', 'examples', 'gpt3-175b-64-a100.yaml');
  const loaded = loadSpec(file);
  if (!loaded.ok) throw new Error(`${file} does not load`);
  const { problem, calibration } = loaded.value;
  const nodes = problem.cluster.groups.reduce((sum, { count }) => sum + count, 0);
  const rows = Array.from({ length: nodes }, () => Array.from({ length: nodes }, () => 90e9));
  const measured = {
    level: 'node' as const,
    names: rows.map((_, node) => `n${node}`),
    bandwidth: rows,
    latency: null,
  };
  const cluster = { ...problem.cluster, measured };
  const time = (dedication: 'none' | 'nodes'): number =>
    least(3, () => {
      const own = { ...problem, cluster, search: { ...problem.search, dedication } };
      searchPlans(own, createSearchCosts(own, calibration));
    });
  time('none');
  const [without, withIt] = [time('none'), time('nodes')];
  console.log(
    `equal links, ${nodes} nodes: ${without.toFixed(2)} s without dedication, ${withIt.toFixed(2)} s with it: ` +
      `${(100 * (withIt / without - 1)).toFixed(1)} % more`,
  );
};

const assignments = (): void => {
  for (const { name, matrix, shape } of syntheticInstances([64, 128, 512], [2])) {
    const instance = dedicationInstance(shape, matrix);
    const annealing = processorSeconds(() => pipetteAnnealing(instance, 1));
    const ours = processorSeconds(() => dedicate({ shape, matrix }));
    console.log(`${name}: ${ours.toFixed(2)} s, ${(ours / annealing).toFixed(1)} × Pipette's annealing`);
  }
};

uniform();
assignments();
