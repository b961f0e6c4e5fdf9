/** Operators of a model as a runtime pads its vocabulary. */
import type { Model } from '../model/model.ts';
import { embeddingOperators, headOperators, layerOperators, mtpOperators } from '../model/operators.ts';
import type { TimeBehaviour } from '../runtimes/time-behaviour.ts';
import type { ModelOperators } from './piece-options.ts';

/** Rows of the embedding table: Megatron pads to a multiple of 128 × tensor, others to a multiple of tensor. */
export const paddedVocabulary = (
  vocabulary: number,
  tensor: number,
  profile: TimeBehaviour['profile'],
): number => {
  const unit = profile.startsWith('megatron') ? 128 * tensor : tensor;
  return Math.ceil(vocabulary / unit) * unit;
};

/** Made once for every vocabulary size, so that costs can be remembered by list. */
export const createModelOperators = (
  model: Model,
): ((tensor: number, profile: TimeBehaviour['profile']) => ModelOperators) => {
  const kinds = model.kinds.map((kind) => layerOperators(model, kind));
  const byVocabulary = new Map<number, ModelOperators>();
  return (tensor, profile) => {
    const vocabulary = paddedVocabulary(model.vocabularySize, tensor, profile);
    const known = byVocabulary.get(vocabulary);
    if (known !== undefined) return known;
    const made = {
      kinds,
      embedding: embeddingOperators(model, vocabulary),
      head: headOperators(model, vocabulary),
      mtp: mtpOperators(model, vocabulary),
    };
    byVocabulary.set(vocabulary, made);
    return made;
  };
};
