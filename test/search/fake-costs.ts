import type { Estimate, StageMemory } from '../../src/plan/plan.ts';
import type { Problem } from '../../src/plan/problem.ts';
import type { SearchCosts } from '../../src/search/search-types.ts';
import { gpusUsed, microBatches, type Partition, type Strategy } from '../../src/strategy/strategy.ts';
import { bytes, seconds } from '../../src/units.ts';

/**
 * A cost model that fits on a page, with the properties that the search relies on: one second per layer, sequence and
 * GPU; recomputation and every switch cost or save a fixed share; memory is states and activations per layer.
 */
export const fakeCosts = (problem: Problem, capacity = 40): SearchCosts => {
  const layers = problem.model.layers.length;
  const perLayer = (s: Strategy, recompute = s.recompute.kind): number => {
    const again = recompute === 'none' ? 1 : recompute === 'selective' ? 1.1 : 1.3;
    const switches =
      (s.sequenceParallel ? 1 : 1.02) *
      (s.overlapTensor ? 1 : 1 + 0.03 * (s.tensor - 1)) *
      (s.sharding === 'parameters' ? 1.05 : 1) *
      (s.contextCommunication === 'a2a' ? 1.01 : 1);
    return (again * switches * (s.microBatchSize + 0.1)) / (s.tensor * s.context);
  };
  const head = (s: Strategy): number => (1.5 * s.microBatchSize) / (s.tensor * s.context);
  const stageTimes = (s: Strategy, partition: Partition): number[] =>
    partition.map(
      (chunks, stage) =>
        chunks.reduce((sum, count) => {
          const repeated = s.recompute.kind === 'full-block' ? Math.min(count, s.recompute.layers) : count;
          const kind = s.recompute.kind === 'full-block' ? 'full' : s.recompute.kind;
          return sum + repeated * perLayer(s, kind) + (count - repeated) * perLayer(s, 'none');
        }, 0) + (stage === s.pipeline - 1 ? head(s) : 0),
    );
  const exchange = (s: Strategy): number =>
    (s.overlapGradients ? 0.5 : 1) + (s.sharding === 'none' ? 0.5 : s.overlapParameters ? 0.1 : 0.3);
  const step = (s: Strategy): number =>
    (s.sharding === 'none' ? 0.4 : 0.1) + (s.offload === 'optimizer' ? 2 : 0);
  const iterations = (s: Strategy): number => microBatches(s, problem.training.globalBatchSize);
  const time = (s: Strategy, partition: Partition): number => {
    const loads = stageTimes(s, partition);
    const longest = Math.max(...loads);
    const fill = ((s.pipeline - 1) / s.virtualStages) * longest;
    return iterations(s) * longest + fill + exchange(s) + step(s);
  };
  const bound = (s: Strategy): number => {
    const kind = s.recompute.kind === 'full-block' ? 'none' : s.recompute.kind;
    const work = layers * perLayer(s, kind) + head(s);
    return (
      (iterations(s) * work) / s.pipeline +
      (((s.pipeline - 1) / s.virtualStages) * work) / s.pipeline +
      step(s)
    );
  };
  const operatorWork = (s: Strategy) =>
    seconds((layers * (s.microBatchSize + 0.1) + 1.5 * s.microBatchSize) / (s.tensor * s.context));
  const least = (s: Strategy, bottleneck: number): number =>
    Math.max(bound(s), (iterations(s) + (s.pipeline - 1) / s.virtualStages) * bottleneck + step(s));
  /** Layers of a stage that stand in so many chunks, of each of which the first block is recomputed. */
  const bytesOf = (s: Strategy, stage: number, count: number, chunks: number): number => {
    const replicas = s.sharding === 'none' ? 1 : s.data * s.context;
    const weights = s.sharding === 'parameters' ? 4 / replicas : 4;
    const states = (s.offload === 'optimizer' ? 0 : 12 / replicas) + weights;
    const kept = { none: 6, selective: 4, full: 0.5, 'full-block': 6, 'full-uniform': 0.5 }[s.recompute.kind];
    const flight = s.pipeline - stage + (s.virtualStages > 1 ? 1 : 0);
    const block = s.recompute.kind === 'full-block' ? Math.min(count, chunks * s.recompute.layers) : 0;
    const activations = (count - block) * kept + block * 0.5;
    return (
      count * states + (activations * flight * s.microBatchSize * (s.sequenceParallel ? 1 : 1.2)) / s.context
    );
  };
  const memory = (s: Strategy, partition: Partition): StageMemory[] =>
    partition.map((chunks, stage) => {
      const used = chunks.reduce((sum, count) => sum + bytesOf(s, stage, count, 1), 0);
      const total = bytes(used / s.tensor);
      const zero = bytes(0);
      return {
        stage,
        parameters: zero,
        gradients: zero,
        optimizerStates: zero,
        activations: total,
        logits: zero,
        communicationBuffers: zero,
        workspace: zero,
        total,
        reserved: total,
        device: total,
        bound: total,
        capacity: bytes(capacity),
      };
    });
  const excess = (s: Strategy, partition: Partition): number =>
    Math.max(...memory(s, partition).map((stage) => stage.bound - stage.capacity));
  const pass = (value: number) => ({ forward: seconds(value / 3), backward: seconds((2 * value) / 3) });
  return {
    iterationTime: (s, partition) => seconds(time(s, partition)),
    lowerBound: (s, bottleneck = 0) => seconds(least(s, bottleneck)),
    exchangeBound: (s, bottleneck = 0) => seconds(least(s, bottleneck) + exchange(s)),
    operatorWork,
    leastOfSwitches: operatorWork,
    stageCosts: (s) => [
      {
        kinds: problem.model.kinds.map(() => pass(perLayer(s))),
        plain: problem.model.kinds.map(() =>
          pass(perLayer(s, s.recompute.kind === 'full-block' ? 'none' : s.recompute.kind)),
        ),
        embedding: pass(0),
        head: pass(head(s)),
        mtp: pass(0),
      },
    ],
    memory,
    excess: (s, partition) => bytes(excess(s, partition)),
    leastExcess: (s, counts, stage) => {
      const layersHeld = counts.reduce((sum, count) => sum + count, 0);
      return bytes(bytesOf(s, stage, layersHeld, s.virtualStages) / s.tensor - capacity);
    },
    stageExcess: (s, partition, stage) => {
      const of = memory(s, partition)[stage];
      return bytes(of === undefined ? NaN : of.bound - of.capacity);
    },
    estimate: (s, partition): Estimate => {
      const stages = memory(s, partition);
      const missing = excess(s, partition);
      const iterationTime = seconds(time(s, partition));
      const zero = seconds(0);
      return {
        feasible: missing <= 0,
        reasons: missing <= 0 ? [] : [`${missing.toFixed(3)} too much`],
        iterationTime,
        iterationTimeLow: iterationTime,
        iterationTimeHigh: iterationTime,
        tokensPerSecondPerGpu: 1 / gpusUsed(s),
        modelTflopsPerGpu: 1,
        mfu: 0.5,
        time: {
          compute: iterationTime,
          tensorCommunication: zero,
          contextCommunication: zero,
          expertCommunication: zero,
          pipelineCommunication: zero,
          bubble: zero,
          dataCommunication: zero,
          optimizer: zero,
          overhead: zero,
        },
        peakMemory: bytes(Math.max(...stages.map(({ total }) => total))),
        peakMemoryBound: bytes(Math.max(...stages.map(({ bound: most }) => most))),
        memory: stages,
      };
    },
  };
};
