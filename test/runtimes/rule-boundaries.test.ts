/**
 * Rules of Megatron and torchtitan on both sides of every condition: what each clause lets through or stops by itself,
 * which keys it blames and what it says was found and expected. Beside the table of one break and one pass a rule.
 */
import { describe, expect, it } from 'vitest';
import type { AcceleratorArchitecture } from '../../src/cluster/cluster.ts';
import { readModelPreset } from '../../src/ingest/model-presets.ts';
import type { LayerKind, Model } from '../../src/model/model.ts';
import type { Training } from '../../src/plan/problem.ts';
import { allRules } from '../../src/runtimes/registry.ts';
import type { Verdict } from '../../src/runtimes/rule.ts';
import type { Partition, Strategy } from '../../src/strategy/strategy.ts';
import { trainingOf } from '../strategies.ts';
import { strategyOf } from './sample.ts';

const preset = (name: string): Model => readModelPreset(name).model;
/** 32 layers, 32 heads, 8 key-value heads, width 14,336. */
const llama = preset('llama3-8b');
/** 56 layers, all of 8 experts. */
const mixtral = preset('mixtral-8x22b');
/** 128 heads, dense first layers of 18,432, 256 experts in 8 groups of which 4 for 8 choices, shared width 2048. */
const deepseek = preset('deepseek-v3');
const gptOss = preset('gpt-oss-20b');
const qwenNext = preset('qwen3-next-80b-a3b');
const nemotron = preset('nemotron-3-nano-30b-a3b');

interface Given {
  readonly strategy?: Partial<Strategy>;
  readonly model?: Model;
  readonly training?: Partial<Training>;
  readonly architecture?: AcceleratorArchitecture;
  readonly partition?: Partition;
  readonly world?: number;
}

const verdictOf = (
  id: string,
  { strategy, model, training, architecture, partition, world }: Given,
): Verdict => {
  const rule = allRules().find((one) => one.id === id);
  if (rule === undefined) throw new Error(`no rule ${id}`);
  const whole = strategyOf(strategy);
  return rule.check({
    world: world ?? whole.tensor * whole.pipeline * whole.context * whole.data,
    perNode: 8,
    architecture: architecture ?? 'hopper',
    model: model ?? llama,
    training: trainingOf(training),
    strategy: whole,
    partition: partition ?? null,
  });
};

const kindsWith = (model: Model, change: (kind: LayerKind, index: number) => LayerKind): Model => ({
  ...model,
  kinds: model.kinds.map(change),
});
const withMixer = (model: Model, change: object): Model =>
  kindsWith(model, (kind) => ({ ...kind, mixer: { ...kind.mixer, ...change } }));
const withExperts = (model: Model, change: object): Model =>
  kindsWith(model, (kind) =>
    kind.feedForward.kind === 'moe' ? { ...kind, feedForward: { ...kind.feedForward, ...change } } : kind,
  );
const moe = (strategy: Partial<Strategy> = {}): Given => ({ model: mixtral, strategy });
const tied: Model = { ...llama, tiedEmbeddings: true };
/** The first kind of the model alone has the other value. */
const firstKind = (model: Model, change: (kind: LayerKind) => LayerKind): Model =>
  kindsWith(model, (kind, index) => (index === 0 ? change(kind) : kind));
const low = { name: 'adam', states: 'bf16', gradients: 'fp32', mainParameters: 'fp32' } as const;
const recomputing = (...modules: (Strategy['recompute'] & { kind: 'selective' })['modules'][number][]) =>
  ({ recompute: { kind: 'selective', modules } }) as const;
const block = (layers: number): Partial<Strategy> => ({ recompute: { kind: 'full-block', layers } });

type Blame = readonly [
  at: readonly (keyof Strategy)[],
  found: string | number,
  expected?: string,
  message?: string,
];

const table: readonly (readonly [string, Given, Blame | null])[] = [
  ['megatron/sizes', { strategy: { microBatchSize: 0 } }, [['microBatchSize'], 0]],
  ['megatron/sizes', { strategy: { context: 1.5 } }, [['context'], 1.5]],
  ['megatron/world-divisible', {}, null],
  [
    'megatron/world-divisible',
    { strategy: { tensor: 4, pipeline: 2, data: 3 }, world: 23 },
    [['tensor', 'pipeline', 'context', 'data'], 24, 'data of at most 2'],
  ],
  // One replica fits exactly: the data axis is at fault.
  [
    'megatron/world-divisible',
    { strategy: { tensor: 4, pipeline: 2, context: 2, data: 2 }, world: 16 },
    [['tensor', 'pipeline', 'context', 'data'], 32, 'data of at most 1'],
  ],
  [
    'megatron/world-divisible',
    { strategy: { tensor: 4, pipeline: 8, data: 1 }, world: 16 },
    [['tensor', 'pipeline', 'context', 'data'], 32, 'at most 16'],
  ],
  [
    'megatron/world-divisible',
    { strategy: { data: 0 }, world: 8 },
    [['tensor', 'pipeline', 'context', 'data'], 0],
  ],
  [
    'megatron/idle-gpus',
    { strategy: { data: 3 }, world: 4 },
    [['data'], 3, 'sizes whose product is 4', '1 of 4 GPUs stay idle'],
  ],
  [
    'megatron/batch-divisible',
    { strategy: { data: 3, microBatchSize: 2 } },
    [['microBatchSize', 'data'], 512, 'a multiple of 6, as 510 or 516'],
  ],
  [
    'megatron/batch-divisible',
    { strategy: { data: 1024 } },
    [['microBatchSize', 'data'], 512, 'a multiple of 1024'],
  ],
  ['megatron/tensor-within-node', { strategy: { tensor: 3 } }, [['tensor'], 3, 'a divisor of 8']],
  [
    'megatron/few-micro-batches',
    { strategy: { pipeline: 16, data: 64 } },
    [['pipeline', 'microBatchSize', 'data'], 8, 'at least 16'],
  ],
  [
    'megatron/partition-shape',
    { strategy: { pipeline: 4 }, partition: [[16], [16]] },
    [['pipeline', 'virtualStages'], '[[16],[16]]', '4 stages of 1'],
  ],
  [
    'megatron/partition-shape',
    { strategy: { pipeline: 2, virtualStages: 2 }, partition: [[8, 8], [16]] },
    [['pipeline', 'virtualStages'], '[[8,8],[16]]'],
  ],
  [
    'megatron/partition-shape',
    { strategy: { pipeline: 2 }, partition: [[33], [-1]] },
    [['pipeline', 'virtualStages'], '[[33],[-1]]'],
  ],
  [
    'megatron/partition-shape',
    { strategy: { pipeline: 2 }, partition: [[16.5], [15.5]] },
    [['pipeline', 'virtualStages'], '[[16.5],[15.5]]'],
  ],
  ['megatron/partition-shape', { strategy: { pipeline: 2 }, partition: [[32], [0]] }, null],
  [
    'megatron/partition-shape',
    { strategy: { pipeline: 2 }, partition: [[16], [15]] },
    [['pipeline', 'virtualStages'], 31, '32'],
  ],

  // Grid.
  [
    'megatron/expert-grid',
    moe({ data: 6, expert: 2, expertTensor: 2, pipeline: 2 }),
    [['expert', 'expertTensor', 'pipeline'], 4, 'a divisor of 6'],
  ],
  [
    'megatron/expert-grid-pipeline-inner',
    moe({ rankOrder: 'tp-cp-ep-pp-dp', pipeline: 2, data: 4, expert: 2, expertTensor: 2 }),
    [
      ['rankOrder', 'expert', 'expertTensor'],
      'expert_tensor × expert = 4',
      'tensor × context = 1, or rank_order=tp-cp-ep-dp-pp',
    ],
  ],
  [
    'megatron/expert-grid-pipeline-inner',
    moe({ rankOrder: 'tp-cp-ep-pp-dp', pipeline: 2, data: 4, context: 2, expert: 2 }),
    null,
  ],
  ['megatron/expert-grid-pipeline-inner', moe({ rankOrder: 'tp-cp-ep-pp-dp', data: 4, expert: 2 }), null],
  ['megatron/expert-grid-pipeline-inner', moe({ pipeline: 2, data: 4, expert: 2 }), null],
  [
    'megatron/expert-grid-pipeline-inner',
    { strategy: { rankOrder: 'tp-cp-ep-pp-dp', pipeline: 2, tensor: 2 } },
    null,
  ],
  ['megatron/expert-grid-data', moe({ tensor: 2, expertTensor: 2 }), [['expertTensor'], 2]],
  ['megatron/expert-grid-data', moe({ tensor: 4, expertTensor: 2 }), null],
  ['megatron/expert-grid-data', moe(), null],
  ['megatron/expert-grid-data', { strategy: { tensor: 2, expertTensor: 2 } }, null],
  [
    'megatron/optimizer-instances',
    { strategy: { sharding: 'optimizer', data: 4, context: 2, shardingGroup: 3 } },
    [['shardingGroup'], 3, 'a divisor of 8'],
  ],
  [
    'megatron/optimizer-instances',
    { strategy: { sharding: 'optimizer', data: 4, context: 2, shardingGroup: 8 } },
    null,
  ],
  ['megatron/optimizer-instances', { strategy: { data: 4, shardingGroup: 3 } }, null],
  [
    'megatron/optimizer-instances',
    moe({ sharding: 'optimizer', data: 8, expert: 8, shardingGroup: 4 }),
    [['shardingGroup', 'expert', 'expertTensor'], 2, 'a divisor of 1'],
  ],

  // Pipeline.
  [
    'megatron/schedule-supported',
    { strategy: { schedule: 'gpipe' } },
    [['schedule', 'virtualStages'], 'gpipe', '1f1b'],
  ],
  [
    'megatron/vocabulary-supported',
    { strategy: { vocabulary: 'vocab-1' } },
    [['vocabulary'], 'vocab-1', 'last'],
  ],
  ['megatron/virtual-needs-pipeline', { strategy: { virtualStages: 2 } }, [['virtualStages', 'pipeline'], 1]],
  // Nine micro-batches in whole groups of three, yet a group is smaller than the pipeline.
  [
    'megatron/micro-batch-group',
    {
      strategy: { pipeline: 4, virtualStages: 2, microBatchGroup: 3 },
      training: { globalBatchSize: 9 },
    },
    [['microBatchGroup', 'microBatchSize', 'data'], 3, 'from 4 (pipeline) to 9 (micro-batches)'],
  ],
  ['megatron/micro-batch-group', { strategy: { pipeline: 4, microBatchGroup: 3 } }, null],
  [
    'megatron/micro-batch-group',
    { strategy: { pipeline: 4, virtualStages: 2 }, training: { globalBatchSize: 10 } },
    [['microBatchGroup', 'microBatchSize', 'data'], 10, 'a multiple of 4, or a remainder of at least 4'],
  ],
  ['megatron/layers-divisible', { strategy: { pipeline: 3 } }, [['pipeline'], 32]],
  [
    'megatron/layers-virtual-divisible',
    { strategy: { pipeline: 4, virtualStages: 3 } },
    [['virtualStages', 'pipeline'], 8],
  ],
  // Interleaved stages are asked for when the model is built, all others at start; a partition states the split.
  [
    'megatron/layers-virtual-divisible',
    { strategy: { pipeline: 3, virtualStages: 2 } },
    [['pipeline', 'virtualStages'], 32],
  ],
  ['megatron/layers-divisible', { strategy: { pipeline: 3, virtualStages: 2 } }, null],
  ['megatron/layers-virtual-divisible', { strategy: { pipeline: 3 } }, null],
  [
    'megatron/layers-virtual-divisible',
    {
      strategy: { pipeline: 2, virtualStages: 3 },
      partition: [
        [6, 5, 5],
        [6, 5, 5],
      ],
    },
    null,
  ],
  [
    'megatron/uneven-partition-shape',
    { strategy: { pipeline: 4 }, partition: [[8], [9], [7], [8]] },
    [['pipeline', 'virtualStages'], '[[8],[9],[7],[8]]'],
  ],

  // Attention and widths.
  ['megatron/heads-tensor', { strategy: { tensor: 3 } }, [['tensor'], 32, 'a divisor of 32']],
  ['megatron/heads-tensor', { model: deepseek, strategy: { tensor: 3 } }, [['tensor'], 128]],
  ['megatron/query-groups-tensor', { strategy: { tensor: 12 } }, [['tensor'], 8]],
  ['megatron/query-groups-multiple', { strategy: { tensor: 16 } }, [['tensor'], 8]],
  ['megatron/query-groups-heads', { model: withMixer(llama, { kvHeads: 12 }) }, [[], 12, 'a divisor of 32']],
  ['megatron/query-groups-heads', { model: withMixer(llama, { kvHeads: 32 }) }, null],
  [
    'megatron/delta-net-heads',
    { model: qwenNext, strategy: { tensor: 4, context: 8 } },
    [['tensor', 'context'], 32],
  ],
  // 16 key heads divide over 16 ranks, 24 value heads do not.
  [
    'megatron/delta-net-heads',
    { model: withMixer(qwenNext, { valueHeads: 24 }), strategy: { tensor: 16 } },
    [['tensor', 'context'], 16],
  ],
  [
    'megatron/mamba-heads',
    { model: nemotron, strategy: { tensor: 4, context: 3 } },
    [['tensor', 'context'], 12],
  ],
  // 60 heads do not divide over 8 ranks, their 8 groups do.
  [
    'megatron/mamba-heads',
    { model: withMixer(nemotron, { heads: 60 }), strategy: { tensor: 8 } },
    [['tensor', 'context'], 8],
  ],
  ['megatron/mamba-heads', { model: nemotron, strategy: { tensor: 2, context: 8 } }, null],
  ['megatron/feed-forward-tensor', { strategy: { tensor: 3 } }, [['tensor'], 14_336]],
  // 18,432 divides by 3, the shared experts' 2048 does not.
  [
    'megatron/feed-forward-tensor',
    { model: deepseek, strategy: { tensor: 3 } },
    [['expertTensor', 'tensor'], 'expert_tensor=1, tensor=3'],
  ],
  [
    'megatron/sequence-needs-tensor',
    { strategy: { sequenceParallel: true } },
    [['sequenceParallel'], 'true', 'false'],
  ],
  // 4100 divides by tensor 4, not by 4 × 2.
  [
    'megatron/sequence-tensor-divisible',
    { strategy: { sequenceParallel: true, tensor: 4, context: 2 }, training: { sequenceLength: 4100 } },
    [['tensor', 'context'], 4100, 'a multiple of 8'],
  ],
  [
    'megatron/sequence-tensor-divisible',
    { strategy: { tensor: 4, context: 2 }, training: { sequenceLength: 4100 } },
    null,
  ],
  [
    'megatron/sequence-tensor-divisible',
    { strategy: { sequenceParallel: true, context: 8 }, training: { sequenceLength: 4100 } },
    null,
  ],

  // Context.
  [
    'megatron/sequence-context',
    { strategy: { context: 4 }, training: { sequenceLength: 4100 } },
    [['context'], 4100, 'a multiple of 8', 'sequence length 4100 is not a multiple of 2 × context = 8'],
  ],
  ['megatron/sequence-context', { training: { sequenceLength: 4099 } }, null],
  [
    'megatron/context-all-to-all-heads',
    { strategy: { context: 8, tensor: 2, contextCommunication: 'a2a' } },
    [['contextCommunication', 'context', 'tensor'], '16 and 4'],
  ],
  ['megatron/context-all-to-all-heads', { strategy: { context: 16, tensor: 2 } }, null],
  ['megatron/context-all-to-all-heads', { strategy: { tensor: 16, contextCommunication: 'a2a' } }, null],
  [
    'megatron/context-all-to-all-heads',
    { model: deepseek, strategy: { context: 32, tensor: 8, contextCommunication: 'a2a' } },
    [['contextCommunication', 'context', 'tensor'], '16 and 16'],
  ],
  [
    'megatron/context-all-to-all-heads',
    { model: deepseek, strategy: { context: 16, tensor: 8, contextCommunication: 'a2a' } },
    null,
  ],
  [
    'megatron/context-hierarchy',
    { strategy: { context: 2, contextCommunication: 'a2a+p2p' } },
    [['contextCommunication', 'context'], 2],
  ],
  ['megatron/context-window', { model: gptOss, strategy: { context: 2 } }, [['contextCommunication'], 'p2p']],
  [
    'megatron/context-window',
    { model: gptOss, strategy: { context: 2, contextCommunication: 'all-gather' } },
    null,
  ],
  ['megatron/context-window', { strategy: { context: 2 } }, null],
  ['megatron/context-window', { model: gptOss }, null],
  ['megatron/context-sinks', { strategy: { context: 2 } }, null],
  ['megatron/context-sinks', { model: gptOss }, null],
  // Sinks in some layers are enough.
  [
    'megatron/context-sinks',
    {
      model: firstKind(gptOss, (kind) =>
        kind.mixer.kind === 'attention' ? { ...kind, mixer: { ...kind.mixer, sinks: false } } : kind,
      ),
      strategy: { context: 2 },
    },
    [['contextCommunication'], 'p2p', 'a2a'],
  ],
  [
    'megatron/context-sparse-indexer',
    { model: preset('deepseek-v3.2'), strategy: { context: 2 } },
    [['contextCommunication'], 'p2p', 'all-gather'],
  ],
  ['megatron/context-sparse-indexer', { model: preset('deepseek-v3.2') }, null],
  ['megatron/context-sparse-indexer', { model: deepseek, strategy: { context: 2 } }, null],

  // Experts.
  ['megatron/expert-without-experts', { strategy: { expert: 2, data: 2 } }, [['expert'], 2, '1']],
  ['megatron/experts-divisible', moe({ data: 16, expert: 16 }), [['expert'], 8]],
  [
    'megatron/experts-need-sequence-parallel',
    moe({ tensor: 2 }),
    [['sequenceParallel', 'tensor'], 'sequence_parallel=false'],
  ],
  ['megatron/experts-need-sequence-parallel', moe(), null],
  ['megatron/experts-need-sequence-parallel', { strategy: { tensor: 2 } }, null],
  [
    'megatron/expert-bias-tensor',
    {
      model: firstKind(gptOss, (kind) =>
        kind.feedForward.kind === 'moe'
          ? { ...kind, feedForward: { ...kind.feedForward, bias: false } }
          : kind,
      ),
      strategy: { expertTensor: 2 },
    },
    [['expertTensor'], 2, '1'],
  ],
  ['megatron/expert-bias-tensor', moe({ expertTensor: 2 }), null],
  ['megatron/flex-dispatcher-ranks', moe({ dispatcher: 'hybridep' }), [['dispatcher', 'expert'], 1]],
  ['megatron/flex-dispatcher-ranks', moe({ dispatcher: 'deepep', expertTensor: 2 }), null],
  ['megatron/flex-dispatcher-ranks', moe({ dispatcher: 'all-to-all' }), null],
  ['megatron/flex-dispatcher-ranks', { strategy: { dispatcher: 'deepep' } }, null],
  [
    'megatron/flex-dispatcher-architecture',
    { ...moe({ dispatcher: 'hybridep' }), architecture: 'ampere' },
    [['dispatcher'], 'hybridep', 'all-to-all'],
  ],
  ['megatron/flex-dispatcher-architecture', { ...moe(), architecture: 'volta' }, null],
  [
    'megatron/flex-dispatcher-architecture',
    { strategy: { dispatcher: 'deepep' }, architecture: 'volta' },
    null,
  ],
  ['megatron/hybridep-version', { strategy: { dispatcher: 'hybridep' } }, [['dispatcher'], 'hybridep']],
  [
    'megatron/expert-group-routing',
    { model: withExperts(deepseek, { groups: { count: 8, limit: 8 } }) },
    null,
  ],
  // 256 experts in 4 groups, 8 of them for 8 choices: there are only 4.
  [
    'megatron/expert-group-routing',
    { model: withExperts(deepseek, { groups: { count: 4, limit: 8 } }) },
    [[], 4],
  ],
  // 8 choices need not divide over 3 groups: the router takes whole choices of each.
  [
    'megatron/expert-group-routing',
    { model: withExperts(deepseek, { groups: { count: 8, limit: 3 } }) },
    null,
  ],
  [
    'megatron/expert-group-routing',
    { model: withExperts(deepseek, { groups: { count: 7, limit: 3 } }) },
    [[], 7],
  ],

  // Recomputation.
  [
    'megatron/recompute-layers',
    { strategy: { ...block(9), pipeline: 2, virtualStages: 2 } },
    [['recompute'], 9, 'from 1 to 8'],
  ],
  ['megatron/recompute-layers', { strategy: { ...block(1), pipeline: 4 } }, null],
  [
    'megatron/recompute-layers',
    { strategy: { ...block(10), pipeline: 4 }, partition: [[10], [6], [8], [8]] },
    null,
  ],
  [
    'megatron/recompute-layers',
    { strategy: { ...block(11), pipeline: 4 }, partition: [[10], [6], [8], [8]] },
    [['recompute'], 11, 'from 1 to 10'],
  ],
  [
    'megatron/recompute-modules-version',
    { strategy: recomputing('core_attn', 'mlp') },
    [['recompute'], 'core_attn+mlp'],
  ],
  [
    'megatron/recompute-activation-grouped',
    { ...moe(recomputing('moe_act')), training: { precision: 'fp32' } },
    [['recompute'], 'fp32', 'bf16'],
  ],
  ['megatron/recompute-activation-grouped', { strategy: recomputing('moe_act') }, [['recompute'], 'moe_act']],
  ['megatron/recompute-latent', { strategy: recomputing('mla_up_proj') }, [['recompute'], 'mla_up_proj']],
  [
    'megatron/recompute-shared-experts',
    { strategy: recomputing('moe', 'shared_experts', 'mlp') },
    [['recompute'], 'moe+shared_experts', 'modules of the model', 'the model has no moe, shared_experts'],
  ],
  ['megatron/recompute-shared-experts', moe(recomputing('moe', 'core_attn')), null],
  ['megatron/recompute-shared-experts', moe(recomputing('mlp')), [['recompute'], 'mlp']],
  // Dense first layers have a block of their own.
  ['megatron/recompute-shared-experts', { model: deepseek, strategy: recomputing('mlp') }, null],
  [
    'megatron/recompute-shared-experts-in-moe',
    { model: deepseek, strategy: recomputing('moe', 'shared_experts') },
    [['recompute'], 'moe+shared_experts', 'moe'],
  ],
  ['megatron/recompute-shared-experts-in-moe', { strategy: recomputing('moe', 'moe_act') }, null],

  // Overlap.
  [
    'megatron/overlap-tensor-sequence',
    { strategy: { overlapTensor: true, sequenceParallel: true } },
    [['overlapTensor', 'sequenceParallel'], 'tensor=1, sequence_parallel=true'],
  ],
  [
    'megatron/overlap-parameters-optimizer',
    { strategy: { overlapParameters: true } },
    [['overlapParameters', 'sharding'], 'none'],
  ],
  [
    'megatron/overlap-parameters-gradients',
    { strategy: { overlapParameters: true } },
    [['overlapParameters', 'overlapGradients'], 'overlap_gradients=false'],
  ],
  ['megatron/overlap-expert-version', moe({ overlapExpert: true }), [['overlapExpert'], 'true']],

  // Optimizer and formats.
  [
    'megatron/offload-sharded-optimizer',
    { strategy: { offload: 'optimizer' } },
    [['offload', 'sharding'], 'none'],
  ],
  ['megatron/precision-aware-optimizer', { training: { optimizer: low } }, [['sharding'], 'none']],
  // fp32 training has no main parameters beside its own.
  ['megatron/precision-aware-optimizer', { training: { optimizer: low, precision: 'fp32' } }, null],
  [
    'megatron/precision-aware-optimizer',
    { training: { optimizer: { ...low, states: 'fp32', mainParameters: 'fp16' } } },
    [['sharding'], 'none'],
  ],
  ['megatron/fsdp-version', { strategy: { sharding: 'gradients' } }, [['sharding'], 'gradients']],
  [
    'megatron/fsdp-optimizer',
    { strategy: { sharding: 'parameters' }, training: { optimizer: { ...low, name: 'muon' } } },
    [['sharding'], 'parameters'],
  ],
  [
    'megatron/fsdp-optimizer',
    { strategy: { sharding: 'optimizer' }, training: { optimizer: { ...low, name: 'muon' } } },
    null,
  ],
  [
    'megatron/fsdp-rank-order',
    { strategy: { sharding: 'gradients', rankOrder: 'tp-cp-ep-pp-dp' } },
    [['rankOrder', 'sharding'], 'tp-cp-ep-pp-dp'],
  ],
  [
    'megatron/fsdp-pipeline',
    { strategy: { sharding: 'parameters', pipeline: 2 } },
    [['sharding', 'pipeline'], 2],
  ],
  ['megatron/fsdp-pipeline', { strategy: { sharding: 'optimizer', pipeline: 2 } }, null],

  // torchtitan.
  [
    'torchtitan/sharding-group',
    { strategy: { sharding: 'parameters', context: 4, data: 2, shardingGroup: 2 } },
    [
      ['shardingGroup'],
      2,
      'context=4 times a divisor of 2',
      'sharding_group of 2 is not context × a divisor of data',
    ],
  ],
  [
    'torchtitan/sharding-group',
    { strategy: { sharding: 'parameters', context: 2, data: 4, shardingGroup: 4 } },
    null,
  ],
  ['torchtitan/sharding-group', { strategy: { data: 4, shardingGroup: 3 } }, null],
  [
    'torchtitan/expert-shards',
    moe({ sharding: 'parameters', data: 4, expert: 4, expertTensor: 2 }),
    [
      ['expert', 'expertTensor'],
      8,
      'a divisor of 4',
      'expert × expert_tensor = 8 does not divide dp_shard × context × tensor',
    ],
  ],
  // Without sharding there are the context and tensor ranks, whatever the group.
  ['torchtitan/expert-shards', moe({ data: 4, shardingGroup: 3, context: 2, tensor: 2, expert: 4 }), null],
  ['torchtitan/expert-tensor', moe({ data: 2, tensor: 4, expert: 2, expertTensor: 1 }), null],
  [
    'torchtitan/expert-tensor',
    moe({ data: 2, tensor: 4, expert: 2, expertTensor: 2 }),
    [['expertTensor'], 2, '1 or 4', 'expert_tensor=2 beside expert=2 and tensor=4 is not to be had'],
  ],
  [
    'torchtitan/expert-tensor',
    moe({ data: 2, tensor: 4, expertTensor: 1 }),
    [['expertTensor'], 1, '4', 'expert_tensor=1 beside expert=1 and tensor=4 is not to be had'],
  ],
  ['torchtitan/expert-tensor', { strategy: { data: 2, tensor: 4, expertTensor: 1 } }, null],
  [
    'torchtitan/heads-tensor',
    { model: deepseek, strategy: { tensor: 3 } },
    [['tensor'], 128, 'a divisor of 128', '128 heads do not divide over tensor=3'],
  ],
  [
    'torchtitan/experts-divisible',
    { strategy: { data: 2, expert: 2 } },
    [['expert'], 2, '1', 'expert=2 for a model without experts'],
  ],
  [
    'torchtitan/experts-divisible',
    moe({ data: 16, expert: 16 }),
    [['expert'], 8, 'a divisor', '8 experts do not divide over 16'],
  ],
  [
    'torchtitan/sequence-divisible',
    { strategy: { tensor: 2, context: 2 }, training: { sequenceLength: 4100 } },
    [
      ['tensor', 'context'],
      4100,
      'a multiple of tensor × 2 context = 8',
      'sequence length 4100 is not a multiple of 8',
    ],
  ],
  ['torchtitan/sequence-divisible', { strategy: { tensor: 2 }, training: { sequenceLength: 4098 } }, null],
  [
    'torchtitan/schedule-supported',
    { strategy: { schedule: 'zb-h1' } },
    [
      ['schedule'],
      'zb-h1',
      'gpipe, 1f1b, interleaved, zb-v, dualpipe-v',
      'a schedule that PyTorch does not have',
    ],
  ],
  [
    'torchtitan/schedule-supported',
    { strategy: { pipeline: 2, schedule: 'dualpipe-v', virtualStages: 2 } },
    null,
  ],
  [
    'torchtitan/schedule-supported',
    { strategy: { pipeline: 2, schedule: 'dualpipe-v' } },
    [['schedule', 'virtualStages'], 1, '2', 'dualpipe-v with 1 virtual stages on 2 stages'],
  ],
  [
    'torchtitan/schedule-supported',
    { strategy: { pipeline: 2, schedule: 'interleaved', virtualStages: 1 } },
    [['schedule', 'virtualStages'], 1, 'at least 2'],
  ],
  [
    'torchtitan/schedule-supported',
    { strategy: { pipeline: 2, schedule: '1f1b', virtualStages: 2 } },
    [['schedule', 'virtualStages'], 2, '1'],
  ],
  [
    'torchtitan/schedule-supported',
    { strategy: { schedule: 'zb-v', virtualStages: 2 } },
    [['schedule', 'virtualStages'], 2, '2'],
  ],
  [
    'torchtitan/micro-batch-rounds',
    { strategy: { pipeline: 4, data: 256 } },
    [['microBatchSize', 'data'], 2, 'at least 4', '2 micro-batches on 4 stages'],
  ],
  [
    'torchtitan/micro-batch-rounds',
    { strategy: { pipeline: 4, virtualStages: 2 }, training: { globalBatchSize: 11 } },
    [['microBatchSize', 'data'], 11, 'a multiple of 2', '11 micro-batches in 2 rounds'],
  ],
  ['torchtitan/micro-batch-rounds', { strategy: { pipeline: 4 }, training: { globalBatchSize: 11 } }, null],
  ['torchtitan/micro-batch-rounds', { strategy: { pipeline: 4 }, training: { globalBatchSize: 4 } }, null],
  [
    'torchtitan/tied-embeddings-pipeline',
    { model: tied, strategy: { pipeline: 2 } },
    [['pipeline'], 2, '1', 'tied embeddings in a pipeline'],
  ],
  ['torchtitan/tied-embeddings-pipeline', { model: tied }, null],
  [
    'torchtitan/sequence-parallel',
    { strategy: { tensor: 2 } },
    [['sequenceParallel'], 'false', 'true', 'tensor parallelism without sequence parallelism'],
  ],
  ['torchtitan/sequence-parallel', {}, null],
  [
    'torchtitan/context-communication',
    { strategy: { context: 2, contextCommunication: 'a2a' } },
    [['contextCommunication'], 'a2a', 'all-gather or p2p', 'heads cannot be exchanged'],
  ],
  ['torchtitan/context-communication', { strategy: { context: 2 } }, null],
  [
    'torchtitan/context-communication',
    { strategy: { context: 2, contextCommunication: 'all-gather' } },
    null,
  ],
  ['torchtitan/context-communication', { strategy: { contextCommunication: 'a2a' } }, null],
  [
    'torchtitan/sharding-supported',
    { strategy: { sharding: 'optimizer' } },
    [['sharding'], 'optimizer', 'none or gradients or parameters', 'the optimizer alone cannot be sharded'],
  ],
];

describe('both sides of every condition', () => {
  it.each(table.map(([id, given, blame], index) => [id, index, given, blame] as const))(
    '%s (%i)',
    (id, _, given, blame) => {
      const verdict = verdictOf(id, given);
      if (blame === null) {
        expect(verdict).toEqual({ ok: true });
        return;
      }
      const [at, found, expected, message] = blame;
      expect(verdict).toMatchObject({
        ok: false,
        at,
        found: String(found),
        ...(expected === undefined ? {} : { expected }),
        ...(message === undefined ? {} : { message }),
      });
    },
  );
});

describe('overlap of expert exchange names its first obstacle', () => {
  const base = { overlapExpert: true, expert: 4, data: 4, dispatcher: 'all-to-all' } as const;
  it.each<[string, Given, keyof Strategy, string]>([
    ['a dense model', { strategy: { ...base, expert: 1 } }, 'expert', 'without expert parallelism'],
    ['one expert rank', moe({ ...base, expert: 1 }), 'expert', 'without expert parallelism'],
    ['all-gather', moe({ ...base, dispatcher: 'all-gather' }), 'dispatcher', 'with all-gather'],
    [
      'a plain pipeline',
      moe({ ...base, pipeline: 2 }),
      'virtualStages',
      'in a pipeline without virtual stages',
    ],
    ['fp32', { ...moe(base), training: { precision: 'fp32' } }, 'overlapExpert', 'in fp32'],
    ['full', moe({ ...base, recompute: { kind: 'full' } }), 'recompute', 'with full recomputation'],
    [
      'moe again',
      moe({ ...base, ...recomputing('moe') }),
      'recompute',
      'with recomputation of the MoE layer',
    ],
    [
      'two prediction layers',
      { model: { ...deepseek, multiTokenPrediction: { layers: 2, kind: 1 } }, strategy: base },
      'overlapExpert',
      'with several multi-token prediction layers',
    ],
  ])('%s', (_, given, key, message) => {
    expect(verdictOf('megatron/overlap-expert', given)).toMatchObject({
      ok: false,
      at: ['overlapExpert', key],
      message: `overlap_expert ${message}`,
    });
  });
});

describe('what a GPU can do', () => {
  const all: readonly AcceleratorArchitecture[] = [
    'volta',
    'turing',
    'ampere',
    'ada',
    'hopper',
    'blackwell',
    'cdna2',
    'cdna3',
    'cdna4',
    'other',
  ];
  const able = (id: string, given: Given): readonly AcceleratorArchitecture[] =>
    all.filter((architecture) => verdictOf(id, { ...given, architecture }).ok);

  // NVIDIA: E4M3 tensor cores from Ada on, block scaling from Blackwell on. AMD: fp8 from CDNA 3, MX formats from CDNA 4.
  it.each<[Training['precision'], readonly AcceleratorArchitecture[]]>([
    ['fp8', ['ada', 'hopper', 'blackwell', 'cdna3', 'cdna4', 'other']],
    ['mxfp8', ['blackwell', 'cdna4', 'other']],
    ['nvfp4', ['blackwell', 'other']],
    ['bf16', all],
  ])('%s', (precision, want) => {
    expect(able('megatron/precision-architecture', { training: { precision } })).toEqual(want);
  });

  it.each<[Training['attentionKernel'], readonly AcceleratorArchitecture[]]>([
    ['unfused', all],
    ['flash2', ['ampere', 'ada', 'hopper', 'blackwell', 'cdna2', 'cdna3', 'cdna4', 'other']],
    ['flash3', ['hopper', 'blackwell', 'cdna2', 'cdna3', 'cdna4', 'other']],
  ])('%s attention', (attentionKernel, want) => {
    expect(able('megatron/attention-kernel-architecture', { training: { attentionKernel } })).toEqual(want);
  });

  it('old GPUs are told to write scores out, others to take the kernel before', () => {
    const expected = (architecture: AcceleratorArchitecture): Verdict =>
      verdictOf('megatron/attention-kernel-architecture', {
        training: { attentionKernel: 'flash3' },
        architecture,
      });
    expect(expected('turing')).toMatchObject({ ok: false, expected: 'unfused' });
    expect(expected('ampere')).toMatchObject({ ok: false, expected: 'flash2' });
  });

  it.each<[Strategy['dispatcher'], readonly AcceleratorArchitecture[]]>([
    ['deepep', ['ampere', 'hopper', 'blackwell', 'other']],
    ['hybridep', ['hopper', 'blackwell', 'other']],
    ['all-to-all', all],
  ])('%s', (dispatcher, want) => {
    expect(able('megatron/flex-dispatcher-architecture', moe({ dispatcher }))).toEqual(want);
  });
});
