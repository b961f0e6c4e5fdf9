/**
 * Verdicts derived by reading Megatron-LM, of flag sets that planner's authors wrote: what start-up checks
 * (megatron/training/arguments.py validate_args, core/transformer/transformer_config.py __post_init__ at mcore 0.20;
 * NVIDIA/Megatron-LM @ d98e8a64, and @ 571e217f where that file is not kept) say of a base with some flags changed.
 * Each row: a rule, flags that break it, flags close by that pass every check.
 */

import { optionRows } from './source-table-options.ts';

/** Changes of the base: `--flag value …` words; `-x` before a flag takes it away. */
export type FlagText = string;

export interface Circumstances {
  readonly world?: number;
  readonly version?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly architecture?: 'blackwell';
}

export type SourceRow = readonly [
  rule: string,
  breaks: FlagText,
  passes: FlagText,
  circumstances?: Circumstances,
];

const moe = '--num-experts 8 --disable-bias-linear --moe-grouped-gemm --bf16';
const ep2 = `${moe} --expert-model-parallel-size 2 --moe-token-dispatcher-type alltoall`;
const overlap = `${ep2} --overlap-moe-expert-parallel-comm`;
const fp8 = '--bf16 --fp8-format hybrid';
const mla = '--multi-latent-attention --position-embedding-type rope';
const fsdp = '--use-megatron-fsdp --use-distributed-optimizer --ckpt-format fsdp_dtensor';
const free = { environment: {} };
const fine = '--bf16 --fine-grained-activation-offloading';
const v1 = { environment: { CUDA_DEVICE_MAX_CONNECTIONS: '1', NVTE_CPU_OFFLOAD_V1: '1' } };
const gtp = '--tensor-model-parallel-size 2 --sequence-parallel --tensor-parallel-num-weight-shards 4';
const pattern = '-x --num-layers --hybrid-layer-pattern M*M-M*M-';

export const sourceTable: readonly SourceRow[] = [
  // Length of training, learning rate, data.
  [
    'iterations-in-samples',
    '--train-iters 10 --lr-decay-samples 100',
    '--train-iters 10 --lr-decay-iters 10',
  ],
  [
    'iterations-in-samples',
    '--train-iters 10 --lr-warmup-samples 5',
    '--train-iters 10 --lr-warmup-samples 5 --skip-train',
  ],
  [
    'samples-in-iterations',
    '--train-samples 640 --lr-decay-iters 10',
    '--train-samples 640 --lr-decay-samples 640',
  ],
  [
    'samples-in-iterations',
    '--train-samples 640 --lr-warmup-iters 2',
    '--train-samples 640 --lr-warmup-iters 0',
  ],
  [
    'warmup-once',
    '--train-iters 10 --lr-warmup-fraction 0.1 --lr-warmup-iters 2',
    '--train-iters 10 --lr-warmup-fraction 0.1',
  ],
  ['minimum-learning-rate', '--lr 1e-5 --min-lr 3e-5', '--lr 3e-4 --min-lr 3e-5'],
  ['save-interval', '--save checkpoints', '--save checkpoints --save-interval 100'],
  [
    'save-retain-interval',
    '--save checkpoints --save-interval 100 --save-retain-interval 150',
    '--save checkpoints --save-interval 100 --save-retain-interval 300',
  ],
  ['data-sources', '--mock-data --data-path a_text_document', '--data-path 0.5 a 0.5 b'],
  [
    'weight-decay-schedule',
    '--start-weight-decay 0.1',
    '--weight-decay-incr-style cosine --start-weight-decay 0.01 --end-weight-decay 0.1',
  ],
  [
    'weight-decay-schedule',
    '--weight-decay-incr-style linear --start-weight-decay 0.1',
    '--weight-decay 0.1',
  ],
  ['layers-once', '--encoder-num-layers 32', '-x --num-layers --encoder-num-layers 32'],
  ['sequence-once', '--encoder-seq-length 4096', '-x --seq-length --encoder-seq-length 4096'],
  ['sequence-positions', '--decoder-seq-length 8192', '--decoder-seq-length 4096'],
  [
    'ramp-in-iterations',
    '--rampup-batch-size 16 16 1000 --train-iters 10',
    '--rampup-batch-size 16 16 1000 --train-samples 10000',
    { version: '0.15' },
  ],
  ['ramp-steps', '--rampup-batch-size 16 20 1000', '--rampup-batch-size 16 16 1000'],
  ['ramp-steps', '--rampup-batch-size 128 16 1000', '--rampup-batch-size 32 32 1000'],
  ['ramp-divisible', '--rampup-batch-size 8 8 1000', '--rampup-batch-size 16 16 1000'],
  ['evaluation-batch-divisible', '--eval-global-batch-size 24', '--eval-global-batch-size 32'],
  ['evaluation-batch-divisible', '--eval-micro-batch-size 3', '--eval-micro-batch-size 2'],

  // Narrow formats.
  [
    'fp8-parameters-need-fp8',
    '--bf16 --use-distributed-optimizer --fp8-param-gather',
    `${fp8} --use-distributed-optimizer --fp8-param-gather`,
  ],
  [
    'fp8-parameter-gather',
    `${fp8} --fp8-param-gather`,
    `${fp8} --use-distributed-optimizer --fp8-param-gather`,
  ],
  [
    'fp4-parameters-need-fp4',
    '--bf16 --fp4-param-gather',
    '--bf16 --fp4-format e2m1 --fp4-param-gather',
    { architecture: 'blackwell' },
  ],
  [
    'fp8-ends-recipe',
    `${fp8} --first-last-layers-bf16`,
    `${fp8} --fp8-recipe blockwise --first-last-layers-bf16`,
  ],
  [
    'fp8-ends-layers',
    `${fp8} --fp8-recipe blockwise --first-last-layers-bf16 --pipeline-model-parallel-size 16 --num-layers-at-start-in-bf16 3`,
    `${fp8} --fp8-recipe blockwise --first-last-layers-bf16 --pipeline-model-parallel-size 16 --num-layers-at-start-in-bf16 2`,
  ],
  [
    'fp8-custom-quantizer',
    `${fp8} --fp8-recipe custom`,
    `${fp8} --fp8-recipe custom --fp8-quantizer-factory a.b`,
  ],
  ['fp8-output-layer', `${fp8} --fp8-recipe blockwise --fp8-output-proj`, `${fp8} --fp8-recipe blockwise`],
  [
    'fp8-recompute-recipe',
    `${fp8} --recompute-granularity selective --recompute-modules layernorm`,
    `${fp8} --fp8-recipe blockwise --recompute-granularity selective --recompute-modules layernorm`,
  ],
  [
    'offload-fp8-parameters',
    `${fp8} --fp8-recipe blockwise --use-distributed-optimizer --use-precision-aware-optimizer --optimizer-cpu-offload --fp8-param-gather`,
    `${fp8} --use-distributed-optimizer --use-precision-aware-optimizer --optimizer-cpu-offload --fp8-param-gather`,
  ],
  ['half-cross-entropy', '--bf16 --fp16-lm-cross-entropy', '--fp16 --fp16-lm-cross-entropy'],
  ['residual-precision', '--fp32-residual-connection', '--bf16 --fp32-residual-connection'],
  [
    'main-gradients-precision',
    '--bf16 --accumulate-allreduce-grads-in-fp32 --main-grads-dtype bf16',
    '--bf16 --main-grads-dtype bf16',
  ],
  ['grouped-products-bf16', moe.replace('--bf16', '--fp16'), moe, { version: '0.15' }],
  [
    'expert-half-precision',
    '--num-experts 8 --disable-bias-linear --expert-model-parallel-size 2 --fp16',
    '--num-experts 8 --disable-bias-linear --expert-model-parallel-size 2 --bf16',
    { version: '0.15' },
  ],

  // Attention and positions.
  ['prediction-positions', '--mtp-num-layers 1', '--mtp-num-layers 1 --position-embedding-type rope'],
  [
    'prediction-positions',
    '--mtp-num-layers 1 --use-rotary-position-embeddings',
    '--mtp-num-layers 1 --position-embedding-type none',
  ],
  [
    'rotary-sections',
    '--position-embedding-type mrope',
    '--position-embedding-type mrope --mrope-section 16 24 24',
  ],
  [
    'relative-positions-engine',
    '--position-embedding-type relative --transformer-impl local',
    '--position-embedding-type relative',
  ],
  [
    'position-embedding-switch',
    '--no-position-embedding',
    '--no-position-embedding --position-embedding-type rope',
  ],
  ['latent-down-projection', '--mla-down-proj-fusion', `${mla} --mla-down-proj-fusion`],
  [
    'latent-interleaved-rotary',
    `${mla} --rotary-interleaved`,
    '--position-embedding-type rope --rotary-interleaved',
  ],
  ['latent-output-gate', `${mla} --attention-output-gate`, '--attention-output-gate'],
  ['latent-rope-fusion', `${mla} --rope-type rope`, `${mla} --rope-type rope --no-rope-fusion`],
  ['rope-type', '--rope-type yarn --position-embedding-type rope', `${mla} --rope-type yarn`],
  [
    'sparse-attention-bias',
    `${mla} --experimental-attention-variant dsa --no-rope-fusion`,
    `${mla} --experimental-attention-variant dsa --no-rope-fusion --disable-bias-linear`,
  ],
  [
    'sparse-attention-fusion',
    `${mla} --experimental-attention-variant dsa --disable-bias-linear`,
    `${mla} --experimental-attention-variant dsa --no-rope-fusion --disable-bias-linear`,
  ],
  [
    'rope-skipping',
    '--position-embedding-type rope --no-rope-freq 5',
    '--position-embedding-type rope --no-rope-freq 4',
  ],
  [
    'delta-net-frequency',
    '--experimental-attention-variant gdn',
    '--experimental-attention-variant gdn --linear-attention-freq 4',
  ],
  [
    'residual-streams',
    '--enable-mhc-connections --pipeline-model-parallel-size 2',
    '--enable-mhc-connections',
  ],
  [
    'residual-streams-recompute',
    '--recompute-granularity selective --recompute-modules mhc',
    '--enable-mhc-connections --recompute-granularity selective --recompute-modules mhc',
  ],
  [
    'delta-net-recompute',
    '--recompute-granularity selective --recompute-modules gdn_norm_out',
    '--experimental-attention-variant gdn2 --recompute-granularity selective --recompute-modules gdn_norm_out',
  ],

  // Experts.
  [
    'router-single-choice',
    `${moe} --moe-router-topk 1`,
    `${moe} --moe-router-topk 1 --moe-router-pre-softmax`,
  ],
  [
    'router-single-choice',
    `${moe} --moe-router-topk 1`,
    `${moe} --moe-router-topk 1 --moe-router-score-function sigmoid`,
  ],
  [
    'router-groups',
    `${moe} --moe-router-group-topk 2`,
    `${moe} --moe-router-group-topk 2 --moe-router-num-groups 4`,
  ],
  [
    'expert-group-routing',
    `${moe} --moe-router-group-topk 2 --moe-router-num-groups 3`,
    `${moe} --moe-router-num-groups 3`,
  ],
  [
    'expert-group-routing',
    `${moe} --moe-router-group-topk 8 --moe-router-num-groups 4`,
    `${moe} --moe-router-group-topk 4 --moe-router-num-groups 4`,
  ],
  [
    'router-bias-score',
    `${moe} --moe-router-enable-expert-bias`,
    `${moe} --moe-router-enable-expert-bias --moe-router-score-function sigmoid`,
  ],
  [
    'router-padding-precision',
    `${ep2} --moe-router-padding-for-fp8`,
    `${ep2} ${fp8} --moe-router-padding-for-fp8`,
  ],
  [
    'router-padding-dispatcher',
    `${moe} ${fp8} --moe-router-padding-for-quantization`,
    `${ep2} ${fp8} --moe-router-padding-for-quantization`,
  ],
  [
    'capacity-padding',
    `${ep2} --moe-pad-expert-input-to-capacity`,
    `${ep2} --moe-pad-expert-input-to-capacity --moe-expert-capacity-factor 1.5`,
  ],
  [
    'capacity-dispatcher',
    `${ep2} --moe-token-dispatcher-type flex --moe-pad-expert-input-to-capacity --moe-expert-capacity-factor 1`,
    `${ep2} --moe-token-dispatcher-type flex --moe-flex-dispatcher-backend hybridep --moe-pad-expert-input-to-capacity --moe-expert-capacity-factor 1`,
  ],
  [
    'capacity-balancing',
    `${moe} --moe-expert-capacity-factor 1 --moe-router-load-balancing-type sinkhorn`,
    `${moe} --moe-expert-capacity-factor 1 --moe-router-load-balancing-type seq_aux_loss`,
  ],
  [
    'rank-capacity-dispatcher',
    `${ep2} --moe-token-dispatcher-type flex --moe-expert-rank-capacity-factor 1.5`,
    `${ep2} --moe-token-dispatcher-type flex --moe-flex-dispatcher-backend hybridep --moe-use-grouped-tensor --moe-expert-rank-capacity-factor 1.5`,
  ],
  [
    'balancing-coefficients',
    `${moe} --moe-router-load-balancing-type aux_loss seq_aux_loss --moe-aux-loss-coeff 0.01`,
    `${moe} --moe-router-load-balancing-type aux_loss seq_aux_loss --moe-aux-loss-coeff 0.01 0.001`,
  ],
  [
    'one-flex-backend',
    `${ep2} --moe-token-dispatcher-type flex --moe-enable-deepep --moe-flex-dispatcher-backend hybridep`,
    `${ep2} --moe-token-dispatcher-type flex --moe-enable-deepep`,
  ],
  [
    'nccl-dispatcher',
    `${ep2} --moe-flex-dispatcher-backend ncclep`,
    `${ep2} --moe-token-dispatcher-type flex --moe-flex-dispatcher-backend ncclep`,
  ],
  [
    'fake-ranks-dispatcher',
    `${ep2} --moe-token-dispatcher-type flex --fake-process-group`,
    `${ep2} --fake-process-group`,
  ],
  ['expert-width-alone', '--moe-ffn-hidden-size 1024', `${moe} --moe-ffn-hidden-size 1024`],
  [
    'shared-expert-width',
    `${moe} --moe-shared-expert-intermediate-size 0`,
    `${moe} --moe-shared-expert-intermediate-size 1024`,
  ],
  ['latent-experts', '--moe-latent-size 512', `${moe} --moe-latent-size 512`],
  [
    'upcycling-saves',
    `${moe} --moe-use-upcycling`,
    `${moe} --moe-use-upcycling --save checkpoints --save-interval 10`,
  ],
  [
    'overlap-expert-recompute',
    `${overlap} --recompute-modules moe`,
    `${overlap} --recompute-granularity selective --recompute-modules layernorm`,
  ],
  ['overlap-expert-recompute', `${overlap} --recompute-num-layers 1`, overlap],
  [
    'overlap-expert-parts',
    `${overlap} --overlap-dispatch-backward-with-experts-wgrad`,
    `${ep2} --overlap-dispatch-backward-with-experts-wgrad`,
  ],
  [
    'early-release-overlap',
    `${ep2} --ep-overlap-early-attn-memory-release`,
    `${overlap} --ep-overlap-early-attn-memory-release`,
  ],
  [
    'delayed-gradient-engine',
    `${overlap} --delay-wgrad-compute --transformer-impl local`,
    `${overlap} --delay-wgrad-compute`,
  ],
  [
    'shared-expert-recompute',
    `${ep2} --moe-shared-expert-intermediate-size 64 --moe-shared-expert-overlap --recompute-granularity selective --recompute-modules shared_experts`,
    `${ep2} --moe-shared-expert-intermediate-size 64 --recompute-granularity selective --recompute-modules shared_experts`,
  ],
  [
    'shared-expert-overlap',
    `${moe} --moe-shared-expert-intermediate-size 64 --moe-shared-expert-overlap`,
    `${moe} --moe-shared-expert-overlap`,
  ],
  ['shared-expert-overlap', `${overlap} --moe-shared-expert-overlap`, overlap],
  [
    'expert-layer-recompute',
    `${moe} --moe-layer-recompute --recompute-granularity full --recompute-method uniform --recompute-num-layers 1`,
    `${moe} --moe-layer-recompute`,
  ],
  ['expert-grid-dense', '--expert-tensor-parallel-size 5', '--expert-tensor-parallel-size 4'],
  [
    'expert-grid-dense',
    '--use-tp-pp-dp-mapping --pipeline-model-parallel-size 2 --expert-tensor-parallel-size 2',
    '--use-tp-pp-dp-mapping --pipeline-model-parallel-size 2 --expert-tensor-parallel-size 1',
  ],
  [
    'expert-grid-pipeline-inner',
    '--use-tp-pp-dp-mapping --pipeline-model-parallel-size 2 --context-parallel-size 2',
    '--use-tp-pp-dp-mapping --pipeline-model-parallel-size 2 --tensor-model-parallel-size 2 --sequence-parallel',
  ],

  // Recomputation, context, offload, graphs.
  [
    'recompute-full',
    '--recompute-granularity full --recompute-method uniform',
    '--recompute-granularity full --recompute-method block --recompute-num-layers 64',
  ],
  [
    'recompute-selective',
    '--recompute-activations --recompute-granularity full --recompute-method uniform',
    '--recompute-activations --recompute-granularity full',
  ],
  [
    'recompute-selective',
    '--recompute-granularity selective --recompute-modules core_attn dense',
    `${moe} --recompute-granularity selective --recompute-modules moe shared_experts`,
  ],
  [
    'context-hierarchy-sizes',
    '--context-parallel-size 4 --hierarchical-context-parallel-sizes 2 4',
    '--context-parallel-size 2 --cp-comm-type a2a+p2p --hierarchical-context-parallel-sizes 1 2',
  ],
  ['context-hierarchy-sizes', '--cp-comm-type a2a+p2p', '--cp-comm-type a2a'],
  [
    'hybrid-context',
    '--context-parallel-size 2 --hybrid-context-parallel --calculate-per-token-loss --dataloader-type cyclic',
    '--context-parallel-size 2 --hybrid-context-parallel --calculate-per-token-loss --dataloader-type single',
  ],
  ['activation-offload-layers', '--cpu-offloading-num-layers 32', '--cpu-offloading-num-layers 31'],
  ['fine-offload-modules', fine, `${fine} --offload-modules qkv_linear`, v1],
  [
    'fine-offload-modules',
    `${fine} --offload-modules attn_proj`,
    `${fine} --offload-modules core_attn attn_proj`,
    v1,
  ],
  ['fine-offload-modules', `${fine} --offload-modules mlp`, `${fine} --offload-modules mlp_norm`, v1],
  [
    'fine-offload-modules',
    `${fine} --offload-modules fused_group_mlp`,
    `${fine} --offload-modules fused_group_mlp --use-transformer-engine-op-fuser`,
    v1,
  ],
  [
    'fine-offload-alone',
    `${fine} --offload-modules core_attn --cpu-offloading-num-layers 4`,
    `${fine} --offload-modules core_attn`,
    v1,
  ],
  [
    'fine-offload-engine',
    `${fine} --offload-modules core_attn --transformer-impl local`,
    `${fine} --offload-modules core_attn`,
    v1,
  ],
  [
    'fine-offload-environment',
    `${fine} --offload-modules core_attn`,
    '--bf16',
    { environment: { CUDA_DEVICE_MAX_CONNECTIONS: '1', NVTE_CPU_OFFLOAD_V1: '0' } },
  ],
  ['graph-once', '--enable-cuda-graph --external-cuda-graph', '--external-cuda-graph'],
  [
    'graph-recompute',
    '--cuda-graph-impl local --recompute-granularity full --recompute-method uniform --recompute-num-layers 1',
    '--cuda-graph-impl local --recompute-granularity selective --attention-dropout 0',
  ],
  [
    'graph-offload',
    '--cuda-graph-impl transformer_engine --cpu-offloading-num-layers 4',
    '--cuda-graph-impl transformer_engine',
  ],
  [
    'graph-iteration-checks',
    '--cuda-graph-impl full_iteration',
    '--cuda-graph-impl full_iteration --no-check-for-nan-in-loss-and-grad',
  ],
  [
    'graph-modules',
    '--cuda-graph-impl local --cuda-graph-modules moe_router',
    `${moe} --cuda-graph-impl local --cuda-graph-modules attn moe_router`,
  ],
  [
    'graph-modules',
    `${moe} --cuda-graph-impl local --cuda-graph-modules moe`,
    `${moe} --cuda-graph-impl local --cuda-graph-modules moe --moe-pad-expert-input-to-capacity --moe-expert-capacity-factor 1`,
  ],
  [
    'graph-allocator',
    '--cuda-graph-impl transformer_engine',
    '--cuda-graph-impl local',
    { environment: { PYTORCH_CUDA_ALLOC_CONF: 'expandable_segments:True', NCCL_GRAPH_REGISTER: '1' } },
  ],
  [
    'deferred-embedding-gradient',
    '--defer-embedding-wgrad-compute',
    '--defer-embedding-wgrad-compute --pipeline-model-parallel-size 2',
  ],
  [
    'overlap-warmup-flush',
    '--overlap-p2p-communication-warmup-flush --pipeline-model-parallel-size 2',
    '--overlap-p2p-communication-warmup-flush --pipeline-model-parallel-size 2 --num-virtual-stages-per-pipeline-rank 2',
  ],

  // Stages.
  [
    'uneven-stages',
    '--pipeline-model-parallel-size 4 --decoder-first-pipeline-num-layers 0',
    '--pipeline-model-parallel-size 4 --decoder-first-pipeline-num-layers 5',
  ],
  [
    'accounted-layers',
    '--pipeline-model-parallel-size 4 --num-layers 30 --account-for-embedding-in-pipeline-split --account-for-loss-in-pipeline-split --num-virtual-stages-per-pipeline-rank 3',
    '--pipeline-model-parallel-size 4 --num-layers 30 --account-for-embedding-in-pipeline-split --account-for-loss-in-pipeline-split --num-virtual-stages-per-pipeline-rank 4',
  ],
  ['hybrid-pattern-once', `${pattern} --hybrid-override-pattern M*M-M*M-`, pattern],
  [
    'hybrid-pattern-stages',
    '-x --num-layers --hybrid-layer-pattern M*M-|M*M-|M* --pipeline-model-parallel-size 2',
    '-x --num-layers --hybrid-layer-pattern M*M-|M*M- --pipeline-model-parallel-size 2',
  ],
  [
    'hybrid-pattern-stages',
    `${pattern} --pipeline-model-parallel-size 2 --num-virtual-stages-per-pipeline-rank 2`,
    `${pattern} --pipeline-model-parallel-size 2`,
  ],
  [
    'hybrid-pattern-layers',
    '--hybrid-layer-pattern M*M-',
    '--num-layers 4 --hybrid-layer-pattern M*M-',
    { version: '0.17' },
  ],

  // Sharded parameters, checkpoints, weight shards.
  [
    'checkpoint-torch-dcp',
    '--ckpt-format torch_dcp',
    '--use-torch-fsdp2 --ckpt-format torch_dcp --untie-embeddings-and-output-weights --no-gradient-accumulation-fusion',
    free,
  ],
  ['checkpoint-fsdp', '--ckpt-format fsdp_dtensor', fsdp, free],
  ['fsdp-checkpoint', '--use-megatron-fsdp', fsdp, free],
  [
    'torch-fsdp-checkpoint',
    '--use-torch-fsdp2 --ckpt-format torch',
    '--use-torch-fsdp2 --untie-embeddings-and-output-weights --no-gradient-accumulation-fusion',
    free,
  ],
  [
    'overlap-parameters-optimizer',
    '--overlap-grad-reduce --overlap-param-gather',
    `${fsdp} --data-parallel-sharding-strategy no_shard --overlap-grad-reduce --overlap-param-gather`,
    free,
  ],
  [
    'overlap-parameters-optimizer',
    '--overlap-grad-reduce --overlap-param-gather',
    '--optimizer dist_muon --overlap-grad-reduce --overlap-param-gather',
  ],
  [
    'gather-step-checkpoint',
    '--pipeline-model-parallel-size 2 --num-virtual-stages-per-pipeline-rank 2 --use-distributed-optimizer --overlap-grad-reduce --overlap-param-gather --overlap-param-gather-with-optimizer-step',
    '--pipeline-model-parallel-size 2 --num-virtual-stages-per-pipeline-rank 2 --use-distributed-optimizer --overlap-grad-reduce --overlap-param-gather --overlap-param-gather-with-optimizer-step --ckpt-format torch',
  ],
  [
    'gloo-checkpoint',
    '--use-distributed-optimizer --disable-gloo-process-groups --ckpt-format torch',
    '--use-distributed-optimizer --disable-gloo-process-groups',
  ],
  ['main-parameters-load', '--load-main-params-from-ckpt', '--load-main-params-from-ckpt --no-load-optim'],
  [
    'emerging-optimizer',
    '--optimizer muon --ckpt-format torch_dcp',
    '--optimizer muon --use-distributed-optimizer',
  ],
  [
    'muon-sharding',
    '--optimizer muon --use-distributed-optimizer',
    '--optimizer dist_muon',
    { version: '0.17' },
  ],
  ['fsdp-second-version', `${fsdp} --megatron-fsdp-version 2`, fsdp, free],
  [
    'fsdp-registration',
    '--fsdp-manual-registration',
    `${fsdp} --fsdp-manual-registration --use-nccl-ub`,
    free,
  ],
  [
    'fsdp-meta-device',
    `${fsdp} --init-model-with-meta-device --data-parallel-sharding-strategy no_shard`,
    `${fsdp} --init-model-with-meta-device`,
    free,
  ],
  ['fsdp-optimizer-name', `${fsdp} --optimizer lion`, `${fsdp} --optimizer sgd`, free],
  [
    'weight-shards',
    '--expert-tensor-parallel-size 2 --num-experts 8 --disable-bias-linear --expert-tensor-parallel-num-weight-shards 3',
    '--expert-tensor-parallel-size 2 --num-experts 8 --disable-bias-linear --expert-tensor-parallel-num-weight-shards 4',
  ],
  ['weight-shards-batch', `${gtp} --global-batch-size 4`, `${gtp} --global-batch-size 8`],
  [
    'weight-shards-expert-grid',
    `${gtp} --num-experts 8 --disable-bias-linear --expert-tensor-parallel-size 1 --expert-model-parallel-size 8 --expert-tensor-parallel-num-weight-shards 4`,
    `${gtp} --num-experts 16 --disable-bias-linear --expert-tensor-parallel-size 1 --expert-model-parallel-size 16`,
  ],
  ['weight-shards-checkpoint', `${gtp} ${fsdp}`, `${gtp} --ckpt-format torch`],
  ['weight-shards-average', `${gtp} --ddp-average-in-collective`, gtp],
  [
    'weight-shards-instances',
    `${gtp} --use-distributed-optimizer --num-distributed-optimizer-instances 2`,
    `${gtp} --use-distributed-optimizer`,
  ],
  [
    'weight-shards-precision',
    `${gtp} --bf16 --fp8-format hybrid --fp8-recipe mxfp8`,
    `${gtp} --bf16 --fp8-format hybrid`,
  ],

  ...optionRows,
];

const base: readonly (readonly [string, string])[] = [
  ['--num-layers', '32'],
  ['--hidden-size', '4096'],
  ['--num-attention-heads', '32'],
  ['--seq-length', '4096'],
  ['--max-position-embeddings', '4096'],
  ['--micro-batch-size', '1'],
  ['--global-batch-size', '64'],
];

/** The base with a row's changes. */
export const wordsOf = (text: FlagText): readonly string[] => {
  const words = text.split(' ').filter((word) => word !== '');
  const taken = new Set(words.flatMap((word, at) => (word === '-x' ? [words[at + 1] ?? ''] : [])));
  const added = words.filter((word, at) => word !== '-x' && words[at - 1] !== '-x');
  return [...base.filter(([flag]) => !taken.has(flag)).flat(), ...added];
};
