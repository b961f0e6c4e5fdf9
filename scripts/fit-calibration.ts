/**
 * Fits the constants of a calibration to measured runs: `npx tsx scripts/fit-calibration.ts RUNS.jsonl [sweeps [only]]`.
 * `only`: a regular expression on their dotted paths (`expert|host_moe`); the others keep their values.
 *
 * Kernel curves (gemm) are not touched: they come from kernel tables. What is fitted is the list PARAMETERS: each
 * within the plausible range that the file states, by coordinate search on a soft-L1 loss of the log error. Every
 * source has equal weight (sources of fewer than five rows less), every constant is pulled weakly to where it was, and
 * records of configs/calibration/excluded-records.yaml are left out. What configs/calibration/published-constants.yaml
 * gives directly counts as one run each. The profile of unknown software is set to medians of those that are known.
 * Rewrites configs/calibration/default.yaml.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse, parseDocument } from 'yaml';
import { adopt, holder, PARAMETERS, rangeOf } from '../src/accuracy/fit-parameters.ts';
import type { Tree } from '../src/accuracy/fit-parameters.ts';
import { setGenericProfile } from '../src/accuracy/generic-profile.ts';
import { fitRows, groupErrors, groupRows } from '../src/accuracy/fit-rows.ts';
import type { FitGroup, FitRow } from '../src/accuracy/fit-rows.ts';
import type { Calibration } from '../src/cost/calibration.ts';
import { calibrationOf } from '../src/ingest/calibration.ts';
import { excludedRecords } from '../src/ingest/excluded-records.ts';
import { readMeasuredRuns } from '../src/ingest/measured-runs.ts';

const FILE = fileURLToPath(new URL('../configs/calibration/default.yaml', import.meta.url));

const PUBLISHED = fileURLToPath(new URL('../configs/calibration/published-constants.yaml', import.meta.url));

/** Errors beyond this count linearly. */
const SOFT = 0.04;

const softLoss = (error: number): number => SOFT * SOFT * (Math.sqrt(1 + (error / SOFT) ** 2) - 1);

/** A constant that was measured by itself. */
interface Published {
  readonly path: string;
  readonly value: number;
  /** Part of the step that it scaled there. */
  readonly share: number;
  /** Title of the source whose run it was. */
  readonly of: string;
}

/** Loss of the step that was measured: what the published value says of it against what `value` says. */
const publishedLoss = (known: Published, value: number, rows: readonly FitRow[]): number => {
  const weight = rows.find((row) => row.source === known.of)?.weight ?? 0;
  return weight * softLoss(known.share * (value - known.value));
};

const groupLoss = (group: FitGroup, calibration: Calibration): number => {
  const errors = groupErrors(group, calibration);
  return group.rows.reduce((loss, row, i) => loss + row.weight * softLoss(errors[i] ?? 0), 0);
};

/** Weight of the pull to the value that the file held, per squared log distance. */
const PRIOR = 2e-4;

const main = (): void => {
  const [file, sweepsText, only] = process.argv.slice(2);
  if (file === undefined) throw new Error('usage: fit-calibration RUNS.jsonl [sweeps [only]]');
  const chosen = new RegExp(only ?? '');
  const parameters = PARAMETERS.filter((path) => chosen.test(path.join('.')));
  if (parameters.length === 0) throw new Error(`no constant is called ${only ?? ''}`);
  const sweeps = Number(sweepsText ?? '3');
  const text = readFileSync(FILE, 'utf8');
  const root = parse(text) as Tree;
  const lines = readMeasuredRuns(file);
  if (!lines.ok) throw new Error(`cannot read ${file}`);
  const rows = fitRows(lines.value, calibrationOf(root), excludedRecords());
  const groups = groupRows(rows);
  let losses = groups.map((group) => groupLoss(group, calibrationOf(root)));
  const total = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);
  const start = parameters.map((path) => adopt(root, path));
  const steps = start.map(() => 0.12);
  const published = parse(readFileSync(PUBLISHED, 'utf8')) as readonly Published[];
  process.stderr.write(`${groups.length} problems, loss ${total(losses).toExponential(4)}\n`);
  for (let sweep = 0; sweep < sweeps; sweep += 1) {
    for (const [i, path] of parameters.entries()) {
      const [node, key] = holder(root, path);
      const [low, high] = rangeOf(root, path);
      const from = Number(node[key]);
      const measured = published.find((each) => each.path === path.join('.'));
      const prior = (value: number): number =>
        PRIOR * Math.log((value + 1e-12) / ((start[i] ?? 0) + 1e-12)) ** 2 +
        (measured === undefined ? 0 : publishedLoss(measured, value, rows));
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
  for (const path of parameters) {
    const [node, key] = holder(root, path);
    document.setIn(path, Number(Number(node[key]).toPrecision(3)));
  }
  writeFileSync(FILE, document.toString({ lineWidth: 0 }));
};

main();
