import { readTorchtitan } from '../runtimes/torchtitan/read.ts';
import { placeIn, rewriteData, sizeSettings, textIn, Values, worldOfSizes } from './data-file.ts';
import type { DataFile } from './data-file.ts';
import { error } from './finding.ts';
import type { RawFinding } from './finding.ts';
import { modelNamed } from './model-name.ts';
import { askSettings } from './setting-rules/rule.ts';
import { torchtitanSettingRules } from './setting-rules/torchtitan.ts';
import { structuredSubject } from './structured-subject.ts';
import type { StructuredReading } from './structured-subject.ts';
import type { Changes, ReadOptions, Subject } from './subject.ts';
import type { Target } from './target.ts';

const section = 'parallelism.';
const names = {
  tensor: [`${section}tensor_parallel_degree`],
  pipeline: [`${section}pipeline_parallel_degree`],
  context: [`${section}context_parallel_degree`],
  expert: [`${section}expert_parallel_degree`],
  expertTensor: [`${section}expert_tensor_parallel_degree`],
  data: [`${section}data_parallel_shard_degree`, `${section}data_parallel_replicate_degree`],
  shardingGroup: [`${section}data_parallel_shard_degree`],
  schedule: [`${section}pipeline_parallel_schedule`],
  virtualStages: [`${section}pipeline_parallel_schedule`],
  microBatchSize: [
    'training.local_batch_size',
    'training.num_tokens_per_microbatch_per_dp_rank',
    `${section}pipeline_parallel_microbatch_size`,
  ],
  recompute: ['activation_checkpoint.mode'],
} as const;

/** Fields of ParallelismConfig in the TOML files of 2024 and 2025 and on main (pytorch/torchtitan @ b5bcd76c). */
const known = new Set([
  'data_parallel_replicate_degree',
  'data_parallel_shard_degree',
  'data_parallel_degree',
  'fsdp_reshard_after_forward',
  'tensor_parallel_degree',
  'enable_async_tensor_parallel',
  'disable_loss_parallel',
  'enable_loss_parallel',
  'enable_compiled_autograd',
  'pipeline_parallel_degree',
  'pipeline_parallel_split_points',
  'pipeline_parallel_layers_per_stage',
  'pipeline_parallel_schedule',
  'pipeline_parallel_schedule_csv',
  'pipeline_parallel_microbatch_size',
  'pipeline_parallel_microbatches',
  'num_pp_microbatches',
  'pipeline_parallel_first_stage_less_layers',
  'pipeline_parallel_last_stage_less_layers',
  'module_fqns_per_model_part',
  'context_parallel_degree',
  'context_parallel_rotate_method',
  'context_parallel_load_balancer',
  'expert_parallel_degree',
  'expert_tensor_parallel_degree',
  'expert_parallel_comm_backend',
  'enable_sequence_parallel',
  'full_dtensor',
  'spmd_backend',
  'pipeline_parallel_expert_parallel_overlap',
]);

/** Until 2024 the sizes stood in [training], those of pipelines and of context ranks in [experimental]. */
const inTheirSection = (file: DataFile): DataFile => {
  const entries = new Map(file.entries);
  for (const [path, entry] of file.entries) {
    const field = /^(?:training|experimental)\.(\w+)$/u.exec(path)?.[1];
    if (field !== undefined && known.has(field) && !entries.has(section + field))
      entries.set(section + field, entry);
  }
  return { ...file, entries };
};

const unknownKeys = (file: DataFile, versionGiven: boolean): RawFinding[] =>
  [...file.entries.keys()].flatMap((path) => {
    const field = path.startsWith(section) ? path.slice(section.length) : null;
    if (field === null || field.includes('.') || known.has(field)) return [];
    const found = error(
      'torchtitan/unknown-key',
      'parse',
      [path],
      `${field} is no field of parallelism`,
      field,
      'a field of ParallelismConfig',
    );
    return [
      versionGiven
        ? found
        : { ...found, level: 'unchecked' as const, missing: ['the version (--target torchtitan@VERSION)'] },
    ];
  });

/** Layers of a stage follow from the schedule: one chunk for single-stage schedules, two or more for the others. */
const oddStages = (values: Values): RawFinding[] => {
  const pipeline = values.count(`${section}pipeline_parallel_degree`) ?? 1;
  const perStage = values.count(`${section}pipeline_parallel_layers_per_stage`);
  const schedule = values.text(`${section}pipeline_parallel_schedule`) ?? '1F1B';
  const flavor = `${values.text('model.name') ?? ''}-${values.text('model.flavor') ?? ''}`;
  const layers = modelNamed(flavor)?.layers.length ?? null;
  if (pipeline === 1 || perStage === null || perStage < 1 || layers === null) return [];
  const less =
    (values.count(`${section}pipeline_parallel_first_stage_less_layers`) ?? 1) +
    (values.count(`${section}pipeline_parallel_last_stage_less_layers`) ?? 1);
  const stages = Math.ceil((layers + less) / perStage);
  const single = schedule === '1F1B' || schedule === 'GPipe';
  const setting = [`${section}pipeline_parallel_layers_per_stage`];
  if (stages % pipeline !== 0)
    return [
      error(
        'torchtitan/virtual-stages-divisible',
        'model build',
        setting,
        `${stages} virtual stages do not divide over ${pipeline} pipeline ranks`,
        stages,
        `a multiple of ${pipeline}`,
      ),
    ];
  const each = stages / pipeline;
  return single === (each === 1)
    ? []
    : [
        error(
          'torchtitan/stages-per-schedule',
          'model build',
          setting,
          `${schedule} with ${each} stages on a rank`,
          each,
          single ? '1' : 'at least 2',
        ),
      ];
};

/** A TOML file of torchtitan (2024 and 2025), or its configuration resolved to YAML or JSON. */
export const torchtitanSubject = (written: DataFile, target: Target, options: ReadOptions): Subject => {
  const file = inTheirSection(written);
  const given = new Values(file, new Map());
  const count = (key: string): number => Math.max(1, given.count(key) ?? 1);
  const replicate = count(`${section}data_parallel_replicate_degree`);
  const stated = given.count(`${section}data_parallel_shard_degree`, `${section}data_parallel_degree`) ?? -1;
  const world = worldOfSizes(options, {
    tensor: count(`${section}tensor_parallel_degree`) * replicate * Math.max(1, stated),
    pipeline: count(`${section}pipeline_parallel_degree`),
    context: count(`${section}context_parallel_degree`),
    expert: count(`${section}expert_parallel_degree`),
  });
  const read = (changes: Changes): StructuredReading => {
    const values = new Values(file, changes);
    const ranks = world.of(changes);
    const reading = readTorchtitan(values.tree(), ranks);
    const { data = 1, tensor = 1, pipeline = 1, context = 1 } = reading.strategy;
    const needed = data * tensor * pipeline * context;
    const findings: RawFinding[] = [
      ...unknownKeys(file, target.versionGiven),
      ...oddStages(values),
      ...askSettings(torchtitanSettingRules, { values, world: ranks }),
    ];
    if (!Number.isInteger(data) || data < 1 || needed !== ranks) {
      const fixed = needed / (Number.isInteger(data) && data >= 1 ? 1 : data);
      findings.push(
        error(
          'torchtitan/world-product',
          'startup',
          [...names.data, ...names.tensor, ...names.pipeline, ...names.context],
          `replicate × shard × context × tensor × pipeline is ${Number.isInteger(needed) ? needed : `no divisor of ${ranks}`}, the world has ${ranks}`,
          Number.isInteger(needed) ? needed : fixed,
          `${ranks}`,
        ),
      );
    }
    const local = values.count('training.local_batch_size', 'training.batch_size');
    return {
      strategy: reading.strategy,
      partition: reading.partition,
      world: ranks,
      sequenceLength: reading.sequenceLength,
      globalBatchSize:
        reading.globalBatchSize !== null && reading.globalBatchSize > 0
          ? reading.globalBatchSize
          : local === null
            ? null
            : local * data,
      precision:
        file.entries.has('float8') || [...file.entries.keys()].some((key) => key.startsWith('quantize.'))
          ? 'fp8'
          : 'bf16',
      model: modelNamed(`${values.text('model.name') ?? ''}-${values.text('model.flavor') ?? ''}`),
      missing: {},
      findings,
    };
  };
  return structuredSubject(
    {
      source: file.source,
      target,
      runtime: 'torchtitan',
      open: world.open,
      read,
      modelFact: 'the sizes of the model (model.name and model.flavor)',
      sequenceFact: 'training.seq_len',
      batchFact: 'training.local_batch_size',
      names,
      placeOf: placeIn(file),
      valueOf: textIn(file),
      defaultOf: (setting) =>
        setting === `${section}data_parallel_shard_degree`
          ? { value: '-1', from: 'default of torchtitan: what the other axes leave' }
          : setting.startsWith(section)
            ? { value: '1', from: 'default of torchtitan' }
            : null,
      settings: sizeSettings(file, [...Object.values(names).flat(), 'training.global_batch_size']),
      rewrite: rewriteData(file),
      // The product rule above says the same with the file's own words.
      without: new Set(['torchtitan/world-divisible', 'torchtitan/idle-gpus']),
      ownRules: [
        'torchtitan/world-product',
        'torchtitan/unknown-key',
        ...torchtitanSettingRules.map(({ id }) => id),
        'torchtitan/virtual-stages-divisible',
        'torchtitan/stages-per-schedule',
      ],
      notes: [],
    },
    options,
  );
};
