/** The assignment as a mixed-integer linear program: a second opinion on small clusters, from a formulation of its own. */
import { ModelBuilder, type LinearModel, type LinearTerm } from '../../src/solver/linear-model.ts';
import type { SolverBackend } from '../../src/solver/solution.ts';
import type { DedicationInstance } from '../../src/search/dedication-instance.ts';

/** Links between slots that the objective looks at, once each. */
const slotLinks = ({ rings, paths }: DedicationInstance): ReadonlyMap<string, readonly [number, number]> => {
  const links = new Map<string, readonly [number, number]>();
  const add = (from: number, to: number): void => {
    links.set(`${from} ${to}`, [from, to]);
  };
  for (const { slots } of rings)
    for (const [index, to] of slots.entries())
      if (slots.length > 1) add(slots[(index + slots.length - 1) % slots.length] ?? 0, to);
  for (const { hops } of paths)
    for (const hop of hops) for (let at = 0; at < hop.length; at += 2) add(hop[at] ?? 0, hop[at + 1] ?? 0);
  return links;
};

/** Seconds per byte are about 1e-10: the program counts in units of the slowest link. */
const slowestLink = ({ latency, nodes }: DedicationInstance): number =>
  latency.reduce(
    (most, value, index) => (Math.floor(index / nodes) === index % nodes ? most : Math.max(most, value)),
    0,
  );

/**
 * stands[slot][node] ∈ {0, 1}, every slot one node, no node twice. For each link of two slots uses[from][to] ≥ 0 picks one
 * pair of nodes, with stands as its margins (Frieze & Yadegar 1983), so that Σ latency · uses is the link's latency. The
 * largest ring is at least weight · that; a pipeline's hop at least each of its links; the objective is their sum.
 */
export const dedicationModel = (instance: DedicationInstance): LinearModel => {
  const { nodes, slots, latency, rings, paths, hopWeight } = instance;
  const builder = new ModelBuilder();
  const unit = slowestLink(instance);
  const all = Array.from({ length: nodes }, (_, node) => node);
  const stands = Array.from({ length: slots }, (_, slot) =>
    all.map((node) => builder.binary(`stands ${slot} ${node}`)),
  );
  const one = (variable: number): LinearTerm => ({ variable, coefficient: 1 });
  for (const [slot, row] of stands.entries())
    builder.constraint(`slot ${slot}`, row.map(one), { lower: 1, upper: 1 });
  for (const node of all)
    builder.constraint(
      `node ${node}`,
      stands.map((row) => one(row[node] ?? 0)),
      { upper: 1 },
    );
  const latencyOf = new Map<string, readonly LinearTerm[]>();
  for (const [key, [from, to]] of slotLinks(instance)) {
    const uses = all.map((a) =>
      all.map((b) => builder.variable(`uses ${key} ${a} ${b}`, { upper: a === b ? 0 : 1 })),
    );
    const tie = (name: string, own: readonly number[], margin: number): void => {
      builder.constraint(name, [...own.map(one), { variable: margin, coefficient: -1 }], {
        lower: 0,
        upper: 0,
      });
    };
    for (const a of all) {
      tie(`from ${key} ${a}`, uses[a] ?? [], stands[from]?.[a] ?? 0);
      tie(
        `to ${key} ${a}`,
        uses.map((row) => row[a] ?? 0),
        stands[to]?.[a] ?? 0,
      );
    }
    latencyOf.set(
      key,
      uses.flatMap((row, a) =>
        row.map((variable, b) => ({
          variable,
          coefficient: a === b ? 0 : (latency[a * nodes + b] ?? 0) / unit,
        })),
      ),
    );
  }
  /** `most` ≥ weight · latency of a link. */
  const atLeast = (most: number, weight: number, key: string): void => {
    const terms = (latencyOf.get(key) ?? []).map(({ variable, coefficient }) => ({
      variable,
      coefficient: -weight * coefficient,
    }));
    builder.constraint(`most ${most} ${key}`, [one(most), ...terms], { lower: 0 });
  };
  const heaviest = Math.max(hopWeight, ...rings.map(({ weight }) => weight));
  const data = builder.variable('data');
  for (const { slots: own, weight } of rings)
    for (const [index, to] of own.entries())
      if (own.length > 1)
        atLeast(data, weight / heaviest, `${own[(index + own.length - 1) % own.length] ?? 0} ${to}`);
  const pipeline = builder.variable('pipeline');
  for (const [replica, { hops }] of paths.entries()) {
    const worst = hops.map((hop, index) => {
      const variable = builder.variable(`hop ${replica} ${index}`);
      for (let at = 0; at < hop.length; at += 2)
        atLeast(variable, hopWeight / heaviest, `${hop[at] ?? 0} ${hop[at + 1] ?? 0}`);
      return { variable, coefficient: -1 };
    });
    builder.constraint(`path ${replica}`, [one(pipeline), ...worst], { lower: 0 });
  }
  return builder.build('minimize', [one(data), one(pipeline)]);
};

/** Least communication by a solver, seconds; null where it gave up within its limit. */
export const communicationByModel = (
  instance: DedicationInstance,
  solver: SolverBackend,
  solverNodes: number,
): number | null => {
  const { rings, hopWeight } = instance;
  const solution = solver.solve(dedicationModel(instance), { nodes: solverNodes });
  if (solution.kind !== 'optimal') return null;
  return (
    solution.objective * slowestLink(instance) * Math.max(hopWeight, ...rings.map(({ weight }) => weight))
  );
};
