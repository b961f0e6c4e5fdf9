/** An imported cluster as files: the `cluster:` part of a SPEC, and its links as JSON. */
import type { MeasuredLinks } from '../cluster/cluster.ts';
import { nvlinkRate } from '../ingest/links-gpu.ts';
import { readAccelerator } from '../ingest/presets.ts';
import type { NodeFacts, NodeKind } from '../ingest/links-reading.ts';
import type { ImportedCluster } from '../ingest/links-import.ts';
import { stringify } from 'yaml';

export interface FragmentOptions {
  readonly name: string;
  /** Preset given by the user, over what the files say. */
  readonly accelerator: string | null;
  /** Name of the file with the links, as the fragment refers to it; null where there is none. */
  readonly measured: string | null;
}

/** GB/s with as many digits as any tool prints. */
const gigabytes = (value: number): number => Number((value / 1e9).toPrecision(7));

const rate = (value: number): string => `${gigabytes(value)} GB/s`;

const nicsOf = ({ nics }: NodeFacts): Readonly<Record<string, unknown>> | undefined =>
  nics === null || nics.bandwidth === null
    ? undefined
    : { count: nics.count, bandwidth: rate(nics.bandwidth), latency: '5 us' };

/** Runs of equal nodes in the order of the hosts, as the links have it. */
const groupsOf = (hosts: readonly string[], kinds: readonly NodeKind[]): unknown => {
  const groups: { hosts: string[]; kind: NodeKind | undefined }[] = [];
  for (const host of hosts) {
    const kind = kinds.find((each) => each.host === host);
    const last = groups.at(-1);
    const same = last?.kind?.perNode === kind?.perNode && last?.kind?.type === kind?.type;
    if (last !== undefined && same) last.hosts.push(host);
    else groups.push({ hosts: [host], kind });
  }
  return groups.map(({ hosts: own, kind }) => ({
    count: own.length,
    hosts: own,
    ...(kind === undefined ? {} : { per_node: kind.perNode }),
    ...(kind === undefined || kind.accelerator === null ? {} : { accelerator: kind.accelerator }),
  }));
};

const nodesOf = ({ hosts, nodes, kinds }: NodeFacts): unknown => {
  if (hosts === null) return nodes ?? 1;
  return kinds === null ? [{ count: hosts.length, hosts: [...hosts] }] : groupsOf(hosts, kinds);
};

/** Links counted at an assumed rate get that of the accelerator; null where it brings them itself. */
const intraNodeOf = (
  { intraNode, nvlinks }: NodeFacts,
  accelerator: string | null,
): NodeFacts['intraNode'] => {
  if (intraNode === null || nvlinks === null || accelerator === null) return intraNode;
  const bandwidth = nvlinks * nvlinkRate(accelerator);
  const usual = readAccelerator(accelerator).intraNode;
  const kind = typeof intraNode === 'string' ? 'switch' : intraNode.kind;
  if (usual.bandwidth === bandwidth && usual.kind === kind) return null;
  return bandwidth === nvlinks * 25e9 ? intraNode : { bandwidth, kind };
};

/** The fragment in YAML; `accelerator` is left out where nobody told it. */
export const clusterFragment = ({ facts }: ImportedCluster, options: FragmentOptions): string => {
  const { tiers, perNode } = facts;
  const accelerator = options.accelerator ?? facts.accelerator;
  const intraNode = intraNodeOf(facts, accelerator);
  const nics = nicsOf(facts);
  const network = {
    ...(tiers.length === 0
      ? {}
      : {
          tiers: tiers.map(({ name, nodes, oversubscription }) => ({
            name,
            ...(nodes === null ? {} : { nodes }),
            oversubscription,
          })),
        }),
    ...(options.measured === null ? {} : { measured: options.measured }),
  };
  return stringify({
    cluster: {
      name: options.name,
      ...(accelerator === null ? {} : { accelerator }),
      nodes: nodesOf(facts),
      ...(perNode === null ? {} : { per_node: perNode }),
      ...(intraNode === null
        ? {}
        : {
            intra_node:
              typeof intraNode === 'string'
                ? intraNode
                : { bandwidth: rate(intraNode.bandwidth), latency: '2 us', kind: intraNode.kind },
          }),
      ...(nics === undefined ? {} : { nics }),
      ...(Object.keys(network).length === 0 ? {} : { network }),
    },
  });
};

const rowsOf = (rows: readonly (readonly number[])[]): (number | null)[][] =>
  rows.map((row) => row.map((value) => (value > 0 ? gigabytes(value) : null)));

const line = (value: unknown): string => JSON.stringify(value);

const matrixText = (rows: readonly (readonly unknown[])[], indent: string): string =>
  `[\n${rows.map((row) => `${indent}  ${line(row)}`).join(',\n')}\n${indent}]`;

/** The links in the format that `network.measured` reads, a row of the matrix a line. */
export const linksDocument = (links: MeasuredLinks, unusable: ImportedCluster['unusable']): string => {
  const { level, names, bandwidth, latency, bySize = [] } = links;
  const parts = [
    `  "unit": "GB/s"`,
    `  "level": ${line(level)}`,
    `  "order": ${line(names)}`,
    `  "bandwidth": ${matrixText(rowsOf(bandwidth), '  ')}`,
  ];
  if (latency !== null) {
    const delays = latency.map((row) =>
      row.map((value) => (Number.isFinite(value) ? Number(value.toPrecision(7)) : null)),
    );
    parts.push(`  "latency": ${matrixText(delays, '  ')}`);
  }
  if (bySize.length > 0) {
    parts.push(`  "message_bytes": ${line(bySize.map(({ message }) => message))}`);
    const matrices = bySize.map((size) => `    ${matrixText(rowsOf(size.bandwidth), '    ')}`);
    parts.push(`  "bandwidth_by_size": [\n${matrices.join(',\n')}\n  ]`);
  }
  if (unusable.length > 0) parts.push(`  "unusable": ${line(unusable)}`);
  return `{\n${parts.join(',\n')}\n}\n`;
};
