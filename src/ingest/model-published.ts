/** Published sizes of models, and our count made comparable with them. */
import { parameterCount } from '../model/count.ts';
import type { Model } from '../model/model.ts';

/** What a total counts of multi-token prediction: nothing, the modules, or also their copies of embedding and head. */
export const PREDICTION_COUNTED = ['none', 'module', 'module_with_tables'] as const;
/** What a figure of active parameters leaves out. */
export const ACTIVE_EXCLUDED = ['nothing', 'embedding', 'embedding_and_head'] as const;

export interface PublishedSize {
  readonly parameters: number;
  /** One unit of the last printed digit, 0 where every tensor is counted. */
  readonly rounding: number;
  readonly multiTokenPrediction: (typeof PREDICTION_COUNTED)[number];
  /** Elements in the figure that are no parameters of the model described: scales of fp8 weights, a vision tower. */
  readonly notCounted: number;
  /** Null where none is published. */
  readonly active: {
    readonly parameters: number;
    readonly rounding: number;
    readonly excludes: (typeof ACTIVE_EXCLUDED)[number];
  } | null;
  /** What the figures include, in words. */
  readonly counts: string;
  readonly source: string;
}

export interface ComparableSize {
  readonly parameters: number;
  readonly activeParameters: number;
}

/** Our count of what the published figures count. */
export const sizeAsPublished = (model: Model, published: PublishedSize): ComparableSize => {
  const count = parameterCount(model);
  const tables = 2 * model.vocabularySize * model.hidden * (model.multiTokenPrediction?.layers ?? 0);
  const prediction = {
    none: 0,
    module: count.multiTokenPrediction,
    module_with_tables: count.multiTokenPrediction + tables,
  }[published.multiTokenPrediction];
  const excluded = {
    nothing: 0,
    embedding: count.embedding,
    embedding_and_head: count.embedding + count.head,
  }[published.active?.excludes ?? 'nothing'];
  return {
    parameters: count.total + prediction + published.notCounted,
    activeParameters: count.active - excluded,
  };
};
