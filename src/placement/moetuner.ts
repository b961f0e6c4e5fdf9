/**
 * MoETuner's two stages (arXiv 2502.06643, section 5) as a baseline: experts to clusters by load alone, clusters to GPUs
 * by the tokens that go from layer to layer. As printed the first stage lacks Σ_c x = 1 (every expert in one cluster),
 * which is meant, and a limit on the experts of a cluster, which is not there; the second has no index below its max.
 */
import type { LayerPlacement } from './layer-problem.ts';
import type { Flows } from './chain-assignment.ts';

/** Objective of the first stage for one layer: Σ over clusters |T_c − mean|. */
export const imbalanceObjective = (loads: readonly number[], clusters: LayerPlacement): number => {
  const mean = loads.reduce((sum, load) => sum + load, 0) / clusters.length;
  return clusters.reduce(
    (total, held) => total + Math.abs(held.reduce((sum, expert) => sum + (loads[expert] ?? 0), 0) - mean),
    0,
  );
};

/** As printed: clusters of any size, none empty. Mended: clusters of equal size, as memory wants. */
export type ClusterRule = 'printed' | 'mended';

const MOST_EXPERTS = 12;

/**
 * The first stage by enumeration of all clusterings, clusters numbered by their first expert: the proven optimum, for up
 * to 12 experts (Mixtral has 8).
 */
export const optimalClusters = (
  loads: readonly number[],
  gpus: number,
  rule: ClusterRule,
): LayerPlacement => {
  const experts = loads.length;
  if (experts > MOST_EXPERTS) throw new RangeError(`${experts} experts are too many to enumerate`);
  const most = rule === 'mended' ? experts / gpus : experts;
  if (!Number.isInteger(most) || experts < gpus) throw new RangeError('experts do not divide among the GPUs');
  const clusters: number[][] = [];
  let best: number[][] = [];
  let least = Infinity;
  const visit = (expert: number): void => {
    if (experts - expert < gpus - clusters.length) return;
    if (expert === experts) {
      const value = imbalanceObjective(loads, clusters);
      if (value < least - 1e-9) {
        least = value;
        best = clusters.map((held) => [...held]);
      }
      return;
    }
    for (const held of clusters) {
      if (held.length >= most) continue;
      held.push(expert);
      visit(expert + 1);
      held.pop();
    }
    if (clusters.length < gpus) {
      clusters.push([expert]);
      visit(expert + 1);
      clusters.pop();
    }
  };
  visit(0);
  return best;
};

/** Tokens between clusters of consecutive layers: C = Σ R over their experts (equation 9). */
export const clusterFlows = (
  steps: readonly { readonly experts: number; readonly counts: ArrayLike<number> }[],
  clusters: readonly LayerPlacement[],
): Flows =>
  steps.map(({ experts, counts }, step) =>
    (clusters[step] ?? []).map((from) =>
      (clusters[step + 1] ?? []).map((to) =>
        from.reduce((sum, a) => sum + to.reduce((inner, b) => inner + (counts[a * experts + b] ?? 0), 0), 0),
      ),
    ),
  );

/** Clusters renumbered by the GPU they were given. */
export const applyAssignment = (
  clusters: readonly LayerPlacement[],
  gpus: readonly (readonly number[])[],
): readonly LayerPlacement[] =>
  clusters.map((layer, index) => {
    const placed: (readonly number[])[] = layer.map(() => []);
    layer.forEach((held, cluster) => {
      placed[gpus[index]?.[cluster] ?? cluster] = held;
    });
    return placed;
  });
