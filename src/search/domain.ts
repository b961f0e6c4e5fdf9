import { modelFacts } from '../runtimes/model-facts.ts';
import { rulesFor, runtimeOf } from '../runtimes/registry.ts';
import type { RuntimeDefaults } from '../runtimes/runtime.ts';
import type { Problem } from '../plan/problem.ts';
import type { Recompute, RecomputeModule, Strategy } from '../strategy/strategy.ts';
import type { Draft } from './keys.ts';

/** The values that a search tries for one key, given the keys decided before it. */
export interface Domain {
  /** Keys that the values depend on. */
  readonly reads: readonly (keyof Strategy)[];
  readonly values: (draft: Readonly<Draft>) => readonly Strategy[keyof Strategy][];
}

export type Domains = Readonly<Record<keyof Strategy, Domain>>;

/** Divisors of a positive integer, ascending. */
export const divisors = (value: number): number[] => {
  const small: number[] = [];
  const large: number[] = [];
  for (let divisor = 1; divisor * divisor <= value; divisor += 1) {
    if (value % divisor !== 0) continue;
    small.push(divisor);
    if (divisor * divisor !== value) large.unshift(value / divisor);
  }
  return [...small, ...large];
};

const oddPart = (value: number): number => (value % 2 === 0 ? oddPart(value / 2) : value);

const greatestCommonDivisor = (a: number, b: number): number =>
  b === 0 ? a : greatestCommonDivisor(b, a % b);

/** Chunks that may hold layers: the first and the last may stand empty beside embedding and head. */
export const mostChunks = (problem: Problem): number => problem.model.layers.length + 2;

/**
 * Sets of modules that save memory at little work in models of this make, in Megatron's terms: core attention where its
 * softmax is kept, outputs that are cheap to redo (norms, activations of experts, latent projections), whole
 * feed-forward blocks. Other sets can be asked for with `limit`.
 */
const selectiveSets = (problem: Problem): readonly (readonly RecomputeModule[])[] => {
  const facts = modelFacts(problem.model);
  const sets: RecomputeModule[][] = [['core_attn'], ['layernorm']];
  const dense = problem.model.kinds.some((kind) => kind.feedForward.kind === 'dense');
  const latent = facts.latent.length > 0;
  if (latent) sets.push(['mla_up_proj'], ['layernorm', 'mla_up_proj']);
  if (facts.moe.length > 0) {
    sets.push(['moe_act'], ['layernorm', 'moe_act'], ['moe'], ['core_attn', 'moe_act']);
    if (latent)
      sets.push(['mla_up_proj', 'moe_act'], ['layernorm', 'mla_up_proj', 'moe_act'], ['mla_up_proj', 'moe']);
    if (latent && dense)
      sets.push(['mla_up_proj', 'mlp', 'moe_act'], ['layernorm', 'mla_up_proj', 'mlp', 'moe_act']);
  } else sets.push(['mlp'], ['core_attn', 'layernorm'], ['layernorm', 'mlp']);
  return sets.map((set) => [...set].sort());
};

/** About eight values of `full:block:N` between nothing and all layers of a chunk. */
const BLOCK_STEPS = 8;

const recomputeValues = (problem: Problem, largestChunk: number): readonly Recompute[] => {
  const values: Recompute[] = [{ kind: 'none' }];
  for (const modules of selectiveSets(problem)) values.push({ kind: 'selective', modules });
  const step = Math.ceil(largestChunk / BLOCK_STEPS);
  for (let layers = step; layers < largestChunk; layers += step) values.push({ kind: 'full-block', layers });
  values.push({ kind: 'full' });
  return values;
};

/** Tensor parallelism beyond two nodes of eight is not worth trying: each layer waits for the network four times. */
const LARGEST_TENSOR = 16;
/** Context ranks with fewer tokens than this wait for their ring, not for attention. */
const SMALLEST_CONTEXT_CHUNK = 1024;
/** Micro-batches beyond this many tokens per rank gain no kernel efficiency and cost memory. */
const LARGEST_MICRO_BATCH_TOKENS = 65_536;
/** Micro-batches of 1, 2, 3, 4, 6, 8, 12, …: powers of two and three times those. */
const LARGEST_ODD_PART = 3;
/** Every number of virtual stages up to this one; larger ones where they divide the layers (with embedding and head). */
const COMMON_VIRTUAL_STAGES = 8;
/**
 * Virtual stages beyond these are not tried unless `search.limit` asks for them: each chunk adds a launch, two transfers and
 * activations in flight that no measurement bounds. Of the measured runs that planner is fitted on, 276 interleave 2 to 12
 * chunks, and three more than that.
 */
const LARGEST_VIRTUAL_STAGES = 12;

const free = (values: readonly Strategy[keyof Strategy][]): Domain => ({ reads: [], values: () => values });

const when = (
  reads: readonly (keyof Strategy)[],
  applies: (draft: Readonly<Draft>) => boolean,
  values: readonly Strategy[keyof Strategy][],
  ...otherwise: readonly Strategy[keyof Strategy][]
): Domain => ({ reads, values: (draft) => (applies(draft) ? values : otherwise) });

/** Keys of the layout: sizes that divide the world, schedules, micro-batches, recomputation. */
const layoutDomains = (problem: Problem, world: number, defaults: RuntimeDefaults) => {
  const { model, training, cluster } = problem;
  const { moe } = modelFacts(model);
  const expertCounts = moe.map(({ experts }) => experts);
  const commonExperts = expertCounts.reduce(greatestCommonDivisor, 0);
  const experts = commonExperts > 0 ? divisors(commonExperts) : [1];
  const perNode = cluster.groups[0]?.perNode ?? 1;
  const expertTensors = commonExperts > 0 ? divisors(perNode) : [1];
  const layers = model.layers.length;
  const microBatches = new Map<number, readonly number[]>();
  const recomputes = new Map<number, readonly Recompute[]>();
  return {
    tensor: free(divisors(world).filter((tensor) => tensor <= Math.max(LARGEST_TENSOR, perNode))),
    pipeline: {
      reads: ['tensor'],
      values: ({ tensor }) => divisors(world / tensor).filter((pipeline) => pipeline <= mostChunks(problem)),
    },
    context: {
      reads: ['tensor', 'pipeline'],
      values: ({ tensor, pipeline }) =>
        divisors(world / (tensor * pipeline)).filter(
          (context) => context === 1 || training.sequenceLength / context >= SMALLEST_CONTEXT_CHUNK,
        ),
    },
    data: {
      reads: ['tensor', 'pipeline', 'context'],
      values: ({ tensor, pipeline, context }) => [world / (tensor * pipeline * context)],
    },
    expert: free(experts),
    expertTensor: free(expertTensors),
    virtualStages: {
      reads: ['pipeline'],
      values: ({ pipeline }) =>
        pipeline === 1
          ? [1]
          : Array.from(
              {
                length: Math.max(
                  1,
                  Math.min(LARGEST_VIRTUAL_STAGES, Math.floor(mostChunks(problem) / pipeline)),
                ),
              },
              (_, index) => index + 1,
            ).filter(
              (virtualStages) =>
                virtualStages <= COMMON_VIRTUAL_STAGES ||
                [layers, layers + 1, layers + 2].some((units) => units % (pipeline * virtualStages) === 0),
            ),
    },
    schedule: {
      reads: ['pipeline', 'virtualStages'],
      values: ({ pipeline, virtualStages }) => {
        if (pipeline === 1) return ['1f1b'];
        if (virtualStages === 1) return ['1f1b', 'gpipe', 'zb-h1', 'zb-h2'];
        return virtualStages === 2 ? ['interleaved', 'zb-v', 'v-half', 'dualpipe-v'] : ['interleaved'];
      },
    },
    vocabulary: free([defaults.flags.vocabulary]),
    microBatchSize: {
      reads: ['data', 'context'],
      values: ({ data, context }) => {
        if (training.globalBatchSize % data !== 0) return [];
        const most = Math.max(1, (LARGEST_MICRO_BATCH_TOKENS * context) / training.sequenceLength);
        const known = microBatches.get(data) ?? divisors(training.globalBatchSize / data);
        microBatches.set(data, known);
        return known.filter((size) => size <= most && oddPart(size) <= LARGEST_ODD_PART);
      },
    },
    microBatchGroup: { reads: ['pipeline'], values: ({ pipeline }) => [defaults.microBatchGroup(pipeline)] },
    shardingGroup: { reads: ['data', 'context'], values: ({ data, context }) => [data * context] },
    recompute: {
      reads: ['pipeline', 'virtualStages'],
      values: ({ pipeline, virtualStages }) => {
        const chunk = Math.ceil(model.layers.length / (pipeline * virtualStages));
        const known = recomputes.get(chunk) ?? recomputeValues(problem, chunk);
        recomputes.set(chunk, known);
        return known;
      },
    },
  } satisfies Partial<Record<keyof Strategy, Domain>>;
};

const replicated = ({ data, context }: Readonly<Draft>): boolean => data * context > 1;

/**
 * Whether a runtime offloads sharded optimizers alone, and may: then one replica shards over itself in order to offload,
 * and for nothing else.
 */
const shardsToOffload = ({ training: { runtime }, search: { limits } }: Problem): boolean =>
  limits.sharding === undefined &&
  (limits.offload?.includes('optimizer') ?? true) &&
  rulesFor(runtime.name, runtime.version).some(
    ({ reads }) => reads.includes('offload') && reads.includes('sharding'),
  );

/** Switches, each only where it has an effect: a plan is not listed twice under two spellings. */
const flagDomains = (problem: Problem, { flags }: RuntimeDefaults) => {
  const shardsAlone = shardsToOffload(problem);
  const hasExperts = modelFacts(problem.model).moe.length > 0;
  return {
    sequenceParallel: when(['tensor'], ({ tensor }) => tensor > 1, [true, false], false),
    overlapTensor: when(['tensor'], ({ tensor }) => tensor > 1, [true, false], false),
    contextCommunication: when(
      ['context'],
      ({ context }) => context > 1,
      ['p2p', 'a2a', 'all-gather', 'a2a+p2p'],
      flags.contextCommunication,
    ),
    dispatcher: when(
      ['expert', 'expertTensor'],
      ({ expert, expertTensor }) => hasExperts && expert * expertTensor > 1,
      ['all-to-all', 'deepep', 'hybridep', 'all-gather'],
      flags.dispatcher,
    ),
    overlapExpert: when(['expert'], ({ expert }) => expert > 1, [true, false], false),
    // Sharded gradients are reduced in every micro-batch: of use where parameters are sharded by default (FSDP).
    sharding: when(
      ['data', 'context'],
      replicated,
      flags.sharding === 'parameters'
        ? ['optimizer', 'none', 'gradients', 'parameters']
        : ['optimizer', 'none', 'parameters'],
      ...(shardsAlone ? (['none', 'optimizer'] as const) : (['none'] as const)),
    ),
    overlapGradients: when(['data', 'context'], replicated, [true, false], false),
    overlapParameters: when(['data', 'context'], replicated, [true, false], false),
    rankOrder: when(
      ['pipeline', 'data'],
      ({ pipeline, data }) => pipeline > 1 && data > 1,
      ['tp-cp-ep-dp-pp', 'tp-cp-ep-pp-dp'],
      'tp-cp-ep-dp-pp',
    ),
    offload: shardsAlone
      ? {
          reads: ['data', 'context', 'sharding'],
          values: (draft) =>
            replicated(draft) || draft.sharding === 'none' ? ['none', 'optimizer'] : ['optimizer'],
        }
      : free(['none', 'optimizer']),
  } satisfies Partial<Record<keyof Strategy, Domain>>;
};

/**
 * The values of every key for a job on `world` GPUs. `search.fix` and `search.limit` replace what stands here; a limited
 * size still has to divide the world.
 */
export const domainsOf = (problem: Problem, world: number): Domains => {
  const { name, version } = problem.training.runtime;
  const defaults = runtimeOf(name).defaults(version);
  return { ...layoutDomains(problem, world, defaults), ...flagDomains(problem, defaults) };
};
