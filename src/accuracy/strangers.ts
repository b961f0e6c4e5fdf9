/**
 * What a prediction is worth for software that planner does not know: each known stack is made a stranger. Its runs are
 * left out of the fit, their title and framework are blanked, and they are predicted as the nearest stack that is left.
 */
import type { RunConfiguration } from '../ingest/measured-configuration.ts';
import type { MeasuredLine, MeasuredRun } from '../ingest/measured-runs.ts';
import type { SoftwareProfile } from '../plan/conditions.ts';
import type { RuntimeName } from '../plan/problem.ts';
import { softwareProfile } from '../runtimes/time-behaviour.ts';
import { compareRun } from './compare.ts';
import type { Comparison } from './compare.ts';
import { setGenericProfile } from './generic-profile.ts';
import type { LinearisedFit } from './linearised-fit.ts';
import { detection, relativeError } from './metrics.ts';
import type { Detection } from './metrics.ts';
import { createPredictor } from './predict.ts';
import { softwareOf } from './record/software.ts';
import type { Software } from './record/software.ts';
import { memoryPair, timePair } from './summary.ts';

/** Where the nearest relative of a nameless run is the very stack that is left out: the next one. */
const NEXT: Readonly<Record<SoftwareProfile, readonly [RuntimeName, SoftwareProfile]>> = {
  'megatron-core': ['megatron', 'generic'],
  'megatron-classic': ['deepspeed', 'megatron-deepspeed'],
  'megatron-deepspeed': ['megatron', 'megatron-classic'],
  scaling: ['megatron', 'generic'],
  nanotron: ['megatron', 'generic'],
  torchtitan: ['fsdp', 'pytorch-fsdp'],
  'pytorch-fsdp': ['torchtitan', 'torchtitan'],
  'megatron-fsdp': ['torchtitan', 'torchtitan'],
  jax: ['fsdp', 'pytorch-fsdp'],
  generic: ['megatron', 'megatron-core'],
};

/** The configuration without a name of its software. */
export const nameless = (configuration: RunConfiguration): RunConfiguration => ({
  ...configuration,
  title: 'a table of measured runs',
  training: { ...configuration.training, framework: null, megatronFsdp: null },
});

/** What a nameless run is predicted as when a stack is unknown. */
export const strangerOf = (configuration: RunConfiguration, unknown: SoftwareProfile): Software => {
  const nearest = softwareOf(nameless(configuration));
  // Nor do its own peaks bound its memory.
  const software = { ...nearest, boundedBy: nearest.boundedBy.filter((stack) => stack !== unknown) };
  if (software.profile !== unknown) return software;
  const [runtime, profile] = NEXT[unknown];
  return { ...software, runtime, profile };
};

export interface StrangerResult {
  /** Errors of iteration time and of peak memory, predicted ∕ measured − 1. */
  readonly time: readonly number[];
  readonly memory: readonly number[];
  /** Bound ∕ measured − 1. */
  readonly bound: readonly number[];
  readonly oom: Detection;
}

export interface StrangerValidation {
  readonly profile: SoftwareProfile;
  /** What its runs were predicted as. */
  readonly predictedAs: readonly SoftwareProfile[];
  readonly known: StrangerResult;
  readonly unknown: StrangerResult;
}

const resultOf = (comparisons: readonly Comparison[]): StrangerResult => {
  const remembered = comparisons.filter(({ scores, suspect }) => scores.memory && !suspect);
  const timed = comparisons.filter(({ scores, apart }) => scores.timing && apart === null);
  return {
    time: timed.flatMap((row) => timePair(row) ?? []).map(relativeError),
    memory: remembered.flatMap((row) => memoryPair(row) ?? []).map(relativeError),
    bound: remembered.flatMap(({ measured, predicted }) =>
      measured.peakMemoryBytes === null || predicted.peakMemoryBoundBytes === null
        ? []
        : [predicted.peakMemoryBoundBytes / measured.peakMemoryBytes - 1],
    ),
    oom: detection(
      comparisons
        .filter(
          ({ scores, suspect, predicted }) =>
            predicted.feasible !== null && !suspect && (scores.oom || scores.ran),
        )
        .map(({ scores, predicted }) => ({ real: scores.oom, alarm: predicted.feasible === false })),
    ),
  };
};

const MIN_RUNS = 5;

/** For each stack of five runs or more. `lines`: all runs; the fit holds those that constants are fitted on. */
export const validateStrangers = (
  fit: LinearisedFit,
  lines: readonly MeasuredLine[],
): readonly StrangerValidation[] => {
  const runs = lines.flatMap((line) => (line.kind === 'run' ? [line.run] : []));
  const byProfile = new Map<SoftwareProfile, MeasuredRun[]>();
  for (const run of runs) {
    const { profile } = softwareOf(run.configuration);
    byProfile.set(profile, [...(byProfile.get(profile) ?? []), run]);
  }
  const weights = (without: SoftwareProfile | null): ReadonlyMap<(typeof fit.rows)[number], number> =>
    new Map(
      fit.rows
        .filter(({ problem }) => softwareProfile(problem.training) !== without)
        .map((row) => [row, row.weight]),
    );
  const whole = fit.fit(weights(null));
  return [...byProfile].flatMap(([profile, own]) => {
    const known = fit.under(whole, (calibration) => {
      const predict = createPredictor(calibration);
      return resultOf(own.map((run) => compareRun(run, predict)));
    });
    if (Math.max(known.time.length, known.memory.length) < MIN_RUNS) return [];
    const as = new Set<SoftwareProfile>();
    const unknown = fit.under(
      fit.fit(weights(profile)),
      (calibration) => {
        const predict = createPredictor(calibration);
        return resultOf(
          own.map((run) =>
            compareRun(run, (configuration) => {
              const software = strangerOf(configuration, profile);
              as.add(software.profile);
              return predict(nameless(configuration), software);
            }),
          ),
        );
      },
      (root) => {
        setGenericProfile(root, profile);
      },
    );
    return [{ profile, predictedAs: [...as], known, unknown }];
  });
};
