/** `scontrol show node`: names, GPUs and states of nodes. Source of the format: scontrol(1). */
import { ReadingReport, noFacts, startOf } from './links-reading.ts';
import type { ReadingResult } from './links-reading.ts';
import type { Range, Source } from './source.ts';

interface NodeRecord {
  readonly name: string;
  readonly range: Range;
  readonly fields: ReadonlyMap<string, { readonly text: string; readonly range: Range }>;
}

/** States in which Slurm starts no job. */
const OUT = /DOWN|DRAIN|FAIL|FUTURE|INVAL|MAINT|NO_RESPOND|NOT_RESPONDING|UNKNOWN|\*/u;

const recordsOf = (source: Source): readonly NodeRecord[] => {
  const records: { name: string; range: Range; fields: Map<string, { text: string; range: Range }> }[] = [];
  // Values hold blanks (OS, Reason) but never a key of the next field.
  for (const match of source.text.matchAll(/(?<![\w/])([A-Z]\w*)=(\S*)/gu)) {
    const [whole, key = '', text = ''] = match;
    const start = match.index + whole.length - text.length;
    const range = { source, start, end: Math.max(start + 1, start + text.length) };
    if (key === 'NodeName') records.push({ name: text, range, fields: new Map() });
    else records.at(-1)?.fields.set(key, { text, range });
  }
  return records;
};

interface Gres {
  readonly count: number;
  readonly type: string | null;
}

/** `gpu:4`, `gpu:h100:8(S:0-1)`, `gpu:1g.10gb:7`, `gpu:a100:no_consume:4`, several separated by commas; (null) for none. */
const gresOf = (text: string): Gres | null => {
  const parts = text.split(/,(?![^(]*\))/u).filter((part) => /^gpu(?::|$)/u.test(part));
  if (parts.length === 0) return null;
  let count = 0;
  let type: string | null = null;
  for (const part of parts) {
    const found =
      /^gpu(?::((?!no_consume:)(?=[^:]*[A-Za-z])\w[\w.-]*))?(?::no_consume)?:(\d{1,4})(?:\(|$)/u.exec(part);
    if (found === null) return { count: NaN, type: null };
    count += Number(found[2]);
    type = found[1] ?? type;
  }
  return { count, type };
};

export const readScontrol = (source: Source): ReadingResult => {
  const report = new ReadingReport('scontrol');
  const records = recordsOf(source);
  if (records.length === 0) report.error(startOf(source), 'no node: expected NodeName=…');
  const kept: { readonly name: string; readonly gpus: number; readonly range: Range }[] = [];
  const seen = new Set<string>();
  for (const { name, range, fields } of records) {
    if (name === '' || seen.has(name))
      report.error(range, name === '' ? 'a node without a name' : `the node ${name} is given twice`);
    seen.add(name);
    const written = fields.get('Gres');
    if (written === undefined) {
      report.error(range, `${name} has no Gres: the record is cut off`);
      continue;
    }
    const gres = gresOf(written.text);
    const tres = fields.get('CfgTRES');
    const counted = /(?:^|,)gres\/gpu=(\d+)/u.exec(tres?.text ?? '')?.[1];
    if (gres !== null && !(gres.count > 0)) {
      report.error(
        written.range,
        `expected gpu:COUNT or gpu:TYPE:COUNT, found "${written.text.slice(0, 60)}"`,
      );
      continue;
    }
    if (gres !== null && tres !== undefined && counted !== undefined && Number(counted) !== gres.count)
      report.error(tres.range, `CfgTRES counts ${counted} GPUs, Gres ${gres.count}`);
    if (gres === null) {
      report.warn(range, `ignored: ${name} has no GPUs`);
      continue;
    }
    const state = fields.get('State');
    if (state !== undefined && OUT.test(state.text)) {
      report.warn(state.range, `ignored: ${name} is ${state.text}`);
      continue;
    }
    kept.push({ name, gpus: gres.count, range });
  }
  const [first] = kept;
  if (first === undefined && report.errors.length === 0 && records.length > 0)
    report.error(records[0]?.range ?? startOf(source), 'none of the nodes has GPUs and is in service');
  const odd = kept.find(({ gpus }) => gpus !== first?.gpus);
  if (odd !== undefined && first !== undefined)
    report.error(
      odd.range,
      `${odd.name} has ${odd.gpus} GPUs, ${first.name} ${first.gpus}: import groups of equal nodes apart`,
    );
  if (first === undefined || report.errors.length > 0) return report.refuse();
  return report.finish({
    kind: 'scontrol',
    source,
    summary: `${kept.length} node(s) of ${first.gpus} GPUs in service, of ${records.length}`,
    facts: { ...noFacts, hosts: kept.map(({ name }) => name), nodes: kept.length, perNode: first.gpus },
    matrix: null,
    curves: [],
  });
};
