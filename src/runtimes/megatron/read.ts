import type { Model } from '../../model/model.ts';
import type { Training } from '../../plan/problem.ts';
import type { Partition, Strategy } from '../../strategy/strategy.ts';
import { integerOf, parseArguments } from './arguments.ts';
import type { ArgumentProblem, ParsedArguments } from './arguments.ts';
import { layersOf, readModel } from './read-model.ts';
import { readStageSplit } from './read-partition.ts';
import { readStrategy } from './read-strategy.ts';
import { readTraining } from './read-training.ts';

/** Facts that flags state about a run. */
export interface MegatronReading {
  readonly strategy: Strategy;
  /** null: the even split. */
  readonly partition: Partition | null;
  readonly training: Training;
  /** null when layers, hidden size or heads are missing. */
  readonly model: Model | null;
  /** Decoder layers, 0 when not given. */
  readonly layers: number;
  /** What the parser would object to; flags that Megatron does not know have kind `unknown-flag`. */
  readonly problems: readonly ArgumentProblem[];
}

export interface ReadOptions {
  readonly world: number;
  readonly version: string;
}

/** Reads parsed flags into the domain. Total: what is absent or wrong takes Megatron's default and is reported. */
export const readParsed = (
  { values, problems }: ParsedArguments,
  { world, version }: ReadOptions,
): MegatronReading => {
  const layers = layersOf(values);
  const pipeline = Math.max(1, integerOf(values, '--pipeline-model-parallel-size') ?? 1);
  const split = readStageSplit(values, layers, pipeline);
  const experts = (integerOf(values, '--num-experts') ?? 0) > 0;
  const strategy = readStrategy(values, world, split.virtualStages, experts, version);
  return {
    strategy,
    partition: split.partition,
    training: readTraining(values, version, strategy.data),
    model: readModel(values),
    layers,
    problems,
  };
};

/** Reads command-line words into the domain. */
export const readMegatron = (words: readonly string[], options: ReadOptions): MegatronReading =>
  readParsed(parseArguments(words), options);
