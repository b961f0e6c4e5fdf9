import { gpuCount } from '../cluster/cluster.ts';
import type { Calibration } from '../cost/calibration.ts';
import type { Model } from '../model/model.ts';
import type { Estimate, Plan } from '../plan/plan.ts';
import type { Problem, Training } from '../plan/problem.ts';
import { createSearchCosts } from '../search/costs.ts';
import { judgeStrategy } from '../search/estimate.ts';
import { searchPlans } from '../search/search.ts';
import { defaultControls } from '../search/search-types.ts';
import type { SearchCosts } from '../search/search-types.ts';
import { strategyToJson } from '../strategy/format.ts';
import type { Partition, Strategy } from '../strategy/strategy.ts';
import { formatBytes } from './figures.ts';
import { error, note, warning } from './finding.ts';
import type { RawFinding } from './finding.ts';
import { variants } from './strategy-variants.ts';
import { knownStrategy } from './validate-file.ts';
import type { JudgedSubject } from './validate-file.ts';

export interface SpecCheck {
  readonly findings: readonly RawFinding[];
  readonly estimate: Estimate | null;
}

export interface SpecOptions {
  readonly problem: Problem;
  readonly calibration: Calibration;
  /** Fraction by which a configuration may be slower than the best plan. */
  readonly maxSlowdown: number;
  /** --max-slowdown was given: then slower is an error. */
  readonly slowdownGiven: boolean;
  /** Leave the search for the best plan out: only whether it runs and fits. */
  readonly withoutTime?: boolean;
}

/** The best plan of a problem is asked for once, whatever the number of files. */
const bestPlans = new Map<string, Plan | null>();

const bestPlan = (problem: Problem, costs: SearchCosts): Plan | null => {
  const key = JSON.stringify([
    problem.training,
    problem.search,
    problem.cluster,
    problem.model.name,
    problem.model.layers.length,
  ]);
  const known = bestPlans.get(key);
  if (known !== undefined) return known;
  const { plans } = searchPlans(
    { ...problem, search: { ...problem.search, top: 1, limits: {} } },
    costs,
    defaultControls,
  );
  const best = plans[0] ?? null;
  bestPlans.set(key, best);
  return best;
};

/** Sizes of two models that a launch cannot mean at the same time. */
const differs = (file: Model, spec: Model): string | null => {
  if (file.layers.length !== spec.layers.length)
    return `${file.layers.length} layers in the file, ${spec.layers.length} in the SPEC`;
  return file.hidden === spec.hidden
    ? null
    : `hidden size ${file.hidden} in the file, ${spec.hidden} in the SPEC`;
};

/** What the file states of training, over what the SPEC states. */
const trainingOf = (spec: Training, file: Training | null): Training => {
  if (file === null) return spec;
  return {
    ...spec,
    runtime: file.runtime,
    sequenceLength: file.sequenceLength > 0 ? file.sequenceLength : spec.sequenceLength,
    globalBatchSize: file.globalBatchSize > 0 ? file.globalBatchSize : spec.globalBatchSize,
    precision: file.precision,
    optimizer: file.runtime.name === 'megatron' ? file.optimizer : spec.optimizer,
  };
};

/** The problem under what the file alone says of its software; plans of planner's own are launched by its own writers. */
const asLaunched = (problem: Problem, file: Training | null): Problem =>
  file?.conditions === undefined
    ? problem
    : {
        ...problem,
        training: {
          ...problem.training,
          conditions: { ...problem.training.conditions, ...file.conditions },
        },
      };

const shortChange = (from: Strategy, to: Strategy): string => {
  const [a, b] = [strategyToJson(from), strategyToJson(to)];
  return Object.keys(b)
    .filter(
      (key) =>
        a[key] !== b[key] && !['data', 'sharding_group', 'micro_batch_group', 'schedule'].includes(key),
    )
    .map((key) => `${key}=${b[key] ?? ''}`)
    .join(', ');
};

/** `advice`: what would help, '' where nothing is known. */
const memoryFindings = (estimate: Estimate, advice: string): readonly RawFinding[] => {
  const worst = estimate.memory.reduce((a, b) => (b.bound - b.capacity > a.bound - a.capacity ? b : a));
  if (worst.bound <= worst.capacity) return [];
  return [
    error(
      'planner/out-of-memory',
      'out of memory',
      [],
      `stage ${worst.stage} needs up to ${formatBytes(worst.bound)} of ${formatBytes(worst.capacity)}: ${formatBytes(worst.bound - worst.capacity)} too much${advice}`,
      formatBytes(worst.bound),
      `at most ${formatBytes(worst.capacity)}`,
    ),
  ];
};

/** The neighbour of a strategy, one change away, that gains most time and fits. */
const bestChange = (
  problem: Problem,
  costs: SearchCosts,
  strategy: Strategy,
  partition: Partition | null,
  time: number,
): string | null => {
  let best: { readonly time: number; readonly text: string } | null = null;
  for (const candidate of variants(strategy)) {
    const stages =
      candidate.pipeline === strategy.pipeline && candidate.virtualStages === strategy.virtualStages
        ? partition
        : null;
    const judged = judgeStrategy(problem, costs, candidate, stages);
    if (judged.kind !== 'legal' || !judged.plan.estimate.feasible) continue;
    const { iterationTime } = judged.plan.estimate;
    if (iterationTime < 0.99 * time && (best === null || iterationTime < best.time))
      best = {
        time: iterationTime,
        text: `${shortChange(strategy, candidate)} alone gains ${(100 * (1 - iterationTime / time)).toFixed(0)} %`,
      };
  }
  return best?.text ?? null;
};

/** World size, memory and time of a judged launch on the cluster of a SPEC. */
export const checkAgainstSpec = (judged: JudgedSubject, options: SpecOptions): SpecCheck => {
  const known = knownStrategy(judged);
  const { first } = judged.decision;
  const gpus = gpuCount(options.problem.cluster);
  const findings: RawFinding[] = [];
  if (judged.decision.worldKnown && first.world > gpus)
    findings.push(
      error(
        'planner/world-cluster',
        'startup',
        [],
        `the launch asks for ${first.world} GPUs, the cluster has ${gpus}`,
        first.world,
        `at most ${gpus}`,
      ),
    );
  if (judged.decision.worldKnown && first.world < gpus)
    findings.push(
      warning(
        'planner/idle-cluster',
        'startup',
        [],
        `${gpus - first.world} of ${gpus} GPUs of the cluster stay idle`,
        first.world,
        String(gpus),
      ),
    );
  const stop = (message: string): SpecCheck => ({
    findings: [...findings, note('planner/no-estimate', [], message)],
    estimate: null,
  });
  if (known === null || judged.findings.some(({ level }) => level === 'error'))
    return { findings, estimate: null };
  if (first.world > gpus) return { findings, estimate: null };
  const open = [...known.unknown].filter((key) =>
    ['tensor', 'pipeline', 'context', 'data', 'expert', 'virtualStages', 'microBatchSize'].includes(key),
  );
  if (open.length > 0) return stop(`time and memory cannot be estimated without ${open.join(', ')}`);
  const other = first.model === null ? null : differs(first.model, options.problem.model);
  if (other !== null) return stop(`the model of the file is not that of the SPEC: ${other}`);
  const problem: Problem = {
    ...options.problem,
    training: trainingOf(options.problem.training, first.training),
  };
  const costs = createSearchCosts(problem, options.calibration);
  const launched = asLaunched(problem, first.training);
  const judgement =
    launched === problem
      ? judgeStrategy(problem, costs, known.strategy, first.partition)
      : judgeStrategy(
          launched,
          createSearchCosts(launched, options.calibration),
          known.strategy,
          first.partition,
        );
  if (judgement.kind === 'unsplittable')
    return stop('the layers cannot be split over these stages in a way that planner can estimate');
  if (judgement.kind === 'illegal')
    return {
      findings: [
        ...findings,
        ...judgement.violations.map(({ rule, message, found, expected }) =>
          error(rule.id, rule.stage, [], message, found, expected),
        ),
      ],
      estimate: null,
    };
  const { estimate, partition } = judgement.plan;
  const shardsFit = (): boolean => {
    const sharded = judgeStrategy(problem, costs, known.strategy, first.partition);
    return sharded.kind === 'legal' && sharded.plan.estimate.feasible;
  };
  const advice =
    estimate.feasible || launched === problem || !shardsFit()
      ? ''
      : '; each rank makes its parameters whole before they are sharded, --init-model-with-meta-device its shards alone';
  findings.push(...memoryFindings(estimate, advice));
  const best = options.withoutTime === true ? null : bestPlan(problem, costs);
  if (estimate.feasible && best !== null) {
    const slower = estimate.iterationTime / best.estimate.iterationTime - 1;
    if (slower > options.maxSlowdown) {
      const change = bestChange(problem, costs, known.strategy, partition, estimate.iterationTime);
      const make = options.slowdownGiven ? error : warning;
      findings.push(
        make(
          'planner/slower-plan',
          'first step',
          [],
          `${estimate.iterationTime.toPrecision(3)} s per iteration, ${(100 * slower).toFixed(0)} % slower than the best plan (${best.estimate.iterationTime.toPrecision(3)} s with ${shortChange(known.strategy, best.strategy)})${change === null ? '' : `; ${change}`}`,
          `${estimate.iterationTime.toPrecision(3)} s`,
          `at most ${(100 * options.maxSlowdown).toFixed(0)} % more than ${best.estimate.iterationTime.toPrecision(3)} s`,
        ),
      );
    }
  }
  return { findings, estimate };
};
