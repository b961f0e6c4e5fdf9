/**
 * Time of expert placement relative to EPLB on the same synthetic layers, in one run: `npx tsx bench/placement.ts`.
 * Ratios, so that the machine and its load matter little.
 */
import { Bench } from 'tinybench';
import { eplbLayer } from '../src/placement/eplb.ts';
import { effortLimits } from '../src/placement/place.ts';
import { seededRandom } from '../src/placement/random.ts';
import { solveLayer } from '../src/placement/solve-layer.ts';

const SHAPES = [
  [256, 256, 32],
  [256, 288, 32],
  [256, 320, 64],
  [384, 416, 32],
] as const;

/** Log-normal loads of sigma 0.8 (Box and Muller). */
const loadsOf = (experts: number): number[] => {
  const random = seededRandom(experts);
  return Array.from({ length: experts }, () =>
    Math.exp(0.8 * Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())),
  );
};

const run = async (): Promise<void> => {
  for (const [experts, replicas, gpus] of SHAPES) {
    const loads = loadsOf(experts);
    const problem = {
      loads: [loads],
      slots: new Array<number>(gpus).fill(replicas / gpus),
      replicas,
      speeds: new Array<number>(gpus).fill(1),
      objective: 'mean',
    } as const;
    const bench = new Bench({ time: 1000, warmupTime: 200 })
      .add('EPLB', () => {
        eplbLayer(loads, { replicas, groups: 1, nodes: 1, gpus });
      })
      .add('planner', () => {
        solveLayer(problem, effortLimits('normal', 1), null);
      });
    await bench.run();
    const [eplb = 0, planner = 0] = bench.tasks.map(({ result }) =>
      'latency' in result ? result.latency.mean : Number.NaN,
    );
    console.log(
      `${experts} experts, ${replicas}/${gpus}: EPLB ${eplb.toFixed(2)} ms a layer, planner ${planner.toFixed(2)} ms, ratio ${(planner / eplb).toFixed(1)}`,
    );
  }
};
await run();
