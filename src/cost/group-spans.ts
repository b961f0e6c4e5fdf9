/** What the process groups of a strategy span: strides in the rank grid, turned into links by the topology. */
import type { StageAxis } from '../cluster/measured-rates.ts';
import type { GroupSpan, Topology } from '../cluster/topology.ts';
import { expertData, gpusUsed } from '../strategy/strategy.ts';
import type { Strategy } from '../strategy/strategy.ts';
import type { DataContext } from './data-parallel.ts';
import type { GroupSpans } from './layer-communication.ts';

export type Span = (size: number, stride: number) => GroupSpan;

export const spanOf =
  (topology: Topology, s: Strategy): Span =>
  (size, stride) =>
    topology.groupSpan({ world: gpusUsed(s), size, stride });

/** The axis along which ranks are on pipeline stages. */
export const stageAxis = (s: Strategy): StageAxis => ({
  size: s.pipeline,
  stride: s.rankOrder === 'tp-cp-ep-dp-pp' ? gpusUsed(s) / s.pipeline : s.tensor * s.context,
});

/** The groups of one stage over measured links; of all stages where no such link tells them apart. */
export const stageSpanOf = (topology: Topology, s: Strategy, stage: number): Span => {
  const axis = stageAxis(s);
  return (size, stride) => {
    const family = { world: gpusUsed(s), size, stride };
    const spans = topology.stageSpans(family, axis);
    return spans[stage] ?? spans[0] ?? topology.groupSpan(family);
  };
};

/** What groups span: of all ranks at once, or of each stage over measured links. */
export const spansOfStages = (topology: Topology, s: Strategy): readonly Span[] =>
  topology.links === null
    ? [spanOf(topology, s)]
    : Array.from({ length: s.pipeline }, (_, stage) => stageSpanOf(topology, s, stage));

export const sameSpans = (a: GroupSpans, b: GroupSpans): boolean =>
  a.tensor === b.tensor &&
  a.context === b.context &&
  a.expert === b.expert &&
  a.expertTensor === b.expertTensor;

/** Strides of process groups: tensor innermost, then context. */
export const groupSpans = (span: Span, s: Strategy): GroupSpans => ({
  tensor: span(s.tensor, 1),
  context: span(s.context, s.tensor),
  expert: span(s.expert, s.expertTensor),
  expertTensor: span(s.expertTensor, 1),
});

/** Replicas: outside context, or outside the pipeline in the other rank order. */
export const dataSpans = (
  span: Span,
  s: Strategy,
): Pick<DataContext, 'dense' | 'expert' | 'shard' | 'replicas'> => {
  const inner = s.tensor * s.context;
  const outermost = s.rankOrder === 'tp-cp-ep-pp-dp';
  const gap = outermost ? s.pipeline : 1;
  const replicas = s.data * s.context;
  const shard = Math.min(s.shardingGroup, replicas);
  // With pipeline stages between replicas, data groups are strided; context ranks are counted with the nearer ones.
  const dense = outermost && s.data > 1 ? span(s.data, inner * gap) : span(replicas, s.tensor);
  const within = outermost && s.data > 1 ? span(Math.min(s.data, shard), inner * gap) : span(shard, s.tensor);
  return {
    dense,
    // With pipeline stages inside, both grids have the same replicas (else the runtime refuses models with experts).
    expert: outermost ? dense : span(expertData(s), s.expertTensor * s.expert),
    shard: within,
    replicas: span(replicas / shard, outermost && s.data > 1 ? inner * gap : s.tensor * shard),
  };
};
