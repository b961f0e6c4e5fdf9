import { accelerateRules } from './accelerate.ts';
import { deepspeedRules } from './deepspeed.ts';
import { nanotronRules } from './nanotron.ts';
import type { SettingRule } from './rule.ts';
import { torchtitanSettingRules } from './torchtitan.ts';

/** Every rule about the settings of structured files. */
export const settingRules: readonly SettingRule[] = [
  ...accelerateRules,
  ...deepspeedRules,
  ...nanotronRules,
  ...torchtitanSettingRules,
];

interface Facts {
  readonly why: string;
  readonly source: string;
}

/** Reasons and sources of rules that the readers of files state beside their reading. */
export const readerFacts: Readonly<Record<string, Facts>> = {
  'torchtitan/world-product': {
    why: 'replicas × shards × context × tensor × pipeline are all ranks',
    source: 'pytorch/torchtitan @ b5bcd76c torchtitan/distributed/parallel_dims.py',
  },
  'torchtitan/unknown-key': {
    why: 'the parser knows the fields of its configuration',
    source: 'pytorch/torchtitan @ b5bcd76c ParallelismConfig; TOML files of 2024 and 2025',
  },
  'torchtitan/virtual-stages-divisible': {
    why: 'each pipeline rank holds the same number of stages',
    source: 'pytorch/torchtitan @ b5bcd76c torchtitan/distributed/pipeline_parallel.py',
  },
  'torchtitan/stages-per-schedule': {
    why: 'GPipe and 1F1B run one stage on a rank, the other schedules several',
    source: 'pytorch/torchtitan @ b5bcd76c torchtitan/distributed/pipeline_parallel.py',
  },
  'nanotron/world-product': {
    why: 'the configuration states every axis, and they are all ranks',
    source: 'huggingface/nanotron @ 2411b022 src/nanotron/parallel/context.py:24-62',
  },
  'nanotron/unknown-key': {
    why: 'the parser knows the fields of its configuration',
    source: 'huggingface/nanotron @ 2411b022 ParallelismArgs',
  },
  'axolotl/world-product': {
    why: 'the parallel sizes divide the ranks',
    source: 'axolotl-ai-cloud/axolotl @ 067b021c src/axolotl/utils/distributed.py',
  },
  'axolotl/context-micro-batch': {
    why: 'ring attention takes one packed sequence at a time',
    source: 'axolotl-ai-cloud/axolotl @ 067b021c src/axolotl/utils/schemas/validation.py',
  },
  'vllm/experts-balancer': {
    why: 'experts are balanced between expert ranks',
    source: 'vllm-project/vllm @ 00193b82 vllm/config/parallel.py',
  },
  'vllm/redundant-experts': {
    why: 'copies of experts are those of the balancer',
    source: 'vllm-project/vllm @ 00193b82 vllm/config/parallel.py',
  },
  'vllm/prefill-context-data': {
    why: 'context ranks of prefill do not know replicas',
    source: 'vllm-project/vllm @ 00193b82 vllm/config/parallel.py',
  },
  'vllm/decode-context-tensor': {
    why: 'context ranks of decoding are tensor ranks',
    source: 'vllm-project/vllm @ 00193b82 vllm/config/parallel.py',
  },
  'sglang/expert-tensor': {
    why: 'expert ranks are cut out of the tensor ranks',
    source: 'sgl-project/sglang @ 0005973a parallel_state.py',
  },
  'sglang/attention-data': {
    why: 'replicas of attention are cut out of the tensor ranks',
    source: 'sgl-project/sglang @ 001067ff server_args.py',
  },
  'sglang/all-to-all-expert': {
    why: 'an all-to-all of tokens runs over all tensor ranks',
    source: 'sgl-project/sglang @ 001067ff server_args.py',
  },
  'tensorrt-llm/expert-tensor': {
    why: 'expert ranks are cut out of the tensor ranks',
    source: 'NVIDIA/TensorRT-LLM @ 05ebebb2 tensorrt_llm/mapping.py',
  },
  'tensorrt-llm/context-expert': {
    why: 'context ranks stand in the expert grid',
    source: 'NVIDIA/TensorRT-LLM @ 05ebebb2 tensorrt_llm/mapping.py',
  },
  'bridge/sequence-needs-tensor': {
    why: 'Bridge builds the configuration of the core, which raises where Megatron-LM only switches it off',
    source: 'NVIDIA/Megatron-LM @ 02aa3ee4 megatron/core/model_parallel_config.py __post_init__',
  },
};
