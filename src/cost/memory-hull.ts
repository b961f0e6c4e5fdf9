/**
 * Bound on the memory of software that nobody has measured: the most that any known stack holds, part by part.
 *
 * A stack puts a gradient and optimizer scheme, layers, a loss and buffers together, each of which resembles one that is
 * known, but not all of them the same one: states may be DeepSpeed's under layers like Nanotron's. Each part is therefore
 * the largest of the known stacks, with gradients in half and in single precision.
 */
import type { AcceleratorArchitecture } from '../cluster/cluster.ts';
import type { SoftwareProfile } from '../plan/conditions.ts';
import type { Problem, Training } from '../plan/problem.ts';
import { memoryBehaviour } from '../runtimes/memory-behaviour.ts';
import type { MemoryBehaviour } from '../runtimes/memory-behaviour.ts';
import { GIB } from '../units.ts';
import type { ComputeStage, StageBytes } from './memory-stage.ts';
import { emptyStage } from './memory-stage.ts';

/**
 * Without and with stages: the smallest hundredth at which, of each stack with published peaks, no more than 1 % of the
 * runs are above the parts of the other stacks (docs/accuracy-cross-validation.md prints it). torchtitan's 12 runs need
 * 1.06 without stages, Nanotron's 1,011 runs 1.18 with stages; blocks that wait for a communication stream count in
 * any case, because they are a rule of PyTorch's allocator (`record_stream`) rather than of a stack.
 */
const FACTOR = { one: 1.06, more: 1.18 };

/** Context, kernels and communicators: between what single-node runs and jobs of hundreds of GPUs show. */
const OUTSIDE = 2.5 * GIB;

/** The same problem as each stack would run it, with gradients in half and in single precision. */
export const problemsOf = (problem: Problem, stacks: readonly SoftwareProfile[]): readonly Problem[] =>
  stacks.flatMap((profile) =>
    (['bf16', 'fp32'] as const).map((gradients) => {
      const { optimizer, conditions } = problem.training;
      const training = {
        ...problem.training,
        optimizer: { ...optimizer, gradients },
        conditions: { ...conditions, profile },
      };
      return { ...problem, training };
    }),
  );

/**
 * A stack's habits, blocks that wait for a communication stream among them: the outputs of row-parallel linears in half
 * and in the format of their gradient, 4 B per token and hidden element.
 */
export const hullBehaviour = (
  training: Training,
  architecture: AcceleratorArchitecture,
): MemoryBehaviour => ({
  ...memoryBehaviour(training, architecture),
  retention: 4,
  retainsInPipeline: true,
  expectsRetention: true,
});

const largestParts = (stages: readonly StageBytes[]): number => {
  let [states, activations, temporaries, buffers, fragments] = [0, 0, 0, 0, 0];
  for (const stage of stages) {
    states = Math.max(states, stage.parameters + stage.gradients + stage.optimizerStates);
    activations = Math.max(activations, stage.activations);
    temporaries = Math.max(temporaries, stage.logits + stage.workspace);
    buffers = Math.max(buffers, stage.communicationBuffers);
    fragments = Math.max(fragments, stage.reserved - stage.total);
  }
  return states + activations + temporaries + buffers + fragments;
};

/** `own`, its bound raised to that of the others; what a stage takes at least stays that of `own`. */
export const withHull = (own: ComputeStage, others: readonly ComputeStage[]): ComputeStage => {
  const scratch = others.map(emptyStage);
  return {
    placed: (strategy, shape, first, stage, out) => {
      own.placed(strategy, shape, first, stage, out);
      others.forEach((other, index) => {
        other.placed(strategy, shape, first, stage, scratch[index] ?? emptyStage());
      });
      const factor = strategy.pipeline === 1 ? FACTOR.one : FACTOR.more;
      const outside = Math.max(OUTSIDE, out.device - out.reserved);
      out.bound = Math.max(out.bound, largestParts([out, ...scratch]) * factor + outside);
    },
    counted: own.counted,
  };
};
