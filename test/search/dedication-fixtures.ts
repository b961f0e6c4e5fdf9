import { matrixOfRows, type NodeMatrix } from '../../src/cluster/measured-links.ts';
import type { CommunicationShape } from '../../src/cost/link-objective.ts';
import { seededRandom } from '../../src/placement/random.ts';

/** A shape of `stages` rings of `size` nodes; stage s holds slots s·size …, pipelines run at equal positions, `block` to one. */
export const gridShape = (
  stages: number,
  size: number,
  bytes: readonly number[],
  activation: number,
  block = 1,
): CommunicationShape => ({
  nodes: stages * size,
  rings: Array.from({ length: stages }, (_, stage) => ({
    nodes: Array.from({ length: size }, (__, position) => stage * size + position),
    bytes: bytes[stage % bytes.length] ?? 0,
  })),
  paths:
    stages === 1
      ? []
      : Array.from({ length: size / block }, (_, replica) =>
          Array.from({ length: stages - 1 }, (__, stage) =>
            Array.from({ length: block }, (___, inner) => ({
              from: stage * size + replica * block + inner,
              to: (stage + 1) * size + replica * block + inner,
            })),
          ),
        ),
  activation,
});

export const randomMatrix = (nodes: number, seed: number, spread = 1): NodeMatrix => {
  const random = seededRandom(seed);
  return matrixOfRows(
    Array.from({ length: nodes }, (_, node) => `n${node}`),
    Array.from({ length: nodes }, () => Array.from({ length: nodes }, () => 1e9 * (1 + spread * random()))),
  );
};

/** Every choice of `slots` of `nodes`, in every order. */
export function* arrangements(
  nodes: number,
  slots: number,
  chosen: number[] = [],
): Generator<readonly number[]> {
  if (chosen.length === slots) {
    yield chosen;
    return;
  }
  for (let node = 0; node < nodes; node += 1) {
    if (chosen.includes(node)) continue;
    chosen.push(node);
    yield* arrangements(nodes, slots, chosen);
    chosen.pop();
  }
}

/** FORMATS section 3 from its definition: largest ring plus largest pipeline. */
export const byDefinition = (
  shape: CommunicationShape,
  matrix: NodeMatrix,
  order: readonly number[],
): number => {
  const link = (from: number, to: number): number => matrix.bandwidth(order[from] ?? -1, order[to] ?? -1);
  const rings = shape.rings.map(({ nodes, bytes }) => {
    if (nodes.length < 2) return 0;
    const arcs = nodes.map((node, index) => link(node, nodes[(index + 1) % nodes.length] ?? -1));
    return (2 * (nodes.length - 1) * bytes) / nodes.length / Math.min(...arcs);
  });
  const pipelines = shape.paths.map((path) =>
    path.reduce(
      (sum, hop) => sum + (2 * shape.activation) / Math.min(...hop.map(({ from, to }) => link(from, to))),
      0,
    ),
  );
  return Math.max(0, ...rings) + Math.max(0, ...pipelines);
};
