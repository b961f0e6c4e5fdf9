/** Logs as other versions of the tools print them, and as people paste them; written for these tests. */
import { describe, expect, it } from 'vitest';
import { detectKind, readLinks } from '../../src/ingest/links-detect.ts';
import type { LinkReading } from '../../src/ingest/links-reading.ts';
import { defaultReadOptions } from '../../src/ingest/links-reading.ts';
import * as samples from './links-samples.ts';

const result = (text: string) => readLinks({ name: 'odd.log', text }, null, defaultReadOptions);

const read = (text: string): LinkReading => {
  const found = result(text);
  if (!found.ok) throw new Error(found.diagnostics.map(({ message }) => message).join('; '));
  return found.value;
};

const message = (text: string): string => {
  const found = result(text);
  return found.ok ? '' : found.diagnostics.map((each) => each.message).join('; ');
};

const DEVICES = '#  Rank  0 Group  0 Pid  11 on a device  0 [0000:04:00] NVIDIA H100 80GB HBM3\n'.concat(
  '#  Rank  1 Group  0 Pid  12 on b device  0 [0000:04:00] NVIDIA H100 80GB HBM3\n',
);
const START = '# Collective test starting: sendrecv_perf\n';

/** 64 MiB in 3355.4 µs are 20 GB/s, which is also the bus bandwidth of a transfer. */
const GROUP = '3355.4   20.00   20.00      0';
const BEGIN = '    67108864      16777216     float    none      -1  ';

const table = (header: string, row: string): string =>
  `${START}${DEVICES}#       size         count      type   redop    root     ${header}\n#        (B)    (elements)                               (us)  (GB/s)  (GB/s)\n${row}\n# Avg bus bandwidth    : 20\n`;

const ONE = 'time   algbw   busbw  #wrong';

describe('nccl-tests of other versions', () => {
  it.each([
    ['one group of columns', table(ONE, `${BEGIN}${GROUP}`)],
    ['no verdict', table('time   algbw   busbw', `${BEGIN}3355.4   20.00   20.00`)],
    [
      'CPU time',
      table(`cputime   algbw   busbw  #wrong  cputime   algbw   busbw  #wrong`, `${BEGIN}${GROUP}  ${GROUP}`),
    ],
    ['time stamps', table(`${ONE}  ${ONE}  timestamp`, `${BEGIN}${GROUP}  ${GROUP}  2026-01-02 03:04:05`)],
    [
      'single iterations',
      table(
        `${ONE}   i_min   i_max   i_p99   i_cv%  ${ONE}   i_min   i_max   i_p99   i_cv%`,
        `${BEGIN}${GROUP}  3300.1  3400.2  3399.9     1.2  ${GROUP}  3300.1  3400.2  3399.9     1.2`,
      ),
    ],
    ['in place not tested', table(`${ONE}  ${ONE}`, `${BEGIN}${GROUP}  3355.4  20.00  20.00    N/A`)],
    [
      'operation and root headed, not printed',
      table(`${ONE}  ${ONE}`, `    67108864      16777216     float                  ${GROUP}  ${GROUP}`),
    ],
    [
      'rounding errors, which are no wrong values',
      table(
        'time   algbw   busbw  error     time   algbw   busbw  error',
        `${BEGIN}3355.4   20.00   20.00  4e-07   3355.4   20.00   20.00  4e-07`,
      ),
    ],
    ['times with an exponent', table(ONE, `${BEGIN}3.4e+03   20.00   20.00      0`)],
    ['bfloat16', table(ONE, `${BEGIN.replace('   float', 'bfloat16')}${GROUP}`)],
    ['fp8', table(ONE, `${BEGIN.replace('   float', ' f8e4m3')}${GROUP}`)],
    ['the # lost where it was pasted', table(ONE, `${BEGIN}${GROUP}`).replace(/^# ?/gmu, '')],
    [
      'lines of MPI between the rows',
      table(ONE, `[a:02943] 15 more processes have sent help message help-mca-var.txt\n${BEGIN}${GROUP}`),
    ],
  ])('%s', (_, text) => {
    const [curve] = read(text).curves;
    expect(curve?.messages).toEqual([67_108_864]);
    expect(curve?.bandwidth).toEqual([20e9]);
    expect(curve?.hosts).toEqual(['a', 'b']);
  });

  it.each([
    ['[1,0]<stdout>:'],
    ['[1,0]<stdout>: '],
    ['[prterun-login-3424@1,0]<stdout>: '],
    ['[0] '],
    ['0: '],
    ['Tue Jun  3 10:11:12 2025[1,0]<stdout>:'],
    ['2026-01-02T03:04:05.678Z '],
  ])('each line after "%s"', (prefix) => {
    const text = table(ONE, `${BEGIN}${GROUP}`).replace(/^/gmu, prefix);
    expect(detectKind({ name: 'odd.log', text })).toBe('nccl-tests');
    expect(read(text).curves[0]?.bandwidth).toEqual([20e9]);
  });

  it('leaves small messages out whose time the clock did not see', () => {
    const small = '        1024           256     float    none      -1     0.00     inf     inf      0';
    expect(read(table(ONE, `${small}\n${BEGIN}${GROUP}`)).curves[0]?.messages).toEqual([67_108_864]);
    expect(message(table(ONE, `${BEGIN}0.00     inf     inf      0`))).toMatch(/expected a number/u);
  });

  it('refuses wrong values in either group, and rows cut off', () => {
    const wrong = GROUP.replace(/0$/u, '7');
    expect(message(table(`${ONE}  ${ONE}`, `${BEGIN}${GROUP}  ${wrong}`))).toMatch(/7 wrong values/u);
    expect(message(table(`${ONE}  ${ONE}`, '    67108864      16777216     float  20.00'))).toMatch(
      /cut off/u,
    );
  });
});

describe('the JSON report of nccl-tests (-J)', () => {
  const report = (change: (run: Record<string, unknown>) => void = () => undefined): string => {
    const figures = { time: 3355.4432, alg_bw: 20.0, bus_bw: 20.0, nwrong: 0.0 };
    const run = {
      version: 2,
      args: ['/opt/nccl-tests/build/sendrecv_perf', '-b', '64M'],
      env: ['HOME=/root'],
      nccl_version: 22602,
      config: {
        nthreads: 1,
        ngpus: 1,
        devices: [
          {
            rank: 0,
            group: 0,
            pid: 1,
            hostname: 'a',
            device: 0,
            device_hex: '0000:04:00',
            device_info: 'NVIDIA H100 80GB HBM3',
          },
          {
            rank: 1,
            group: 0,
            pid: 2,
            hostname: 'b',
            device: 0,
            device_hex: '0000:04:00',
            device_info: 'NVIDIA H100 80GB HBM3',
          },
        ],
      },
      results: [
        {
          size: 67_108_864,
          count: 16_777_216,
          type: 'float',
          redop: 'none',
          root: '    -1',
          out_of_place: figures,
          in_place: { ...figures, nwrong: null },
        },
      ],
      out_of_bounds: { count: 0, okay: 'true' },
      average_bus_bandwidth: { bandwidth: 20.0, okay: 'unchecked' },
    };
    change(run);
    return JSON.stringify(run, null, 1);
  };

  it('is read like the text', () => {
    const reading = read(report());
    expect(reading.kind).toBe('nccl-tests');
    expect(reading.facts.accelerator).toBe('h100-sxm-80gb');
    expect(reading.curves[0]).toMatchObject({
      collective: 'sendrecv',
      ranks: 2,
      hosts: ['a', 'b'],
      bandwidth: [20e9],
    });
  });

  it('lists the first GPU of a process alone: the others follow on its host', () => {
    const [curve] = read(
      report((run) => {
        const config = run['config'] as { ngpus: number; devices: { rank: number }[] };
        config.ngpus = 4;
        const [, second] = config.devices;
        if (second !== undefined) second.rank = 4;
        run['args'] = ['all_gather_perf'];
        const [row] = run['results'] as { out_of_place: { bus_bw: number } }[];
        if (row !== undefined) row.out_of_place.bus_bw = 17.5;
      }),
    ).curves;
    expect(curve).toMatchObject({ collective: 'all-gather', ranks: 8, perHost: 4, bandwidth: [17.5e9] });
  });

  it('is refused with wrong values, missing figures, or a failed check', () => {
    const broken = (part: object): string =>
      message(
        report((run) => {
          const [row] = run['results'] as Record<string, object>[];
          if (row !== undefined) row['out_of_place'] = { ...row['out_of_place'], ...part };
        }),
      );
    expect(broken({ nwrong: 3 })).toMatch(/3 wrong values/u);
    expect(broken({ bus_bw: 'nan' })).toMatch(/expected bus_bw/u);
    expect(
      message(
        report((run) => {
          run['out_of_bounds'] = { count: 2, okay: 'false' };
        }),
      ),
    ).toMatch(/out of bounds/u);
  });
});

describe('scontrol of other sites', () => {
  const node = (gres: string, state = 'IDLE'): string =>
    samples.NODES.split('\n\n')[0]
      ?.replace('gpu:h100:8(S:0-1)', gres)
      .replace('State=IDLE', `State=${state}`) ?? '';

  it.each([
    ['gpu:8'],
    ['gpu:8(IDX:0-7)'],
    ['gpu:8(S:0-1),nvme:2'],
    ['gpu:nvidia_h100_80gb_hbm3:8(S:0-1)'],
    ['gpu:a100:4(S:0),gpu:a100:4(S:1)'],
    ['gpu:1g.10gb:7,gpu:3g.40gb:1'],
    ['gpu:a100:no_consume:8'],
    ['gpu:no_consume:8'],
    ['shard:h100:32(S:0-1),gpu:h100:8(S:0-1)'],
    ['mps:800,gpu:tesla:8'],
  ])('%s are eight GPUs', (gres) => {
    expect(read(node(gres)).facts).toMatchObject({ perNode: 8, nodes: 1, hosts: ['gpu01'] });
  });

  it('says what it cannot read', () => {
    expect(message(node('gpu:h100'))).toMatch(/expected gpu:COUNT/u);
    expect(message(node('gpu:h100:eight'))).toMatch(/expected gpu:COUNT/u);
  });

  it.each([['IDLE+CLOUD'], ['MIXED+PLANNED'], ['ALLOCATED'], ['IDLE+DYNAMIC_NORM'], ['COMPLETING']])(
    'a node that is %s is in service',
    (state) => {
      expect(read(node('gpu:8', state)).facts.nodes).toBe(1);
    },
  );

  it.each([['DOWN*'], ['INVAL'], ['FUTURE'], ['IDLE+NO_RESPOND'], ['MIXED+DRAIN'], ['MAINT']])(
    'a node that is %s is not',
    (state) => {
      expect(message(node('gpu:8', state))).toMatch(/none of the nodes/u);
    },
  );
});

describe('nvidia-smi topo -m of other nodes', () => {
  const square = (count: number, path: (from: number, to: number) => string, nics = 0): string => {
    const labels = [
      ...Array.from({ length: count }, (_, gpu) => `GPU${gpu}`),
      ...Array.from({ length: nics }, (_, nic) => `NIC${nic}`),
    ];
    const rows = labels.map((label, from) =>
      [
        label,
        ...labels.map((_, to) => (from === to ? ' X ' : from < count && to < count ? path(from, to) : 'SYS')),
        ...(from < count ? ['0-47,96-143', '0', 'N/A'] : []),
      ].join('\t'),
    );
    return `\t${labels.join('\t')}\tCPU Affinity\tNUMA Affinity\tGPU NUMA ID\n${rows.join('\n')}\n\nLegend:\n\n  X    = Self\n  SYS  = Connection traversing PCIe\n  NV#  = Connection traversing a bonded set of # NVLinks\n\nNIC Legend:\n\n  NIC0: mlx5_0\n`;
  };

  it.each([
    [4, 'NV4', 0],
    [8, 'NV18', 10],
    [16, 'NV6', 18],
    [2, 'PHB', 0],
  ])('%i GPUs joined by %s beside %i ports', (count, path, nics) => {
    const { facts, matrix, summary } = read(square(count, () => path, nics));
    expect(facts.perNode).toBe(count);
    expect(facts.nics?.count ?? 0).toBe(nics);
    expect(matrix).toBeNull();
    expect(summary).toContain(path);
  });

  it('keeps pairs apart: NVLink inside, PIX, PXB, NODE and SYS between', () => {
    const kinds = ['PIX', 'PXB', 'NODE', 'SYS'] as const;
    const { matrix } = read(
      square(8, (from, to) => (from >> 1 === to >> 1 ? 'NV4' : (kinds[(from >> 1) ^ (to >> 1)] ?? 'SYS'))),
    );
    // Four links of 25 GB/s each; what PCIe attains falls with every bridge.
    expect(matrix?.bandwidth[0]?.[1]).toBe(100e9);
    const [pxb = 0, node = 0, sys = 0] = [2, 4, 6].map((to) => matrix?.bandwidth[0]?.[to]);
    expect(pxb).toBeGreaterThan(node);
    expect(node).toBeGreaterThan(sys);
  });
});
