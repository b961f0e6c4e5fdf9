/** Flags and environment of given plans, as the recipes of their sources state them. */
import { describe, expect, it } from 'vitest';
import { readModelPreset } from '../../src/ingest/model-presets.ts';
import type { Model } from '../../src/model/model.ts';
import type { Optimizer, Training } from '../../src/plan/problem.ts';
import { megatronCommand } from '../../src/runtimes/megatron/write.ts';
import type { MegatronCommand } from '../../src/runtimes/megatron/write.ts';
import type { Partition, Strategy } from '../../src/strategy/strategy.ts';
import { clusterOf, planOf, problemOf, trainingOf } from '../strategies.ts';
import { strategyOf } from './sample.ts';

const preset = (name: string): Model => readModelPreset(name).model;

interface Given {
  readonly model?: Model;
  readonly strategy?: Partial<Strategy>;
  readonly partition?: Partition;
  readonly training?: Partial<Training>;
  readonly accelerator?: string;
  readonly version?: string;
  readonly mtpStage?: number;
}

const command = (given: Given): MegatronCommand => {
  const model = given.model ?? preset('llama3-8b');
  const strategy = strategyOf(given.strategy);
  const partition = given.partition ?? [[model.layers.length]];
  const plan = planOf(strategy, partition, { hosts: null, devices: null });
  const extras = partition.map((_, stage) => (stage === given.mtpStage ? (['mtp'] as const) : []));
  const problem = problemOf(
    model,
    clusterOf(given.accelerator ?? 'h100-sxm-80gb', 8),
    trainingOf(given.training),
  );
  return megatronCommand({ ...plan, stageExtras: extras }, problem, given.version ?? '0.20');
};

const lines = (given: Given): readonly string[] => command(given).flags.map((words) => words.join(' '));
const variables = (given: Given): Readonly<Record<string, string>> =>
  Object.fromEntries(command(given).environment);

describe('flags of models', () => {
  // Dimensions of Mixtral 8x22B: 56 layers, 48 heads of 128, 8 key-value heads, 8 experts of 16384, top 2.
  it('Mixtral 8x22B as in the MoE model zoo: tensor 2, pipeline 8, expert 8', () => {
    const found = lines({
      model: preset('mixtral-8x22b'),
      strategy: {
        tensor: 2,
        pipeline: 8,
        data: 8,
        expert: 8,
        sequenceParallel: true,
        sharding: 'optimizer',
        overlapGradients: true,
        overlapParameters: true,
        dispatcher: 'all-to-all',
      },
      partition: Array.from({ length: 8 }, () => [7]),
    });
    expect(found).toEqual(
      expect.arrayContaining([
        '--tensor-model-parallel-size 2',
        '--pipeline-model-parallel-size 8',
        '--context-parallel-size 1',
        '--expert-model-parallel-size 8',
        '--expert-tensor-parallel-size 1',
        '--sequence-parallel',
        '--use-distributed-optimizer',
        '--overlap-grad-reduce',
        '--overlap-param-gather',
        '--moe-token-dispatcher-type alltoall',
        '--moe-grouped-gemm',
        '--num-layers 56',
        '--hidden-size 6144',
        '--ffn-hidden-size 16384',
        '--num-attention-heads 48',
        '--group-query-attention',
        '--num-query-groups 8',
        '--kv-channels 128',
        '--num-experts 8',
        '--moe-router-topk 2',
        '--normalization RMSNorm',
        '--swiglu',
        '--disable-bias-linear',
        '--untie-embeddings-and-output-weights',
        '--position-embedding-type rope',
        '--bf16',
        '--micro-batch-size 1',
        '--global-batch-size 512',
        '--seq-length 4096',
      ]),
    );
    expect(found.join(' ')).not.toMatch(
      /virtual|layout|decoder-first|decoder-last|recompute|cp-comm|layer-freq/u,
    );
  });

  it('DeepSeek-V3: latent attention, three dense layers, node-limited routing, one prediction layer', () => {
    expect(lines({ model: preset('deepseek-v3') })).toEqual(
      expect.arrayContaining([
        '--multi-latent-attention',
        '--q-lora-rank 1536',
        '--kv-lora-rank 512',
        '--qk-head-dim 128',
        '--qk-pos-emb-head-dim 64',
        '--v-head-dim 128',
        '--moe-layer-freq ([0]*3+[1]*58)',
        '--num-experts 256',
        '--moe-router-topk 8',
        '--moe-router-num-groups 8',
        '--moe-router-group-topk 4',
        '--moe-router-score-function sigmoid',
        '--moe-router-enable-expert-bias',
        '--moe-ffn-hidden-size 2048',
        '--moe-shared-expert-intermediate-size 2048',
        '--ffn-hidden-size 18432',
        '--mtp-num-layers 1',
      ]),
    );
    expect(lines({ model: preset('deepseek-v3') })).not.toContain('--group-query-attention');
  });

  it('DeepSeek-V3.2 has an indexer, V2-Lite projects queries directly', () => {
    expect(lines({ model: preset('deepseek-v3.2') })).toEqual(
      expect.arrayContaining([
        '--experimental-attention-variant dsa',
        '--dsa-indexer-n-heads 64',
        '--dsa-indexer-head-dim 128',
        '--dsa-indexer-topk 2048',
      ]),
    );
    expect(lines({ model: preset('deepseek-v2-lite') }).join(' ')).not.toContain('--q-lora-rank');
  });

  it('GPT-3: learned positions, biases, GELU, tied embeddings', () => {
    const found = lines({ model: preset('gpt3-175b'), training: { sequenceLength: 2048 } });
    expect(found).toEqual(
      expect.arrayContaining([
        '--position-embedding-type learned_absolute',
        '--max-position-embeddings 2048',
        '--normalization LayerNorm',
        '--ffn-hidden-size 49152',
      ]),
    );
    expect(found.join(' ')).not.toMatch(/swiglu|disable-bias|untie|group-query|squared/u);
  });

  it('gpt-oss: sinks, alternating windows, clamped gated activation', () => {
    expect(lines({ model: preset('gpt-oss-20b') })).toEqual(
      expect.arrayContaining([
        '--softmax-type learnable',
        '--window-size 128,0',
        '--window-attn-skip-freq ([1]*1+[0]*1)*12',
        '--quick-geglu',
        '--glu-linear-offset 1.0',
        '--activation-func-clamp-value 7.0',
      ]),
    );
  });

  it('Qwen3-Next: three delta layers to one of attention, gated', () => {
    expect(lines({ model: preset('qwen3-next-80b-a3b') })).toEqual(
      expect.arrayContaining([
        '--experimental-attention-variant gated_delta_net',
        '--linear-attention-freq ([1]*3+[0]*1)*12',
        '--linear-num-key-heads 16',
        '--linear-num-value-heads 32',
        '--attention-output-gate',
        '--qk-layernorm',
        '--moe-shared-expert-gate',
      ]),
    );
  });

  // The published pattern of Nemotron 3 Nano: 52 layers.
  const nano = 'MEMEM*EMEMEM*EMEMEM*EMEMEM*EMEMEM*EMEMEMEM*EMEMEMEME';
  it('Nemotron 3 Nano: a hybrid pattern, cut at the stages, with its own entry point', () => {
    const model = preset('nemotron-3-nano-30b-a3b');
    expect(lines({ model })).toContain(`--hybrid-layer-pattern ${nano}`);
    expect(lines({ model }).join(' ')).not.toContain('--num-layers');
    expect(command({ model }).program).toBe('pretrain_hybrid.py');
    const staged = lines({
      model,
      strategy: { pipeline: 2, virtualStages: 2 },
      partition: [
        [10, 16],
        [14, 12],
      ],
    });
    expect(staged).toContain(
      `--hybrid-layer-pattern ${[nano.slice(0, 10), nano.slice(10, 24), nano.slice(24, 40), nano.slice(40)].join('|')}`,
    );
    expect(lines({ model, version: '0.16' })).toEqual(
      expect.arrayContaining([`--hybrid-override-pattern ${nano}`, '--is-hybrid-model', '--num-layers 52']),
    );
    expect(command({ model, version: '0.16' }).program).toBe('pretrain_mamba.py');
  });

  it('says what has no flag', () => {
    const plusPlus = preset('mixtral-8x7b');
    const model: Model = {
      ...plusPlus,
      kinds: plusPlus.kinds.map((kind) =>
        kind.feedForward.kind === 'moe'
          ? {
              ...kind,
              norms: 4,
              feedForward: { ...kind.feedForward, zeroComputationExperts: 4, parallelDenseWidth: 512 },
            }
          : kind,
      ),
    };
    const lost = (of: Model): string =>
      command({ model: of })
        .notCarried.map(({ text }) => text)
        .join('\n');
    for (const part of [
      'experts without computation',
      'a dense layer beside the experts',
      'more than two norms',
    ])
      expect(lost(model)).toContain(part);
    expect(lost(plusPlus)).toBe('');
  });
});

describe('flags of stages', () => {
  const model = preset('deepseek-v3');
  it.each([
    ['even', { pipeline: 2 }, [[16], [16]], preset('llama3-8b'), []],
    [
      'even virtual stages',
      { pipeline: 2, virtualStages: 2 },
      [
        [8, 8],
        [8, 8],
      ],
      preset('llama3-8b'),
      ['--num-virtual-stages-per-pipeline-rank 2'],
    ],
    [
      'a lighter last stage',
      { pipeline: 4 },
      [[9], [9], [9], [5]],
      preset('llama3-8b'),
      ['--decoder-last-pipeline-num-layers 5'],
    ],
    [
      'both ends',
      { pipeline: 4 },
      [[7], [9], [9], [7]],
      preset('llama3-8b'),
      ['--decoder-first-pipeline-num-layers 7', '--decoder-last-pipeline-num-layers 7'],
    ],
    [
      'two stages',
      { pipeline: 2 },
      [[15], [17]],
      preset('llama3-8b'),
      ['--decoder-first-pipeline-num-layers 15', '--decoder-last-pipeline-num-layers 17'],
    ],
    [
      'uneven ends of virtual stages',
      { pipeline: 4, virtualStages: 2 },
      [
        [3, 3],
        [4, 4],
        [5, 5],
        [4, 4],
      ],
      preset('llama3-8b'),
      ['--pipeline-model-parallel-layout Et*3|t*4|t*5|t*4|t*3|t*4|t*5|t*4L'],
    ],
  ] as const)('%s', (_, strategy, partition, of, expected) => {
    const found = lines({ model: of, strategy, partition }).filter((line) =>
      /pipeline-num-layers|layout|virtual-stages/u.test(line),
    );
    expect(found).toEqual(expected);
  });

  it("DeepSeek-V3's published layout: 16 stages of two, prediction layer beside the last, loss alone", () => {
    // Et*3|(tt|)*29m|L: 3 + 29 × 2 = 61 layers.
    const chunks = [3, ...Array.from({ length: 29 }, () => 2), 0, 0];
    const partition = Array.from({ length: 16 }, (_, p) => [chunks[p] ?? 0, chunks[16 + p] ?? 0]);
    const found = lines({ model, strategy: { pipeline: 16, virtualStages: 2 }, partition, mtpStage: 14 });
    expect(found).toContain('--pipeline-model-parallel-layout Et*3|(tt|)*29m|L');
  });
});

describe('flags of strategies', () => {
  it.each([
    [
      { recompute: { kind: 'full' } },
      ['--recompute-granularity full', '--recompute-method uniform', '--recompute-num-layers 1'],
    ],
    [
      { recompute: { kind: 'full-block', layers: 3 } },
      ['--recompute-granularity full', '--recompute-method block', '--recompute-num-layers 3'],
    ],
    [
      { recompute: { kind: 'selective', modules: ['core_attn', 'mlp'] } },
      ['--recompute-granularity selective', '--recompute-modules core_attn mlp'],
    ],
    [
      { context: 8, contextCommunication: 'a2a+p2p' },
      ['--context-parallel-size 8', '--cp-comm-type a2a+p2p', '--hierarchical-context-parallel-sizes 4 2'],
    ],
    [{ context: 2, contextCommunication: 'all-gather' }, ['--cp-comm-type allgather']],
    [
      { data: 8, sharding: 'optimizer', shardingGroup: 2 },
      ['--use-distributed-optimizer', '--num-distributed-optimizer-instances 4'],
    ],
    [
      { sharding: 'gradients' },
      ['--use-megatron-fsdp', '--data-parallel-sharding-strategy optim_grads', '--ckpt-format fsdp_dtensor'],
    ],
    [
      { sharding: 'parameters' },
      ['--data-parallel-sharding-strategy optim_grads_params', '--init-model-with-meta-device'],
    ],
    [
      { offload: 'optimizer', sharding: 'optimizer' },
      ['--optimizer-cpu-offload', '--use-precision-aware-optimizer'],
    ],
    [
      { pipeline: 2, virtualStages: 2, microBatchGroup: 4 },
      ['--microbatch-group-size-per-virtual-pipeline-stage 4'],
    ],
    [{ rankOrder: 'tp-cp-ep-pp-dp' }, ['--use-tp-pp-dp-mapping']],
    [{ tensor: 2, sequenceParallel: true, overlapTensor: true }, ['--tp-comm-overlap']],
  ] as readonly (readonly [Partial<Strategy>, readonly string[]])[])('%j', (strategy, expected) => {
    expect(lines({ strategy })).toEqual(expect.arrayContaining([...expected]));
  });

  it('state expert sizes of models with experts alone', () => {
    expect(lines({}).join(' ')).not.toMatch(/expert|moe/u);
    expect(lines({ model: preset('mixtral-8x7b'), strategy: { tensor: 2 } })).toContain(
      '--expert-tensor-parallel-size 1',
    );
  });

  it.each([
    [
      'deepep',
      '0.20',
      ['--moe-token-dispatcher-type flex', '--moe-flex-dispatcher-backend deepep', '--moe-router-dtype fp32'],
    ],
    [
      'deepep',
      '0.14',
      ['--moe-token-dispatcher-type flex', '--moe-enable-deepep', '--moe-router-dtype fp32'],
    ],
    ['hybridep', '0.20', ['--moe-token-dispatcher-type flex', '--moe-flex-dispatcher-backend hybridep']],
    ['all-gather', '0.20', ['--moe-token-dispatcher-type allgather']],
  ] as const)('%s in %s', (dispatcher, version, expected) => {
    expect(lines({ model: preset('mixtral-8x7b'), strategy: { dispatcher }, version })).toEqual(
      expect.arrayContaining([...expected]),
    );
  });
});

describe('flags of training', () => {
  const adam: Optimizer = { name: 'adam', states: 'fp32', gradients: 'fp32', mainParameters: 'fp32' };
  it.each([
    [{ precision: 'fp16' }, ['--fp16', '--accumulate-allreduce-grads-in-fp32']],
    [{ precision: 'fp8' }, ['--bf16', '--fp8-format hybrid', '--fp8-recipe tensorwise']],
    [{ precision: 'mxfp8' }, ['--bf16', '--fp8-format e4m3', '--fp8-recipe mxfp8']],
    [{ precision: 'nvfp4' }, ['--bf16', '--fp4-format e2m1', '--fp4-recipe nvfp4']],
    [{ optimizer: { ...adam, gradients: 'bf16' } }, ['--bf16', '--grad-reduce-in-bf16']],
    [
      { optimizer: { ...adam, states: 'bf16' } },
      [
        '--use-precision-aware-optimizer',
        '--exp-avg-dtype bf16',
        '--exp-avg-sq-dtype bf16',
        '--main-params-dtype fp32',
        '--main-grads-dtype fp32',
      ],
    ],
    [{ optimizer: { ...adam, name: 'sgd' } }, ['--optimizer sgd']],
    [{ optimizer: { ...adam, name: 'muon' } }, ['--optimizer dist_muon']],
    [{ attentionKernel: 'unfused' }, ['--attention-backend unfused']],
  ] as readonly (readonly [Partial<Training>, readonly string[]])[])('%j', (training, expected) => {
    expect(lines({ training, strategy: { sharding: 'optimizer' } })).toEqual(
      expect.arrayContaining([...expected]),
    );
  });

  it('leave out what would contradict them', () => {
    const bf16 = lines({ training: { optimizer: { ...adam, gradients: 'bf16' } } });
    expect(bf16).not.toContain('--accumulate-allreduce-grads-in-fp32');
    expect(lines({ training: { precision: 'fp32' } }).join(' ')).not.toMatch(/bf16|fp16|accumulate/u);
    expect(
      lines({ training: { optimizer: { ...adam, name: 'muon' } }, strategy: { sharding: 'optimizer' } }),
    ).not.toContain('--use-distributed-optimizer');
    expect(lines({ model: preset('mixtral-8x7b'), training: { precision: 'fp16' } })).not.toContain(
      '--moe-grouped-gemm',
    );
  });

  it('pad experts for narrow products, where the dispatcher can', () => {
    const fp8 = { model: preset('mixtral-8x7b'), training: { precision: 'fp8' } } as const;
    expect(lines({ ...fp8, strategy: { dispatcher: 'all-to-all' } })).toContain(
      '--moe-router-padding-for-quantization',
    );
    expect(lines({ ...fp8, strategy: { dispatcher: 'all-to-all' }, version: '0.15' })).toContain(
      '--moe-router-padding-for-fp8',
    );
    expect(lines({ ...fp8, strategy: { dispatcher: 'all-gather' } }).join(' ')).not.toContain('padding');
  });

  it('run every GPU with Transformer Engine: without it sequence-parallel RMSNorm is refused', () => {
    for (const accelerator of ['v100-sxm-32gb', 'h100-sxm-80gb'])
      expect(lines({ accelerator }).join(' ')).not.toContain('transformer-impl');
  });
});

describe('environment', () => {
  const connections = (given: Given): string | undefined => variables(given)['CUDA_DEVICE_MAX_CONNECTIONS'];
  const expertOverlap = {
    model: preset('mixtral-8x7b'),
    strategy: { overlapExpert: true, tensor: 2, expert: 2 },
  };

  it('one queue before Blackwell with tensor or context ranks; many where overlap wants them', () => {
    expect(connections({ strategy: { tensor: 2 } })).toBe('1');
    expect(connections({ strategy: { context: 2 } })).toBe('1');
    expect(connections({ strategy: { tensor: 2 }, accelerator: 'gb200-186gb' })).toBeUndefined();
    expect(connections({ strategy: { sharding: 'parameters', tensor: 2 } })).toBe('32');
    expect(connections({ strategy: { sharding: 'gradients' }, accelerator: 'gb200-186gb' })).toBe('32');
    expect(connections(expertOverlap)).toBe('32');
  });

  it('HybridEP learns the size of an NVLink domain', () => {
    const hybrid = {
      model: preset('mixtral-8x7b'),
      strategy: { dispatcher: 'hybridep', expert: 8 },
    } as const;
    expect(variables(hybrid)).toMatchObject({
      NUM_OF_HYBRID_EP_RANKS_PER_NVLINK_DOMAIN: '8',
      NVLINK_DOMAIN_SIZE: '8',
    });
    expect(variables(hybrid)).not.toHaveProperty('USE_MNNVL');
    const rack = variables({ ...hybrid, accelerator: 'gb200-186gb' });
    expect(rack).toMatchObject({
      NUM_OF_HYBRID_EP_RANKS_PER_NVLINK_DOMAIN: '8',
      NVLINK_DOMAIN_SIZE: '72',
      USE_MNNVL: '1',
    });
    expect(variables({})).not.toHaveProperty('NVLINK_DOMAIN_SIZE');
  });

  it('leaves multiprocessors to collectives that overlap', () => {
    expect(variables({ strategy: { overlapTensor: true } })).toMatchObject({
      NVTE_FWD_LAYERNORM_SM_MARGIN: '16',
    });
    expect(variables({})).not.toHaveProperty('NVTE_FWD_LAYERNORM_SM_MARGIN');
    expect(variables({})).toMatchObject({ PYTORCH_CUDA_ALLOC_CONF: 'expandable_segments:True' });
  });
});
