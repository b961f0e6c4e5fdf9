/** What lies between GPUs, from inside out, and what crossing it costs. */
import type { Cluster } from '../cluster/cluster.ts';

/** Parts of the expert-parallel group at one level: GPUs, nodes, groups of a tier. */
export interface Level {
  readonly name: string;
  /** Part of each GPU. */
  readonly partOf: Int32Array;
  readonly parts: number;
  /** Price of one more part that a token reaches, a copy to another node being 1. */
  readonly weight: number;
}

/** Of a copy between GPUs of a node, where no cluster tells: a ninth of one between nodes (MoETuner, arXiv 2502.06643, section 5). */
const USUAL_INSIDE = 1 / 9;

/** Bandwidth of a GPU's share of its node's ports over that of its links inside the node. */
const insideWeight = (cluster: Cluster | null): number => {
  const group = cluster?.groups[0];
  if (group === undefined) return USUAL_INSIDE;
  return (group.nics.count * group.nics.bandwidth) / group.perNode / group.intraNode.bandwidth;
};

/**
 * GPUs, nodes, then the tiers of the cluster that the group spans and that are oversubscribed. A token's experts on g
 * GPUs of n nodes cost weight(GPU) · g + n: one copy goes to each node over the network, and is handed on inside it, as
 * DeepEP does. A tier with oversubscription o adds o − 1 for each further group that is reached.
 */
export const placementLevels = (gpus: number, perNode: number, cluster: Cluster | null): readonly Level[] => {
  const level = (name: string, size: number, weight: number): Level => ({
    name,
    partOf: Int32Array.from({ length: gpus }, (_, gpu) => Math.floor(gpu / size)),
    parts: Math.ceil(gpus / size),
    weight,
  });
  const inside = level('GPU', 1, insideWeight(cluster));
  const tiers = (cluster?.tiers ?? []).flatMap(({ name, nodes, oversubscription }, index, all) => {
    // The uplink of the tier within is what is oversubscribed.
    const within = all[index - 1]?.nodes ?? null;
    return within === null || nodes === within || oversubscription <= 1
      ? []
      : [level(name, within * perNode, oversubscription - 1)];
  });
  return [inside, level('node', perNode, 1), ...tiers].filter(({ parts }) => parts > 1);
};
