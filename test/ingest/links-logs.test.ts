import { readFileSync, readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { importLinks } from '../../src/ingest/links-import.ts';
import { readLinks } from '../../src/ingest/links-detect.ts';
import { defaultReadOptions } from '../../src/ingest/links-reading.ts';
import type { LinkReading } from '../../src/ingest/links-reading.ts';
import { dataPath, hasData } from '../shared-data.ts';

interface RealLog {
  readonly file: string;
  readonly kind: string;
  /** What a reader of the file sees in it. */
  readonly check: (reading: LinkReading) => void;
}

const largest = (reading: LinkReading): number => (reading.curves.at(-1)?.bandwidth.at(-1) ?? NaN) / 1e9;

/** Bus bandwidth of the last row, its test and the ranks, as the log prints them. */
const nccl = (name: string, collective: string, ranks: number | null, bus: number): RealLog => ({
  file: `launch/nccl_tests/${name}`,
  kind: 'nccl-tests',
  check: (reading) => {
    const curve = reading.curves.at(-1);
    expect(curve?.collective).toBe(collective);
    expect(curve?.ranks).toBe(ranks);
    expect(largest(reading)).toBeCloseTo(bus, 2);
  },
});

/** GPUs, ports, and the distinct kinds of paths. */
const topo = (name: string, gpus: number, ports: number, kinds: string): RealLog => ({
  file: `launch/nvidia_smi_topo/${name}`,
  kind: 'nvidia-smi-topo',
  check: ({ facts, summary }) => {
    expect(facts.perNode).toBe(gpus);
    expect(facts.nics?.count ?? 0).toBe(ports);
    expect(summary).toContain(`(${kinds})`);
  },
});

const xml = (name: string, kind: string, gpus: number, ports: number): RealLog => ({
  file: `launch/topo_xml/${name}`,
  kind,
  check: ({ facts }) => {
    expect(facts.perNode).toBe(gpus);
    expect(facts.nics?.count ?? 0).toBe(ports);
  },
});

const link = (reading: LinkReading, from: string, to: string): number => {
  const { matrix } = reading;
  const [a, b] = [matrix?.names.indexOf(from) ?? -1, matrix?.names.indexOf(to) ?? -1];
  return (matrix?.bandwidth[a]?.[b] ?? NaN) / 1e6;
};

const logs: readonly RealLog[] = [
  nccl('a100_8gpu_sendrecv.txt', 'sendrecv', 8, 195.1),
  // Not listed: bus over algorithm bandwidth is 1.75 = 2 · 7/8.
  nccl('aws_batch_0.txt', 'all-reduce', 8, 483.05),
  nccl('aws_p5_0.txt', 'all-reduce', 16, 437.79),
  // Not listed either: 386.56 over 195.31 is 2 · 95/96.
  nccl('coreweave_0.txt', 'all-reduce', 96, 386.56),
  nccl('coreweave_1.txt', 'all-reduce', 72, 834.57),
  nccl('coreweave_3.txt', 'all-reduce', 1440, 405.74),
  nccl('gcp_a3mega_2x8_allreduce.txt', 'all-reduce', 16, 338.82),
  nccl('oci_gb300_alltoall_scales.txt', 'all-to-all', 128, 47.67),
  nccl('superbench_nccl_allgather.log', 'all-gather', 8, 223.39),
  nccl('superbench_nccl_allreduce.log', 'all-reduce', 8, 235.26),
  nccl('superbench_nccl_alltoall.log', 'all-to-all', 8, 224.31),
  nccl('superbench_nccl_broadcast.log', 'broadcast', 8, 232.81),
  topo('dgx1v_8gpu_4nic.txt', 8, 4, 'NV1, NV2, SYS'),
  topo('gb200_4gpu_6nic_allsys.txt', 4, 6, 'NV18'),
  topo('h100_8gpu_10mlx_columns.txt', 8, 10, 'NV18'),
  topo('h200_8gpu_8nic_amd.txt', 8, 8, 'NV18'),
  topo('princeton_della_a100_2gpu.txt', 2, 2, 'SYS'),
  topo('stas_2gpu_nv2.txt', 2, 0, 'NV2'),
  topo('stas_a100_8gpu.txt', 8, 0, 'NV12'),
  topo('titanv_pcie_8gpu.txt', 8, 0, 'PIX, PHB, SYS'),
  topo('v100_sxm2_8gpu_1nic.txt', 8, 1, 'NV1, NV2, SYS'),
  xml('aws_p4d-24xl-topo.xml', 'nccl-topology', 8, 4),
  xml('azure_ndv4-topo.xml', 'nccl-topology', 8, 8),
  xml('azure_ncv4-topo.xml', 'nccl-topology', 4, 1),
  xml('azure_ncv4-graph.xml', 'nccl-graph', 4, 0),
  xml('oci_A100_topo-flattened.xml', 'nccl-topology', 8, 8),
  {
    file: 'launch/misc/scontrol_show_node_a40x4.txt',
    kind: 'scontrol',
    check: ({ facts }) => {
      expect(facts).toMatchObject({ hosts: ['cn20-a40'], perNode: 4 });
    },
  },
  {
    file: 'launch/misc/topograph_ibnetdiscover_example.out',
    kind: 'ibnetdiscover',
    check: ({ facts, summary }) => {
      // 40 lines begin with Switch; 4xNDR is 400 Gb/s.
      expect(summary).toContain('of 40');
      expect(facts.nics?.bandwidth).toBe(50e9);
      expect(facts.hosts).toContain('a08-p1-dgx-04-c17');
      expect(facts.hosts?.some((host) => /Mellanox|MT4129/u.test(host))).toBe(false);
    },
  },
  {
    file: 'clusters/pipette/mpigraph_2nodes_raw.log',
    kind: 'mpigraph',
    check: (reading) => {
      expect(link(reading, 'agpu1425', 'agpu1426')).toBeCloseTo(14497.701, 3);
      expect(link(reading, 'agpu1426', 'agpu1425')).toBeCloseTo(11072.472, 3);
    },
  },
  {
    file: 'clusters/pipette/mpigraph_2nodes_send.log',
    kind: 'mpigraph',
    check: (reading) => {
      expect(link(reading, 'agpu1425', 'agpu1426')).toBeCloseTo(14493.357, 3);
    },
  },
  {
    file: 'clusters/pipette/mpigraph_16nodes_time_0.json',
    kind: 'mpigraph-json',
    check: (reading) => {
      // Row of the receiver agpu1475, column of the sender agpu1505.
      expect(link(reading, 'agpu1505', 'agpu1475')).toBeCloseTo(17272.106, 2);
    },
  },
  {
    file: 'clusters/nccl_pairs/cluster00_17nodes_h100.json',
    kind: 'nccl-pairs',
    check: ({ matrix, facts }) => {
      expect(facts).toMatchObject({ nodes: 17, accelerator: 'h100-sxm-80gb' });
      // sendrecv over all GPUs is flat: 14.3 to 15.2 GB/s.
      const known = matrix?.bandwidth.flat().filter((value) => value > 0) ?? [];
      expect(Math.min(...known)).toBeGreaterThan(14.2e9);
      expect(Math.max(...known)).toBeLessThan(15.2e9);
      expect(matrix?.bySize).toHaveLength(10);
    },
  },
  {
    file: 'clusters/galvatron/allreduce_bandwidth_2nodes_8gpus_per_node.json',
    kind: 'collectives',
    check: ({ curves }) => {
      const eight = curves.filter(({ ranks }) => ranks === 8);
      expect(eight.map(({ layout, bandwidth }) => [layout, bandwidth[0]])).toEqual([
        ['consecutive', 155.658e9],
        ['strided', 20.7724e9],
      ]);
    },
  },
  {
    file: 'clusters/vtrain/allreduce_a100_8gpus.csv',
    kind: 'collectives',
    check: ({ curves }) => {
      expect(curves[0]?.collective).toBe('all-reduce');
      expect(curves[0]?.messages).toHaveLength(1024);
    },
  },
  {
    file: 'clusters/nnscaler/mi200_intra_8.json',
    kind: 'collectives',
    check: ({ curves }) => {
      expect(curves.map(({ collective }) => collective)).toContain('all-gather');
    },
  },
  {
    file: 'clusters/aceso/p2p_bandwidth.json',
    kind: 'collectives',
    check: ({ curves }) => {
      expect(curves.map(({ layout, bandwidth }) => [layout, bandwidth.at(-1)])).toEqual([
        ['intra', 42.46e9],
        ['inter', 5.44e9],
      ]);
    },
  },
];

const source = (file: string) => ({ name: file, text: readFileSync(dataPath(...file.split('/')), 'utf8') });

describe('logs of real clusters', () => {
  for (const { file, kind, check } of logs)
    it.skipIf(!hasData(...file.split('/')))(`${kind}: ${file}`, () => {
      const result = readLinks(source(file), null, defaultReadOptions);
      if (!result.ok) throw new Error(result.diagnostics[0]?.message);
      expect(result.value.kind).toBe(kind);
      check(result.value);
    });

  it.skipIf(!hasData('launch', 'nvidia_smi_topo'))(
    'a matrix without its header is refused at its first line',
    () => {
      const result = readLinks(
        source('launch/nvidia_smi_topo/h100_8gpu_12nic_headerless.txt'),
        null,
        defaultReadOptions,
      );
      expect(result.ok ? null : result.diagnostics[0]?.position).toMatchObject({ line: 1, column: 1 });
    },
  );

  it.skipIf(!hasData('launch', 'misc'))('a login node is no node for training', () => {
    const result = readLinks(
      source('launch/misc/scontrol_show_node_cpu_login.txt'),
      null,
      defaultReadOptions,
    );
    expect(result.ok).toBe(false);
  });

  it.skipIf(!hasData('clusters', 'sailor'))(
    'fits are held at their largest rate and left out below zero',
    () => {
      const result = readLinks(
        source('clusters/sailor/network/intra_node_bandwidths.json'),
        null,
        defaultReadOptions,
      );
      if (!result.ok) throw new Error(result.diagnostics[0]?.message);
      const rates = result.value.curves.flatMap(({ bandwidth }) => bandwidth);
      expect(Math.min(...rates)).toBeGreaterThan(0);
      expect(Math.max(...rates)).toBeLessThan(260e9);
    },
  );
});

describe('the pairs of a sick cluster', () => {
  const file = 'clusters/nccl_pairs/cluster00_17nodes_h100.json';

  it.skipIf(!hasData(...file.split('/')))('names missing pairs, and the GPU behind the slow ones', () => {
    const refused = importLinks([source(file)], null, defaultReadOptions);
    // 5 of 136 pairs are missing in the test over all GPUs.
    expect(refused.ok ? [] : refused.diagnostics).toHaveLength(5);
    const taken = importLinks([source(file)], null, {
      ...defaultReadOptions,
      allowMissing: true,
      test: 'sendrecv_perf_G1',
    });
    if (!taken.ok) throw new Error(taken.diagnostics[0]?.message);
    expect(taken.value.unusable).toHaveLength(10);
    expect(taken.warnings.map(({ message }) => message).join('\n')).toMatch(
      /8 slow pairs have the GPU at PCI bus 9d/u,
    );
  });
});

describe('every file of the collection', () => {
  const folders = ['launch/nccl_tests', 'launch/nvidia_smi_topo', 'launch/topo_xml'];
  it.skipIf(!hasData('launch'))('is read, or refused with a position', () => {
    for (const folder of folders)
      for (const name of readdirSync(dataPath(...folder.split('/')))) {
        const result = readLinks(source(`${folder}/${name}`), null, defaultReadOptions);
        if (result.ok) continue;
        expect(['h100_8gpu_12nic_headerless.txt', 'aws_g5.48xl-topo.xml']).toContain(name);
        expect(result.diagnostics[0]?.position.line).toBeGreaterThan(0);
      }
  });
});
