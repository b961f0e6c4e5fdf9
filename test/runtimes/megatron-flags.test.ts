/** Rules about flags: each broken once and passed once, beside the recorded verdicts of Megatron itself. */
import { describe, expect, it } from 'vitest';
import { argumentRules } from '../../src/runtimes/megatron/validate.ts';
import type { ArgumentFinding, ValidationOptions } from '../../src/runtimes/megatron/validate.ts';
import { sourceTable } from './source-table.ts';
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
const wordsFor = (change: Readonly<Record<string, string | null>>): string[] =>
  Object.entries({ ...base, ...change }).flatMap(([flag, value]) =>
    value === null ? [] : value === '' ? [flag] : [flag, ...value.split(' ')],
  );

const options: ValidationOptions = {
  world: 16,
  environment: { CUDA_DEVICE_MAX_CONNECTIONS: '1' },
  architecture: 'hopper',
  version: '0.20',
};

type Change = Readonly<Record<string, string | null>>;

const findings = (change: Change, overrides: Partial<ValidationOptions> = {}): readonly ArgumentFinding[] =>
  validateArguments(wordsFor(change), { ...options, ...overrides });

const experts = { '--num-experts': '8', '--disable-bias-linear': '', '--moe-grouped-gemm': '' };
const full = {
  '--recompute-granularity': 'full',
  '--recompute-method': 'uniform',
  '--recompute-num-layers': '1',
};
const two = { '--pipeline-model-parallel-size': '2' };
const four = { '--pipeline-model-parallel-size': '4' };
const layout = '--pipeline-model-parallel-layout';
const first = '--decoder-first-pipeline-num-layers';
const last = '--decoder-last-pipeline-num-layers';

const table: readonly (readonly [string, Change, Change])[] = [
  ['required-flags', { '--hidden-size': null }, {}],
  ['required-flags', { '--num-layers': null }, { '--num-layers': null, '--encoder-num-layers': '32' }],
  ['required-flags', { '--seq-length': null }, { '--seq-length': null, '--use-checkpoint-args': '' }],
  ['positive-sizes', { '--micro-batch-size': '0' }, { '--micro-batch-size': '2' }],
  [
    'weight-shards',
    { '--tensor-model-parallel-size': '2', '--tensor-parallel-num-weight-shards': '3' },
    { '--tensor-model-parallel-size': '2', '--tensor-parallel-num-weight-shards': '4' },
  ],
  [
    'head-width',
    { '--num-attention-heads': '48', '--group-query-attention': '' },
    { '--num-attention-heads': '48', '--kv-channels': '128' },
  ],
  [
    'latent-attention-groups',
    { '--multi-latent-attention': '', '--group-query-attention': '' },
    { '--multi-latent-attention': '' },
  ],
  ['precision-exclusive', { '--bf16': '', '--fp16': '' }, { '--bf16': '' }],
  ['fp4-fp8-exclusive', { '--fp8-format': 'hybrid', '--fp4-format': 'e2m1' }, { '--fp8-format': 'hybrid' }],
  ['sequence-positions', { '--seq-length': '8192' }, { '--seq-length': '2048' }],
  [
    'batch-schedule',
    { '--step-batch-size-schedule': '0:16' },
    { '--step-batch-size-schedule': '0:16', '--global-batch-size': null },
  ],
  ['train-length', { '--train-iters': '5', '--train-samples': '5' }, { '--train-samples': '5' }],
  [
    'cross-entropy-fusion',
    { '--cross-entropy-loss-fusion': '', '--cross-entropy-fusion-impl': 'te' },
    { '--cross-entropy-loss-fusion': '', '--cross-entropy-fusion-impl': 'native' },
  ],
  [
    'virtual-stage-flags',
    { ...two, '--num-virtual-stages-per-pipeline-rank': '2', '--num-layers-per-virtual-pipeline-stage': '8' },
    { ...two, '--num-virtual-stages-per-pipeline-rank': '2' },
  ],
  [
    'layers-per-virtual-stage',
    { ...four, '--num-layers-per-virtual-pipeline-stage': '3' },
    { ...four, '--num-layers-per-virtual-pipeline-stage': '4' },
  ],
  [
    'layers-per-virtual-stage',
    { ...four, '--num-layers-per-virtual-pipeline-stage': '2', [first]: '8' },
    { ...four, '--num-layers-per-virtual-pipeline-stage': '2' },
  ],
  [
    'overlap-point-to-point',
    { ...two, '--num-virtual-stages-per-pipeline-rank': '2', '--no-overlap-p2p-communication': '' },
    { ...four, '--num-virtual-stages-per-pipeline-rank': '2', '--no-overlap-p2p-communication': '' },
  ],
  [
    'accounted-layers',
    { ...four, '--account-for-loss-in-pipeline-split': '' },
    {
      ...four,
      '--num-layers': '30',
      '--account-for-loss-in-pipeline-split': '',
      '--account-for-embedding-in-pipeline-split': '',
    },
  ],
  ['uneven-stages', { ...four, [first]: '7', [last]: '8' }, { ...four, [first]: '7', [last]: '9' }],
  [
    'uneven-stages',
    { ...four, [first]: '5', '--account-for-loss-in-pipeline-split': '' },
    { ...four, [first]: '5' },
  ],
  ['uneven-stages', { [first]: '8' }, { ...two, [first]: '8' }],
  ['uneven-stages', { ...two, [first]: '15', [last]: '16' }, { ...two, [first]: '15', [last]: '17' }],
  [
    'uneven-stages',
    { ...four, [first]: '5', '--num-virtual-stages-per-pipeline-rank': '3' },
    { ...four, [first]: '5', '--num-virtual-stages-per-pipeline-rank': '1' },
  ],
  ['layout', { ...two, [layout]: 'Et*16|t*15L' }, { ...two, [layout]: 'Et*15|t*17L' }],
  ['layout', { ...two, [layout]: 'Et*16|t*16L', [first]: '16' }, { ...two, [layout]: 'Et*16|t*16L' }],
  ['layout', { ...two, [layout]: 't*16E|t*16L' }, { ...two, [layout]: 'E|t*32L' }],
  ['layout', { ...two, [layout]: 'Et*16|t*16' }, { ...two, [layout]: 'E,t*16|t*16,L' }],
  ['layout', { ...two, [layout]: 'Et*16|t*8|t*8L' }, { ...two, [layout]: 'Et*8|t*8|t*8|t*8L' }],
  [
    'layout',
    { ...two, [layout]: 'Et*16|t*16mL' },
    { ...two, [layout]: 'Et*16|t*16mL', '--mtp-num-layers': '1' },
  ],
  [
    'layout',
    { ...two, [layout]: 'Et*16m|t*16mL', '--mtp-num-layers': '2' },
    { ...two, [layout]: 'Et*16|t*16mmL', '--mtp-num-layers': '2' },
  ],
  [
    'layout-prediction-stage',
    { ...two, [layout]: 'Et*16|t*16m||L', '--mtp-num-layers': '1' },
    { ...two, [layout]: 'Et*16|t*16|m|L', '--mtp-num-layers': '1' },
  ],
  ['recompute-full', { '--recompute-granularity': 'full' }, full],
  ['recompute-full', { ...full, '--recompute-num-layers': null }, full],
  [
    'recompute-selective',
    { '--recompute-granularity': 'selective', '--recompute-num-layers': '1' },
    { '--recompute-granularity': 'selective' },
  ],
  [
    'recompute-selective',
    { '--recompute-granularity': 'selective', '--recompute-modules': 'attention' },
    { '--recompute-granularity': 'selective', '--recompute-modules': 'core_attn mlp' },
  ],
  [
    'recompute-activation-without-grouped',
    {
      ...experts,
      '--bf16': '',
      '--moe-grouped-gemm': null,
      '--recompute-granularity': 'selective',
      '--recompute-modules': 'moe_act',
    },
    { ...experts, '--bf16': '', '--recompute-granularity': 'selective', '--recompute-modules': 'moe_act' },
  ],
  [
    'distribute-saved-activations',
    { ...full, '--distribute-saved-activations': '' },
    { ...full, '--tensor-model-parallel-size': '2', '--distribute-saved-activations': '' },
  ],
  [
    'distribute-saved-activations',
    {
      ...full,
      '--tensor-model-parallel-size': '2',
      '--sequence-parallel': '',
      '--distribute-saved-activations': '',
    },
    { ...full, '--tensor-model-parallel-size': '2', '--sequence-parallel': '' },
  ],
  [
    'context-hierarchy-sizes',
    {
      '--context-parallel-size': '4',
      '--cp-comm-type': 'a2a+p2p',
      '--hierarchical-context-parallel-sizes': '2 4',
    },
    {
      '--context-parallel-size': '4',
      '--cp-comm-type': 'a2a+p2p',
      '--hierarchical-context-parallel-sizes': '2 2',
    },
  ],
  [
    'context-hierarchy-sizes',
    { '--context-parallel-size': '4', '--cp-comm-type': 'a2a+p2p' },
    { '--context-parallel-size': '4', '--cp-comm-type': 'a2a' },
  ],
  [
    'context-communication-list',
    { '--cp-comm-type': 'p2p a2a', '--context-parallel-size': '2' },
    { '--cp-comm-type': 'p2p a2a', '--context-parallel-size': '2', '--num-layers': '2' },
  ],
  [
    'hybrid-context',
    {
      ...two,
      '--context-parallel-size': '2',
      '--hybrid-context-parallel': '',
      '--calculate-per-token-loss': '',
    },
    { '--context-parallel-size': '2', '--hybrid-context-parallel': '', '--calculate-per-token-loss': '' },
  ],
  [
    'hybrid-context',
    { '--context-parallel-size': '2', '--hybrid-context-parallel': '' },
    { '--context-parallel-size': '2' },
  ],
  [
    'deepep-dispatcher',
    { ...experts, '--moe-enable-deepep': '' },
    { ...experts, '--moe-enable-deepep': '', '--moe-token-dispatcher-type': 'flex' },
  ],
  [
    'shared-expert-overlap',
    { ...experts, '--moe-shared-expert-overlap': '', '--moe-shared-expert-intermediate-size': '1024' },
    { ...experts, '--moe-shared-expert-overlap': '', '--moe-token-dispatcher-type': 'alltoall' },
  ],
  [
    'delayed-weight-gradient',
    { '--delay-wgrad-compute': '' },
    { '--delay-wgrad-compute': '', '--overlap-moe-expert-parallel-comm': '' },
  ],
  [
    'gather-with-optimizer-step',
    { '--overlap-param-gather-with-optimizer-step': '' },
    {
      ...two,
      '--num-virtual-stages-per-pipeline-rank': '2',
      '--use-distributed-optimizer': '',
      '--overlap-grad-reduce': '',
      '--overlap-param-gather': '',
      '--overlap-param-gather-with-optimizer-step': '',
    },
  ],
  [
    'offload-precision-aware',
    { '--optimizer-cpu-offload': '' },
    { '--optimizer-cpu-offload': '', '--use-precision-aware-optimizer': '' },
  ],
  [
    'precision-aware-sharded',
    { '--use-precision-aware-optimizer': '' },
    { '--use-precision-aware-optimizer': '', '--use-distributed-optimizer': '' },
  ],
  [
    'activation-offload',
    { ...two, '--cpu-offloading-num-layers': '4' },
    { '--cpu-offloading-num-layers': '4' },
  ],
  [
    'activation-offload',
    { ...full, '--cpu-offloading-num-layers': '4' },
    { ...full, '--cpu-offloading-num-layers': '0' },
  ],
  [
    'fp8-parameter-gather',
    { '--fp8-param-gather': '' },
    { '--fp8-param-gather': '', '--use-distributed-optimizer': '' },
  ],
  ['torch-fsdp', { ...two, '--use-torch-fsdp2': '' }, two],
  [
    'torch-fsdp',
    { '--use-torch-fsdp2': '' },
    {
      '--use-torch-fsdp2': '',
      '--untie-embeddings-and-output-weights': '',
      '--no-gradient-accumulation-fusion': '',
    },
  ],
  [
    'torch-fsdp',
    { ...experts, '--use-torch-fsdp2': '', '--expert-model-parallel-size': '2' },
    { ...experts, '--expert-model-parallel-size': '2' },
  ],
  [
    'torch-fsdp',
    {
      '--use-torch-fsdp2': '',
      '--untie-embeddings-and-output-weights': '',
      '--no-gradient-accumulation-fusion': '',
      '--use-distributed-optimizer': '',
    },
    { '--use-distributed-optimizer': '' },
  ],
  [
    'fsdp-checkpoint',
    { '--use-megatron-fsdp': '' },
    { '--use-megatron-fsdp': '', '--ckpt-format': 'fsdp_dtensor' },
  ],
  [
    'fsdp-optimizer-name',
    { '--use-megatron-fsdp': '', '--optimizer': 'muon' },
    { '--use-megatron-fsdp': '', '--optimizer': 'sgd' },
  ],
  [
    'device-connections',
    { '--use-megatron-fsdp': '', '--data-parallel-sharding-strategy': 'optim_grads' },
    { '--tensor-model-parallel-size': '2' },
  ],
  [
    'sequence-parallel-off',
    { '--tensor-model-parallel-size': '2' },
    { '--tensor-model-parallel-size': '2', '--sequence-parallel': '' },
  ],
  [
    'expert-tensor-inherited',
    { ...experts, '--tensor-model-parallel-size': '2', '--sequence-parallel': '' },
    {
      ...experts,
      '--tensor-model-parallel-size': '2',
      '--sequence-parallel': '',
      '--expert-tensor-parallel-size': '1',
    },
  ],
  ['world-divisible', { '--tensor-model-parallel-size': '3' }, { '--tensor-model-parallel-size': '4' }],
  ['unknown-flag', { '--tensor-parallel-size': '2' }, { '--tensor-model-parallel-size': '2' }],
  ['batch-divisible', { '--global-batch-size': '30' }, { '--global-batch-size': '32' }],
];

/** What Megatron runs, and nobody wants. */
const harmful = new Set(['sequence-parallel-off', 'expert-tensor-inherited']);

describe('each rule about flags', () => {
  it.each(table.map(([id, breaks, passes], index) => [id, index, breaks, passes] as const))(
    '%s (%i)',
    (id, _, breaks, passes) => {
      const of = (change: Change) => findings(change).filter(({ rule }) => rule === `megatron/${id}`);
      const found = of(breaks);
      expect(found).toMatchObject([{ level: harmful.has(id) ? 'warning' : 'error' }]);
      for (const finding of found) {
        expect(finding.message).not.toBe('');
        expect(finding.expected).not.toBe('');
        expect(finding.flags.length).toBeGreaterThan(0);
      }
      expect(of(passes)).toEqual([]);
    },
  );

  it('is in the table', () => {
    const tested = new Set([...table, ...sourceTable].map(([id]) => id));
    expect(argumentRules.map(({ id }) => id).filter((id) => !tested.has(id))).toEqual([]);
  });
});

describe('the environment', () => {
  const tensor = { '--tensor-model-parallel-size': '2' };
  const connections = (change: Change, overrides: Partial<ValidationOptions>): string[] =>
    findings(change, overrides)
      .filter(({ rule }) => rule === 'megatron/device-connections')
      .map(({ level }) => level);

  it('is checked where it is known, and by the GPU', () => {
    expect(connections(tensor, { environment: {} })).toEqual(['error']);
    expect(connections(tensor, { environment: { CUDA_DEVICE_MAX_CONNECTIONS: '8' } })).toEqual(['error']);
    expect(connections(tensor, { environment: undefined })).toEqual(['unchecked']);
    expect(connections(tensor, { environment: {}, architecture: 'blackwell' })).toEqual([]);
    expect(connections({}, { environment: {} })).toEqual([]);
    expect(connections({ '--context-parallel-size': '2' }, { environment: {} })).toEqual(['error']);
    const overlap = { ...tensor, ...experts, '--overlap-moe-expert-parallel-comm': '' };
    expect(connections(overlap, { environment: { CUDA_DEVICE_MAX_CONNECTIONS: '32' } })).toEqual([]);
  });
});

describe('versions', () => {
  it('know which flags came later, and leave flags unknown to 0.20 open elsewhere', () => {
    const two14 = { ...two, [layout]: 'Et*15|t*17L' };
    const parse = (change: Change, version: string) =>
      findings(change, { version })
        .filter(({ stage }) => stage === 'parse')
        .map(({ level }) => level);
    expect(parse(two14, '0.12')).toContain('error');
    expect(parse(two14, '0.13')).toEqual([]);
    expect(parse({ '--offload-optimizer-states': '' }, '0.20')).toEqual(['error']);
    expect(parse({ '--offload-optimizer-states': '' }, '0.16')).toEqual(['unchecked']);
  });
});

describe('stages of failure', () => {
  it('are those where Megatron would die', () => {
    const stageOf = (change: Change, rule: string) =>
      findings(change).find((one) => one.rule === `megatron/${rule}`)?.stage;
    expect(
      stageOf(
        { ...experts, '--expert-model-parallel-size': '8', '--tensor-model-parallel-size': '4' },
        'expert-grid',
      ),
    ).toBe('group creation');
    expect(
      stageOf({ ...four, '--num-virtual-stages-per-pipeline-rank': '3' }, 'layers-virtual-divisible'),
    ).toBe('model build');
    // 32 layers on 5 stages: arguments.py asks only where the virtual stages are not given by their number.
    const five = { ...four, '--pipeline-model-parallel-size': '5' };
    expect(stageOf(five, 'layers-divisible')).toBe('startup');
    const interleaved = { ...five, '--num-virtual-stages-per-pipeline-rank': '2' };
    expect(stageOf(interleaved, 'layers-divisible')).toBeUndefined();
    expect(stageOf(interleaved, 'layers-virtual-divisible')).toBe('model build');
    expect(stageOf({ '--group-query-attention': '', '--num-query-groups': '12' }, 'query-groups-heads')).toBe(
      'model build',
    );
    expect(
      stageOf({ ...experts, '--tensor-model-parallel-size': '2' }, 'experts-need-sequence-parallel'),
    ).toBe('first forward');
    expect(
      stageOf(
        { ...four, '--num-virtual-stages-per-pipeline-rank': '2', '--global-batch-size': '24' },
        'micro-batch-group',
      ),
    ).toBe('first step');
  });
});
