/**
 * Lines of ibnetdiscover → switches and what their ports lead to. Source of the format: ibnetdiscover(8),
 * linux-rdma/rdma-core infiniband-diags/ibnetdiscover.c.
 */
import { plainLines } from './links-lines.ts';
import type { LogLine } from './links-lines.ts';
import type { ReadingReport } from './links-reading.ts';
import type { Range, Source } from './source.ts';

/** Gb/s of a lane, as the tool names rates. */
const LANE: Readonly<Record<string, number>> = {
  SDR: 2,
  DDR: 4,
  QDR: 8,
  FDR10: 10,
  FDR: 14,
  EDR: 25,
  HDR: 50,
  NDR: 100,
  XDR: 200,
};

export interface Port {
  readonly to: string;
  readonly toSwitch: boolean;
  readonly name: string;
  /** bytes/s; NaN where the tool, before 2007, prints none. */
  readonly rate: number;
  /** As printed: `4xNDR`. */
  readonly speed: string;
  readonly range: Range;
}

export interface Switch {
  readonly id: string;
  readonly name: string;
  readonly declared: number;
  readonly ports: Port[];
  readonly range: Range;
}

const rangeIn = (line: LogLine, part: string): Range => {
  const start = line.start + Math.max(0, line.text.indexOf(part));
  return { source: line.source, start, end: start + Math.max(1, part.length) };
};

const rateOf = (line: LogLine, width: string, speed: string, report: ReadingReport): number => {
  const lane = LANE[speed];
  if (lane === undefined)
    report.error(rangeIn(line, `${width}x${speed}`), `the speed ${width}x${speed} is not known`);
  return (Number(width) * (lane ?? 0) * 1e9) / 8;
};

const HEAD = /^(Switch|Ca|Rt)\s+(\d+)\s+"([^"]*)"\s*#\s*"([^"]*)"/u;
const PORT =
  /^\[(\d+)\](?:\([^)]*\))?\s+"([^"]*)"\[\d+\](?:\([^)]*\))?\s*#\s*"([^"]*)"\s+lid\s+\d+(?:\s+(\d+)x(\w+))?\s*$/u;

/** Whoever pasted the file left lines out. */
const CUT = /^(?:\.{3}|…)/u;

/** Records of switches, each with a line for each port that is connected. */
const recordedSwitches = (lines: readonly LogLine[], report: ReadingReport): readonly Switch[] => {
  const switches: Switch[] = [];
  let open: Switch | null = null;
  for (const line of lines) {
    const text = line.text.trim();
    if (CUT.test(text))
      report.warn(rangeIn(line, text), 'lines were cut out of the file: what they held is not known');
    const head = HEAD.exec(text);
    if (head !== null) {
      const [, kind, ports = '', id = '', name = ''] = head;
      open = null;
      if (kind !== 'Switch') continue;
      if (switches.some((known) => known.id === id))
        report.error(rangeIn(line, id), `the switch ${id} is given twice`);
      open = { id, name, declared: Number(ports), ports: [], range: rangeIn(line, id) };
      switches.push(open);
      continue;
    }
    if (/^(?:Switch|Ca)\s/u.test(text)) {
      report.error(rangeIn(line, text), 'expected the number of ports, an id and a name in quotes');
      open = null;
      continue;
    }
    if (open === null || !text.startsWith('[')) continue;
    const port = PORT.exec(text);
    if (port === null) {
      report.error(rangeIn(line, text), 'expected [port] "id"[port] # "name" lid N WIDTHxSPEED');
      continue;
    }
    const [, number = '', to = '', name = '', width, speed] = port;
    const rated = width !== undefined && speed !== undefined;
    if (Number(number) > open.declared)
      report.error(rangeIn(line, `[${number}]`), `port ${number} of a switch that has ${open.declared}`);
    open.ports.push({
      to,
      toSwitch: to.startsWith('S-'),
      name,
      rate: rated ? rateOf(line, width, speed, report) : NaN,
      speed: rated ? `${width}x${speed}` : '',
      range: rangeIn(line, text),
    });
  }
  return switches;
};

const LISTED =
  /^SW\s+\d+\s+(\d+)\s+(0x[\da-f]+)\s+(\d+)x\s+(\S+)\s+-\s+(\w+)\s+\d+\s+\d+\s+(0x[\da-f]+)\s+\(\s*'(.*?)'\s+-\s+'(.*)'\s*\)$/u;

/** `ibnetdiscover -p`: a line for each port; those without a peer are not connected. */
const listedSwitches = (lines: readonly LogLine[], report: ReadingReport): readonly Switch[] => {
  const switches = new Map<string, Switch>();
  for (const line of lines) {
    const text = line.text.trim();
    if (!/^SW\s/u.test(text) || !/\s-\s+(?:CA|SW|RT)\s/u.test(text)) continue;
    const port = LISTED.exec(text);
    if (port === null) {
      report.error(
        rangeIn(line, text),
        "expected SW lid port guid WIDTHx SPEED - CA lid port guid ( 'a' - 'b' )",
      );
      continue;
    }
    const [, , id = '', width = '', speed = '', kind, to = '', name = '', peer = ''] = port;
    const own = switches.get(id) ?? { id, name, declared: Infinity, ports: [], range: rangeIn(line, id) };
    switches.set(id, own);
    const rate = rateOf(line, width, speed, report);
    const range = rangeIn(line, text);
    own.ports.push({ to, toSwitch: kind === 'SW', name: peer, rate, speed: `${width}x${speed}`, range });
  }
  return [...switches.values()];
};

/** Switches of either notation; a port without its speed among ports that have one is cut off. */
export const switchesOf = (source: Source, report: ReadingReport): readonly Switch[] => {
  // Lines of ports begin with `[1]`, as MPICH's prefixes do.
  const lines = plainLines(source);
  const recorded = recordedSwitches(lines, report);
  const switches = recorded.length > 0 || report.errors.length > 0 ? recorded : listedSwitches(lines, report);
  const ports = switches.flatMap((each) => each.ports);
  if (ports.some(({ speed }) => speed !== ''))
    for (const { speed, range } of ports)
      if (speed === '') report.error(range, 'the line ends before the width and speed of the port');
  return switches;
};
