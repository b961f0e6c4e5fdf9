/**
 * Kernels and collectives as their tables measured them, against the formulas that the cost model takes them from:
 * NCCL within a node, matrix products from 128 rows on, grouped products of experts. Tables of
 * ai-dynamo/aiconfigurator @ 095f58a and MooreThreads/SimuMax @ 4dcaae5; bursts, so that clocks under load are left out.
 */
import path from 'node:path';
import type { Cluster } from '../../src/cluster/cluster.ts';
import { createTopology } from '../../src/cluster/topology.ts';
import { acceleratorCalibration } from '../../src/cost/calibration.ts';
import type { Calibration } from '../../src/cost/calibration.ts';
import { allReduceTime, allToAllTime, gatherTime } from '../../src/cost/collectives.ts';
import { gemmTime } from '../../src/cost/gemm.ts';
import { machineOf } from '../../src/cost/machine.ts';
import type { Machine } from '../../src/cost/machine.ts';
import { readAccelerator } from '../../src/ingest/presets.ts';
import { readRows } from '../fidelity/csv.ts';
import { products, ratio } from './grouped-products.ts';

/** Systems of the tables, and the presets that they are. */
const SYSTEMS: Readonly<Record<string, string>> = {
  a100_sxm: 'a100-sxm-80gb',
  h100_sxm: 'h100-sxm-80gb',
  b200_sxm: 'b200-sxm-180gb',
  gb200: 'gb200-186gb',
  gb300: 'gb300-288gb',
};

const clusterOf = (preset: string): Cluster => {
  const { accelerator, intraNode, nics } = readAccelerator(preset);
  return {
    name: 'one node',
    groups: [{ count: 1, hosts: null, accelerator, perNode: 8, intraNode, nics, pricePerHour: null }],
    domain: null,
    tiers: [],
    measured: null,
  };
};

const machineIn = (cluster: Cluster, calibration: Calibration): Machine => {
  const [group] = cluster.groups;
  if (group === undefined) throw new Error('a cluster without nodes');
  return machineOf(group, calibration);
};

/** Errors of a calibration on rows of a table. */
export type Errors = (calibration: Calibration) => readonly number[];

interface Collective {
  readonly system: string;
  readonly operation: string;
  readonly ranks: number;
  readonly bytes: number;
  readonly seconds: number;
}

/** Messages of training, 64 KiB and more, on 4 and 8 GPUs. */
const collectives = (folder: string): readonly Collective[] =>
  readRows(path.join(folder, 'nccl-intranode.csv')).flatMap((row) => {
    const [ranks, bytes] = [Number(row['num_gpus']), 2 * Number(row['message_elements'])];
    const { system = '', op: operation = '' } = row;
    if (row['dtype'] !== 'half' || ranks < 4 || bytes < 65536 || SYSTEMS[system] === undefined) return [];
    return [{ system, operation, ranks, bytes, seconds: Number(row['latency_us']) * 1e-6 }];
  });

/** Times of NCCL's collectives within a node, predicted ∕ measured − 1. */
export const collectiveErrors = (folder: string): Errors => {
  const rows = collectives(folder);
  const clusters = Object.entries(SYSTEMS).map(([system, preset]) => [system, clusterOf(preset)] as const);
  return (calibration) =>
    clusters.flatMap(([system, cluster]) => {
      const machine = machineIn(cluster, calibration);
      const topology = createTopology(cluster);
      return rows
        .filter((row) => row.system === system)
        .map(({ operation, ranks, bytes, seconds }) => {
          const span = topology.groupSpan({ world: ranks, size: ranks, stride: 1 });
          const time =
            operation === 'all_reduce'
              ? allReduceTime(machine, span, bytes)
              : operation === 'alltoall'
                ? allToAllTime(machine, span, bytes)
                : gatherTime(machine, span, bytes);
          return time / seconds - 1;
        });
    });
};

/** Rows of a table that are read, spread over it. */
const PRODUCTS = 1500;

/** Products of bf16 in a burst, predicted ∕ measured − 1, of every size that the tables hold. */
export const productErrors = (folder: string): Errors => {
  const tables = Object.entries(SYSTEMS).map(([system, preset]) => {
    const rows = readRows(path.join(folder, `gemm-${system}.csv`)).filter(
      (row) => row['dtype'] === 'bfloat16',
    );
    const every = Math.ceil(rows.length / PRODUCTS);
    return { cluster: clusterOf(preset), rows: rows.filter((_, index) => index % every === 0) };
  });
  return (calibration) =>
    tables.flatMap(({ cluster, rows }) => {
      const machine = machineIn(cluster, calibration);
      const burst = { ...machine, constants: { ...machine.constants, sustained: 1 } };
      return rows.map(
        (row) =>
          gemmTime(burst, 'bf16', Number(row['m']), Number(row['n']), Number(row['k'])) /
            (Number(row['latency_us']) * 1e-6) -
          1,
      );
    });
};

/** Grouped products of experts under load, forward and gradients of inputs, predicted ∕ measured − 1. */
export const groupedErrors = (folder: string): Errors => {
  const rows = products(folder).filter(({ stage }) => stage !== 'bwd_grad_w');
  return (calibration) => {
    const { accelerator } = readAccelerator('b200-sxm-180gb');
    const { sustained, expertOverhead } = acceleratorCalibration(calibration, accelerator);
    return rows.map((row) => ratio(row, calibration, sustained, expertOverhead, 0) - 1);
  };
};
