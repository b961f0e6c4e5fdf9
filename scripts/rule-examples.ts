import { shellQuote } from '../src/runtimes/shell.ts';
import { fileOf, settingTable } from '../test/validate/setting-table.ts';
import { sourceTable, wordsOf } from '../test/runtimes/source-table.ts';

/** Configurations of which each breaks something: the pool from which docs/rules.md takes an example for every rule. */

export interface Example {
  readonly name: string;
  readonly text: string;
  readonly gpus?: number;
  readonly target?: string;
}

const dense =
  '--num-layers 32 --hidden-size 4096 --num-attention-heads 32 --seq-length 4096 --max-position-embeddings 4096 --group-query-attention --num-query-groups 8 --swiglu --ffn-hidden-size 14336 --normalization RMSNorm --position-embedding-type rope --untie-embeddings-and-output-weights --disable-bias-linear --vocab-size 32000 --bf16 --micro-batch-size 1 --global-batch-size 64';
const moe = `${dense} --num-experts 8 --moe-grouped-gemm --moe-token-dispatcher-type alltoall`;
const mla = dense.replace(
  '--group-query-attention --num-query-groups 8',
  '--multi-latent-attention --q-lora-rank 1536 --kv-lora-rank 512',
);

const launch = (flags: string, nodes = 1, variables = 'export CUDA_DEVICE_MAX_CONNECTIONS=1'): string =>
  `${variables === '' ? '' : `${variables}\n`}torchrun --nnodes ${nodes} --nproc-per-node 8 pretrain_gpt.py ${flags}\n`;

/** Later flags win, so that a snippet changes the base model. */
const denseSnippets: readonly string[] = [
  '--tensor-model-parallel-size 3',
  '--tensor-model-parallel-size 8 --pipeline-model-parallel-size 2 --sequence-parallel',
  '--tensor-model-parallel-size 2 --num-attention-heads 33 --kv-channels 128 --sequence-parallel',
  '--tensor-model-parallel-size 4 --num-query-groups 6 --num-attention-heads 36 --kv-channels 128 --sequence-parallel',
  '--tensor-model-parallel-size 2 --ffn-hidden-size 14337 --sequence-parallel',
  '--tensor-model-parallel-size 2',
  '--sequence-parallel',
  '--tensor-model-parallel-size 8 --seq-length 4100 --max-position-embeddings 8192 --sequence-parallel',
  '--pipeline-model-parallel-size 8 --num-layers 30',
  '--pipeline-model-parallel-size 4 --num-virtual-stages-per-pipeline-rank 3',
  '--num-virtual-stages-per-pipeline-rank 2',
  '--pipeline-model-parallel-size 4 --num-virtual-stages-per-pipeline-rank 2 --num-layers-per-virtual-pipeline-stage 2',
  '--pipeline-model-parallel-size 4 --num-layers-per-virtual-pipeline-stage 3',
  '--pipeline-model-parallel-size 2 --num-virtual-stages-per-pipeline-rank 2 --no-overlap-p2p-communication',
  '--pipeline-model-parallel-size 4 --num-virtual-stages-per-pipeline-rank 2 --global-batch-size 12',
  '--pipeline-model-parallel-size 8 --global-batch-size 4',
  '--pipeline-model-parallel-size 4 --account-for-embedding-in-pipeline-split',
  '--pipeline-model-parallel-size 4 --decoder-first-pipeline-num-layers 3',
  '--pipeline-model-parallel-size 4 --pipeline-model-parallel-layout Et*8|t*8|t*8|t*7L',
  '--pipeline-model-parallel-size 2 --mtp-num-layers 1 --pipeline-model-parallel-layout Et*8|t*8m|t*8|t*8L',
  '--context-parallel-size 8 --seq-length 4104 --max-position-embeddings 8192',
  '--context-parallel-size 8 --cp-comm-type a2a --num-query-groups 4',
  '--context-parallel-size 4 --cp-comm-type a2a+p2p --hierarchical-context-parallel-sizes 2 4',
  '--context-parallel-size 2 --cp-comm-type a2a+p2p --hierarchical-context-parallel-sizes 1 2',
  '--context-parallel-size 2 --cp-comm-type p2p a2a',
  '--context-parallel-size 2 --window-size 128,0',
  '--context-parallel-size 2 --softmax-type learnable',
  '--hybrid-context-parallel --pipeline-model-parallel-size 2',
  '--micro-batch-size 3',
  '--micro-batch-size 0',
  '--recompute-granularity full',
  '--recompute-granularity full --recompute-method block --recompute-num-layers 64',
  '--recompute-granularity selective --recompute-method uniform',
  '--recompute-granularity selective --recompute-modules moe_act',
  '--recompute-granularity selective --recompute-modules mla_up_proj',
  '--recompute-granularity selective --recompute-modules shared_experts',
  '--distribute-saved-activations',
  '--overlap-param-gather',
  '--overlap-param-gather-with-optimizer-step --use-distributed-optimizer',
  '--tensor-model-parallel-size 2 --tp-comm-overlap',
  '--expert-model-parallel-size 2',
  '--hidden-size 4100',
  '--seq-length 8192',
  '--cross-entropy-loss-fusion --cross-entropy-fusion-impl te',
  '--optimizer-cpu-offload',
  '--use-precision-aware-optimizer',
  '--cpu-offloading-num-layers 4 --pipeline-model-parallel-size 2',
  '--fp8-param-gather',
  '--fp16',
  '--fp8-format hybrid --fp4-format e2m1',
  '--fp8-format hybrid --fp8-recipe mxfp8',
  '--step-batch-size-schedule 0:16',
  '--train-iters 10 --train-samples 100',
  '--use-torch-fsdp2 --pipeline-model-parallel-size 2',
  '--use-megatron-fsdp --data-parallel-sharding-strategy optim_grads_params',
  '--use-megatron-fsdp --data-parallel-sharding-strategy optim_grads_params --optimizer muon --ckpt-format fsdp_dtensor',
  '--use-megatron-fsdp --data-parallel-sharding-strategy optim_grads_params --ckpt-format fsdp_dtensor --pipeline-model-parallel-size 2',
  '--use-megatron-fsdp --data-parallel-sharding-strategy optim_grads_params --ckpt-format fsdp_dtensor --use-tp-pp-dp-mapping',
  '--use-distributed-optimizer --num-distributed-optimizer-instances 3',
  '--exp-avg-dtype bf16',
  '--use-distributed-optimizer --use-precision-aware-optimizer --main-params-dtype fp32 --exp-avg-dtype fp8',
  '--tensor-parallel-num-weight-shards 3 --tensor-model-parallel-size 2 --sequence-parallel',
  '--tensor-parallel-size 2',
  '--seq-length many',
  '--seq-length',
  '--train-iters 10 20',
  '--tensor-model-parallel-size 8 --vocab-size 32003 --sequence-parallel',
  '--position-embedding-type learned_absolute --max-position-embeddings 2048',
  '--hybrid-override-pattern M*M*M*M* --num-layers 8 --tensor-model-parallel-size 8 --mamba-num-groups 4 --sequence-parallel',
  '--experimental-attention-variant gdn --linear-attention-freq 4 --linear-num-key-heads 6 --tensor-model-parallel-size 4 --sequence-parallel',
];

const moeSnippets: readonly string[] = [
  '--expert-model-parallel-size 8 --num-experts 12',
  '--tensor-model-parallel-size 2 --expert-model-parallel-size 4',
  '--tensor-model-parallel-size 2 --expert-model-parallel-size 8 --sequence-parallel',
  '--tensor-model-parallel-size 2 --expert-tensor-parallel-size 2 --expert-model-parallel-size 2 --sequence-parallel',
  '--pipeline-model-parallel-size 4 --expert-model-parallel-size 4',
  '--pipeline-model-parallel-size 2 --expert-model-parallel-size 2 --use-tp-pp-dp-mapping',
  '--moe-enable-deepep',
  '--moe-token-dispatcher-type flex --moe-flex-dispatcher-backend deepep',
  '--moe-token-dispatcher-type allgather --moe-shared-expert-overlap --moe-shared-expert-intermediate-size 2048',
  '--delay-wgrad-compute',
  '--expert-model-parallel-size 2 --overlap-moe-expert-parallel-comm --recompute-granularity full --recompute-method uniform --recompute-num-layers 1',
  '--recompute-granularity selective --recompute-modules moe moe_act',
  '--moe-router-num-groups 3 --moe-router-group-topk 2 --moe-router-topk 2',
  '--expert-model-parallel-size 8 --use-distributed-optimizer --num-distributed-optimizer-instances 2',
];

const versions: readonly (readonly [string, string])[] = [
  [
    'megatron@0.12',
    '--pipeline-model-parallel-size 4 --num-layers 31 --pipeline-model-parallel-layout Et*8|t*7|t*8|t*8L',
  ],
  ['megatron@0.12', '--tensor-model-parallel-size 8 --num-query-groups 4 --sequence-parallel'],
  [
    'megatron@0.12',
    '--use-megatron-fsdp --data-parallel-sharding-strategy optim_grads_params --ckpt-format fsdp_dtensor',
  ],
];

const titan = (parallelism: string, extra = ''): string =>
  `[model]\nname = "llama3"\nflavor = "8B"\n\n[training]\nlocal_batch_size = 2\nseq_len = 4096\n${extra}\n[parallelism]\n${parallelism}\n`;
const nano = (parallelism: string, more = 'num_attention_heads: 32, num_key_value_heads: 8'): string =>
  `parallelism: { ${parallelism} }\ntokens: { micro_batch_size: 1, batch_accumulation_per_replica: 4, sequence_length: 1024 }\nmodel:\n  dtype: bfloat16\n  model_config: { hidden_size: 4096, num_hidden_layers: 32, ${more} }\n`;
/** Rows that were derived from the source for tests, as scripts on two nodes. */
const derived = (): readonly Example[] =>
  sourceTable.map(([, breaks, , { version, environment } = {}]) => ({
    name: 'train.sh',
    ...(version === undefined ? {} : { target: `megatron@${version}` }),
    text: launch(
      wordsOf(breaks).map(shellQuote).join(' '),
      2,
      Object.entries(environment ?? { CUDA_DEVICE_MAX_CONNECTIONS: '1' })
        .map(([name, value]) => `export ${name}=${value}`)
        .join('\n'),
    ),
  }));

export const examples: readonly Example[] = [
  ...(
    [
      [
        'megatron@0.14',
        '--expert-model-parallel-size 2 --moe-token-dispatcher-type flex --moe-flex-dispatcher-backend hybridep',
      ],
      ['megatron@0.13', '--expert-model-parallel-size 2 --overlap-moe-expert-parallel-comm'],
    ] as const
  ).map(([target, flags]) => ({ name: 'train.sh', target, text: launch(`${moe} ${flags}`) })),
  ...denseSnippets.map((flags) => ({ name: 'train.sh', text: launch(`${dense} ${flags}`) })),
  ...moeSnippets.map((flags) => ({ name: 'train.sh', text: launch(`${moe} ${flags}`) })),
  ...versions.map(([target, flags]) => ({ name: 'train.sh', target, text: launch(`${dense} ${flags}`) })),
  {
    name: 'train.sh',
    text: launch(`${dense} --tensor-model-parallel-size 16 --sequence-parallel --num-query-groups 16`, 2),
  },
  { name: 'train.sh', text: launch(`${mla} --group-query-attention`) },
  {
    name: 'train.sh',
    text: launch(
      `${moe} --expert-model-parallel-size 2 --tensor-model-parallel-size 2 --expert-tensor-parallel-size 2 --sequence-parallel`.replace(
        '--disable-bias-linear',
        '',
      ),
    ),
  },
  {
    name: 'train.sh',
    text: launch(
      `${dense} --tensor-model-parallel-size 2 --sequence-parallel`,
      1,
      'export CUDA_DEVICE_MAX_CONNECTIONS=8',
    ),
  },
  { name: 'train.sh', text: launch('--num-layers 32 --micro-batch-size 1 --bf16') },
  { name: 'train.sh', target: 'megatron@0.20', text: launch(`${dense} --tensor-parallel-size 2`) },
  { name: 'train.sh', text: `torchrun --nproc-per-node 8 pretrain_gpt.py "--num-layers 32\n` },
  {
    name: 'recipe.args',
    text: '--recipe llama3_8b_pretrain_8gpu_h100_bf16_config model.tensor_model_parallel_size=1 model.sequence_parallel=true\n',
  },
  {
    name: 'recipe.args',
    text: '--recipe llama3_8b_pretrain_8gpu_h100_bf16_config model.tensor_model_parallel_size=two\n',
  },
  { name: 'train.toml', gpus: 8, text: titan('tensor_parallel_degree = 3') },
  { name: 'train.toml', gpus: 16, text: titan('tensor_parallel_degree = 16') },
  { name: 'train.toml', gpus: 6, text: titan('data_parallel_shard_degree = 6\nexpert_parallel_degree = 4') },
  {
    name: 'train.toml',
    gpus: 8,
    text: titan('tensor_parallel_degree = 4\nexpert_parallel_degree = 2\nexpert_tensor_parallel_degree = 2'),
  },
  {
    name: 'train.toml',
    gpus: 8,
    text: titan(
      'pipeline_parallel_degree = 4\npipeline_parallel_schedule = "1F1B"\npipeline_parallel_layers_per_stage = 2',
    ),
  },
  {
    name: 'train.toml',
    gpus: 6,
    text: titan(
      'pipeline_parallel_degree = 3\npipeline_parallel_schedule = "1F1B"\npipeline_parallel_layers_per_stage = 8',
    ),
  },
  {
    name: 'train.toml',
    gpus: 8,
    text: titan('pipeline_parallel_degree = 8\npipeline_parallel_schedule = "1F1B"'),
  },
  { name: 'train.toml', gpus: 8, target: 'torchtitan@2026', text: titan('tensor_parallel = 8') },
  { name: 'train.toml', gpus: 8, text: titan('context_parallel_degree = 8').replace('4096', '4100') },
  {
    name: 'train.toml',
    gpus: 16,
    text: titan(
      'tensor_parallel_degree = 8\npipeline_parallel_degree = 2\npipeline_parallel_schedule = "1F1B"',
      'global_batch_size = 3',
    ),
  },
  { name: 'nanotron.yaml', text: nano('dp: 1, tp: 1, pp: 1, expert_parallel_size: 2') },
  { name: 'nanotron.yaml', text: nano('dp: 1, tp: 16, pp: 1') },
  { name: 'nanotron.yaml', text: nano('dp: 1, tp: 1, pp: 8, pp_engine: 1f1b') },
  { name: 'nanotron.yaml', gpus: 8, text: nano('dp: 2, tp: 2, pp: 1') },
  {
    name: 'nanotron.yaml',
    text: nano('dp: 1, tp: 1, pp: 1', 'num_attention_heads: 32, num_key_value_heads: 5'),
  },
  { name: 'nanotron.yaml', target: 'nanotron@0.5', text: nano('dp: 1, tp: 1, pp: 1, sp: 2') },
  {
    name: 'ds_config.json',
    gpus: 8,
    text: '{ "train_batch_size": 32, "zero_optimization": { "stage": 3 }, "tensor_parallel": { "autotp_size": 2 } }\n',
  },
  {
    name: 'ds_config.json',
    gpus: 8,
    text: '{ "train_batch_size": 32, "tensor_parallel": { "autotp_size": 3 } }\n',
  },
  {
    name: 'axolotl.yaml',
    gpus: 8,
    text: 'base_model: meta-llama/Llama-3.1-8B\ntensor_parallel_size: 3\nmicro_batch_size: 1\nsequence_len: 4096\n',
  },
  {
    name: 'axolotl.yaml',
    gpus: 8,
    text: 'base_model: meta-llama/Llama-3.1-8B\nfsdp_config: { reshard_after_forward: true }\ncontext_parallel_size: 2\nmicro_batch_size: 2\nsequence_len: 4096\n',
  },
  {
    name: 'axolotl.yaml',
    gpus: 16,
    text: 'base_model: meta-llama/Llama-3.1-8B\nfsdp_config: { reshard_after_forward: true }\ntensor_parallel_size: 16\nmicro_batch_size: 1\nsequence_len: 4096\n',
  },
  {
    name: 'axolotl.yaml',
    gpus: 8,
    text: 'base_model: meta-llama/Llama-3.1-8B\nfsdp_config: { reshard_after_forward: true }\ncontext_parallel_size: 8\nmicro_batch_size: 1\nsequence_len: 4100\n',
  },
  {
    name: 'serve.sh',
    text: 'vllm serve Qwen/Qwen3-30B-A3B --tensor-parallel-size 4 --decode-context-parallel-size 3\n',
  },
  { name: 'serve.sh', text: 'vllm serve Qwen/Qwen3-30B-A3B --enable-eplb\n' },
  { name: 'serve.sh', text: `vllm serve Qwen/Qwen3-30B-A3B --eplb-config '{"num_redundant_experts":8}'\n` },
  {
    name: 'serve.sh',
    text: 'vllm serve Qwen/Qwen3-30B-A3B --prefill-context-parallel-size 2 --data-parallel-size 2\n',
  },
  { name: 'serve.sh', gpus: 4, text: 'vllm serve Qwen/Qwen3-30B-A3B --tensor-parallel-size 8\n' },
  { name: 'serve.sh', text: 'python -m sglang.launch_server --tp-size 8 --ep-size 3\n' },
  {
    name: 'serve.sh',
    text: 'python -m sglang.launch_server --tp-size 8 --dp-size 3 --enable-dp-attention\n',
  },
  {
    name: 'serve.sh',
    text: 'python -m sglang.launch_server --tp-size 8 --ep-size 4 --moe-a2a-backend deepep\n',
  },
  { name: 'serve.sh', gpus: 4, text: 'python -m sglang.launch_server --tp-size 8\n' },
  { name: 'serve.sh', text: 'trtllm-serve model --tp_size 8 --ep_size 3\n' },
  { name: 'serve.sh', text: 'trtllm-serve model --tp_size 8 --ep_size 4 --cp_size 2\n' },
  { name: 'serve.sh', gpus: 4, text: 'trtllm-serve model --tp_size 8\n' },
  ...derived(),
  ...settingTable.map(([rule, breaks]) => ({ name: fileOf(rule), gpus: 8, text: `${breaks.trimEnd()}\n` })),
];
