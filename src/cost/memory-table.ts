/** Everything about memory that depends on a few small keys of a strategy: computed once per combination. */
import { expertLoad } from '../plan/expert-load.ts';
import type { Problem } from '../plan/problem.ts';
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
      capacity: conditions?.expertCapacity ?? expertLoad(training.routing, strategy.expert).worst,
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
