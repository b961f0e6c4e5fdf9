import type { Values } from '../data-file.ts';
import { fault, firstBelow } from './rule.ts';
import type { SettingRule } from './rule.ts';

const source = 'huggingface/nanotron @ 2411b022 src/nanotron/config/config.py';
const heads = 'model.model_config.num_attention_heads';
const groups = 'model.model_config.num_key_value_heads';

/** Values of one key of every item of a list, as far as they are numbers or texts. */
const itemsOf = (values: Values, list: string, key: string): readonly (string | number)[] => {
  const items = values.raw(list);
  return Array.isArray(items)
    ? (items as readonly unknown[]).flatMap((item) => {
        const value =
          typeof item === 'object' && item !== null ? (item as Record<string, unknown>)[key] : undefined;
        return typeof value === 'string' || typeof value === 'number' ? [value] : [];
      })
    : [];
};

/** Checks of nanotron's configuration that its sizes alone do not tell. */
export const nanotronRules: readonly SettingRule[] = [
  {
    id: 'nanotron/positive-sizes',
    stage: 'startup',
    why: 'sizes count ranks and sequences',
    source: 'huggingface/nanotron @ 2411b022 src/nanotron/parallel/context.py:24-62',
    check: ({ values }) => {
      const wrong = firstBelow(
        values,
        [
          'parallelism.tp',
          'parallelism.pp',
          'parallelism.dp',
          'parallelism.context_parallel_size',
          'tokens.micro_batch_size',
          'tokens.batch_accumulation_per_replica',
          'tokens.sequence_length',
        ],
        1,
      );
      return wrong === null
        ? null
        : fault([wrong], `${wrong} is below 1`, values.count(wrong) ?? 0, 'at least 1');
    },
  },
  {
    id: 'nanotron/heads-groups',
    stage: 'startup',
    why: 'each key-value head serves the same number of heads',
    source: `${source}:536-547`,
    check: ({ values }) => {
      const count = values.count(heads);
      const each = values.count(groups) ?? count;
      return count === null || each === null || each < 1 || count % each === 0
        ? null
        : fault(
            [heads, groups],
            `${count} heads do not divide over ${each} key-value heads`,
            count,
            `a multiple of ${each}`,
          );
    },
  },
  {
    id: 'nanotron/pipeline-engine',
    stage: 'parse',
    why: 'there are two pipeline engines',
    source:
      'huggingface/nanotron @ 19f88fbe src/nanotron/config/parallelism_config.py cast_str_to_pipeline_engine',
    check: ({ values }) => {
      const engine = values.text('parallelism.pp_engine');
      return engine === null || engine === '1f1b' || engine === 'afab'
        ? null
        : fault(['parallelism.pp_engine'], 'a pipeline engine that does not exist', engine, '1f1b or afab');
    },
  },
  {
    id: 'nanotron/tensor-mode',
    stage: 'parse',
    why: 'partial results are summed, or summed and scattered',
    source:
      'huggingface/nanotron @ 19f88fbe src/nanotron/config/parallelism_config.py TensorParallelLinearMode',
    check: ({ values }) => {
      const mode = values.text('parallelism.tp_mode');
      return mode === null || ['ALL_REDUCE', 'REDUCE_SCATTER'].includes(mode.toUpperCase())
        ? null
        : fault(
            ['parallelism.tp_mode'],
            'a tensor mode that does not exist',
            mode,
            'ALL_REDUCE or REDUCE_SCATTER',
          );
    },
  },
  {
    id: 'nanotron/data-stages',
    stage: 'startup',
    why: 'training begins at step 1, and stages have names and steps of their own',
    source: `${source} data_stages`,
    check: ({ values }) => {
      const starts = itemsOf(values, 'data_stages', 'start_training_step');
      const names = itemsOf(values, 'data_stages', 'name');
      if (starts.length > 0 && !starts.includes(1))
        return fault(['data_stages'], 'no stage of data begins at step 1', starts.join(', '), '1');
      const twice = [names, starts].find((list) => new Set(list).size < list.length);
      return twice === undefined
        ? null
        : fault(
            ['data_stages'],
            'two stages of data with one name or one step',
            twice.join(', '),
            'each its own',
          );
    },
  },
  {
    id: 'nanotron/evaluation-interval',
    stage: 'startup',
    why: 'what is uploaded is evaluated',
    source: `${source} s3_upload with lighteval`,
    check: ({ values }) => {
      const each = values.count('lighteval.eval_interval');
      const saved = values.count('checkpoints.checkpoint_interval');
      return values.has('s3_upload') && each !== null && saved !== null && saved > 0 && each % saved !== 0
        ? fault(
            ['lighteval.eval_interval', 'checkpoints.checkpoint_interval'],
            'checkpoints are evaluated at an interval at which none is uploaded',
            each,
            `a multiple of ${saved}`,
          )
        : null;
    },
  },
];
