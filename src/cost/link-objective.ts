/**
 * The communication of one iteration as a function of the order of hosts alone: the largest ring of a stage's replicas
 * and the largest pipeline of a replica. What assignments are compared by, and what bounds are stated in.
 */
import type { Cluster } from '../cluster/cluster.ts';
import type { NodeMatrix } from '../cluster/measured-links.ts';
import { parameterCount } from '../model/count.ts';
import type { Model } from '../model/model.ts';
import { layerOperators } from '../model/operators.ts';
import type { Problem } from '../plan/problem.ts';
import { axisOf, coordinate, strategyGrids } from '../strategy/rank-grid.ts';
import { rankTable } from '../strategy/rank-table.ts';
import type { Partition, Strategy } from '../strategy/strategy.ts';
import { dataTypeBytes } from './data-parallel.ts';

/** Bytes of an element of the hidden state between stages. */
const ELEMENT = 2;

/** What must be moved between which launched nodes (0 is the first host of the launch). */
export interface CommunicationShape {
  /** Launched nodes that hold ranks. */
  readonly nodes: number;
  /** By stage: its nodes in ascending rank order, and the gradient bytes of one replica. */
  readonly rings: readonly { readonly nodes: readonly number[]; readonly bytes: number }[];
  /** Replicas whose stages lie on different nodes in different ways; each is the links of its hops, from earlier to later stage. */
  readonly paths: readonly (readonly (readonly NodeHop[])[])[];
  /** Bytes of one micro-batch's hidden state. */
  readonly activation: number;
}

export interface NodeHop {
  readonly from: number;
  readonly to: number;
}

/** Seconds; Infinity where a link that is needed must not be used. */
export interface CommunicationTime {
  readonly data: number;
  readonly pipeline: number;
  readonly total: number;
}

/** Parameters of one replica of each stage, all its ranks together; experts as many as the ranks of one replica hold. */
export const stageParameters = (model: Model, s: Strategy, partition: Partition): readonly number[] => {
  const count = parameterCount(model);
  const held = Math.min(1, (s.tensor * s.context) / (s.expert * s.expertTensor));
  const ofKind = model.kinds.map((kind) =>
    layerOperators(model, kind).reduce(
      (sum, operator) => sum + operator.parameters * (operator.kind === 'grouped-linear' ? held : 1),
      0,
    ),
  );
  const stages = Array.from({ length: s.pipeline }, () => 0);
  let layer = 0;
  for (let v = 0; v < s.virtualStages; v += 1)
    for (let stage = 0; stage < s.pipeline; stage += 1)
      for (let left = partition[stage]?.[v] ?? 0; left > 0; left -= 1, layer += 1)
        stages[stage] = (stages[stage] ?? 0) + (ofKind[model.layers[layer] ?? -1] ?? 0);
  if (layer !== model.layers.length)
    throw new RangeError(`the partition holds ${layer} layers, the model ${model.layers.length}`);
  const last = s.pipeline - 1;
  // A tied head on a stage of its own is a second copy of the table, whose gradients are reduced there.
  const copy = model.tiedEmbeddings && last > 0 ? model.vocabularySize * model.hidden : 0;
  stages[0] = (stages[0] ?? 0) + count.embedding;
  stages[last] = (stages[last] ?? 0) + count.head + copy + count.multiTokenPrediction;
  return stages;
};

/**
 * Where the ranks of a strategy meet. Stages lie over launched nodes as their ranks do; a replica's hop to the next
 * stage uses every link between nodes that one of its ranks uses. Throws RangeError where ranks exceed the cluster.
 */
export const communicationShape = (
  problem: Pick<Problem, 'model' | 'training'>,
  cluster: Cluster,
  s: Strategy,
  partition: Partition,
): CommunicationShape => {
  const { model, training } = problem;
  const grids = strategyGrids(s);
  if (!grids.ok) throw new RangeError(grids.reason);
  const { dense } = grids.grids;
  const [data, pipeline] = [axisOf(dense, 'dp'), axisOf(dense, 'pp')];
  const nodeOf = rankTable(cluster, { strategy: s, hosts: null, devices: null }).map(({ node }) => node);
  const gradientBytes = dataTypeBytes[training.optimizer.gradients];
  const stageNodes = Array.from({ length: s.pipeline }, () => new Set<number>());
  const replicas = Array.from({ length: s.data }, () =>
    Array.from({ length: s.pipeline - 1 }, () => new Map<string, NodeHop>()),
  );
  for (const [rank, from] of nodeOf.entries()) {
    const stage = coordinate(rank, pipeline);
    stageNodes[stage]?.add(from);
    const to = nodeOf[rank + pipeline.stride];
    if (stage === s.pipeline - 1 || to === undefined || to === from) continue;
    replicas[coordinate(rank, data)]?.[stage]?.set(`${from} ${to}`, { from, to });
  }
  const paths = new Map<string, readonly (readonly NodeHop[])[]>();
  for (const hops of replicas)
    paths.set(
      hops.map((hop) => [...hop.keys()].join()).join(';'),
      hops.map((hop) => [...hop.values()]),
    );
  const parameters = stageParameters(model, s, partition);
  return {
    nodes: (nodeOf.at(-1) ?? 0) + 1,
    rings: stageNodes.map((nodes, stage) => ({
      nodes: [...nodes],
      bytes: gradientBytes * (parameters[stage] ?? 0),
    })),
    paths: [...paths.values()],
    activation: s.microBatchSize * training.sequenceLength * model.hidden * ELEMENT,
  };
};

/** 2(R−1)∕R · G ∕ slowest link of the closed ring, seconds; 0 for a single node. */
export const ringTime = (matrix: NodeMatrix, nodes: readonly number[], bytes: number): number => {
  const size = nodes.length;
  if (size < 2) return 0;
  let slowest = Infinity;
  for (let index = 0; index < size; index += 1)
    slowest = Math.min(slowest, matrix.bandwidth(nodes[index] ?? 0, nodes[(index + 1) % size] ?? 0));
  return (2 * (size - 1) * bytes) / size / slowest;
};

/** Σ over hops of 2A ∕ link (the slowest of those that the hop uses), seconds. */
export const pathTime = (
  matrix: NodeMatrix,
  path: readonly (readonly NodeHop[])[],
  activation: number,
  at: (node: number) => number,
): number => {
  let time = 0;
  for (const hop of path) {
    let slowest = Infinity;
    for (const { from, to } of hop) slowest = Math.min(slowest, matrix.bandwidth(at(from), at(to)));
    time += (2 * activation) / slowest;
  }
  return time;
};

/**
 * The communication of an order of hosts: order[i] is the node that is launched as node i, null the matrix's own order.
 * Largest ring over stages plus largest pipeline over replicas, each hop counted once.
 */
export const communicationTime = (
  shape: CommunicationShape,
  matrix: NodeMatrix,
  order: readonly number[] | null = null,
): CommunicationTime => {
  const at = (node: number): number => (order === null ? node : (order[node] ?? -1));
  let [data, pipeline] = [0, 0];
  for (const { nodes, bytes } of shape.rings) data = Math.max(data, ringTime(matrix, nodes.map(at), bytes));
  for (const path of shape.paths) pipeline = Math.max(pipeline, pathTime(matrix, path, shape.activation, at));
  return { data, pipeline, total: data + pipeline };
};
