/** Placements of all layers together for little traffic between them, under a ceiling on each layer's load. */
import { anneal } from './annealing.ts';
import type { SwapObjective } from './annealing.ts';
import { ChainTraffic } from './chain-traffic.ts';
import { relativeSpeeds, relativeWeights } from './layer-problem.ts';
import type { LayerPlacement, LayerProblem } from './layer-problem.ts';
import type { Level } from './levels.ts';
import { PartLoads, speedOfParts } from './load-limits.ts';
import { placementOf, rebalanceNodes } from './locality.ts';
import type { LocalitySettings } from './locality.ts';
import { seededRandom } from './random.ts';
import { maxOverMean } from './score.ts';
import { gpuOfExperts } from './traffic.ts';

const PASSES = 8;
const FIRST_HEAT = 0.02;
const STEPS_PER_KICK = 600;
const SWEEPS = 6;
const OVERLOAD_PRICE = 100;
/** Of a GPU's room above the mean, what a whole node may use; the next one where that proves too much. */
const NODE_SHARES = [0.9, 0.5, 0.25, 0];

export interface BalancedLayer {
  readonly problem: LayerProblem;
  readonly placement: LayerPlacement;
  readonly value: number;
}

const withCeiling = (
  traffic: SwapObjective,
  gpuOf: Int32Array,
  ceilings: readonly PartLoads[],
): SwapObjective => ({
  delta: (a, b) => {
    const x = gpuOf[a] ?? 0;
    const y = gpuOf[b] ?? 0;
    if (x === y) return 0;
    return ceilings.reduce((total, ceiling) => total + ceiling.delta(a, b, x, y), traffic.delta(a, b));
  },
  swap: (a, b) => {
    for (const ceiling of ceilings) ceiling.swap(a, b, gpuOf[a] ?? 0, gpuOf[b] ?? 0);
    traffic.swap(a, b);
  },
});

/** Anneals the chosen layers one after another, several times, each with its neighbours as they are then. */
const annealLayers = (
  chain: ChainTraffic,
  layers: readonly BalancedLayer[],
  chosen: readonly number[],
  levels: readonly Level[],
  roomOf: (layer: BalancedLayer, index: number) => number,
  settings: LocalitySettings,
  random: () => number,
): void => {
  for (let pass = 0; pass < PASSES; pass += 1)
    for (const index of chosen) {
      const layer = layers[index];
      const gpuOf = chain.gpuOf[index];
      if (layer === undefined || gpuOf === undefined) continue;
      const speeds = relativeSpeeds(layer.problem);
      const weights = relativeWeights(layer.problem).subarray(0, gpuOf.length);
      const room = roomOf(layer, index);
      const ceilings = Number.isFinite(settings.slack)
        ? levels.map(
            ({ partOf, parts }) =>
              new PartLoads(
                weights,
                partOf,
                speedOfParts(speeds, partOf, parts),
                room,
                OVERLOAD_PRICE,
                gpuOf,
              ),
          )
        : [];
      const heat = FIRST_HEAT / 2 ** pass;
      const steps = { steps: settings.limits.kicks * STEPS_PER_KICK, first: heat, last: heat / 40 };
      anneal(withCeiling(chain.layer(index), gpuOf, ceilings), gpuOf.length, steps, SWEEPS, random);
    }
};

const gpusOfExperts = (placements: readonly LayerPlacement[], experts: number): readonly Int32Array[] =>
  placements.map((placement) => {
    const gpuOf = gpuOfExperts(placement, experts);
    if (gpuOf === null) throw new RangeError('locality places each expert once');
    return gpuOf;
  });

const ceilingOf = ({ value }: BalancedLayer, slack: number): number => value * (1 + slack);

const fits = (layer: BalancedLayer, placement: LayerPlacement, slack: number): boolean =>
  maxOverMean(layer.problem.loads[0] ?? [], placement, layer.problem.speeds) <=
  ceilingOf(layer, slack) + 1e-9;

/**
 * Experts to nodes, then each node's experts dealt to its GPUs as balanced as can be. A layer whose GPUs then pass the
 * ceiling is annealed again with less room for its nodes, and in the end set back to its balanced placement.
 */
const nodesFirst = (
  layers: readonly BalancedLayer[],
  steps: readonly Float64Array[],
  outer: readonly Level[],
  settings: LocalitySettings,
  random: () => number,
): readonly LayerPlacement[] => {
  const { slack, perNode, limits } = settings;
  const experts = layers[0]?.problem.loads[0]?.length ?? 0;
  const balanced = layers.map(({ placement }) => placement);
  const chain = new ChainTraffic(steps, outer, gpusOfExperts(balanced, experts));
  const dealt = [...balanced];
  let open = Array.from(layers.keys());
  for (const share of NODE_SHARES) {
    const roomOf = (layer: BalancedLayer): number => 1 + (ceilingOf(layer, slack) - 1) * share;
    annealLayers(chain, layers, open, outer, roomOf, settings, random);
    open = open.filter((index) => {
      const layer = layers[index];
      const gpuOf = chain.gpuOf[index];
      if (layer === undefined || gpuOf === undefined) return false;
      const placement = rebalanceNodes(
        layer.problem,
        placementOf(gpuOf, layer.placement.length),
        perNode,
        limits,
      );
      if (!fits(layer, placement, slack)) return true;
      dealt[index] = placement;
      return false;
    });
  }
  return dealt;
};

/**
 * Little traffic between consecutive layers under the ceiling on each layer's load: nodes first, where there are
 * several, then all GPUs. No layer is busier than its ceiling.
 */
export const coherentPlacements = (
  layers: readonly BalancedLayer[],
  steps: readonly Float64Array[],
  settings: LocalitySettings,
): readonly LayerPlacement[] => {
  const { levels, slack } = settings;
  const experts = layers[0]?.problem.loads[0]?.length ?? 0;
  const random = seededRandom(settings.limits.seed);
  const outer = levels.filter(({ name }) => name !== 'GPU');
  const inner = levels.filter(({ name }) => name === 'GPU');
  const first =
    outer.length > 0
      ? nodesFirst(layers, steps, outer, settings, random)
      : layers.map(({ placement }) => placement);
  const chain = new ChainTraffic(steps, levels, gpusOfExperts(first, experts));
  annealLayers(
    chain,
    layers,
    Array.from(layers.keys()),
    inner,
    (layer) => ceilingOf(layer, slack),
    settings,
    random,
  );
  return layers.map((layer, index) => {
    const placement = placementOf(chain.gpuOf[index] ?? new Int32Array(), layer.placement.length);
    return fits(layer, placement, slack) ? placement : (first[index] ?? layer.placement);
  });
};
