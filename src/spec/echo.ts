/** The SPEC after defaults and presets, as results carry it. */
import type { Accelerator, Cluster, IntraNodeLink, NodeGroup, Nics } from '../cluster/cluster.ts';
import { isPreset, readAccelerator, readIntraNodeLink, readNic } from '../ingest/presets.ts';
import type { Problem, Routing, SearchOptions, Training } from '../plan/problem.ts';
import { keyOfField } from '../strategy/keys.ts';
import type { Strategy } from '../strategy/strategy.ts';

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
type JsonMap = Readonly<Record<string, Json>>;

const echoAccelerator = (accelerator: Accelerator): Json => {
  const { name } = accelerator;
  if (isPreset('accelerator', name) && readAccelerator(name).accelerator === accelerator) return name;
  return {
    name,
    architecture: accelerator.architecture,
    memory: accelerator.memory,
    memory_bandwidth: accelerator.memoryBandwidth,
    multiprocessors: accelerator.multiprocessors,
    peak: { ...accelerator.peak },
  };
};

const echoIntraNode = (link: IntraNodeLink): Json => {
  if (isPreset('intra-node', link.name) && readIntraNodeLink(link.name) === link) return link.name;
  return { name: link.name, kind: link.kind, bandwidth: link.bandwidth, latency: link.latency };
};

const echoNics = (nics: Nics): Json => {
  const { name, count, bandwidth, latency, kind } = nics;
  if (isPreset('nic', name)) {
    const preset = readNic(name);
    if (preset.bandwidth === bandwidth && preset.latency === latency && preset.kind === kind)
      return { count, link: name };
  }
  return { name, count, bandwidth, latency, kind };
};

const echoGroup = (group: NodeGroup): Json => ({
  count: group.count,
  ...(group.hosts === null ? {} : { hosts: group.hosts }),
  accelerator: echoAccelerator(group.accelerator),
  per_node: group.perNode,
  intra_node: echoIntraNode(group.intraNode),
  nics: echoNics(group.nics),
  ...(group.pricePerHour === null ? {} : { price_per_hour: group.pricePerHour }),
});

const echoCluster = (cluster: Cluster): JsonMap => ({
  name: cluster.name,
  nodes: cluster.groups.map(echoGroup),
  network: {
    ...(cluster.domain === null ? {} : { domain: cluster.domain }),
    tiers: cluster.tiers.map(({ name, nodes, oversubscription }) => ({
      name,
      ...(nodes === null ? {} : { nodes }),
      oversubscription,
    })),
  },
});

const echoRouting = (routing: Routing): JsonMap =>
  routing.kind === 'balanced'
    ? { routing: 'balanced' }
    : { routing: routing.file, expert_placement: routing.placement };

const echoTraining = (training: Training): JsonMap => ({
  runtime: `${training.runtime.name}@${training.runtime.version}`,
  sequence_length: training.sequenceLength,
  global_batch_size: training.globalBatchSize,
  precision: training.precision,
  attention_kernel: training.attentionKernel,
  optimizer: {
    name: training.optimizer.name,
    states: training.optimizer.states,
    gradients: training.optimizer.gradients,
    main_parameters: training.optimizer.mainParameters,
  },
  ...echoRouting(training.routing),
  ...(training.tokens === null ? {} : { tokens: training.tokens }),
});

/** Keys of one value as `fix`, those of several as `limit`. */
const echoSearch = (search: SearchOptions): JsonMap => {
  const limits = Object.entries(search.limits).map(
    ([field, values]) => [keyOfField(field as keyof Strategy), values] as const,
  );
  return {
    objective: search.objective,
    top: search.top,
    fix: Object.fromEntries(
      limits.flatMap(([key, [first, ...rest]]) =>
        rest.length === 0 && first !== undefined ? [[key, first]] : [],
      ),
    ),
    limit: Object.fromEntries(limits.filter(([, values]) => values.length !== 1)),
    memory_reserve: search.memoryReserve,
    dedication: search.dedication,
    dedication_objective: search.dedicationObjective,
  };
};

/** Parts of a config.json that are longer describe weights, not the architecture (lists of quantised modules). */
const MAXIMUM_PART = 4000;

/** As JSON carries it; null for what JSON cannot say (1e400 in a key that planner does not read). */
const echoModel = ({ model, modelConfig }: Problem): Json => {
  if (modelConfig === undefined) return model.name;
  const parts = Object.entries(modelConfig).flatMap(([key, value]) => {
    const text = JSON.stringify(value) as string | undefined;
    return text === undefined || text.length > MAXIMUM_PART ? [] : [[key, JSON.parse(text) as Json] as const];
  });
  return { ...Object.fromEntries(parts), name: model.name };
};

/**
 * The SPEC after defaults and presets: presets under their names, everything else by its figures in base units. Fed back
 * as a SPEC beside the files that it names it states the same problem; measured links are not repeated.
 */
export const echoProblem = (problem: Problem): JsonMap => ({
  cluster: echoCluster(problem.cluster),
  model: echoModel(problem),
  training: echoTraining(problem.training),
  search: echoSearch(problem.search),
});
