/** Small samples in the form of each tool, written for these tests. */

const HEAD = `# nThread 1 nGpus 1 minBytes 1048576 maxBytes 4194304 step: 2(factor) warmup iters: 5 iters: 20 agg iters: 1 validation: 1 graph: 0
#
# Using devices
`;

const device = (rank: number, host: string): string =>
  `#  Rank ${String(rank).padStart(2)} Group  0 Pid   ${7000 + rank} on ${host} device  ${rank % 2} [0000:04:00] NVIDIA H100 80GB HBM3\n`;

export const TABLE_HEAD = `#
#                                                              out-of-place                       in-place
#       size         count      type   redop    root     time   algbw   busbw #wrong     time   algbw   busbw #wrong
#        (B)    (elements)                               (us)  (GB/s)  (GB/s)            (us)  (GB/s)  (GB/s)
`;

/** A row whose columns agree: bus = factor × size ∕ time. */
export const row = (size: number, gigabytes: number, factor: number, wrong = '0'): string => {
  const time = (size / (gigabytes * 1e9)) * 1e6;
  const half = `${time.toFixed(2)}  ${gigabytes.toFixed(2)}  ${(gigabytes * factor).toFixed(2)}  ${wrong}`;
  return `  ${size}  ${size / 4}  float  sum  -1  ${half}  ${half}\n`;
};

export const TAIL = '# Out of bounds values : 0 OK\n# Avg bus bandwidth    : 10.0\n';

/** sendrecv between two hosts of one GPU each, `rate` GB/s. */
export const pairLog = (a: string, b: string, rate: number): string =>
  `# Collective test starting: sendrecv_perf\n${HEAD}${device(0, a)}${device(1, b)}${TABLE_HEAD}` +
  `${row(1 << 20, rate / 2, 1)}${row(1 << 24, rate, 1)}${TAIL}`;

/** All-reduce over four GPUs on two hosts. */
export const allReduceLog = (rate: number): string =>
  `# Collective test starting: all_reduce_perf\n${HEAD}${[0, 1, 2, 3]
    .map((rank) => device(rank, rank < 2 ? 'left' : 'right'))
    .join('')}${TABLE_HEAD}${row(1 << 24, rate, 1.5)}${TAIL}`;

export const TOPOLOGY = `\tGPU0\tGPU1\tGPU2\tGPU3\tNIC0\tCPU Affinity\tNUMA Affinity
GPU0\t X \tNV12\tSYS\tSYS\tPIX\t0-23\t0
GPU1\tNV12\t X \tSYS\tSYS\tSYS\t0-23\t0
GPU2\tSYS\tSYS\t X \tNV12\tSYS\t24-47\t1
GPU3\tSYS\tSYS\tNV12\t X \tSYS\t24-47\t1
NIC0\tPIX\tSYS\tSYS\tSYS\t X \t\t

Legend:

  X    = Self

NIC Legend:

  NIC0: mlx5_2
`;

export const MPIGRAPH = `START mpiGraph v1.5
MsgSize\t1048576
Procs\t3

Send max\t12000.000000

Send\ta:0\tb:0\tc:0\t
a:0 to\t0.000\t12000.000\t11000.000\t
b:0 to\t11500.000\t0.000\t10000.000\t
c:0 to\t11200.000\t10500.000\t0.000\t

Recv max\t12001.000000

Recv\ta:0\tb:0\tc:0\t
a:0 from\t0.000\t11501.000\t11201.000\t
b:0 from\t12001.000\t0.000\t10501.000\t
c:0 from\t11001.000\t10001.000\t0.000\t
END mpiGraph
`;

export const NODES = `NodeName=gpu01 Arch=x86_64 CoresPerSocket=16
   Gres=gpu:h100:8(S:0-1)
   State=IDLE ThreadsPerCore=2
   CfgTRES=cpu=64,mem=515317M,billing=64,gres/gpu=8

NodeName=gpu02 Arch=x86_64 CoresPerSocket=16
   Gres=gpu:h100:8(S:0-1)
   State=IDLE+DRAIN ThreadsPerCore=2
   CfgTRES=cpu=64,mem=515317M,billing=64,gres/gpu=8

NodeName=gpu03 Arch=x86_64 CoresPerSocket=16
   Gres=gpu:h100:8(S:0-1)
   State=MIXED ThreadsPerCore=2
   CfgTRES=cpu=64,mem=515317M,billing=64,gres/gpu=8
`;

export const FABRIC = `# Topology file: generated on Mon
switchguid=0x01(01)
Switch\t4 "S-01"\t\t# "leaf-1" enhanced port 0 lid 1 lmc 0
[1]\t"H-11"[1](11) \t\t# "host1 mlx5_0" lid 11 4xNDR
[2]\t"H-12"[1](12) \t\t# "host2 mlx5_0" lid 12 4xNDR
[3]\t"S-03"[1]\t\t# "spine" lid 3 4xNDR

switchguid=0x02(02)
Switch\t4 "S-02"\t\t# "leaf-2" enhanced port 0 lid 2 lmc 0
[1]\t"H-13"[1](13) \t\t# "host3 mlx5_0" lid 13 4xNDR
[2]\t"H-14"[1](14) \t\t# "MT4129 ConnectX7   Mellanox Technologies" lid 14 4xNDR
[3]\t"S-03"[2]\t\t# "spine" lid 3 4xNDR
[4]\t"H-15"[1](15) \t\t# "host4 mlx5_0" lid 15 4xNDR

switchguid=0x03(03)
Switch\t4 "S-03"\t\t# "spine" enhanced port 0 lid 3 lmc 0
[1]\t"S-01"[3]\t\t# "leaf-1" lid 1 4xNDR
[2]\t"S-02"[3]\t\t# "leaf-2" lid 2 4xNDR

Ca\t1 "H-11"\t\t# "host1 mlx5_0"
[1](11) \t"S-01"[1]\t\t# lid 11 lmc 0 "leaf-1" lid 1 4xNDR
`;

export const XML = `<system version="1">
  <cpu numaid="0" arch="x86_64">
    <pci busid="0000:01:00.0" class="0x030200" link_speed="16 GT/s" link_width="16">
      <gpu dev="0" sm="80" rank="0" gdr="1">
        <nvlink target="0000:02:00.0" count="12" tclass="0x030200"/>
      </gpu>
    </pci>
    <pci busid="0000:02:00.0" class="0x030200" link_speed="16 GT/s" link_width="16">
      <gpu dev="1" sm="80" rank="1" gdr="1">
        <nvlink target="0000:01:00.0" count="12" tclass="0x030200"/>
      </gpu>
    </pci>
    <nic>
      <net name="mlx5_0" dev="0" speed="200000" port="1" guid="0x0"/>
    </nic>
  </cpu>
</system>
`;

export const CSV = 'GB/s,n0,n1,n2\nn0,0,10,11\nn1,12,0,10\nn2,10,11,0\n';

export const JSON_MATRIX = `{ "unit": "GB/s", "level": "node", "order": ["n0", "n1"],
  "bandwidth": [[null, 10], [12, null]] }
`;
