import type { Partition } from '../../strategy/strategy.ts';
import { has, integerOf, textOf } from './arguments.ts';
import type { ArgumentMap } from './arguments.ts';
import { parseLayout, partitionOfLayout } from './layout.ts';

/** Virtual stages and layers per stage as the flags say; partition null: the even split, or flags that do not fit. */
export interface StageSplit {
  readonly virtualStages: number;
  readonly partition: Partition | null;
}

const positive = (value: number | null): value is number => value !== null && value >= 1;

const spread = (total: number, virtualStages: number): readonly number[] | null =>
  Number.isInteger(total / virtualStages) && total >= 0
    ? Array.from({ length: virtualStages }, () => total / virtualStages)
    : null;

const allOrNull = (stages: readonly (readonly number[] | null)[]): Partition | null =>
  stages.every((stage) => stage !== null) ? stages : null;

/** `--decoder-first/last-pipeline-num-layers`: the middle stages share the rest evenly. */
const firstLastSplit = (
  given: ArgumentMap,
  layers: number,
  pipeline: number,
  virtualStages: number,
): Partition | null => {
  const first = integerOf(given, '--decoder-first-pipeline-num-layers');
  const last = integerOf(given, '--decoder-last-pipeline-num-layers');
  const middleStages = pipeline - (first === null ? 0 : 1) - (last === null ? 0 : 1);
  const rest = layers - (first ?? 0) - (last ?? 0);
  if (middleStages < 0 || rest < 0 || (middleStages === 0 && rest > 0)) return null;
  const middle = middleStages === 0 ? 0 : rest / middleStages;
  if (!Number.isInteger(middle)) return null;
  const totals = [
    ...(first === null ? [] : [first]),
    ...Array.from({ length: middleStages }, () => middle),
    ...(last === null ? [] : [last]),
  ];
  return allOrNull(totals.map((total) => spread(total, virtualStages)));
};

/** `--account-for-embedding/loss-in-pipeline-split`: embedding and loss count as a layer each. */
const accountedSplit = (
  layers: number,
  pipeline: number,
  virtualStages: number,
  embedding: boolean,
  loss: boolean,
): Partition | null => {
  const chunks = pipeline * virtualStages;
  const perChunk = (layers + (embedding ? 1 : 0) + (loss ? 1 : 0)) / chunks;
  if (!Number.isInteger(perChunk) || perChunk < 1) return null;
  return Array.from({ length: pipeline }, (_, p) =>
    Array.from(
      { length: virtualStages },
      (__, v) =>
        perChunk -
        (embedding && p === 0 && v === 0 ? 1 : 0) -
        (loss && p === pipeline - 1 && v === virtualStages - 1 ? 1 : 0),
    ),
  );
};

/** More stages or layers than any model has: such numbers are for the rules to refuse, not to lay out. */
const most = 100_000;

/** How the flags split `layers` decoder layers over `pipeline` stages. */
export const readStageSplit = (given: ArgumentMap, layers: number, pipeline: number): StageSplit => {
  if (pipeline > most || layers > most) return { virtualStages: 1, partition: null };
  const layout = textOf(given, '--pipeline-model-parallel-layout');
  if (layout !== null) {
    const stages = parseLayout(layout);
    const partition = stages === null ? null : partitionOfLayout(stages, pipeline);
    return { virtualStages: partition?.[0]?.length ?? 1, partition };
  }
  const pattern = textOf(given, '--hybrid-layer-pattern');
  if (pattern?.includes('|') === true) return hybridSplit(pattern, pipeline);
  const embedding = has(given, '--account-for-embedding-in-pipeline-split');
  const loss = has(given, '--account-for-loss-in-pipeline-split');
  const perVirtual = integerOf(given, '--num-layers-per-virtual-pipeline-stage');
  const perStage = (layers + (embedding ? 1 : 0) + (loss ? 1 : 0)) / pipeline;
  const implied = positive(perVirtual) ? perStage / perVirtual : null;
  const stated = integerOf(given, '--num-virtual-stages-per-pipeline-rank');
  const virtualStages =
    positive(stated) && stated <= most
      ? stated
      : implied !== null && Number.isInteger(implied) && implied >= 1
        ? implied
        : 1;
  const uneven =
    has(given, '--decoder-first-pipeline-num-layers') || has(given, '--decoder-last-pipeline-num-layers');
  if (uneven) return { virtualStages, partition: firstLastSplit(given, layers, pipeline, virtualStages) };
  if (embedding || loss)
    return { virtualStages, partition: accountedSplit(layers, pipeline, virtualStages, embedding, loss) };
  return { virtualStages, partition: null };
};

const hybridSplit = (pattern: string, pipeline: number): StageSplit => {
  const segments = (pattern.split('/')[0] ?? '').split('|');
  const virtualStages = segments.length / pipeline;
  if (!Number.isInteger(virtualStages)) return { virtualStages: 1, partition: null };
  const partition = Array.from({ length: pipeline }, (_, p) =>
    Array.from({ length: virtualStages }, (__, v) => segments[v * pipeline + p]?.length ?? 0),
  );
  return { virtualStages, partition };
};
