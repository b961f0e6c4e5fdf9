import { eplbLayer } from '../../src/placement/eplb.ts';
import { effortLimits, splitSlots } from '../../src/placement/place.ts';
import { duplicateCount, maxOverMean } from '../../src/placement/score.ts';
import { solveLayer } from '../../src/placement/solve-layer.ts';
import { contiguous, cpuSeconds, deepseekFiles, line, mean, problemOf } from './measured.ts';

const SHAPES = [
  [256, 32],
  [288, 32],
  [320, 64],
  [288, 72],
  [288, 144],
] as const;

/** Max/mean on all files and layers beside contiguous, EPLB and the lower bound. */
export const balanceSection = (): void => {
  const files = deepseekFiles();
  console.log(`\nBalance: max/mean, means over ${files.length} files of 58 layers`);
  line([
    'slots/GPUs',
    'contiguous',
    'EPLB',
    'planner',
    'bound',
    'gap %',
    'worst gap %',
    'EPLB dup.',
    'CPU s a file',
  ]);
  for (const [replicas, gpus] of SHAPES) {
    const eplb: number[] = [];
    const plain: number[] = [];
    const ours: number[] = [];
    const bounds: number[] = [];
    let duplicates = 0;
    let cpu = 0;
    for (const { layers } of files)
      for (const loads of layers) {
        const problem = problemOf([loads], replicas, gpus);
        const greedy = splitSlots(eplbLayer(loads, { replicas, groups: 1, nodes: 1, gpus }), problem.slots);
        eplb.push(maxOverMean(loads, greedy, problem.speeds));
        duplicates += duplicateCount(greedy) > 0 ? 1 : 0;
        plain.push(maxOverMean(loads, contiguous(256, gpus), problem.speeds));
        const before = cpuSeconds();
        const { value, bound } = solveLayer(problem, effortLimits('normal', 1), null);
        cpu += cpuSeconds() - before;
        ours.push(value);
        bounds.push(bound.value);
      }
    const gaps = ours.map((value, index) => value / (bounds[index] ?? 1) - 1);
    line([
      `${replicas}/${gpus}`,
      mean(plain).toFixed(4),
      mean(eplb).toFixed(4),
      mean(ours).toFixed(6),
      mean(bounds).toFixed(6),
      (100 * (mean(ours) / mean(bounds) - 1)).toFixed(3),
      (100 * Math.max(...gaps)).toFixed(3),
      duplicates,
      (cpu / files.length).toFixed(2),
    ]);
  }
};

/** 256/32: the default against `--effort high`, on one file. */
export const effortSection = (): void => {
  const file = deepseekFiles()[4];
  if (file === undefined) return;
  for (const [replicas, gpus] of [
    [256, 32],
    [320, 64],
  ] as const) {
    const before = cpuSeconds();
    const layers = file.layers.map((loads) => {
      const problem = problemOf([loads], replicas, gpus);
      return {
        normal: solveLayer(problem, effortLimits('normal', 1), null).value,
        high: solveLayer(problem, effortLimits('high', 1), null).value,
      };
    });
    const [normal, high] = [
      mean(layers.map((layer) => layer.normal)),
      mean(layers.map((layer) => layer.high)),
    ];
    const worst = Math.max(...layers.map((layer) => layer.normal / layer.high - 1));
    console.log(
      `\n${replicas}/${gpus}, ${file.name}: default ${normal.toFixed(6)}, --effort high ${high.toFixed(6)}: ${(100 * (normal / high - 1)).toFixed(4)} % apart, worst layer ${(100 * worst).toFixed(4)} % (${((cpuSeconds() - before) / 58).toFixed(2)} CPU s a layer)`,
    );
  }
};
