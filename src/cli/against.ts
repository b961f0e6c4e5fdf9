/** `planner search SPEC --against plan.json`: has the best plan, or what is estimated of it, moved since it was recorded? */
import type { Diagnostic } from '../diagnostics.ts';
import { isDataMap, valueRange } from '../ingest/document.ts';
import { MAXIMUM_SPEC_BYTES, readTextFile } from '../ingest/read-file.ts';
import { readYaml } from '../ingest/read-yaml.ts';
import { diagnosticAt } from '../ingest/source.ts';
import { gpuCount } from '../cluster/cluster.ts';
import type { Plan } from '../plan/plan.ts';
import { completeStrategy } from '../runtimes/complete.ts';
import { runtimeOf } from '../runtimes/registry.ts';
import { createSearchCosts } from '../search/costs.ts';
import { judgeStrategy } from '../search/estimate.ts';
import { strategyToJson } from '../strategy/format.ts';
import { failWith } from './fail.ts';
import { launchedProblem, readPlanFile } from './plan-file.ts';
import type { PlanFile } from './plan-file.ts';
import type { NamedSpec } from './specs.ts';

export interface Baseline {
  readonly file: string;
  readonly plan: PlanFile;
  /** seconds */
  readonly iterationTime: number;
  /** Exposed seconds by part, as recorded. */
  readonly time: ReadonlyMap<string, number>;
}

/** Reads a recorded plan with its estimate; what is wrong with it ends the command with exit status 2. */
export const readBaseline = (file: string): Baseline => {
  const plan = readPlanFile(file);
  const source = readTextFile(file, file, MAXIMUM_SPEC_BYTES);
  const document = source.ok ? readYaml(source.value).document : null;
  const root = document?.root;
  const estimate = isDataMap(root) ? root['estimate'] : undefined;
  const time = isDataMap(estimate) ? estimate['iteration_time_s'] : undefined;
  if (document === null || typeof time !== 'number' || !(time > 0)) {
    const message = 'the recorded plan has no estimate.iteration_time_s above 0';
    return failWith(
      document === null
        ? []
        : [diagnosticAt({ ...valueRange(document, ''), end: 1 }, 'against/estimate', message)],
    );
  }
  const parts = isDataMap(estimate) && isDataMap(estimate['time']) ? Object.entries(estimate['time']) : [];
  return {
    file,
    plan,
    iterationTime: time,
    time: new Map(parts.filter((part): part is [string, number] => typeof part[1] === 'number')),
  };
};

const snake = (name: string): string => name.replace(/[A-Z]/gu, (letter) => `_${letter.toLowerCase()}`);
const percent = (ratio: number): string => `${ratio >= 0 ? '+' : ''}${(100 * ratio).toFixed(1)} %`;

/** The parts of the time that moved most. */
const movedParts = (before: ReadonlyMap<string, number>, now: Readonly<Record<string, number>>): string =>
  Object.entries(now)
    .map(([name, value]) => ({ name: snake(name), change: value - (before.get(snake(name)) ?? 0) }))
    .filter(({ change }) => Math.abs(change) > 0)
    .toSorted((a, b) => Math.abs(b.change) - Math.abs(a.change))
    .slice(0, 3)
    .map(({ name, change }) => `${name} ${change >= 0 ? '+' : ''}${change.toPrecision(3)} s`)
    .join(', ');

const diagnostic = (file: string, severity: Diagnostic['severity'], message: string): Diagnostic => ({
  id: 'search/against',
  severity,
  file,
  position: { line: 1, column: 1 },
  message,
});

const otherKeys = (recorded: PlanFile, best: Plan): string => {
  const now = strategyToJson(best.strategy);
  const before = strategyToJson({ ...best.strategy, ...recorded.strategy });
  return Object.keys(now)
    .filter((key) => now[key] !== before[key])
    .map((key) => `${key}=${String(now[key])} (was ${String(before[key])})`)
    .join(', ');
};

/**
 * What moved beyond the threshold, one diagnostic each, errors where the baseline no longer holds: the recorded plan is
 * illegal or does not fit, its own estimate moved (and by which parts), or a plan is better by more than the threshold.
 */
export const compareWithBaseline = (
  spec: NamedSpec,
  best: Plan | undefined,
  baseline: Baseline,
  threshold: number,
): readonly Diagnostic[] => {
  const { file, plan, iterationTime } = baseline;
  if (best === undefined) return [diagnostic(file, 'error', 'no plan is feasible any more')];
  // The recorded plan is judged on the nodes that it launches, in its own order.
  const problem = launchedProblem(spec.problem, plan, file);
  const { name, version } = problem.training.runtime;
  const strategy = completeStrategy(plan.strategy, {
    gpus: gpuCount(problem.cluster),
    runtime: runtimeOf(name),
    version,
    model: problem.model,
  });
  const judged = judgeStrategy(
    problem,
    createSearchCosts(problem, spec.calibration),
    strategy,
    plan.partition,
  );
  if (judged.kind === 'unsplittable')
    return [
      diagnostic(file, 'error', 'the layers cannot be split over the stages of the recorded plan any more'),
    ];
  if (judged.kind === 'illegal')
    return judged.violations.map(({ rule, message }) =>
      diagnostic(file, 'error', `the recorded plan is illegal now: ${message} (${rule.id})`),
    );
  const { estimate } = judged.plan;
  const found: Diagnostic[] = [];
  if (!estimate.feasible)
    found.push(
      diagnostic(file, 'error', `the recorded plan does not fit any more: ${estimate.reasons.join('; ')}`),
    );
  const moved = estimate.iterationTime / iterationTime - 1;
  if (Math.abs(moved) > threshold)
    found.push(
      diagnostic(
        file,
        'error',
        `the estimate of the recorded plan moved by ${percent(moved)}: ${iterationTime.toPrecision(4)} s then, ${estimate.iterationTime.toPrecision(4)} s now (${movedParts(baseline.time, { ...estimate.time })})`,
      ),
    );
  const gained = best.estimate.iterationTime / estimate.iterationTime - 1;
  const keys = otherKeys(plan, best);
  if (keys !== '')
    found.push(
      diagnostic(
        file,
        Math.abs(gained) > threshold ? 'error' : 'warning',
        `another plan is best: ${keys}; ${best.estimate.iterationTime.toPrecision(4)} s, ${percent(gained)} beside the recorded one`,
      ),
    );
  return found;
};
