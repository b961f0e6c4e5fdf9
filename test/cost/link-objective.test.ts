/** Communication of an order of hosts, by hand: which nodes ring and pass on, how many bytes, over which directed links. */
import { describe, expect, it } from 'vitest';
import { matrixOfRows } from '../../src/cluster/measured-links.ts';
import {
  communicationShape,
  communicationTime,
  pathTime,
  ringTime,
  stageParameters,
} from '../../src/cost/link-objective.ts';
import * as measured from '../../src/cost/measured-pipeline.ts';
import { createCourses } from '../../src/cost/schedule-course.ts';
import type { PipelineInput } from '../../src/cost/stage.ts';
import type { Problem } from '../../src/plan/problem.ts';
import type { Strategy } from '../../src/strategy/strategy.ts';
import { seconds } from '../../src/units.ts';
import { clusterOf, model, moeModel, problemOf, strategyOf } from './fixtures.ts';

const names = ['a', 'b', 'c'];
/** Row: sender. */
const matrix = matrixOfRows(names, [
  [0, 10, 40],
  [20, 0, 30],
  [50, 60, 0],
]);

const course = createCourses();

describe('rings and paths', () => {
  it('a ring takes 2(R−1)∕R of its bytes over the slowest link on its way round', () => {
    // a → b 10, b → c 30, c → a 50; the other way round c → b 60, b → a 20, a → c 40.
    expect(ringTime(matrix, [0, 1, 2], 90)).toBeCloseTo((2 * 2 * 90) / 3 / 10, 12);
    expect(ringTime(matrix, [2, 1, 0], 90)).toBeCloseTo((2 * 2 * 90) / 3 / 20, 12);
    expect(ringTime(matrix, [0, 2], 90)).toBeCloseTo(90 / 40, 12);
    expect(ringTime(matrix, [1], 90)).toBe(0);
  });

  it('a path sums its hops both ways, each over the slowest of the links that it uses', () => {
    const path = [
      [
        { from: 0, to: 1 },
        { from: 2, to: 1 },
      ],
      [{ from: 1, to: 2 }],
    ];
    expect(pathTime(matrix, path, 6, (node) => node)).toBeCloseTo(12 / 10 + 12 / 30, 12);
    // Node i is launched as the i-th of c, a, b.
    expect(pathTime(matrix, path, 6, (node) => [2, 0, 1][node] ?? -1)).toBeCloseTo(12 / 20 + 12 / 10, 12);
    expect(pathTime(matrix, [[]], 6, (node) => node)).toBe(0);
  });

  it('the largest ring and the largest path, in an order of hosts', () => {
    const shape = {
      nodes: 3,
      rings: [
        { nodes: [0, 1], bytes: 100 },
        { nodes: [2], bytes: 1e9 },
        { nodes: [0, 2], bytes: 100 },
      ],
      paths: [[[{ from: 0, to: 1 }]], [[{ from: 1, to: 2 }]]],
      activation: 6,
    };
    // Rings: over 10 and over 40; paths: 12 ∕ 10 and 12 ∕ 30.
    expect(communicationTime(shape, matrix)).toEqual({ data: 10, pipeline: 1.2, total: 11.2 });
    // c, a, b: rings c → a → c at 40 and c → b → c at 30, paths c → a and a → b.
    const moved = communicationTime(shape, matrix, [2, 0, 1]);
    expect(moved.data).toBeCloseTo(100 / 30, 12);
    expect(moved.pipeline).toBeCloseTo(12 / 10, 12);
    expect(moved.total).toBeCloseTo(100 / 30 + 1.2, 12);
  });

  it('a link that must not be used takes for ever', () => {
    const dead = matrixOfRows(
      ['a', 'b'],
      [
        [0, 0],
        [5, 0],
      ],
    );
    expect(ringTime(dead, [0, 1], 1)).toBe(Infinity);
  });
});

// Layers of 4h² + 3·h·4h and two norms; two tables of 32,768 rows and the final norm.
const [LAYER, TABLE] = [16 * 1024 ** 2 + 2048, 32_768 * 1024];

describe('parameters of a replica’s stages', () => {
  it('layers by the partition, embedding first, head last', () => {
    const two = strategyOf({ pipeline: 2 });
    expect(stageParameters(model, two, [[5], [3]])).toEqual([5 * LAYER + TABLE, 3 * LAYER + TABLE + 1024]);
    const interleaved = strategyOf({ pipeline: 2, virtualStages: 2 });
    const chunks = [
      [1, 2],
      [2, 3],
    ];
    expect(stageParameters(model, interleaved, chunks)).toEqual([
      3 * LAYER + TABLE,
      5 * LAYER + TABLE + 1024,
    ]);
    expect(stageParameters(model, strategyOf(), [[8]])).toEqual([8 * LAYER + 2 * TABLE + 1024]);
  });

  it('a tied table is on one stage once, on two twice', () => {
    const tied = { ...model, tiedEmbeddings: true };
    expect(stageParameters(tied, strategyOf(), [[8]])).toEqual([8 * LAYER + TABLE + 1024]);
    expect(stageParameters(tied, strategyOf({ pipeline: 2 }), [[4], [4]])).toEqual([
      4 * LAYER + TABLE,
      4 * LAYER + TABLE + 1024,
    ]);
  });

  it('experts: as many as the ranks of one replica hold', () => {
    const experts = 16 * 3 * 1024 ** 2;
    const stage = (keys: Partial<Strategy>): number =>
      stageParameters(moeModel, strategyOf({ pipeline: 2, ...keys }), [[4], [4]])[0] ?? 0;
    const all = stage({});
    expect(all - stage({ expert: 8 })).toBe((4 * experts * 7) / 8);
    expect(all - stage({ expert: 8, tensor: 2, context: 2 })).toBe((4 * experts) / 2);
    expect(all - stage({ expert: 4, expertTensor: 2 })).toBe((4 * experts * 7) / 8);
    expect(stage({ expert: 2, tensor: 8 })).toBe(all);
  });

  it('each kind by its place', () => {
    const [dense] = model.kinds;
    const [moe] = moeModel.kinds;
    if (dense === undefined || moe === undefined) throw new Error('no kind');
    const mixed = { ...model, kinds: [dense, moe], layers: [0, 1, 1] };
    const [first = 0, second = 0] = stageParameters(mixed, strategyOf({ pipeline: 2 }), [[1], [2]]);
    expect(first).toBe(LAYER + TABLE);
    // 4h², router, 16 experts and two norms each.
    expect(second).toBe(2 * (4 * 1024 ** 2 + 16 * 1024 + 16 * 3 * 1024 ** 2 + 2048) + TABLE + 1024);
  });

  it('refuses a partition of other layers', () => {
    expect(() => stageParameters(model, strategyOf({ pipeline: 2 }), [[4], [3]])).toThrow(
      /holds 7 layers, the model 8/u,
    );
  });
});

describe('where the ranks of a strategy meet', () => {
  const problem: Problem = problemOf({ cluster: clusterOf(4) });
  const shapeOf = (keys: Partial<Strategy>, of = problem, partition = [[4], [4]]) =>
    communicationShape(of, of.cluster, strategyOf(keys), partition);
  const hop = (from: number, to: number) => [[{ from, to }]];

  it('stages of two nodes each, a replica on every second one', () => {
    const shape = shapeOf({ tensor: 8, pipeline: 2, data: 2, microBatchSize: 3 });
    expect(shape.nodes).toBe(4);
    expect(shape.rings).toEqual([
      { nodes: [0, 1], bytes: 4 * (4 * LAYER + TABLE) },
      { nodes: [2, 3], bytes: 4 * (4 * LAYER + TABLE + 1024) },
    ]);
    expect(shape.paths).toEqual([hop(0, 2), hop(1, 3)]);
    expect(shape.activation).toBe(3 * 4096 * 1024 * 2);
  });

  it('pipelines inside data: neighbours', () => {
    const shape = shapeOf({ tensor: 8, expertTensor: 8, pipeline: 2, data: 2, rankOrder: 'tp-cp-ep-pp-dp' });
    expect(shape.rings.map(({ nodes }) => nodes)).toEqual([
      [0, 2],
      [1, 3],
    ]);
    expect(shape.paths).toEqual([hop(0, 1), hop(2, 3)]);
  });

  it('replicas that share their links are one', () => {
    expect(shapeOf({ tensor: 4, pipeline: 2, data: 4 }).paths).toEqual([hop(0, 2), hop(1, 3)]);
  });

  it('a replica over several nodes uses a link for each', () => {
    const wide = shapeOf({ tensor: 8, context: 2, pipeline: 2, data: 1 });
    expect(wide.paths).toEqual([
      [
        [
          { from: 0, to: 2 },
          { from: 1, to: 3 },
        ],
      ],
    ]);
  });

  it('stages on one node pass nothing on over the network', () => {
    const inside = shapeOf({ tensor: 2, pipeline: 2, data: 2 });
    expect(inside.nodes).toBe(1);
    expect(inside.paths).toEqual([[[]]]);
  });

  it('gradients in half precision are half as many bytes', () => {
    const half = problemOf(
      { cluster: clusterOf(4) },
      { optimizer: { name: 'adam', states: 'fp32', gradients: 'bf16', mainParameters: 'fp32' } },
    );
    expect(shapeOf({ tensor: 8, pipeline: 2, data: 2 }, half).rings[0]?.bytes).toBe(2 * (4 * LAYER + TABLE));
  });

  it('ranks that exceed the cluster are refused', () => {
    expect(() => shapeOf({ tensor: 8, pipeline: 2, data: 4 })).toThrow(RangeError);
  });
});

describe('replicas over measured links', () => {
  const replica = (down: number, up: number, change: Partial<PipelineInput> = {}): PipelineInput => {
    const chunk = { forward: seconds(1), backward: seconds(2), weightGradient: seconds(1) };
    return {
      schedule: '1f1b',
      stages: 2,
      virtualStages: 1,
      microBatches: 1,
      microBatchGroup: 2,
      chunks: [[chunk], [chunk]],
      links: [seconds((down + up) / 2), seconds(0)],
      directed: { down: [seconds(down), seconds(0)], up: [seconds(up), seconds(0)] },
      blocking: false,
      ...change,
    };
  };

  it('one micro-batch: forward, the link, forward, backward, the link back, backward', () => {
    const one = measured.measuredPipeline([replica(0.5, 0.25)], course);
    expect(one.makespan).toBeCloseTo(6.75, 12);
    // The second stage is done at 4.5, the first at the end.
    expect(one.headStarts.map(Number)).toEqual([0, 2.25]);
    expect(measured.measuredTransfer(one, course)).toBeCloseTo(0.75, 12);
  });

  it('the slowest replica counts; gradients of a stage wait for its latest', () => {
    const slow = replica(0.5, 4);
    const both = measured.measuredPipeline([replica(3, 0.25), slow, replica(0, 0)], course);
    expect(both.input).toBe(slow);
    expect(both.makespan).toBeCloseTo(10.5, 12);
    // The first replica’s second stage ends at 1 + 3 + 3 = 7, the slow one’s at 4.5.
    expect(both.headStarts.map((time) => Math.round(Number(time) * 1e6) / 1e6)).toEqual([0, 3.5]);
  });

  it('of many replicas the slowest by closed form are simulated', () => {
    const many = Array.from({ length: 20 }, (_, index) => replica(index / 10, index / 10));
    expect(measured.measuredPipeline(many, course).input).toBe(many[19]);
    expect(measured.measuredPipeline(many, course).makespan).toBeCloseTo(6 + 3.8, 12);
  });

  it('schedules without a known order, and vocabulary passes, are judged by their closed forms', () => {
    // ZB-H1: one micro-batch of 3, the bubble f + b − 2W = 1, one wave of transfers both ways.
    const zero = measured.measuredPipeline([replica(0.5, 0.5, { schedule: 'zb-h1' })], course);
    expect(zero.makespan).toBeCloseTo(3 + 1 + 1, 12);
    expect(zero.headStarts.map(Number)).toEqual([0, 0]);
    const passes = { vocabulary: 'vocab-1', vocabularyPasses: [seconds(0.5), seconds(0.5)] } as const;
    expect(measured.measuredPipeline([replica(0.5, 0.5, passes)], course).makespan).toBeCloseTo(7 + 1, 12);
    const redistributed = replica(0.5, 0.25, { vocabulary: 'redistributed' });
    expect(measured.measuredPipeline([redistributed], course).makespan).toBeCloseTo(6.75, 12);
  });

  it('needs one', () => {
    expect(() => measured.measuredPipeline([], course)).toThrow(RangeError);
  });
});
