import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { parse } from 'smol-toml';
import { describe, expect, it } from 'vitest';
import { parse as parseYaml } from 'yaml';
import { readModelPreset } from '../../src/ingest/model-presets.ts';
import type { Model } from '../../src/model/model.ts';
import type { RuntimeName, Training } from '../../src/plan/problem.ts';
import { completeStrategy } from '../../src/runtimes/complete.ts';
import { readDeepspeed } from '../../src/runtimes/deepspeed/read.ts';
import { emit, emitTargets, runtimeOfEmission } from '../../src/runtimes/emit.ts';
import {
  allRules,
  checkStrategy,
  latestVersion,
  rulesFor,
  runtimeNames,
  runtimeOf,
} from '../../src/runtimes/registry.ts';
import { parserRules } from '../../src/runtimes/megatron/checked-rules.ts';
import { argumentRules } from '../../src/runtimes/megatron/validate.ts';
import type { PartialStrategy } from '../../src/runtimes/runtime.ts';
import { readNanotron } from '../../src/runtimes/nanotron/read.ts';
import { readTorchtitan } from '../../src/runtimes/torchtitan/read.ts';
import { effectiveStrategy } from '../../src/strategy/effective.ts';
import type { Strategy } from '../../src/strategy/strategy.ts';
import { dataPath, hasData } from '../shared-data.ts';
import { clusterOf, planOf, problemOf, trainingOf } from '../strategies.ts';
import { strategyOf } from './sample.ts';

const llama = readModelPreset('llama3-8b').model;
const mixtral = readModelPreset('mixtral-8x7b').model;
const qwen = readModelPreset('qwen3-30b-a3b').model;

const complete = (runtime: RuntimeName, partial: PartialStrategy, model: Model, gpus = 64): Strategy =>
  completeStrategy(partial, { gpus, runtime: runtimeOf(runtime), version: latestVersion(runtime), model });

describe('defaults', () => {
  it('of Megatron: experts split as wide as the rest, nothing sharded, nothing overlapped', () => {
    expect(complete('megatron', { tensor: 4, pipeline: 2, expert: 8 }, mixtral)).toEqual(
      strategyOf({ tensor: 4, pipeline: 2, expert: 8, expertTensor: 4, data: 8, shardingGroup: 8 }),
    );
  });

  it('of a model without experts: expert axes of 1', () => {
    expect(complete('megatron', { tensor: 4 }, llama)).toMatchObject({
      expert: 1,
      expertTensor: 1,
      data: 16,
    });
  });

  it('follow what is given: schedule from virtual stages, groups from data and context', () => {
    const strategy = complete('megatron', { pipeline: 4, virtualStages: 2, context: 2 }, llama);
    expect(strategy).toMatchObject({
      schedule: 'interleaved',
      microBatchGroup: 4,
      data: 8,
      shardingGroup: 16,
    });
    expect(complete('megatron', { tensor: 8, pipeline: 16 }, llama).data).toBe(1);
    expect(complete('megatron', { sharding: 'optimizer', overlapGradients: true }, llama)).toMatchObject({
      sharding: 'optimizer',
      overlapGradients: true,
      overlapParameters: false,
    });
  });

  it('of torchtitan and FSDP: everything sharded; of the others nothing', () => {
    expect(runtimeNames.map((name) => [name, complete(name, {}, mixtral).sharding])).toEqual([
      ['megatron', 'none'],
      ['torchtitan', 'parameters'],
      ['nanotron', 'none'],
      ['deepspeed', 'none'],
      ['fsdp', 'parameters'],
    ]);
    expect(complete('torchtitan', { tensor: 2 }, mixtral)).toMatchObject({
      sequenceParallel: true,
      expertTensor: 2,
    });
    expect(complete('torchtitan', { tensor: 2, expert: 2 }, mixtral).expertTensor).toBe(1);
  });
});

describe('the registry', () => {
  it('gives the rules of a version, the same array each time', () => {
    expect(rulesFor('megatron', '0.20')).toBe(rulesFor('megatron', '0.20'));
    const ids = (version: string) => rulesFor('megatron', version).map(({ id }) => id);
    expect(ids('0.20')).toContain('megatron/query-groups-tensor');
    expect(ids('0.20')).not.toContain('megatron/query-groups-multiple');
    expect(ids('0.12')).toContain('megatron/uneven-partition-shape');
    expect(ids('0.13')).not.toContain('megatron/uneven-partition-shape');
  });

  it('names each rule once, and after its runtime', () => {
    const ids = [
      ...allRules().map(({ id }) => id),
      ...argumentRules.map(({ id }) => `megatron/${id}`),
      ...parserRules,
    ];
    expect(ids.filter((id, index) => ids.indexOf(id) !== index)).toEqual([]);
    for (const { id, runtime } of allRules()) expect(id.startsWith(`${runtime}/`)).toBe(true);
  });
});

interface Given {
  readonly strategy?: Partial<Strategy>;
  readonly model?: Model;
  readonly training?: Partial<Training>;
}

const broken = (runtime: RuntimeName, { strategy, model, training }: Given): string[] => {
  const whole = strategyOf({ ...runtimeOf(runtime).defaults('').flags, ...strategy });
  return checkStrategy({
    world: whole.tensor * whole.pipeline * whole.context * whole.data,
    perNode: 8,
    architecture: 'hopper',
    model: model ?? llama,
    training: trainingOf({ runtime: { name: runtime, version: latestVersion(runtime) }, ...training }),
    strategy: whole,
    partition: null,
  }).map(({ rule }) => rule.id.slice(runtime.length + 1));
};

describe('rules of the other runtimes', () => {
  const tied: Model = { ...llama, tiedEmbeddings: true };
  const table: readonly (readonly [RuntimeName, string, Given, Given])[] = [
    [
      'torchtitan',
      'sharding-group',
      { strategy: { data: 8, shardingGroup: 3 } },
      { strategy: { data: 8, shardingGroup: 4 } },
    ],
    [
      'torchtitan',
      'sharding-supported',
      { strategy: { sharding: 'optimizer' } },
      { strategy: { sharding: 'gradients' } },
    ],
    [
      'torchtitan',
      'expert-shards',
      { model: mixtral, strategy: { data: 4, expert: 8 } },
      { model: mixtral, strategy: { data: 4, tensor: 2, expert: 8 } },
    ],
    [
      'torchtitan',
      'expert-borrows',
      {
        model: mixtral,
        strategy: { data: 2, tensor: 4, expert: 2 },
        training: { runtime: { name: 'torchtitan', version: '2025' } },
      },
      { model: mixtral, strategy: { data: 2, tensor: 4, expert: 2 } },
    ],
    [
      'torchtitan',
      'expert-borrows',
      {
        model: mixtral,
        strategy: { data: 4, context: 4, tensor: 2, expert: 2, expertTensor: 2 },
        training: { runtime: { name: 'torchtitan', version: '2025' } },
      },
      {
        model: mixtral,
        strategy: { data: 4, context: 2, tensor: 2, expert: 2, expertTensor: 2 },
        training: { runtime: { name: 'torchtitan', version: '2025' } },
      },
    ],
    [
      'torchtitan',
      'expert-tensor',
      { model: mixtral, strategy: { data: 2, tensor: 4, expert: 2, expertTensor: 4 } },
      { model: mixtral, strategy: { data: 2, tensor: 4, expertTensor: 4 } },
    ],
    // 4 key-value heads: no copies as in Megatron.
    [
      'torchtitan',
      'heads-tensor',
      { model: qwen, strategy: { tensor: 8 } },
      { model: qwen, strategy: { tensor: 4 } },
    ],
    [
      'torchtitan',
      'experts-divisible',
      { model: mixtral, strategy: { data: 16, expert: 16 } },
      { model: mixtral, strategy: { data: 16, expert: 8 } },
    ],
    ['torchtitan', 'experts-divisible', { strategy: { data: 2, expert: 2 } }, { strategy: { data: 2 } }],
    [
      'torchtitan',
      'sequence-divisible',
      { strategy: { tensor: 2, context: 2 }, training: { sequenceLength: 4100 } },
      { strategy: { tensor: 2, context: 2 }, training: { sequenceLength: 4096 } },
    ],
    [
      'torchtitan',
      'schedule-supported',
      { strategy: { schedule: 'zb-h1' } },
      { strategy: { schedule: 'gpipe' } },
    ],
    [
      'torchtitan',
      'schedule-supported',
      { strategy: { pipeline: 2, schedule: 'zb-v' } },
      { strategy: { pipeline: 2, schedule: 'zb-v', virtualStages: 2 } },
    ],
    [
      'torchtitan',
      'schedule-supported',
      { strategy: { pipeline: 2, virtualStages: 2, schedule: '1f1b' } },
      { strategy: { pipeline: 2, virtualStages: 2 } },
    ],
    [
      'torchtitan',
      'micro-batch-rounds',
      { strategy: { pipeline: 4, data: 256 } },
      { strategy: { pipeline: 4, data: 128 } },
    ],
    [
      'torchtitan',
      'micro-batch-rounds',
      { strategy: { pipeline: 4, virtualStages: 2, data: 1 }, training: { globalBatchSize: 11 } },
      { strategy: { pipeline: 4, virtualStages: 2, data: 1 }, training: { globalBatchSize: 12 } },
    ],
    [
      'torchtitan',
      'tied-embeddings-pipeline',
      { model: tied, strategy: { pipeline: 2 } },
      { strategy: { pipeline: 2 } },
    ],
    ['torchtitan', 'vocabulary-supported', { strategy: { vocabulary: 'vocab-2' } }, {}],
    [
      'torchtitan',
      'sequence-parallel',
      { strategy: { tensor: 2, sequenceParallel: false } },
      { strategy: { tensor: 2 } },
    ],
    [
      'torchtitan',
      'recompute-supported',
      { strategy: { recompute: { kind: 'selective', modules: ['moe_act'] } } },
      { strategy: { recompute: { kind: 'selective', modules: ['core_attn'] } } },
    ],
    ['torchtitan', 'offload-supported', { strategy: { offload: 'optimizer' } }, {}],
    [
      'torchtitan',
      'context-communication',
      { strategy: { context: 2, contextCommunication: 'a2a' } },
      { strategy: { context: 2 } },
    ],
    [
      'nanotron',
      'no-expert-parallelism',
      { model: mixtral, strategy: { data: 2, expert: 2 } },
      { model: mixtral, strategy: { data: 2 } },
    ],
    ['nanotron', 'heads-tensor', { strategy: { tensor: 16 } }, { strategy: { tensor: 8 } }],
    [
      'nanotron',
      'micro-batches-pipeline',
      { strategy: { pipeline: 4, data: 256 } },
      { strategy: { pipeline: 3, data: 256 } },
    ],
    [
      'nanotron',
      'schedule-supported',
      { strategy: { schedule: 'zb-h1' } },
      { strategy: { schedule: 'gpipe' } },
    ],
    [
      'nanotron',
      'no-virtual-stages',
      { strategy: { pipeline: 2, virtualStages: 2 } },
      { strategy: { pipeline: 2 } },
    ],
    [
      'nanotron',
      'sharding-supported',
      { strategy: { sharding: 'parameters' } },
      { strategy: { sharding: 'optimizer' } },
    ],
    [
      'nanotron',
      'recompute-supported',
      { strategy: { recompute: { kind: 'full-block', layers: 1 } } },
      { strategy: { recompute: { kind: 'full' } } },
    ],
    ['nanotron', 'offload-supported', { strategy: { offload: 'optimizer' } }, {}],
    ['nanotron', 'vocabulary-supported', { strategy: { vocabulary: 'vocab-1' } }, {}],
    [
      'deepspeed',
      'zero-pipeline',
      { strategy: { pipeline: 2, sharding: 'gradients' } },
      { strategy: { pipeline: 2, sharding: 'optimizer' } },
    ],
    [
      'deepspeed',
      'zero-tensor',
      { strategy: { tensor: 2, sharding: 'parameters' } },
      { strategy: { tensor: 2, sharding: 'gradients' } },
    ],
    [
      'deepspeed',
      'expert-divides-data',
      { model: mixtral, strategy: { data: 4, expert: 8 } },
      { model: mixtral, strategy: { data: 8, expert: 8 } },
    ],
    [
      'deepspeed',
      'experts-divisible',
      { model: mixtral, strategy: { data: 16, expert: 16 } },
      { model: mixtral, strategy: { data: 16, expert: 4 } },
    ],
    ['deepspeed', 'heads-ranks', { strategy: { context: 64 } }, { strategy: { context: 32 } }],
    [
      'deepspeed',
      'context-communication',
      { strategy: { context: 2, contextCommunication: 'p2p' } },
      { strategy: { context: 2 } },
    ],
    ['deepspeed', 'schedule-supported', { strategy: { schedule: 'gpipe' } }, {}],
    [
      'deepspeed',
      'no-virtual-stages',
      { strategy: { pipeline: 2, virtualStages: 2 } },
      { strategy: { pipeline: 2 } },
    ],
    ['deepspeed', 'vocabulary-supported', { strategy: { vocabulary: 'vocab-1' } }, {}],
    ['fsdp', 'no-pipeline', { strategy: { pipeline: 2 } }, {}],
    ['fsdp', 'no-virtual-stages', { strategy: { virtualStages: 2 } }, {}],
    [
      'fsdp',
      'no-expert-parallelism',
      { model: mixtral, strategy: { data: 2, expert: 2 } },
      { model: mixtral, strategy: { data: 2 } },
    ],
    [
      'fsdp',
      'replicas-need-shards',
      { strategy: { tensor: 2, data: 4, sharding: 'none' } },
      { strategy: { tensor: 2, data: 4, shardingGroup: 2 } },
    ],
    [
      'fsdp',
      'replicas-need-shards',
      { strategy: { data: 4, shardingGroup: 3 } },
      { strategy: { data: 4, shardingGroup: 2 } },
    ],
    [
      'fsdp',
      'sharding-supported',
      { strategy: { sharding: 'optimizer' } },
      { strategy: { sharding: 'gradients' } },
    ],
    ['fsdp', 'heads-tensor', { strategy: { tensor: 16 } }, { strategy: { tensor: 8 } }],
    [
      'fsdp',
      'sequence-context',
      { strategy: { context: 4 }, training: { sequenceLength: 4100 } },
      { strategy: { context: 4 } },
    ],
    ['fsdp', 'schedule-supported', { strategy: { schedule: 'gpipe' } }, {}],
    ['fsdp', 'vocabulary-supported', { strategy: { vocabulary: 'vocab-1' } }, {}],
  ];

  it.each(table.map(([runtime, id, breaks, passes], index) => [runtime, id, index, breaks, passes] as const))(
    '%s/%s (%i)',
    (runtime, id, _, breaks, passes) => {
      expect(broken(runtime, breaks)).toContain(id);
      expect(broken(runtime, passes)).not.toContain(id);
    },
  );

  it('are all in the table', () => {
    const common =
      /\/(sizes|world-divisible|idle-gpus|batch-divisible|tensor-within-node|few-micro-batches|partition-shape)$/u;
    const tested = new Set(table.map(([runtime, id]) => `${runtime}/${id}`));
    const own = allRules().filter(({ id, runtime }) => runtime !== 'megatron' && !common.test(id));
    expect(own.map(({ id }) => id).filter((id) => !tested.has(id))).toEqual([]);
  });
});

const order = { hosts: null, devices: null };
const training = (name: RuntimeName, version: string): Training => trainingOf({ runtime: { name, version } });

describe('torchtitan', () => {
  const even = [
    [4, 4],
    [4, 4],
    [4, 4],
    [4, 4],
  ];
  const uneven = [[3], [5], [12], [12]];
  const base: Partial<Strategy> = {
    sharding: 'parameters',
    sequenceParallel: true,
    overlapGradients: true,
    overlapParameters: true,
    contextCommunication: 'all-gather',
    dispatcher: 'all-to-all',
  };
  it.each([
    ['all replicas sharded', { data: 8 }, [[32]], llama],
    ['copies of shards', { data: 8, shardingGroup: 4, tensor: 2 }, [[32]], llama],
    ['plain replicas', { data: 8, sharding: 'none' }, [[32]], llama],
    [
      'context, gradients sharded',
      { data: 4, context: 2, sharding: 'gradients', microBatchSize: 2 },
      [[32]],
      llama,
    ],
    ['uneven pipeline', { data: 2, pipeline: 4 }, uneven, llama],
    ['interleaved', { data: 2, pipeline: 4, virtualStages: 2, overlapTensor: true, tensor: 2 }, even, llama],
    [
      'V-shaped',
      { data: 2, pipeline: 4, virtualStages: 2, schedule: 'zb-v' },
      [
        [3, 5],
        [4, 4],
        [4, 4],
        [5, 3],
      ],
      llama,
    ],
    ['experts', { data: 8, expert: 8, recompute: { kind: 'full' } }, [[32]], mixtral],
  ] as const)('reads back: %s', (_, overrides, partition, model) => {
    const strategy = strategyOf({ ...base, ...overrides });
    const problem = problemOf(model, clusterOf('h100-sxm-80gb', 8), training('torchtitan', '2025'));
    const emission = emit(planOf(strategy, partition, order), problem, {
      target: 'torchtitan',
      launcher: 'torchrun',
    });
    expect(emission.unsupported).toBeNull();
    const toml = emission.files.find(({ name }) => name === 'train.toml')?.text ?? '';
    const world = strategy.tensor * strategy.pipeline * strategy.context * strategy.data;
    const reading = readTorchtitan(parse(toml), world);
    const completed = completeStrategy(reading.strategy, {
      gpus: world,
      runtime: runtimeOf('torchtitan'),
      version: '2025',
      model,
    });
    // What tensor ranks do to experts means nothing here.
    expect(effectiveStrategy(completed, false)).toEqual(effectiveStrategy(strategy, false));
    if (strategy.pipeline > 1) expect(reading.partition).toEqual(partition);
    expect(reading).toMatchObject({ sequenceLength: 4096, globalBatchSize: 512 });
  });

  it('writes overrides for current main, where TOML is gone', () => {
    const problem = problemOf(llama, clusterOf('h100-sxm-80gb', 1), training('torchtitan', '2026'));
    const plan = planOf(strategyOf({ ...base, data: 4, tensor: 2 }), [[32]], order);
    const emission = emit(plan, problem, { target: 'torchtitan', launcher: 'slurm' });
    expect(emission.files.map(({ name }) => name)).toEqual(['train.sh']);
    expect(emission.files[0]?.text).toContain('--parallelism.tensor_parallel_degree 2\n');
    // Token budgets instead of batches: one sequence of 4096 at a time, 512 of them in a step.
    expect(emission.files[0]?.text).toContain('--training.num_tokens_per_microbatch_per_dp_rank 4096\n');
    expect(emission.files[0]?.text).toContain('--training.num_tokens_per_train_step 2097152\n');
  });

  // deepseek_v3_671b.toml: shard degree −1 on 256 GPUs, local batch 4; llama3_405b: 128 GPUs, tensor 8, batch 2.
  it.skipIf(!hasData('launch', 'configs', 'torchtitan')).each([
    [
      'deepseek_v3_671b.toml',
      256,
      { tensor: 1, data: 256, sharding: 'parameters', shardingGroup: 256, microBatchSize: 4 },
      1024,
    ],
    ['llama3_405b_2025mid.toml', 128, { tensor: 8, data: 16, microBatchSize: 2, overlapTensor: true }, 32],
  ])('reads %s', (file, world, strategy, batch) => {
    const text = readFileSync(dataPath('launch', 'configs', 'torchtitan', file), 'utf8');
    const reading = readTorchtitan(parse(text), world);
    expect(reading.strategy).toMatchObject(strategy);
    expect(reading.globalBatchSize).toBe(batch);
  });

  it.each([
    null,
    1,
    'x',
    [],
    { parallelism: 3 },
    { parallelism: { tensor_parallel_degree: 'x', module_fqns_per_model_part: [1] } },
  ])('reads %j without complaint', (value) => {
    expect(readTorchtitan(value, 8).strategy.tensor).toBe(1);
  });
});

describe('DeepSpeed', () => {
  it.each([
    [
      'ZeRO-3 with offload',
      { data: 8, sharding: 'parameters', offload: 'optimizer', overlapGradients: true },
    ],
    ['ZeRO-3 in groups', { data: 16, sharding: 'parameters', shardingGroup: 8 }],
    ['ZeRO-1 with tensor ranks', { data: 4, tensor: 2, sharding: 'optimizer', microBatchSize: 4 }],
    ['Ulysses', { data: 4, context: 2, sharding: 'gradients', contextCommunication: 'a2a' }],
    ['a pipeline', { data: 4, pipeline: 2 }],
  ] as const)('reads back: %s', (_, overrides) => {
    const strategy = strategyOf({ contextCommunication: 'a2a', dispatcher: 'all-to-all', ...overrides });
    const problem = problemOf(llama, clusterOf('h100-sxm-80gb', 8), training('deepspeed', '0.18'));
    const partition = strategy.pipeline === 2 ? [[16], [16]] : [[32]];
    const emission = emit(planOf(strategy, partition, order), problem, {
      target: 'deepspeed',
      launcher: 'torchrun',
    });
    expect(emission.unsupported).toBeNull();
    const json: unknown = JSON.parse(
      emission.files.find(({ name }) => name === 'ds_config.json')?.text ?? '',
    );
    const world = strategy.tensor * strategy.pipeline * strategy.context * strategy.data;
    const reading = readDeepspeed(json, world, strategy.pipeline);
    const completed = completeStrategy(reading.strategy, {
      gpus: world,
      runtime: runtimeOf('deepspeed'),
      version: '0.18',
      model: llama,
    });
    expect(completed).toEqual(strategy);
    expect(reading).toMatchObject({ precision: 'bf16', globalBatchSize: 512 });
    expect(reading.accumulationSteps).toBe(512 / (strategy.data * strategy.microBatchSize));
    if (strategy.pipeline > 1)
      expect(emission.notCarried).toEqual([
        expect.objectContaining({
          part: 'partition',
          text: expect.stringContaining('layers 16 16') as string,
        }),
      ]);
  });

  it('says what needs code', () => {
    const strategy = strategyOf({
      data: 8,
      expert: 8,
      recompute: { kind: 'full' },
      contextCommunication: 'a2a',
      sharding: 'gradients',
      shardingGroup: 4,
    });
    const problem = problemOf(mixtral, clusterOf('h100-sxm-80gb', 1), {
      ...training('deepspeed', '0.18'),
      precision: 'fp8',
    });
    const notes = emit(planOf(strategy, [[32]], order), problem, {
      target: 'deepspeed',
      launcher: 'torchrun',
    })
      .notCarried.map(({ text }) => text)
      .join(' ');
    for (const part of ['ep_size=8', 'checkpoint()', 'no fp8', 'groups of 4 cannot'])
      expect(notes).toContain(part);
  });

  it('works out the third batch key', () => {
    expect(
      readDeepspeed({ train_batch_size: 64, gradient_accumulation_steps: 2 }, 8).strategy.microBatchSize,
    ).toBe(4);
    expect(
      readDeepspeed({ train_batch_size: 64, train_micro_batch_size_per_gpu: 4 }, 8).accumulationSteps,
    ).toBe(2);
    expect(
      readDeepspeed({ train_micro_batch_size_per_gpu: 4, gradient_accumulation_steps: 2 }, 8).globalBatchSize,
    ).toBe(64);
    expect(readDeepspeed({ train_batch_size: 'auto' }, 8)).toMatchObject({
      globalBatchSize: null,
      precision: 'fp32',
    });
    expect(readDeepspeed(null, 8).strategy).toMatchObject({ sharding: 'none', data: 8 });
  });

  it.skipIf(!hasData('launch', 'configs', 'deepspeed')).each([
    ['zero1.json', 'optimizer', 'none'],
    ['zero2.json', 'gradients', 'optimizer'],
    ['zero3_bf16.json', 'parameters', 'none'],
    ['zero3_bf16_cpuoffload_all.json', 'parameters', 'optimizer'],
  ])('reads %s', (file, sharding, offload) => {
    const json: unknown = JSON.parse(readFileSync(dataPath('launch', 'configs', 'deepspeed', file), 'utf8'));
    expect(readDeepspeed(json, 8).strategy).toMatchObject({ sharding, offload });
  });
});

describe('nanotron', () => {
  it.each([
    ['tensor ranks that scatter', { tensor: 4, data: 8, sequenceParallel: true, overlapTensor: true }],
    [
      'a pipeline of all forward, all backward',
      { pipeline: 4, data: 4, schedule: 'gpipe', sharding: 'optimizer' },
    ],
    ['recomputation and context', { context: 2, data: 4, recompute: { kind: 'full' }, microBatchSize: 4 }],
  ] as const)('reads back: %s', (_, overrides) => {
    const strategy = strategyOf({ overlapGradients: true, dispatcher: 'all-to-all', ...overrides });
    const problem = problemOf(llama, clusterOf('h100-sxm-80gb', 8), training('nanotron', '0.5'));
    const partition = Array.from({ length: strategy.pipeline }, () => [32 / strategy.pipeline]);
    const emission = emit(planOf(strategy, partition, order), problem, {
      target: 'nanotron',
      launcher: 'torchrun',
    });
    expect(emission.unsupported).toBeNull();
    const yaml: unknown = parseYaml(emission.files.find(({ name }) => name === 'plan.yaml')?.text ?? '');
    const reading = readNanotron(yaml);
    const world = strategy.tensor * strategy.pipeline * strategy.context * strategy.data;
    expect(reading).toMatchObject({ world, sequenceLength: 4096, globalBatchSize: 512 });
    const completed = completeStrategy(reading.strategy, {
      gpus: world,
      runtime: runtimeOf('nanotron'),
      version: '0.5',
      model: llama,
    });
    expect(completed).toEqual(strategy);
  });

  // config_tiny_llama.yaml: tp 2, dp 4, micro-batches of 3, one of them per replica.
  it.skipIf(!hasData('launch', 'configs', 'nanotron'))('reads its tiny example', () => {
    const text = readFileSync(dataPath('launch', 'configs', 'nanotron', 'config_tiny_llama.yaml'), 'utf8');
    expect(readNanotron(parseYaml(text))).toMatchObject({
      world: 8,
      sequenceLength: 4096,
      globalBatchSize: 12,
      strategy: { tensor: 2, data: 4, microBatchSize: 3, sequenceParallel: true, sharding: 'none' },
    });
  });

  it.each([null, 3, [], { parallelism: [] }, { tokens: { micro_batch_size: 'x' } }])(
    'reads %j without complaint',
    (value) => {
      expect(readNanotron(value)).toMatchObject({ world: 1, globalBatchSize: null });
    },
  );
});

describe('scripts of all targets', () => {
  const plan = planOf(
    strategyOf({ data: 16, sequenceParallel: true, sharding: 'none', dispatcher: 'all-to-all' }),
    [[32]],
    {
      hosts: [1, 0],
      devices: [
        [1, 0, 2, 3, 4, 5, 6, 7],
        [0, 1, 2, 3, 4, 5, 6, 7],
      ],
    },
  );
  const scripts = emitTargets.flatMap((target) =>
    (['torchrun', 'slurm'] as const).map((launcher) => {
      const runtime = target === 'accelerate' ? 'fsdp' : runtimeOfEmission(target, 'megatron');
      const problem = problemOf(
        llama,
        clusterOf('h100-sxm-80gb', 2, true),
        training(runtime, latestVersion(runtime)),
      );
      const emission = emit(plan, problem, { target, launcher });
      return { name: `${target} ${launcher}`, text: emission.files[0]?.text ?? emission.unsupported ?? '' };
    }),
  );

  it.each(scripts)('$name is bash that ends in the call of its one function', ({ text }) => {
    expect(spawnSync('bash', ['-n'], { input: text }).status).toBe(0);
    expect(text.trimEnd().split('\n').at(-1)).toBe('launch "$@"');
    expect(text).toMatch(/--rdzv[-_]backend static/u);
    expect(text).not.toContain('c10d');
  });

  it.skipIf(spawnSync('shellcheck', ['--version']).error !== undefined).each(scripts)(
    '$name passes ShellCheck',
    ({ text }) => {
      expect(spawnSync('shellcheck', ['-f', 'gcc', '-'], { input: text, encoding: 'utf8' }).stdout).toBe('');
    },
  );
});

describe('emission', () => {
  it('for a runtime whose rules refuse the plan gives reasons and no files', () => {
    const problem = problemOf(llama, clusterOf('h100-sxm-80gb', 1), training('megatron', '0.20'));
    const plan = planOf(strategyOf({ data: 8, sharding: 'optimizer' }), [[32]], order);
    const emission = emit(plan, problem, { target: 'torchtitan', launcher: 'torchrun' });
    expect(emission.files).toEqual([]);
    expect(emission.unsupported).toContain('torchtitan/sharding-supported');
  });
});
