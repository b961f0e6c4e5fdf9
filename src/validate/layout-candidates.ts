import { layoutOf, parseLayout } from '../runtimes/megatron/layout.ts';

/** What a layout must add up to. */
export interface LayoutFacts {
  readonly layers: number;
  readonly pipeline: number;
  readonly predictionLayers: number;
}

/** Layers over stages, the first ones one more where it does not divide. */
const even = (layers: number, stages: number): readonly number[] =>
  Array.from(
    { length: stages },
    (_, stage) => Math.floor(layers / stages) + (stage < layers % stages ? 1 : 0),
  );

/** Stages in layout order as [pipeline][virtual]: `layout[v × pipeline + p]`. */
const asPartition = (stages: readonly number[], pipeline: number): readonly (readonly number[])[] =>
  Array.from({ length: pipeline }, (_, p) => stages.filter((__, index) => index % pipeline === p));

const sum = (counts: readonly number[]): number => counts.reduce((total, count) => total + count, 0);

/** The stages with `difference` layers more, or fewer, taken by as few stages as can: nearest to the ends first. */
const adjusted = (counts: readonly number[], difference: number): readonly (readonly number[])[] => {
  const single = [counts.length - 1, 0, ...counts.map((_, index) => index)].flatMap((at) => {
    const count = (counts[at] ?? 0) + difference;
    return count < 0 ? [] : [counts.map((old, index) => (index === at ? count : old))];
  });
  // Spread over all: one layer at a time, to the emptiest or from the fullest.
  const spread = [...counts];
  for (let left = Math.abs(difference); left > 0; left--) {
    const wanted = difference > 0 ? Math.min(...spread) : Math.max(...spread);
    const at = spread.lastIndexOf(wanted);
    spread[at] = wanted + Math.sign(difference);
  }
  return [...single, ...(spread.every((count) => count >= 0) ? [spread] : [])];
};

/** More stages than any run has: such a layout is not mended. */
const MOST_STAGES = 4096;

/**
 * Layouts that add up, nearest to the given one first: the same stages with the layers that are missing or too many in
 * as few of them as can be, then even ones for the pipeline sizes around. Prediction layers go before the loss.
 */
export const layoutCandidates = (text: string, facts: LayoutFacts): readonly string[] => {
  const { layers, pipeline, predictionLayers } = facts;
  if (layers < 1 || layers > 100_000 || pipeline < 1 || pipeline > MOST_STAGES) return [];
  const found: string[] = [];
  const offer = (counts: readonly number[], ranks: number): void => {
    if (counts.length % ranks === 0 && sum(counts) === layers)
      found.push(layoutOf(asPartition(counts, ranks), predictionLayers));
  };
  const given = parseLayout(text)?.map((stage) => stage.split('t').length - 1) ?? [];
  if (given.length > 0 && given.length <= MOST_STAGES) {
    // Where the stages do not divide over the pipeline, it may be the pipeline size that is wrong.
    const ranks = given.length % pipeline === 0 ? pipeline : given.length;
    offer(given, ranks);
    for (const counts of adjusted(given, layers - sum(given))) offer(counts, ranks);
  }
  const wanted = Math.max(1, Math.round(given.length / pipeline));
  for (const virtual of new Set([wanted, 1, 2, 4]))
    if (virtual * pipeline <= MOST_STAGES) offer(even(layers, virtual * pipeline), pipeline);
  // The pipeline size may be what changes.
  for (const ranks of [pipeline * 2, pipeline / 2, pipeline * 4, pipeline / 4])
    if (Number.isInteger(ranks) && ranks >= 1 && ranks <= MOST_STAGES) offer(even(layers, ranks), ranks);
  return [...new Set(found)].filter((layout) => layout !== text).slice(0, 24);
};
