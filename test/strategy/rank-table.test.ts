import { describe, expect, it } from 'vitest';
import { rankTable } from '../../src/strategy/rank-table.ts';
import { cluster, nodes } from '../cluster/sample-cluster.ts';
import { strategy } from './sample-strategy.ts';

// By hand: rank = tp + 2·cp + 4·dp + 8·pp in the dense grid, etp + ep·1 + 4·edp + 8·pp in the expert grid.
const layout = strategy({ tensor: 2, context: 2, data: 2, pipeline: 2, expert: 4, expertTensor: 1 });
const sixteen = cluster([nodes(3, { perNode: 4 }), nodes(1, { perNode: 8 })]);

describe('rank table', () => {
  it('places ranks on nodes in order and names their coordinates in both grids', () => {
    const rows = rankTable(sixteen, { strategy: layout, hosts: null, devices: null });
    expect(rows).toHaveLength(16);
    expect(rows[7]).toEqual({
      rank: 7,
      node: 1,
      gpu: 3,
      tensor: 1,
      context: 1,
      data: 1,
      pipeline: 0,
      expertTensor: 0,
      expert: 3,
      expertData: 1,
    });
    expect(rows[14]).toEqual({
      rank: 14,
      node: 3,
      gpu: 2,
      tensor: 0,
      context: 1,
      data: 1,
      pipeline: 1,
      expertTensor: 0,
      expert: 2,
      expertData: 1,
    });
  });

  it('follows the order of hosts and of devices', () => {
    const rows = rankTable(sixteen, {
      strategy: layout,
      hosts: [3, 1, 0, 2],
      devices: [
        [7, 6, 5, 4, 3, 2, 1, 0],
        [2, 3, 0, 1],
        [0, 1, 2, 3],
        [0, 1, 2, 3],
      ],
    });
    expect(rows.slice(0, 9).map(({ node, gpu }) => [node, gpu])).toEqual([
      [3, 7],
      [3, 6],
      [3, 5],
      [3, 4],
      [3, 3],
      [3, 2],
      [3, 1],
      [3, 0],
      [1, 2],
    ]);
    expect(rows.at(-1)).toMatchObject({ rank: 15, node: 0, gpu: 3 });
  });

  it('places a dense model whose pipeline runs inside data, although it states no expert grid', () => {
    // By hand: rank = tp + 2·pp + 4·dp.
    const dense = strategy({ tensor: 2, data: 2, pipeline: 2, rankOrder: 'tp-cp-ep-pp-dp' });
    const rows = rankTable(sixteen, { strategy: dense, hosts: null, devices: null });
    expect(rows.map(({ tensor, pipeline, data }) => [tensor, pipeline, data])).toEqual([
      [0, 0, 0],
      [1, 0, 0],
      [0, 1, 0],
      [1, 1, 0],
      [0, 0, 1],
      [1, 0, 1],
      [0, 1, 1],
      [1, 1, 1],
    ]);
  });

  it('refuses more ranks than GPUs and grids that do not fit', () => {
    const small = cluster([nodes(1)]);
    expect(() => rankTable(small, { strategy: layout, hosts: null, devices: null })).toThrow(
      '16 ranks on 8 GPUs',
    );
    const odd = strategy({ tensor: 2, data: 3, expert: 4 });
    expect(() => rankTable(small, { strategy: odd, hosts: null, devices: null })).toThrow('expert replicas');
  });
});
