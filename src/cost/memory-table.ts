/** Everything about memory that depends on a few small keys of a strategy: computed once per combination. */
import type { Problem, Routing } from '../plan/problem.ts';
import type { MemoryBehaviour } from '../runtimes/memory-behaviour.ts';
import type {
  ContextCommunication,
  Dispatcher,
  Recompute,
  RecomputeModule,
  Strategy,
} from '../strategy/strategy.ts';
import type { LayerActivations } from './memory-activations.ts';
import { layerActivations } from './memory-activations.ts';
import type { ModelParameters } from './memory-parameters.ts';
import { modelParameters } from './memory-parameters.ts';

export interface MemoryTable {
  readonly parameters: ModelParameters;
  /** By `model.kinds`. */
  readonly activations: readonly LayerActivations[];
}

const MODULES: readonly RecomputeModule[] = [
  'core_attn',
  'mlp',
  'moe',
  'moe_act',
  'layernorm',
  'mla_up_proj',
  'shared_experts',
];
const DISPATCHERS: readonly Dispatcher[] = ['all-gather', 'all-to-all', 'deepep', 'hybridep'];

const COMMUNICATIONS: readonly ContextCommunication[] = ['p2p', 'a2a', 'all-gather', 'a2a+p2p'];

/** Selective recomputation as a bit set; full kinds keep the same activations per layer, so they share one code. */
const recomputeCode = (recompute: Recompute): number =>
  recompute.kind === 'selective'
    ? recompute.modules.reduce((code, module) => code | (1 << MODULES.indexOf(module)), 0)
    : 0;

/** Load of the busiest rank of an expert group over the mean, worst layer; experts stand in contiguous blocks. */
const imbalance = (routing: Routing, expert: number): number => {
  if (routing.kind === 'balanced') return 1;
  let worst = 1;
  for (const counts of routing.counts) {
    const total = counts.reduce((sum, count) => sum + count, 0);
    if (total === 0) continue;
    const block = counts.length / expert;
    for (let rank = 0; rank < expert; rank += 1) {
      const load = counts.slice(rank * block, (rank + 1) * block).reduce((sum, count) => sum + count, 0);
      worst = Math.max(worst, (load * expert) / total);
    }
  }
  return worst;
};

export const createMemoryTables = (
  problem: Problem,
  behaviour: MemoryBehaviour,
): ((strategy: Strategy) => MemoryTable) => {
  const { model, training } = problem;
  const bySizes = new Map<number, Map<number, MemoryTable>>();
  const { attentionKernel, conditions } = training;
  const unfused =
    conditions?.attention === undefined
      ? attentionKernel === 'unfused'
      : conditions.attention === 'torch' || conditions.attention === 'fused-softmax';
  const fp8 =
    training.precision === 'fp8' || training.precision === 'mxfp8' || training.precision === 'nvfp4';

  const compute = (strategy: Strategy): MemoryTable => {
    const shape = {
      tensor: strategy.tensor,
      sequenceParallel: strategy.sequenceParallel,
      context: strategy.context,
      contextCommunication: strategy.contextCommunication,
      expert: strategy.expert,
      expertTensor: strategy.expertTensor,
      dispatcher: strategy.dispatcher,
      recompute: strategy.recompute,
      sequenceLength: training.sequenceLength,
      unfused,
      capacity: conditions?.expertCapacity ?? imbalance(training.routing, strategy.expert),
      fp8,
    };
    return {
      parameters: modelParameters(model, shape),
      activations: model.kinds.map((kind) => layerActivations(model.hidden, kind, shape, behaviour)),
    };
  };
  return (strategy) => {
    const sizes =
      ((strategy.tensor * 2048 + strategy.context) * 4096 + strategy.expert) * 1024 + strategy.expertTensor;
    const flags =
      ((recomputeCode(strategy.recompute) * 4 + DISPATCHERS.indexOf(strategy.dispatcher)) * 4 +
        COMMUNICATIONS.indexOf(strategy.contextCommunication)) *
        2 +
      (strategy.sequenceParallel ? 1 : 0);
    let byFlags = bySizes.get(sizes);
    if (byFlags === undefined) bySizes.set(sizes, (byFlags = new Map<number, MemoryTable>()));
    let table = byFlags.get(flags);
    if (table === undefined) byFlags.set(flags, (table = compute(strategy)));
    return table;
  };
};
