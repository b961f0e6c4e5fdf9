/**
 * More rows of source-table.ts: options beside the layout. Read in megatron/training/arguments.py validate_args
 * (svcnemo-autobot/Megatron-LM @ 37b95c51) and core/transformer/transformer_config.py __post_init__ (@ 298c95ff).
 */
import type { SourceRow } from './source-table.ts';

const moe = '--num-experts 8 --disable-bias-linear --moe-grouped-gemm --bf16';
const overlap = `${moe} --expert-model-parallel-size 2 --moe-token-dispatcher-type alltoall --overlap-moe-expert-parallel-comm`;
const delayed = `${overlap} --delay-wgrad-compute --overlap-grad-reduce`;
const deltaNet = '--experimental-attention-variant gdn --linear-attention-freq 4';
const gathers = '--use-distributed-optimizer --overlap-grad-reduce --overlap-param-gather';
const fsdp = '--use-megatron-fsdp --use-distributed-optimizer --ckpt-format fsdp_dtensor';
const free = { environment: {} };
const released = { version: '0.20' };

export const optionRows: readonly SourceRow[] = [
  // Feed-forward activations.
  ['activation-once', '--swiglu --squared-relu', '--squared-relu --disable-bias-linear'],
  ['activation-once', '--swiglu --quick-geglu', '--quick-geglu'],
  ['activation-fusion', '--squared-relu', '--squared-relu --no-bias-gelu-fusion'],
  ['activation-offset', '--swiglu --glu-linear-offset 1.0', '--quick-geglu --glu-linear-offset 1.0'],
  [
    'activation-engine',
    '--swiglu --use-te-activation-func',
    '--swiglu --use-te-activation-func --no-bias-swiglu-fusion',
  ],
  [
    'activation-engine',
    '--squared-relu --disable-bias-linear --use-te-activation-func',
    '--disable-bias-linear --use-te-activation-func',
  ],
  [
    'activation-clamp',
    '--swiglu --activation-func-clamp-value 7.0',
    `${moe} --swiglu --activation-func-clamp-value 7.0`,
  ],
  [
    'activation-clamp',
    `${moe} --swiglu --activation-func-clamp-value 0`,
    `${moe} --activation-func-clamp-value 0`,
  ],
  ['residual-norm-fusion', '--fused-residual-rmsnorm', '--fused-residual-rmsnorm --normalization RMSNorm'],

  // Attention and what stands in its place.
  [
    'delta-net-head-ratio',
    `${deltaNet} --linear-num-value-heads 24`,
    `${deltaNet} --linear-num-value-heads 48`,
  ],
  ['delta-product-reflections', '--gdp-num-householder 0', '--gdp-num-householder 1'],
  [
    'residual-streams-balance',
    '--enable-mhc-connections --mhc-sinkhorn-iterations 0',
    '--mhc-sinkhorn-iterations 0',
  ],
  [
    'rope-skipping-list',
    '--position-embedding-type rope --no-rope-freq ([0]*3+[1]*1)*4',
    '--position-embedding-type rope --no-rope-freq ([0]*3+[1]*1)*8',
  ],
  ['rope-skipping-decode', '--flash-decode --no-rope-freq 4', '--flash-decode'],
  ['attention-backend-local', '--attention-backend local', '--attention-backend local --spec local'],
  ['logit-clipping', '--qk-clip --qk-clip-alpha 1.0', '--qk-clip --qk-clip-alpha 0.9'],
  ['logit-clipping', '--qk-clip --qk-clip-threshold 0', '--qk-clip-threshold 0'],
  [
    'batch-invariant-kernels',
    '--bf16 --batch-invariant-mode --attention-backend flash --attention-dropout 0',
    '--bf16 --batch-invariant-mode --attention-backend flash --attention-dropout 0 --flash-attention-version 3',
  ],
  [
    'inference-threshold-pipeline',
    '--inference-batch-times-seqlen-threshold 512',
    '--inference-batch-times-seqlen-threshold 512 --pipeline-model-parallel-size 2',
  ],

  // Names that are gone, data, logs.
  ['retired-flags', '--batch-size 4', '--micro-batch-size 4', released],
  ['retired-flags', '--warmup 10', '--lr-warmup-fraction 0.1', released],
  ['retired-flags', '--model-parallel-size 2', '--tensor-model-parallel-size 2', released],
  ['retired-flags', '--checkpoint-activations', '--recompute-activations', released],
  ['data-paths-once', '--data-path a --data-args-path b', '--data-args-path b'],
  [
    'data-paths-once',
    '--train-data-path a --per-split-data-args-path b',
    '--train-data-path a --valid-data-path b',
  ],
  ['middle-filling', '--mock-data --fim-data', '--data-path a --fim-data'],
  ['middle-filling', '--data-path a --fim-data --fim-rate 0', '--data-path a --fim-data --fim-rate 0.5'],
  ['memory-log-interval', '--log-memory-interval 150', '--log-memory-interval 200'],
  [
    'memory-log-interval',
    '--log-memory-interval 15 --log-interval 10',
    '--log-memory-interval 15 --log-interval 5',
  ],

  // Checkpoints.
  [
    'save-parameters-gather',
    `${gathers} --save checkpoints --save-interval 10 --save-params-interval 10`,
    `${gathers} --save checkpoints --save-interval 10`,
  ],
  [
    'checkpoint-conversion',
    '--ckpt-convert-format torch_dist --load checkpoints',
    '--ckpt-convert-format torch_dist --load checkpoints --ckpt-convert-save converted',
  ],
  ['non-persistent-kind', '--non-persistent-ckpt-type in_memory', '--non-persistent-ckpt-type global'],
  [
    'non-persistent-kind',
    '--non-persistent-ckpt-type local',
    '--non-persistent-ckpt-type local --non-persistent-local-ckpt-dir nvme',
  ],
  [
    'checkpoint-replication',
    '--replication --non-persistent-ckpt-type local --non-persistent-local-ckpt-dir nvme',
    '--replication --replication-jump 8 --non-persistent-ckpt-type local --non-persistent-local-ckpt-dir nvme',
  ],
  [
    'checkpoint-cache-groups',
    '--ckpt-pg-tensors-cache-path cache --ckpt-fully-parallel-load-process-group ep_dp',
    '--ckpt-pg-tensors-cache-path cache --ckpt-fully-parallel-load-process-group ep_dp --ckpt-fully-parallel-save-process-group ep_dp',
  ],
  [
    'gloo-reshard',
    '--use-distributed-optimizer --disable-gloo-process-groups --dist-ckpt-optim-fully-reshardable --distrib-optim-fully-reshardable-mem-efficient',
    '--use-distributed-optimizer --dist-ckpt-optim-fully-reshardable --distrib-optim-fully-reshardable-mem-efficient',
  ],

  // Experts and narrow formats.
  [
    'grouped-tensor-products',
    '--num-experts 8 --disable-bias-linear --moe-use-grouped-tensor',
    `${moe} --moe-use-grouped-tensor`,
  ],
  [
    'single-grouped-parameters',
    `${moe} --moe-single-grouped-weight`,
    `${moe} --moe-single-grouped-weight --moe-use-grouped-tensor`,
  ],
  [
    'single-grouped-parameters',
    `${moe} --moe-single-grouped-bias --moe-use-grouped-tensor`,
    '--num-experts 8 --moe-grouped-gemm --moe-single-grouped-bias --moe-use-grouped-tensor',
  ],
  [
    'narrow-dispatch',
    `${moe} --moe-dispatch-fwd-dtype mxfp8`,
    `${moe} --expert-model-parallel-size 2 --moe-dispatch-fwd-dtype mxfp8 --moe-token-dispatcher-type flex --moe-flex-dispatcher-backend ncclep --use-transformer-engine-op-fuser`,
  ],
  [
    'paged-stash',
    `${moe} --moe-paged-stash`,
    `${moe} --expert-model-parallel-size 2 --moe-paged-stash --moe-token-dispatcher-type flex --moe-flex-dispatcher-backend hybridep --moe-expert-rank-capacity-factor 1.5`,
  ],
  [
    'fp4-custom-quantizer',
    '--bf16 --fp4-format e2m1 --fp4-recipe custom',
    '--bf16 --fp4-format e2m1 --fp4-recipe custom --fp4-quantizer-factory package.factory',
    { architecture: 'blackwell' },
  ],

  // Sharded parameters.
  [
    'fsdp-weight-hash',
    `${fsdp} --check-weight-hash-across-dp-replicas-interval 10`,
    `${fsdp} --data-parallel-sharding-strategy optim_grads --check-weight-hash-across-dp-replicas-interval 10`,
    free,
  ],
  [
    'fsdp-grouped-parameters',
    `${fsdp} ${moe} --moe-single-grouped-weight --moe-use-grouped-tensor`,
    `${fsdp} ${moe} --moe-use-grouped-tensor`,
    free,
  ],

  // Captured graphs.
  [
    'graph-modules-once',
    '--cuda-graph-impl local --cuda-graph-scope attn --cuda-graph-modules attn',
    '--cuda-graph-impl local --cuda-graph-scope attn',
  ],
  [
    'graph-module-names',
    '--cuda-graph-impl local --cuda-graph-modules attention',
    '--cuda-graph-impl local --cuda-graph-modules attn',
  ],
  ['graph-module-names', '--cuda-graph-scope whole', '--cuda-graph-scope full'],
  [
    'graph-old-modules',
    '--cuda-graph-impl transformer_engine --cuda-graph-scope full_iteration',
    '--cuda-graph-impl local --cuda-graph-scope full_iteration --no-check-for-nan-in-loss-and-grad',
  ],
  [
    'graph-old-modules',
    '--external-cuda-graph --cuda-graph-scope full_iteration',
    '--external-cuda-graph --cuda-graph-scope full',
  ],
  [
    'graph-old-modules',
    '--cuda-graph-impl local --cuda-graph-modules full attn',
    '--cuda-graph-impl local --cuda-graph-modules attn mlp',
  ],
  // The whole iteration by its older name, and the whole layer by its own.
  [
    'graph-iteration-checks',
    '--cuda-graph-impl local --cuda-graph-scope full_iteration',
    '--cuda-graph-impl local --cuda-graph-scope full_iteration --no-check-for-nan-in-loss-and-grad',
  ],
  [
    'graph-dropout',
    '--cuda-graph-impl local --cuda-graph-scope full --recompute-granularity selective',
    '--cuda-graph-impl local --cuda-graph-scope full --recompute-granularity selective --attention-dropout 0',
  ],
  // Patterns, experts, checkpoints.
  ['layer-pattern-text', `${moe} --moe-layer-freq [a]*32`, `${moe} --moe-layer-freq [1]*32`],
  ['layer-pattern-text', `${moe} --moe-layer-freq ([0]*3+[1]*29`, `${moe} --moe-layer-freq ([0]*3+[1]*29)`],
  ['layer-pattern-text', '--no-rope-freq four', '--no-rope-freq 4'],
  [
    'flex-processors',
    `${moe} --moe-deepep-num-sms 20 --moe-hybridep-num-sms 16`,
    `${moe} --moe-deepep-num-sms 20 --moe-hybridep-num-sms 20`,
  ],
  [
    'flex-processors',
    `${moe} --moe-deepep-num-sms 20 --moe-hybridep-num-sms 16`,
    `${moe} --moe-deepep-num-sms 20 --moe-hybridep-num-sms 16 --moe-flex-dispatcher-num-sms 24`,
  ],
  ['experts-counted', '--num-experts -8', '--num-experts 0'],
  ['checkpoint-iteration', '--finetune --override-ckpt-iteration 5', '--override-ckpt-iteration 5'],
  [
    'graph-dense-module',
    `${moe} --cuda-graph-impl transformer_engine --cuda-graph-modules mlp`,
    `${moe} --moe-layer-freq ([0]*1+[1]*31) --cuda-graph-impl transformer_engine --cuda-graph-modules mlp`,
  ],
  [
    'graph-preprocess-copies',
    `${moe} --moe-token-dispatcher-type alltoall --moe-expert-capacity-factor 1 --cuda-graph-impl transformer_engine --cuda-graph-modules moe_router moe_preprocess`,
    `${moe} --moe-token-dispatcher-type alltoall --cuda-graph-impl transformer_engine --cuda-graph-modules moe_router moe_preprocess`,
  ],
  [
    'graph-recomputed-experts',
    `${moe} --cuda-graph-impl transformer_engine --cuda-graph-modules moe_router --recompute-granularity selective --recompute-modules moe`,
    `${moe} --cuda-graph-impl transformer_engine --cuda-graph-modules attn --recompute-granularity selective --recompute-modules moe`,
  ],
  [
    'graph-dropout',
    '--cuda-graph-impl local --recompute-granularity selective',
    '--cuda-graph-impl local --recompute-granularity selective --attention-dropout 0',
  ],
  [
    'graph-dropout',
    '--cuda-graph-impl local --cuda-graph-modules mlp --recompute-granularity selective --recompute-modules mlp',
    '--cuda-graph-impl local --cuda-graph-modules attn --recompute-granularity selective --recompute-modules mlp',
  ],
  [
    'graph-overlap-expert',
    `${overlap} --moe-layer-freq ([0]*1+[1]*31) --cuda-graph-impl transformer_engine --cuda-graph-modules mlp`,
    `${overlap} --cuda-graph-impl transformer_engine --cuda-graph-modules attn moe_router`,
  ],
  [
    'graph-delayed-gradient',
    `${delayed} --cuda-graph-impl transformer_engine --cuda-graph-modules attn --no-gradient-accumulation-fusion`,
    `${delayed} --cuda-graph-impl transformer_engine --cuda-graph-modules attn`,
  ],
  [
    'graph-delayed-gradient',
    `${delayed} --add-qkv-bias --cuda-graph-impl transformer_engine --cuda-graph-modules attn`,
    `${delayed} --add-qkv-bias --cuda-graph-impl transformer_engine --cuda-graph-modules moe_router`,
  ],
];
