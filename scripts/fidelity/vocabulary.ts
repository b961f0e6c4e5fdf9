/**
 * Vocabulary Parallelism (MLSys 2025): 40 runs on eight A100 with the times of every stage's passes. Given those, what
 * is left to be right about is the schedule, what stages send each other, and the optimizer's step: these two come from
 * the shipped constants, nothing is fitted here. Figures: sail-sg/VocabularyParallelism @ 6191c3b artifact/exp_one_host.csv.
 */
import { optimizerTime } from '../../src/cost/data-parallel.ts';
import { createLayerTables } from '../../src/cost/layer-set.ts';
import { pipelineMakespan } from '../../src/cost/pipeline.ts';
import type { Calibration } from '../../src/cost/calibration.ts';
import type { PipelineInput } from '../../src/cost/stage.ts';
import { createStageLinks } from '../../src/cost/stage-links.ts';
import { defaultCalibration } from '../../src/ingest/calibration.ts';
import { modelFromConfig } from '../../src/ingest/model-config.ts';
import { readAccelerator } from '../../src/ingest/presets.ts';
import { FP32_ADAM, PLAN_AS_GIVEN } from '../../src/plan/plain.ts';
import type { Problem } from '../../src/plan/problem.ts';
import { plainStrategy } from '../../src/strategy/plain.ts';
import type { Strategy, VocabularyPlacement } from '../../src/strategy/strategy.ts';
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

const problemOf = (row: Row): Problem => {
  const { accelerator, intraNode, nics, domain } = readAccelerator('a100-sxm-80gb');
  const config = {
    model_type: 'gpt2',
    n_embd: numberOf(row, 'hidden'),
    n_layer: numberOf(row, 'layers'),
    n_head: numberOf(row, 'heads'),
    n_positions: numberOf(row, 'sequence_length'),
    vocab_size: numberOf(row, 'vocabulary'),
  };
  const read = modelFromConfig(config, 'gpt');
  if (!read.ok) throw new Error('a GPT that does not read');
  return {
    model: read.model,
    cluster: {
      name: 'one node',
      groups: [{ count: 1, hosts: null, accelerator, perNode: 8, intraNode, nics, pricePerHour: null }],
      domain,
      tiers: [],
      measured: null,
    },
    training: {
      runtime: { name: 'megatron', version: '0.20' },
      sequenceLength: numberOf(row, 'sequence_length'),
      globalBatchSize: numberOf(row, 'microbatches'),
      precision: 'bf16',
      attentionKernel: 'flash2',
      optimizer: FP32_ADAM,
      routing: { kind: 'balanced' },
      tokens: null,
    },
    search: PLAN_AS_GIVEN,
  };
};

const strategyOf = (row: Row, vocabulary: VocabularyPlacement): Strategy =>
  plainStrategy({ pipeline: numberOf(row, 'pipeline'), vocabulary });

/** Transfers between stages, and the step of the stage with most parameters: 12h² + 13h a layer, tables where they lie. */
const besidePasses = (
  row: Row,
  vocabulary: VocabularyPlacement,
  calibration: Calibration,
): Pick<PipelineInput, 'links'> & { step: number } => {
  const problem = problemOf(row);
  const strategy = strategyOf(row, vocabulary);
  const tables = createLayerTables(problem, calibration);
  const [set] = tables.sets(strategy);
  if (set === undefined) throw new Error('a cluster without nodes');
  const { links } = createStageLinks(problem, tables)(set, strategy)[0] ?? { links: [] };
  const [h, p] = [numberOf(row, 'hidden'), numberOf(row, 'pipeline')];
  const last = numberOf(row, 'layers_last_stage');
  const table = numberOf(row, 'vocabulary') * h;
  const spread = vocabulary !== 'last' && vocabulary !== 'redistributed';
  const layers = (count: number): number => count * (12 * h ** 2 + 13 * h);
  const first = (numberOf(row, 'layers') - last) / (p - 1);
  const most = spread
    ? layers(Math.max(first, last)) + (2 * table) / p
    : table + layers(Math.max(first, last));
  return { links, step: optimizerTime(set.data, most, 0) + set.runtime.iterationOverhead };
};

const inputOf = (row: Row, { links }: Pick<PipelineInput, 'links'>): PipelineInput => {
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
    links,
    blocking: false,
  };
};

export interface VocabularyRun {
  readonly name: string;
  readonly error: number;
}

export const vocabularyRuns = (file: string, calibration = defaultCalibration()): readonly VocabularyRun[] =>
  readRows(file).map((row) => {
    const beside = besidePasses(row, PLACEMENTS[textOf(row, 'method')] ?? 'last', calibration);
    const time = pipelineMakespan(inputOf(row, beside)) + beside.step;
    return {
      name: ['method', 'sequence_length', 'vocabulary', 'hidden'].map((key) => textOf(row, key)).join(' '),
      error: time / (numberOf(row, 'iteration_ms') / 1000) - 1,
    };
  });
