/**
 * Pipette's published matrix (16 nodes; yimjinkyu1/date2024_pipette @ a2b0683f) and the pairs of 17 H100 nodes
 * (xxrjun/nccl-tests-cluster @ 455de4f8dee2): communication of the order of the SPEC, GPT 8.1B in fp32 as its own code
 * counts it (16h² a layer and the embedding on every stage, ÷ tensor 8; nodes replica by replica).
 */
import { readFileSync } from 'node:fs';
import type { NodeMatrix } from '../../src/cluster/measured-links.ts';
import { matrixOfRows } from '../../src/cluster/measured-links.ts';
import { pathTime, ringTime } from '../../src/cost/link-objective.ts';
import { readLinks } from '../../src/ingest/links-detect.ts';
import { defaultReadOptions } from '../../src/ingest/links-reading.ts';
import { dataPath } from '../../test/shared-data.ts';

const HIDDEN = 3072;
const LAYERS = 64;
const TENSOR = 8;
const FP32 = 4;
const VOCABULARY = 51200;
const MICRO_BATCH = 4;
const SEQUENCE = 1024;

export type Direction = 'received' | 'sent';

/** The file's rows as they stand: row and column in the order of the hosts. */
export const pipetteMatrix = (direction: Direction): NodeMatrix => {
  const text = readFileSync(dataPath('clusters', 'pipette', 'mpigraph_16nodes_time_0.json'), 'utf8');
  const all = JSON.parse(text) as Record<string, { gpus: string[]; bandwidth: number[][] }>;
  const own = all[direction === 'received' ? '0' : '1'];
  if (own === undefined) throw new Error('the matrix has both directions');
  return matrixOfRows(
    own.gpus,
    own.bandwidth.map((row) => row.map((value) => value * 1e6)),
  );
};

/** 17 nodes, a test between all pairs; failed ones at `missing` bytes/s, which the note on these data assumes. */
export const pairMatrix = (test: string, missing: number): NodeMatrix => {
  const name = dataPath('clusters', 'nccl_pairs', 'cluster00_17nodes_h100.json');
  const read = readLinks({ name, text: readFileSync(name, 'utf8') }, null, { ...defaultReadOptions, test });
  if (!read.ok || read.value.matrix === null) throw new Error('no matrix in the pairs');
  const { names, bandwidth } = read.value.matrix;
  return matrixOfRows(
    names,
    bandwidth.map((row) => row.map((value) => (value > 0 ? value : missing))),
  );
};

/** Seconds of an order of nodes: node r·pp + s holds stage s of replica r. */
export const pipetteCommunication = (
  matrix: NodeMatrix,
  stages: number,
  order: readonly number[],
): number => {
  const replicas = Math.floor(order.length / stages);
  const bytes = (FP32 * ((LAYERS / stages) * 16 * HIDDEN ** 2 + VOCABULARY * HIDDEN)) / TENSOR;
  const at = (replica: number, stage: number): number => order[replica * stages + stage] ?? 0;
  const indices = Array.from({ length: replicas }, (_, replica) => replica);
  const data = Math.max(
    ...Array.from({ length: stages }, (_, stage) =>
      ringTime(
        matrix,
        indices.map((replica) => at(replica, stage)),
        bytes,
      ),
    ),
  );
  const activation = MICRO_BATCH * SEQUENCE * HIDDEN * FP32;
  const pipeline = Math.max(
    ...indices.map((replica) =>
      pathTime(
        matrix,
        Array.from({ length: stages - 1 }, (_, stage) => [
          { from: at(replica, stage), to: at(replica, stage + 1) },
        ]),
        activation,
        (node) => node,
      ),
    ),
  );
  return data + pipeline;
};
