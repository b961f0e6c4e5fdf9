import type { AcceleratorArchitecture } from '../../cluster/cluster.ts';
import type { Strategy } from '../../strategy/strategy.ts';

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
