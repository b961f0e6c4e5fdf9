import { RECOMPUTE_MODULES } from '../../strategy/keys.ts';
import { selective } from '../../strategy/recompute.ts';
import type {
  ContextCommunication,
  Dispatcher,
  Recompute,
  Sharding,
  Strategy,
} from '../../strategy/strategy.ts';
import { compareVersions } from '../version.ts';
import { has, integerOf, listOf, textOf } from './arguments.ts';
import type { ArgumentMap } from './arguments.ts';

const readRecompute = (given: ArgumentMap): Recompute => {
  const granularity = has(given, '--recompute-activations')
    ? 'selective'
    : textOf(given, '--recompute-granularity');
  const moeLayer = has(given, '--moe-layer-recompute');
  if (granularity === 'full') {
    const layers = integerOf(given, '--recompute-num-layers') ?? 1;
    if (textOf(given, '--recompute-method') === 'block') return { kind: 'full-block', layers };
    return layers === 1 ? { kind: 'full' } : { kind: 'full-uniform', layers };
  }
  if (granularity !== 'selective' && !moeLayer) return { kind: 'none' };
  const named = listOf(given, '--recompute-modules');
  const chosen = new Set(
    named.length === 0 && !moeLayer ? ['core_attn'] : [...named, ...(moeLayer ? ['moe'] : [])],
  );
  return selective(RECOMPUTE_MODULES.filter((module) => chosen.has(module)));
};

const fsdpSharding: Readonly<Record<string, Sharding>> = {
  no_shard: 'none',
  optim: 'optimizer',
  optim_grads: 'gradients',
  optim_grads_params: 'parameters',
};

/** What Megatron-FSDP shards where nothing is said: all of it in the flags of 0.20, nothing in those of 0.16. */
const fsdpDefault = (version: string): string =>
  compareVersions(version, '0.20') >= 0 ? 'optim_grads_params' : 'no_shard';

const readSharding = (given: ArgumentMap, version: string): Sharding => {
  if (has(given, '--use-torch-fsdp2')) return 'parameters';
  if (has(given, '--use-megatron-fsdp'))
    return fsdpSharding[textOf(given, '--data-parallel-sharding-strategy') ?? fsdpDefault(version)] ?? 'none';
  // dist_muon shards the optimizer by layers, without the flag.
  return has(given, '--use-distributed-optimizer') || textOf(given, '--optimizer') === 'dist_muon'
    ? 'optimizer'
    : 'none';
};

const communications: Readonly<Record<string, ContextCommunication>> = {
  p2p: 'p2p',
  a2a: 'a2a',
  allgather: 'all-gather',
  all_gather: 'all-gather',
  'a2a+p2p': 'a2a+p2p',
};

const readDispatcher = (given: ArgumentMap): Dispatcher => {
  const type = textOf(given, '--moe-token-dispatcher-type') ?? 'allgather';
  if (type === 'flex')
    return textOf(given, '--moe-flex-dispatcher-backend') === 'hybridep' ? 'hybridep' : 'deepep';
  return type === 'alltoall' ? 'all-to-all' : 'all-gather';
};

const size = (given: ArgumentMap, flag: string): number => integerOf(given, flag) ?? 1;

/**
 * The strategy that the flags state on `world` ranks. `data` is what the other axes leave, and no integer when they
 * do not divide the world: rules say so. Ranks of weight shards (GTP), which planner does not know, count as copies.
 */
export const readStrategy = (
  given: ArgumentMap,
  world: number,
  virtualStages: number,
  experts: boolean,
  version: string,
): Strategy => {
  const tensor = size(given, '--tensor-model-parallel-size');
  const pipeline = size(given, '--pipeline-model-parallel-size');
  const context = size(given, '--context-parallel-size');
  const data = world / (tensor * pipeline * context);
  return {
    tensor,
    pipeline,
    virtualStages,
    context,
    data,
    expert: size(given, '--expert-model-parallel-size'),
    expertTensor: experts ? (integerOf(given, '--expert-tensor-parallel-size') ?? tensor) : 1,
    microBatchSize: size(given, '--micro-batch-size'),
    microBatchGroup: integerOf(given, '--microbatch-group-size-per-virtual-pipeline-stage') ?? pipeline,
    schedule: virtualStages > 1 ? 'interleaved' : '1f1b',
    vocabulary: 'last',
    sequenceParallel: has(given, '--sequence-parallel'),
    recompute: readRecompute(given),
    sharding: readSharding(given, version),
    shardingGroup: (data * context) / size(given, '--num-distributed-optimizer-instances'),
    overlapGradients: has(given, '--overlap-grad-reduce'),
    overlapParameters: has(given, '--overlap-param-gather'),
    overlapTensor: has(given, '--tp-comm-overlap'),
    overlapExpert: has(given, '--overlap-moe-expert-parallel-comm'),
    contextCommunication: communications[listOf(given, '--cp-comm-type')[0] ?? 'p2p'] ?? 'p2p',
    dispatcher: readDispatcher(given),
    rankOrder: has(given, '--use-tp-pp-dp-mapping') ? 'tp-cp-ep-pp-dp' : 'tp-cp-ep-dp-pp',
    offload: has(given, '--optimizer-cpu-offload') ? 'optimizer' : 'none',
  };
};
