/** The training section: runtime, batch, precision, optimizer, routing, with the defaults of the runtime. */
import type { Accelerator, Cluster } from '../cluster/cluster.ts';
import type { OptimizerSpec, TrainingSpec } from '../formats/spec.ts';
import type { Model } from '../model/model.ts';
import type {
  AttentionKernel,
  DataType,
  Optimizer,
  Precision,
  RuntimeName,
  Training,
} from '../plan/problem.ts';
import type { BuildContext } from './build-context.ts';
import { buildRouting } from './build-routing.ts';
import { parseRuntime } from './runtime-reference.ts';

const TRAINING = '/training';

/**
 * The kernel that the runtime picks by itself. FlashAttention 2 needs Ampere or newer (or CDNA) and 16-bit numbers,
 * FlashAttention 3 Hopper; of the runtimes only Megatron, by Transformer Engine, takes the latter without being asked.
 * Source: Dao-AILab/flash-attention README; NVIDIA/TransformerEngine attention backend selection.
 */
export const automaticKernel = (
  runtime: RuntimeName,
  precision: Precision,
  accelerators: readonly Accelerator[],
): AttentionKernel => {
  if (precision === 'fp32') return 'unfused';
  const architectures = accelerators.map(({ architecture }) => architecture);
  if (architectures.some((architecture) => architecture === 'volta' || architecture === 'turing'))
    return 'unfused';
  return runtime === 'megatron' && architectures.every((architecture) => architecture === 'hopper')
    ? 'flash3'
    : 'flash2';
};

/** Gradients are accumulated in fp32 everywhere by default, but for DeepSpeed, which keeps them in the model's dtype. */
const usualGradients = (runtime: RuntimeName, precision: Precision): DataType => {
  if (runtime !== 'deepspeed' || precision === 'fp32') return 'fp32';
  return precision === 'fp16' ? 'fp16' : 'bf16';
};

const buildOptimizer = (
  spec: TrainingSpec['optimizer'],
  runtime: RuntimeName,
  precision: Precision,
): Optimizer => {
  const map: Partial<OptimizerSpec> = typeof spec === 'string' ? { name: spec } : (spec ?? {});
  return {
    name: map.name ?? 'adam',
    states: map.states ?? 'fp32',
    gradients: map.gradients ?? usualGradients(runtime, precision),
    mainParameters: map.main_parameters ?? 'fp32',
  };
};

/** FlashAttention cannot run where asked: said here, because no strategy could mend it. */
const checkKernel = (
  kernel: AttentionKernel,
  accelerators: readonly Accelerator[],
  context: BuildContext,
): void => {
  if (kernel === 'unfused') return;
  const at = `${TRAINING}/attention_kernel`;
  for (const { name, architecture } of accelerators) {
    if (architecture === 'volta' || architecture === 'turing')
      context.error(at, 'spec/kernel', `${kernel} does not run on ${name} (${architecture})`, {
        expected: 'unfused',
      });
    else if (kernel === 'flash3' && architecture !== 'hopper' && architecture !== 'other')
      context.error(at, 'spec/kernel', `flash3 does not run on ${name} (${architecture})`, {
        expected: 'flash2',
      });
  }
};

/** What multiplies matrices in a precision; absent from `peak` means that the accelerator cannot. */
const checkPrecision = (
  precision: Precision,
  accelerators: readonly Accelerator[],
  context: BuildContext,
): void => {
  const at = `${TRAINING}/precision`;
  for (const { name, peak } of accelerators) {
    const missing =
      ((precision === 'fp8' || precision === 'mxfp8') && peak.fp8 === undefined) ||
      (precision === 'nvfp4' && peak.nvfp4 === undefined) ||
      (precision === 'fp32' && peak.fp32 === undefined && peak.tf32 === undefined);
    if (missing) context.error(at, 'spec/precision', `${name} has no peak rate in ${precision}`);
  }
};

/** null where something is wrong; all of it is in the context. */
export const buildTraining = (
  spec: TrainingSpec,
  cluster: Cluster | null,
  model: Model | null,
  context: BuildContext,
): Training | null => {
  if (typeof (spec as TrainingSpec | undefined) !== 'object') return null;
  const routing = buildRouting(spec, model, context);
  if (!context.isSound(TRAINING) || cluster === null || routing === null) return null;
  const runtime = parseRuntime(spec.runtime ?? 'megatron');
  if (!runtime.ok) throw new Error('a runtime passed the schema and is none');
  const accelerators = [...new Set(cluster.groups.map(({ accelerator }) => accelerator))];
  const precision =
    spec.precision ?? (accelerators.every(({ peak }) => peak.bf16 !== undefined) ? 'bf16' : 'fp16');
  const asked = spec.attention_kernel ?? 'auto';
  const attentionKernel =
    asked === 'auto' ? automaticKernel(runtime.value.name, precision, accelerators) : asked;
  checkKernel(attentionKernel, accelerators, context);
  checkPrecision(precision, accelerators, context);
  return {
    runtime: runtime.value,
    sequenceLength: spec.sequence_length,
    globalBatchSize: spec.global_batch_size,
    precision,
    attentionKernel,
    optimizer: buildOptimizer(spec.optimizer, runtime.value.name, precision),
    routing,
    tokens: spec.tokens ?? null,
  };
};
