/**
 * One layer of the scale section as a MILP, in a process of its own so that its memory can be read and it can be ended:
 * `milp-child.ts SOLVER EXPERTS REPLICAS GPUS SECONDS`. Replica counts are the greedy's, which are the best for the
 * heaviest replica; what is left is min z, Σ_g n[e, g] = k_e, Σ_e n[e, g] = slots, Σ_e (w_e ∕ k_e) n[e, g] ≤ z. Prints JSON.
 */
import { relativeWeights } from '../../src/placement/layer-problem.ts';
import { replicaCounts } from '../../src/placement/replicate.ts';
import { loadHighs } from '../../src/solver/highs.ts';
import { javascriptLp } from '../../src/solver/javascript-lp.ts';
import { ModelBuilder } from '../../src/solver/linear-model.ts';
import { cpuSeconds } from './measured.ts';
import { scaleProblems } from './synthetic.ts';

const [name = 'highs', ...numbers] = process.argv.slice(2);
const [experts = 128, replicas = 128, gpus = 8, limit = 10] = numbers.map(Number);
const problem = scaleProblems(1, experts, replicas, gpus)[0];
if (problem === undefined) throw new Error('no layer');
const weights = relativeWeights(problem);
const counts = replicaCounts(weights, replicas, gpus);
const builder = new ModelBuilder();
const on = Array.from(counts, (_, expert) =>
  Array.from({ length: gpus }, (__, gpu) => builder.binary(`n${expert}_${gpu}`)),
);
const most = builder.variable('z', { lower: 1 });
for (const [expert, places] of on.entries()) {
  const terms = places.map((variable) => ({ variable, coefficient: 1 }));
  const count = counts[expert] ?? 1;
  builder.constraint(`expert ${expert}`, terms, { lower: count, upper: count });
}
for (let gpu = 0; gpu < gpus; gpu += 1) {
  const here = on.map((places) => places[gpu] ?? 0);
  const slots = problem.slots[gpu] ?? 0;
  const each = here.map((variable) => ({ variable, coefficient: 1 }));
  builder.constraint(`slots ${gpu}`, each, { lower: slots, upper: slots });
  const load = here.map((variable, expert) => ({
    variable,
    coefficient: (weights[expert] ?? 0) / (counts[expert] ?? 1),
  }));
  builder.constraint(`load ${gpu}`, [...load, { variable: most, coefficient: -1 }], { upper: 0 });
}
const model = builder.build('minimize', [{ variable: most, coefficient: 1 }]);
const backend = name === 'highs' ? await loadHighs() : javascriptLp;
const before = cpuSeconds();
const solution = backend.solve(model, { nodes: 100_000, gap: 1e-5, seconds: limit });
console.log(
  JSON.stringify({
    kind: solution.kind,
    value: 'objective' in solution ? solution.objective : null,
    bound: solution.kind === 'optimal' ? solution.objective : 'bound' in solution ? solution.bound : null,
    cpu: cpuSeconds() - before,
    megabytes: process.memoryUsage().rss / 2 ** 20,
  }),
);
