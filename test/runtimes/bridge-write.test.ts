/** Overrides of Megatron-Bridge's recipes, as its own translator of Megatron-LM's flags writes them. */
import { describe, expect, it } from 'vitest';
import { readModelPreset } from '../../src/ingest/model-presets.ts';
import type { Training } from '../../src/plan/problem.ts';
import { emit } from '../../src/runtimes/emit.ts';
import type { Emission } from '../../src/runtimes/emit-types.ts';
import type { Partition, Strategy } from '../../src/strategy/strategy.ts';
import { clusterOf, planOf, problemOf, trainingOf } from '../strategies.ts';
import { emitted, fileOf, writers } from './emission.ts';
import { bridgeConfigKeys } from './known-keys.ts';
import { strategyOf } from './sample.ts';

interface Given {
  readonly model?: string;
  readonly strategy?: Partial<Strategy>;
  readonly partition?: Partition;
  readonly training?: Partial<Training>;
}

const emission = ({ model = 'llama3-8b', strategy, partition, training }: Given, only = true): Emission => {
  const preset = readModelPreset(model).model;
  const problem = problemOf(preset, clusterOf('h100-sxm-80gb', 8), trainingOf(training));
  const plan = planOf(strategyOf(strategy), partition ?? [[preset.layers.length]], {
    hosts: null,
    devices: null,
  });
  return emit(plan, problem, {
    target: 'bridge',
    launcher: 'torchrun',
    ...(only ? { only: 'flags' as const } : {}),
  });
};

const lines = (given: Given): readonly string[] => {
  const made = emission(given);
  expect(made.unsupported).toBeNull();
  return (made.files[0]?.text ?? '').trim().split('\n');
};

const stages = (pipeline: number, layers: number): Partition =>
  Array.from({ length: pipeline }, () => [layers]);

describe('overrides', () => {
  // --swiglu, --disable-bias-linear and --untie-embeddings-and-output-weights in docs/megatron-lm-to-megatron-bridge.md.
  it('state layout, batch and the sizes of a plain model', () => {
    expect(
      lines({
        strategy: { tensor: 4, pipeline: 2, data: 8, sequenceParallel: true, sharding: 'optimizer' },
        partition: stages(2, 16),
      }),
    ).toEqual(
      expect.arrayContaining([
        'mixed_precision=bf16_mixed',
        'model.tensor_model_parallel_size=4',
        'model.pipeline_model_parallel_size=2',
        'model.context_parallel_size=1',
        'model.sequence_parallel=true',
        'train.micro_batch_size=1',
        'train.global_batch_size=512',
        'ddp.use_distributed_optimizer=true',
        'optimizer.use_distributed_optimizer=true',
        'model.num_layers=32',
        'model.num_query_groups=8',
        'model.gated_linear_unit=true',
        'model.activation_func=silu',
        'model.add_bias_linear=false',
        'model.share_embeddings_and_output_weights=false',
      ]),
    );
  });

  it('say what the plan leaves off, since a recipe may have it on', () => {
    expect(lines({ strategy: { data: 64 } })).toEqual(
      expect.arrayContaining([
        'model.virtual_pipeline_model_parallel_size=null',
        'model.pipeline_model_parallel_layout=null',
        'model.sequence_parallel=false',
        'model.recompute_granularity=null',
        'ddp.overlap_grad_reduce=false',
        'ddp.overlap_param_gather=false',
        'ddp.use_distributed_optimizer=false',
        'optimizer.optimizer_cpu_offload=false',
        'dist.use_tp_pp_dp_mapping=false',
      ]),
    );
  });

  it('quote a layout for the grammar of overrides, and the whole for the shell', () => {
    expect(lines({ strategy: { pipeline: 4, data: 16 }, partition: [[7], [9], [8], [8]] })).toContain(
      `'model.pipeline_model_parallel_layout="Et*7|t*9|t*8|t*8L"'`,
    );
  });

  it('write lists: modules, sizes of context groups, layers with experts', () => {
    const made = lines({
      strategy: {
        context: 8,
        data: 8,
        contextCommunication: 'a2a+p2p',
        recompute: { kind: 'selective', modules: ['core_attn', 'mlp'] },
      },
    });
    expect(made).toContain("'model.recompute_modules=[core_attn,mlp]'");
    expect(made).toContain("'model.hierarchical_context_parallel_sizes=[4,2]'");
  });

  it('turn sequence parallelism of one rank off: Bridge raises where Megatron-LM switches it off', () => {
    expect(lines({ strategy: { data: 64, sequenceParallel: true } })).toContain(
      'model.sequence_parallel=false',
    );
  });

  it('leave the model of other kinds to the recipe, but for what the layout counts on', () => {
    const made = emission({ model: 'deepseek-v3', strategy: { data: 64, expert: 64, dispatcher: 'deepep' } });
    const text = made.files[0]?.text ?? '';
    expect(text).toContain('model.num_layers=61\n');
    expect(text).toContain('model.num_moe_experts=256\n');
    expect(text).toContain('model.moe_token_dispatcher_type=flex\n');
    expect(text).not.toContain('model.hidden_size');
    expect(made.notCarried).toContainEqual(expect.objectContaining({ part: 'model' }));
    const script = fileOf(
      emission({ model: 'deepseek-v3', strategy: { data: 64, expert: 64 } }, false),
      'train.sh',
    );
    expect(script).toContain('--recipe "${RECIPE:?');
  });

  it('name presets of precision, and what a preset changes besides', () => {
    expect(lines({ training: { precision: 'fp16' } })).toContain('mixed_precision=fp16_mixed');
    const fp8 = emission({ training: { precision: 'fp8' } });
    expect(fp8.files[0]?.text).toContain('mixed_precision=bf16_with_fp8_current_scaling_mixed\n');
    expect(fp8.notCarried.map(({ part }) => part)).toEqual(['precision']);
    const low = emission({
      training: { optimizer: { name: 'adam', states: 'fp32', gradients: 'bf16', mainParameters: 'fp32' } },
    });
    expect(low.notCarried.map(({ part }) => part)).toEqual(['optimizer']);
  });

  it('start the runner of the recipe with the bare one of plain models', () => {
    const script = fileOf(emission({ strategy: { data: 64 } }, false), 'train.sh');
    expect(script).toContain(
      '"${BRIDGE_PATH:-.}"/scripts/training/run_recipe.py --recipe "${RECIPE:-vanilla_gpt_pretrain_config}" --seq_length 4096',
    );
  });

  it('of 500 strategies are fields that Bridge has', () => {
    const to = writers.find(({ target }) => target === 'bridge');
    const words = (to === undefined ? [] : emitted(to, 500, 99).cases).flatMap(({ emission: made }) => {
      const array = /flags=\(\n(.*?)\n +\)/su.exec(fileOf(made, 'train.sh'))?.[1] ?? '';
      return [...array.matchAll(/^ +'?([a-z_]+(?:\.[a-z_]+)*)=/gmu)];
    });
    const keys = new Set(words.map((match) => match[1] ?? ''));
    expect(keys.size).toBeGreaterThan(60);
    expect([...keys].filter((key) => !bridgeConfigKeys.includes(key))).toEqual([]);
  });
});
