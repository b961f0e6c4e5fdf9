/** One measured run beside its prediction. */
import type { MeasuredLine, MeasuredRun } from '../ingest/measured-runs.ts';
import { GIB } from '../units.ts';
import { measuredIterationTime } from './measured-time.ts';
import type { Predictor, Prediction } from './predict.ts';
import type { RecordedProblem } from './record-problem.ts';

/** What the groups of a report are made from. */
export interface Traits {
  readonly accelerator: string;
  readonly runtime: string;
  readonly arch: 'dense' | 'moe' | 'hybrid';
  /** Rows that share it differ in layout alone. */
  readonly sweep: string;
  readonly memoryKind: string;
  /** Schedule as printed. */
  readonly schedule: string;
}

export interface Comparison {
  readonly id: string;
  readonly source: string;
  readonly skipped: string | null;
  readonly measured: {
    readonly iterationTimeS: number | null;
    readonly peakMemoryBytes: number | null;
    readonly oom: boolean | null;
  };
  readonly predicted: Prediction;
  readonly traits: Traits;
  /** What it counts for. */
  readonly scores: {
    readonly timing: boolean;
    readonly ordering: boolean;
    readonly memory: boolean;
    readonly oom: boolean;
    readonly ran: boolean;
  };
  /** Contradicts itself, says its reader: shown apart. */
  readonly suspect: boolean;
  /** Why it does not count in headline figures; null: it does. */
  readonly apart: string | null;
  readonly assumptions: readonly string[];
}

const NOTHING: Prediction = {
  iterationTimeS: null,
  peakMemoryBytes: null,
  peakMemoryBoundBytes: null,
  feasible: null,
};

/**
 * Nanotron's sweep mixes three builds, and the build is not printed: only its rows of pipeline 1, tensor under 32 and
 * fewer than 512 GPUs are nearly all of one.
 */
const unknownBuild = ({ source, configuration: { parallel, cluster } }: MeasuredRun): boolean =>
  /ultra-?scale playbook/i.test(source) &&
  !((parallel.pipeline ?? 1) === 1 && (parallel.tensor ?? 1) < 32 && (cluster.gpus ?? 0) < 512);

const archOf = (arch: string, experts: number | null): Traits['arch'] =>
  /hybrid|mamba/.test(arch) ? 'hybrid' : /moe/.test(arch) || experts !== null ? 'moe' : 'dense';

const traitsOf = (run: MeasuredRun, recorded: RecordedProblem | null): Traits => {
  const { model, cluster, training, parallel } = run.configuration;
  const keys = [
    run.source,
    model.name,
    cluster.gpu,
    cluster.gpus,
    training.sequence ?? model.sequence,
    training.globalBatch,
    training.precision,
  ];
  return {
    accelerator: recorded?.problem.cluster.groups[0]?.accelerator.name ?? cluster.gpu ?? 'unknown',
    runtime: recorded?.software.profile ?? 'unknown',
    arch: archOf(model.arch, model.experts),
    sweep: JSON.stringify(keys),
    memoryKind: recorded === null ? 'unknown' : `${recorded.memory.kind}, ${recorded.memory.stage} stage`,
    schedule: parallel.schedule ?? 'none stated',
  };
};

export const compareRun = (run: MeasuredRun, predict: Predictor): Comparison => {
  const predicted = predict(run.configuration);
  const recorded = predicted.ok ? predicted.recorded : null;
  const { outcome } = run;
  const time = measuredIterationTime(outcome, recorded);
  const oom = outcome.status === 'oom' ? true : outcome.oom;
  const suspect = outcome.quality === 'suspect';
  const ran = oom !== true && (outcome.status ?? 'ok') === 'ok';
  const stock = recorded?.stockSchedule ?? true;
  return {
    id: run.id,
    source: run.source,
    skipped: predicted.ok ? null : predicted.reason,
    measured: {
      iterationTimeS: time,
      peakMemoryBytes: outcome.peakMemoryGib === null ? null : outcome.peakMemoryGib * GIB,
      oom,
    },
    predicted: predicted.ok ? predicted.prediction : NOTHING,
    traits: traitsOf(run, recorded),
    scores: {
      timing: outcome.usable.timing ?? (ran && time !== null && !suspect),
      ordering: outcome.usable.timingWithoutMicroBatch ?? false,
      memory: outcome.usable.memory ?? (ran && outcome.peakMemoryGib !== null && !suspect),
      oom: outcome.usable.oom ?? (oom === true && outcome.status === 'oom'),
      ran: ran && ((outcome.usable.timing ?? true) || (outcome.usable.memory ?? true)),
    },
    suspect,
    apart: suspect
      ? 'suspect'
      : unknownBuild(run)
        ? 'nanotron, unknown build'
        : stock
          ? null
          : `schedule ${run.configuration.parallel.schedule ?? ''}`,
    assumptions: recorded?.assumptions ?? [],
  };
};

const unreadable = (file: string, line: number, reason: string): Comparison => ({
  id: `${file}:${line}`,
  source: file,
  skipped: reason,
  measured: { iterationTimeS: null, peakMemoryBytes: null, oom: null },
  predicted: NOTHING,
  traits: {
    accelerator: 'unknown',
    runtime: 'unknown',
    arch: 'dense',
    sweep: '',
    memoryKind: 'unknown',
    schedule: 'none stated',
  },
  scores: { timing: false, ordering: false, memory: false, oom: false, ran: false },
  suspect: false,
  apart: 'unreadable',
  assumptions: [],
});

/** `file`: how the user names it; ids of unreadable lines are made from it. */
export const compareLines = (
  file: string,
  lines: readonly MeasuredLine[],
  predict: Predictor,
): readonly Comparison[] =>
  lines.map((line) =>
    line.kind === 'run' ? compareRun(line.run, predict) : unreadable(file, line.line, line.reason),
  );
