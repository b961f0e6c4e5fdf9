/** Each rule of Megatron: one strategy that breaks it and a near one that passes, both worked out by hand. */
import { describe, expect, it } from 'vitest';
import { readModelPreset } from '../../src/ingest/model-presets.ts';
import type { AcceleratorArchitecture } from '../../src/cluster/cluster.ts';
import type { Model, MoeFeedForward } from '../../src/model/model.ts';
import type { Training } from '../../src/plan/problem.ts';
import { megatron } from '../../src/runtimes/megatron/runtime.ts';
import type { RuleContext } from '../../src/runtimes/rule.ts';
import type { Partition, Strategy } from '../../src/strategy/strategy.ts';
import { trainingOf } from '../strategies.ts';
import { strategyOf } from './sample.ts';

const preset = (name: string): Model => readModelPreset(name).model;
/** 32 layers, 32 heads, 8 key-value heads, width 14336, vocabulary 128256. */
const llama = preset('llama3-8b');
/** 56 layers, 48 heads, 8 key-value heads, 8 experts of width 16384. */
const mixtral = preset('mixtral-8x22b');
/** 61 layers, 128 heads, latent attention, 256 experts in 8 groups of which 4, one prediction layer. */
const deepseek = preset('deepseek-v3');
/** Sliding windows, sinks, biases in 32 experts. */
const gptOss = preset('gpt-oss-20b');
/** 16 key and 32 value heads of Gated DeltaNet. */
const qwenNext = preset('qwen3-next-80b-a3b');
/** 64 Mamba heads in 8 groups. */
const nemotron = preset('nemotron-3-nano-30b-a3b');

interface Given {
  readonly strategy?: Partial<Strategy>;
  readonly model?: Model;
  readonly training?: Partial<Training>;
  readonly architecture?: AcceleratorArchitecture;
  readonly partition?: Partition;
  readonly world?: number;
}

const contextFor = ({ strategy, model, training, architecture, partition, world }: Given): RuleContext => {
  const whole = strategyOf(strategy);
  return {
    world: world ?? whole.tensor * whole.pipeline * whole.context * whole.data,
    perNode: 8,
    architecture: architecture ?? 'hopper',
    model: model ?? llama,
    training: trainingOf(training),
    strategy: whole,
    partition: partition ?? null,
  };
};

const withExperts = (model: Model, change: Partial<MoeFeedForward>): Model => ({
  ...model,
  kinds: model.kinds.map((kind) =>
    kind.feedForward.kind === 'moe' ? { ...kind, feedForward: { ...kind.feedForward, ...change } } : kind,
  ),
});

const low = { name: 'adam', states: 'bf16', gradients: 'fp32', mainParameters: 'fp32' } as const;
const overlapped = {
  overlapExpert: true,
  expert: 4,
  data: 4,
  dispatcher: 'all-to-all',
} as const satisfies Partial<Strategy>;
const moe = (strategy: Partial<Strategy>): Given => ({ model: mixtral, strategy });

/** id, what breaks it, what passes it. */
const table: readonly (readonly [string, Given, Given])[] = [
  ['sizes', { strategy: { microBatchSize: 0 } }, { strategy: { microBatchSize: 2 } }],
  ['sizes', { strategy: { data: 1.5 } }, { strategy: { data: 2 } }],
  [
    'world-divisible',
    { strategy: { tensor: 4, data: 3 }, world: 11 },
    { strategy: { tensor: 4, data: 3 }, world: 12 },
  ],
  ['batch-divisible', { strategy: { data: 3 } }, { strategy: { data: 4 } }],
  ['expert-grid', moe({ data: 6, expert: 4 }), moe({ data: 8, expert: 4 })],
  [
    'expert-grid',
    moe({ tensor: 2, data: 2, expert: 4, expertTensor: 2 }),
    moe({ tensor: 2, data: 2, expert: 4 }),
  ],
  [
    'expert-grid-pipeline-inner',
    moe({ rankOrder: 'tp-cp-ep-pp-dp', pipeline: 2, data: 4, expert: 2 }),
    moe({ rankOrder: 'tp-cp-ep-pp-dp', pipeline: 2, data: 4, tensor: 2, expert: 2 }),
  ],
  [
    'expert-grid-data',
    moe({ tensor: 2, data: 4, expert: 2, expertTensor: 2 }),
    moe({ tensor: 2, data: 4, expert: 2 }),
  ],
  [
    'optimizer-instances',
    { strategy: { sharding: 'optimizer', data: 8, shardingGroup: 3 } },
    { strategy: { sharding: 'optimizer', data: 8, shardingGroup: 4 } },
  ],
  [
    'optimizer-instances',
    moe({ sharding: 'optimizer', data: 8, shardingGroup: 4, expert: 8 }),
    moe({ sharding: 'optimizer', data: 8, shardingGroup: 4, expert: 4 }),
  ],
  ['schedule-supported', { strategy: { schedule: 'zb-h1' } }, { strategy: { schedule: '1f1b' } }],
  [
    'schedule-supported',
    { strategy: { pipeline: 2, virtualStages: 2, schedule: '1f1b' } },
    { strategy: { pipeline: 2, virtualStages: 2 } },
  ],
  ['vocabulary-supported', { strategy: { vocabulary: 'vocab-1' } }, {}],
  [
    'virtual-needs-pipeline',
    { strategy: { virtualStages: 2 } },
    { strategy: { virtualStages: 2, pipeline: 2 } },
  ],
  // 512 sequences over 64 replicas: 8 micro-batches.
  [
    'micro-batch-group',
    { strategy: { pipeline: 3, virtualStages: 2, data: 64 } },
    { strategy: { pipeline: 4, virtualStages: 2, data: 64 } },
  ],
  [
    'micro-batch-group',
    { strategy: { pipeline: 4, virtualStages: 2, data: 64, microBatchGroup: 3 } },
    { strategy: { pipeline: 4, virtualStages: 2, data: 64, microBatchGroup: 8 } },
  ],
  [
    'micro-batch-group',
    { strategy: { pipeline: 4, virtualStages: 2, data: 64, microBatchGroup: 9 } },
    { strategy: { pipeline: 3, virtualStages: 2, data: 64, microBatchGroup: 5 } },
  ],
  [
    'layers-divisible',
    { strategy: { pipeline: 3 } },
    { strategy: { pipeline: 3 }, partition: [[11], [11], [10]] },
  ],
  [
    'layers-virtual-divisible',
    { strategy: { pipeline: 4, virtualStages: 3 } },
    { strategy: { pipeline: 4, virtualStages: 2 } },
  ],
  [
    'partition-shape',
    { strategy: { pipeline: 2 }, partition: [[16], [15]] },
    { strategy: { pipeline: 2 }, partition: [[17], [15]] },
  ],
  [
    'partition-shape',
    {
      strategy: { pipeline: 2 },
      partition: [
        [8, 8],
        [8, 8],
      ],
    },
    {
      strategy: { pipeline: 2, virtualStages: 2 },
      partition: [
        [8, 8],
        [8, 8],
      ],
    },
  ],
  ['heads-tensor', { strategy: { tensor: 3 } }, { strategy: { tensor: 16 } }],
  [
    'query-groups-heads',
    {
      model: {
        ...llama,
        kinds: llama.kinds.map((kind) => ({
          ...kind,
          mixer: { ...kind.mixer, kvHeads: 12 } as typeof kind.mixer,
        })),
      },
    },
    {},
  ],
  ['query-groups-tensor', { strategy: { tensor: 12 } }, { strategy: { tensor: 16 } }],
  [
    'delta-net-heads',
    { model: qwenNext, strategy: { tensor: 4, context: 8 } },
    { model: qwenNext, strategy: { tensor: 4, context: 4 } },
  ],
  [
    'mamba-heads',
    { model: nemotron, strategy: { tensor: 16 } },
    { model: nemotron, strategy: { tensor: 8 } },
  ],
  ['feed-forward-tensor', { strategy: { tensor: 3 } }, { strategy: { tensor: 4 } }],
  ['feed-forward-tensor', moe({ expertTensor: 3 }), moe({ expertTensor: 4 })],
  [
    'sequence-needs-tensor',
    { strategy: { sequenceParallel: true } },
    { strategy: { sequenceParallel: true, tensor: 2 } },
  ],
  [
    'sequence-tensor-divisible',
    { strategy: { sequenceParallel: true, tensor: 4 }, training: { sequenceLength: 4098 } },
    { strategy: { sequenceParallel: true, tensor: 4 } },
  ],
  [
    'sequence-context',
    { strategy: { context: 4 }, training: { sequenceLength: 4100 } },
    { strategy: { context: 4 }, training: { sequenceLength: 4104 } },
  ],
  [
    'context-all-to-all-heads',
    { strategy: { context: 16, contextCommunication: 'a2a' } },
    { strategy: { context: 8, contextCommunication: 'a2a' } },
  ],
  [
    'context-all-to-all-heads',
    { strategy: { context: 4, tensor: 4, contextCommunication: 'a2a' } },
    { strategy: { context: 4, tensor: 2, contextCommunication: 'a2a' } },
  ],
  [
    'context-all-to-all-heads',
    { strategy: { context: 16, tensor: 2, contextCommunication: 'a2a+p2p' } },
    { strategy: { context: 16, contextCommunication: 'a2a+p2p' } },
  ],
  [
    'context-hierarchy',
    { strategy: { context: 2, contextCommunication: 'a2a+p2p' } },
    { strategy: { context: 4, contextCommunication: 'a2a+p2p' } },
  ],
  [
    'context-window',
    { model: gptOss, strategy: { context: 2 } },
    { model: gptOss, strategy: { context: 2, contextCommunication: 'a2a' } },
  ],
  [
    'context-sinks',
    { model: gptOss, strategy: { context: 2, contextCommunication: 'all-gather' } },
    { model: gptOss, strategy: { context: 2, contextCommunication: 'a2a' } },
  ],
  [
    'context-sparse-indexer',
    { model: preset('deepseek-v3.2'), strategy: { context: 2 } },
    { model: preset('deepseek-v3.2'), strategy: { context: 2, contextCommunication: 'all-gather' } },
  ],
  ['expert-without-experts', { strategy: { data: 2, expert: 2 } }, moe({ data: 2, expert: 2 })],
  ['experts-divisible', moe({ data: 16, expert: 16 }), moe({ data: 16, expert: 8 })],
  ['experts-need-sequence-parallel', moe({ tensor: 2 }), moe({ tensor: 2, sequenceParallel: true })],
  [
    'expert-bias-tensor',
    { model: gptOss, strategy: { tensor: 2, expertTensor: 2 } },
    { model: gptOss, strategy: { tensor: 2 } },
  ],
  ['flex-dispatcher-ranks', moe({ dispatcher: 'deepep' }), moe({ dispatcher: 'deepep', data: 2, expert: 2 })],
  [
    'flex-dispatcher-architecture',
    { ...moe({ dispatcher: 'hybridep', data: 2, expert: 2 }), architecture: 'ampere' },
    moe({ dispatcher: 'hybridep', data: 2, expert: 2 }),
  ],
  [
    'flex-dispatcher-architecture',
    { ...moe({ dispatcher: 'deepep', data: 2, expert: 2 }), architecture: 'volta' },
    { ...moe({ dispatcher: 'deepep', data: 2, expert: 2 }), architecture: 'ampere' },
  ],
  ['hybridep-version', moe({ dispatcher: 'hybridep' }), moe({ dispatcher: 'deepep' })],
  [
    'expert-group-routing',
    { model: withExperts(deepseek, { groups: { count: 7, limit: 4 } }) },
    { model: deepseek },
  ],
  [
    'recompute-layers',
    { strategy: { recompute: { kind: 'full-block', layers: 9 }, pipeline: 4 } },
    { strategy: { recompute: { kind: 'full-block', layers: 8 }, pipeline: 4 } },
  ],
  [
    'recompute-layers',
    { strategy: { recompute: { kind: 'full-uniform', layers: 0 } } },
    { strategy: { recompute: { kind: 'full-uniform', layers: 32 } } },
  ],
  [
    'recompute-modules-version',
    { strategy: { recompute: { kind: 'selective', modules: ['mlp'] } } },
    { strategy: { recompute: { kind: 'selective', modules: ['core_attn'] } } },
  ],
  [
    'recompute-activation-grouped',
    { strategy: { recompute: { kind: 'selective', modules: ['moe_act'] } } },
    moe({ recompute: { kind: 'selective', modules: ['moe_act'] } }),
  ],
  [
    'recompute-activation-grouped',
    { ...moe({ recompute: { kind: 'selective', modules: ['moe_act'] } }), training: { precision: 'fp16' } },
    moe({ recompute: { kind: 'selective', modules: ['moe_act'] } }),
  ],
  [
    'recompute-latent',
    { strategy: { recompute: { kind: 'selective', modules: ['mla_up_proj'] } } },
    { model: deepseek, strategy: { recompute: { kind: 'selective', modules: ['mla_up_proj'] } } },
  ],
  [
    'recompute-shared-experts',
    moe({ recompute: { kind: 'selective', modules: ['shared_experts'] } }),
    { model: deepseek, strategy: { recompute: { kind: 'selective', modules: ['shared_experts'] } } },
  ],
  [
    'recompute-shared-experts',
    { strategy: { recompute: { kind: 'selective', modules: ['moe'] } } },
    { strategy: { recompute: { kind: 'selective', modules: ['mlp'] } } },
  ],
  [
    'recompute-shared-experts-in-moe',
    moe({ recompute: { kind: 'selective', modules: ['moe', 'moe_act'] } }),
    moe({ recompute: { kind: 'selective', modules: ['layernorm', 'moe'] } }),
  ],
  [
    'overlap-tensor-sequence',
    { strategy: { overlapTensor: true, tensor: 2 } },
    { strategy: { overlapTensor: true, tensor: 2, sequenceParallel: true } },
  ],
  [
    'overlap-parameters-optimizer',
    { strategy: { overlapParameters: true, overlapGradients: true } },
    { strategy: { overlapParameters: true, overlapGradients: true, sharding: 'optimizer' } },
  ],
  [
    'overlap-parameters-gradients',
    { strategy: { overlapParameters: true, sharding: 'optimizer' } },
    { strategy: { overlapParameters: true, overlapGradients: true, sharding: 'optimizer' } },
  ],
  ['overlap-expert-version', moe({ overlapExpert: true }), moe({})],
  ['overlap-expert', moe({ ...overlapped, expert: 1 }), moe(overlapped)],
  [
    'overlap-expert',
    moe({ ...overlapped, dispatcher: 'all-gather' }),
    moe({ ...overlapped, dispatcher: 'deepep' }),
  ],
  [
    'overlap-expert',
    moe({ ...overlapped, pipeline: 2 }),
    moe({ ...overlapped, pipeline: 2, virtualStages: 2 }),
  ],
  [
    'overlap-expert',
    { ...moe(overlapped), training: { precision: 'fp32' } },
    { ...moe(overlapped), training: { precision: 'fp16' } },
  ],
  [
    'overlap-expert',
    moe({ ...overlapped, recompute: { kind: 'full' } }),
    moe({ ...overlapped, recompute: { kind: 'selective', modules: ['moe_act'] } }),
  ],
  [
    'overlap-expert',
    moe({ ...overlapped, recompute: { kind: 'selective', modules: ['moe'] } }),
    moe({ ...overlapped, recompute: { kind: 'selective', modules: ['layernorm'] } }),
  ],
  [
    'overlap-expert',
    { model: { ...deepseek, multiTokenPrediction: { layers: 2, kind: 1 } }, strategy: overlapped },
    { model: deepseek, strategy: overlapped },
  ],
  [
    'offload-sharded-optimizer',
    { strategy: { offload: 'optimizer' } },
    { strategy: { offload: 'optimizer', sharding: 'optimizer' } },
  ],
  [
    'precision-aware-optimizer',
    { training: { optimizer: low } },
    { training: { optimizer: low }, strategy: { sharding: 'optimizer' } },
  ],
  [
    'optimizer-main-parameters',
    { training: { optimizer: { ...low, mainParameters: 'bf16' } } },
    { training: { optimizer: { ...low, mainParameters: 'fp16' } } },
  ],
  ['fsdp-version', { strategy: { sharding: 'parameters' } }, { strategy: { sharding: 'optimizer' } }],
  [
    'fsdp-optimizer',
    { strategy: { sharding: 'gradients' }, training: { optimizer: { ...low, name: 'muon' } } },
    { strategy: { sharding: 'gradients' } },
  ],
  [
    'fsdp-rank-order',
    { strategy: { sharding: 'parameters', rankOrder: 'tp-cp-ep-pp-dp' } },
    { strategy: { sharding: 'optimizer', rankOrder: 'tp-cp-ep-pp-dp' } },
  ],
  [
    'fsdp-pipeline',
    { strategy: { sharding: 'parameters', pipeline: 2 } },
    { strategy: { sharding: 'parameters' } },
  ],
  [
    'precision-architecture',
    { training: { precision: 'fp8' }, architecture: 'ampere' },
    { training: { precision: 'fp8' } },
  ],
  [
    'precision-architecture',
    { training: { precision: 'mxfp8' } },
    { training: { precision: 'mxfp8' }, architecture: 'blackwell' },
  ],
  [
    'positions',
    { model: preset('gpt3-175b'), training: { sequenceLength: 4096 } },
    { model: preset('gpt3-175b'), training: { sequenceLength: 2048 } },
  ],
  [
    'padded-vocabulary',
    { model: { ...llama, vocabularySize: 50_000 }, strategy: { tensor: 16 } },
    { strategy: { tensor: 8 } },
  ],
  [
    'attention-kernel-architecture',
    { training: { attentionKernel: 'flash3' }, architecture: 'ampere' },
    { training: { attentionKernel: 'flash2' }, architecture: 'ampere' },
  ],
  [
    'attention-kernel-architecture',
    { training: { attentionKernel: 'flash2' }, architecture: 'volta' },
    { training: { attentionKernel: 'unfused' }, architecture: 'volta' },
  ],
  ['tensor-within-node', { strategy: { tensor: 16 } }, { strategy: { tensor: 8 } }],
  ['few-micro-batches', { strategy: { pipeline: 16, data: 64 } }, { strategy: { pipeline: 8, data: 64 } }],
  ['idle-gpus', { strategy: { data: 3 }, world: 4 }, { strategy: { data: 4 }, world: 4 }],
  [
    'uneven-partition-shape',
    { strategy: { pipeline: 4 }, partition: [[8], [9], [7], [8]] },
    { strategy: { pipeline: 4 }, partition: [[7], [8], [8], [9]] },
  ],
  ['query-groups-multiple', { strategy: { tensor: 16 } }, { strategy: { tensor: 8 } }],
];

const ruleOf = (id: string) => {
  const rule = megatron.rules.find((one) => one.id === `megatron/${id}`);
  if (rule === undefined) throw new Error(`no rule ${id}`);
  return rule;
};

describe('each rule of Megatron', () => {
  it.each(table.map(([id, breaks, passes], index) => [id, index, breaks, passes] as const))(
    '%s (%i)',
    (id, _, breaks, passes) => {
      const verdict = ruleOf(id).check(contextFor(breaks));
      expect(verdict.ok).toBe(false);
      if (!verdict.ok) {
        expect(verdict.message).not.toBe('');
        expect(verdict.found).not.toBe('');
        expect(verdict.expected).not.toBe('');
        // Keys at fault are among those that the rule says it reads.
        expect(ruleOf(id).reads).toEqual(expect.arrayContaining([...verdict.at]));
      }
      expect(ruleOf(id).check(contextFor(passes))).toEqual({ ok: true });
    },
  );

  it('is in the table', () => {
    const tested = new Set(table.map(([id]) => `megatron/${id}`));
    expect(megatron.rules.filter(({ id }) => !tested.has(id)).map(({ id }) => id)).toEqual([]);
  });

  it('has an id of its own, a reason and a source', () => {
    expect(new Set(megatron.rules.map(({ id }) => id)).size).toBe(megatron.rules.length);
    for (const { id, why, source, runtime } of megatron.rules) {
      expect(id).toMatch(/^megatron\/[a-z0-9-]+$/u);
      expect(why.length).toBeGreaterThan(10);
      expect(source).toContain(' @ ');
      expect(runtime).toBe('megatron');
    }
  });

  it('reads no key that it does not declare', () => {
    for (const rule of megatron.rules)
      for (const [, breaks, passes] of table)
        for (const given of [breaks, passes]) {
          const context = contextFor(given);
          const read = new Set<string>();
          const strategy = new Proxy(context.strategy, {
            get: (target, key, receiver): unknown => {
              if (typeof key === 'string') read.add(key);
              return Reflect.get(target, key, receiver);
            },
          });
          rule.check({ ...context, strategy });
          expect(rule.reads, rule.id).toEqual(expect.arrayContaining([...read]));
        }
  });
});
