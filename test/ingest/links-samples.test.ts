import { describe, expect, it } from 'vitest';
import type { LinkReading, ReadOptions } from '../../src/ingest/links-reading.ts';
import { defaultReadOptions } from '../../src/ingest/links-reading.ts';
import { detectKind, readLinks } from '../../src/ingest/links-detect.ts';
import { importLinks } from '../../src/ingest/links-import.ts';
import type { ImportedCluster } from '../../src/ingest/links-import.ts';
import * as samples from './links-samples.ts';

const source = (text: string, name = 'sample.txt') => ({ name, text });

const read = (text: string, name?: string): LinkReading => {
  const result = readLinks(source(text, name), null, defaultReadOptions);
  if (!result.ok) throw new Error(result.diagnostics.map(({ message }) => message).join('; '));
  return result.value;
};

const imported = (texts: readonly string[], options: Partial<ReadOptions> = {}) => {
  const sources = texts.map((text, index) => source(text, `file${index}`));
  return importLinks(sources, null, { ...defaultReadOptions, ...options });
};

const taken = (texts: readonly string[], options: Partial<ReadOptions> = {}): ImportedCluster => {
  const result = imported(texts, options);
  if (!result.ok) throw new Error(result.diagnostics.map(({ message }) => message).join('; '));
  return result.value;
};

describe('the kind of a file', () => {
  it.each([
    ['nccl-tests', samples.allReduceLog(10)],
    ['nvidia-smi-topo', samples.TOPOLOGY],
    ['mpigraph', samples.MPIGRAPH],
    ['scontrol', samples.NODES],
    ['ibnetdiscover', samples.FABRIC],
    ['nccl-topology', samples.XML],
    ['matrix', samples.CSV],
    ['matrix', samples.JSON_MATRIX],
  ])('%s', (kind, text) => {
    expect(detectKind(source(text))).toBe(kind);
  });

  it('is not guessed where nothing tells', () => {
    expect(detectKind(source('hello'))).toBeNull();
  });
});

describe('nccl-tests', () => {
  it('keeps the curve, the ranks and their hosts', () => {
    const [curve] = read(samples.pairLog('a', 'b', 20)).curves;
    expect(curve?.collective).toBe('sendrecv');
    expect(curve?.hosts).toEqual(['a', 'b']);
    expect(curve?.messages).toEqual([1 << 20, 1 << 24]);
    expect(curve?.bandwidth).toEqual([10e9, 20e9]);
  });

  it('makes one matrix of logs between pairs of hosts, with a curve for each link', () => {
    const { links, facts } = taken([
      samples.pairLog('a', 'b', 20),
      samples.pairLog('a', 'c', 10),
      samples.pairLog('b', 'c', 16),
    ]);
    expect(links?.names).toEqual(['a', 'b', 'c']);
    expect(links?.bandwidth[0]).toEqual([NaN, 20e9, 10e9]);
    expect(links?.bandwidth[2]).toEqual([10e9, 16e9, NaN]);
    expect(links?.bySize?.map(({ message }) => message)).toEqual([1 << 20, 1 << 24]);
    expect(links?.bySize?.[0]?.bandwidth[0]?.[1]).toBe(10e9);
    expect(facts.accelerator).toBe('h100-sxm-80gb');
  });

  it('takes what crosses the node boundary of an all-reduce to be its bus bandwidth', () => {
    // 30 GB/s algorithm bandwidth over 4 ranks: 2 · 3/4 · 30 = 45 GB/s on every link of the ring.
    expect(taken([samples.allReduceLog(30)]).links?.bandwidth[0]?.[1]).toBe(45e9);
  });

  it('reads through the prefixes of launchers, colours and carriage returns', () => {
    const plain = read(samples.allReduceLog(30)).curves[0];
    const dressed = (dress: (line: string) => string): unknown =>
      read(samples.allReduceLog(30).split('\n').map(dress).join('\n')).curves[0]?.bandwidth;
    expect(dressed((line) => `[1,0]<stdout>:${line}`)).toEqual(plain?.bandwidth);
    expect(dressed((line) => `0: ${line}`)).toEqual(plain?.bandwidth);
    expect(dressed((line) => `${line}\r`)).toEqual(plain?.bandwidth);
    expect(dressed((line) => `\u001b[32m${line}\u001b[0m`)).toEqual(plain?.bandwidth);
  });

  it('scales an all-to-all to what leaves a node: G²/(n−1) of its bus bandwidth for two nodes', () => {
    const log = samples
      .allReduceLog(30)
      .replace('all_reduce_perf', 'alltoall_perf')
      .replace(samples.row(1 << 24, 30, 1.5), samples.row(1 << 24, 30, 0.75));
    // Bus 22.5 GB/s, two ranks on each node: 4/3 of it.
    expect(taken([log]).links?.bandwidth[0]?.[1]).toBeCloseTo(30e9, -3);
  });
});

describe('mpiGraph', () => {
  it('counts what arrived: "b from a" is the link a → b', () => {
    const { links } = taken([samples.MPIGRAPH]);
    expect(links?.names).toEqual(['a', 'b', 'c']);
    expect(links?.bandwidth[0]?.[1]).toBe(12001e6);
    expect(links?.bandwidth[1]?.[0]).toBe(11501e6);
    expect(taken([samples.MPIGRAPH], { test: 'send' }).links?.bandwidth[0]?.[1]).toBe(12000e6);
  });

  it('leaves out nodes that the scheduler does not offer', () => {
    const text = samples.MPIGRAPH.replace(
      /\b([abc]):0/gu,
      (_, name: string) => `gpu0${'abc'.indexOf(name) + 1}:0`,
    );
    const { links } = taken([text, samples.NODES]);
    expect(links?.names).toEqual(['gpu01', 'gpu03']);
    expect(links?.bandwidth[0]?.[1]).toBe(11001e6);
  });
});

describe('nvidia-smi topo -m', () => {
  it('tells pairs from the rest, and ports from GPUs', () => {
    const { facts, matrix } = read(samples.TOPOLOGY);
    expect(facts.perNode).toBe(4);
    expect(facts.nics?.count).toBe(1);
    expect(matrix?.bandwidth[0]?.[1]).toBe(300e9);
    expect(matrix?.bandwidth[0]?.[2]).toBeLessThan(20e9);
  });

  it('survives rows out of order, a header in two lines, labels run together, colours', () => {
    const want = read(samples.TOPOLOGY).matrix?.bandwidth;
    const lines = samples.TOPOLOGY.split('\n');
    const swapped = [lines[0], lines[3], lines[1], lines[4], lines[2], ...lines.slice(5)].join('\n');
    expect(read(swapped).matrix?.bandwidth).toEqual(want);
    const wrapped = samples.TOPOLOGY.replace('GPU2\tGPU3\tNIC0', 'GPU2\n\tGPU3\tNIC0');
    expect(read(wrapped).matrix?.bandwidth).toEqual(want);
    const glued = samples.TOPOLOGY.replace('GPU2\tGPU3\tNIC0', 'GPU2GPU3NIC0');
    expect(read(glued).matrix?.bandwidth).toEqual(want);
    const coloured = samples.TOPOLOGY.replace('GPU0\tGPU1', '\u001b[4mGPU0\u001b[0m\t\u001b[4mGPU1\u001b[0m');
    expect(read(coloured).matrix?.bandwidth).toEqual(want);
  });

  it('reads any number of NVLinks', () => {
    const text = samples.TOPOLOGY.replaceAll('NV12', 'NV7');
    expect(read(text).matrix?.bandwidth[0]?.[1]).toBe(175e9);
  });
});

describe('nodes and fabrics', () => {
  it('scontrol: nodes in service with their GPUs', () => {
    const { facts } = read(samples.NODES);
    expect(facts.hosts).toEqual(['gpu01', 'gpu03']);
    expect(facts.perNode).toBe(8);
  });

  it('ibnetdiscover: hosts by leaf switch, and how much leaves those', () => {
    const { facts } = read(samples.FABRIC);
    expect(facts.hosts).toEqual(['host1', 'host2', 'host3', 'host4']);
    // 3 ports down and 1 up on the second leaf; 4xNDR is 400 Gb/s.
    expect(facts.tiers[0]).toEqual({ name: 'leaf', nodes: 2, oversubscription: 3 });
    expect(facts.nics).toEqual({ count: 1, bandwidth: 50e9 });
  });

  it('NCCL topology: GPUs, their NVLinks and ports', () => {
    const { facts } = read(samples.XML);
    expect(facts.perNode).toBe(2);
    expect(facts.intraNode).toEqual({ bandwidth: 300e9, kind: 'mesh' });
    expect(facts.nics).toEqual({ count: 1, bandwidth: 25e9 });
  });
});

describe('missing links', () => {
  const hole = samples.CSV.replace('n1,12,0,10', 'n1,12,0,');

  it('are errors unless they may be, and then named', () => {
    expect(imported([hole]).ok).toBe(false);
    const { links, unusable } = taken([hole], { allowMissing: true });
    expect(unusable).toEqual([['n1', 'n2']]);
    expect(links?.bandwidth[1]?.[2]).toBe(0);
  });
});
