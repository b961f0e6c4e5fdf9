/** What a stage holds beside decoder layers: embedding, head and loss, multi-token prediction, shards of the vocabulary. */
import type { Problem } from '../plan/problem.ts';
import type { MemoryBehaviour } from '../runtimes/memory-behaviour.ts';
import type { Strategy } from '../strategy/strategy.ts';
import type { MemoryTable } from './memory-table.ts';
import { isVShaped } from '../strategy/partition.ts';

export interface StageExtras {
  /** Parameters of the rank. */
  dense: number;
  expert: number;
  /** Bytes per token kept for every pass of the first chunk in flight, and once. */
  keptPerPass: number;
  keptOnce: number;
  /** Dense gradient of the embedding table, bytes. */
  embeddingGradient: number;
  /** Weights of the output projection on this rank, elements. */
  headWeights: number;
}

export interface ExtrasOf {
  readonly addExtras: (strategy: Strategy, table: MemoryTable, stage: number) => StageExtras;
  /** Temporary bytes of the loss of one micro-batch; 0 on stages without head. */
  readonly headPeak: (strategy: Strategy, table: MemoryTable, stage: number, tokens: number) => number;
}

/** Passes of vocabulary shards keep their input, its gradient and all-reduce buffers: measured on 1F1B with Vocab-1 and -2. */
const VOCABULARY_PASS_BYTES = 14;

const sharesVocabulary = (strategy: Strategy): boolean =>
  strategy.vocabulary !== 'last' && strategy.vocabulary !== 'redistributed';

/** V-shaped schedules end where they began: stage 0 holds embedding and head. */
const headStage = (strategy: Strategy): number => (isVShaped(strategy.schedule) ? 0 : strategy.pipeline - 1);

export const stageExtras = (problem: Problem, behaviour: MemoryBehaviour): ExtrasOf => {
  const { model } = problem;
  const mtpLayers = model.multiTokenPrediction?.layers ?? 0;
  const out: StageExtras = {
    dense: 0,
    expert: 0,
    keptPerPass: 0,
    keptOnce: 0,
    embeddingGradient: 0,
    headWeights: 0,
  };

  const addExtras: ExtrasOf['addExtras'] = (strategy, table, stage) => {
    const { parameters } = table;
    const split = strategy.sequenceParallel ? strategy.tensor : 1;
    const hidden = model.hidden / split;
    const isHead = stage === headStage(strategy);
    const output = (parameters.vocabulary * model.hidden) / strategy.tensor;
    out.dense = out.expert = out.keptPerPass = out.keptOnce = out.embeddingGradient = out.headWeights = 0;
    if (sharesVocabulary(strategy)) {
      out.dense = (2 * output) / strategy.pipeline + (isHead ? parameters.finalNorm : 0);
      // The first chunk keeps the embedding's output, the last the input of the output shards.
      out.keptPerPass = stage === 0 ? behaviour.embedding * hidden * strategy.virtualStages : 0;
      out.keptOnce = VOCABULARY_PASS_BYTES * hidden;
      out.embeddingGradient = 0;
      out.headWeights = output / strategy.pipeline;
      return out;
    }
    if (stage === 0) {
      out.dense += parameters.embedding;
      out.keptPerPass = behaviour.embedding * hidden;
      out.embeddingGradient = 2 * output;
    }
    if (isHead) {
      // A tied table on the stage of the embedding is the embedding itself; elsewhere a second copy.
      const copy = model.tiedEmbeddings && stage === 0 ? 0 : output;
      out.dense += parameters.finalNorm + copy;
      out.headWeights = output;
      out.keptOnce += 4 * hidden;
      if (mtpLayers > 0) {
        out.dense += parameters.mtp.dense + (stage === 0 ? 0 : parameters.embedding);
        out.expert += parameters.mtp.expert;
        const kind = model.multiTokenPrediction?.kind ?? 0;
        // Inputs of both norms, their joined output, the layer, and the final norm's input and output.
        out.keptOnce += mtpLayers * ((table.activations[kind]?.kept ?? 0) + 12 * hidden);
      }
    }
    return out;
  };
  const headPeak: ExtrasOf['headPeak'] = (strategy, table, stage, tokens) => {
    const { vocabulary } = table.parameters;
    const shard = (tokens * vocabulary) / strategy.tensor;
    if (sharesVocabulary(strategy))
      return (
        (behaviour.lossSharded * shard) / strategy.pipeline +
        (2 * vocabulary * model.hidden) / strategy.pipeline
      );
    if (stage !== headStage(strategy)) return 0;
    // Each prediction module keeps its probabilities (fp32, or half precision in place) until its backward pass.
    const mtp = mtpLayers * Math.min(4, behaviour.lossSharded);
    const whole = strategy.tensor > 1 ? behaviour.lossWhole * tokens * vocabulary : 0;
    const buffers = behaviour.headBuffers * tokens * model.hidden;
    return (
      (behaviour.lossSharded + mtp) * shard +
      whole +
      (strategy.pipeline === 1 || behaviour.lossWhole > 0 ? buffers : 0)
    );
  };
  return { addExtras, headPeak };
};
