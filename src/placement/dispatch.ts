/** How a runtime really sends tokens to replicas, where that is not an equal split. */
import type { LayerPlacement } from './layer-problem.ts';
import { nodesOf } from './placement.ts';
import type { PlacementGpus } from './placement.ts';

/**
 * Busiest GPU over the mean when every GPU sends its tokens (an equal share of each expert's) to the nearest replica: the
 * one on itself, else the first one on its node, else to all replicas equally. This is what a map given to
 * `--init-expert-location` makes of SGLang. Source: sgl-project/sglang, srt/eplb/expert_location.py,
 * compute_logical_to_rank_dispatch_physical_map and _find_nearest_expert.
 */
export const nearestMaxOverMean = (
  loads: readonly number[],
  placement: LayerPlacement,
  gpus: PlacementGpus,
): number => {
  const count = placement.length;
  const holders = loads.map((_, expert) =>
    placement.flatMap((held, gpu) => (held.includes(expert) ? [gpu] : [])),
  );
  const work = new Array<number>(count).fill(0);
  const nodeOf = (gpu: number): number => Math.floor(gpu / gpus.perNode);
  const nodes = nodesOf(gpus);
  holders.forEach((on, expert) => {
    const load = (loads[expert] ?? 0) / count;
    const byNode = Array.from({ length: nodes }, (_, node) => on.find((gpu) => nodeOf(gpu) === node));
    for (let gpu = 0; gpu < count; gpu += 1) {
      const near = on.includes(gpu) ? gpu : byNode[nodeOf(gpu)];
      const targets = near === undefined ? on : [near];
      for (const target of targets) work[target] = (work[target] ?? 0) + load / targets.length;
    }
  });
  const speed = gpus.speeds.reduce((sum, value) => sum + value, 0);
  const total = loads.reduce((sum, load) => sum + load, 0);
  return Math.max(...work.map((load, gpu) => ((load / total) * speed) / (gpus.speeds[gpu] ?? 1)));
};
