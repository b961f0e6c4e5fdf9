import { readRoutingTrace } from '../../src/ingest/routing-trace.ts';
import { assignChain } from '../../src/placement/chain-assignment.ts';
import type { LayerPlacement } from '../../src/placement/layer-problem.ts';
import { applyAssignment, clusterFlows } from '../../src/placement/moetuner.ts';
import { effortLimits, placeLayers } from '../../src/placement/place.ts';
import type { PlacementTask } from '../../src/placement/placement.ts';
import { planPlacement } from '../../src/placement/plan-placement.ts';
import { maxOverMean } from '../../src/placement/score.ts';
import {
  gpuOfExperts,
  layerTraffic,
  transitionCounts,
  transitionShares,
} from '../../src/placement/traffic.ts';
import { sliceTrace, traceLoads } from '../../src/plan/routing-trace.ts';
import type { RoutingTrace } from '../../src/plan/routing-trace.ts';
import { dataPath } from '../../test/shared-data.ts';
import { contiguous, cpuSeconds, line, mean } from './measured.ts';

const measure = (
  name: string,
  test: RoutingTrace,
  placements: readonly LayerPlacement[],
  perNode: number,
  cpu: number,
): void => {
  const gpuOf = placements.map((placement) => gpuOfExperts(placement, test.experts) ?? new Int32Array());
  const speeds = (placements[0] ?? []).map(() => 1);
  const loads = mean(
    placements.map((placement, column) => maxOverMean(traceLoads(test, column), placement, speeds)),
  );
  const traffic = gpuOf.map((gpus, column) => layerTraffic(test, column, gpus, perNode));
  const shares = transitionShares(transitionCounts(test), gpuOf, perNode);
  line([
    name,
    loads.toFixed(3),
    mean(traffic.map(({ nodesPerToken }) => nodesPerToken)).toFixed(3),
    mean(traffic.map(({ gpusPerToken }) => gpusPerToken)).toFixed(2),
    `${(100 * shares.sameGpu).toFixed(1)} %`,
    `${(100 * shares.sameNode).toFixed(1)} %`,
    cpu.toFixed(1),
  ]);
};

const section = (name: string, trace: RoutingTrace, gpus: number, perNode: number): void => {
  const half = Math.floor(trace.tokens / 2);
  const train = sliceTrace(trace, 0, half);
  const test = sliceTrace(trace, half, trace.tokens);
  const task: PlacementTask = {
    layers: trace.layers.map((layer, column) => ({ layer, scenarios: [traceLoads(train, column)] })),
    experts: trace.experts,
    gpus: {
      slots: new Array<number>(gpus).fill(trace.experts / gpus),
      perNode,
      speeds: new Array<number>(gpus).fill(1),
    },
    replicas: trace.experts,
    groups: null,
    objective: 'joint',
    over: 'mean',
  };
  const limits = effortLimits('normal', 1);
  console.log(
    `\nLocality: ${name}, ${gpus} GPUs on ${gpus / perNode} nodes; first half plans, second half tests`,
  );
  line(['', 'max/mean', 'nodes/token', 'GPUs/token', 'same GPU', 'same node', 'CPU s']);
  measure(
    'contiguous',
    test,
    trace.layers.map(() => contiguous(trace.experts, gpus)),
    perNode,
    0,
  );
  const balanced = placeLayers(task, limits).map(({ placement }) => placement);
  measure('balance only', test, balanced, perNode, 0);
  let before = cpuSeconds();
  const steps = transitionCounts(train).map((counts) => ({ experts: trace.experts, counts }));
  const assigned = assignChain(
    clusterFlows(steps, balanced),
    { perNode, insideNode: 1, betweenNodes: 9 },
    'sum',
  );
  measure(
    `MoETuner, two stages${assigned.exact ? '' : ' (2nd not proven)'}`,
    test,
    applyAssignment(balanced, assigned.gpus),
    perNode,
    cpuSeconds() - before,
  );
  for (const communication of ['per_layer', 'coherent'] as const)
    for (const slack of [0.01, 0.02, 0.05]) {
      before = cpuSeconds();
      const planned = planPlacement(task, limits, { trace: train, communication, slack, cluster: null });
      measure(
        `${communication}, slack ${slack}`,
        test,
        planned.map(({ placement }) => placement),
        perNode,
        cpuSeconds() - before,
      );
    }
};

/** DeepSeek-V2-Lite traces of ESFT: nodes and GPUs a token reaches, and what stays where it is. */
export const localitySection = (): void => {
  for (const task of ['intent', 'summary', 'translation']) {
    const file = dataPath('moe-routing', 'deepseek-ai__ESFT', 'trace', `${task}.topk.json`);
    const read = readRoutingTrace(file, task, 64_000_000);
    if (!read.ok) throw new Error(read.diagnostics[0]?.message);
    section(task, read.value, 16, 4);
    if (task === 'intent') section(task, read.value, 8, 4);
  }
};
