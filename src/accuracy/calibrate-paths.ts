/** Which constants of a calibration runs and probes of a machine may change, and how far they are believed already. */
import { softwareProfile } from '../runtimes/time-behaviour.ts';
import type { Cluster } from '../cluster/cluster.ts';
import type { Calibration } from '../cost/calibration.ts';
import { machineOf } from '../cost/machine.ts';
import type { Training } from '../plan/problem.ts';
import type { Path, Tree } from './fit-parameters.ts';

const ACCELERATOR =
  'sustained elementwise attention/triton/0 attention/flash1/0 attention/flash2/0 attention/flash3/0 attention/cudnn/0 attention/cudnn-v9/0 batched_gemm batched_gemm_misaligned expert_overhead expert_cast recurrence';
const LINK = 'reduce gather all_to_all token_exchange point_to_point step';
const RUNTIME =
  'host_dense host_moe host_expert host_fused_dispatcher host_expert_overlap host_attention_graph traffic eager_traffic unfused_norm loss_bytes accumulation_bytes tensor_exposed tensor_overlap_exposed data_exposed fsdp_node fsdp_network expert_overlap optimizer_parameter optimizer_shard offload_seconds iteration_overhead gather_host';

const pathsOf = (section: string, entry: string, names: string): readonly Path[] =>
  names
    .split(' ')
    .map((name) => [
      section,
      entry,
      ...name.split('/').map((part) => (/^\d$/.test(part) ? Number(part) : part)),
    ]);

const isTree = (value: unknown): value is Tree => typeof value === 'object' && value !== null;

/** An entry with everything that it inherits. */
const whole = (section: Tree, name: string): Tree => {
  const own = section[name] as Tree;
  const parent = own['extends'];
  return { ...(typeof parent === 'string' ? whole(section, parent) : {}), ...own };
};

/** Key of the entry that holds for an accelerator: by name, else by architecture. */
const entryOf = (
  root: Tree,
  accelerator: { readonly name: string; readonly architecture: string },
): string => {
  const entries = root['accelerators'] as Tree;
  const named = Object.keys(entries).find((key) => {
    const names = (entries[key] as Tree)['names'];
    return Array.isArray(names) && names.includes(accelerator.name);
  });
  const fallback = root['fallback'] as Readonly<Record<string, string>>;
  return named ?? fallback[accelerator.architecture] ?? fallback['other'] ?? '';
};

/**
 * Gives an accelerator an entry of its own, named like it, in place of one that it shares with others: constants of
 * this machine must not move those of its relatives. Changes the tree; returns the key.
 */
export const separateAccelerator = (
  root: Tree,
  accelerator: { readonly name: string; readonly architecture: string },
): string => {
  const entries = root['accelerators'] as Tree;
  const shared = entryOf(root, accelerator);
  if (shared === accelerator.name) return shared;
  const entry = structuredClone(whole(entries, shared));
  delete entry['extends'];
  const before = entries[shared] as Tree;
  const names = before['names'];
  if (Array.isArray(names)) before['names'] = names.filter((name) => name !== accelerator.name);
  entries[accelerator.name] = {
    ...entry,
    names: [accelerator.name],
    source: `planner calibrate, from the constants of ${shared}`,
  };
  return accelerator.name;
};

/** Keys of the link classes inside and between the nodes of a cluster. */
export const linkClasses = (calibration: Calibration, cluster: Cluster): readonly string[] => {
  const used = cluster.groups.flatMap((group) => {
    const machine = machineOf(group, calibration);
    const several = cluster.groups.length > 1 || group.count > 1;
    return [machine.intraNodeConstants, ...(several ? [machine.networkConstants] : [])];
  });
  return Object.entries(calibration.links)
    .filter(([, constants]) => used.includes(constants))
    .map(([key]) => key);
};

export interface Setting {
  readonly cluster: Cluster;
  readonly training: Training;
}

/** Constants of the accelerators, links and software of these settings; accelerators get entries of their own. */
export const touchedPaths = (
  root: Tree,
  calibration: Calibration,
  settings: readonly Setting[],
): readonly Path[] => {
  const accelerators = new Set<string>();
  const links = new Set<string>();
  const profiles = new Set<string>();
  for (const { cluster, training } of settings) {
    for (const { accelerator } of cluster.groups) accelerators.add(separateAccelerator(root, accelerator));
    for (const key of linkClasses(calibration, cluster)) links.add(key);
    profiles.add(softwareProfile(training));
  }
  return [
    ...[...accelerators].flatMap((key) => pathsOf('accelerators', key, ACCELERATOR)),
    ...[...links].flatMap((key) => pathsOf('links', key, LINK)),
    ...[...profiles].flatMap((key) => pathsOf('runtimes', key, RUNTIME)),
  ];
};

export interface ConstantMeaning {
  readonly meaning: string;
  readonly unit: string;
  readonly range: readonly [number, number];
}

const CURVES: Readonly<Record<string, readonly string[]>> = {
  gemm: ['gemm_efficiency', 'gemm_depth'],
  attention: ['attention_rate', 'attention_half_length', 'attention_backward'],
};

/** What the file says of a constant. */
export const meaningOf = (root: Tree, path: Path): ConstantMeaning => {
  const [section, , name, , index] = path;
  const key = CURVES[String(name)]?.[Number(index)] ?? String(name);
  const meanings = (root['constants'] as Tree)[String(section)];
  const found = isTree(meanings) ? meanings[key] : undefined;
  if (!isTree(found)) throw new Error(`constants.${String(section)}.${key} has no meaning`);
  return found as unknown as ConstantMeaning;
};

/**
 * Standard deviation of the logarithm of a constant before runs of a machine are seen: shares of a peak differ by a
 * seventh between machines of one kind, counts by a quarter, times and bytes by a half (spread of the same constants
 * over the accelerators and software profiles that ship).
 */
export const priorWidth = (unit: string): number =>
  unit === 'fraction' ? 0.14 : unit === 's' || unit === 'B' ? 0.5 : 0.25;
