import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { partitionModel, readPartition } from './partition-model.ts';
import { stageLoads, type PartitionProblem } from '../../src/search/partition-problem.ts';
import { partitionLayers } from '../../src/search/partition.ts';
import { javascriptLp } from '../../src/solver/javascript-lp.ts';

const equalStages = (
  layers: readonly number[],
  stages: number,
  times: readonly number[],
  extra: { first?: number; last?: number } = {},
  changes: Partial<PartitionProblem> = {},
): PartitionProblem => ({
  layers,
  stages,
  virtualStages: 1,
  vShaped: false,
  layerTime: Array.from({ length: stages }, () => times),
  stageTime: Array.from(
    { length: stages },
    (_, s) => (s === 0 ? (extra.first ?? 0) : 0) + (s === stages - 1 ? (extra.last ?? 0) : 0),
  ),
  layerMemory: Array.from({ length: stages }, () => times.map(() => 1)),
  memoryLimit: Array.from({ length: stages }, () => Infinity),
  minimumLayers: { first: 0, middle: 1, last: 0 },
  ...changes,
});

const repeated = (count: number, kind = 0): number[] => Array.from({ length: count }, () => kind);

describe('partitions of known answer', () => {
  it('splits evenly when nothing stands beside the layers', () => {
    const answer = partitionLayers(equalStages(repeated(12), 4, [1]));
    expect(answer).toEqual({ partition: [[3], [3], [3], [3]], bottleneck: 3, bound: 3, proven: true });
  });

  it('takes layers off the stage of the head (by hand: 80 layers, head worth 1.2 layers, 4 stages: 20.2 < 21)', () => {
    // Even: 20 + 1.2 = 21.2. One layer moved: the last has 19 + 1.2 = 20.2, another 21. Bottleneck 21.
    const answer = partitionLayers(equalStages(repeated(80), 4, [1], { last: 1.2 }));
    expect(answer?.bottleneck).toBeCloseTo(21, 9);
    expect(answer?.partition.at(-1)).toEqual([19]);
  });

  it('finds the split of Llama 3 405B: 126 layers on 16 stages, one fewer on the first and the last', () => {
    // Llama 3 herd of models, section 3.3.2: one layer is taken from the first and from the last stage.
    const answer = partitionLayers(equalStages(repeated(126), 16, [1], { first: 0.05, last: 0.7 }));
    expect(answer?.partition.map((chunk) => chunk[0])).toEqual([7, ...repeated(14, 8), 7]);
  });

  it('gives cheap leading layers to one stage (by hand: 3 layers of 0.5, then 8 of 1, on 3 stages)', () => {
    // Total 9.5, average 3.17. Stages 0.5·3+2 = 3.5, 3, 3: bottleneck 3.5; the alternatives have 4.
    const answer = partitionLayers(equalStages([...repeated(3), ...repeated(8, 1)], 3, [0.5, 1]));
    expect(answer?.partition).toEqual([[5], [3], [3]]);
    expect(answer?.bottleneck).toBe(3.5);
  });

  it('gives slow stages fewer layers', () => {
    // Speeds 2:1. 12 layers: 8 on the fast stage (8 × 1), 4 on the slow one (4 × 2).
    const answer = partitionLayers(equalStages(repeated(12), 2, [1], {}, { layerTime: [[1], [2]] }));
    expect(answer?.partition).toEqual([[8], [4]]);
  });

  it('respects memory at the cost of time, and says when nothing fits', () => {
    const tight = equalStages(repeated(12), 2, [1], {}, { memoryLimit: [5, Infinity] });
    expect(partitionLayers(tight)?.partition).toEqual([[5], [7]]);
    expect(partitionLayers({ ...tight, memoryLimit: [5, 6] })).toBeNull();
  });

  it('lets the stage of the head hold no layer where that is best and allowed', () => {
    const problem = equalStages(repeated(3), 4, [1], { last: 1 });
    expect(partitionLayers(problem)?.partition).toEqual([[1], [1], [1], [0]]);
    expect(partitionLayers({ ...problem, minimumLayers: { first: 1, middle: 1, last: 1 } })).toBeNull();
  });

  it('keeps early chunks small when interleaved', () => {
    const answer = partitionLayers(equalStages(repeated(10), 2, [1], {}, { virtualStages: 2 }));
    expect(answer).toEqual({
      partition: [
        [2, 3],
        [3, 2],
      ],
      bottleneck: 5,
      bound: 5,
      proven: true,
    });
  });

  it('interleaves DeepSeek-V3: 3 dense and 58 expert layers with the head and one more module at the end', () => {
    const layers = [...repeated(3), ...repeated(58, 1)];
    const problem = equalStages(layers, 8, [0.6, 1], { last: 1.6 }, { virtualStages: 2 });
    const answer = partitionLayers(problem);
    // By hand: within 7.99 the first stage holds 3·0.6 + 6, the last 1.6 + 6, the six others 7 each: 54 of 58. So 8.
    expect(answer?.bottleneck).toBeCloseTo(8, 9);
    expect(answer?.partition.flat().reduce((a, b) => a + b)).toBe(61);
  });
});

const instances = (virtualStages: fc.Arbitrary<number>): fc.Arbitrary<PartitionProblem> =>
  fc
    .record({
      layers: fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 2, maxLength: 8 }),
      stages: fc.integer({ min: 1, max: 4 }),
      virtualStages,
      times: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 3, maxLength: 3 }),
      speeds: fc.array(fc.integer({ min: 1, max: 2 }), { minLength: 4, maxLength: 4 }),
      memories: fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 3, maxLength: 3 }),
      limits: fc.array(fc.oneof(fc.integer({ min: 4, max: 14 }), fc.constant(Infinity)), {
        minLength: 4,
        maxLength: 4,
      }),
      first: fc.integer({ min: 0, max: 4 }),
      last: fc.integer({ min: 0, max: 9 }),
      empty: fc.boolean(),
      vShaped: fc.boolean(),
      block: fc.option(fc.integer({ min: 1, max: 3 }), { nil: null }),
    })
    .filter((draw) => draw.stages > 1 || draw.virtualStages === 1)
    // Layers of one kind are spread evenly over the chunks of a stage, where a block repeats more of them.
    .filter((draw) => draw.block === null || draw.virtualStages === 1 || new Set(draw.layers).size > 1)
    .map((draw) => ({
      layers: draw.layers,
      stages: draw.stages,
      virtualStages: draw.virtualStages,
      vShaped: draw.vShaped,
      layerTime: Array.from({ length: draw.stages }, (_, s) =>
        draw.times.map((time) => time * (draw.speeds[s] ?? 1)),
      ),
      stageTime: Array.from(
        { length: draw.stages },
        (_, s) => (s === 0 ? draw.first : 0) + (s === draw.stages - 1 ? draw.last : 0),
      ),
      layerMemory: Array.from({ length: draw.stages }, () => draw.memories),
      memoryLimit: draw.limits.slice(0, draw.stages),
      ...(draw.block === null
        ? {}
        : {
            block: {
              layers: draw.block,
              time: Array.from({ length: draw.stages }, (_, s) =>
                draw.memories.map((time) => time * (draw.speeds[s] ?? 1)),
              ),
            },
          }),
      minimumLayers: draw.empty ? { first: 0, middle: 1, last: 0 } : { first: 1, middle: 1, last: 1 },
    }));

const withoutBlock = (problem: PartitionProblem): PartitionProblem =>
  problem.block === undefined ? problem : { ...problem, block: { ...problem.block, layers: 0 } };

/** Every contiguous assignment, tried one by one. */
const bruteForce = (problem: PartitionProblem): number | null => {
  const chunks = problem.stages * problem.virtualStages;
  let best: number | null = null;
  const walk = (sizes: number[], left: number): void => {
    if (sizes.length === chunks) {
      if (left > 0) return;
      const minima =
        chunks === 1
          ? [Math.max(problem.minimumLayers.first, problem.minimumLayers.last)]
          : sizes.map((_, c) =>
              c === 0
                ? problem.minimumLayers.first
                : c === chunks - 1
                  ? problem.minimumLayers.last
                  : problem.minimumLayers.middle,
            );
      if (sizes.some((size, c) => size < (minima[c] ?? 0))) return;
      // In a V every second round of chunks runs back up the stages.
      const stageOf = (chunk: number): number => {
        const backwards = problem.vShaped && Math.floor(chunk / problem.stages) % 2 === 1;
        return backwards ? problem.stages - 1 - (chunk % problem.stages) : chunk % problem.stages;
      };
      const partition = Array.from({ length: problem.stages }, (_, s) =>
        sizes.filter((_size, c) => stageOf(c) === s),
      );
      const bytes = stageLoads(
        {
          ...withoutBlock(problem),
          layerTime: problem.layerMemory,
          stageTime: problem.stageTime.map(() => 0),
        },
        partition,
      );
      if (bytes.some((b, s) => b > (problem.memoryLimit[s] ?? Infinity))) return;
      const load = Math.max(...stageLoads(problem, partition));
      best = best === null ? load : Math.min(best, load);
      return;
    }
    for (let size = 0; size <= left; size += 1) walk([...sizes, size], left - size);
  };
  walk([], problem.layers.length);
  return best;
};

describe('dynamic programming against other ways to the same answer', () => {
  it('equals the mixed-integer program on 200 random instances', { timeout: 120_000 }, () => {
    fc.assert(
      fc.property(instances(fc.integer({ min: 1, max: 2 })).map(withoutBlock), (problem) => {
        const answer = partitionLayers(problem);
        const solution = javascriptLp.solve(partitionModel(problem), { nodes: 20_000 });
        if (answer === null) {
          expect(solution.kind).toBe('infeasible');
          return;
        }
        expect(solution.kind).toBe('optimal');
        if (solution.kind !== 'optimal') return;
        expect(answer.proven).toBe(true);
        expect(answer.bottleneck).toBeCloseTo(solution.objective, 6);
        expect(Math.max(...stageLoads(problem, readPartition(problem, solution.values)))).toBeCloseTo(
          solution.objective,
          6,
        );
      }),
      { numRuns: 200, seed: 61 },
    );
  });

  it('equals brute force, and its own loads are its bottleneck', { timeout: 120_000 }, () => {
    fc.assert(
      fc.property(instances(fc.integer({ min: 1, max: 3 })), (problem) => {
        const answer = partitionLayers(problem);
        expect(answer?.bottleneck ?? null).toEqual(bruteForce(problem));
        if (answer !== null)
          expect(Math.max(...stageLoads(problem, answer.partition))).toBe(answer.bottleneck);
      }),
      { numRuns: 300, seed: 126 },
    );
  });
});
