/** Parameters of one layer, of the embedding and of the head on one rank. */
import { paddedVocabulary } from '../model/count.ts';
import type { LayerKind, Model } from '../model/model.ts';
import type { Operator } from '../model/operator.ts';
import { embeddingOperators, headOperators, layerOperators, mtpOperators } from '../model/operators.ts';

export interface ParameterShape {
  readonly tensor: number;
  readonly expert: number;
  readonly expertTensor: number;
}

export interface RankParameters {
  /** Reduced over data × context replicas. */
  readonly dense: number;
  /** Routed experts, reduced over the expert-data group. */
  readonly expert: number;
  /** Distinct weight shapes of the rank's linears, elements: what Transformer Engine caches a gradient buffer for. */
  readonly distinct: number;
}

/** Elements of one operator on one rank; tensor parallelism cuts linears, heads and sinks, never norms. */
const onRank = (operator: Operator, shape: ParameterShape): number => {
  switch (operator.kind) {
    case 'linear':
      return operator.sharding === 'replicated' ? operator.parameters : operator.parameters / shape.tensor;
    case 'grouped-linear':
      return operator.parameters / (shape.expert * shape.expertTensor);
    case 'core-attention':
    case 'recurrence':
      return operator.parameters / shape.tensor;
    case 'pointwise':
      return operator.module === 'embedding' && operator.sharding === 'tensor'
        ? operator.parameters / shape.tensor
        : operator.parameters;
  }
};

export const rankParameters = (operators: readonly Operator[], shape: ParameterShape): RankParameters => {
  let [dense, expert, distinct] = [0, 0, 0];
  const seen = new Set<string>();
  for (const operator of operators) {
    const own = onRank(operator, shape);
    if (operator.kind === 'grouped-linear') expert += own;
    else dense += own;
    if (operator.kind !== 'linear' && operator.kind !== 'grouped-linear') continue;
    const name = `${operator.inputs}x${operator.outputs}${operator.sharding}`;
    if (seen.has(name) || own === 0) continue;
    seen.add(name);
    distinct += operator.kind === 'linear' ? own : own / Math.max(1, operator.experts / shape.expert);
  }
  return { dense, expert, distinct };
};

export interface ModelParameters {
  /** By `model.kinds`. */
  readonly kinds: readonly RankParameters[];
  readonly embedding: number;
  /** Final norm and output weights; where tied embeddings stand on another stage, a second copy. */
  readonly head: number;
  readonly finalNorm: number;
  readonly mtp: RankParameters;
  readonly vocabulary: number;
}

const sum = (operators: readonly Operator[], shape: ParameterShape): number => {
  const { dense, expert } = rankParameters(operators, shape);
  return dense + expert;
};

export const modelParameters = (model: Model, shape: ParameterShape): ModelParameters => {
  const vocabulary = paddedVocabulary(model.vocabularySize, shape.tensor);
  const head = sum(headOperators({ ...model, tiedEmbeddings: false }, vocabulary), shape);
  const output = (vocabulary * model.hidden) / shape.tensor;
  return {
    kinds: model.kinds.map((kind: LayerKind) => rankParameters(layerOperators(model, kind), shape)),
    embedding: sum(embeddingOperators(model, vocabulary), shape),
    head,
    finalNorm: head - output,
    mtp: rankParameters(mtpOperators(model, vocabulary), shape),
    vocabulary,
  };
};
