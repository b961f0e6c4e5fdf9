/** Constants of one accelerator and its links from the results of the probe script. */
import { createTopology } from '../cluster/topology.ts';
import type { Accelerator, Cluster } from '../cluster/cluster.ts';
import type { AttentionGeneration, Calibration, GemmFormat, LinkCalibration } from '../cost/calibration.ts';
import { acceleratorCalibration } from '../cost/calibration.ts';
import { allReduceTime, allToAllTime, gatherTime } from '../cost/collectives.ts';
import { machineOf } from '../cost/machine.ts';
import type { Machine } from '../cost/machine.ts';
import type { Probe, ProbedAttention, ProbedCollective, ProbedProduct } from '../formats/probe.ts';
import { isPreset, readAccelerator, readNic } from '../ingest/presets.ts';
import { meaningOf, separateAccelerator } from './calibrate-paths.ts';
import type { ConstantMeaning } from './calibrate-paths.ts';
import { holder } from './fit-parameters.ts';
import type { Path, Tree } from './fit-parameters.ts';
import { median } from './metrics.ts';
import { gpuPreset } from './record/gpu-name.ts';

export interface ProbedConstant extends ConstantMeaning {
  readonly path: Path;
  readonly shipped: number;
  readonly value: number;
  /** The measurement lay outside the plausible range, and was held to it. */
  readonly held: boolean;
}

export interface ProbeFit {
  readonly accelerator: string;
  readonly constants: readonly ProbedConstant[];
  /** Median absolute error of the curves on the probe's own figures, before and after, by what was measured. */
  readonly errors: readonly { readonly what: string; readonly before: number; readonly after: number }[];
}

/** The node or nodes that the probe ran on. */
export const probedCluster = (probe: Probe): Cluster => {
  const { name, per_node: perNode, nodes } = probe.gpu;
  const preset = readAccelerator(isPreset('accelerator', name) ? name : gpuPreset(name).preset);
  const { network } = probe;
  const nics = {
    ...preset.nics,
    ...(typeof network === 'string' && isPreset('nic', network) ? readNic(network) : {}),
  };
  return {
    name: 'probed',
    groups: [
      {
        count: nodes,
        hosts: null,
        accelerator: preset.accelerator,
        perNode,
        intraNode: preset.intraNode,
        nics,
        pricePerHour: null,
      },
    ],
    domain: preset.domain !== null && preset.domain > perNode && nodes > 1 ? preset.domain : null,
    tiers: [{ name: 'network', nodes: null, oversubscription: 1 }],
    measured: null,
  };
};

const medianError = (errors: readonly number[]): number => median(errors.map(Math.abs)) ?? 0;

const DEPTHS = Array.from({ length: 101 }, (_, step) => step * 10);
/** Fewer depths than these say nothing about the cost of a prologue. */
const LEAST_DEPTHS = 3;

/** t = 2mnk ∕ (P·e) · (1 + k0∕k): the efficiency and depth of least median error; a depth that few shapes fix stays. */
export const fitProducts = (
  rows: readonly ProbedProduct[],
  peak: number,
  shippedDepth: number,
): { readonly efficiency: number; readonly depth: number; readonly error: number } => {
  const ideal = rows.map(({ m, n, k, burst_s: time }) => ({ k, share: (2 * m * n * k) / peak / time }));
  const depths = new Set(rows.map(({ k }) => k)).size >= LEAST_DEPTHS ? DEPTHS : [shippedDepth];
  let best = { efficiency: 0, depth: shippedDepth, error: Infinity };
  for (const depth of depths) {
    const attained = ideal.map(({ k, share }) => share * (1 + depth / k));
    const efficiency = median(attained) ?? 0;
    const error = medianError(attained.map((value) => value / efficiency - 1));
    if (error < best.error) best = { efficiency, depth, error };
  }
  return best;
};

const REFERENCE_HEAD = 128;
const HEAD_EXPONENT = 0.4;

/** Rate (share of the peak at infinite length) and relative rate of backward, as `attentionTime` defines them. */
export const fitAttention = (
  rows: readonly ProbedAttention[],
  peak: number,
  halfLength: number,
): { readonly rate: number; readonly backward: number } => {
  const rate = rows.map((row) => {
    const flops = 2 * row.batch * row.heads * row.sequence ** 2 * row.head_dim;
    const width = Math.min(1, row.head_dim / REFERENCE_HEAD) ** HEAD_EXPONENT;
    const curve = width * (row.sequence / (row.sequence + halfLength));
    return flops / row.forward_s / peak / curve;
  });
  const backward = rows.map((row) => (2.5 * row.forward_s) / row.backward_s);
  return { rate: median(rate) ?? 0, backward: median(backward) ?? 0 };
};

const AMPERE_KERNELS: ReadonlySet<AttentionGeneration> = new Set(['triton', 'flash1', 'flash2']);

/**
 * Kernels written for Ampere's instructions leave tensor cores of later GPUs idle (FlashAttention 2: 35 % of an H100, Shah
 * et al. 2024, arXiv 2407.08608) and power to spare: alone in a loop they keep clocks that they do not have among
 * products. Kernels of the GPU's own generation draw the power themselves, so that their loop shows it.
 */
const leavesPower = (kernel: AttentionGeneration, { architecture }: Accelerator): boolean =>
  AMPERE_KERNELS.has(kernel) && (architecture === 'hopper' || architecture === 'blackwell');

type Times = (machine: Machine, bytes: number) => number;

/** Coordinate search in the logarithm, deterministic; small and smooth enough for it. */
const descend = (
  start: readonly number[],
  ranges: readonly (readonly [number, number])[],
  loss: (values: readonly number[]) => number,
): readonly number[] => {
  let values = start;
  let least = loss(values);
  for (let step = 0.3; step > 0.004; step /= 2) {
    let moved = true;
    for (let round = 0; moved && round < 50; round += 1) {
      moved = false;
      for (const [j, range] of ranges.entries())
        for (const factor of [1 + step, 1 / (1 + step)]) {
          const value = Math.min(range[1], Math.max(range[0], (values[j] ?? 0) * factor));
          const next = values.with(j, value);
          const score = loss(next);
          if (score < least - 1e-12) [values, least, moved] = [next, score, true];
        }
    }
  }
  return values;
};

/** Keys of a link class, and what each is called in the tree. */
const LINK_NAMES: readonly (readonly [keyof LinkCalibration, string])[] = [
  ['reduce', 'reduce'],
  ['gather', 'gather'],
  ['allToAll', 'all_to_all'],
  ['pointToPoint', 'point_to_point'],
  ['base', 'base'],
  ['step', 'step'],
  ['quick', 'quick'],
  ['setup', 'setup'],
];
/** A pull of the constants to what ships, per squared log distance, beside a mean squared log error. */
const LINK_PULL = 1e-3;

const timesOf = (cluster: Cluster, row: ProbedCollective): Times => {
  const topology = createTopology(cluster);
  const span = topology.groupSpan({ world: row.ranks, size: row.ranks, stride: 1 });
  return (machine, bytes) => {
    switch (row.operation) {
      case 'all-reduce':
        return allReduceTime(machine, span, bytes);
      case 'all-gather':
      case 'reduce-scatter':
        return gatherTime(machine, span, bytes);
      case 'all-to-all':
        return allToAllTime(machine, span, bytes);
      case 'p2p': {
        const link = span.outside === null ? machine.intraNodeConstants : machine.networkConstants;
        const rate = (span.outside?.ringBandwidth ?? span.inside?.bandwidth ?? Infinity) * link.pointToPoint;
        return link.base + bytes / rate;
      }
    }
  };
};

/** Calibrates the class of links that the rows of one scope cross. */
const fitLinks = (
  rows: readonly ProbedCollective[],
  cluster: Cluster,
  machine: Machine,
  where: 'intraNodeConstants' | 'networkConstants',
  ranges: readonly (readonly [number, number])[],
): { readonly values: readonly number[]; readonly before: number; readonly after: number } => {
  const measured = rows.map((row) => ({ row, times: timesOf(cluster, row) }));
  const start = LINK_NAMES.map(([key]) => machine[where][key]);
  const errors = (values: readonly number[]): readonly number[] => {
    const link = { ...machine[where] };
    LINK_NAMES.forEach(([key], j) => (link[key] = values[j] ?? 0));
    const changed = { ...machine, [where]: link };
    return measured.map(({ row, times }) => Math.log(times(changed, row.bytes) / row.seconds));
  };
  const loss = (values: readonly number[]): number =>
    errors(values).reduce((sum, error) => sum + Math.sqrt(1 + (error / 0.05) ** 2) - 1, 0) / rows.length +
    LINK_PULL *
      values.reduce((sum, value, j) => sum + Math.log((value + 1e-9) / ((start[j] ?? 0) + 1e-9)) ** 2, 0);
  const values = descend(start, ranges, loss);
  const size = (of: readonly number[]): number => medianError(errors(of).map((error) => Math.exp(error) - 1));
  return { values, before: size(start), after: size(values) };
};

/**
 * Reads the constants off the probe's figures: curves of products by format (burst), how far clocks fall under load,
 * attention by kernel, bandwidth of memory, collectives by class of link. Changes the tree: the accelerator gets an
 * entry of its own.
 */
export const fitProbe = (root: Tree, probe: Probe, calibrationOf: (root: Tree) => Calibration): ProbeFit => {
  const cluster = probedCluster(probe);
  const group = cluster.groups[0];
  if (group === undefined) throw new Error('a probed cluster has a node');
  const entry = separateAccelerator(root, group.accelerator);
  const calibration = calibrationOf(root);
  const machine = machineOf(group, calibration);
  const shipped = acceleratorCalibration(calibration, group.accelerator);
  const constants: ProbedConstant[] = [];
  const errors: { what: string; before: number; after: number }[] = [];
  const set = (path: Path, value: number): void => {
    const meaning = meaningOf(root, path);
    const [low, high] = meaning.range;
    const kept = Math.min(high, Math.max(low, value));
    const [node, key] = holder(root, path);
    constants.push({ path, shipped: Number(node[key]), value: kept, held: kept !== value, ...meaning });
    node[key] = kept;
  };

  for (const format of ['fp32', 'bf16', 'fp8', 'nvfp4'] as const satisfies readonly GemmFormat[]) {
    const rows = probe.gemm.filter((row) => row.format === format);
    if (rows.length === 0) continue;
    const { efficiency, depth, error } = fitProducts(rows, machine.peak[format], shipped.gemm[format].depth);
    const old = shipped.gemm[format];
    const before = rows.map(
      ({ m, n, k, burst_s: time }) =>
        ((2 * m * n * k) / machine.peak[format] / old.efficiency / time) * (1 + old.depth / k) - 1,
    );
    set(['accelerators', entry, 'gemm', format, 0], efficiency);
    set(['accelerators', entry, 'gemm', format, 1], depth);
    errors.push({ what: `matrix products, ${format}`, before: medianError(before), after: error });
  }
  const loaded = probe.gemm.filter(({ format }) => format === 'bf16');
  const falls = (loaded.length > 0 ? loaded : probe.gemm).map((row) => row.burst_s / row.sustained_s);
  const sustained = median(falls);
  if (sustained !== null) set(['accelerators', entry, 'sustained'], sustained);

  const kernels = [...new Set(probe.attention.map(({ kernel }) => kernel))] as readonly AttentionGeneration[];
  for (const kernel of kernels) {
    const rows = probe.attention.filter((row) => row.kernel === kernel);
    const { rate, backward } = fitAttention(rows, machine.peak.bf16, shipped.attention[kernel].halfLength);
    const clocks = leavesPower(kernel, group.accelerator) ? sustained : 1;
    // Without products it is not known how far clocks fall: the rate stays as shipped.
    if (clocks !== null) set(['accelerators', entry, 'attention', kernel, 0], rate * clocks);
    set(['accelerators', entry, 'attention', kernel, 2], backward);
  }

  const bandwidth = (kernel: 'copy' | 'add'): number | null =>
    median(
      probe.memory
        .filter((row) => row.kernel === kernel)
        .map((row) => row.bytes / row.seconds / machine.memoryBandwidth),
    );
  const [copy, add] = [bandwidth('copy'), bandwidth('add')];
  if (copy !== null) set(['accelerators', entry, 'streaming'], copy);
  if (add !== null) set(['accelerators', entry, 'elementwise'], add);

  for (const scope of ['node', 'world'] as const) {
    const rows = probe.collectives.filter((row) => row.scope === scope);
    if (rows.length === 0) continue;
    const where = scope === 'node' ? 'intraNodeConstants' : 'networkConstants';
    const key = Object.entries(calibration.links).find(([, link]) => link === machine[where])?.[0];
    if (key === undefined) continue;
    const paths = LINK_NAMES.map(([, name]): Path => ['links', key, name]);
    const ranges = paths.map((path) => meaningOf(root, path).range);
    const { values, before, after } = fitLinks(rows, cluster, machine, where, ranges);
    paths.forEach((path, j) => {
      set(path, values[j] ?? 0);
    });
    errors.push({ what: `collectives, ${key}`, before, after });
  }
  return { accelerator: entry, constants, errors };
};
