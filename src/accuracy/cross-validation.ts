/** Constants fitted without a source, tested on it. */
import { softwareProfile, timeBehaviour } from '../runtimes/time-behaviour.ts';
import type { FitRow } from './fit-rows.ts';
import type { LinearisedFit } from './linearised-fit.ts';

export interface SourceValidation {
  readonly source: string;
  /** Runs tested, and runs of the source that the fit was given. */
  readonly tested: number;
  readonly given: number;
  /** Absolute errors with constants fitted on all sources. */
  readonly inside: readonly number[];
  /** The same, fitted without the source but for what was given. */
  readonly outside: readonly number[];
}

const CALIBRATION_RUNS = 10;
const MIN_ROWS = 5;

/** Numerical Recipes' linear congruential generator: two runs draw the same runs. */
export const generator = (seed: number): (() => number) => {
  let state = seed;
  return () => {
    state = (state * 1664525 + 1013904223) % 2 ** 32;
    return state / 2 ** 32;
  };
};

/** Profile and attention kernel: a build of a stack whose kernel no other source runs is as unknown as a stack of its own. */
const softwareOf = ({ problem: { training, cluster } }: FitRow): string =>
  `${softwareProfile(training)}, ${timeBehaviour(training, cluster.groups[0]?.accelerator.architecture ?? 'other').attention}`;

/**
 * For each source of five runs or more: fitted without it, tested on it. A source that alone has a software profile
 * lends ten of its runs, drawn at random (half of them where it has under twenty), and is tested on the rest.
 */
export const crossValidate = (fit: LinearisedFit, seed = 1): readonly SourceValidation[] => {
  const random = generator(seed);
  const weights = (rows: readonly FitRow[]): readonly (readonly [FitRow, number])[] =>
    rows.map((row) => [row, row.weight] as const);
  const whole = fit.fit(new Map(weights(fit.rows)));
  const sources = [...new Set(fit.rows.map((row) => row.source))];
  return sources.flatMap((source) => {
    const own = fit.rows.filter((row) => row.source === source);
    if (own.length < MIN_ROWS) return [];
    const others = fit.rows.filter((row) => row.source !== source);
    const known = new Set(others.map(softwareOf));
    const alone = own.some((row) => !known.has(softwareOf(row)));
    const shuffled = own.map((row) => ({ row, key: random() })).sort((a, b) => a.key - b.key);
    const lent = alone ? Math.min(CALIBRATION_RUNS, own.length >> 1) : 0;
    const given = shuffled.slice(0, lent).map(({ row }) => row);
    const weight = 1 / Math.max(MIN_ROWS, lent);
    const shift = fit.fit(new Map([...weights(others), ...given.map((row) => [row, weight] as const)]));
    const tested = own.filter((row) => !given.includes(row));
    const [inside, outside] = [fit.test(whole, tested), fit.test(shift, tested)];
    return [{ source, tested: tested.length, given: lent, inside, outside }];
  });
};

export interface GroupValidation {
  readonly group: string;
  readonly tested: number;
  readonly inside: readonly number[];
  readonly outside: readonly number[];
}

/** For each group of five runs or more: fitted without any of its runs, tested on them. */
export const crossValidateGroups = (
  fit: LinearisedFit,
  groupOf: (row: FitRow) => string,
): readonly GroupValidation[] => {
  const weights = (rows: readonly FitRow[]): ReadonlyMap<FitRow, number> =>
    new Map(rows.map((row) => [row, row.weight]));
  const whole = fit.fit(weights(fit.rows));
  return [...new Set(fit.rows.map(groupOf))].flatMap((group) => {
    const own = fit.rows.filter((row) => groupOf(row) === group);
    if (own.length < MIN_ROWS) return [];
    const shift = fit.fit(weights(fit.rows.filter((row) => groupOf(row) !== group)));
    return [{ group, tested: own.length, inside: fit.test(whole, own), outside: fit.test(shift, own) }];
  });
};

export const acceleratorOf = ({ problem }: FitRow): string =>
  problem.cluster.groups[0]?.accelerator.name ?? 'unknown';

/** What sets a model's layers apart, the rarest trait first. */
export const familyOf = ({ problem: { model } }: FitRow): string => {
  const { kinds } = model;
  if (kinds.some(({ mixer }) => mixer.kind !== 'attention' && mixer.kind !== 'latent-attention'))
    return 'linear-time mixers';
  if (kinds.some(({ mixer }) => mixer.kind === 'latent-attention')) return 'latent attention';
  if (kinds.some(({ mixer }) => mixer.kind === 'attention' && (mixer.sinks || mixer.span.kind !== 'full')))
    return 'attention windows and sinks';
  if (kinds.some(({ feedForward }) => feedForward.kind === 'moe')) return 'experts';
  if (kinds.some(({ mixer }) => mixer.kind === 'attention' && mixer.kvHeads < mixer.heads))
    return 'dense, grouped queries';
  const gated = kinds.some(({ feedForward }) => feedForward.kind === 'dense' && feedForward.gated);
  return gated ? 'dense, gated' : 'dense, plain';
};
