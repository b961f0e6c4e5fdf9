import type { Precision, Training } from '../../plan/problem.ts';
import type { Strategy } from '../../strategy/strategy.ts';
import { compareVersions } from '../version.ts';
import type { FlagWords } from './write-model.ts';

const precisionFlags = (precision: Precision): readonly FlagWords[] => {
  switch (precision) {
    case 'fp32':
      return [];
    case 'fp16':
    case 'bf16':
      return [[`--${precision}`]];
    case 'fp8':
      return [['--bf16'], ['--fp8-format', 'hybrid'], ['--fp8-recipe', 'tensorwise']];
    case 'mxfp8':
      return [['--bf16'], ['--fp8-format', 'e4m3'], ['--fp8-recipe', 'mxfp8']];
    case 'nvfp4':
      return [['--bf16'], ['--fp4-format', 'e2m1'], ['--fp4-recipe', 'nvfp4']];
    default:
      return precision satisfies never;
  }
};

/** Tokens of an expert are padded to what the narrow products need; all-gather dispatch cannot. */
const paddingFlags = (strategy: Strategy, training: Training, experts: boolean): readonly FlagWords[] => {
  const narrow =
    training.precision === 'fp8' || training.precision === 'mxfp8' || training.precision === 'nvfp4';
  if (!experts || !narrow || strategy.dispatcher === 'all-gather') return [];
  return compareVersions(training.runtime.version, '0.16') < 0
    ? [['--moe-router-padding-for-fp8']]
    : [['--moe-router-padding-for-quantization']];
};

const optimizerFlags = (strategy: Strategy, { optimizer, precision }: Training): readonly FlagWords[] => {
  const sharded = strategy.sharding !== 'none';
  const name = optimizer.name === 'muon' && sharded ? 'dist_muon' : optimizer.name;
  if (precision === 'fp32') return [['--optimizer', name]];
  const aware =
    strategy.offload === 'optimizer' ||
    (sharded && (optimizer.states !== 'fp32' || optimizer.mainParameters !== 'fp32'));
  const lowGradients = optimizer.gradients === 'bf16';
  const flags: FlagWords[] = [['--optimizer', name]];
  if (optimizer.gradients === 'fp32') flags.push(['--accumulate-allreduce-grads-in-fp32']);
  else if (lowGradients) flags.push(['--grad-reduce-in-bf16']);
  if (!aware) return flags;
  return [
    ...flags,
    ['--use-precision-aware-optimizer'],
    ['--exp-avg-dtype', optimizer.states],
    ['--exp-avg-sq-dtype', optimizer.states],
    ['--main-params-dtype', optimizer.mainParameters],
    ['--main-grads-dtype', lowGradients ? 'bf16' : 'fp32'],
  ];
};

/**
 * Precision, optimizer and kernels. Transformer Engine on every GPU: before Ampere it runs without fused attention (it has
 * to be built for them), and the layers without it refuse sequence-parallel ranks, context ranks and RMSNorm as it is set.
 */
export const writeTraining = (
  strategy: Strategy,
  training: Training,
  experts: boolean,
): readonly FlagWords[] => [
  ...precisionFlags(training.precision),
  ...paddingFlags(strategy, training, experts),
  ...optimizerFlags(strategy, training),
  ['--attention-backend', training.attentionKernel === 'unfused' ? 'unfused' : 'auto'],
];
