/**
 * Fits the constants of a calibration to measured runs: `npx tsx scripts/fit-calibration.ts RUNS.jsonl [sweeps]`.
 *
 * Kernel curves (gemm) are not touched: they come from kernel tables. What is fitted is the list PARAMETERS: each
 * within the plausible range that the file states, by coordinate search on a soft-L1 loss of the log error. Every
 * source has equal weight (sources of fewer than five rows less), every constant is pulled weakly to where it was, and
 * records of configs/calibration/excluded-records.yaml are left out. The profile of unknown software is set to medians of
 * those that are known. Rewrites configs/calibration/default.yaml.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse, parseDocument } from 'yaml';
import { adopt, holder, PARAMETERS, rangeOf } from '../src/accuracy/fit-parameters.ts';
import type { Tree } from '../src/accuracy/fit-parameters.ts';
import { setGenericProfile } from '../src/accuracy/generic-profile.ts';
import { fitRows, groupErrors, groupRows } from '../src/accuracy/fit-rows.ts';
import type { FitGroup } from '../src/accuracy/fit-rows.ts';
import type { Calibration } from '../src/cost/calibration.ts';
import { calibrationOf } from '../src/ingest/calibration.ts';
import { excludedRecords } from '../src/ingest/excluded-records.ts';
import { readMeasuredRuns } from '../src/ingest/measured-runs.ts';

const FILE = fileURLToPath(new URL('../configs/calibration/default.yaml', import.meta.url));

/** Errors beyond this count linearly. */
const SOFT = 0.04;

const groupLoss = (group: FitGroup, calibration: Calibration): number => {
  const errors = groupErrors(group, calibration);
  return group.rows.reduce(
    (loss, row, i) => loss + row.weight * SOFT * SOFT * (Math.sqrt(1 + ((errors[i] ?? 0) / SOFT) ** 2) - 1),
    0,
  );
};

/** Weight of the pull to the value that the file held, per squared log distance. */
const PRIOR = 2e-4;

const main = (): void => {
  const [file, sweepsText] = process.argv.slice(2);
  if (file === undefined) throw new Error('usage: fit-calibration RUNS.jsonl [sweeps]');
  const sweeps = Number(sweepsText ?? '3');
  const text = readFileSync(FILE, 'utf8');
  const root = parse(text) as Tree;
  const lines = readMeasuredRuns(file);
  if (!lines.ok) throw new Error(`cannot read ${file}`);
  const groups = groupRows(fitRows(lines.value, calibrationOf(root), excludedRecords()));
  let losses = groups.map((group) => groupLoss(group, calibrationOf(root)));
  const total = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);
  const start = PARAMETERS.map((path) => adopt(root, path));
  const steps = start.map(() => 0.12);
  process.stderr.write(`${groups.length} problems, loss ${total(losses).toExponential(4)}\n`);
  for (let sweep = 0; sweep < sweeps; sweep += 1) {
    for (const [i, path] of PARAMETERS.entries()) {
      const [node, key] = holder(root, path);
      const [low, high] = rangeOf(root, path);
      const from = Number(node[key]);
      const prior = (value: number): number =>
        PRIOR * Math.log((value + 1e-12) / ((start[i] ?? 0) + 1e-12)) ** 2;
      let bestValue = from;
      let bestLosses = losses;
      let best = total(losses) + prior(from);
      // Groups that the constant does not touch keep their loss.
      let touched: readonly number[] | null = null;
      const attempt = (value: number): boolean => {
        node[key] = value;
        const calibration = calibrationOf(root);
        const next = [...losses];
        const indices = touched ?? groups.map((_, index) => index);
        for (const index of indices) {
          const group = groups[index];
          if (group !== undefined) next[index] = groupLoss(group, calibration);
        }
        touched ??= indices.filter((index) => next[index] !== losses[index]);
        const loss = total(next) + prior(value);
        if (loss >= best) return false;
        [best, bestValue, bestLosses] = [loss, value, next];
        return true;
      };
      const step = steps[i] ?? 0.1;
      const clamp = (value: number): number => Math.min(high, Math.max(low, value));
      let improved = false;
      for (const direction of [1 + step, 1 / (1 + step)]) {
        let value = clamp(from === 0 ? high * 0.01 : bestValue * direction);
        while (value !== bestValue && attempt(value)) {
          improved = true;
          value = clamp(bestValue * direction);
        }
        if (improved) break;
      }
      node[key] = bestValue;
      losses = bestLosses;
      steps[i] = improved ? step : step / 2;
    }
    process.stderr.write(`sweep ${sweep + 1}: loss ${total(losses).toExponential(4)}\n`);
  }
  setGenericProfile(root);
  const document = parseDocument(text);
  const generic = (root['runtimes'] as Record<string, Tree>)['generic'] ?? {};
  for (const [key, value] of Object.entries(generic))
    if (typeof value === 'number') document.setIn(['runtimes', 'generic', key], value);
  for (const path of PARAMETERS) {
    const [node, key] = holder(root, path);
    document.setIn(path, Number(Number(node[key]).toPrecision(3)));
  }
  writeFileSync(FILE, document.toString({ lineWidth: 0 }));
};

main();
