/** The assignment problems of the dedication report: published matrices and made-up clusters. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { matrixOfRows, type NodeMatrix } from '../src/cluster/measured-links.ts';
import type { CommunicationShape } from '../src/cost/link-objective.ts';
import { syntheticCluster, syntheticMatrix } from './synthetic-links.ts';

export interface Instance {
  readonly name: string;
  readonly matrix: NodeMatrix;
  readonly shape: CommunicationShape;
}

/** Stages of `size` nodes each, pipelines at equal positions. `bytes`: gradients of one replica, by stage. */
export const stageGrid = (
  stages: number,
  size: number,
  bytes: (stage: number) => number,
  activation: number,
): CommunicationShape => ({
  nodes: stages * size,
  rings: Array.from({ length: stages }, (_, stage) => ({
    nodes: Array.from({ length: size }, (__, position) => stage * size + position),
    bytes: bytes(stage),
  })),
  paths:
    stages === 1
      ? []
      : Array.from({ length: size }, (_, position) =>
          Array.from({ length: stages - 1 }, (__, stage) => [
            { from: stage * size + position, to: (stage + 1) * size + position },
          ]),
        ),
  activation,
});

/** GPT 8.1B of Pipette's generator: 64 layers of hidden size 3072. */
const LAYERS = 64;
const HIDDEN = 3072;
const VOCABULARY = 50_257;
const MICRO_BATCH_TOKENS = 4 * 1024;

/**
 * As Pipette's code counts it: fp32, 16h² parameters a layer and the embedding on every stage, of which one eighth (tp 8)
 * goes over the network of a node; activations of 4 bytes.
 */
const pipetteShape = (stages: number, nodes: number): CommunicationShape =>
  stageGrid(
    stages,
    nodes / stages,
    () => ((16 * HIDDEN * HIDDEN * LAYERS) / stages + VOCABULARY * HIDDEN) * (4 / 8),
    MICRO_BATCH_TOKENS * HIDDEN * 4,
  );

/** The same model as FORMATS counts it: 12h² a layer, embedding and head where they stand, fp32 gradients of all ranks. */
const modelShape = (stages: number, nodes: number): CommunicationShape =>
  stageGrid(
    stages,
    nodes / stages,
    (stage) =>
      4 *
      ((12 * HIDDEN * HIDDEN * LAYERS) / stages +
        (stage === 0 ? VOCABULARY * HIDDEN : 0) +
        (stage === stages - 1 ? VOCABULARY * HIDDEN : 0)),
    MICRO_BATCH_TOKENS * HIDDEN * 2,
  );

const dataFolder = (): string =>
  path.resolve(import.meta.dirname, '..', process.env['PLANNER_DATA'] ?? '../shared/data', 'clusters');

const readData = (...parts: readonly string[]): unknown => {
  const file = path.join(dataFolder(), ...parts);
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : null;
};

interface MpiGraph {
  readonly gpus: readonly string[];
  readonly bandwidth: readonly (readonly number[])[];
}

const STAGES = [1, 2, 4, 8, 16];

/** Both directions of the 16-node matrix (mpiGraph, MB/s), rows as they stand, as the published figures take them. */
export const pipetteInstances = (): readonly Instance[] => {
  const file = readData('pipette', 'mpigraph_16nodes_time_0.json') as Readonly<
    Record<string, MpiGraph>
  > | null;
  if (file === null) return [];
  return (['receive', 'send'] as const).flatMap((direction, index) => {
    const { gpus = [], bandwidth = [] } = file[String(index)] ?? {};
    const matrix = matrixOfRows(
      gpus,
      bandwidth.map((row) => row.map((rate) => rate * 1e6)),
    );
    return STAGES.map((stages) => ({
      name: `pipette ${direction} pp ${stages}`,
      matrix,
      shape: pipetteShape(stages, 16),
    }));
  });
};

interface PairTest {
  readonly avg_busbw: readonly (readonly (number | null)[])[];
  readonly max_size_busbw: readonly (readonly (number | null)[])[];
}

interface PairFile {
  readonly nodes: readonly string[];
  readonly tests: Readonly<Record<string, PairTest>>;
}

/** GB/s at which pairs whose test failed are entered, as in the published comparison. */
const FAILED = 0.5;

/** 16 of 17 H100 nodes: who is left out is part of the answer. */
export const h100Instances = (): readonly Instance[] => {
  const file = readData('nccl_pairs', 'cluster00_17nodes_h100.json') as PairFile | null;
  if (file === null) return [];
  const kinds = [
    ['sendrecv_perf_G4', 'avg_busbw'],
    ['sendrecv_perf_G8', 'avg_busbw'],
    ['sendrecv_perf_G1', 'max_size_busbw'],
    ['alltoall_perf_G8', 'max_size_busbw'],
  ] as const;
  return kinds.flatMap(([test, figure]) => {
    const rows = file.tests[test]?.[figure] ?? [];
    const matrix = matrixOfRows(
      file.nodes,
      rows.map((row) => row.map((rate) => 1e9 * (rate ?? FAILED))),
    );
    return STAGES.map((stages) => ({
      name: `h100 ${test.replace('_perf', '')} ${figure === 'avg_busbw' ? 'mean' : '16 GiB'} pp ${stages}`,
      matrix,
      shape: pipetteShape(stages, 16),
    }));
  });
};

/** Synthetic clusters: seed s takes 2, 4, 8 or 16 stages in turn. */
export const syntheticInstances = (sizes: readonly number[], seeds: readonly number[]): readonly Instance[] =>
  sizes.flatMap((nodes) =>
    seeds.map((seed) => {
      const stages = STAGES[1 + (seed % 4)] ?? 4;
      return {
        name: `synthetic ${nodes} seed ${seed} pp ${stages}`,
        matrix: syntheticMatrix(syntheticCluster(nodes, seed)),
        shape: modelShape(stages, nodes),
      };
    }),
  );
