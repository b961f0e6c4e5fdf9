/** Matrices of made-up clusters: racks, oversubscribed links between them, a spread of every link, a few sick ones. */
import { matrixOfRows, type NodeMatrix } from '../src/cluster/measured-links.ts';
import { seededRandom } from '../src/placement/random.ts';

export interface SyntheticCluster {
  readonly nodes: number;
  readonly seed: number;
  /** Nodes of a rack; 0: no racks. */
  readonly rack: number;
  /** Bandwidth inside a rack, bytes/s, and how many times less there is between racks. */
  readonly bandwidth: number;
  readonly oversubscription: number;
  /** Standard deviation of the logarithm of a pair's bandwidth, and of one direction against the other. */
  readonly spread: number;
  readonly directionSpread: number;
  /** Share of pairs that are sick, and what part of their bandwidth is left to the worst of them. */
  readonly sickShare: number;
  readonly worstSick: number;
  /** Nodes all of whose links run at half speed. */
  readonly slowNodes: number;
}

const normal = (random: () => number): number => {
  const radius = Math.sqrt(-2 * Math.log(1 - random()));
  return radius * Math.cos(2 * Math.PI * random());
};

/**
 * Usual values: the spread of Pipette's 16-node matrices (standard deviation of the logarithm 3.0 and 3.6 %), a milder
 * asymmetry, sick links down to the seventeenth of the 17-node H100 cluster. Every fourth seed from 2 on has racks at half
 * speed between them, every fifth from 4 on a slow node.
 */
export const syntheticCluster = (nodes: number, seed: number): SyntheticCluster => {
  const tiered = seed % 2 === 0;
  return {
    nodes,
    seed,
    rack: tiered ? 32 : 0,
    bandwidth: 20e9,
    oversubscription: tiered ? 1 + (seed % 4) / 2 : 1,
    spread: 0.035,
    directionSpread: 0.015,
    sickShare: 0.002 * (seed % 5),
    worstSick: 1 / 17,
    slowNodes: seed % 5 === 4 ? 1 : 0,
  };
};

export const syntheticMatrix = (cluster: SyntheticCluster): NodeMatrix => {
  const { nodes, rack, bandwidth, oversubscription, spread, directionSpread } = cluster;
  const random = seededRandom(1_000_003 * cluster.seed + nodes);
  const rows = Array.from({ length: nodes }, () => new Array<number>(nodes).fill(0));
  const slow = new Set(Array.from({ length: cluster.slowNodes }, () => Math.floor(random() * nodes)));
  // Racks hold nodes in no order: host names seldom follow the cables.
  const place = Array.from({ length: nodes }, (_, node) => node);
  for (let last = nodes - 1; last > 0; last -= 1) {
    const other = Math.floor(random() * (last + 1));
    [place[last], place[other]] = [place[other] ?? 0, place[last] ?? 0];
  }
  const rackOf = place.map((at) => (rack === 0 ? 0 : Math.floor(at / rack)));
  for (let a = 0; a < nodes; a += 1)
    for (let b = a + 1; b < nodes; b += 1) {
      let rate = rackOf[a] === rackOf[b] ? bandwidth : bandwidth / oversubscription;
      rate *= Math.exp(spread * normal(random));
      if (slow.has(a) || slow.has(b)) rate /= 2;
      if (random() < cluster.sickShare) rate *= cluster.worstSick ** random() / 1.2;
      const forth = rows[a];
      const back = rows[b];
      if (forth === undefined || back === undefined) continue;
      forth[b] = rate * Math.exp(directionSpread * normal(random));
      back[a] = rate * Math.exp(directionSpread * normal(random));
    }
  return matrixOfRows(
    rows.map((_, node) => `node${String(node).padStart(3, '0')}`),
    rows,
  );
};
