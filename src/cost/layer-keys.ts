/** Switches of a strategy as small numbers: the keys under which layer tables remember costs. */
import type {
  ContextCommunication,
  Dispatcher,
  Recompute,
  Sharding,
  Strategy,
} from '../strategy/strategy.ts';

/** A number for each recomputation that costs layers differently; block and uniform cost a recomputed layer like full. */
export const createRecomputeCodes = (): ((recompute: Recompute) => number) => {
  const byModules = new Map<string, number>();
  return (recompute) => {
    if (recompute.kind === 'none') return 0;
    if (recompute.kind === 'full-block') return 1;
    if (recompute.kind !== 'selective') return 2;
    const modules = recompute.modules.join('+');
    const known = byModules.get(modules) ?? byModules.size + 3;
    byModules.set(modules, known);
    return known;
  };
};

const METHODS: readonly ContextCommunication[] = ['p2p', 'a2a', 'all-gather', 'a2a+p2p'];
const DISPATCHERS: readonly Dispatcher[] = ['all-gather', 'all-to-all', 'deepep', 'hybridep'];
const SHARDINGS: readonly Sharding[] = ['none', 'optimizer', 'gradients', 'parameters'];

/** Switches that a layer's own cost depends on, as one number below 128. */
export const pieceSwitches = (s: Strategy): number =>
  (((Number(s.sequenceParallel) * 2 + Number(s.overlapTensor)) * 2 + Number(s.overlapExpert)) * 4 +
    METHODS.indexOf(s.contextCommunication)) *
    4 +
  DISPATCHERS.indexOf(s.dispatcher);

/** Switches that gradients, gathers and the optimizer step depend on, as one number below 64. */
export const dataSwitches = (s: Strategy): number =>
  (((SHARDINGS.indexOf(s.sharding) * 2 + Number(s.overlapGradients)) * 2 + Number(s.overlapParameters)) * 2 +
    Number(s.rankOrder === 'tp-cp-ep-pp-dp')) *
    2 +
  Number(s.offload === 'optimizer');
