/** Each term of the time model switched off through its constants, and what the error becomes. */
import type { Calibration } from '../cost/calibration.ts';
import type { Tree } from './fit-parameters.ts';
import { groupErrors } from './fit-rows.ts';
import type { FitGroup } from './fit-rows.ts';
import { mean, median } from './metrics.ts';
import { softwareProfile } from '../runtimes/time-behaviour.ts';

/** `off`: constants of a section and the value that removes their term. Values may lie outside the plausible ranges. */
export interface Term {
  readonly name: string;
  readonly section: 'accelerators' | 'links' | 'runtimes';
  readonly off: Readonly<Record<string, number>>;
  /** What keeps a term that measurements at hand do not show: something that users choose, and who measured it. */
  readonly kept?: string;
}

const VAST = 1e12;

const term = (
  name: string,
  section: Term['section'],
  off: Readonly<Record<string, number>>,
  kept?: string,
): Term => ({ name, section, off, ...(kept === undefined ? {} : { kept }) });

export const TERMS: readonly Term[] = [
  term('depth of matrix products', 'accelerators', { 'gemm/*/1': 0 }),
  term('clocks under load', 'accelerators', { sustained: 1 }),
  term('shortest time of a kernel', 'accelerators', { kernel_floor: 0 }),
  term('attention slower on short sequences', 'accelerators', { 'attention/*/1': 0 }),
  term('attention', 'accelerators', {
    'attention/*/0': VAST,
    batched_gemm: VAST,
    batched_gemm_misaligned: VAST,
  }),
  term('memory-bound operators, casts, accumulation', 'accelerators', { elementwise: VAST }),
  term('bandwidth of loss, weights, optimizer, token permutation', 'accelerators', { streaming: VAST }),
  term('fixed time per local expert', 'accelerators', { expert_overhead: 0 }),
  term('casts of each local expert', 'accelerators', { expert_cast: 0 }),
  term('host time', 'runtimes', { host_dense: 0, host_moe: 0, host_expert: 0 }),
  term('host time per local expert', 'runtimes', { host_expert: 0 }),
  term('host savings by dispatcher, graphs, overlap', 'runtimes', {
    host_fused_dispatcher: 1,
    host_expert_overlap: 1,
    host_attention_graph: 1,
  }),
  term(
    'traffic of eager kernels',
    'runtimes',
    { eager_traffic: 1 },
    'compiling or not: torchtitan runs 16 % faster compiled, on 8 and on 128 H100 (benchmarks, December 2024)',
  ),
  term('unfused norms', 'runtimes', { unfused_norm: 0 }),
  term('dropout on attention scores', 'runtimes', { dropout_score: 0 }),
  term('loss', 'runtimes', { loss_bytes: 0 }),
  term('accumulation of gradients', 'runtimes', { accumulation_bytes: 0 }),
  term('tensor-parallel communication', 'runtimes', {
    tensor_exposed: 0,
    tensor_overlap_exposed: 0,
  }),
  term('overlapped gradients and parameters, exposed share', 'runtimes', { data_exposed: 0 }),
  term('exchange of sharded layers beside compute', 'runtimes', { fsdp_node: 0, fsdp_network: 0 }),
  term(
    'stage transfers',
    'links',
    { point_to_point: VAST },
    'pipelines over slow or measured links: what Pipette (Yim et al. 2024) and AMP (Li et al. 2022) order hosts by',
  ),
  term('exchange by all-to-all', 'links', { all_to_all: VAST }),
  term('token exchange by fused dispatchers', 'links', { token_exchange: VAST }),
  term(
    'imperfect overlap of experts',
    'runtimes',
    { expert_overlap: 0 },
    'overlap hides 37 % of the exchange in a profile of Qwen3 30B (Megatron-Bridge), 87 % by Comet (Zhang et al. 2025)',
  ),
  term('optimizer step', 'runtimes', { optimizer_parameter: 0, optimizer_shard: 0, offload_seconds: 0 }),
  term('time per iteration', 'runtimes', { iteration_overhead: 0 }),
  term('time per ring step', 'links', { step: 0 }),
  term('fixed time of a collective', 'links', { base: 0 }),
  term('protocols of collectives', 'links', { quick: 1, setup: 0 }),
];

const isTree = (value: unknown): value is Tree => typeof value === 'object' && value !== null;

const setAll = (node: unknown, keys: readonly string[], value: number): void => {
  const [key, ...rest] = keys;
  if (!isTree(node) || key === undefined) return;
  for (const name of key === '*' ? Object.keys(node) : [key]) {
    if (rest.length > 0) setAll(node[name], rest, value);
    else if (node[name] !== undefined) node[name] = value;
  }
};

/** A copy of a calibration's tree without a term; its ranges are opened, since a switched-off constant is not plausible. */
export const withoutTerm = (root: Tree, { section, off }: Term): Tree => {
  const copy = structuredClone(root);
  for (const meanings of Object.values(copy['constants'] as Tree))
    for (const meaning of Object.values(meanings as Tree)) (meaning as Tree)['range'] = [0, 2 * VAST];
  for (const entry of Object.values(copy[section] as Tree))
    for (const [path, value] of Object.entries(off)) setAll(entry, path.split('/'), value);
  return copy;
};

export interface Score {
  /** Mean over sources of five rows or more of their median absolute error. */
  readonly plain: number;
  /** The same after one free factor for each pair of accelerator and software: what a refit could mend at least. */
  readonly freed: number;
  /** Mean absolute error of runs with experts after those factors; 0 without such runs. */
  readonly experts: number;
}

const LEAST_ROWS = 5;

const sourceMean = (groups: readonly FitGroup[], errors: readonly (readonly number[])[]): number => {
  const bySource = new Map<string, number[]>();
  groups.forEach((group, g) => {
    group.rows.forEach((row, i) => {
      const list = bySource.get(row.source) ?? [];
      list.push(Math.abs(Math.exp(errors[g]?.[i] ?? 0) - 1));
      bySource.set(row.source, list);
    });
  });
  const medians = [...bySource.values()]
    .filter((list) => list.length >= LEAST_ROWS)
    .flatMap((list) => median(list) ?? []);
  return mean(medians) ?? 0;
};

const machineKey = ({ problem }: FitGroup): string =>
  `${problem.cluster.groups[0]?.accelerator.name ?? ''} ${softwareProfile(problem.training)}`;

const freed = (
  groups: readonly FitGroup[],
  errors: readonly (readonly number[])[],
): readonly (readonly number[])[] => {
  const byMachine = new Map<string, number[]>();
  groups.forEach((group, g) => {
    const list = byMachine.get(machineKey(group)) ?? [];
    list.push(...(errors[g] ?? []));
    byMachine.set(machineKey(group), list);
  });
  return groups.map((group, g) => {
    const shift = median(byMachine.get(machineKey(group)) ?? []) ?? 0;
    return (errors[g] ?? []).map((error) => error - shift);
  });
};

const hasExperts = ({ problem }: FitGroup): boolean =>
  problem.model.kinds.some(({ feedForward }) => feedForward.kind === 'moe');

/** Scores of a calibration on runs. */
export const scoreOf = (groups: readonly FitGroup[], calibration: Calibration): Score => {
  const errors = groups.map((group) => groupErrors(group, calibration));
  const left = freed(groups, errors);
  const experts = groups.flatMap((group, g) => (hasExperts(group) ? (left[g] ?? []) : []));
  return {
    plain: sourceMean(groups, errors),
    freed: sourceMean(groups, left),
    experts: mean(experts.map((error) => Math.abs(Math.exp(error) - 1))) ?? 0,
  };
};

export interface Ablation extends Score {
  readonly name: string;
  readonly kept: string | null;
  /** What else was measured, in the order of the yardsticks. */
  readonly elsewhere: readonly number[];
}

/** An error on measurements apart from runs. */
export type Yardstick = (calibration: Calibration) => number;

/** The whole model first, then each term switched off. */
export const ablate = (
  groups: readonly FitGroup[],
  root: Tree,
  calibrationOf: (root: Tree) => Calibration,
  yardsticks: readonly Yardstick[],
): readonly Ablation[] => {
  const judge = (name: string, kept: string | null, calibration: Calibration): Ablation => ({
    name,
    kept,
    ...scoreOf(groups, calibration),
    elsewhere: yardsticks.map((error) => error(calibration)),
  });
  return [
    judge('nothing', null, calibrationOf(root)),
    ...TERMS.map((each) => judge(each.name, each.kept ?? null, calibrationOf(withoutTerm(root, each)))),
  ];
};
