/** Durations that all schedules share: of a pass, of a transfer, of a stage's whole work. */
import type { ChunkTime, PipelineInput } from './stage.ts';
import type { PassKind } from './schedule-order.ts';
import { isVShaped } from '../strategy/partition.ts';

/** Time of one pass; in schedules that do not split backward it includes the weight gradient. */
export const passTime = (chunk: ChunkTime, kind: PassKind, split: boolean): number => {
  if (kind === 'forward') return chunk.forward;
  if (kind === 'weight-gradient') return chunk.weightGradient;
  return split ? chunk.backward - chunk.weightGradient : chunk.backward;
};

/** One-way transfer time between the chunks at two neighbouring positions of the model. */
export const transferBetween = (
  input: Pick<PipelineInput, 'stages' | 'schedule' | 'links' | 'directed'>,
  from: number,
  to: number,
): number => {
  const stageOf = (position: number): number => {
    const chunk = Math.floor(position / input.stages);
    const offset = position % input.stages;
    return isVShaped(input.schedule) && chunk % 2 === 1 ? input.stages - 1 - offset : offset;
  };
  const [a, b] = [stageOf(from), stageOf(to)];
  if (a === b) return 0;
  const links = (to > from ? input.directed?.down : input.directed?.up) ?? input.links;
  return (Math.abs(a - b) === 1 ? links[Math.min(a, b)] : links[input.stages - 1]) ?? 0;
};

/** Work of the slowest stage, without waiting. */
export const busiestStage = (input: PipelineInput): number => {
  let busiest = 0;
  for (let stage = 0; stage < input.stages; stage += 1) {
    let work = input.vocabularyPasses?.[stage] ?? 0;
    for (const chunk of input.chunks[stage] ?? []) work += chunk.forward + chunk.backward;
    busiest = Math.max(busiest, work);
  }
  return busiest * input.microBatches;
};
