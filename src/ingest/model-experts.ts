/** Mixture-of-experts keys: how many, how wide, and in which layers. */
import type { MoeFeedForward } from '../model/model.ts';
import { MOST_EXPERTS, MOST_HIDDEN, MOST_LAYERS, MOST_WIDTH } from './model-fields.ts';
import type { Fields } from './model-fields.ts';

const EXPERTS = ['n_routed_experts', 'num_experts', 'num_local_experts'];
const TOP_K = [
  'num_experts_per_tok',
  'num_experts_per_token',
  'experts_per_token',
  'top_k_experts',
  'num_selected_experts',
];

export const hasExperts = (fields: Fields): boolean =>
  fields.integer(EXPERTS, { min: 0, max: MOST_EXPERTS, fallback: 0 }) > 0;

/** Shared experts: a width, or a number of experts of the routed width. */
const readSharedWidth = (fields: Fields, expertWidth: number): number => {
  const names = ['shared_expert_intermediate_size', 'moe_shared_expert_intermediate_size'];
  if (fields.has(...names)) return fields.integer(names, { min: 0, max: MOST_WIDTH });
  const count = fields.integer(['n_shared_experts', 'num_shared_experts'], {
    min: 0,
    max: MOST_EXPERTS,
    fallback: 0,
  });
  return count * expertWidth;
};

/** Node-limited routing of DeepSeek: a token's experts lie in `topk_group` of `n_group` groups. */
const readGroups = (fields: Fields, experts: number): MoeFeedForward['groups'] => {
  const sound = fields.watch();
  const count = fields.integer('n_group', { max: MOST_EXPERTS, fallback: 1 });
  const limit = fields.integer('topk_group', { max: MOST_EXPERTS, fallback: count });
  if (count === 1) return null;
  if (sound() && (experts % count !== 0 || limit > count)) {
    fields.report('n_group', `${experts} experts in ${count} groups, of which a token uses ${limit}`, {
      expected: 'n_group that divides the experts and is at least topk_group',
    });
    return null;
  }
  return { count, limit };
};

export interface MoeTraits {
  readonly gated?: boolean;
  readonly bias?: boolean;
  readonly clamped?: true;
  readonly routerBias?: boolean;
  readonly sharedGate?: boolean;
  readonly sharedWidth?: number;
  readonly parallelDenseWidth?: number;
}

/** The block of one MoE layer. Experts take `moe_intermediate_size`, else `intermediate_size` (Mixtral, gpt-oss). */
export const readMoe = (fields: Fields, traits: MoeTraits = {}): MoeFeedForward => {
  const sound = fields.watch();
  const experts = fields.integer(EXPERTS, { max: MOST_EXPERTS });
  const topK = fields.integer(TOP_K, { max: MOST_EXPERTS });
  const zero = fields.integer('zero_computation_experts', { min: 0, max: MOST_EXPERTS, fallback: 0 });
  if (sound() && topK > experts + zero) {
    fields.report(null, `a token cannot use ${topK} of ${experts + zero} experts`, {
      expected: 'as many experts as are used per token, or more',
    });
  }
  const expertWidth = fields.integer(['moe_intermediate_size', 'intermediate_size'], { max: MOST_WIDTH });
  const latentNames = ['moe_latent_size', 'routed_expert_hidden_size'];
  const sharedWidth = traits.sharedWidth ?? readSharedWidth(fields, expertWidth);
  return {
    kind: 'moe',
    experts,
    topK,
    expertWidth,
    gated: traits.gated ?? true,
    bias: traits.bias ?? false,
    ...(traits.clamped === true ? { clamped: true as const } : {}),
    sharedWidth,
    sharedGate: (traits.sharedGate ?? false) && sharedWidth > 0,
    routerBias: traits.routerBias ?? false,
    ...(fields.flag('latent_moe_use_norm', false) ? { latentNorm: true as const } : {}),
    latent: fields.has(...latentNames) ? fields.integer(latentNames, { max: MOST_HIDDEN }) : null,
    zeroComputationExperts: zero,
    groups: readGroups(fields, experts),
    parallelDenseWidth: traits.parallelDenseWidth ?? 0,
  };
};

/** `moe_layer_freq`: every n-th layer, counted from the first, or a list of 0 and 1 for all layers. */
const readFrequency = (fields: Fields, layers: number): ((layer: number) => boolean) => {
  if (!Array.isArray(fields.raw('moe_layer_freq'))) {
    const every = fields.integer('moe_layer_freq', { max: MOST_LAYERS, fallback: 1 });
    return (layer) => layer % every === 0;
  }
  const list = fields.integers('moe_layer_freq', MOST_LAYERS, { min: 0, max: 1 });
  if (list === null) return () => true;
  if (list.length !== layers) {
    fields.report('moe_layer_freq', `moe_layer_freq has ${list.length} entries for ${layers} layers`, {
      expected: `${layers} entries`,
    });
  }
  return (layer) => list[layer] === 1;
};

/**
 * True for layers with experts: not among the first `first_k_dense_replace` (DeepSeek) nor `mlp_only_layers` (Qwen);
 * every `decoder_sparse_step`-th or `interleave_moe_layer_step`-th, counted from 1; by `moe_layer_freq`, counted from
 * 0; or by `moe_layers`, a list of layers (Llama 4).
 */
export const readMoeLayers = (fields: Fields, layers: number): readonly boolean[] => {
  const most = { max: MOST_LAYERS };
  const first = fields.integer('first_k_dense_replace', { min: 0, ...most, fallback: 0 });
  const denseLayers = new Set(fields.integers('mlp_only_layers', MOST_LAYERS, most));
  const listed = fields.integers('moe_layers', MOST_LAYERS, most);
  const moeLayers = listed === null ? null : new Set(listed);
  const step = fields.integer(['decoder_sparse_step', 'interleave_moe_layer_step'], { ...most, fallback: 1 });
  const frequent = readFrequency(fields, layers);
  return Array.from({ length: layers }, (_, layer) => {
    if (layer < first || denseLayers.has(layer) || !frequent(layer)) return false;
    return moeLayers === null ? (layer + 1) % step === 0 : moeLayers.has(layer);
  });
};
