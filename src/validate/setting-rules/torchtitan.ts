import { fault, firstBelow } from './rule.ts';
import type { SettingRule } from './rule.ts';

const section = 'parallelism.';
const shard = `${section}data_parallel_shard_degree`;

/** Checks of torchtitan's mesh that no strategy expresses. */
export const torchtitanSettingRules: readonly SettingRule[] = [
  {
    id: 'torchtitan/positive-degrees',
    stage: 'startup',
    why: 'degrees count ranks; that of shards alone may be -1, what the others leave',
    source: 'pytorch/torchtitan @ 0119de15 torchtitan/distributed/parallel_dims.py _validate',
    check: ({ values }) => {
      const wrong =
        firstBelow(
          values,
          [
            'data_parallel_replicate',
            'context_parallel',
            'tensor_parallel',
            'pipeline_parallel',
            'expert_parallel',
            'expert_tensor_parallel',
          ].map((name) => `${section}${name}_degree`),
          1,
        ) ?? ((values.count(shard) ?? 1) < 1 && values.count(shard) !== -1 ? shard : null);
      return wrong === null
        ? null
        : fault([wrong], `${wrong.slice(section.length)} is below 1`, values.count(wrong) ?? 0, 'at least 1');
    },
  },
];
