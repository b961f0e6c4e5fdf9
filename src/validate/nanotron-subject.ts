import { modelFromConfig } from '../ingest/model-config.ts';
import type { Model } from '../model/model.ts';
import { readNanotron } from '../runtimes/nanotron/read.ts';
import { placeIn, rewriteData, sizeSettings, textIn, Values } from './data-file.ts';
import type { DataFile } from './data-file.ts';
import { error } from './finding.ts';
import { nanotronRules } from './setting-rules/nanotron.ts';
import { askSettings } from './setting-rules/rule.ts';
import { structuredSubject } from './structured-subject.ts';
import type { StructuredReading } from './structured-subject.ts';
import type { Changes, ReadOptions, Subject } from './subject.ts';
import type { Target } from './target.ts';

const names = {
  tensor: ['parallelism.tp'],
  pipeline: ['parallelism.pp'],
  data: ['parallelism.dp'],
  context: ['parallelism.context_parallel_size'],
  expert: ['parallelism.expert_parallel_size'],
  schedule: ['parallelism.pp_engine'],
  microBatchSize: ['tokens.micro_batch_size', 'tokens.batch_accumulation_per_replica'],
  sharding: ['optimizer.zero_stage'],
} as const;

const fields = new Set([
  'dp',
  'pp',
  'tp',
  'pp_engine',
  'tp_mode',
  'tp_linear_async_communication',
  'recompute_layer',
  'moe_layer_recompute',
  'tp_recompute_allgather',
  'expert_parallel_size',
  'context_parallel_size',
  'moe',
]);

const modelOf = (values: Values): Model | null => {
  const hidden = values.count('model.model_config.hidden_size');
  const heads = values.count('model.model_config.num_attention_heads');
  const layers = values.count('model.model_config.num_hidden_layers');
  if (hidden === null || heads === null || layers === null) return null;
  const result = modelFromConfig(
    {
      model_type: 'llama',
      hidden_size: hidden,
      num_attention_heads: heads,
      num_hidden_layers: layers,
      num_key_value_heads: values.count('model.model_config.num_key_value_heads') ?? heads,
      intermediate_size: values.count('model.model_config.intermediate_size') ?? 4 * hidden,
      vocab_size: values.count('model.model_config.vocab_size') ?? 32_000,
      tie_word_embeddings: values.flag('model.model_config.tie_word_embeddings'),
    },
    'model_config',
  );
  return result.ok ? result.model : null;
};

/** A YAML configuration of nanotron. */
export const nanotronSubject = (file: DataFile, target: Target, options: ReadOptions): Subject => {
  const read = (changes: Changes): StructuredReading => {
    const values = new Values(file, changes);
    const reading = readNanotron(values.tree());
    const ranks = options.gpus ?? options.clusterGpus ?? reading.world;
    const findings = askSettings(nanotronRules, { values, world: ranks });
    if (ranks !== reading.world)
      findings.push(
        error(
          'nanotron/world-product',
          'startup',
          [...names.tensor, ...names.pipeline, ...names.data, ...names.context],
          `tp × pp × dp × context is ${reading.world}, the world has ${ranks}`,
          reading.world,
          String(ranks),
        ),
      );
    for (const path of file.entries.keys()) {
      const field = path.startsWith('parallelism.') ? path.slice('parallelism.'.length) : null;
      if (field !== null && !field.includes('.') && !fields.has(field)) {
        const found = error(
          'nanotron/unknown-key',
          'parse',
          [path],
          `${field} is no field of parallelism`,
          field,
          [...fields].join(', '),
        );
        findings.push(
          target.versionGiven
            ? found
            : { ...found, level: 'unchecked', missing: ['the version (--target nanotron@VERSION)'] },
        );
      }
    }
    const type = values.text('model.dtype');
    return {
      strategy: reading.strategy,
      partition: null,
      world: reading.world,
      sequenceLength: reading.sequenceLength,
      globalBatchSize: reading.globalBatchSize,
      precision: type === 'float16' ? 'fp16' : type === 'float32' ? 'fp32' : 'bf16',
      model: modelOf(values),
      missing: {},
      findings,
    };
  };
  return structuredSubject(
    {
      source: file.source,
      target,
      runtime: 'nanotron',
      open: [],
      read,
      modelFact: 'the sizes of the model (model.model_config)',
      sequenceFact: 'tokens.sequence_length',
      batchFact: 'tokens.micro_batch_size and batch_accumulation_per_replica',
      names,
      placeOf: placeIn(file),
      valueOf: textIn(file),
      defaultOf: (setting) =>
        setting.startsWith('parallelism.') ? { value: '1', from: 'default of nanotron' } : null,
      settings: sizeSettings(file, Object.values(names).flat()),
      rewrite: rewriteData(file),
      // Layers are laid out by nanotron's own cost of each block, whatever the stages.
      without: new Set(['nanotron/partition-shape']),
      ownRules: [...nanotronRules.map(({ id }) => id), 'nanotron/world-product', 'nanotron/unknown-key'],
      notes: [],
    },
    options,
  );
};
