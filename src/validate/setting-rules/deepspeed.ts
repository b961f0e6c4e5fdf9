import { readDeepspeed } from '../../runtimes/deepspeed/read.ts';
import { fault, firstBelow } from './rule.ts';
import type { SettingRule } from './rule.ts';

export const batch = 'train_batch_size';
export const micro = 'train_micro_batch_size_per_gpu';
export const steps = 'gradient_accumulation_steps';
const stageKey = 'zero_optimization.stage';

const source = 'deepspeedai/DeepSpeed @ edaa7221 deepspeed/runtime/config.py';

/** Checks of DeepSpeed's configuration. */
export const deepspeedRules: readonly SettingRule[] = [
  {
    id: 'deepspeed/zero-stage',
    stage: 'parse',
    why: 'there are four stages of sharding',
    source: 'deepspeedai/DeepSpeed @ edaa7221 deepspeed/runtime/zero/config.py ZeroStageEnum',
    check: ({ values }) => {
      const stage = values.count(stageKey);
      return stage === null || (stage >= 0 && stage <= 3)
        ? null
        : fault([stageKey], 'a ZeRO stage that does not exist', stage, '0, 1, 2 or 3');
    },
  },
  {
    id: 'deepspeed/batch-positive',
    stage: 'startup',
    why: 'batches count sequences',
    source: `${source} _batch_assertion`,
    check: ({ values }) => {
      const wrong = firstBelow(values, [batch, micro, steps], 1);
      return wrong === null
        ? null
        : fault([wrong], `${wrong} is below 1`, values.count(wrong) ?? 0, 'at least 1');
    },
  },
  {
    id: 'deepspeed/batch-product',
    stage: 'startup',
    why: 'of batch, micro-batch and accumulation the third follows from the other two',
    source: `${source}:938`,
    check: ({ values, world }) => {
      const data = readDeepspeed(values.tree(), world).strategy.data ?? 1;
      const [total, each, count] = [values.count(batch), values.count(micro), values.count(steps)];
      if (total === null || firstBelow(values, [batch, micro, steps], 1) !== null) return null;
      if (each !== null && count !== null)
        return each * count * data === total
          ? null
          : fault(
              [batch, micro, steps],
              `${micro} × ${steps} × replicas is ${each} × ${count} × ${data} = ${each * count * data}, ${batch} says ${total}`,
              total,
              String(each * count * data),
            );
      const [other, size] = each !== null ? [micro, each] : [steps, count ?? 1];
      if ((each === null && count === null) || total % (size * data) === 0) return null;
      return fault(
        [batch, other],
        `${batch} of ${total} does not divide into ${other} × replicas = ${size * data}`,
        total,
        `a multiple of ${size * data}`,
      );
    },
  },
  {
    id: 'deepspeed/batch-stated',
    stage: 'startup',
    why: 'accumulation alone tells no batch',
    source: `${source} _set_batch_related_parameters`,
    check: ({ values }) =>
      [batch, micro].some((key) => values.count(key) !== null || values.text(key) === 'auto') ||
      values.text(steps) === 'auto'
        ? null
        : fault(
            [batch, micro],
            'neither the batch nor the micro-batch is stated',
            values.count(steps) === null ? 'nothing' : steps,
            `${batch} or ${micro}`,
          ),
  },
  {
    id: 'deepspeed/precision-exclusive',
    stage: 'startup',
    why: 'a model trains in one half precision',
    source,
    check: ({ values }) =>
      values.flag('bf16.enabled') && values.flag('fp16.enabled')
        ? fault(['bf16.enabled', 'fp16.enabled'], 'bf16 and fp16 together', 'both', 'one of them')
        : null,
  },
  {
    id: 'deepspeed/half-precision-masters',
    stage: 'startup',
    why: 'master weights in half precision are those of a sharded optimizer',
    source: `${source} _do_error_check`,
    check: ({ values }) =>
      values.flag('fp16.fp16_master_weights_and_grads') && (values.count(stageKey) ?? 0) < 1
        ? fault(
            ['fp16.fp16_master_weights_and_grads', stageKey],
            'master weights in fp16 without ZeRO',
            values.count(stageKey) ?? '0 (default)',
            'stage 1, 2 or 3',
          )
        : null,
  },
  {
    id: 'deepspeed/partial-offload',
    stage: 'startup',
    why: 'parts of the optimizer are offloaded where parameters are sharded',
    source: 'deepspeedai/DeepSpeed @ 1b88ac36 deepspeed/runtime/zero/config.py offload_ratio_check',
    check: ({ values }) => {
      const ratio = values.raw('zero_optimization.offload_optimizer.ratio');
      return typeof ratio === 'number' && ratio < 1 && values.count(stageKey) !== 3
        ? fault(
            ['zero_optimization.offload_optimizer.ratio', stageKey],
            'a part of the optimizer offloaded without ZeRO-3',
            values.count(stageKey) ?? '0 (default)',
            'stage 3, or a ratio of 1',
          )
        : null;
    },
  },
  {
    id: 'deepspeed/summed-gradients',
    stage: 'startup',
    why: 'ZeRO-3 averages gradients where it shards them',
    source: `${source} gradient_allreduce_op, main of autumn 2026`,
    check: ({ values }) =>
      values.text('gradient_allreduce_op') === 'sum' && values.count(stageKey) === 3
        ? fault(
            ['gradient_allreduce_op', stageKey],
            'summed gradients with ZeRO-3',
            'sum',
            'avg, or a lower stage',
          )
        : null,
  },
];
