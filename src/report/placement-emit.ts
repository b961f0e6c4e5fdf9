/** Placements in the files that serving and training systems load. Each refuses what its system cannot take. */
import type { LayerPlacement } from '../placement/layer-problem.ts';

export const PLACEMENT_TARGETS = ['sglang', 'vllm', 'vllm-ascend', 'tensorrt-llm', 'megatron'] as const;
export type PlacementTarget = (typeof PLACEMENT_TARGETS)[number];

export interface EmittablePlacement {
  readonly experts: number;
  /** Hidden layers of the model: rows of the counts, dense ones included. */
  readonly rows: number;
  readonly layers: readonly { readonly layer: number; readonly placement: LayerPlacement }[];
}

export type Emitted =
  | { readonly ok: true; readonly text: string; readonly warnings: readonly string[] }
  | { readonly ok: false; readonly reason: string };

const replicasOf = ({ layers }: EmittablePlacement): number => layers[0]?.placement.flat().length ?? 0;

const gpusOf = ({ layers }: EmittablePlacement): number => layers[0]?.placement.length ?? 0;

const unequal = ({ layers }: EmittablePlacement): boolean =>
  layers.some(({ placement }) => placement.some((held) => held.length !== placement[0]?.length));

const listLines = (entries: readonly string[]): string => entries.join(',\n');

/**
 * `--init-expert-location FILE`: the map alone (any other key is refused), a row for each hidden layer, dense ones
 * included; theirs is the trivial one. Source: sgl-project/sglang, srt/eplb/expert_location.py, init_by_mapping.
 */
const sglang = (plan: EmittablePlacement): Emitted => {
  if (unequal(plan)) return { ok: false, reason: 'SGLang gives every GPU as many slots' };
  const replicas = replicasOf(plan);
  const trivial = Array.from({ length: replicas }, (_, slot) => slot % plan.experts);
  const placed = new Map(plan.layers.map(({ layer, placement }) => [layer, placement.flat()]));
  const rows = Array.from({ length: plan.rows }, (_, layer) => JSON.stringify(placed.get(layer) ?? trivial));
  return {
    ok: true,
    text: `{"physical_to_logical_map": [\n${listLines(rows)}\n]}\n`,
    warnings:
      replicas === plan.experts
        ? []
        : ['SGLang sends tokens to the nearest replica of a given map, not to all of them equally'],
  };
};

/**
 * `vllm serve --config FILE`. Upstream takes no initial map (open pull requests vllm-project/vllm 41141 and 53022): what
 * can be stated is the number of redundant experts, from which it balances while it runs.
 */
const vllm = (plan: EmittablePlacement): Emitted => {
  if (unequal(plan)) return { ok: false, reason: 'vLLM gives every GPU as many slots' };
  const eplb = {
    num_redundant_experts: replicasOf(plan) - plan.experts,
    window_size: 1000,
    step_interval: 3000,
    log_balancedness: true,
  };
  const lines = [
    '# For vllm serve --config. vLLM loads no placement from a file: it starts from its own and rebalances while it serves.',
    'enable-expert-parallel: true',
    'enable-eplb: true',
    `eplb-config: '${JSON.stringify(eplb)}'`,
  ];
  return {
    ok: true,
    text: `${lines.join('\n')}\n`,
    warnings: ['vLLM loads no placement from a file: only the number of redundant experts is passed on'],
  };
};

/**
 * `expert_map_path` of `--additional-config '{"eplb_config": …}'`; layer_list is indexed by MoE layer, and its devices
 * make one tensor. Source: vllm-project/vllm-ascend, vllm_ascend/eplb/core/eplb_utils.py, expert_file_to_tensor; its own
 * sample of expert_map.json in tests/ut/eplb.
 */
const vllmAscend = (plan: EmittablePlacement): Emitted => {
  if (unequal(plan)) return { ok: false, reason: 'vllm-ascend gives every device as many slots' };
  const layers = plan.layers.map(({ placement }, index) => ({
    layer_id: index,
    device_count: placement.length,
    device_list: placement.map((held, device) => ({ device_id: device, device_expert: held })),
  }));
  return {
    ok: true,
    text: `{"moe_layer_count": ${String(layers.length)}, "layer_list": [\n${listLines(layers.map((layer) => JSON.stringify(layer)))}\n]}\n`,
    warnings: [
      'vllm-ascend takes a map for methods of quantisation that support EPLB alone (w8a8_dynamic)',
      ...(replicasOf(plan) === plan.experts
        ? []
        : [
            'vllm-ascend sends the tokens of each rank to one replica of an expert (rank modulo replicas), not to all of them equally',
          ]),
    ],
  };
};

/** `moe_config.load_balancer` of TensorRT-LLM, static. Source: NVIDIA/TensorRT-LLM, llmapi/llm_args.py, MoeLoadBalancerConfig. */
const tensorrtLlm = (plan: EmittablePlacement): Emitted => {
  if (unequal(plan)) return { ok: false, reason: 'TensorRT-LLM gives every GPU as many slots' };
  const lines = [
    `num_slots: ${String(replicasOf(plan))}`,
    'layer_updates_per_iter: 0',
    'initial_global_assignments:',
    ...plan.layers.map(({ layer, placement }) => `  ${String(layer)}: [${placement.flat().join(', ')}]`),
  ];
  return {
    ok: true,
    text: `${lines.join('\n')}\n`,
    warnings: [
      'TensorRT-LLM ignores the file in silence unless expert parallelism is above 1, attention data parallelism is on and the architecture is in its moe_model_arch_list',
    ],
  };
};

/**
 * Megatron keeps expert i on rank ⌊i · EP ∕ experts⌋ and has no map: its experts are renumbered in the checkpoint.
 * `permutation[layer][i]` is the old number of the expert that becomes i: rows of the router's weight (and of its
 * expert bias) and the experts' weights are taken in that order.
 */
const megatron = (plan: EmittablePlacement): Emitted => {
  if (replicasOf(plan) !== plan.experts)
    return { ok: false, reason: 'Megatron holds every expert once: redundant_experts must be 0' };
  if (unequal(plan)) return { ok: false, reason: 'Megatron gives every GPU as many experts' };
  const rows = plan.layers.map(
    ({ layer, placement }) => `"${String(layer)}": ${JSON.stringify(placement.flat())}`,
  );
  return {
    ok: true,
    text: `{"expert_model_parallel_size": ${String(gpusOf(plan))}, "num_experts": ${String(plan.experts)}, "permutation": {\n${listLines(rows)}\n}}\n`,
    warnings: [
      'Megatron loads no placement: permute the router rows and the experts of the checkpoint by this list',
    ],
  };
};

const WRITERS: Readonly<Record<PlacementTarget, (plan: EmittablePlacement) => Emitted>> = {
  sglang,
  vllm,
  'vllm-ascend': vllmAscend,
  'tensorrt-llm': tensorrtLlm,
  megatron,
};

export const emitPlacement = (plan: EmittablePlacement, target: PlacementTarget): Emitted =>
  WRITERS[target](plan);
