import { balanceModelSize, proveLayer } from '../../src/placement/balance-milp.ts';
import { effortLimits } from '../../src/placement/place.ts';
import { seededRandom } from '../../src/placement/random.ts';
import { solveLayer } from '../../src/placement/solve-layer.ts';
import { loadHighs } from '../../src/solver/highs.ts';
import { cpuSeconds, line, mean, problemOf } from './measured.ts';

const SHAPES = [
  [94, 128, 128, 8],
  [94, 128, 160, 32],
  [60, 384, 384, 16],
  [60, 384, 416, 32],
  [60, 384, 448, 64],
] as const;
const NODES = 200;

/** Log-normal loads of sigma 0.8 by Box and Muller, as the prototypes of such planners are measured on. */
const syntheticLayer = (experts: number, random: () => number): number[] =>
  Array.from({ length: experts }, () => {
    const radius = Math.sqrt(-2 * Math.log(1 - random()));
    return Math.round(1000 * Math.exp(0.8 * radius * Math.cos(2 * Math.PI * random())));
  });

/** Models with more and with larger layers; HiGHS from its own start on the first layer of each. */
export const scaleSection = async (): Promise<void> => {
  const highs = await loadHighs();
  console.log(
    `\nScale: synthetic loads, all layers; HiGHS on the first layer alone, ${NODES} nodes, its start the greedy`,
  );
  line(
    [
      'layers x experts',
      'slots/GPUs',
      'max/mean',
      'gap %',
      'worst gap %',
      'CPU s',
      'RSS MB',
      'HiGHS',
      'its bound',
      'its CPU s',
    ],
    11,
  );
  for (const [layers, experts, replicas, gpus] of SHAPES) {
    const random = seededRandom(experts + gpus);
    const problems = Array.from({ length: layers }, () =>
      problemOf([syntheticLayer(experts, random)], replicas, gpus),
    );
    let before = cpuSeconds();
    const solved = problems.map((problem) => solveLayer(problem, effortLimits('normal', 1), null));
    const cpu = cpuSeconds() - before;
    const gaps = solved.map(({ value, bound }) => value / bound.value - 1);
    const first = problems[0];
    let milp: readonly string[] = ['too large', '', ''];
    if (first !== undefined && balanceModelSize(first) <= 5000) {
      before = cpuSeconds();
      const greedy = solveLayer(first, { kicks: 0, tolerance: 1, seed: 1 }, null);
      const found = proveLayer(
        first,
        { placement: greedy.placement, value: greedy.value, bound: greedy.bound.value },
        highs,
        NODES,
      );
      milp = [found.value.toFixed(5), found.bound.toFixed(5), (cpuSeconds() - before).toFixed(1)];
    }
    line(
      [
        `${layers} x ${experts}`,
        `${replicas}/${gpus}`,
        mean(solved.map(({ value }) => value)).toFixed(6),
        (100 * mean(gaps)).toFixed(4),
        (100 * Math.max(...gaps)).toFixed(3),
        cpu.toFixed(2),
        (process.memoryUsage().rss / 2 ** 20).toFixed(0),
        ...milp,
      ],
      11,
    );
  }
};
