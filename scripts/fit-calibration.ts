/**
 * Fits the constants of a calibration to measured runs: `npx tsx scripts/fit-calibration.ts RUNS.jsonl [sweeps]`.
 *
 * Kernel curves (gemm) are not touched: they come from kernel tables. What is fitted is the list PARAMETERS: each
 * within the plausible range that the file states, by coordinate search on a soft-L1 loss of the log error. Every
 * source has equal weight (sources of fewer than five rows less), every constant is pulled weakly to where it was, and
 * records of configs/calibration/excluded-records.yaml are left out. Rewrites configs/calibration/default.yaml.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse, parseDocument } from 'yaml';
import { compareRun } from '../src/accuracy/compare.ts';
import { createPredictor } from '../src/accuracy/predict.ts';
import { createEstimator } from '../src/cost/estimator.ts';
import type { Calibration } from '../src/cost/calibration.ts';
import { calibrationOf } from '../src/ingest/calibration.ts';
import { readMeasuredRuns } from '../src/ingest/measured-runs.ts';
import type { Problem } from '../src/plan/problem.ts';
import type { Partition, Strategy } from '../src/strategy/strategy.ts';

const FILE = fileURLToPath(new URL('../configs/calibration/default.yaml', import.meta.url));
const EXCLUDED = fileURLToPath(new URL('../configs/calibration/excluded-records.yaml', import.meta.url));

type Path = readonly (string | number)[];

const paths = (prefix: string, names: string): readonly Path[] =>
  names
    .split(' ')
    .map((name) => [
      ...prefix.split('.'),
      ...name.split('/').map((part) => (/^\d$/.test(part) ? Number(part) : part)),
    ]);

/** Constants that runs identify; `extends` of the file carries them on to what inherits them. */
const PARAMETERS: readonly Path[] = [
  ...paths(
    'accelerators.a100',
    'sustained elementwise batched_gemm batched_gemm_misaligned attention/flash1/0 attention/flash2/0',
  ),
  ...paths(
    'accelerators.h100',
    'sustained elementwise attention/flash2/0 attention/cudnn/0 attention/cudnn-v9/0 expert_overhead permutation',
  ),
  ...paths('accelerators.b200', 'sustained elementwise attention/cudnn-v9/0 expert_overhead permutation'),
  ...paths('accelerators.gb200', 'sustained'),
  ...paths('accelerators.gb300', 'sustained'),
  ...paths('accelerators.v100', 'sustained'),
  ...paths('links.nvlink', 'reduce gather all_to_all'),
  ...paths('links.infiniband', 'reduce gather all_to_all'),
  ...paths('links.roce', 'gather'),
  ...paths('links.efa', 'step gather reduce'),
  ...paths(
    'runtimes.megatron-core',
    'host_dense host_moe host_fused_dispatcher host_expert_overlap host_attention_graph traffic loss_bytes accumulation_bytes tensor_overlap_exposed data_exposed expert_all_to_all expert_overlap optimizer_parameter optimizer_shard',
  ),
  ...paths('runtimes.megatron-classic', 'loss_bytes tensor_fixed pipeline_exposed'),
  ...paths('runtimes.megatron-deepspeed', 'host_dense'),
  ...paths('runtimes.scaling', 'eager_traffic unfused_norm'),
  ...paths(
    'runtimes.nanotron',
    'host_dense host_norm traffic loss_bytes accumulation_bytes tensor_exposed data_exposed optimizer_parameter optimizer_shard iteration_overhead',
  ),
  ...paths('runtimes.torchtitan', 'traffic loss_bytes tensor_exposed tensor_overlap_exposed host_dense'),
  ...paths('runtimes.pytorch-fsdp', 'eager_traffic loss_bytes fsdp_node fsdp_network'),
  ...paths('runtimes.megatron-fsdp', 'fsdp_node fsdp_network'),
  ...paths('runtimes.jax', 'traffic fsdp_node fsdp_network'),
];

interface Row {
  readonly problem: Problem;
  readonly strategy: Strategy;
  readonly partition: Partition;
  readonly measured: number;
  readonly weight: number;
}

/** Rows of one problem share its estimator. */
interface Group {
  readonly problem: Problem;
  readonly rows: readonly Row[];
}

const WHOLE_SOURCE = 5;

const loadRows = (file: string, calibration: Calibration): readonly Row[] => {
  const excluded = (parse(readFileSync(EXCLUDED, 'utf8')) as readonly { pattern: string }[]).map(
    ({ pattern }) => new RegExp(pattern),
  );
  const lines = readMeasuredRuns(file);
  if (!lines.ok) throw new Error(`cannot read ${file}`);
  const predict = createPredictor(calibration);
  const found: (Omit<Row, 'weight'> & { source: string })[] = [];
  for (const line of lines.value) {
    if (line.kind !== 'run') continue;
    const comparison = compareRun(line.run, predict);
    const measured = comparison.measured.iterationTimeS;
    if (!comparison.scores.timing || comparison.apart !== null || measured === null) continue;
    if (excluded.some((pattern) => pattern.test(comparison.id))) continue;
    const predicted = predict(line.run.configuration);
    if (!predicted.ok) continue;
    const { problem, partition } = predicted.recorded;
    found.push({ problem, strategy: predicted.strategy, partition, measured, source: comparison.source });
  }
  const counts = new Map<string, number>();
  for (const { source } of found) counts.set(source, (counts.get(source) ?? 0) + 1);
  return found.map(({ source, ...row }) => ({
    ...row,
    weight: 1 / Math.max(WHOLE_SOURCE, counts.get(source) ?? 1),
  }));
};

const groupRows = (rows: readonly Row[]): readonly Group[] => {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const key = JSON.stringify([row.problem.cluster, row.problem.model, row.problem.training]);
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  return [...groups.values()].flatMap((list) =>
    list[0] === undefined ? [] : [{ problem: list[0].problem, rows: list }],
  );
};

/** Errors beyond this count linearly. */
const SOFT = 0.04;

const groupLoss = (group: Group, calibration: Calibration): number => {
  const estimator = createEstimator(group.problem, calibration);
  let loss = 0;
  for (const row of group.rows) {
    const error = Math.log(estimator.iterationTime(row.strategy, row.partition) / row.measured);
    loss += row.weight * SOFT * SOFT * (Math.sqrt(1 + (error / SOFT) ** 2) - 1);
  }
  return loss;
};

type Tree = Record<string | number, unknown>;

const holder = (root: Tree, path: Path): [Tree, string | number] => {
  let node = root;
  for (const part of path.slice(0, -1)) node = node[part] as Tree;
  const last = path.at(-1);
  if (last === undefined) throw new Error('empty path');
  return [node, last];
};

/** The value of a constant, of its own entry or of the one that it extends; afterwards the entry holds it itself. */
const adopt = (root: Tree, path: Path): number => {
  const [section, entry, ...rest] = path;
  const entries = root[section ?? ''] as Tree;
  let name = String(entry);
  for (;;) {
    const [node, key] = holder(entries[name] as Tree, rest);
    if (node[key] !== undefined) {
      const value = Number(node[key]);
      const [own, ownKey] = holder(root, path);
      own[ownKey] = value;
      return value;
    }
    name = String((entries[name] as Tree)['extends']);
  }
};

const rangeOf = (root: Tree, path: Path): readonly [number, number] => {
  const names = path.map(String);
  const key =
    names[2] === 'attention'
      ? (['attention_rate', 'attention_half_length', 'attention_backward'][Number(names[4])] ?? '')
      : (names[2] ?? '');
  const meaning = ((root['constants'] as Tree)[names[0] ?? ''] as Tree)[key] as {
    range: readonly [number, number];
  };
  return meaning.range;
};

/** Weight of the pull to the value that the file held, per squared log distance. */
const PRIOR = 2e-4;

const main = (): void => {
  const [file, sweepsText] = process.argv.slice(2);
  if (file === undefined) throw new Error('usage: fit-calibration RUNS.jsonl [sweeps]');
  const sweeps = Number(sweepsText ?? '3');
  const text = readFileSync(FILE, 'utf8');
  const root = parse(text) as Tree;
  const groups = groupRows(loadRows(file, calibrationOf(root)));
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
  const document = parseDocument(text);
  for (const path of PARAMETERS) {
    const [node, key] = holder(root, path);
    document.setIn(path, Number(Number(node[key]).toPrecision(3)));
  }
  writeFileSync(FILE, document.toString({ lineWidth: 0 }));
};

main();
