/** The constants of a calibration that runs identify, and how to reach them in the tree of the file. */

/** Keys from the root of the file; a number is an index. */
export type Path = readonly (string | number)[];

const paths = (prefix: string, names: string): readonly Path[] =>
  names
    .split(' ')
    .map((name) => [
      ...prefix.split('.'),
      ...name.split('/').map((part) => (/^\d$/.test(part) ? Number(part) : part)),
    ]);

/** Constants that runs identify; `extends` of the file carries them on to what inherits them. */
export const PARAMETERS: readonly Path[] = [
  ...paths(
    'accelerators.a100',
    'sustained elementwise batched_gemm batched_gemm_misaligned attention/triton/0 attention/flash1/0',
  ),
  ...paths('accelerators.h100', 'sustained attention/triton/0 attention/cudnn/0 expert_cast'),
  ...paths('accelerators.h100-500w', 'sustained attention/flash2/0'),
  ...paths('accelerators.b200', 'sustained elementwise attention/cudnn-v9/0 expert_cast'),
  ...paths('accelerators.gb200', 'sustained'),
  ...paths('accelerators.gb300', 'sustained'),
  ...paths('accelerators.b300', 'sustained'),
  ...paths('accelerators.v100', 'sustained'),
  ...paths('links.nvlink5', 'token_exchange'),
  ...paths('links.infiniband', 'reduce all_to_all'),
  ...paths('links.roce', 'gather step'),
  ...paths('links.efa', 'step gather reduce'),
  ...paths(
    'runtimes.megatron-core',
    'host_dense host_moe host_fused_dispatcher host_expert_overlap host_attention_graph host_expert offload_seconds traffic unfused_norm loss_bytes accumulation_bytes tensor_overlap_exposed data_exposed expert_overlap optimizer_parameter optimizer_shard',
  ),
  ...paths('runtimes.megatron-classic', 'loss_bytes'),
  ...paths('runtimes.megatron-deepspeed', 'host_dense accumulation_bytes'),
  ...paths('runtimes.scaling', 'eager_traffic'),
  ...paths(
    'runtimes.nanotron',
    'host_dense host_norm eager_traffic loss_bytes accumulation_bytes optimizer_parameter optimizer_shard iteration_overhead gather_host',
  ),
  ...paths(
    'runtimes.torchtitan',
    'traffic eager_traffic loss_bytes tensor_exposed tensor_overlap_exposed host_dense fsdp_node fsdp_network',
  ),
  ...paths('runtimes.pytorch-fsdp', 'eager_traffic loss_bytes fsdp_node fsdp_network'),
  ...paths('runtimes.megatron-fsdp', 'fsdp_node fsdp_network'),
  ...paths('runtimes.jax', 'traffic fsdp_node fsdp_network'),
];

export type Tree = Record<string | number, unknown>;

/** The node that holds the last key of a path, and that key. */
export const holder = (root: Tree, path: Path): [Tree, string | number] => {
  let node = root;
  for (const part of path.slice(0, -1)) node = node[part] as Tree;
  const last = path.at(-1);
  if (last === undefined) throw new Error('empty path');
  return [node, last];
};

/** The value of a constant, of its own entry or of the one that it extends; afterwards the entry holds it itself. */
export const adopt = (root: Tree, path: Path): number => {
  const [section, entry, ...rest] = path;
  const entries = root[section ?? ''] as Tree;
  let name = String(entry);
  for (;;) {
    const [node, key] = holder(entries[name] as Tree, rest);
    if (node[key] !== undefined) {
      const value = Number(node[key]);
      const [own, ownKey] = holder(root, path);
      own[ownKey] = value;
      return value;
    }
    name = String((entries[name] as Tree)['extends']);
  }
};

/** Plausible range of a constant, as the file states it. */
export const rangeOf = (root: Tree, path: Path): readonly [number, number] => {
  const names = path.map(String);
  const key =
    names[2] === 'attention'
      ? (['attention_rate', 'attention_half_length', 'attention_backward'][Number(names[4])] ?? '')
      : (names[2] ?? '');
  const meaning = ((root['constants'] as Tree)[names[0] ?? ''] as Tree)[key] as {
    range: readonly [number, number];
  };
  return meaning.range;
};
