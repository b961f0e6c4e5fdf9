/** `scontrol show node`: names, GPUs and states of nodes. Source of the format: scontrol(1). */
import { presetOfGres } from './links-gpu.ts';
import { ReadingReport, noFacts, startOf } from './links-reading.ts';
import type { NodeKind, ReadingResult } from './links-reading.ts';
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
    // Reasons and comments come last, and may hold anything.
    else if (records.at(-1)?.fields.has(key) === false) records.at(-1)?.fields.set(key, { text, range });
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

interface Kept extends NodeKind {
  readonly range: Range;
}

/** GPUs of a node, or a word on why there are none; what contradicts itself is reported. */
const gpusOf = ({ name, range, fields }: NodeRecord, report: ReadingReport): Gres | null => {
  const written = fields.get('Gres');
  const tres = fields.get('CfgTRES');
  const counted = /(?:^|,)gres\/gpu=(\d+)/u.exec(tres?.text ?? '')?.[1];
  if (written === undefined) {
    if (counted !== undefined) return { count: Number(counted), type: null };
    report.error(range, `${name} has no Gres: the record is cut off`);
    return null;
  }
  const gres = gresOf(written.text);
  if (gres === null) {
    report.warn(range, `ignored: ${name} has no GPUs`);
    return null;
  }
  if (!(gres.count > 0)) {
    report.error(written.range, `expected gpu:COUNT or gpu:TYPE:COUNT, found "${written.text.slice(0, 60)}"`);
    return null;
  }
  if (tres !== undefined && counted !== undefined && Number(counted) !== gres.count)
    report.error(tres.range, `CfgTRES counts ${counted} GPUs, Gres ${gres.count}`);
  return gres;
};

/** A node that jobs can have; null, with a word, for one that they cannot. */
const keptOf = (record: NodeRecord, stated: boolean, report: ReadingReport): Kept | null => {
  const { name, range, fields } = record;
  if (/[[\],]/u.test(name)) {
    report.error(
      range,
      `"${name.slice(0, 60)}" is a line of slurm.conf: scontrol show node prints each node`,
    );
    return null;
  }
  const gres = gpusOf(record, report);
  if (gres === null) return null;
  const state = fields.get('State');
  if (state === undefined && stated) {
    report.error(range, `${name} has no State: the record is cut off`);
    return null;
  }
  if (state !== undefined && OUT.test(state.text)) {
    report.warn(state.range, `ignored: ${name} is ${state.text}`);
    return null;
  }
  const { count, type } = gres;
  return { host: name, perNode: count, accelerator: type === null ? null : presetOfGres(type), type, range };
};

/** Nodes that differ follow each other in groups, in the order of their first. */
const grouped = (kept: readonly Kept[]): readonly Kept[] => {
  const groups = new Map<string, Kept[]>();
  for (const node of kept) {
    const key = `${node.perNode} ${node.type ?? ''}`;
    groups.set(key, [...(groups.get(key) ?? []), node]);
  }
  return [...groups.values()].flat();
};

const warnOfKinds = (kept: readonly Kept[], report: ReadingReport): void => {
  const of = ({ perNode, type }: Kept): string => `${perNode}${type === null ? '' : ` × ${type}`}`;
  const kinds = [...new Set(kept.map(of))];
  const odd = kept.find((node) => of(node) !== kinds[0]);
  if (odd !== undefined) report.warn(odd.range, `the nodes differ: groups of ${kinds.join(', ')} GPUs`);
  const sliced = kept.find(({ type }) => /\dg\.\d+gb/u.test(type ?? ''));
  if (sliced !== undefined)
    report.warn(sliced.range, `${sliced.type ?? ''} are slices of GPUs (MIG), counted as if each were one`);
};

export const readScontrol = (source: Source): ReadingResult => {
  const report = new ReadingReport('scontrol');
  const records = recordsOf(source);
  if (records.length === 0) report.error(startOf(source), 'no node: expected NodeName=…');
  const stated = records.some(({ fields }) => fields.has('State'));
  const seen = new Set<string>();
  const found: Kept[] = [];
  for (const record of records) {
    const { name, range } = record;
    if (name === '' || seen.has(name))
      report.error(range, name === '' ? 'a node without a name' : `the node ${name} is given twice`);
    seen.add(name);
    const kept = keptOf(record, stated, report);
    if (kept !== null) found.push(kept);
  }
  const nodes = grouped(found);
  const [first] = nodes;
  if (first === undefined && report.errors.length === 0 && records.length > 0)
    report.error(records[0]?.range ?? startOf(source), 'none of the nodes has GPUs and is in service');
  if (first === undefined || report.errors.length > 0) return report.refuse();
  if (!stated) report.warn(first.range, 'no node has a State: all of them are taken to be in service');
  warnOfKinds(nodes, report);
  const counts = new Set(nodes.map(({ perNode }) => perNode));
  const presets = new Set(nodes.map(({ accelerator }) => accelerator));
  const equal = counts.size === 1 && new Set(nodes.map(({ type }) => type)).size === 1;
  return report.finish({
    kind: 'scontrol',
    source,
    summary: `${nodes.length} node(s) of ${[...counts].join(' or ')} GPUs in service, of ${records.length}`,
    facts: {
      ...noFacts,
      hosts: nodes.map(({ host }) => host),
      nodes: nodes.length,
      perNode: counts.size === 1 ? first.perNode : null,
      accelerator: presets.size === 1 ? first.accelerator : null,
      kinds: equal
        ? null
        : nodes.map(({ host, perNode, type, accelerator }) => ({ host, perNode, type, accelerator })),
    },
    matrix: null,
    curves: [],
  });
};
