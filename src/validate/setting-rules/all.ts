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
  'bridge/sequence-needs-tensor': {
    why: 'Bridge builds the configuration of the core, which raises where Megatron-LM only switches it off',
    source: 'NVIDIA/Megatron-LM @ 02aa3ee4 megatron/core/model_parallel_config.py __post_init__',
  },
};
