/** Transfers between pipeline stages, remembered by the few keys that they depend on. */
import type { Problem } from '../plan/problem.ts';
import { gpusUsed } from '../strategy/strategy.ts';
import type { Strategy } from '../strategy/strategy.ts';
import { seconds } from '../units.ts';
import type { Seconds } from '../units.ts';
import { gatherTime, transferTimes } from './collectives.ts';
import { stageAxis } from './group-spans.ts';
import type { LayerSet, LayerTables } from './layer-set.ts';
import type { PipelineInput } from './stage.ts';
import { pair, TupleMap } from './tuple-map.ts';

/** Bytes of an element of the hidden state between stages. */
const ELEMENT = 2;

/** One-way times over each stage boundary, of which `links` are the means; `directed` over measured links alone. */
export type StageLinks = Pick<PipelineInput, 'links' | 'directed'>;

/**
 * One-way transfer of a micro-batch's hidden state over each stage boundary. A stack that
 * scatters transfers sends 1∕tensor of it per rank and gathers it on arrival; with sequence parallelism a rank holds
 * no more than that. Over measured links every replica has its own (those alike appear once).
 */
const makeLinks = (
  problem: Problem,
  tables: LayerTables,
  set: LayerSet,
  s: Strategy,
): readonly StageLinks[] => {
  const { behaviour, machine } = set;
  const tokens = (s.microBatchSize * problem.training.sequenceLength) / s.context;
  const whole = ELEMENT * tokens * problem.model.hidden;
  const cut = s.sequenceParallel || behaviour.scattersTransfers ? s.tensor : 1;
  const { topology } = tables;
  const world = gpusUsed(s);
  const gathered = cut > 1 && !s.sequenceParallel;
  const arrive = gathered
    ? gatherTime(machine, topology.groupSpan({ world, size: s.tensor, stride: 1 }), whole)
    : 0;
  const arrival = (time: number): Seconds => seconds(time + arrive);
  const replicas = topology.replicaHops({ world, ...stageAxis(s) }, s.tensor * s.context);
  return replicas.map((hops): StageLinks => {
    const times = hops.map((hop) => transferTimes(machine, hop, whole / cut));
    const links = times.map(({ down, up }) => arrival((down + up) / 2));
    if (topology.links === null) return { links };
    const directed = {
      down: times.map(({ down }) => arrival(down)),
      up: times.map(({ up }) => arrival(up)),
    };
    return { links, directed };
  });
};

export type LinksOfStages = (set: LayerSet, s: Strategy) => readonly StageLinks[];

const NONE: readonly StageLinks[] = [{ links: [seconds(0)] }];

/** `set`: of the stage whose machine and runtime decide. */
export const createStageLinks = (problem: Problem, tables: LayerTables): LinksOfStages => {
  const known = new TupleMap<readonly StageLinks[]>();
  return (set, s) => {
    if (s.pipeline === 1) return NONE;
    const switches = Number(s.sequenceParallel) * 2 + Number(s.rankOrder === 'tp-cp-ep-pp-dp');
    const world = gpusUsed(s);
    const tokens = pair(s.context, s.microBatchSize);
    const place = pair(s.pipeline, tables.machines.indexOf(set.machine) * 4 + switches);
    const found = known.get(world, s.tensor, tokens, place);
    if (found !== undefined) return found;
    const made = makeLinks(problem, tables, set, s);
    known.set(world, s.tensor, tokens, place, made);
    return made;
  };
};
