import { ModelBuilder, type LinearModel, type LinearTerm } from '../../src/solver/linear-model.ts';
import {
  minimumOf,
  stageOfChunk,
  toPartition,
  type PartitionProblem,
} from '../../src/search/partition-problem.ts';
import type { Partition } from '../../src/strategy/strategy.ts';

/**
 * The partition problem as a mixed-integer program: binary b[c][i] says that the first i layers stand before the end of
 * chunk c, i.e. boundary(c) ≥ i. Boundaries do not decrease from chunk to chunk; the time of stage s is the sum over its
 * chunks of Σ_i time(i) · (b[c][i] − b[c−1][i]), and the bottleneck is at least each of them.
 * For small cases and as an independent check of the dynamic programming.
 */
export const partitionModel = (problem: PartitionProblem): LinearModel => {
  const { stages, virtualStages, layers } = problem;
  const chunks = stages * virtualStages;
  const builder = new ModelBuilder();
  const bottleneck = builder.variable('bottleneck');
  const reach: number[][] = [];
  for (let chunk = 0; chunk < chunks - 1; chunk += 1)
    reach.push(layers.map((_, layer) => builder.binary(`reach[${chunk}][${layer}]`)));
  // The chunk before the first reaches no layer, the last one reaches all: constants, not variables.
  const covers = (
    chunk: number,
    layer: number,
    coefficient: number,
  ): { terms: LinearTerm[]; constant: number } => {
    if (chunk < 0) return { terms: [], constant: 0 };
    if (chunk === chunks - 1) return { terms: [], constant: coefficient };
    return { terms: [{ variable: reach[chunk]?.[layer] ?? 0, coefficient }], constant: 0 };
  };
  const inChunk = (
    chunk: number,
    weight: (layer: number) => number,
  ): { terms: LinearTerm[]; constant: number } => {
    const terms: LinearTerm[] = [];
    let constant = 0;
    layers.forEach((_, layer) => {
      for (const [at, sign] of [
        [chunk, 1],
        [chunk - 1, -1],
      ] as const) {
        const part = covers(at, layer, sign * weight(layer));
        terms.push(...part.terms);
        constant += part.constant;
      }
    });
    return { terms, constant };
  };
  for (let chunk = 0; chunk < chunks; chunk += 1) {
    const size = inChunk(chunk, () => 1);
    builder.constraint(`minimum[${chunk}]`, size.terms, { lower: minimumOf(problem, chunk) - size.constant });
    layers.forEach((_, layer) => {
      const here = reach[chunk]?.[layer];
      const after = reach[chunk]?.[layer + 1];
      if (here !== undefined && after !== undefined)
        builder.constraint(`prefix[${chunk}][${layer}]`, difference(here, after), { lower: 0 });
      const next = reach[chunk + 1]?.[layer];
      if (here !== undefined && next !== undefined)
        builder.constraint(`order[${chunk}][${layer}]`, difference(next, here), { lower: 0 });
    });
  }
  for (let stage = 0; stage < stages; stage += 1) {
    const time: LinearTerm[] = [{ variable: bottleneck, coefficient: 1 }];
    const memory: LinearTerm[] = [];
    let timeConstant = problem.stageTime[stage] ?? 0;
    let memoryConstant = 0;
    for (let chunk = 0; chunk < chunks; chunk += 1) {
      if (stageOfChunk(problem, chunk) !== stage) continue;
      const load = inChunk(chunk, (layer) => problem.layerTime[stage]?.[layers[layer] ?? 0] ?? 0);
      for (const term of load.terms) time.push({ variable: term.variable, coefficient: -term.coefficient });
      timeConstant += load.constant;
      const bytes = inChunk(chunk, (layer) => problem.layerMemory[stage]?.[layers[layer] ?? 0] ?? 0);
      memory.push(...bytes.terms);
      memoryConstant += bytes.constant;
    }
    builder.constraint(`time[${stage}]`, time, { lower: timeConstant });
    const limit = problem.memoryLimit[stage] ?? Infinity;
    if (Number.isFinite(limit))
      builder.constraint(`memory[${stage}]`, memory, { upper: limit - memoryConstant });
  }
  return builder.build('minimize', [{ variable: bottleneck, coefficient: 1 }]);
};

const difference = (plus: number, minus: number): LinearTerm[] => [
  { variable: plus, coefficient: 1 },
  { variable: minus, coefficient: -1 },
];

/** The partition that values of `partitionModel` stand for. */
export const readPartition = (problem: PartitionProblem, values: readonly number[]): Partition => {
  const { stages, virtualStages, layers } = problem;
  const chunks = stages * virtualStages;
  const sizes: number[] = [];
  let before = 0;
  for (let chunk = 0; chunk < chunks; chunk += 1) {
    let reached = layers.length;
    if (chunk < chunks - 1) {
      const from = 1 + chunk * layers.length;
      reached = layers.reduce((sum, _, layer) => sum + Math.round(values[from + layer] ?? 0), 0);
    }
    sizes.push(reached - before);
    before = reached;
  }
  return toPartition(sizes, problem);
};
