/**
 * Evaluations per CPU-second of the estimator, as a search calls it in bulk: `npx tsx bench/estimator.ts` builds the
 * package and measures that (`--source`: as tsx runs it, which names every closure at run time and takes about twice as
 * long; `--built`: what was built before). Prints times alone, times with memory bound, and lower bounds, for set-ups of
 * every kind. No call is made twice; tables are made on the way, as in a search.
 */
import { execFileSync } from 'node:child_process';
import type * as estimators from '../src/cost/estimator.ts';
import type * as calibrations from '../src/ingest/calibration.ts';
import { CASES, callsOf } from './estimator-cases.ts';
import type { Call } from './estimator-cases.ts';

const source = process.argv.includes('--source');
if (!source && !process.argv.includes('--built'))
  execFileSync('npx', ['tsc', '-p', 'tsconfig.build.json'], { stdio: 'inherit' });
const load = async <M>(path: string): Promise<M> =>
  (await import(source ? `../src/${path}.ts` : `../dist/${path}.js`)) as M;
const { createEstimator } = await load<typeof estimators>('cost/estimator');
const { defaultCalibration } = await load<typeof calibrations>('ingest/calibration');

/** Long enough that the threads of the compiler, which count, are a small part. */
const CALLS = 200_000;
/** Calls before those that are timed, of other strategies: code is compiled by then. */
const WARM = 20_000;

const rate = (calls: readonly Call[], ask: (call: Call) => unknown): number => {
  for (const call of calls.slice(0, WARM)) ask(call);
  const timed = calls.slice(WARM);
  const before = process.cpuUsage();
  for (const call of timed) ask(call);
  const { user, system } = process.cpuUsage(before);
  return timed.length / ((user + system) / 1e6);
};

for (const each of CASES) {
  const calls = callsOf(each, CALLS + WARM);
  // An estimator for each figure: what one has tabulated must not help the next.
  const estimator = () => createEstimator(each.problem, defaultCalibration());
  const [forTime, forBoth, forBound] = [estimator(), estimator(), estimator()];
  const rates = [
    ['time', rate(calls, ({ strategy, partition }) => forTime.iterationTime(strategy, partition))],
    ['time and memory', rate(calls, ({ strategy, partition }) => forBoth.evaluate(strategy, partition))],
    ['lower bound', rate(calls, ({ strategy }) => forBound.lowerBound(strategy))],
  ] as const;
  const cells = rates.map(([what, perSecond]) => `${what} ${Math.round(perSecond / 1000)}k`);
  process.stdout.write(`${each.name}: ${cells.join(', ')} per CPU-second\n`);
}
