import { has, integerOf, textOf } from '../arguments.ts';
import type { ArgumentContext, ArgumentRule } from './rule.ts';
import { bad, fine, need } from './rule.ts';

const file = 'megatron/training/arguments.py';
const dense = '--tensor-parallel-num-weight-shards';
const expert = '--expert-tensor-parallel-num-weight-shards';

/** Ranks over which a weight is sharded beyond its tensor ranks (GTP), of the dense and of the expert grid. */
export const shardCopies = ({
  given,
  strategy,
}: Pick<ArgumentContext, 'given' | 'strategy'>): { readonly dense: number; readonly expert: number } => {
  const copies = (flag: string, size: number): number => {
    const shards = integerOf(given, flag);
    return shards !== null && size >= 1 && shards >= size && shards % size === 0 ? shards / size : 1;
  };
  return { dense: copies(dense, strategy.tensor), expert: copies(expert, strategy.expertTensor) };
};

const sharded = (context: ArgumentContext): boolean => {
  const copies = shardCopies(context);
  return copies.dense > 1 || copies.expert > 1;
};

/** Weights sharded beyond tensor ranks: `world` of the context is that of one copy of the dense grid. */
export const weightShardRules: readonly ArgumentRule[] = [
  {
    id: 'weight-shards',
    stage: 'startup',
    why: 'weight shards are spread over tensor ranks and then over replicas',
    source: 'megatron/core/model_parallel_config.py:10-43',
    check: ({ given, strategy: { tensor, expertTensor } }) => {
      for (const [flag, size] of [
        [dense, tensor],
        [expert, expertTensor],
      ] as const) {
        const shards = integerOf(given, flag);
        if (shards !== null && shards % size !== 0)
          return bad(
            [flag],
            `${shards} weight shards are no multiple of tensor size ${size}`,
            shards,
            `a multiple of ${size}`,
          );
      }
      return fine;
    },
  },
  {
    id: 'weight-shards-batch',
    stage: 'startup',
    why: 'ranks that share a weight run micro-batches of their own',
    source: `${file}:715`,
    check: (context) => {
      const {
        given,
        strategy: { data, microBatchSize },
      } = context;
      const copies = shardCopies(context).dense;
      const batch = integerOf(given, '--global-batch-size');
      const unit = microBatchSize * data * copies;
      return copies === 1 || batch === null || !Number.isInteger(unit) || batch % unit === 0
        ? fine
        : bad(
            ['--global-batch-size', dense],
            `global batch of ${batch} does not divide into micro-batch size × data × weight copies = ${unit}`,
            batch,
            `a multiple of ${unit}`,
          );
    },
  },
  {
    id: 'weight-shards-expert-grid',
    stage: 'group creation',
    why: 'expert tensor × expert × expert weight copies must divide the ranks of a stage',
    source: 'megatron/core/parallel_state.py:880-884',
    check: (context) => {
      const {
        world,
        strategy: { pipeline, expert: ranks, expertTensor },
      } = context;
      const copies = shardCopies(context);
      const perStage = (world * copies.dense) / pipeline;
      const size = expertTensor * ranks * copies.expert;
      return !sharded(context) || !Number.isInteger(perStage) || perStage % size === 0
        ? fine
        : bad(
            ['--expert-model-parallel-size', expert],
            `expert tensor × expert × weight copies = ${size} do not divide the ${perStage} GPUs of a stage`,
            size,
            `a divisor of ${perStage}`,
          );
    },
  },
  need({
    id: 'weight-shards-checkpoint',
    why: 'shards of weights are saved in the formats that know them',
    source: `${file} GTP checks`,
    when: sharded,
    holds: ({ given }) => ['torch', 'torch_dist'].includes(textOf(given, '--ckpt-format') ?? 'torch_dist'),
    flags: [dense, '--ckpt-format'],
    message: 'weight shards with another checkpoint format',
    found: ({ given }) => textOf(given, '--ckpt-format'),
    expected: 'torch or torch_dist',
  }),
  need({
    id: 'weight-shards-average',
    why: 'averages would have to count the copies of each buffer',
    source: `${file} GTP checks`,
    when: sharded,
    holds: ({ given }) => !has(given, '--ddp-average-in-collective'),
    flags: [dense, '--ddp-average-in-collective'],
    message: 'weight shards with averages in collectives',
    found: () => 'both',
    expected: 'without --ddp-average-in-collective',
  }),
  need({
    id: 'weight-shards-instances',
    why: 'optimizer instances repeat over whole replicas, of which weight shards leave none',
    source: `${file}:808`,
    when: sharded,
    holds: ({ given }) => (integerOf(given, '--num-distributed-optimizer-instances') ?? 1) === 1,
    flags: [dense, '--num-distributed-optimizer-instances'],
    message: 'weight shards with several optimizer instances',
    found: ({ given }) => textOf(given, '--num-distributed-optimizer-instances'),
    expected: '1',
  }),
  need({
    id: 'weight-shards-precision',
    why: 'shards are gathered in the narrow format that the optimizer wrote',
    source: `${file} GTP checks`,
    when: (context) =>
      sharded(context) &&
      (has(context.given, '--fp4-format') ||
        (has(context.given, '--fp8-format') && textOf(context.given, '--fp8-recipe') === 'mxfp8')),
    holds: ({ given }) =>
      has(given, '--fp4-format')
        ? has(given, '--fp4-param-gather')
        : has(given, '--fp8-param-gather') && has(given, '--reuse-grad-buf-for-mxfp8-param-ag'),
    flags: [dense, '--fp8-param-gather', '--fp4-param-gather', '--reuse-grad-buf-for-mxfp8-param-ag'],
    message: 'weight shards in a narrow format without narrow parameters',
    expected: '--fp4-param-gather, or --fp8-param-gather with --reuse-grad-buf-for-mxfp8-param-ag',
  }),
];
