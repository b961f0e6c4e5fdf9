import { has, integerOf } from '../arguments.ts';
import { bad, fine } from './rule.ts';
import type { ArgumentRule } from './rule.ts';

/** What Megatron accepts and nobody wants. */
export const harmfulArgumentRules: readonly ArgumentRule[] = [
  {
    id: 'sequence-parallel-off',
    stage: 'first step',
    why: 'without sequence parallelism every tensor rank keeps the activations of norms and dropouts whole',
    source:
      'megatron/core/tensor_parallel/mappings.py; Korthikanti et al., Reducing Activation Recomputation, section 4.2.2',
    check: ({ given, strategy }) =>
      strategy.tensor === 1 || has(given, '--sequence-parallel')
        ? fine
        : bad(
            ['--tensor-model-parallel-size'],
            `tensor parallelism of ${strategy.tensor} without sequence parallelism`,
            'off',
            '--sequence-parallel',
            'warning',
          ),
  },
  {
    id: 'expert-tensor-inherited',
    stage: 'group creation',
    why: 'the expert tensor size is the tensor size where it is not given, not 1: experts are split further than most expect',
    source: 'megatron/training/arguments.py:587; NVIDIA-NeMo/Megatron-Bridge issues 546 and 4007',
    check: ({ given, strategy: { tensor, expertTensor } }) =>
      tensor === 1 ||
      expertTensor !== tensor ||
      has(given, '--expert-tensor-parallel-size') ||
      (integerOf(given, '--num-experts') ?? 0) < 1
        ? fine
        : bad(
            ['--expert-tensor-parallel-size', '--tensor-model-parallel-size'],
            `the expert tensor size is ${tensor}, inherited from the tensor size`,
            tensor,
            '--expert-tensor-parallel-size 1, or the size that is meant',
            'warning',
          ),
  },
];
