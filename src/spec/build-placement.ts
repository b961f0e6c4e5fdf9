/** The placement section: loads, GPUs, slots, what is minimised. */
import type { Cluster } from '../cluster/cluster.ts';
import type { PlacementSpec } from '../formats/spec.ts';
import { isDataMap } from '../ingest/document.ts';
import type { Data } from '../ingest/document.ts';
import { readGpuSpeeds } from '../ingest/expert-speeds.ts';
import type { Model } from '../model/model.ts';
import { impossibility } from '../placement/layer-problem.ts';
import { layerProblem } from '../placement/place.ts';
import type { PlacementGpus, PlacementObjective, PlacementTask } from '../placement/placement.ts';
import type { RoutingTrace } from '../plan/routing-trace.ts';
import { parseQuantity } from '../quantity.ts';
import type { BuildContext } from './build-context.ts';
import { buildLoads } from './placement-loads.ts';
import type { PlacementLoads } from './placement-loads.ts';

const PLACEMENT = '/placement';

/** All that `planner place` needs. */
export interface PlacementInput {
  readonly task: PlacementTask;
  /** Count files, or the trace that was counted. */
  readonly scenarios: readonly string[];
  readonly countFiles: readonly string[];
  readonly traceFile: string | null;
  readonly trace: RoutingTrace | null;
  /** Rows of the counts, dense layers included. */
  readonly rows: number;
  readonly communication: 'per_layer' | 'coherent';
  readonly loadSlack: number;
  readonly cluster: Cluster | null;
  readonly model: Model | null;
  /** Bytes of one expert in one layer; null where nothing says. */
  readonly expertBytes: number | null;
  readonly notes: readonly string[];
}

const BYTES_16_BIT = 2;

/** Up, (gate) and down projection of one expert, in 16-bit numbers; null for a dense model. */
export const expertBytesOf = (model: Model): number | null => {
  for (const { feedForward } of model.kinds) {
    if (feedForward.kind !== 'moe') continue;
    const width = feedForward.latent ?? model.hidden;
    return (feedForward.gated ? 3 : 2) * width * feedForward.expertWidth * BYTES_16_BIT;
  }
  return null;
};

const sizeOf = (value: number | string | undefined): number | null => {
  if (value === undefined) return null;
  const parsed = parseQuantity(value, 'size');
  return parsed.ok ? parsed.value : null;
};

const buildGpus = (
  spec: PlacementSpec,
  cluster: Cluster | null,
  experts: number,
  context: BuildContext,
): PlacementGpus | null => {
  const gpus = spec.expert_parallel;
  const replicas = experts + (spec.redundant_experts ?? 0);
  const perNode = Math.min(gpus, spec.per_node ?? cluster?.groups[0]?.perNode ?? 8);
  let slots: readonly number[];
  if (spec.slots === undefined) {
    if (replicas % gpus !== 0) {
      const extra = Math.ceil(replicas / gpus) * gpus - experts;
      context.error(
        `${PLACEMENT}/${spec.redundant_experts === undefined ? 'expert_parallel' : 'redundant_experts'}`,
        'placement/indivisible',
        `${String(replicas)} experts with the redundant ones do not divide among ${String(gpus)} GPUs; redundant_experts: ${String(extra)} would`,
      );
      return null;
    }
    slots = new Array<number>(gpus).fill(replicas / gpus);
  } else {
    slots = spec.slots;
    const total = slots.reduce((sum, count) => sum + count, 0);
    if (slots.length !== gpus || total !== replicas) {
      context.error(
        `${PLACEMENT}/slots`,
        'placement/slots',
        `expected ${String(gpus)} numbers that sum to ${String(replicas)}, found ${String(slots.length)} that sum to ${String(total)}`,
      );
      return null;
    }
  }
  const at = `${PLACEMENT}/gpu_speeds`;
  if (spec.gpu_speeds === undefined) return { slots, perNode, speeds: new Array<number>(gpus).fill(1) };
  const source = context.readReference(spec.gpu_speeds, at);
  const speeds = source === null ? null : context.takeReference(readGpuSpeeds(source, gpus), at);
  return speeds === null ? null : { slots, perNode, speeds };
};

const checkGroups = (
  spec: PlacementSpec,
  experts: number,
  gpus: PlacementGpus,
  context: BuildContext,
): boolean => {
  const { groups } = spec;
  if (groups === undefined) return true;
  const nodes = gpus.slots.length / gpus.perNode;
  const at = `${PLACEMENT}/groups`;
  const fail = (message: string): false => {
    context.error(at, 'placement/groups', message);
    return false;
  };
  if (experts % groups !== 0)
    return fail(`${String(experts)} experts do not divide into ${String(groups)} groups`);
  if (!Number.isInteger(nodes))
    return fail(
      `${String(gpus.slots.length)} GPUs do not fill nodes of ${String(gpus.perNode)}: groups cannot be kept on a node`,
    );
  if (groups % nodes !== 0)
    return fail(`${String(groups)} groups do not divide among ${String(nodes)} nodes`);
  const perNode = Array.from({ length: nodes }, (_, node) =>
    gpus.slots.slice(node * gpus.perNode, (node + 1) * gpus.perNode).reduce((sum, count) => sum + count, 0),
  );
  const own = experts / nodes;
  if (perNode.some((slots) => slots < own))
    return fail(`a node has fewer slots than the ${String(own)} experts of its groups`);
  if (gpus.slots.some((count) => count > own))
    return fail(
      `a GPU has more slots than the ${String(own)} experts of its node's groups: it would hold one twice`,
    );
  return true;
};

const checkMemory = (
  spec: PlacementSpec,
  gpus: PlacementGpus,
  layers: number,
  expertBytes: number | null,
  context: BuildContext,
): boolean => {
  const memory = sizeOf(spec.memory);
  if (memory === null) return true;
  const at = `${PLACEMENT}/memory`;
  if (expertBytes === null) {
    context.error(
      at,
      'placement/memory',
      'cannot be kept: neither a model nor expert_size says how large an expert is',
    );
    return false;
  }
  const most = Math.max(...gpus.slots);
  const needed = most * layers * expertBytes;
  if (needed <= memory) return true;
  const fits = Math.floor(memory / (layers * expertBytes));
  context.error(
    at,
    'placement/memory',
    `${String(most)} experts in each of ${String(layers)} layers take ${(needed / 2 ** 30).toFixed(1)} GiB of a GPU; ${String(fits)} would fit`,
  );
  return false;
};

/** What traffic is not defined for, and why. */
const LOCALITY_UNFIT: readonly { readonly holds: (spec: PlacementSpec) => boolean; readonly why: string }[] =
  [
    {
      holds: ({ redundant_experts: redundant }) => (redundant ?? 0) > 0,
      why: 'with redundant_experts the system chooses at run time which replica a token takes, so that the placement alone does not say where it goes (balance and robust take replicas)',
    },
    {
      holds: ({ slots }) => slots !== undefined,
      why: 'slots of different numbers leave nothing to exchange one for one',
    },
    {
      holds: ({ groups }) => groups !== undefined,
      why: 'groups bind the experts of a group to one node, and node-limited routing bounds the nodes of a token already',
    },
  ];

const usualObjective = (loads: PlacementLoads): PlacementObjective => {
  if (loads.scenarios.length > 1) return 'robust';
  return loads.trace === null ? 'balance' : 'joint';
};

const checkObjective = (
  objective: PlacementObjective,
  spec: PlacementSpec,
  loads: PlacementLoads,
  context: BuildContext,
): boolean => {
  if (objective !== 'locality' && objective !== 'joint') return true;
  const at = spec.objective === undefined ? PLACEMENT : `${PLACEMENT}/objective`;
  if (loads.trace === null) {
    context.error(
      at,
      'placement/no-trace',
      `${objective} needs traces: counts say nothing about which experts a token takes together`,
    );
    return false;
  }
  const unfit = LOCALITY_UNFIT.find(({ holds }) => holds(spec));
  if (unfit !== undefined) {
    context.error(
      at,
      'placement/locality',
      `${objective} places each expert once, in equal slots: ${unfit.why}`,
    );
    return false;
  }
  if (loads.trace.layers.length !== loads.layers.length) {
    context.error(
      `${PLACEMENT}/traces`,
      'placement/trace',
      `the trace has ${String(loads.trace.layers.length)} layers, the counts ${String(loads.layers.length)}`,
    );
    return false;
  }
  return true;
};

/** null where something is wrong; all of it is in the context. */
export const buildPlacement = (
  data: Data,
  cluster: Cluster | null,
  model: Model | null,
  context: BuildContext,
): PlacementInput | null => {
  if (!isDataMap(data) || !context.isSound(PLACEMENT)) return null;
  const spec = data as unknown as PlacementSpec;
  const loads = buildLoads(spec, context);
  if (loads === null) return null;
  const gpus = buildGpus(spec, cluster, loads.experts, context);
  if (gpus === null || !checkGroups(spec, loads.experts, gpus, context)) return null;
  const expertBytes = sizeOf(spec.expert_size) ?? (model === null ? null : expertBytesOf(model));
  if (!checkMemory(spec, gpus, loads.layers.length, expertBytes, context)) return null;
  const objective = spec.objective ?? usualObjective(loads);
  if (!checkObjective(objective, spec, loads, context)) return null;
  if (loads.scenarios.length === 1 && objective === 'robust')
    context.warning(
      `${PLACEMENT}/objective`,
      'placement/one-scenario',
      'robust with a single count file is balance',
    );
  const task: PlacementTask = {
    layers: loads.layers,
    experts: loads.experts,
    gpus,
    replicas: loads.experts + (spec.redundant_experts ?? 0),
    groups: spec.groups ?? null,
    objective,
    over: spec.robust_over ?? 'mean',
  };
  const first = loads.layers[0];
  const impossible = first === undefined ? 'no layer has any load' : impossibility(layerProblem(first, task));
  if (impossible !== null) {
    context.error(
      `${PLACEMENT}/${spec.redundant_experts === undefined ? 'expert_parallel' : 'redundant_experts'}`,
      'placement/impossible',
      impossible,
    );
    return null;
  }
  return {
    task,
    scenarios: loads.scenarios,
    countFiles: spec.counts ?? [],
    traceFile: spec.traces ?? null,
    trace: loads.trace,
    rows: loads.rows,
    communication: spec.communication ?? 'per_layer',
    loadSlack: spec.load_slack ?? 0.01,
    cluster,
    model,
    expertBytes,
    notes: loads.notes,
  };
};
