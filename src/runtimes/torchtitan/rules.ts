import { microBatches } from '../../strategy/strategy.ts';
import type { Schedule } from '../../strategy/strategy.ts';
import { oneOf, ruleMaker } from '../define-rule.ts';
import { modelFacts } from '../model-facts.ts';
import { illegal, legal } from '../rule.ts';
import type { Rule } from '../rule.ts';
import { compareVersions } from '../version.ts';

export const torchtitanSource = 'pytorch/torchtitan @ b5bcd76c';
const schedules = 'pytorch/pytorch torch/distributed/pipelining/schedules.py';

/** Names that torch.distributed.pipelining knows, by ours. */
export const torchSchedules: Readonly<Partial<Record<Schedule, string>>> = {
  gpipe: 'GPipe',
  '1f1b': '1F1B',
  interleaved: 'Interleaved1F1B',
  'zb-v': 'ZBVZeroBubble',
  'dualpipe-v': 'DualPipeV',
};

const rule = ruleMaker('torchtitan');

export const torchtitanRules: readonly Rule[] = [
  rule({
    id: 'sharding-group',
    stage: 'startup',
    why: 'data splits into copies (dp_replicate) of shards (dp_shard); parameters are sharded over dp_shard × context',
    source: `${torchtitanSource} torchtitan/distributed/parallel_dims.py:182`,
    reads: ['sharding', 'shardingGroup', 'data', 'context'],
    check: ({ strategy: { sharding, shardingGroup, data, context } }) =>
      sharding === 'none' || (shardingGroup % context === 0 && (data * context) % shardingGroup === 0)
        ? legal
        : illegal(
            ['shardingGroup'],
            `sharding_group of ${shardingGroup} is not context × a divisor of data`,
            shardingGroup,
            `context=${context} times a divisor of ${data}`,
          ),
  }),
  rule({
    id: 'sharding-supported',
    stage: 'parse',
    why: 'FSDP2 shards parameters; kept unsharded after the forward pass it equals sharded gradients',
    source: `${torchtitanSource} fsdp_reshard_after_forward`,
    reads: ['sharding'],
    check: oneOf('sharding', ['none', 'gradients', 'parameters'], 'the optimizer alone cannot be sharded'),
  }),
  rule({
    id: 'expert-shards',
    stage: 'startup',
    why: 'expert ranks are borrowed from dp_shard × context × tensor',
    source: `${torchtitanSource} torchtitan/distributed/parallel_dims.py:188`,
    reads: ['expert', 'expertTensor', 'sharding', 'shardingGroup', 'tensor', 'context'],
    check: ({ strategy: { expert, expertTensor, sharding, shardingGroup, tensor, context } }) => {
      const available = (sharding === 'none' ? context : shardingGroup) * tensor;
      return available % (expert * expertTensor) === 0
        ? legal
        : illegal(
            ['expert', 'expertTensor'],
            `expert × expert_tensor = ${expert * expertTensor} does not divide dp_shard × context × tensor`,
            expert * expertTensor,
            `a divisor of ${available}`,
          );
    },
  }),
  rule({
    id: 'expert-borrows',
    stage: 'startup',
    why: 'until release 2026 expert ranks took all context ranks, and all tensor ranks where each expert is whole',
    source: 'pytorch/torchtitan @ 0119de15 torchtitan/distributed/parallel_dims.py _validate',
    reads: ['expert', 'expertTensor', 'tensor', 'context'],
    check: ({ strategy: { expert, expertTensor, tensor, context }, training }) => {
      const taken = context * (expertTensor === tensor ? 1 : tensor);
      return expert === 1 || compareVersions(training.runtime.version, '2026') >= 0 || expert % taken === 0
        ? legal
        : illegal(
            ['expert', 'context', 'tensor'],
            `expert=${expert} does not take all of the ${taken} context${expertTensor === tensor ? '' : ' and tensor'} ranks`,
            expert,
            `a multiple of ${taken}`,
          );
    },
  }),
  rule({
    id: 'expert-tensor',
    stage: 'startup',
    why: 'beside expert ranks each expert is whole, or split over the tensor ranks until release 2026 dropped that; without expert ranks the tensor ranks always split it',
    source: 'pytorch/torchtitan pull requests 1555 (sizes) and 3167 (the option goes)',
    reads: ['expert', 'expertTensor', 'tensor'],
    check: ({ strategy: { expert, expertTensor, tensor }, training, model }) => {
      const current = compareVersions(training.runtime.version, '2026') >= 0;
      const known = expert === 1 ? [tensor] : current ? [1] : [1, tensor];
      // Of dense models the sizes of experts mean nothing.
      if (expert === 1 && expertTensor !== tensor && modelFacts(model).moe.length === 0) return legal;
      return known.includes(expertTensor)
        ? legal
        : illegal(
            ['expertTensor'],
            `expert_tensor=${expertTensor} beside expert=${expert} and tensor=${tensor} is not to be had`,
            expertTensor,
            [...new Set(known)].join(' or '),
          );
    },
  }),
  rule({
    id: 'heads-tensor',
    stage: 'model build',
    why: 'query and key-value heads are split over tensor ranks; none is copied',
    source: `${torchtitanSource} torchtitan/models/common/decoder.py:190-198`,
    reads: ['tensor'],
    check: ({ strategy: { tensor }, model }) => {
      const { attention, latent } = modelFacts(model);
      const counts = [
        ...attention.flatMap(({ heads, kvHeads }) => [heads, kvHeads]),
        ...latent.map(({ heads }) => heads),
      ];
      const bad = counts.find((count) => count % tensor !== 0);
      return bad === undefined
        ? legal
        : illegal(['tensor'], `${bad} heads do not divide over tensor=${tensor}`, bad, `a divisor of ${bad}`);
    },
  }),
  rule({
    id: 'experts-divisible',
    stage: 'model build',
    why: 'each expert rank holds the same number of experts',
    source: `${torchtitanSource} torchtitan/models/common/decoder.py:204`,
    reads: ['expert'],
    check: ({ strategy: { expert }, model }) => {
      const { moe } = modelFacts(model);
      if (moe.length === 0 && expert > 1)
        return illegal(['expert'], `expert=${expert} for a model without experts`, expert, '1');
      const bad = moe.find(({ experts }) => experts % expert !== 0);
      return bad === undefined
        ? legal
        : illegal(
            ['expert'],
            `${bad.experts} experts do not divide over ${expert}`,
            bad.experts,
            'a divisor',
          );
    },
  }),
  rule({
    id: 'sequence-divisible',
    stage: 'startup',
    why: 'the sequence is cut over tensor ranks and, in two chunks each, over context ranks',
    source: `${torchtitanSource} torchtitan/trainer.py:299-306`,
    reads: ['tensor', 'context'],
    check: ({ strategy: { tensor, context }, training }) => {
      const parts = tensor * (context > 1 ? 2 * context : 1);
      return training.sequenceLength % parts === 0
        ? legal
        : illegal(
            ['tensor', 'context'],
            `sequence length ${training.sequenceLength} is not a multiple of ${parts}`,
            training.sequenceLength,
            `a multiple of tensor × 2 context = ${parts}`,
          );
    },
  }),
  rule({
    id: 'schedule-supported',
    stage: 'startup',
    why: 'schedules are those of torch.distributed.pipelining; each sets the number of virtual stages',
    source: schedules,
    reads: ['schedule', 'virtualStages', 'pipeline'],
    check: ({ strategy: { schedule, virtualStages, pipeline } }) => {
      if (torchSchedules[schedule] === undefined)
        return illegal(
          ['schedule'],
          'a schedule that PyTorch does not have',
          schedule,
          Object.keys(torchSchedules).join(', '),
        );
      const vShaped = schedule === 'zb-v' || schedule === 'dualpipe-v';
      const right = vShaped
        ? virtualStages === 2
        : schedule === 'interleaved'
          ? virtualStages >= 2
          : virtualStages === 1;
      return right && (pipeline > 1 || virtualStages === 1)
        ? legal
        : illegal(
            ['schedule', 'virtualStages'],
            `${schedule} with ${virtualStages} virtual stages on ${pipeline} stages`,
            virtualStages,
            vShaped ? '2' : schedule === 'interleaved' ? 'at least 2' : '1',
          );
    },
  }),
  rule({
    id: 'micro-batch-rounds',
    stage: 'startup',
    why: 'interleaved schedules run whole rounds of micro-batches; single-stage ones need one per stage',
    source: schedules,
    reads: ['schedule', 'pipeline', 'microBatchSize', 'data'],
    check: ({ strategy, training }) => {
      const { pipeline } = strategy;
      if (pipeline === 1) return legal;
      const count = microBatches(strategy, training.globalBatchSize);
      if (count < pipeline)
        return illegal(
          ['microBatchSize', 'data'],
          `${count} micro-batches on ${pipeline} stages`,
          count,
          `at least ${pipeline}`,
        );
      const rounds = Math.floor(count / pipeline);
      return strategy.virtualStages === 1 || count % rounds === 0
        ? legal
        : illegal(
            ['microBatchSize', 'data'],
            `${count} micro-batches in ${rounds} rounds`,
            count,
            `a multiple of ${rounds}`,
          );
    },
  }),
  rule({
    id: 'tied-embeddings-pipeline',
    stage: 'model build',
    why: 'embedding and head would be on different stages',
    source: `${torchtitanSource} torchtitan/distributed/pipeline_parallel.py`,
    reads: ['pipeline'],
    check: ({ strategy: { pipeline }, model }) =>
      pipeline === 1 || !model.tiedEmbeddings
        ? legal
        : illegal(['pipeline'], 'tied embeddings in a pipeline', pipeline, '1'),
  }),
  rule({
    id: 'vocabulary-supported',
    stage: 'parse',
    why: 'the head is on the last stage',
    source: `${torchtitanSource} torchtitan/distributed/pipeline_parallel.py`,
    reads: ['vocabulary'],
    check: oneOf('vocabulary', ['last'], 'the vocabulary layer cannot be placed'),
  }),
  rule({
    id: 'sequence-parallel',
    stage: 'parse',
    severity: 'warning',
    why: 'tensor parallelism in torchtitan is always sequence parallel',
    source: `${torchtitanSource} torchtitan/models/*/parallelize.py`,
    reads: ['sequenceParallel', 'tensor'],
    check: ({ strategy: { sequenceParallel, tensor } }) =>
      sequenceParallel || tensor === 1
        ? legal
        : illegal(['sequenceParallel'], 'tensor parallelism without sequence parallelism', 'false', 'true'),
  }),
  rule({
    id: 'recompute-supported',
    stage: 'parse',
    why: 'activation checkpointing is off, of whole layers, or of what is cheap by operator, which planner spells selective:core_attn',
    source: `${torchtitanSource} activation_checkpoint.mode, selective_ac_option`,
    reads: ['recompute'],
    check: ({ strategy: { recompute } }) => {
      const { kind } = recompute;
      const byOperator =
        kind === 'selective' && recompute.modules.length === 1 && recompute.modules[0] === 'core_attn';
      return kind === 'none' || kind === 'full' || byOperator
        ? legal
        : illegal(
            ['recompute'],
            'recomputation of some modules or layers',
            kind,
            'none, full or selective:core_attn',
          );
    },
  }),
  rule({
    id: 'offload-supported',
    stage: 'parse',
    why: 'CPU offload of FSDP moves parameters too, which planner does not model',
    source: `${torchtitanSource} enable_cpu_offload`,
    reads: ['offload'],
    check: oneOf('offload', ['none'], 'the optimizer alone cannot be offloaded'),
  }),
  rule({
    id: 'context-communication',
    stage: 'parse',
    why: 'torch context parallelism rotates keys and values by all-gather or all-to-all',
    source: `${torchtitanSource} context_parallel_rotate_method`,
    reads: ['contextCommunication', 'context'],
    check: ({ strategy: { contextCommunication, context } }) =>
      context === 1 || contextCommunication === 'all-gather' || contextCommunication === 'p2p'
        ? legal
        : illegal(
            ['contextCommunication'],
            'heads cannot be exchanged',
            contextCommunication,
            'all-gather or p2p',
          ),
  }),
];
