/** Several files about one cluster → its description as a SPEC has it, and its measured links. */
import type { MeasuredLinks } from '../cluster/cluster.ts';
import { launchedLinks } from '../cluster/launch-order.ts';
import type { Diagnostic } from '../diagnostics.ts';
import { readLinks } from './links-detect.ts';
import { pairsMatrix } from './links-pairs.ts';
import { ReadingReport, noFacts, startOf } from './links-reading.ts';
import type { LinkKind, LinkMatrix, LinkReading, NodeFacts, ReadOptions } from './links-reading.ts';
import { trustLinks } from './links-trust.ts';
import type { Source } from './source.ts';

export interface ImportedCluster {
  readonly facts: NodeFacts;
  readonly links: MeasuredLinks | null;
  readonly unusable: readonly (readonly [from: string, to: string])[];
  readonly readings: readonly LinkReading[];
}

export type ImportResult =
  | { readonly ok: true; readonly value: ImportedCluster; readonly warnings: readonly Diagnostic[] }
  | { readonly ok: false; readonly diagnostics: readonly Diagnostic[] };

/** Of several files the first that names hosts; but of those that a fabric holds, only what the scheduler offers. */
const hostsOf = (readings: readonly LinkReading[]): Pick<NodeFacts, 'hosts' | 'nodes'> => {
  const named = readings.find(({ facts }) => facts.hosts !== null)?.facts;
  const fabric = readings.find(({ kind }) => kind === 'ibnetdiscover')?.facts.hosts;
  const offered = readings.find(({ kind }) => kind === 'scontrol')?.facts.hosts;
  const nodes = readings.find(({ facts }) => facts.nodes !== null)?.facts.nodes ?? null;
  if (!fabric || !offered) return { hosts: named?.hosts ?? null, nodes: named?.nodes ?? nodes };
  const both = fabric.filter((host) => offered.includes(host));
  const hosts = both.length === offered.length ? both : offered;
  return { hosts, nodes: hosts.length };
};

/** Of facts that several files state, the first counts. */
const merged = (readings: readonly LinkReading[]): NodeFacts => {
  const all = readings.map((reading) => reading.facts);
  const first = <K extends keyof NodeFacts>(key: K): NodeFacts[K] =>
    (all.find((facts) => facts[key] !== null) ?? noFacts)[key];
  return {
    ...hostsOf(readings),
    perNode: first('perNode'),
    kinds: first('kinds'),
    accelerator: first('accelerator'),
    intraNode: first('intraNode'),
    nvlinks: all.find(({ intraNode }) => intraNode !== null)?.nvlinks ?? null,
    nics: first('nics'),
    tiers: all.find(({ tiers }) => tiers.length > 0)?.tiers ?? [],
  };
};

interface Found {
  readonly matrix: LinkMatrix;
  readonly reading: LinkReading;
}

/** Logs of nccl-tests between two hosts each are one matrix, in however many files they lie. */
const matrixOf = (readings: readonly LinkReading[], report: ReadingReport): Found | null => {
  const tests = readings.filter(({ kind }) => kind === 'nccl-tests');
  const pairs = tests.flatMap(({ curves }) => curves).filter(({ hosts }) => hosts.length === 2);
  const hosts = [...new Set(pairs.flatMap((curve) => curve.hosts))];
  const [firstTest] = tests;
  if (tests.length > 1 && firstTest !== undefined && hosts.length > 2)
    return { matrix: pairsMatrix(pairs, hosts), reading: firstTest };
  const own = readings.flatMap((reading): Found[] =>
    reading.matrix === null ? [] : [{ matrix: reading.matrix, reading }],
  );
  const measured = own.filter(({ matrix }) => !matrix.nominal);
  const candidates = measured.length > 0 ? measured : own;
  const [found, other] = candidates;
  if (other !== undefined)
    report.error(
      startOf(other.reading.source),
      `holds links as ${found?.reading.source.name ?? ''} does: import one of them`,
    );
  return found ?? null;
};

/** Nodes that the scheduler does not offer are left out of the measured ones. */
const inService = (
  links: MeasuredLinks,
  readings: readonly LinkReading[],
  report: ReadingReport,
): MeasuredLinks => {
  const scheduler = readings.find(({ kind }) => kind === 'scontrol');
  if (scheduler === undefined || links.level !== 'node') return links;
  const offered = new Set(scheduler.facts.hosts ?? []);
  const kept = links.names.flatMap((name, index) => (offered.has(name) ? [index] : []));
  const dropped = links.names.filter((name) => !offered.has(name));
  if (kept.length < 2) {
    report.error(startOf(scheduler.source), 'names none of the nodes whose links were measured, or only one');
    return links;
  }
  if (dropped.length > 0)
    report.warn(
      startOf(scheduler.source),
      `left out, as the scheduler does not offer them: ${dropped.join(', ')}`,
    );
  return dropped.length === 0 ? links : launchedLinks(links, kept);
};

export const importLinks = (
  sources: readonly Source[],
  kind: LinkKind | null,
  options: ReadOptions,
): ImportResult => {
  const results = sources.map((source) => readLinks(source, kind, options));
  const failed = results.flatMap((result) => (result.ok ? [] : result.diagnostics));
  if (failed.length > 0) return { ok: false, diagnostics: failed };
  const readings = results.flatMap((result) => (result.ok ? [result.value] : []));
  const report = new ReadingReport('matrix');
  const found = matrixOf(readings, report);
  const trusted =
    found === null || report.errors.length > 0 ? null : trustLinks(found.matrix, options, report);
  const links = trusted === null ? null : inService(trusted.links, readings, report);
  if (report.errors.length > 0) return { ok: false, diagnostics: report.errors };
  const facts = merged(readings);
  const named = links === null ? new Set<string>() : new Set(links.names);
  const nodes =
    links === null
      ? facts
      : links.level === 'node'
        ? { ...facts, hosts: links.names, nodes: links.names.length }
        : {
            ...facts,
            nodes: links.names.length / (facts.perNode ?? links.names.length),
            perNode: facts.perNode ?? links.names.length,
          };
  return {
    ok: true,
    value: {
      facts: nodes,
      links,
      unusable: (trusted?.unusable ?? []).filter(([from, to]) => named.has(from) && named.has(to)),
      readings,
    },
    warnings: [...results.flatMap((result) => (result.ok ? result.warnings : [])), ...report.warnings],
  };
};
