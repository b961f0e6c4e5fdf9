/** Descriptions of other machines, drivers and sites in the tools' words; small tables written for these tests. */
import { describe, expect, it } from 'vitest';
import { importLinks } from '../../src/ingest/links-import.ts';
import { readLinks } from '../../src/ingest/links-detect.ts';
import type { LinkReading, ReadingResult } from '../../src/ingest/links-reading.ts';
import { defaultReadOptions } from '../../src/ingest/links-reading.ts';
import { clusterFragment } from '../../src/spec/cluster-fragment.ts';
import * as samples from './links-samples.ts';

const result = (text: string): ReadingResult =>
  readLinks({ name: 'odd.txt', text }, null, defaultReadOptions);

const read = (text: string): LinkReading => {
  const found = result(text);
  if (!found.ok) throw new Error(found.diagnostics.map(({ message }) => message).join('; '));
  return found.value;
};

const words = (text: string): string => {
  const found = result(text);
  return (found.ok ? found.warnings : found.diagnostics)
    .map(({ position, message }) => `${position.line}:${position.column} ${message}`)
    .join('\n');
};

const fragment = (texts: readonly string[], accelerator: string | null = null): string => {
  const sources = texts.map((text, index) => ({ name: `${index}.txt`, text }));
  const found = importLinks(sources, null, defaultReadOptions);
  if (!found.ok) throw new Error(found.diagnostics.map(({ message }) => message).join('; '));
  return clusterFragment(found.value, { name: 'site', accelerator, measured: null });
};

describe('nvidia-smi topo -m', () => {
  const matrix = (kind: string, count: number): string => {
    const gpus = Array.from({ length: count }, (_, gpu) => `GPU${gpu}`);
    const rows = gpus.map((gpu) => [gpu, ...gpus.map((other) => (other === gpu ? ' X ' : kind))].join('\t'));
    return `\t${gpus.join('\t')}\tCPU Affinity\n${rows.join('\n')}\n`;
  };

  it('drivers before R384 say SOC where later ones say SYS', () => {
    const old = read(samples.TOPOLOGY.replaceAll('SYS', 'SOC'));
    expect(old.matrix?.bandwidth).toEqual(read(samples.TOPOLOGY).matrix?.bandwidth);
  });

  it('ports by name, glued to the GPUs before them', () => {
    const text = samples.TOPOLOGY.replace('GPU3\tNIC0\tCPU', 'GPU3mlx5_0\tCPU').replace('NIC0\t', 'mlx5_0\t');
    expect(read(text).facts).toMatchObject({ perNode: 4, nics: { count: 1 } });
    const named = samples.TOPOLOGY.replaceAll('NIC0', 'hfi1_0');
    expect(read(named).facts).toMatchObject({ perNode: 4, nics: { count: 1 } });
  });

  it('what a shell prints before and after is no JSON', () => {
    const shell = `[root@node ~]# nvidia-smi topo -m\n${samples.TOPOLOGY}[root@node ~]#\n`;
    expect(read(shell).facts.perNode).toBe(4);
  });

  it('a table printed twice counts once; another one is another node', () => {
    const twice = `${samples.TOPOLOGY}\n${samples.TOPOLOGY}`;
    expect(read(twice).facts.perNode).toBe(4);
    expect(words(twice)).toMatch(/^16:2 ignored: the same table, printed 2 times/u);
    const two = `${samples.TOPOLOGY}\n${samples.TOPOLOGY.replaceAll('NV12', 'NV4')}`;
    expect(words(two)).toMatch(/^16:2 a second table that differs/u);
  });

  // Four A100 with wires to each other: 3 peers × 4 links are all 12 that each has. 18 links to each of 7 peers exist behind a switch alone.
  it.each([
    ['NV4', 4, { bandwidth: 300e9, kind: 'mesh' }],
    ['NV2', 4, { bandwidth: 150e9, kind: 'mesh' }],
    ['NV8', 8, { bandwidth: 200e9, kind: 'switch' }],
    ['NV18', 8, 'nvlink4'],
    ['NV4', 2, { bandwidth: 100e9, kind: 'switch' }],
  ])('%s between all of %i GPUs', (kind, count, intraNode) => {
    expect(read(matrix(kind, count)).facts.intraNode).toEqual(intraNode);
  });

  it('takes the rate of a link from the accelerator, where one is named', () => {
    // 18 links of 50 GB/s are what the preset of B200 brings; four of an RTX A6000 run at 14.0625 GB/s.
    expect(fragment([matrix('NV18', 8)], 'b200-sxm-180gb')).not.toContain('intra_node');
    expect(fragment([matrix('NV4', 2)], 'rtx-a6000-48gb')).toContain('bandwidth: 56.25 GB/s');
    expect(fragment([matrix('NV8', 8)], 'a800-sxm-80gb')).not.toContain('intra_node');
  });
});

describe('NCCL topology', () => {
  const gpu = (bus: string, dev: number, sm: string, links: string): string =>
    `<pci busid="${bus}" class="0x030200" link_speed="16 GT/s" link_width="16"><gpu dev="${dev}" ${sm} rank="${dev}">${links}</gpu></pci>\n`;
  const toSwitch = (count: number): string =>
    `<nvlink target="fffffff:ff:ff.0" count="${count}" tclass="0x068000"/>`;
  const pair = (sm: string, count: number): string =>
    `<system version="1"><cpu numaid="0">\n${gpu('0000:01:00.0', 0, sm, toSwitch(count))}${gpu('0000:02:00.0', 1, sm, toSwitch(count))}</cpu></system>\n`;

  it.each([
    ['sm="60"', 4, 80e9],
    ['sm="70"', 6, 150e9],
    ['sm="86"', 4, 56.25e9],
    ['sm="90"', 18, 450e9],
    ['sm="103"', 18, 900e9],
  ])('a GPU with %s and %i links to the switch', (sm, count, bandwidth) => {
    expect(read(pair(sm, count)).facts.intraNode).toEqual({ bandwidth, kind: 'switch' });
  });

  it('xgmi of AMD: links to each peer, by gfx target', () => {
    const link = (target: string): string => `<xgmi target="${target}" count="1" tclass="0x120000"/>`;
    const text = pair('sm="94" gcn="gfx942"', 1)
      .replaceAll('0x030200', '0x120000')
      .replace(toSwitch(1), link('0000:02:00.0'))
      .replace(toSwitch(1), link('0000:01:00.0'));
    expect(read(text).facts).toMatchObject({ perNode: 2, intraNode: { bandwidth: 64e9, kind: 'mesh' } });
  });

  it('links to a CPU join no GPUs, and PCI entries may lack their class', () => {
    const toCpu = pair('sm="70"', 3).replaceAll('0x068000', '0x068001');
    // 16 GT/s × 16 lanes, 128/130 coded.
    const pcie = (16e9 * 16 * (128 / 130)) / 8;
    expect(read(toCpu).facts.intraNode).toEqual({ bandwidth: pcie, kind: 'pcie' });
    const classless = pair('sm="90"', 18)
      .replaceAll(' class="0x030200"', '')
      .replaceAll(/<nvlink.*?>/gu, '');
    expect(read(classless).facts).toMatchObject({ perNode: 2, intraNode: { bandwidth: pcie } });
  });

  it('several hosts whose NVLinks join: bus ids are those of each, GPUs counted by host', () => {
    const [, inside = ''] = /(<cpu[^]*<\/cpu>)/u.exec(pair('sm="103"', 18)) ?? [];
    const hosts = ['0xa', '0xb'].map((hash) => inside.replace('<cpu', `<cpu host_hash="${hash}"`));
    const text = `<system version="1">\n${hosts.join('\n')}</system>\n`;
    expect(read(text).facts).toMatchObject({ nodes: 2, perNode: 2, intraNode: { bandwidth: 900e9 } });
    const broken = text.replace(toSwitch(18), '');
    expect(words(broken)).toMatch(/^3:\d+ GPU 0, rank 0, has 0 links to other GPUs, others 18/mu);
    const repeated = `<system version="1">\n${hosts.join('\n').replaceAll('0xb', '0xa')}</system>\n`;
    expect(words(repeated)).toMatch(/the bus id 0000:01:00.0 is given twice/u);
  });

  it('counts ports of the speed that most have', () => {
    const net = (name: string, speed: string): string => `<nic><net name="${name}" ${speed}/></nic>`;
    const nets = [net('a', 'speed="400000"'), net('b', 'speed="400000"'), net('eno1', 'speed="1000"')];
    const text = pair('sm="90"', 18).replace('</cpu>', `${nets.join('\n')}\n</cpu>`);
    expect(read(text).facts.nics).toEqual({ count: 2, bandwidth: 50e9 });
    expect(words(text)).toMatch(/ignored: 1 ports of other speeds than 400000/u);
    const silent = pair('sm="90"', 18).replace('</cpu>', `${net('efa_0', 'dev="0"')}</cpu>`);
    expect(read(silent).facts.nics).toEqual({ count: 1, bandwidth: null });
  });

  it('reads the document inside a script, and says so; ranks that share a GPU count once', () => {
    const script = `#!/bin/bash\ncat > topo.xml <<'EOF'\n${pair('sm="90"', 18)}EOF\n`;
    expect(read(script).facts.perNode).toBe(2);
    expect(words(script)).toMatch(/^3:1 ignored: what stands before and after the XML/u);
    const shared = pair('sm="90"', 18).replace('</gpu></pci>', '</gpu><gpu dev="0" sm="90" rank="7"/></pci>');
    expect(read(shared).facts.perNode).toBe(2);
  });
});

describe('scontrol show node', () => {
  const node = (name: string, gres: string, state = 'State=IDLE'): string =>
    `NodeName=${name} Arch=x86_64\n   ${gres}\n   ${state} Partitions=all\n\n`;

  it('nodes that differ become groups, each with the preset that its type names', () => {
    const text =
      node('a1', 'Gres=gpu:a100:8') +
      node('h1', 'Gres=gpu:nvidia_h100_80gb_hbm3:4') +
      node('a2', 'Gres=gpu:a100:8');
    const groups = fragment([text]);
    expect(groups).toContain('count: 2');
    expect(groups.indexOf('a2')).toBeLessThan(groups.indexOf('h1'));
    expect(groups).toContain('accelerator: h100-sxm-80gb');
    expect(words(text)).toMatch(/the nodes differ: groups of 8 × a100, 4 × nvidia_h100_80gb_hbm3 GPUs/u);
    // As many GPUs of another type are another group all the same.
    const mixed = fragment([node('a1', 'Gres=gpu:a100:4') + node('v1', 'Gres=gpu:v100:4')]);
    expect(mixed.match(/count: 1/gu)).toHaveLength(2);
  });

  it('counts by CfgTRES where Gres is not printed, and believes no reason', () => {
    expect(read(node('n1', 'CfgTRES=cpu=64,gres/gpu=8')).facts.perNode).toBe(8);
    const reason = node('n1', 'Gres=gpu:8', 'State=IDLE').replace('Partitions', 'Reason=was State=DOWN');
    expect(read(reason).facts.nodes).toBe(1);
  });

  it('a record cut before its state is damage; lines of slurm.conf are no nodes', () => {
    expect(words(node('n1', 'Gres=gpu:8') + 'NodeName=n2 Arch=x86_64\n   Gres=gpu:8\n')).toMatch(
      /^5:10 n2 has no State: the record is cut off/u,
    );
    expect(words('NodeName=gpu[001-016] Gres=gpu:a100:8 State=UNKNOWN\n')).toMatch(/line of slurm.conf/u);
  });

  it('of a fabric with login nodes, those that it offers, in the order of the leaves', () => {
    const offered = ['host3', 'host1', 'host2'].map((name) => node(name, 'Gres=gpu:h200:8')).join('');
    expect(fragment([offered, samples.FABRIC]).match(/host\d/gu)).toEqual(['host1', 'host2', 'host3']);
  });
});

describe('ibnetdiscover', () => {
  it('columns between blanks, hosts of one word, indented lines, redacted ids', () => {
    const want = read(samples.FABRIC).facts;
    expect(read(samples.FABRIC.replaceAll('\t', '     ')).facts).toEqual(want);
    expect(read(samples.FABRIC.replace(/^/gmu, '   ')).facts).toEqual(want);
    expect(read(samples.FABRIC.replaceAll(' mlx5_0"', '"')).facts).toEqual(want);
    expect(read(samples.FABRIC.replaceAll(/\]\(\d+\)/gu, '](b83f<redacted>)')).facts).toEqual(want);
  });

  it('before 2007 no rates are printed; a single port without one is cut off', () => {
    const old = samples.FABRIC.replaceAll(' 4xNDR', '');
    expect(read(old).facts.nics).toEqual({ count: 1, bandwidth: null });
    expect(words(samples.FABRIC.replace('lid 12 4xNDR', 'lid 12'))).toMatch(
      /^5:1 the line ends before the width and speed/u,
    );
  });

  it('the list of ports that -p prints', () => {
    const text = `CA    44  1 0x0a 4x FDR - SW     2 17 0x0c ( 'n1 HCA-1' - 'leaf' )
SW     2 17 0x0c 4x FDR - CA    44  1 0x0a ( 'leaf' - 'n1 HCA-1' )
SW     2 18 0x0c 4x FDR - CA    45  1 0x0b ( 'leaf' - 'n2 HCA-1' )
SW     2 19 0x0c 4x SDR                      'leaf'
`;
    expect(read(text).facts).toMatchObject({ hosts: ['n1', 'n2'], nics: { count: 1, bandwidth: 7e9 } });
  });

  it('names slow cables between switches, and lines that were cut out', () => {
    const slow = samples.FABRIC.replace('"spine" lid 3 4xNDR', '"spine" lid 3 4xHDR');
    expect(words(slow)).toMatch(/^6:1 1 ports between switches run slower than the 4xNDR of most: 4xHDR/mu);
    const lost = samples.FABRIC.replace(/^\[2\]\t"S-02".*\n/mu, '');
    expect(words(lost)).toMatch(/^9:11 1 cables lead from S-02 to S-03, but 0 back: lines are missing/mu);
    expect(words(`${samples.FABRIC}...omitted\n`)).toMatch(/lines were cut out/u);
  });
});

describe('mpiGraph', () => {
  it('reads its forks, blanks for tabs, and lines labelled by srun', () => {
    const want = read(samples.MPIGRAPH).matrix?.bandwidth;
    const fork = samples.MPIGRAPH.replace('MsgSize\t1048576', 'Msg Size: 1048576 Bytes')
      .replaceAll(' max\t', ' max: ')
      .replaceAll(/^(Send|Recv)\t/gmu, '$1               \t')
      .replaceAll(':0', ':0    ');
    for (const text of [
      fork,
      samples.MPIGRAPH.replaceAll('\t', '  '),
      samples.MPIGRAPH.replace(/^(?=.)/gmu, '0: '),
      samples.MPIGRAPH.replaceAll('\n', '\r\n'),
    ])
      expect(read(text).matrix?.bandwidth).toEqual(want);
    expect(read(fork).summary).toContain('1048576 bytes');
  });
});

describe('nccl-tests', () => {
  const device = (rank: number, host: string): string =>
    `#   Rank  ${rank} on ${host} device  0 [0x05] Tesla V100-SXM2-16GB\n`;
  const old = (rows: string): string =>
    `# NCCL Tests compiled with NCCL 2.2\n${device(0, 'a')}${device(1, 'b')}
#                                                 out-of-place                    in-place
#      bytes             N    type      op     time  algbw  busbw      res     time  algbw  busbw      res
${rows}`;

  it('of 2017: bytes and N, milliseconds', () => {
    // 10⁷ bytes in 0.5 ms are 20 GB/s.
    const row = '    10000000      10000000    char     sum    0.500  20.00  20.00    0e+00';
    const { curves } = read(old(`${row}    0.500  20.00  20.00    0e+00\n`));
    expect(curves[0]).toMatchObject({ collective: 'all-reduce', bandwidth: [20e9], hosts: ['a', 'b'] });
    expect(curves[0]?.times[0]).toBeCloseTo(5e-4, 9);
  });

  const unnamed = (operation: string, root: string, factor: number): string =>
    `${device(0, 'a')}${device(1, 'b')}${samples.TABLE_HEAD}${samples.row(1 << 26, 20, factor).replace('sum  -1', `${operation}  ${root}`)}${samples.TAIL}`;

  it.each([
    ['sum', '-1', 1, 'all-reduce'],
    ['sum', '-1', 0.5, 'reduce-scatter'],
    ['sum', '0', 1, 'reduce'],
    ['none', '-1', 1, 'sendrecv'],
    ['none', '0', 1, 'broadcast'],
    ['none', '-1', 0.5, 'all-gather'],
  ])('that no line names: %s, root %s, ratio %d over two ranks', (operation, root, factor, collective) => {
    expect(read(unnamed(operation, root, factor)).curves[0]?.collective).toBe(collective);
  });

  it('refuses processes that ran each by itself', () => {
    const alone = (host: string): string =>
      `# Collective test starting: all_reduce_perf\n# nThread 1 nGpus 1\n${device(0, host)}${samples.TABLE_HEAD}${samples.row(1 << 26, 20, 0)}${samples.TAIL}`;
    expect(words(alone('a') + alone('b'))).toMatch(/one rank by itself, which sends nothing/u);
    expect(words(`${device(0, 'a')}${device(0, 'b')}${samples.TABLE_HEAD}`)).toMatch(
      /^2:1 rank 0 is listed twice/u,
    );
  });
});
