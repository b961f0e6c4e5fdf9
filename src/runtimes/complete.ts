import type { Schedule, Strategy } from '../strategy/strategy.ts';
import { hasExperts } from './model-facts.ts';
import type { CompletionContext, PartialStrategy } from './runtime.ts';

const impliedSchedule = (virtualStages: number): Schedule => (virtualStages > 1 ? 'interleaved' : '1f1b');

/**
 * Fills absent keys as the runtime itself would (its table of defaults), `data` from the GPU count.
 *
 * `data` is the largest number of replicas that fit, at least 1; whether they use every GPU and whether the sizes
 * divide is for the rules to say. A model without experts has no expert axes: both are 1 unless given.
 * The search does not start from here: it tries the flags explicitly.
 */
export const completeStrategy = (partial: PartialStrategy, context: CompletionContext): Strategy => {
  const defaults = context.runtime.defaults(context.version);
  const { flags } = defaults;
  const tensor = partial.tensor ?? 1;
  const pipeline = partial.pipeline ?? 1;
  const cp = partial.context ?? 1;
  const virtualStages = partial.virtualStages ?? 1;
  const data = partial.data ?? Math.max(1, Math.floor(context.gpus / (tensor * pipeline * cp)));
  return {
    tensor,
    pipeline,
    virtualStages,
    context: cp,
    data,
    expert: partial.expert ?? 1,
    expertTensor:
      partial.expertTensor ??
      (hasExperts(context.model) ? defaults.expertTensor(tensor, partial.expert ?? 1) : 1),
    microBatchSize: partial.microBatchSize ?? 1,
    microBatchGroup: partial.microBatchGroup ?? defaults.microBatchGroup(pipeline),
    schedule: partial.schedule ?? impliedSchedule(virtualStages),
    vocabulary: partial.vocabulary ?? flags.vocabulary,
    sequenceParallel: partial.sequenceParallel ?? flags.sequenceParallel,
    recompute: partial.recompute ?? flags.recompute,
    sharding: partial.sharding ?? flags.sharding,
    shardingGroup: partial.shardingGroup ?? data * cp,
    overlapGradients: partial.overlapGradients ?? flags.overlapGradients,
    overlapParameters: partial.overlapParameters ?? flags.overlapParameters,
    overlapTensor: partial.overlapTensor ?? flags.overlapTensor,
    overlapExpert: partial.overlapExpert ?? flags.overlapExpert,
    contextCommunication: partial.contextCommunication ?? flags.contextCommunication,
    dispatcher: partial.dispatcher ?? flags.dispatcher,
    rankOrder: partial.rankOrder ?? flags.rankOrder,
    offload: partial.offload ?? flags.offload,
  };
};
