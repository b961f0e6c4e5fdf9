import type { Model } from '../../model/model.ts';
import type { Partition, Strategy } from '../../strategy/strategy.ts';
import { modelFacts } from '../model-facts.ts';
import { compareVersions } from '../version.ts';
import { layoutOf } from './layout.ts';
import { isEven, uniformUneven } from './partition.ts';
import { hybridLetters } from './write-model.ts';
import type { FlagWords } from './write-model.ts';

/** Letters of a hybrid model, cut into stages: virtual-stage-major, like layouts. */
const hybridPattern = (letters: readonly string[], partition: Partition, mtp: string): string => {
  const virtualStages = partition[0]?.length ?? 1;
  const segments: string[] = [];
  let from = 0;
  for (let v = 0; v < virtualStages; v++)
    for (const stage of partition) {
      const layers = stage[v] ?? 0;
      segments.push(letters.slice(from, from + layers).join(''));
      from += layers;
    }
  return segments.join('|') + mtp;
};

const hybridSpec: FlagWords = [
  '--spec',
  'megatron.core.models.hybrid.hybrid_layer_specs',
  'hybrid_stack_spec',
];

const hybridFlags = (model: Model, partition: Partition, version: string): readonly FlagWords[] => {
  const letters = hybridLetters(model) ?? [];
  const prediction = model.multiTokenPrediction;
  if (compareVersions(version, '0.17') < 0)
    return [
      ['--num-layers', String(letters.length)],
      ['--is-hybrid-model'],
      ['--hybrid-override-pattern', letters.join('')],
      ['--spec', 'megatron.core.models.mamba.mamba_layer_specs', 'mamba_stack_spec'],
    ];
  const index = prediction === null ? -1 : model.layers.indexOf(prediction.kind);
  const mtp = prediction === null ? '' : `/${letters[index] ?? '*'}`.repeat(prediction.layers);
  return [['--hybrid-layer-pattern', hybridPattern(letters, partition, mtp)], hybridSpec];
};

/**
 * Stages: virtual stages by their number where all are equal, `--decoder-first/last-…` where those say enough, else a
 * whole layout. `mtpStage`: the stage of multi-token prediction, the last unless the plan says otherwise.
 */
export const writeStages = (
  strategy: Strategy,
  partition: Partition,
  model: Model,
  version: string,
  mtpStage: number,
): readonly FlagWords[] => {
  const { pipeline, virtualStages } = strategy;
  const facts = modelFacts(model);
  if (facts.hybrid || facts.mamba.length > 0) return hybridFlags(model, partition, version);
  const virtual: readonly FlagWords[] =
    virtualStages > 1 ? [['--num-virtual-stages-per-pipeline-rank', String(virtualStages)]] : [];
  const predictionElsewhere = facts.mtpLayers > 0 && mtpStage !== pipeline - 1;
  if (isEven(partition) && !predictionElsewhere) return virtual;
  const ends = predictionElsewhere ? null : uniformUneven(partition, virtualStages);
  if (ends === null)
    return [['--pipeline-model-parallel-layout', layoutOf(partition, facts.mtpLayers, mtpStage)]];
  const middle = partition[1]?.reduce((sum, layers) => sum + layers, 0);
  const bare = pipeline > 2;
  const flags: FlagWords[] = [];
  if (!bare || ends.first !== middle) flags.push(['--decoder-first-pipeline-num-layers', String(ends.first)]);
  if (!bare || ends.last !== middle) flags.push(['--decoder-last-pipeline-num-layers', String(ends.last)]);
  return [...flags, ...virtual];
};
