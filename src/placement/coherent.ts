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

const PASSES = 4;
const STEPS_PER_KICK = 600;
const SWEEPS = 6;
const OVERLOAD_PRICE = 100;
/** Of a GPU's room above the mean, what a whole node may use. */
const NODE_SHARE = 0.5;

interface BalancedLayer {
  readonly problem: LayerProblem;
  readonly placement: LayerPlacement;
  readonly value: number;
}

const withCeiling = (traffic: SwapObjective, gpuOf: Int32Array, ceilings: readonly PartLoads[]): SwapObjective => ({
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

/** Anneals one layer after another, several times, each with its neighbours as they are then. */
const anneals = (
  chain: ChainTraffic,
  layers: readonly BalancedLayer[],
  levels: readonly Level[],
  roomOf: (layer: BalancedLayer) => number,
  settings: LocalitySettings,
): void => {
  const random = seededRandom(settings.limits.seed);
  for (let pass = 0; pass < PASSES; pass += 1)
    layers.forEach((layer, index) => {
      const gpuOf = chain.gpuOf[index] ?? new Int32Array();
      const weights = relativeWeights(layer.problem).subarray(0, gpuOf.length);
      const ceilings = Number.isFinite(settings.slack)
        ? levels.map(
            (level) =>
              new PartLoads(weights, level.partOf, speedOfParts(relativeSpeeds(layer.problem), level.partOf, level.parts), roomOf(layer), OVERLOAD_PRICE, gpuOf),
          )
        : [];
      const heat = 0.01 / 4 ** pass;
      const steps = { steps: settings.limits.kicks * STEPS_PER_KICK, first: heat, last: heat / 40 };
      anneal(withCeiling(chain.layer(index), gpuOf, ceilings), gpuOf.length, steps, SWEEPS, random);
    });
};

/**
 * (1) experts to nodes for few steps between nodes, node loads priced; (2) the GPUs of each node balanced, layers that
 * pass their ceiling set back to the balanced placement; (3) experts to GPUs for all levels under the ceiling.
 */
export const coherentPlacements = (
  layers: readonly BalancedLayer[],
  steps: readonly Float64Array[],
  settings: LocalitySettings,
): readonly LayerPlacement[] => {
  const { levels, slack, perNode, limits } = settings;
  const experts = layers[0]?.problem.loads[0]?.length ?? 0;
  const gpus = layers[0]?.placement.length ?? 0;
  const gpuOfEach = (placements: readonly LayerPlacement[]): readonly Int32Array[] =>
    placements.map((placement) => {
      const gpuOf = gpuOfExperts(placement, experts);
      if (gpuOf === null) throw new RangeError('locality places each expert once');
      return gpuOf;
    });
  const ceilingOf = ({ value }: BalancedLayer): number => value * (1 + slack);
  const fits = (layer: BalancedLayer, placement: LayerPlacement): boolean =>
    maxOverMean(layer.problem.loads[0] ?? [], placement, layer.problem.speeds) <= ceilingOf(layer) + 1e-9;

  let placements = layers.map(({ placement }) => placement);
  const outer = levels.filter(({ name }) => name !== 'GPU');
  if (outer.length > 0) {
    const chain = new ChainTraffic(steps, outer, gpuOfEach(placements));
    anneals(chain, layers, outer, (layer) => 1 + (ceilingOf(layer) - 1) * NODE_SHARE, settings);
    placements = layers.map((layer, index) => {
      const dealt = rebalanceNodes(layer.problem, placementOf(chain.gpuOf[index] ?? new Int32Array(), gpus), perNode, limits);
      return fits(layer, dealt) ? dealt : layer.placement;
    });
  }
  const chain = new ChainTraffic(steps, levels, gpuOfEach(placements));
  const inner = levels.filter(({ name }) => name === 'GPU');
  anneals(chain, layers, inner, ceilingOf, settings);
  return layers.map((layer, index) => {
    const placement = placementOf(chain.gpuOf[index] ?? new Int32Array(), gpus);
    return fits(layer, placement) ? placement : (placements[index] ?? layer.placement);
  });
};
