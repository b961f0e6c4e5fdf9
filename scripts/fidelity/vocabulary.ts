/**
 * Vocabulary Parallelism (MLSys 2025): 40 runs on eight A100 with the times of every stage's passes. Given those, what
 * is left to be right about is the schedule. Figures: sail-sg/VocabularyParallelism @ 6191c3b artifact/exp_one_host.csv.
 */
import { pipelineMakespan } from '../../src/cost/pipeline.ts';
import type { PipelineInput } from '../../src/cost/stage.ts';
import type { VocabularyPlacement } from '../../src/strategy/strategy.ts';
import { seconds } from '../../src/units.ts';
import { numberOf, readRows, textOf } from './csv.ts';
import type { Row } from './csv.ts';

const PLACEMENTS: Readonly<Record<string, VocabularyPlacement>> = {
  baseline: 'last',
  redistributed: 'redistributed',
  'vocab-1': 'vocab-1',
  'vocab-2': 'vocab-2',
  interlaced: 'interlaced',
};

const times = (row: Row, key: string): readonly number[] =>
  textOf(row, key)
    .split(' ')
    .map((cell) => Number(cell) * 1e-6);

const inputOf = (row: Row): PipelineInput => {
  const vocabulary = PLACEMENTS[textOf(row, 'method')];
  if (vocabulary === undefined) throw new Error(`no placement ${textOf(row, 'method')}`);
  const forward = times(row, 'forward_us_per_stage');
  const backward = times(row, 'backward_us_per_stage');
  // The meaning of the fourth pass is not documented; it runs beside the others.
  const passes = ['vocab_pass_1_us', 'vocab_pass_2_us', 'vocab_pass_3_us'].map((key) => times(row, key));
  const spread = vocabulary !== 'last' && vocabulary !== 'redistributed';
  return {
    schedule: '1f1b',
    vocabulary,
    ...(spread
      ? {
          vocabularyPasses: forward.map((_, stage) =>
            seconds(passes.reduce((sum, pass) => sum + (pass[stage] ?? 0), 0)),
          ),
        }
      : {}),
    stages: forward.length,
    virtualStages: 1,
    microBatches: numberOf(row, 'microbatches'),
    microBatchGroup: forward.length,
    chunks: forward.map((time, stage) => [
      { forward: seconds(time), backward: seconds(backward[stage] ?? 0), weightGradient: seconds(0) },
    ]),
    links: forward.map(() => seconds(0)),
    blocking: false,
  };
};

export interface VocabularyRun {
  readonly name: string;
  readonly error: number;
}

export const vocabularyRuns = (file: string): readonly VocabularyRun[] =>
  readRows(file).map((row) => ({
    name: ['method', 'sequence_length', 'vocabulary', 'hidden'].map((key) => textOf(row, key)).join(' '),
    error: pipelineMakespan(inputOf(row)) / (numberOf(row, 'iteration_ms') / 1000) - 1,
  }));
