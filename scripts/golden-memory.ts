/**
 * Megatron-LM's functional tests as memory measurements: flags of a test and what the last rank's allocator logged
 * (NVIDIA/Megatron-LM @ d98e8a6 tests/functional_tests/test_cases, megatron/training/global_vars.py:241).
 */
import type { Accelerator } from '../src/cluster/cluster.ts';
import { PLAN_AS_GIVEN } from '../src/plan/plain.ts';
import type { Problem } from '../src/plan/problem.ts';
import { evenPartition } from '../src/strategy/layer-split.ts';
import { readMegatron } from '../src/runtimes/megatron/read.ts';
import type { Partition, Strategy } from '../src/strategy/strategy.ts';
import { bytes, bytesPerSecond, flopsPerSecond, GIB, seconds } from '../src/units.ts';

export type Flags = Readonly<Record<string, string | number | boolean>>;

export interface GoldenRow {
  readonly test: string;
  readonly args: Flags;
  readonly golden: Readonly<Record<string, Readonly<Record<string, { readonly first: number }>>>>;
  readonly current: Readonly<
    Record<string, { readonly world: number; readonly mem_max_bytes?: number | null }>
  >;
}

/** Tests that planner's memory model does not describe, by what their flags ask for. */
const OUT_OF_REACH: readonly (readonly [reason: string, flag: RegExp])[] = [
  [
    'encoder models (BERT, T5)',
    /^--(encoder-num-layers|bert-no-binary-head|decoder-num-layers|vocab-extra-ids)$/,
  ],
  [
    'elastic, distilled, vision or reinforcement-learning training',
    /^--(flextron|export-kd-cfg|dataset-provider|perform-rl-step|img-h)$/,
  ],
  ['activation offloading by module', /^--fine-grained-activation-offloading$/],
  ['embedding weight gradients put off: logit gradients are kept', /^--defer-embedding-wgrad-compute$/],
  ['CUDA graphs hold static buffers', /^--cuda-graph-impl$/],
  ['weights loaded from a checkpoint while gradients are checked', /^--check-weight-grads$/],
  ['Muon: momentum and orthogonalisation buffers', /^muon$/],
  ['FSDP of Megatron: gathered blocks depend on its buffer pool', /^--use-megatron-fsdp$/],
];

export const outOfReach = ({ args, test }: Pick<GoldenRow, 'args' | 'test'>): string | null => {
  if (/^(bert|t5|mimo|multimodal)/.test(test)) return OUT_OF_REACH[0]?.[0] ?? '';
  if (/check_grads/.test(test)) return 'weights loaded from a checkpoint while gradients are checked';
  for (const [reason, pattern] of OUT_OF_REACH)
    for (const [flag, value] of Object.entries(args))
      if (pattern.test(flag) || (flag === '--optimizer' && pattern.test(String(value)))) return reason;
  return null;
};

const wordsOf = (args: Flags): string[] =>
  Object.entries(args).flatMap(([flag, value]) => {
    if (value === true) return [flag];
    if (value === false) return [];
    const text = String(value);
    return [
      flag,
      ...(text.startsWith('[') && !text.includes('(') ? text.slice(1, -1).split(/[\s,]+/) : [text]),
    ];
  });

/** Sizes of the tokenizers that the tests name by file. */
const vocabularyOf = (args: Flags): number => {
  const stated = args['--vocab-size'];
  if (typeof stated === 'number') return stated;
  const tokenizer = String(args['--tokenizer-model'] ?? '');
  if (tokenizer.includes('256k')) return 256_000;
  return args['--tokenizer-type'] === 'Llama2Tokenizer' ? 32_000 : 50_257;
};

const architectures = { a100: 'ampere', h100: 'hopper', gb200: 'blackwell' } as const;

const accelerator = (platform: keyof typeof architectures): Accelerator => ({
  name: platform,
  architecture: architectures[platform],
  memory: bytes((platform === 'gb200' ? 186 : 80) * GIB),
  memoryBandwidth: bytesPerSecond(2e12),
  peak: { bf16: flopsPerSecond(312e12) },
  multiprocessors: 108,
  source: 'memory alone matters here',
});

export interface GoldenProblem {
  readonly problem: Problem;
  readonly strategy: Strategy;
  readonly partition: Partition;
}

/** The test as a problem, its strategy and partition; null where the flags lack a model or an even split. */
export const goldenProblem = (args: Flags, platform: string, world: number): GoldenProblem | null => {
  const name = (['a100', 'h100', 'gb200'] as const).find((each) => platform.endsWith(each));
  const { model, training, strategy, partition, layers } = readMegatron(wordsOf(args), {
    world,
    version: '0.20',
  });
  if (name === undefined || model === null) return null;
  const divisor = Number(args['--make-vocab-size-divisible-by'] ?? 128) * strategy.tensor;
  const vocabularySize = Math.ceil(vocabularyOf(args) / divisor) * divisor;
  const split = partition ?? evenPartition(layers, strategy.pipeline, strategy.virtualStages);
  if (split === null) return null;
  const dropout = args['--hidden-dropout'] === undefined || Number(args['--hidden-dropout']) > 0;
  const local = args['--transformer-impl'] === 'local';
  const fusion = args['--cross-entropy-loss-fusion'] === true;
  return {
    problem: {
      cluster: {
        name: platform,
        groups: [
          {
            count: Math.ceil(world / 8),
            hosts: null,
            accelerator: accelerator(name),
            perNode: 8,
            intraNode: {
              name: 'nvlink',
              kind: 'switch',
              bandwidth: bytesPerSecond(300e9),
              latency: seconds(2e-6),
            },
            nics: {
              name: 'ib',
              count: 8,
              bandwidth: bytesPerSecond(25e9),
              latency: seconds(5e-6),
              kind: 'infiniband',
            },
            pricePerHour: null,
          },
        ],
        domain: null,
        tiers: [],
        measured: null,
      },
      model: { ...model, vocabularySize },
      training: {
        ...training,
        attentionKernel: local ? 'unfused' : training.attentionKernel,
        conditions: {
          profile: 'megatron-core',
          dropout,
          permuteFusion: args['--moe-permute-fusion'] === true,
          groupedExperts: args['--moe-grouped-gemm'] === true,
          lossFusion: !fusion ? 'none' : args['--cross-entropy-fusion-impl'] === 'te' ? 'te' : 'native',
          gradientAccumulationFusion: args['--no-gradient-accumulation-fusion'] !== true,
        },
      },
      search: PLAN_AS_GIVEN,
    },
    strategy,
    partition: split,
  };
};
