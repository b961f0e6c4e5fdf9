/** The cluster of a SPEC: node groups with what they inherit, network tiers, measured links. */
import type { Cluster, MeasuredLinks, NodeGroup, Tier } from '../cluster/cluster.ts';
import { gpuCount } from '../cluster/cluster.ts';
import { atQuantile, combinedLinks } from '../cluster/measurements.ts';
import type { ClusterSpec, NodeGroupSpec } from '../formats/spec.ts';
import { buildAccelerator, buildIntraNode, buildNics } from './build-accelerator.ts';
import type { AcceleratorChoice } from './build-accelerator.ts';
import type { BuildContext } from './build-context.ts';
import { readMeasured } from './build-measured.ts';
import { expandHosts, isHostName } from './host-list.ts';

const CLUSTER = '/cluster';
const MAXIMUM_GPUS = 1_000_000;
const USUAL_PER_NODE = 8;

interface GroupPlace {
  readonly spec: NodeGroupSpec;
  /** Of the group, or of the cluster where `nodes` is a count. */
  readonly pointer: string;
}

interface BuiltGroup {
  readonly group: NodeGroup;
  /** GPUs of the NVLink domain that its accelerator usually stands in. */
  readonly domain: number | null;
}

/** Keys that a group takes from the cluster where it says nothing. */
type Inherited = Pick<NodeGroupSpec, 'accelerator' | 'per_node' | 'intra_node' | 'nics'>;

/** A key of the group, or what the cluster says for all groups, with its place. */
const inherited = <K extends keyof Inherited>(
  place: GroupPlace,
  cluster: Inherited,
  key: K,
): { readonly value: NonNullable<Inherited[K]>; readonly pointer: string } | null => {
  const own: Inherited = place.spec;
  if (own[key] !== undefined) return { value: own[key], pointer: `${place.pointer}/${key}` };
  return cluster[key] === undefined ? null : { value: cluster[key], pointer: `${CLUSTER}/${key}` };
};

const hostsOf = ({ spec, pointer }: GroupPlace, context: BuildContext): readonly string[] | null => {
  const { hosts: written, count } = spec;
  if (written === undefined) return null;
  const at = `${pointer}/hosts`;
  const expanded =
    typeof written === 'string' ? expandHosts(written, count) : { ok: true as const, hosts: written };
  if (!expanded.ok) {
    context.error(at, 'spec/hosts', `hosts of ${String(count)} nodes: ${expanded.message}`);
    return null;
  }
  const { hosts } = expanded;
  const bad = hosts.find((host) => !isHostName(host));
  if (bad !== undefined) context.error(at, 'spec/hosts', `"${bad.slice(0, 60)}" is not a host name`);
  else if (hosts.length !== count)
    context.error(at, 'spec/hosts', `names ${String(hosts.length)} hosts, but count is ${String(count)}`);
  return hosts;
};

const acceleratorOf = (
  place: GroupPlace,
  cluster: ClusterSpec,
  context: BuildContext,
): AcceleratorChoice | null => {
  const found = inherited(place, cluster, 'accelerator');
  if (found === null) {
    const where = place.pointer === CLUSTER ? 'cluster' : 'neither this group nor cluster';
    const verb = place.pointer === CLUSTER ? 'lacks the key' : 'has the key';
    context.errorAtKey(place.pointer, 'spec/missing-key', `${where} ${verb} "accelerator"`);
    return null;
  }
  return context.isSound(found.pointer) ? buildAccelerator(found.value, found.pointer, context) : null;
};

const buildGroup = (place: GroupPlace, cluster: ClusterSpec, context: BuildContext): BuiltGroup | null => {
  const choice = acceleratorOf(place, cluster, context);
  const hosts = context.isSound(place.pointer) || place.pointer === CLUSTER ? hostsOf(place, context) : null;
  if (choice === null) return null;
  const link = inherited(place, cluster, 'intra_node');
  const ports = inherited(place, cluster, 'nics');
  const size = inherited(place, cluster, 'per_node');
  if ([link, ports, size].some((found) => found !== null && !context.isSound(found.pointer))) return null;
  const { accelerator, preset } = choice;
  for (const [key, found] of [
    ['intra_node', link],
    ['nics', ports],
  ] as const)
    if (found === null && preset === null)
      context.errorAtKey(
        place.pointer,
        'spec/missing-key',
        `an accelerator given by figures brings no ${key}: give it too`,
      );
  const intraNode = link === null ? preset?.intraNode : buildIntraNode(link.value);
  const nics = ports === null ? preset?.nics : buildNics(ports.value, ports.pointer, context);
  if (intraNode === undefined || nics === undefined || nics === null) return null;
  return {
    group: {
      count: place.spec.count,
      hosts,
      accelerator,
      perNode: size?.value ?? preset?.perNode ?? USUAL_PER_NODE,
      intraNode,
      nics,
      pricePerHour: place.spec.price_per_hour ?? null,
    },
    domain: link === null ? (preset?.domain ?? null) : null,
  };
};

const places = (spec: ClusterSpec): readonly GroupPlace[] =>
  typeof spec.nodes === 'number'
    ? [{ spec: { count: spec.nodes }, pointer: CLUSTER }]
    : spec.nodes.map((group, index) => ({ spec: group, pointer: `${CLUSTER}/nodes/${String(index)}` }));

const checkHosts = (
  groups: readonly GroupPlace[],
  built: readonly BuiltGroup[],
  context: BuildContext,
): void => {
  const seen = new Set<string>();
  for (const [index, { group }] of built.entries()) {
    const repeated = group.hosts?.find((host) => seen.has(host) || !seen.add(host));
    if (repeated !== undefined)
      context.error(
        `${groups[index]?.pointer ?? ''}/hosts`,
        'spec/hosts',
        `the host "${repeated}" is named twice`,
      );
  }
};

const domainOf = (spec: ClusterSpec, built: readonly BuiltGroup[], context: BuildContext): number | null => {
  const given = spec.network?.domain;
  if (given === undefined) {
    const [first = null, ...others] = new Set(built.map(({ domain }) => domain));
    return others.length === 0 ? first : null;
  }
  for (const { group } of built)
    if (given % group.perNode !== 0)
      context.error(
        `${CLUSTER}/network/domain`,
        'spec/domain',
        `a domain of ${String(given)} GPUs does not consist of whole nodes of ${String(group.perNode)}`,
      );
  return built.every(({ group }) => given <= group.perNode) ? null : given;
};

const tiersOf = (spec: ClusterSpec, context: BuildContext): readonly Tier[] => {
  const tiers = (spec.network?.tiers ?? []).map((tier) => ({
    name: tier.name,
    nodes: tier.nodes ?? null,
    oversubscription: tier.oversubscription ?? 1,
  }));
  for (const [index, tier] of tiers.entries()) {
    const inner = tiers[index - 1];
    if (inner === undefined) continue;
    const pointer = `${CLUSTER}/network/tiers/${String(index)}`;
    if (inner.nodes === null)
      context.error(
        pointer,
        'spec/tiers',
        `tier "${tier.name}" stands outside "${inner.name}", which joins all nodes already`,
      );
    else if (tier.nodes !== null && tier.nodes <= inner.nodes)
      context.error(
        `${pointer}/nodes`,
        'spec/tiers',
        `tiers go from inside out: ${String(tier.nodes)} nodes of "${tier.name}" are no more than ${String(inner.nodes)} of "${inner.name}"`,
      );
  }
  return tiers;
};

/** One measurement at the quantile that the SPEC names. */
const measurementOf = (
  name: string,
  pointer: string,
  spec: ClusterSpec,
  cluster: Cluster,
  context: BuildContext,
): MeasuredLinks | null => {
  const source = context.readReference(name, pointer);
  if (source === null) return null;
  const { missing, max_asymmetry: maximumAsymmetry = null, test = null } = spec.network ?? {};
  const options = { allowMissing: missing === 'unusable', maximumAsymmetry, test };
  const links = context.take(readMeasured(source, cluster, options));
  const quantile = spec.network?.quantile;
  if (links === null || quantile === undefined) return links;
  const chosen = atQuantile(links, quantile);
  if (chosen === null)
    context.error(
      `${CLUSTER}/network/quantile`,
      'spec/quantile',
      `${name} has no quantile ${quantile}; it has ${Object.keys(links.quantiles ?? {}).join(', ') || 'none'}`,
    );
  return chosen;
};

const measuredOf = (
  spec: ClusterSpec,
  cluster: Cluster,
  context: BuildContext,
): Pick<Cluster, 'measured' | 'measurements'> => {
  const named = spec.network?.measured;
  for (const key of ['combine', 'quantile', 'missing', 'max_asymmetry', 'test'] as const)
    if (spec.network?.[key] !== undefined && named === undefined)
      context.error(`${CLUSTER}/network/${key}`, 'spec/measured', `${key} needs network.measured`);
  if (named === undefined) return { measured: null };
  const pointer = `${CLUSTER}/network/measured`;
  if (typeof named === 'string') return { measured: measurementOf(named, pointer, spec, cluster, context) };
  const all = named.map((name, index) =>
    measurementOf(name, `${pointer}/${String(index)}`, spec, cluster, context),
  );
  const links = all.filter((each) => each !== null);
  if (links.length < all.length) return { measured: null };
  const combine = spec.network?.combine ?? 'worst';
  const other = links.findIndex(({ level }) => level !== links[0]?.level);
  if (other > 0) {
    const message = 'is of another level (node, gpu) than the first measurement';
    context.error(`${pointer}/${String(other)}`, 'spec/measured', message);
    return { measured: null };
  }
  const measured = combinedLinks(links, combine);
  return links.length === 1 ? { measured } : { measured, measurements: { links, combine } };
};

/** null where something is wrong; all of it is in the context. `spec` may be trusted where the context says that it is sound. */
export const buildCluster = (spec: ClusterSpec, context: BuildContext): Cluster | null => {
  if (!context.isSound(CLUSTER) && typeof (spec as Partial<ClusterSpec> | null) !== 'object') return null;
  const nodes = spec.nodes as ClusterSpec['nodes'] | undefined;
  if (nodes === undefined || (typeof nodes === 'number' && !context.isSound(`${CLUSTER}/nodes`))) return null;
  if (typeof nodes !== 'number' && !Array.isArray(nodes)) return null;
  const groups = places(spec);
  const built = groups.map((place) => {
    const sound = place.pointer === CLUSTER || context.isSound(place.pointer);
    return sound ? buildGroup(place, spec, context) : null;
  });
  const whole = built.filter((group) => group !== null);
  if (whole.length < built.length || !context.isSound(`${CLUSTER}/network`)) return null;
  checkHosts(groups, whole, context);
  const cluster: Cluster = {
    name: spec.name ?? 'cluster',
    groups: whole.map(({ group }) => group),
    domain: domainOf(spec, whole, context),
    tiers: tiersOf(spec, context),
    measured: null,
  };
  if (gpuCount(cluster) > MAXIMUM_GPUS) {
    const message = `${String(gpuCount(cluster))} GPUs are more than the ${String(MAXIMUM_GPUS)} that planner takes`;
    context.error(`${CLUSTER}/nodes`, 'spec/range', message);
    return null;
  }
  return { ...cluster, ...measuredOf(spec, cluster, context) };
};
