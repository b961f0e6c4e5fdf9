/**
 * Closed forms of one iteration from the literature, as named baselines: our own figures come from `pipeline.ts`.
 * Times in seconds, of one micro-batch on one stage unless said otherwise.
 */
import { seconds } from '../units.ts';
import { oneForwardOneBackwardTime, steadyPeriod } from './schedule-closed.ts';
import type { PipelineInput } from './stage.ts';

export interface LatencyTerms {
  readonly microBatches: number;
  /** Forward and backward of each stage, tensor communication included. */
  readonly stages: readonly number[];
  /** One-way transfer over each hop; one fewer than stages. */
  readonly hops: readonly number[];
  /** Data-parallel exchange of each stage, once an iteration. */
  readonly data: readonly number[];
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
const largest = (values: readonly number[]): number =>
  values.reduce((most, value) => Math.max(most, value), 0);

/**
 * AMP: (m−1) · max stage + Σ stages + Σ transfers + max data, every transfer once.
 * Source: Li et al., AMP (NeurIPS 2022); DachengLi1/AMP @ 72eeea45518d src/cost_het_cluster.py. `passes`: 1 counts a
 * hop in one direction as their code does, 2 in both.
 */
export const ampTime = ({ microBatches, stages, hops, data }: LatencyTerms, passes: 1 | 2 = 2): number =>
  (microBatches - 1) * largest(stages) + sum(stages) + passes * sum(hops) + largest(data);

/**
 * Pipette: (m∕p)·T_bubble + T_straggler + T_data with T_bubble = p·C + T_pipeline and T_straggler = (p−1)·C: the round
 * trip of p micro-batches in flight is exposed m∕p times. C: the slowest stage; T_pipeline: both directions of all hops.
 * Source: Yim et al., Pipette (DATE 2024); yimjinkyu1/date2024_pipette @ a2b0683f. Data: the first stage's alone there.
 */
export const pipetteTime = ({ microBatches, stages, hops, data }: LatencyTerms): number => {
  const p = stages.length;
  const slowest = largest(stages);
  return (microBatches / p) * (p * slowest + 2 * sum(hops)) + (p - 1) * slowest + (data[0] ?? 0);
};

const asInput = ({ microBatches, stages, hops }: LatencyTerms): PipelineInput => ({
  schedule: '1f1b',
  stages: stages.length,
  virtualStages: 1,
  microBatches,
  microBatchGroup: stages.length,
  chunks: stages.map((stage) => [
    { forward: seconds(stage / 3), backward: seconds((2 * stage) / 3), weightGradient: seconds(stage / 3) },
  ]),
  links: [...hops, 0].map(seconds),
  blocking: false,
});

/** Time per micro-batch in the steady state of 1F1B: the maximum cycle mean. */
export const periodOf = (terms: LatencyTerms): number => steadyPeriod(asInput(terms));

/** Ours with the same terms: first micro-batch's round trip and the heaviest chain of cycles, then the largest data term. */
export const criticalPathTime = (terms: LatencyTerms): number =>
  oneForwardOneBackwardTime(asInput(terms)) + largest(terms.data);
