/**
 * Names of training software as titles and framework fields print them → runtime and profile. A name stands where its
 * code stands: forks with what they fork, stacks of one design with the one whose runs are known. Stacks of a code of
 * their own, of which no run is known (InternEvo, Colossal-AI, PatrickStar, BMTrain, PaddlePaddle, MindSpore, OneFlow),
 * have no name here: they are predicted by their split, as software without a name.
 */
import type { SoftwareProfile } from '../../plan/conditions.ts';
import type { RuntimeName } from '../../plan/problem.ts';

export interface NamedSoftware {
  readonly pattern: RegExp;
  readonly runtime: RuntimeName;
  readonly profile: SoftwareProfile;
}

const rule = (pattern: RegExp, runtime: RuntimeName, profile: SoftwareProfile): NamedSoftware => ({
  pattern,
  runtime,
  profile,
});

const HUGGING_FACE = 'xtuner|ms-?swift|llama-?factory|axolotl|unsloth|hugging ?face|\\bhf\\b|\\btrl\\b';

/** First match wins; compared in lower case. The more special name stands first. */
export const NAMED_SOFTWARE: readonly NamedSoftware[] = [
  // Hugging Face's 3D stack and its teaching version.
  rule(/nanotron|ultra-?scale playbook|picotron|smollm/, 'nanotron', 'nanotron'),
  rule(/megatron-?fsdp|megatron[ -]core fsdp|mcore fsdp/, 'megatron', 'megatron-fsdp'),
  // FSDP2 with tensor, context and pipeline parallelism from PyTorch's own modules, compiled: torchtitan and what is
  // built on the same parts (NVIDIA-NeMo/Automodel; KempnerForge @ 01b461a distributed/parallel.py; OLMo-core; prime).
  rule(
    /torch ?titan|auto-?model|kempner|olmo-?core|prime-?(?:rl|intellect)|intellect-\d|simple-?fsdp|fsdp-?2|torchtune|verl-?fsdp|vescale/,
    'torchtitan',
    'torchtitan',
  ),
  // XLA: sharded parameters by annotation.
  rule(
    /max-?text|paxml|\bjax\b|levanter|\bpax\b|easy-?lm|axlearn|t5x|praxis|flaxformer|\balpa\b|easydel|big_?vision|torch.?xla|\btpu\b/,
    'fsdp',
    'jax',
  ),
  // Models and trainers of Hugging Face: layers of eager PyTorch, whether DeepSpeed or FSDP shards them.
  rule(new RegExp(`^(?=.*(?:${HUGGING_FACE})).*(?:deepspeed|zero-?[123]\\b)`), 'deepspeed', 'pytorch-fsdp'),
  rule(new RegExp(HUGGING_FACE), 'fsdp', 'pytorch-fsdp'),
  // DeepSpeed's pipeline engine or ZeRO around Megatron's layers.
  rule(
    /megatron-?deepspeed|megatron\s*\+\s*deepspeed|vtrain|bigscience|bloom|mt-nlg|megatron-turing|gpt-?neo-?x|pythia|glm-130b|\bamp\b|sailor/,
    'deepspeed',
    'megatron-deepspeed',
  ),
  rule(
    /deepspeed|zero-?(?:offload|infinity|\+\+|1|2|3)\b|ulysses|bagua|fastmoe|tutel|frontier|\blumi\b|\bpoplar\b/,
    'deepspeed',
    'megatron-deepspeed',
  ),
  // Aleph Alpha's PyTorch layers under a 3D split.
  rule(/hagemann|efficient parallelization layouts|aleph.?alpha/, 'megatron', 'scaling'),
  // Eager PyTorch with sharded parameters: FSDP1 and trainers around it; fairscale's in fairseq and metaseq.
  rule(
    /llm-?foundry|mosaic|fms-?fsdp|fsdp|composer|accelerate|transformers|lightning|\bolmo\b|lit-?gpt|tinyllama|llama-?recipes|\btrainer\b|fairseq|fairscale|metaseq|\bopt-\d+b|nanogpt|mingpt/,
    'fsdp',
    'pytorch-fsdp',
  ),
  // Forks of Megatron-LM before Transformer Engine.
  rule(
    /zero bubble|vocabulary ?parallelism|balancing pipeline|megascale|pipeline parallelism with controllable|varuna|galvatron|hetu|aceso|merak|piper|dapple|chimera|terapipe|slimpipe/,
    'megatron',
    'megatron-classic',
  ),
  rule(
    /megatron|nemo|dgx|narayanan|korthikanti|sc21|nemotron|transformer engine|mcore|simumax|parallel folding|primus|flagscale|flagperf|aquila|kwai|mindspeed|model-?link|pai-|swallow|apertus|llm-?jp|\bverl\b|slime|selene|mlperf/,
    'megatron',
    'megatron-core',
  ),
];

/**
 * Code whose memory published peaks, its tests or its own text fix. The others that have names above are predicted as
 * their relative: of one design, but with layers, buffers or an optimizer of their own, forks that change them included.
 */
const KNOWN_MEMORY =
  /nanotron|ultra-?scale|torch ?titan|kempner|megatron|nemo|dgx|sc21|narayanan|korthikanti|mcore|simumax|parallel folding|bigscience|bloom|vtrain|zero bubble|vocabulary ?parallelism|balancing pipeline|llm-?foundry|mosaic|fms-?fsdp|pytorch fsdp|hagemann|aleph.?alpha/;

/** Forks, which may change what their original keeps in memory; what Kuaishou's changes, its records say. */
const CHANGED = /^(?!.*kwai).*(?:\bforks?\b|\bpatch(?:ed)?\b|flagscale)/;

export interface Named extends Pick<NamedSoftware, 'runtime' | 'profile'> {
  /** Its memory is known, not only that of a relative. */
  readonly memoryKnown: boolean;
}

/** Codes of their own, of which no run is known. */
const OWN_CODE = /paddle|mindspore|mindformers|intern-?evo|colossal|patrick-?star|bmtrain|oneflow/;

/**
 * The software that the framework names, else the title; null: no name in them is known. A benchmark's title names the
 * stacks it is of, not which of them this run is: a framework with a code of its own is none of those.
 */
export const namedSoftware = (framework: string | null, title: string): Named | null => {
  if (framework !== null && OWN_CODE.test(framework.toLowerCase())) return null;
  for (const text of [framework, title]) {
    const words = text?.toLowerCase();
    const found = words === undefined ? undefined : NAMED_SOFTWARE.find(({ pattern }) => pattern.test(words));
    if (words !== undefined && found !== undefined)
      return {
        runtime: found.runtime,
        profile: found.profile,
        memoryKnown: KNOWN_MEMORY.test(words) && !CHANGED.test(words),
      };
  }
  return null;
};
