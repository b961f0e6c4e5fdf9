/**
 * Rules about Megatron's flags, clause by clause: what each stops or lets through by itself, which flags it blames and
 * what it says was found and expected. Beside the table of one break and one pass a rule.
 */
import { describe, expect, it } from 'vitest';
import type { ArgumentFinding, ValidationOptions } from '../../src/runtimes/megatron/validate.ts';
import { validateArguments } from './validate-arguments.ts';

const base: Readonly<Record<string, string>> = {
  '--num-layers': '32',
  '--hidden-size': '4096',
  '--num-attention-heads': '32',
  '--seq-length': '4096',
  '--max-position-embeddings': '4096',
  '--micro-batch-size': '1',
  '--global-batch-size': '64',
};

/** The base with flags changed: `''` is a bare flag, null takes one away. */
type Change = Readonly<Record<string, string | null>>;
const wordsFor = (change: Change): string[] =>
  Object.entries({ ...base, ...change }).flatMap(([flag, value]) =>
    value === null ? [] : value === '' ? [flag] : [flag, ...value.split(' ')],
  );

const options: ValidationOptions = {
  world: 16,
  environment: { CUDA_DEVICE_MAX_CONNECTIONS: '1' },
  architecture: 'hopper',
  version: '0.20',
};
const findingsOf = (id: string, change: Change, other: Partial<ValidationOptions> = {}): ArgumentFinding[] =>
  validateArguments(wordsFor(change), { ...options, ...other }).filter(
    ({ rule }) => rule === `megatron/${id}`,
  );

const experts = { '--num-experts': '8', '--disable-bias-linear': '', '--moe-grouped-gemm': '' };
const tensor = { '--tensor-model-parallel-size': '2' };
const two = { '--pipeline-model-parallel-size': '2' };
const four = { '--pipeline-model-parallel-size': '4' };
const full = {
  '--recompute-granularity': 'full',
  '--recompute-method': 'uniform',
  '--recompute-num-layers': '1',
};
const selective = { '--recompute-granularity': 'selective' };
const layout = '--pipeline-model-parallel-layout';
const first = '--decoder-first-pipeline-num-layers';
const last = '--decoder-last-pipeline-num-layers';
const embedding = '--account-for-embedding-in-pipeline-split';
const loss = '--account-for-loss-in-pipeline-split';
const perVirtual = '--num-layers-per-virtual-pipeline-stage';
const virtual = '--num-virtual-stages-per-pipeline-rank';
const torchFsdp = {
  '--use-torch-fsdp2': '',
  '--untie-embeddings-and-output-weights': '',
  '--no-gradient-accumulation-fusion': '',
};
const stepGather = {
  ...two,
  [virtual]: '2',
  '--use-distributed-optimizer': '',
  '--overlap-grad-reduce': '',
  '--overlap-param-gather': '',
  '--overlap-param-gather-with-optimizer-step': '',
};

type Blame = readonly [flags: readonly string[], found: string, expected?: string, message?: string];
/** Two flags that exclude each other. */
const pair = (one: string, other: string, why: string): Blame => [
  [one, other],
  `${one} ${other}`,
  'one of them',
  `${one} with ${other}: ${why}`,
];

const table: readonly (readonly [string, Change, Blame | null])[] = [
  // Basics.
  [
    'required-flags',
    { '--num-layers': null, '--seq-length': null },
    [['--num-layers', '--seq-length'], 'nothing', 'a value', '--num-layers, --seq-length not given'],
  ],
  ['required-flags', { '--seq-length': null, '--encoder-seq-length': '4096' }, null],
  ['required-flags', { '--hidden-size': null, '--yaml-cfg': 'file.yaml' }, null],
  ['positive-sizes', { '--micro-batch-size': '0' }, [['--micro-batch-size'], '0', 'at least 1']],
  ['weight-shards', tensor, null],
  [
    'weight-shards',
    { ...tensor, '--tensor-parallel-num-weight-shards': '3' },
    [['--tensor-parallel-num-weight-shards'], '3', 'a multiple of 2'],
  ],
  [
    'head-width',
    { '--num-attention-heads': '48' },
    [['--hidden-size', '--num-attention-heads'], '4096', 'a multiple of 48, or --kv-channels'],
  ],
  ['head-width', { '--hidden-size': null }, null],
  ['head-width', { '--num-attention-heads': null }, null],
  [
    'latent-attention-groups',
    { '--multi-latent-attention': '', '--group-query-attention': '' },
    pair('--multi-latent-attention', '--group-query-attention', 'latent attention has no key-value groups'),
  ],
  [
    'precision-exclusive',
    { '--fp16': '', '--bf16': '' },
    pair('--fp16', '--bf16', 'parameters have one type'),
  ],
  [
    'fp4-fp8-exclusive',
    { '--fp8-format': 'hybrid', '--fp4-format': 'e2m1' },
    pair('--fp8-format', '--fp4-format', 'products run in one narrow format'),
  ],
  [
    'sequence-positions',
    { '--seq-length': '8192' },
    [['--max-position-embeddings', '--seq-length'], '4096', 'at least 8192'],
  ],
  ['sequence-positions', { '--seq-length': null }, null],
  ['sequence-positions', { '--max-position-embeddings': null }, null],
  [
    'batch-schedule',
    { '--step-batch-size-schedule': '0:16' },
    pair('--step-batch-size-schedule', '--global-batch-size', 'the schedule replaces the one size'),
  ],
  [
    'train-length',
    { '--train-iters': '5', '--train-samples': '5' },
    pair('--train-iters', '--train-samples', 'training is counted in one of them'),
  ],
  [
    'cross-entropy-fusion',
    { '--cross-entropy-loss-fusion': '', '--cross-entropy-fusion-impl': 'te' },
    [['--cross-entropy-fusion-impl'], 'te', 'native'],
  ],

  // Recomputation.
  [
    'recompute-full',
    { '--recompute-granularity': 'full', '--recompute-num-layers': '1' },
    [['--recompute-method'], 'nothing', 'uniform or block'],
  ],
  [
    'recompute-full',
    { ...full, '--recompute-num-layers': '0' },
    [['--recompute-num-layers'], '0', 'at least 1'],
  ],
  ['recompute-full', { ...full, '--recompute-num-layers': null }, [['--recompute-num-layers'], 'nothing']],
  [
    'recompute-selective',
    { '--recompute-activations': '', '--recompute-num-layers': '1', '--recompute-method': 'block' },
    [
      ['--recompute-method', '--recompute-num-layers'],
      '--recompute-method --recompute-num-layers',
      'neither',
      '--recompute-method, --recompute-num-layers with selective recomputation',
    ],
  ],
  [
    'recompute-selective',
    { ...selective, '--recompute-modules': 'attention core_attn experts' },
    [
      ['--recompute-modules'],
      'attention experts',
      'core_attn, moe_act, layernorm, mla_up_proj, mlp, moe, shared_experts, mhc, gdp_in_proj, gdp_qkv, gdn_norm_out',
      'attention, experts cannot be recomputed',
    ],
  ],
  [
    'recompute-activation-without-grouped',
    { ...experts, ...selective, '--bf16': '', '--moe-grouped-gemm': null, '--recompute-modules': 'moe_act' },
    [['--recompute-modules', '--moe-grouped-gemm'], 'moe_act', '--moe-grouped-gemm'],
  ],
  [
    'distribute-saved-activations',
    { ...tensor, ...selective, '--distribute-saved-activations': '' },
    [['--distribute-saved-activations'], '2', 'tensor above 1, full'],
  ],
  [
    'distribute-saved-activations',
    { ...full, ...tensor, '--sequence-parallel': '', '--distribute-saved-activations': '' },
    pair('--distribute-saved-activations', '--sequence-parallel', 'both cut the same activations'),
  ],

  // Context.
  [
    'context-hierarchy-sizes',
    { '--context-parallel-size': '4', '--hierarchical-context-parallel-sizes': '2 4' },
    [['--hierarchical-context-parallel-sizes'], '2 4', 'a product of 4', 'sizes 2 × 4 for context size 4'],
  ],
  [
    'context-hierarchy-sizes',
    { '--context-parallel-size': '4', '--cp-comm-type': 'a2a+p2p' },
    [['--hierarchical-context-parallel-sizes'], 'nothing', 'two sizes whose product is 4'],
  ],
  ['context-communication-list', { '--cp-comm-type': 'p2p' }, null],
  ['context-communication-list', { '--cp-comm-type': 'p2p a2a' }, null],
  [
    'context-communication-list',
    { '--cp-comm-type': 'p2p a2a', '--context-parallel-size': '2' },
    [['--cp-comm-type'], '2', '1 or 32'],
  ],
  [
    'hybrid-context',
    { ...two, '--hybrid-context-parallel': '', '--calculate-per-token-loss': '' },
    [['--hybrid-context-parallel'], '2', '1'],
  ],
  [
    'hybrid-context',
    { '--hybrid-context-parallel': '', '--calculate-per-token-loss': '', '--use-megatron-fsdp': '' },
    pair('--hybrid-context-parallel', '--use-megatron-fsdp', 'not supported'),
  ],
  [
    'hybrid-context',
    { '--hybrid-context-parallel': '' },
    [['--hybrid-context-parallel'], 'nothing', '--calculate-per-token-loss'],
  ],

  // Experts.
  [
    'deepep-dispatcher',
    { ...experts, '--moe-enable-deepep': '' },
    [['--moe-enable-deepep', '--moe-token-dispatcher-type'], 'allgather', 'flex'],
  ],
  [
    'deepep-dispatcher',
    { ...experts, '--moe-enable-deepep': '', '--moe-token-dispatcher-type': 'alltoall' },
    [['--moe-enable-deepep', '--moe-token-dispatcher-type'], 'alltoall', 'flex'],
  ],
  [
    'shared-expert-overlap',
    {
      ...experts,
      '--moe-shared-expert-overlap': '',
      '--moe-token-dispatcher-type': 'alltoall',
      '--overlap-moe-expert-parallel-comm': '',
    },
    [['--moe-shared-expert-overlap'], 'all-to-all'],
  ],
  [
    'delayed-weight-gradient',
    { '--delay-wgrad-compute': '' },
    [['--delay-wgrad-compute'], 'nothing', '--overlap-moe-expert-parallel-comm'],
  ],

  // Optimizer. Each condition of gathering during the step is missing once.
  ['gather-with-optimizer-step', stepGather, null],
  [
    'gather-with-optimizer-step',
    { ...stepGather, '--use-distributed-optimizer': null },
    [['--overlap-param-gather-with-optimizer-step'], '2'],
  ],
  [
    'gather-with-optimizer-step',
    { ...stepGather, '--overlap-param-gather': null },
    [['--overlap-param-gather-with-optimizer-step'], '2'],
  ],
  [
    'gather-with-optimizer-step',
    { ...stepGather, [virtual]: null },
    [['--overlap-param-gather-with-optimizer-step'], '1'],
  ],
  [
    'offload-precision-aware',
    { '--optimizer-cpu-offload': '' },
    [['--optimizer-cpu-offload'], 'nothing', '--use-precision-aware-optimizer'],
  ],
  [
    'precision-aware-sharded',
    { '--use-precision-aware-optimizer': '' },
    [['--use-precision-aware-optimizer'], 'nothing', '--use-distributed-optimizer'],
  ],
  [
    'activation-offload',
    { ...two, '--cpu-offloading-num-layers': '1' },
    [['--cpu-offloading-num-layers'], '2', '1'],
  ],
  [
    'activation-offload',
    { ...full, '--cpu-offloading-num-layers': '1' },
    // Units of one layer are full recomputation.
    [['--cpu-offloading-num-layers'], 'full', 'none'],
  ],
  [
    'fp8-parameter-gather',
    { '--fp8-param-gather': '' },
    [['--fp8-param-gather'], 'nothing', '--use-distributed-optimizer'],
  ],

  // Sharded parameters: everything right but one.
  ['torch-fsdp', torchFsdp, null],
  ['torch-fsdp', { ...torchFsdp, ...two }, [['--use-torch-fsdp2'], '2', '1', 'FSDP2 in a pipeline']],
  [
    'torch-fsdp',
    { ...torchFsdp, ...experts, '--expert-model-parallel-size': '2' },
    [['--use-torch-fsdp2'], '2', '1', 'FSDP2 with expert parallelism'],
  ],
  [
    'torch-fsdp',
    { ...torchFsdp, '--untie-embeddings-and-output-weights': null },
    [['--use-torch-fsdp2'], 'tied', '--untie-embeddings-and-output-weights', 'FSDP2 with tied embeddings'],
  ],
  [
    'torch-fsdp',
    { ...torchFsdp, '--no-gradient-accumulation-fusion': null },
    [
      ['--use-torch-fsdp2'],
      'nothing',
      '--no-gradient-accumulation-fusion',
      'FSDP2 with fused gradient accumulation',
    ],
  ],
  ['torch-fsdp', { ...torchFsdp, '--fp16': '' }, pair('--use-torch-fsdp2', '--fp16', 'not supported')],
  [
    'torch-fsdp',
    { ...torchFsdp, '--use-distributed-optimizer': '' },
    pair('--use-torch-fsdp2', '--use-distributed-optimizer', 'each shards in its own way'),
  ],
  ['fsdp-checkpoint', { '--use-megatron-fsdp': '' }, [['--ckpt-format'], 'torch_dist', 'fsdp_dtensor']],
  [
    'fsdp-checkpoint',
    { '--use-megatron-fsdp': '', '--ckpt-format': 'zarr' },
    [['--ckpt-format'], 'zarr', 'fsdp_dtensor'],
  ],
  [
    'fsdp-optimizer-name',
    { '--use-megatron-fsdp': '', '--optimizer': 'muon' },
    [['--optimizer'], 'muon', 'adam or sgd'],
  ],

  // Stages.
  [
    'virtual-stage-flags',
    { ...two, [virtual]: '2', [perVirtual]: '8' },
    [
      [perVirtual, virtual],
      `${perVirtual} ${virtual}`,
      'one of them',
      `${perVirtual} and ${virtual} together`,
    ],
  ],
  [
    'layers-per-virtual-stage',
    { ...four, [perVirtual]: '3' },
    [[perVirtual], '3', 'a divisor of 8', '8 layers of a stage do not divide by 3'],
  ],
  [
    'layers-per-virtual-stage',
    { ...four, [perVirtual]: '2', [last]: '8' },
    [[perVirtual, first, last], '2', virtual],
  ],
  // Embedding and loss count: 30 + 2 layers are eight a stage.
  [
    'layers-per-virtual-stage',
    { ...four, '--num-layers': '30', [embedding]: '', [loss]: '', [perVirtual]: '4' },
    null,
  ],
  [
    'layers-per-virtual-stage',
    { ...four, '--num-layers': '31', [loss]: '', [perVirtual]: '3' },
    [[perVirtual], '3', 'a divisor of 8'],
  ],
  [
    'layers-per-virtual-stage',
    { ...four, '--num-layers': '31', [embedding]: '', [perVirtual]: '3' },
    [[perVirtual], '3', 'a divisor of 8'],
  ],
  ['layers-per-virtual-stage', { ...four, [perVirtual]: '-4' }, [[perVirtual], '-4']],
  ['overlap-point-to-point', { ...two, '--no-overlap-p2p-communication': '' }, null],
  [
    'overlap-point-to-point',
    { ...two, [virtual]: '2', '--no-overlap-p2p-communication': '' },
    [['--no-overlap-p2p-communication'], '2', 'more than 2 stages, or overlap'],
  ],
  [
    'accounted-layers',
    { ...four, [embedding]: '', [loss]: '' },
    [[embedding, loss], '34', 'a multiple of 4', '34 layers with embedding and loss on 4 stages'],
  ],
  ['accounted-layers', { ...four, '--num-layers': '31', [loss]: '' }, null],
  ['accounted-layers', { ...four, '--num-layers': '31', [embedding]: '' }, null],
  // Other flags state the split: other rules judge it.
  ['accounted-layers', { ...four, '--num-layers': '30' }, null],
  ['accounted-layers', { ...four, [loss]: '', [first]: '8' }, null],
  ['accounted-layers', { ...four, [loss]: '', [last]: '8' }, null],
  ['accounted-layers', { ...four, [loss]: '', [layout]: 'Et*8|t*8|t*8|t*8L' }, null],
  ['uneven-stages', { ...four, [last]: '5' }, null],
  [
    'uneven-stages',
    { ...four, [first]: '4', [last]: '8', [loss]: '' },
    [[first, last, embedding, loss], `${first} ${last}`, 'one way'],
  ],
  [
    'uneven-stages',
    { ...four, [first]: '40' },
    [[first], '-8', 'layers for every stage', '-8 layers left for 3 middle stages'],
  ],
  // One stage that holds all is accepted (no layers and no stages are left); two ends need two stages.
  ['uneven-stages', { [first]: '32' }, null],
  ['uneven-stages', { [first]: '8' }, [[first], '24', 'layers for every stage']],
  [
    'uneven-stages',
    { [first]: '16', [last]: '16' },
    [[first, last], '0', 'layers for every stage', '0 layers left for -1 middle stages'],
  ],
  [
    'uneven-stages',
    { ...two, [first]: '15', [last]: '16' },
    [[first, last], '1', 'layers for every stage', '1 layers left for 0 middle stages'],
  ],
  [
    'uneven-stages',
    { ...four, [first]: '7', [last]: '8' },
    [[first, last], '17', 'a multiple of 2', '17 layers do not divide over 2 middle stages'],
  ],
  // Two virtual stages: ends of 8 and 10, middles of 7.
  [
    'uneven-stages',
    { ...four, [first]: '8', [last]: '10', [virtual]: '2' },
    [[first, last], '7', 'a multiple of 2', '7 layers of a stage do not divide over 2 virtual stages'],
  ],
  // Three stages of 8 and a last one of 9.
  [
    'uneven-stages',
    { ...four, '--num-layers': '33', [last]: '9', [virtual]: '2' },
    [[last], '9', 'a multiple of 2'],
  ],
  ['uneven-stages', { ...two, [first]: '14', [last]: '18', [virtual]: '2' }, null],

  // Layouts.
  [
    'layout',
    { ...two, [layout]: 'Et*16|t*16L', [first]: '16', [loss]: '' },
    [[layout, first, loss], 'Et*16|t*16L', 'the layout alone', `a layout beside ${first}, ${loss}`],
  ],
  [
    'layout',
    { ...two, [layout]: 'Ex*16|t*16L' },
    [[layout], 'Ex*16|t*16L', 'E, t, m, L, |, (…)*n and *n', 'a layout with unknown letters'],
  ],
  [
    'layout',
    { ...two, [layout]: 'Et*16|t*8|t*8L' },
    [[layout], '3', 'a multiple of 2', '3 stages in the layout'],
  ],
  ['layout', { ...two, [layout]: 'Et*16E|t*16L' }, [[layout], 'Et*16E|t*16L', 'E…L']],
  ['layout', { ...two, [layout]: 'Et*16L|t*16L' }, [[layout], 'Et*16L|t*16L', 'E…L']],
  ['layout', { ...two, [layout]: 'Et*16|Lt*16' }, [[layout], 'Et*16|Lt*16', 'E…L']],
  [
    'layout',
    { ...two, [layout]: 'Et*16|t*15L' },
    [[layout, '--num-layers'], '31', '32', '31 layers in the layout, 32 in the model'],
  ],
  [
    'layout',
    { ...two, [layout]: 'Et*16|t*16mL' },
    [[layout, '--mtp-num-layers'], '1', '0', '1 prediction layers in the layout, 0 in the model'],
  ],
  // All after the decoder, yet on two stages.
  [
    'layout',
    { ...two, [layout]: 'Et*16|t*16|m|mL', '--mtp-num-layers': '2' },
    [[layout], 'Et*16|t*16|m|mL', 'all m on one stage, after every t'],
  ],
  // On one stage, just before the last layer of the decoder.
  [
    'layout',
    { ...two, [layout]: 'Et*16|t*15mtL', '--mtp-num-layers': '1' },
    [[layout], 'Et*16|t*15mtL', 'all m on one stage, after every t'],
  ],
  ['layout-prediction-stage', { ...two, [layout]: 'Et*16|t*16L' }, null],
  ['layout-prediction-stage', { ...two, [layout]: 'x', '--mtp-num-layers': '1' }, null],
  ['layout-prediction-stage', { ...two, [layout]: 'Et*16|t*16||mL', '--mtp-num-layers': '1' }, null],
  [
    'layout-prediction-stage',
    { ...two, [layout]: 'Et*32m|||L', '--mtp-num-layers': '1' },
    [[layout], '0', 'stage 2 or later'],
  ],
];

describe('every clause of the rules about flags', () => {
  it.each(table.map(([id, change, blame], index) => [id, index, change, blame] as const))(
    '%s (%i)',
    (id, _, change, blame) => {
      const found = findingsOf(id, change);
      if (blame === null) {
        expect(found).toEqual([]);
        return;
      }
      const [flags, value, expected, message] = blame;
      expect(found).toMatchObject([
        {
          level: 'error',
          flags,
          found: value,
          ...(expected === undefined ? {} : { expected }),
          ...(message === undefined ? {} : { message }),
        },
      ]);
    },
  );
});

describe('CUDA_DEVICE_MAX_CONNECTIONS', () => {
  const variable = 'CUDA_DEVICE_MAX_CONNECTIONS';
  const of = (change: Change, environment: ValidationOptions['environment']): ArgumentFinding[] =>
    findingsOf('device-connections', change, { environment });
  const sharded = { '--use-megatron-fsdp': '', '--data-parallel-sharding-strategy': 'optim_grads_params' };

  it('one with tensor parallelism before Blackwell', () => {
    expect(of(tensor, {})).toMatchObject([
      {
        level: 'error',
        flags: [variable],
        found: 'unset',
        expected: '1',
        message: `${variable} must be 1 with tensor or context parallelism before Blackwell`,
      },
    ]);
    expect(of(tensor, { [variable]: '8' })).toMatchObject([{ found: '8' }]);
    expect(of(tensor, { [variable]: '1' })).toEqual([]);
  });

  it('cannot be decided where the environment is unknown, if one is wanted', () => {
    expect(of(tensor, undefined)).toMatchObject([
      { level: 'unchecked', flags: [variable], message: `needs the value of ${variable}` },
    ]);
    expect(of(sharded, undefined)).toEqual([]);
    expect(of({}, undefined)).toEqual([]);
  });

  it('not one with sharded parameters; a warning where FSDP shards nothing', () => {
    expect(of(sharded, { [variable]: '1' })).toMatchObject([
      { level: 'error', flags: [variable], found: '1', expected: 'unset, or above 1' },
    ]);
    expect(of(sharded, { [variable]: '8' })).toEqual([]);
    expect(of(sharded, {})).toEqual([]);
    expect(of(torchFsdp, { [variable]: '1' })).toMatchObject([{ level: 'error', found: '1' }]);
    const nothing = { '--use-megatron-fsdp': '', '--data-parallel-sharding-strategy': 'no_shard' };
    expect(of(nothing, { [variable]: '1' })).toMatchObject([{ level: 'warning' }]);
  });
});
