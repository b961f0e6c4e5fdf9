import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { effortLimits } from '../../src/placement/place.ts';
import { solveLayer } from '../../src/placement/solve-layer.ts';
import { cpuSeconds, line, mean } from './measured.ts';
import { scaleProblems } from './synthetic.ts';

const SHAPES = [
  [94, 128, 128, 8],
  [94, 128, 160, 32],
  [60, 384, 384, 16],
  [60, 384, 416, 32],
  [60, 384, 448, 64],
] as const;
/** Seconds of wall time that a MILP gets for one layer, and after which its process is ended. */
const LIMIT = Number(process.env['MILP_SECONDS'] ?? 30);
const KILLED = LIMIT + 20;

interface Milp {
  readonly kind: string;
  readonly value: number | null;
  readonly bound: number | null;
  readonly cpu: number;
  readonly megabytes: number;
}

/** A solver on one layer, in a process of its own; null where it had to be ended. */
const milp = (solver: string, experts: number, replicas: number, gpus: number): Milp | null => {
  const child = fileURLToPath(new URL('milp-child.ts', import.meta.url));
  const numbers = [experts, replicas, gpus, LIMIT].map(String);
  const { stdout, status } = spawnSync(process.execPath, ['--import', 'tsx', child, solver, ...numbers], {
    timeout: 1000 * KILLED,
    encoding: 'utf8',
    maxBuffer: 2 ** 20,
  });
  return status === 0 ? (JSON.parse(stdout) as Milp) : null;
};

const percent = (ratio: number): string => `${(100 * ratio).toFixed(3)} %`;

const milpText = (found: Milp | null): string => {
  if (found === null) return `ended after ${KILLED} s without an answer`;
  const { kind, value, bound, cpu, megabytes } = found;
  const spent = `${cpu.toFixed(1)} CPU s, ${megabytes.toFixed(0)} MB`;
  if (value === null) return `${kind}: no placement (${spent})`;
  return `${kind} ${value.toFixed(5)}, bound ${(bound ?? 1).toFixed(5)}, gap ${percent(value / (bound ?? 1) - 1)} (${spent})`;
};

/** Models with more and with larger layers: all of them by the search, the first of each by both MILP solvers. */
export const scaleSection = (): void => {
  console.log(`\nScale: synthetic loads, all layers by the search; the first layer by MILP, ${LIMIT} s each`);
  for (const [layers, experts, replicas, gpus] of SHAPES) {
    const problems = scaleProblems(layers, experts, replicas, gpus);
    const before = cpuSeconds();
    const solved = problems.map((problem) => solveLayer(problem, effortLimits('normal', 1), null));
    const cpu = cpuSeconds() - before;
    const gaps = solved.map(({ value, bound }) => value / bound.value - 1);
    const first = solved[0];
    line([`${layers} x ${experts}, ${replicas}/${gpus}`]);
    console.log(
      `  search, all layers   mean max/mean ${mean(solved.map(({ value }) => value)).toFixed(6)}, gap ${percent(mean(gaps))}, worst ${percent(Math.max(...gaps))} (${cpu.toFixed(2)} CPU s, ${(process.memoryUsage().rss / 2 ** 20).toFixed(0)} MB)`,
    );
    if (first !== undefined)
      console.log(
        `  search, first layer  ${first.value.toFixed(5)}, bound ${first.bound.value.toFixed(5)}, gap ${percent(first.value / first.bound.value - 1)}`,
      );
    for (const solver of ['highs', 'javascript-lp-solver'])
      console.log(`  ${solver.padEnd(20)} ${milpText(milp(solver, experts, replicas, gpus))}`);
  }
};
