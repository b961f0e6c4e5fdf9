/** How a runtime really sends tokens to replicas, where that is not an equal split. */
import type { LayerPlacement } from './layer-problem.ts';
import type { PlacementGpus } from './placement.ts';

/** GPUs to which a GPU sends its tokens of one expert, equally; `holders`: those that hold it, ascending. */
type Route = (gpu: number, holders: readonly number[]) => readonly number[];

/** Every GPU has an equal share of each expert's tokens. */
const dispatched = (
  loads: readonly number[],
  placement: LayerPlacement,
  gpus: PlacementGpus,
  route: Route,
): number => {
  const count = placement.length;
  const work = new Array<number>(count).fill(0);
  for (const [expert, load] of loads.entries()) {
    const holders = placement.flatMap((held, gpu) => (held.includes(expert) ? [gpu] : []));
    for (let gpu = 0; gpu < count; gpu += 1) {
      const targets = route(gpu, holders);
      for (const target of targets) work[target] = (work[target] ?? 0) + load / count / targets.length;
    }
  }
  const speed = gpus.speeds.reduce((sum, value) => sum + value, 0);
  const total = loads.reduce((sum, load) => sum + load, 0);
  return Math.max(...work.map((load, gpu) => ((load / total) * speed) / (gpus.speeds[gpu] ?? 1)));
};

/**
 * Busiest GPU over the mean when every GPU sends its tokens to the nearest replica: the one on itself, else the first one
 * on its node, else to all replicas equally. This is what a map given to `--init-expert-location` makes of SGLang where
 * experts exchange tokens (`--moe-a2a-backend`). Source: sgl-project/sglang, srt/eplb/expert_location.py,
 * _compute_logical_to_all_physical_map and _find_nearest_expert.
 */
export const nearestMaxOverMean = (
  loads: readonly number[],
  placement: LayerPlacement,
  gpus: PlacementGpus,
): number => {
  const nodeOf = (gpu: number): number => Math.floor(gpu / gpus.perNode);
  return dispatched(loads, placement, gpus, (gpu, holders) => {
    if (holders.includes(gpu)) return [gpu];
    const near = holders.find((holder) => nodeOf(holder) === nodeOf(gpu));
    return near === undefined ? holders : [near];
  });
};

/**
 * The same when GPU r sends all its tokens of an expert to replica r mod (number of replicas). Source:
 * vllm-project/vllm-ascend, vllm_ascend/eplb/core/eplb_utils.py, generate_log2phy_map.
 */
export const rotatedMaxOverMean = (
  loads: readonly number[],
  placement: LayerPlacement,
  gpus: PlacementGpus,
): number =>
  dispatched(loads, placement, gpus, (gpu, holders) => holders.slice(gpu % holders.length).slice(0, 1));
