import type { RunConditions } from '../../plan/conditions.ts';
import type { AttentionKernel, DataType, Optimizer, Precision, Training } from '../../plan/problem.ts';
import { has, integerOf, textOf } from './arguments.ts';
import type { ArgumentMap } from './arguments.ts';

const readPrecision = (given: ArgumentMap): Precision => {
  if (has(given, '--fp4-format')) return 'nvfp4';
  if (has(given, '--fp8-format')) return textOf(given, '--fp8-recipe') === 'mxfp8' ? 'mxfp8' : 'fp8';
  if (has(given, '--bf16')) return 'bf16';
  return has(given, '--fp16') ? 'fp16' : 'fp32';
};

const types: readonly DataType[] = ['fp32', 'bf16', 'fp16', 'fp8'];

const typeOf = (given: ArgumentMap, flag: string, fallback: DataType): DataType =>
  types.find((type) => type === textOf(given, flag)) ?? fallback;

const readOptimizer = (given: ArgumentMap, precision: Precision): Optimizer => {
  const name = textOf(given, '--optimizer') ?? 'adam';
  const lowGradients: DataType = has(given, '--grad-reduce-in-bf16')
    ? 'bf16'
    : precision === 'fp16' && !has(given, '--accumulate-allreduce-grads-in-fp32')
      ? 'fp16'
      : 'fp32';
  return {
    name: name === 'sgd' ? 'sgd' : name.endsWith('muon') ? 'muon' : 'adam',
    states: typeOf(given, '--exp-avg-dtype', 'fp32'),
    gradients: typeOf(given, '--main-grads-dtype', 'fp32') === 'bf16' ? 'bf16' : lowGradients,
    mainParameters: typeOf(given, '--main-params-dtype', 'fp32'),
  };
};

/** Batch in sequences as Megatron takes it: one micro-batch per replica where it is not given. */
export const globalBatchOf = (given: ArgumentMap, data: number): number =>
  integerOf(given, '--global-batch-size') ?? (integerOf(given, '--micro-batch-size') ?? 1) * data;

/**
 * Megatron builds the model on the GPU and shards it then, unless it is built on the meta device or, for PyTorch's FSDP2,
 * on the host (NVIDIA/Megatron-LM @ d98e8a6 megatron/training/training.py get_model).
 */
const startsWhole = (given: ArgumentMap): boolean =>
  (has(given, '--use-megatron-fsdp') || has(given, '--use-torch-fsdp2')) &&
  !has(given, '--init-model-with-meta-device') &&
  !(has(given, '--use-torch-fsdp2') && has(given, '--use-cpu-initialization'));

const conditionsOf = (given: ArgumentMap): Pick<Training, 'conditions'> => {
  const conditions: RunConditions = {
    ...(startsWhole(given) ? { startsWhole: true } : {}),
    ...(has(given, '--fp8-param-gather') || has(given, '--fp4-param-gather')
      ? { lowPrecisionParameters: true }
      : {}),
  };
  return Object.keys(conditions).length === 0 ? {} : { conditions };
};

/** Facts of training that the flags state; sequence length 0 when they do not. */
export const readTraining = (given: ArgumentMap, version: string, data: number): Training => {
  const precision = readPrecision(given);
  const sequenceLength = integerOf(given, '--seq-length') ?? integerOf(given, '--encoder-seq-length') ?? 0;
  const samples = integerOf(given, '--train-samples');
  const kernel: AttentionKernel =
    textOf(given, '--attention-backend') === 'unfused'
      ? 'unfused'
      : textOf(given, '--flash-attention-version') === '3'
        ? 'flash3'
        : 'flash2';
  return {
    runtime: { name: 'megatron', version },
    sequenceLength,
    globalBatchSize: globalBatchOf(given, data),
    precision,
    attentionKernel: kernel,
    optimizer: readOptimizer(given, precision),
    routing: { kind: 'balanced' },
    tokens: samples === null ? null : samples * sequenceLength,
    ...conditionsOf(given),
  };
};
