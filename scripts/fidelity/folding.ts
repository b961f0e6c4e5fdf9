/**
 * MoE Parallel Folding (arXiv 2504.14960): 72 rows of MFU on H100. The paper does not print how it counts attention;
 * Megatron Core of its date counts the causal half ("only half of the attention matrix is non-zero", training.py), and
 * that is how its MFU is read here. Micro-batch, virtual stages and recomputation are not printed either.
 */
import type { MeasuredLine } from '../../src/ingest/measured-runs.ts';
import { createPredictor } from '../../src/accuracy/predict.ts';
import { defaultCalibration } from '../../src/ingest/calibration.ts';

export interface FoldingReport {
  readonly rows: number;
  readonly errors: readonly number[];
  /** Models and scales on which four methods or more are measured, and those whose whole order is as measured. */
  readonly groups: number;
  readonly ordered: number;
  readonly pairs: number;
  readonly right: number;
  readonly oomRows: number;
  readonly oomFound: number;
}

const PEAK = 989e12;

interface Row {
  readonly key: string;
  readonly printed: number;
  readonly predicted: number;
}

export const foldingReport = (
  lines: readonly MeasuredLine[],
  calibration = defaultCalibration(),
): FoldingReport => {
  const predict = createPredictor(calibration);
  const rows: Row[] = [];
  let [all, oomRows, oomFound] = [0, 0, 0];
  for (const line of lines) {
    if (line.kind !== 'run' || !/MoE Parallel Folding/.test(line.run.source)) continue;
    all += 1;
    const predicted = predict(line.run.configuration);
    if (!predicted.ok) continue;
    const { estimate, recorded } = predicted;
    const { outcome, configuration } = line.run;
    if (outcome.oom === true || outcome.status === 'oom') {
      oomRows += 1;
      oomFound += Number(!estimate.feasible);
      continue;
    }
    if (outcome.mfu === null) continue;
    const { model, training, cluster } = configuration;
    rows.push({
      key: JSON.stringify([
        model.name,
        cluster.gpus,
        training.sequence,
        training.globalBatch,
        training.precision,
      ]),
      printed: outcome.mfu,
      predicted:
        (estimate.modelTflopsPerGpu * 1e12) /
        (recorded.problem.training.precision === 'fp8' ? 2 * PEAK : PEAK),
    });
  }
  const groups = new Map<string, Row[]>();
  for (const row of rows) groups.set(row.key, [...(groups.get(row.key) ?? []), row]);
  let [pairs, right, ordered] = [0, 0, 0];
  const several = [...groups.values()].filter((list) => list.length > 1);
  // Table 3: four methods or more of one model, measured.
  const full = several.filter((list) => list.length >= 4);
  for (const list of several) {
    let wrong = 0;
    list.forEach((a, i) => {
      for (const b of list.slice(i + 1)) {
        if (Math.max(a.printed, b.printed) / Math.min(a.printed, b.printed) <= 1.05) continue;
        pairs += 1;
        const agrees = (a.printed - b.printed) * (a.predicted - b.predicted) > 0;
        right += Number(agrees);
        wrong += Number(!agrees);
      }
    });
    if (full.includes(list)) ordered += Number(wrong === 0);
  }
  return {
    rows: all,
    errors: rows.map(({ printed, predicted }) => predicted / printed - 1),
    groups: full.length,
    ordered,
    pairs,
    right,
    oomRows,
    oomFound,
  };
};
