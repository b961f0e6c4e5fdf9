import type { Source, Range } from '../ingest/source.ts';
import type { Model } from '../model/model.ts';
import { FP32_ADAM } from '../plan/plain.ts';
import type { Precision, RuntimeName, Training } from '../plan/problem.ts';
import { completeStrategy } from '../runtimes/complete.ts';
import { latestVersion, rulesFor, runtimeOf } from '../runtimes/registry.ts';
import type { PartialStrategy } from '../runtimes/runtime.ts';
import type { Partition, Strategy } from '../strategy/strategy.ts';
import type { RawFinding } from './finding.ts';
import { askRules, missingModel, withMissing } from './missing.ts';
import type { Changes, Judgement, OpenValue, ReadOptions, Setting, Subject } from './subject.ts';
import type { Target } from './target.ts';

/** What a reader of a structured file makes of it, for one choice of what is open. */
export interface StructuredReading {
  readonly strategy: PartialStrategy;
  readonly partition: Partition | null;
  readonly world: number;
  readonly sequenceLength: number | null;
  readonly globalBatchSize: number | null;
  readonly precision: Precision;
  readonly model: Model | null;
  /** Strategy keys that the file leaves to somebody else, and who that is. */
  readonly missing: Readonly<Partial<Record<keyof Strategy, string>>>;
  /** Strategy keys that the file does not state and that no rule can break. */
  readonly unstated?: readonly (keyof Strategy)[];
  readonly findings: readonly RawFinding[];
}

export interface StructuredFile {
  readonly source: Source;
  readonly target: Target;
  readonly runtime: RuntimeName;
  readonly open: readonly OpenValue[];
  readonly read: (changes: Changes) => StructuredReading;
  /** What the model is called, for messages. */
  readonly modelFact: string;
  readonly sequenceFact: string;
  readonly batchFact: string;
  /** Names of settings in the file by strategy key. */
  readonly names: Readonly<Partial<Record<keyof Strategy, readonly string[]>>>;
  readonly placeOf: (setting: string) => Range | null;
  readonly valueOf: (setting: string) => string | null;
  /** Where a value comes from that the file does not give. */
  readonly defaultOf: (setting: string) => { readonly value: string; readonly from: string } | null;
  readonly settings: readonly Setting[];
  readonly rewrite: (changes: Changes) => string | null;
  /** Rules of the runtime that do not hold for this front end. */
  readonly without: ReadonlySet<string>;
  readonly ownRules: readonly string[];
  readonly notes: readonly RawFinding[];
}

const training = (runtime: RuntimeName, reading: StructuredReading, version: string): Training => ({
  runtime: { name: runtime, version },
  sequenceLength: reading.sequenceLength ?? 0,
  globalBatchSize: reading.globalBatchSize ?? 0,
  precision: reading.precision,
  attentionKernel: 'flash2',
  optimizer: FP32_ADAM,
  routing: { kind: 'balanced' },
  tokens: null,
});

/** A configuration of sections and keys as a subject of its runtime's rules. */
export const structuredSubject = (file: StructuredFile, options: ReadOptions): Subject => {
  const version = runtimeOf(file.runtime).versions.includes(file.target.version)
    ? file.target.version
    : latestVersion(file.runtime);
  const rules = rulesFor(file.runtime, version).filter(({ id }) => !file.without.has(id));
  const judge = (changes: Changes): Judgement => {
    const reading = file.read(changes);
    const model = reading.model ?? missingModel(file.modelFact);
    const strategy = completeStrategy(
      { ...reading.strategy, expertTensor: reading.strategy.expertTensor ?? 1 },
      { gpus: reading.world, runtime: runtimeOf(file.runtime), version, model },
    );
    const stated = training(file.runtime, reading, version);
    const whole = Number.isSafeInteger(strategy.data) && strategy.data >= 1;
    const findings = askRules(
      rules.filter((rule) => whole || !rule.reads.some((key) => key === 'data' || key === 'shardingGroup')),
      {
        world: reading.world,
        perNode: options.perNode ?? 8,
        architecture: options.architecture ?? 'hopper',
        model,
        training: withMissing(stated, {
          ...(reading.sequenceLength === null ? { sequenceLength: file.sequenceFact } : {}),
          ...(reading.globalBatchSize === null ? { globalBatchSize: file.batchFact } : {}),
        }),
        strategy: withMissing(strategy, reading.missing),
        partition: reading.partition,
      },
      (key) => file.names[key as keyof Strategy] ?? [],
    );
    return {
      findings: [...reading.findings, ...findings],
      world: reading.world,
      strategy,
      partition: reading.partition,
      model: reading.model,
      training: stated,
    };
  };
  const unknown = file.read(new Map(file.open.map(({ key, candidates }) => [key, candidates[0] ?? ''])));
  return {
    target: file.target,
    source: file.source,
    open: file.open,
    unknownKeys: new Set([
      ...(Object.keys(unknown.missing) as (keyof Strategy)[]),
      ...(unknown.unstated ?? []),
    ]),
    judge,
    placeOf: file.placeOf,
    originOf: (setting) => {
      const value = file.valueOf(setting);
      return value === null ? file.defaultOf(setting) : { value, from: 'given' };
    },
    settings: file.settings,
    rewrite: file.rewrite,
    rules: [...rules.map(({ id }) => id), ...file.ownRules],
    notes: file.notes,
  };
};
