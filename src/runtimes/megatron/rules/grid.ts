import { expertData, gpusUsed } from '../../../strategy/strategy.ts';
import { hasExperts } from '../../model-facts.ts';
import { illegal, legal } from '../../rule.ts';
import type { Rule } from '../../rule.ts';
import { megatronRule } from './define.ts';

const replicasSharing = (size: number, group: number): number => size / group;

/** The two grids over which ranks are laid: dense TP-CP-DP-PP and expert ETP-EP-EDP-PP. */
export const gridRules: readonly Rule[] = [
  megatronRule({
    id: 'expert-grid',
    stage: 'group creation',
    why: 'expert_tensor × expert × pipeline must divide the ranks; arguments are accepted, process groups are not',
    source: 'megatron/core/parallel_state.py:880-884',
    reads: ['tensor', 'context', 'data', 'pipeline', 'expert', 'expertTensor'],
    check: ({ strategy }) => {
      if (Number.isInteger(expertData(strategy))) return legal;
      const { expert, expertTensor, pipeline } = strategy;
      const perStage = gpusUsed(strategy) / pipeline;
      return illegal(
        ['expert', 'expertTensor', 'pipeline'],
        `expert_tensor × expert = ${expertTensor * expert} does not divide the ${perStage} GPUs of a pipeline stage`,
        expertTensor * expert,
        `a divisor of ${perStage}`,
      );
    },
  }),
  megatronRule({
    id: 'expert-grid-pipeline-inner',
    stage: 'group creation',
    why: 'pipeline groups of both grids must be the same ranks; with pipeline inside data that needs equal replica counts',
    source: 'megatron/core/parallel_state.py:898-907',
    reads: ['rankOrder', 'pipeline', 'tensor', 'context', 'data', 'expert', 'expertTensor'],
    check: ({ strategy, model }) => {
      if (strategy.rankOrder === 'tp-cp-ep-dp-pp' || strategy.pipeline === 1) return legal;
      const { tensor, context, expert } = strategy;
      // The expert grid is laid for a dense model too, with the tensor size as its own and without context ranks.
      const expertTensor = hasExperts(model) ? strategy.expertTensor : tensor;
      if (expertTensor * expert === tensor * context) return legal;
      return illegal(
        hasExperts(model) ? ['rankOrder', 'expert', 'expertTensor'] : ['rankOrder', 'context'],
        'rank order tp-cp-ep-pp-dp gives the dense and the expert grid different pipeline groups',
        `expert_tensor × expert = ${expertTensor * expert}`,
        `tensor × context = ${tensor * context}, or rank_order=tp-cp-ep-dp-pp`,
      );
    },
  }),
  megatronRule({
    id: 'expert-grid-data',
    stage: 'group creation',
    severity: 'warning',
    why: 'expert tensor parallelism splits small experts further and adds a collective per layer',
    source: 'megatron/training/arguments.py:587',
    reads: ['expertTensor', 'tensor'],
    check: ({ strategy, model }) =>
      !hasExperts(model) || strategy.expertTensor === 1 || strategy.expertTensor !== strategy.tensor
        ? legal
        : illegal(
            ['expertTensor'],
            `expert_tensor equals tensor = ${strategy.tensor}, the value that Megatron takes when it is not set`,
            strategy.expertTensor,
            'expert_tensor=1 with a larger expert size, unless the experts are wide',
          ),
  }),
  megatronRule({
    id: 'optimizer-instances',
    stage: 'group creation',
    why: 'optimizer shards repeat over equal groups of the dense and of the expert replicas',
    source: 'megatron/core/parallel_state.py:922; megatron/training/arguments.py:808',
    reads: ['sharding', 'shardingGroup', 'data', 'context', 'tensor', 'pipeline', 'expert', 'expertTensor'],
    check: ({ strategy, model }) => {
      const replicas = strategy.data * strategy.context;
      if (strategy.sharding === 'none') {
        return legal;
      }
      const instances = replicasSharing(replicas, strategy.shardingGroup);
      if (!Number.isInteger(instances))
        return illegal(
          ['shardingGroup'],
          `sharding_group of ${strategy.shardingGroup} does not divide data × context = ${replicas}`,
          strategy.shardingGroup,
          `a divisor of ${replicas}`,
        );
      if (!hasExperts(model) || expertData(strategy) % instances === 0) return legal;
      return illegal(
        ['shardingGroup', 'expert', 'expertTensor'],
        `${instances} optimizer instances do not divide the ${expertData(strategy)} replicas of each expert`,
        instances,
        `a divisor of ${expertData(strategy)}`,
      );
    },
  }),
];
