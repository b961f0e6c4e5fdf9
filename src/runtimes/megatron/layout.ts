import type { Partition } from '../../strategy/strategy.ts';

/** One stage of a layout: letters E (embedding), t (decoder layer), m (multi-token prediction), L (loss). */
export type StageLetters = string;

/** Largest layout that is unrolled: more letters than any model has layers. */
const longest = 100_000;

/**
 * Unrolls a `--pipeline-model-parallel-layout` string into its stages, as Megatron does: commas are decoration,
 * `(…)*n` repeats a group, `x*n` a letter, `|` ends a stage.
 * megatron/core/transformer/pipeline_parallel_layer_layout.py parse_str_to_list, NVIDIA/Megatron-LM @ d98e8a64.
 *
 * Null when it holds another character, or would grow beyond `longest`.
 */
export const parseLayout = (layout: string): readonly StageLetters[] | null => {
  let text = layout.replaceAll(',', '');
  for (const pattern of [/\(([^)]+)\)\*(\d+)/gu, /(.)\*(\d+)/gu]) {
    let size = text.length;
    for (const match of text.matchAll(pattern)) size += (match[1] ?? '').length * Number(match[2] ?? '1');
    if (!(size <= longest)) return null;
    text = text.replace(pattern, (_, unit: string, times: string) => unit.repeat(Number(times)));
  }
  const stages = text.split('|');
  return stages.every((stage) => /^[EtmL]*$/u.test(stage)) ? stages : null;
};

/** Partition and what stands beside the decoder layers; layouts are virtual-stage-major: `stages[v × pipeline + p]`. */
export const partitionOfLayout = (stages: readonly StageLetters[], pipeline: number): Partition | null => {
  const virtualStages = stages.length / pipeline;
  if (!Number.isInteger(virtualStages)) return null;
  return Array.from({ length: pipeline }, (_, p) =>
    Array.from({ length: virtualStages }, (__, v) => (stages[v * pipeline + p] ?? '').split('t').length - 1),
  );
};

const decoders = (count: number): string => (count > 2 ? `t*${count}` : 't'.repeat(count));

/** The layout string of a partition; multi-token prediction stands on the last virtual stage of `mtpStage`. */
export const layoutOf = (
  partition: Partition,
  mtpLayers: number,
  mtpStage = partition.length - 1,
): string => {
  const virtualStages = partition[0]?.length ?? 0;
  const stages: string[] = [];
  for (let v = 0; v < virtualStages; v++) for (const stage of partition) stages.push(decoders(stage[v] ?? 0));
  const mtpAt = (virtualStages - 1) * partition.length + mtpStage;
  stages[0] = `E${stages[0] ?? ''}`;
  stages[mtpAt] = `${stages[mtpAt] ?? ''}${'m'.repeat(mtpLayers)}`;
  stages[stages.length - 1] = `${stages.at(-1) ?? ''}L`;
  return joinStages(stages);
};

/** Equal neighbours are written once: `(t*4|)*6`. */
const joinStages = (stages: readonly string[]): string => {
  let text = '';
  let index = 0;
  while (index < stages.length) {
    const stage = stages[index] ?? '';
    let run = 1;
    while (stages[index + run] === stage) run++;
    const last = index + run === stages.length;
    const repeated = last ? run - 1 : run;
    if (repeated > 1 && stage !== '') text += `(${stage}|)*${repeated}`;
    else text += `${stage}|`.repeat(repeated);
    if (last) text += stage;
    index += run;
  }
  return text;
};
