import { readFileSync, readdirSync } from 'node:fs';
import { readPlacementFile } from '../../src/ingest/expert-placement.ts';
import { addSnapshots, readRoutingSnapshots } from '../../src/ingest/routing-counts.ts';
import { assignChain, chainCost } from '../../src/placement/chain-assignment.ts';
import type { LayerPlacement } from '../../src/placement/layer-problem.ts';
import {
  applyAssignment,
  clusterFlows,
  imbalanceObjective,
  optimalClusters,
} from '../../src/placement/moetuner.ts';
import { maxOverMean } from '../../src/placement/score.ts';
import { solveLayer } from '../../src/placement/solve-layer.ts';
import { proveLayer } from '../../src/placement/balance-milp.ts';
import { loadHighs } from '../../src/solver/highs.ts';
import { dataPath } from '../../test/shared-data.ts';
import { contiguous, line, mean, problemOf } from './measured.ts';

const json = (file: string): unknown => JSON.parse(readFileSync(dataPath('moe-routing', file), 'utf8'));

const DOMAINS = ['arxiv', 'book', 'c4', 'wikipedia'];
/** MoETuner: links between nodes are nine times slower than inside. */
const prices = (perNode: number) => ({ perNode, insideNode: 1, betweenNodes: 9 });

/** Mixtral-8x7B, layers 0, 7 and 15: MoETuner's objectives and ours, both proven. */
export const moetunerSection = async (): Promise<void> => {
  const highs = await loadHighs();
  console.log(
    '\nMoETuner: Mixtral-8x7B, layers 0/7/15 of the OLMoE repository; ILP 1 = sum |T - mean| in % of the load, ILP 2 = sum over steps',
  );
  line(['', 'GPUs/nodes', 'ILP 1', 'max/mean', 'ILP 2 sum', 'ILP 2 max', 'proven']);
  for (const [gpus, perNode] of [
    [4, 4],
    [4, 2],
    [8, 8],
    [8, 4],
  ] as const)
    for (const domain of DOMAINS) {
      const counts = json(`allenai__OLMoE/json/mistral.expert_counts.${domain}.json`) as number[][];
      const cross = json(
        `allenai__OLMoE/json/mistral.expert_counts_crosslayer.${domain}.json`,
      ) as number[][][];
      const steps = cross.map((matrix) => ({ experts: 8, counts: matrix.flat() }));
      const speeds = new Array<number>(gpus).fill(1);
      const report = (
        name: string,
        clusters: readonly LayerPlacement[],
        renumber: boolean,
        proven: boolean,
      ): void => {
        const flows = clusterFlows(steps, clusters);
        const identity = clusters.map((layer) => layer.map((_, cluster) => cluster));
        const sum = renumber ? assignChain(flows, prices(perNode), 'sum') : { gpus: identity, exact: true };
        const max = renumber ? assignChain(flows, prices(perNode), 'max') : { gpus: identity, exact: true };
        const objective = mean(
          clusters.map(
            (layer, index) =>
              imbalanceObjective(counts[index] ?? [], layer) /
              (counts[index] ?? []).reduce((a, b) => a + b, 0),
          ),
        );
        line([
          `${domain}, ${name}`,
          `${gpus}/${gpus / perNode}`,
          (100 * objective).toFixed(3),
          mean(
            applyAssignment(clusters, sum.gpus).map((layer, index) =>
              maxOverMean(counts[index] ?? [], layer, speeds),
            ),
          ).toFixed(4),
          chainCost(flows, sum.gpus, prices(perNode), 'sum').toFixed(0),
          chainCost(flows, max.gpus, prices(perNode), 'max').toFixed(0),
          proven ? `${sum.exact ? 'sum' : ''}${max.exact ? '+max' : ''}` : '',
        ]);
      };
      report(
        'contiguous',
        counts.map(() => contiguous(8, gpus)),
        false,
        false,
      );
      report(
        'as printed',
        counts.map((loads) => optimalClusters(loads, gpus, 'printed')),
        true,
        true,
      );
      report(
        'mended',
        counts.map((loads) => optimalClusters(loads, gpus, 'mended')),
        true,
        true,
      );
      const ours = counts.map((loads) => {
        const problem = problemOf([loads], 8, gpus);
        const { placement, value, bound } = solveLayer(
          problem,
          { kicks: 50, tolerance: 1e-9, seed: 1 },
          null,
        );
        return { ...proveLayer(problem, { placement, value, bound: bound.value }, highs, 100_000) };
      });
      report(
        'planner (min-max)',
        ours.map(({ placement }) => placement),
        true,
        ours.every(({ value, bound }) => value / bound - 1 < 1e-5),
      );
    }
};

/** ExFlow's published placements of Mixtral-8x7B, by the code that scores ours. */
export const exflowSection = (): void => {
  const folder = dataPath('moe-routing', 'YJHMITWEB__ExFlow', 'solutions');
  const source = {
    name: 'D2MoE',
    text: readFileSync(
      dataPath('moe-routing', 'lliai__D2MoE/results/mixtral/mixtral_wikitext_20000_expert_frequencies.json'),
      'utf8',
    ),
  };
  const read = readRoutingSnapshots(source);
  if (!read.ok) throw new Error(read.diagnostics[0]?.message);
  const counts = addSnapshots(read.value);
  console.log(
    '\nExFlow: published placements of Mixtral-8x7B (32 layers); loads of D2MoE, transitions 0-7-15 of the OLMoE repository (c4)',
  );
  line(['', 'GPUs', 'max/mean', 'same GPU 0-7', 'same GPU 7-15', 'contiguous', 'planner']);
  const cross = json('allenai__OLMoE/json/mistral.expert_counts_crosslayer.c4.json') as number[][][];
  for (const file of readdirSync(folder).sort()) {
    const gpus = Number(/intra(\d+)/u.exec(file)?.[1] ?? 4);
    const read = readPlacementFile(
      { name: file, text: readFileSync(`${folder}/${file}`, 'utf8') },
      { experts: 8, gpus, slots: null },
    );
    if (!read.ok) throw new Error(read.diagnostics[0]?.message);
    const placements = read.value.layers.map(({ placement }) => placement);
    const speeds = new Array<number>(gpus).fill(1);
    const value = (of: (layer: number) => LayerPlacement): number =>
      mean(counts.map((loads, layer) => maxOverMean(loads, of(layer), speeds)));
    const same = (step: number, from: number, to: number): string => {
      const flow =
        clusterFlows(
          [{ experts: 8, counts: (cross[step] ?? []).flat() }],
          [placements[from] ?? [], placements[to] ?? []],
        )[0] ?? [];
      const total = flow.flat().reduce((sum, count) => sum + count, 0);
      return `${((100 * flow.reduce((sum, row, gpu) => sum + (row[gpu] ?? 0), 0)) / total).toFixed(1)} %`;
    };
    line([
      `${gpus} GPUs`,
      gpus,
      value((layer) => placements[layer] ?? []).toFixed(3),
      same(0, 0, 7),
      same(1, 7, 15),
      value(() => contiguous(8, gpus)).toFixed(3),
      mean(
        counts.map(
          (loads) =>
            solveLayer(problemOf([loads], 8, gpus), { kicks: 20, tolerance: 1e-6, seed: 1 }, null).value,
        ),
      ).toFixed(3),
    ]);
  }
};
