import { describe, expect, it } from 'vitest';
import { importLinks } from '../../src/ingest/links-import.ts';
import { defaultReadOptions } from '../../src/ingest/links-reading.ts';
import * as samples from './links-samples.ts';

interface Damage {
  readonly name: string;
  readonly text: string;
  /** Line and column of the first error. */
  readonly at: string;
  readonly message: RegExp;
}

const log = samples.allReduceLog(30);
const lines = log.split('\n');
const withRow = (row: string): string => log.replace(samples.row(1 << 24, 30, 1.5), row);
const sound = samples.row(1 << 24, 30, 1.5);
const rowLine = lines.findIndex((line) => line.startsWith('  16777216')) + 1;
const cell = (index: number): number => [...sound.matchAll(/\S+/gu)][index]?.index ?? NaN;

const damages: readonly Damage[] = [
  { name: 'a row without its header', text: sound, at: '1:3', message: /without the header/u },
  {
    name: 'a row that is cut off',
    text: withRow('  16777216  4194304  float  sum  -1  559.24  30.00\n'),
    at: `${rowLine}:3`,
    message: /cut off: 7 columns/u,
  },
  {
    name: 'a test that computed wrong values',
    text: withRow(samples.row(1 << 24, 30, 1.5, '7')),
    at: `${rowLine}:${cell(8) + 1}`,
    message: /7 wrong values/u,
  },
  {
    name: 'a time that is no number',
    text: withRow(sound.replace('559.24', 'nan')),
    at: `${rowLine}:${cell(5) + 1}`,
    message: /found "nan"/u,
  },
  {
    name: 'bandwidths that the time contradicts',
    text: withRow(sound.replaceAll('30.00', '90.00')),
    at: `${rowLine}:${cell(6) + 1}`,
    message: /contradict/u,
  },
  {
    name: 'another number of ranks than listed',
    text: withRow(samples.row(1 << 24, 30, 1.875)),
    at: `${rowLine}:3`,
    message: /another test, or another number of ranks/u,
  },
  {
    name: 'a run without rows',
    text: withRow(''),
    at: `${rowLine - 2}:1`,
    message: /no rows/u,
  },
  {
    name: 'a run that failed its check',
    text: log.replace('values : 0 OK', 'values : 4 FAILED'),
    at: `${rowLine + 1}:1`,
    message: /4 values out of bounds/u,
  },
  {
    name: 'a pair that nobody measured',
    text: samples.pairLog('a', 'b', 20) + samples.pairLog('a', 'c', 10),
    at: '9:1',
    message: /b and c: the link is missing/u,
  },
  {
    name: 'mpiGraph: a table that ends early',
    text: samples.MPIGRAPH.replace(/b:0 from[^]*/u, ''),
    at: '14:1',
    message: /ends after 1 of 3 rows/u,
  },
  {
    name: 'mpiGraph: a row of another process',
    text: samples.MPIGRAPH.replace('b:0 to', 'x:0 to'),
    at: '9:1',
    message: /expected the row of b:0/u,
  },
  {
    name: 'mpiGraph: a cell that is no number',
    text: samples.MPIGRAPH.replace('10000.000', '1000x'),
    at: '9:24',
    message: /found "1000x"/u,
  },
  {
    name: 'mpiGraph: a row with too few links',
    text: samples.MPIGRAPH.replace('\t10000.000\t', '\t'),
    at: '9:1',
    message: /has 2 links, but there are 3/u,
  },
  {
    name: 'mpiGraph: a largest link that the table lacks',
    text: samples.MPIGRAPH.replace('12001.000\t', '9001.000\t'),
    at: '12:1',
    message: /largest link is 12001/u,
  },
  {
    name: 'mpiGraph: a run that did not finish',
    text: samples.MPIGRAPH.replace('END mpiGraph', ''),
    at: '1:1',
    message: /did not finish/u,
  },
  {
    name: 'mpiGraph: directions that nobody believes',
    text: samples.MPIGRAPH.replace('11501.000', '1150.100'),
    at: '16:10',
    message: /times as fast one way/u,
  },
  {
    name: 'nvidia-smi: no header',
    text: samples.TOPOLOGY.split('\n').slice(1).join('\n'),
    at: '1:1',
    message: /without the header/u,
  },
  {
    name: 'nvidia-smi: an unknown path',
    text: samples.TOPOLOGY.replace('GPU1\tNV12', 'GPU1\tQPI'),
    at: '3:6',
    message: /found "QPI"/u,
  },
  {
    name: 'nvidia-smi: a missing row',
    text: samples.TOPOLOGY.split('\n')
      .filter((line) => !line.startsWith('GPU2\tSYS'))
      .join('\n'),
    at: '1:12',
    message: /row of GPU2 is missing/u,
  },
  {
    name: 'nvidia-smi: ways there and back of different kinds',
    text: samples.TOPOLOGY.replace('GPU1\tNV12', 'GPU1\tNV4'),
    at: '3:6',
    message: /the way back is NV12/u,
  },
  {
    name: 'nvidia-smi: a row that is cut off',
    text: samples.TOPOLOGY.replace('GPU3\tSYS\tSYS\tNV12\t X \tSYS\t24-47\t1', 'GPU3\tSYS\tSYS'),
    at: '5:1',
    message: /ends before the column of GPU2/u,
  },
  {
    name: 'XML: entities',
    text: `<!DOCTYPE lolz [<!ENTITY lol "lol">]>\n${samples.XML}`,
    at: '1:1',
    message: /entities are not read/u,
  },
  {
    name: 'XML: a tag that is not closed',
    text: samples.XML.replace('</cpu>', ''),
    at: '17:1',
    message: /is not XML/u,
  },
  {
    name: 'XML: devices without a class',
    text: '<system version="1">\n  <cpu numaid="0">\n    <pci busid="0000:00:16.0"/>\n  </cpu>\n</system>\n',
    at: '3:5',
    message: /names no GPU/u,
  },
  {
    name: 'XML: a bus id given twice',
    text: samples.XML.replace('busid="0000:02', 'busid="0000:01'),
    at: '8:5',
    message: /given twice/u,
  },
  {
    name: 'scontrol: counts that differ',
    text: samples.NODES.replace('gres/gpu=8', 'gres/gpu=4'),
    at: '4:12',
    message: /CfgTRES counts 4 GPUs, Gres 8/u,
  },
  {
    name: 'scontrol: a node without Gres',
    text: 'NodeName=gpu01 Arch=x86_64\n',
    at: '1:10',
    message: /cut off/u,
  },
  {
    name: 'ibnetdiscover: a switch that the file does not hold',
    text: samples.FABRIC.replace(/switchguid=0x03[^]*?\n\n/u, ''),
    at: '3:11',
    message: /leads to the switch S-03/u,
  },
  {
    name: 'ibnetdiscover: an unknown speed',
    text: samples.FABRIC.replace('lid 11 4xNDR', 'lid 11 4xZDR'),
    at: '4:45',
    message: /4xZDR is not known/u,
  },
  {
    name: 'CSV: no header',
    text: '0,10,11\n12,0,10\n10,11,0\n',
    at: '1:3',
    message: /numbers, not names/u,
  },
  { name: 'CSV: a zero link', text: samples.CSV.replace('n0,0,10', 'n0,0,0'), at: '2:6', message: /zero/u },
  { name: 'CSV: not square', text: samples.CSV.replace(/n2,.*/u, ''), at: '1:1', message: /not square/u },
  {
    name: 'CSV: a direction that nobody believes',
    text: samples.CSV.replace('n0,0,10,11', 'n0,0,90,11'),
    at: '2:6',
    message: /7.5 times as fast/u,
  },
  {
    name: 'JSON: a row too short',
    text: samples.JSON_MATRIX.replace('[12, null]', '[12]'),
    at: '2:29',
    message: /expected 2 numbers/u,
  },
  {
    name: 'JSON: broken off',
    text: samples.JSON_MATRIX.slice(0, 60),
    at: '2:3',
    message: /ends too early/u,
  },
  { name: 'nothing known', text: 'hello', at: '1:1', message: /nothing tells which tool/u },
];

describe('damaged files are refused where the damage is', () => {
  it.each(damages)('$name', ({ text, at, message }) => {
    const result = importLinks([{ name: 'damaged.log', text }], null, defaultReadOptions);
    expect(result.ok).toBe(false);
    if (result.ok) return;
    const [first] = result.diagnostics;
    expect(first?.message).toMatch(message);
    expect(`${first?.position.line ?? ''}:${first?.position.column ?? ''}`).toBe(at);
    expect(first?.file).toBe('damaged.log');
  });
});
