/**
 * Published sizes of the models whose config.json lies in the shared data. A string: the preset of the same
 * dimensions, which holds the figures and their source.
 */
import type { PublishedSize } from '../../src/ingest/model-published.ts';

const exact = (parameters: number, source: string, rest: Partial<PublishedSize> = {}): PublishedSize => ({
  parameters,
  rounding: 0,
  multiTokenPrediction: 'none',
  notCounted: 0,
  active: null,
  counts: 'every tensor of the checkpoint',
  source,
  ...rest,
});

export const PUBLISHED_SIZES: Readonly<Record<string, string | PublishedSize>> = {
  'Qwen--Qwen3-235B-A22B': 'qwen3-235b-a22b',
  'Qwen--Qwen3-30B-A3B': 'qwen3-30b-a3b',
  'Qwen--Qwen3-32B': 'qwen3-32b',
  'Qwen--Qwen3-8B': 'qwen3-8b',
  'deepseek-ai--DeepSeek-V3': 'deepseek-v3',
  'deepseek-ai--DeepSeek-V3.2': 'deepseek-v3.2',
  'google--gemma-4-26B-A4B': exact(
    25_233_142_046,
    'tensors of its GGUF conversions as llama.cpp counts them',
    {
      // A scalar in each of 30 layers, and 256 precomputed rotary frequencies.
      notCounted: 286,
      active: { parameters: 3.8e9, rounding: 1e8, excludes: 'nothing' },
      counts: 'language model without the vision tower; active, from its model card',
    },
  ),
  'meta-llama--Meta-Llama-3.1-405B': 'llama3-405b',
  'meta-llama--Meta-Llama-3.1-70B': 'llama3-70b',
  'meta-llama--Meta-Llama-3.1-8B': 'llama3-8b',
  'mistralai--Mixtral-8x22B-v0.1': 'mixtral-8x22b',
  'mistralai--Mixtral-8x7B-v0.1': 'mixtral-8x7b',
  'moonshotai--Kimi-K2-Instruct': 'kimi-k2',
  'moonshotai--Kimi-K2.5': exact(1_026_408_232_448, 'sum over the tensor headers of Kimi-K2-Instruct', {
    active: { parameters: 32e9, rounding: 1e9, excludes: 'embedding' },
    counts: 'the language model, equal to Kimi K2; the vision tower and projector add 471,143,920',
  }),
  'nvidia--NVIDIA-Nemotron-3-Nano-30B-A3B-BF16': 'nemotron-3-nano-30b-a3b',
  'onnx_tool__Qwen2-7B': exact(7_615_616_512, 'safetensors total of huggingface.co/Qwen/Qwen2-7B'),
  'openai--gpt-oss-120b': 'gpt-oss-120b',
  'openai--gpt-oss-20b': 'gpt-oss-20b',
  'scale_llm_engine__DeepSeek-Coder-V2-Instruct': exact(
    235_741_434_880,
    'safetensors total of huggingface.co/deepseek-ai/DeepSeek-V2, of the same dimensions',
    { active: { parameters: 21e9, rounding: 1e9, excludes: 'nothing' } },
  ),
  'scale_llm_engine__DeepSeek-Coder-V2-Lite-Instruct': 'deepseek-v2-lite',
  'scale_llm_engine__Llama-2-7b-hf': 'llama2-7b',
  'scale_llm_engine__Phi-3-medium': exact(
    13_960_238_080,
    'safetensors total of huggingface.co/microsoft/Phi-3-medium-4k-instruct',
  ),
  'scale_llm_engine__Phi-3-mini-4k-instruct': exact(
    3_821_079_552,
    'safetensors total of huggingface.co/microsoft/Phi-3-mini-4k-instruct',
  ),
  simai__deepseek_R1_0528: 'deepseek-v3',
  'simai__qwen3-next-80B-A3B': exact(
    81_324_862_720,
    'safetensors total of huggingface.co/Qwen/Qwen3-Next-80B-A3B-Instruct',
    {
      // The prediction module of the checkpoint, which config.json does not state.
      notCounted: 1_650_471_424,
      active: { parameters: 3e9, rounding: 1e9, excludes: 'embedding_and_head' },
    },
  ),
  'zai-org--GLM-5': exact(753_864_139_008, 'safetensors total of huggingface.co/zai-org/GLM-5', {
    multiTokenPrediction: 'module',
    active: { parameters: 40e9, rounding: 1e9, excludes: 'embedding_and_head' },
    counts: 'every tensor of the checkpoint; active, from its model card',
  }),
};
