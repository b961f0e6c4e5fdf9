import type { AcceleratorArchitecture, Cluster } from '../../cluster/cluster.ts';
import type { Model } from '../../model/model.ts';
import type { Strategy } from '../../strategy/strategy.ts';
import { hasExperts } from '../model-facts.ts';

/** What CUDA_DEVICE_MAX_CONNECTIONS must be: 1, anything but 1, or whatever. */
export type Connections = 'one' | 'several' | 'any';

/**
 * megatron/training/arguments.py:1166 and 1453-1479, NVIDIA/Megatron-LM @ d98e8a64: must be 1 with tensor or context
 * parallelism before Blackwell; with overlapped expert exchange only a warning remains; sharded parameters need more.
 */
export const connectionsRule = (
  strategy: Pick<Strategy, 'tensor' | 'context' | 'overlapExpert'>,
  architecture: AcceleratorArchitecture,
  fsdp: boolean,
): Connections => {
  if (fsdp) return 'several';
  if (architecture === 'blackwell' || strategy.overlapExpert) return 'any';
  return strategy.tensor > 1 || strategy.context > 1 ? 'one' : 'any';
};

export type Variable = readonly [name: string, value: string];

/** Queues per device where several are wanted: NVIDIA's recipes with overlapped expert exchange use as many. */
const severalConnections = '32';

const connectionVariables = (
  strategy: Strategy,
  architecture: AcceleratorArchitecture,
): readonly Variable[] => {
  const name = 'CUDA_DEVICE_MAX_CONNECTIONS';
  const fsdp = strategy.sharding === 'gradients' || strategy.sharding === 'parameters';
  const rule = connectionsRule(strategy, architecture, fsdp);
  if (rule === 'one') return [[name, '1']];
  if (rule === 'several' || strategy.overlapExpert) return [[name, severalConnections]];
  // Without a demand, one queue keeps gradient collectives in front of the compute that hides them.
  return architecture === 'blackwell' ? [] : [[name, '1']];
};

/** Multiprocessors that norms leave to the collectives beside them. */
const normMargin: readonly Variable[] = [
  ['NVTE_FWD_LAYERNORM_SM_MARGIN', '16'],
  ['NVTE_BWD_LAYERNORM_SM_MARGIN', '16'],
];

const hybridVariables = (strategy: Strategy, cluster: Cluster): readonly Variable[] => {
  const perNode = Math.min(...cluster.groups.map((group) => group.perNode));
  const domain = cluster.domain ?? perNode;
  const ranks = Math.min(strategy.expert * strategy.expertTensor, domain);
  return [
    ['NUM_OF_HYBRID_EP_RANKS_PER_NVLINK_DOMAIN', String(ranks)],
    ['NVLINK_DOMAIN_SIZE', String(domain)],
    ...(domain > perNode ? [['USE_MNNVL', '1'] as const] : []),
  ];
};

/**
 * Environment that the strategy needs, sorted by name within its cause.
 * Sources: connectionsRule; NVIDIA-NeMo/Megatron-Bridge @ 067f987d (recipes per layout: HybridEP's domains, allocator);
 * Megatron's functional tests (norm margins).
 */
export const environmentOf = (
  strategy: Strategy,
  cluster: Cluster,
  model: Model,
  architecture: AcceleratorArchitecture,
): readonly Variable[] => [
  ...connectionVariables(strategy, architecture),
  ...(strategy.overlapTensor || strategy.overlapParameters || strategy.overlapExpert ? normMargin : []),
  ...(strategy.dispatcher === 'hybridep' && hasExperts(model) ? hybridVariables(strategy, cluster) : []),
  ['PYTORCH_CUDA_ALLOC_CONF', 'expandable_segments:True'],
  ['TORCH_NCCL_AVOID_RECORD_STREAMS', '1'],
];
