/** From what a benchmark prints to what a link carries. */
import type { Collective } from './links-reading.ts';

/** Bus over algorithm bandwidth for n ranks. Source: NVIDIA/nccl-tests doc/PERFORMANCE.md. */
export const busFactor = (collective: Collective, ranks: number): number => {
  switch (collective) {
    case 'all-reduce':
      return (2 * (ranks - 1)) / ranks;
    case 'all-gather':
    case 'reduce-scatter':
    case 'all-to-all':
      return (ranks - 1) / ranks;
    case 'sendrecv':
    case 'broadcast':
    case 'reduce':
      return 1;
  }
};

/**
 * What a node sends to others, over the bus bandwidth b of a test with G ranks on each of N nodes. A ring crosses each
 * node boundary at b, whatever G. In an all-to-all of n = N·G ranks a rank's share for each peer leaves the node
 * G·(n−G) times: b·G·(n−G)∕(n−1). In sendrecv one flow of b crosses.
 */
export const nodeRate = (collective: Collective, nodes: number, perNode: number): number => {
  const ranks = nodes * perNode;
  return collective === 'all-to-all' ? (perNode * (ranks - perNode)) / (ranks - 1) : 1;
};
