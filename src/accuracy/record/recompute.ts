/** Words for recomputation → the strategy's value, and what to assume where nothing is printed. */
import type { RunConfiguration } from '../../ingest/measured-configuration.ts';
import type { Recompute, RecomputeModule } from '../../strategy/strategy.ts';
import type { Software } from './software.ts';

export interface RecordedRecompute {
  /** null: not printed. */
  readonly recompute: Recompute | null;
  /** Matrix products are kept, the rest recomputed (torchtitan's operator policy). */
  readonly operators: boolean;
  /** Every second layer is recomputed in full. */
  readonly everyOther: boolean;
  /** The activation function between the two products of the MLP is computed again. */
  readonly activation: boolean;
}

const MODULES: readonly (readonly [RegExp, RecomputeModule])[] = [
  [/^core|^attn|^attention|core_attn/, 'core_attn'],
  [/^moe_act/, 'moe_act'],
  [/^shared/, 'shared_experts'],
  [/^moe/, 'moe'],
  [/^mlp|^ffn/, 'mlp'],
  [/norm/, 'layernorm'],
  [/up_?-?proj|mla/, 'mla_up_proj'],
];

const plain = (recompute: Recompute | null): RecordedRecompute => ({
  recompute,
  operators: false,
  everyOther: false,
  activation: false,
});

export const selective = (modules: Iterable<RecomputeModule>): Recompute => {
  const sorted = [...new Set(modules)].sort();
  return sorted.length === 0 ? { kind: 'none' } : { kind: 'selective', modules: sorted };
};

/** `mlp_act`, `MLP activation function`, `SwiGLU`: the elementwise product alone, not the block; `moe_act` is a module. */
const ACTIVATION =
  /\b(?:(?:mlp|ffn)[ _-]*act(?:ivation)?(?:[ _-]*func(?:tion)?s?)?|(?:(?:gelu|swiglu|silu)[ _-]*)?activation[ _-]*func(?:tion)?s?|swiglu|silu|gelu)\b/;

const modulesOf = (words: string): readonly RecomputeModule[] =>
  words
    .split(/[,+;&]|\band\b/)
    .map((part) => part.trim().replaceAll(/[\s-]+/g, '_'))
    .flatMap((part) => MODULES.find(([pattern]) => pattern.test(part))?.[1] ?? []);

const layersOf = (words: string): number => Math.max(1, Number(/(\d+)/.exec(words)?.[1] ?? 1));

/**
 * Checkpoint policies of JAX by what they save (jax.checkpoint_policies; Praxis' AutodiffCheckpointType; MaxText's
 * remat_policy, whose `minimal` saves products without a batch dimension).
 */
const POLICIES: readonly (readonly [RegExp, Recompute])[] = [
  [/nothing/, { kind: 'full' }],
  [/save_?-?everything|everything_?-?sav/, { kind: 'none' }],
  [/context.*except.*(?:mlp|ffn)/, selective(['layernorm', 'mlp'])],
  [/except.*(?:mlp|ffn)|(?:qkv|out)_?-?proj/, selective(['core_attn', 'layernorm', 'mlp'])],
  [/\bminimal|\bdots?_|save_?-?dots?\b|save_?-?dots?_/, selective(['core_attn', 'layernorm'])],
];

const NONE = /^(?:none|no|not|off|false|disabled|without|0)\b/;
/** Words that say that layers are recomputed, and not which part: whole layers, as every stack's plain switch does. */
const WHOLE =
  /full|every layer|all layers|^(?:yes|true|on|1|all|enabled|uniform|f?ac|remat|recomput\w*)$|(?:each|per)[ -]layer|^(?:(?:activation|gradient)s?[ -])?checkpoint(?:ing|s)?$/;

export const recomputeOf = (printed: string | null): RecordedRecompute => {
  if (printed === null) return plain(null);
  const words = printed.trim().toLowerCase();
  const policy = POLICIES.find(([pattern]) => pattern.test(words))?.[1];
  if (policy !== undefined) return plain(policy);
  if (NONE.test(words)) return plain({ kind: 'none' });
  if (/full.*block|^block\b|^\d+ layers/.test(words))
    return plain({ kind: 'full-block', layers: layersOf(words) });
  if (/full.*uniform/.test(words)) return plain({ kind: 'full-uniform', layers: layersOf(words) });
  if (/selective layer|every (?:other|second|2\b)|\bhalf\b|^50 ?%/.test(words))
    return { ...plain({ kind: 'full' }), everyOther: true };
  if (WHOLE.test(words)) return plain({ kind: 'full' });
  if (/\bsac\b|\bop\b|per-?op|operator/.test(words)) return { ...plain({ kind: 'none' }), operators: true };
  const list =
    /selective:(.*)/.exec(words)?.[1] ??
    (words.startsWith('selective') ? 'core_attn' : words.replace(/^recomput\w*\s+/, ''));
  const activation = ACTIVATION.test(list);
  const modules = modulesOf(list.replace(ACTIVATION, '').replace(/^\s*\(|\)\s*$/g, ''));
  const recompute =
    modules.length > 0
      ? selective(modules)
      : activation
        ? selective([])
        : /select/.test(words)
          ? selective(['core_attn'])
          : null;
  return { ...plain(recompute), activation };
};

const isTable = /dgx|nemo|megatron-bridge/i;

/** NVIDIA's recipe tables print no recomputation: these run with some, dense models else with none. */
const RECIPE_EXCEPTIONS: readonly {
  readonly model: RegExp;
  readonly from: string;
  readonly until: string;
  readonly gpu: RegExp;
  readonly recompute: Recompute;
}[] = [
  // nemotron4-340b-synth.yaml:138 of NVIDIA/dgxc-benchmarking v24.11.1
  {
    model: /nemotron.?4.?340b/i,
    from: '2024-11',
    until: '2025-01',
    gpu: /./,
    recompute: selective(['core_attn']),
  },
  // deepseek_v3/pretraining/launch.sh:106,119 of NVIDIA/dgxc-benchmarking v25.05
  {
    model: /deepseek/i,
    from: '2025-05',
    until: '2025-09',
    gpu: /h\d00/i,
    recompute: selective(['mla_up_proj']),
  },
  {
    model: /deepseek/i,
    from: '2025-05',
    until: '2025-09',
    gpu: /b\d00/i,
    recompute: selective(['core_attn']),
  },
];

/** What NVIDIA's MoE recipes print where they print something: cheap modules first. */
const MOE_LADDER: readonly Recompute[] = [{ kind: 'none' }, selective(['layernorm', 'moe_act'])];

const LADDER: readonly Recompute[] = [{ kind: 'none' }, selective(['core_attn']), { kind: 'full' }];

/** Megatron-FSDP's Llama 3 8B recipe of 25.09 recomputes five layers, as its successor of 25.11 prints. */
const fsdpRecipe = (configuration: RunConfiguration, software: Software): Recompute | null =>
  software.profile === 'megatron-fsdp' &&
  /llama-?_?3[^4]*8b/i.test(configuration.model.name) &&
  configuration.training.fsdp === 8
    ? { kind: 'full-block', layers: 5 }
    : null;

/**
 * Checkpoint policies of the JAX recipes: PaXML's 175B saves query, key, value and output projections, so that the MLP
 * runs again (SAVE_QKV_OUT_PROJ); its 5B all products (SAVE_DOT_ONLY); MaxText's attention inputs and MLP inputs
 * (NVIDIA/dgxc-benchmarking v24.11.1, paxml_mod_configs.py:27,31 and maxtext configure.sh:63-87).
 */
const jaxRecipe = (configuration: RunConfiguration, software: Software): Recompute | null => {
  if (software.profile !== 'jax') return null;
  return /paxml/i.test(configuration.model.name) && (configuration.model.layers ?? 0) > 48
    ? selective(['core_attn', 'layernorm', 'mlp'])
    : selective(['core_attn', 'layernorm']);
};

/** What to try where nothing is printed, lightest first: one value where the source's recipes are known. */
export const recomputeHabit = (configuration: RunConfiguration, software: Software): readonly Recompute[] => {
  const date = software.date ?? '';
  if (isTable.test(configuration.title) && software.date !== null && date >= '2024-01') {
    const exception = RECIPE_EXCEPTIONS.find(
      (each) =>
        each.model.test(configuration.model.name) &&
        date >= each.from &&
        date < each.until &&
        each.gpu.test(configuration.cluster.gpu ?? ''),
    );
    const known =
      exception?.recompute ?? jaxRecipe(configuration, software) ?? fsdpRecipe(configuration, software);
    if (known !== null) return [known];
    return configuration.model.experts === null ? [{ kind: 'none' }] : MOE_LADDER;
  }
  // Stacked layers of JAX keep their inputs alone unless told otherwise: Praxis' StackedTransformerRepeated
  // (checkpoint_policy SAVE_NOTHING), MaxText's base.yml (remat_policy full), EasyLM (nothing_saveable).
  if (software.profile === 'jax') return [{ kind: 'full' }];
  // Its authors are Megatron Core's: their MoE recipes recompute cheap modules at most.
  return /moe parallel folding/i.test(configuration.title) ? MOE_LADDER : LADDER;
};
