import { readDeepspeed } from '../runtimes/deepspeed/read.ts';
import { placeIn, rewriteData, sizeSettings, textIn, Values, worldOfSizes } from './data-file.ts';
import type { DataFile } from './data-file.ts';
import { note } from './finding.ts';
import { batch, deepspeedRules, micro, steps } from './setting-rules/deepspeed.ts';
import { askSettings } from './setting-rules/rule.ts';
import { structuredSubject } from './structured-subject.ts';
import type { StructuredReading } from './structured-subject.ts';
import type { Changes, ReadOptions, Subject } from './subject.ts';
import type { Target } from './target.ts';

const names = {
  tensor: ['tensor_parallel.autotp_size'],
  context: ['sequence_parallel_size'],
  pipeline: ['pipeline.stages'],
  microBatchSize: [micro],
  sharding: ['zero_optimization.stage'],
  shardingGroup: ['zero_optimization.mics_shard_size'],
  data: [batch, micro, steps],
  offload: ['zero_optimization.offload_optimizer.device'],
} as const;

/** A JSON configuration of DeepSpeed. `auto` is filled in by the program that calls it: here it is not known. */
export const deepspeedSubject = (file: DataFile, target: Target, options: ReadOptions): Subject => {
  const given = new Values(file, new Map());
  const world = worldOfSizes(options, {
    tensor: Math.max(1, given.count('tensor_parallel.autotp_size') ?? 1),
    pipeline: Math.max(1, given.count('pipeline.stages') ?? 1),
    context: Math.max(1, given.count('sequence_parallel_size') ?? 1),
    expert: 1,
  });
  const auto = [batch, micro, steps].filter((key) => given.text(key) === 'auto');
  const read = (changes: Changes): StructuredReading => {
    const values = new Values(file, changes);
    const ranks = world.of(changes);
    const reading = readDeepspeed(values.tree(), ranks);
    const findings = askSettings(deepspeedRules, { values, world: ranks });
    const known = auto.length === 0;
    return {
      strategy: { ...reading.strategy, schedule: '1f1b', contextCommunication: 'a2a' },
      partition: null,
      world: ranks,
      sequenceLength: null,
      globalBatchSize: known ? reading.globalBatchSize : null,
      precision: reading.precision,
      model: null,
      unstated: auto.length > 0 ? ['microBatchSize'] : [],
      missing:
        reading.strategy.microBatchSize === undefined && auto.length < 3
          ? { microBatchSize: `${micro} ("auto": the training program fills it in)` }
          : {},
      findings,
    };
  };
  return structuredSubject(
    {
      source: file.source,
      target,
      runtime: 'deepspeed',
      open: world.open,
      read,
      modelFact: 'the model (it is in the training program)',
      sequenceFact: 'the sequence length (it is in the training program)',
      batchFact: auto.length > 0 ? `${auto.join(', ')} ("auto": the training program fills it in)` : batch,
      names,
      placeOf: placeIn(file),
      valueOf: textIn(file),
      defaultOf: (setting) =>
        setting === steps
          ? { value: '1', from: 'default of DeepSpeed' }
          : setting.endsWith('stage')
            ? { value: '0', from: 'default of DeepSpeed' }
            : null,
      settings: sizeSettings(file, [
        batch,
        micro,
        steps,
        'tensor_parallel.autotp_size',
        'sequence_parallel_size',
        'zero_optimization.stage',
      ]),
      rewrite: rewriteData(file),
      // The product rule says the same in the file's own words.
      without: new Set(['deepspeed/idle-gpus', 'deepspeed/batch-divisible']),
      ownRules: deepspeedRules.map(({ id }) => id),
      notes: [
        note(
          'deepspeed/in-code',
          [],
          'pipeline, expert parallelism and recomputation are made in the training program: planner does not see them',
        ),
      ],
    },
    options,
  );
};
