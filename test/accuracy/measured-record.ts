/** A record as the corpus writes it, to be varied by tests: Megatron-LM's GPT 175B on 384 A100 (arXiv 2104.04473, table 2). */
export const record = {
  id: 'sc21-175B-384',
  source: { title: 'Narayanan et al. SC21', address: 'arXiv 2104.04473', table: 'Table 2' },
  release: null,
  date: '2021-04',
  model: {
    name: 'GPT-174.6B',
    arch: 'dense',
    layers: 96,
    hidden: 12288,
    heads: 96,
    kv_heads: 96,
    head_dim: null,
    ffn: 49152,
    gated_mlp: false,
    vocab: 51200,
    tied_embeddings: true,
    seq: 2048,
    experts: null,
    topk: null,
    moe_ffn: null,
    shared_expert_ffn: null,
    dense_layers: null,
    moe_layer_freq: null,
    mla: null,
  },
  cluster: {
    gpu: 'A100-SXM-80GB',
    gpus: 384,
    gpus_per_node: 8,
    intra_node: 'NVLink3',
    inter_node: '8x200Gb/s HDR InfiniBand',
  },
  train: {
    precision: 'fp16 mixed',
    global_batch: 1536,
    micro_batch: 1,
    seq: 2048,
    recompute: 'full',
    optimizer: 'adam',
    distributed_optimizer: false,
    zero_stage: 0,
  },
  parallel: { tp: 8, pp: 12, vpp: 1, cp: 1, ep: 1, etp: null, dp: 4, sp: false, schedule: '1f1b' },
  measured: {
    iteration_time_s: 76.78,
    tokens_per_s_per_gpu: 106.7,
    tflops_per_gpu: null,
    mfu: null,
    peak_memory_gib: null,
    oom: false,
  },
  status: 'ok',
  quality: 'table',
  inferred: [],
  derived: [],
  flags: [],
  notes: null,
  usable: { timing: true, timing_without_micro_batch: false, memory: false, oom: false },
};

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** A copy with some sections' keys replaced. */
export const varied = (changes: Readonly<Record<string, Json>>): Record<string, Json> => {
  const copy = structuredClone(record) as unknown as Record<string, Json>;
  for (const [path, value] of Object.entries(changes)) {
    const [outer = '', inner] = path.split('.');
    if (inner === undefined) copy[outer] = value;
    else (copy[outer] as Record<string, Json>)[inner] = value;
  }
  return copy;
};
