/** A bound on path covers by forests, which unlike assignments have no short cycles. */

/** Latency of the faster direction of each pair: a forest has no directions. */
export const fasterDirection = (nodes: number, cost: Float64Array): Float64Array =>
  cost.map((value, index) => Math.min(value, cost[(index % nodes) * nodes + Math.floor(index / nodes)] ?? 0));

/** Cheapest forest of `edges` edges under node prices: its edges' sum, and the degree of every node (Prim, then the cheapest). */
const cheapestForest = (
  nodes: number,
  edges: number,
  cost: Float64Array,
  price: Float64Array,
  degree: Int32Array,
): number => {
  const least = new Float64Array(nodes).fill(Infinity);
  const parent = new Int32Array(nodes);
  const done = new Uint8Array(nodes);
  const chosen: { node: number; parent: number; cost: number }[] = [];
  let at = 0;
  done[0] = 1;
  for (let step = 1; step < nodes; step += 1) {
    const base = at * nodes;
    const own = price[at] ?? 0;
    let next = -1;
    let value = Infinity;
    for (let node = 0; node < nodes; node += 1) {
      if (done[node] === 1) continue;
      const through = (cost[base + node] ?? 0) + own + (price[node] ?? 0);
      if (through < (least[node] ?? 0)) {
        least[node] = through;
        parent[node] = at;
      }
      const known = least[node] ?? 0;
      if (known < value) {
        value = known;
        next = node;
      }
    }
    if (next < 0) break;
    done[next] = 1;
    chosen.push({ node: next, parent: parent[next] ?? 0, cost: value });
    at = next;
  }
  chosen.sort((a, b) => a.cost - b.cost);
  degree.fill(0);
  let sum = 0;
  for (const edge of chosen.slice(0, edges)) {
    sum += edge.cost;
    degree[edge.node] = (degree[edge.node] ?? 0) + 1;
    degree[edge.parent] = (degree[edge.parent] ?? 0) + 1;
  }
  return sum;
};

const STEPS = 240;

/**
 * No choice of `edges` edges that form paths is cheaper. Paths are forests in which no node has more than two edges; the
 * degrees are priced, and the prices climb by subgradients. Source: Held & Karp 1971 (1-trees), for path covers.
 * The edges of a minimum spanning tree in ascending order are the cheapest forests of every size (Kruskal).
 */
export const forestBound = (nodes: number, edges: number, cost: Float64Array): number => {
  if (edges < 1 || nodes < 2) return 0;
  const symmetric = fasterDirection(nodes, cost);
  const price = new Float64Array(nodes);
  const degree = new Int32Array(nodes);
  let best = -Infinity;
  let size = 0;
  for (let step = 0; step < STEPS; step += 1) {
    let prices = 0;
    for (const each of price) prices += each;
    const sum = cheapestForest(nodes, edges, symmetric, price, degree);
    best = Math.max(best, sum - 2 * prices);
    if (step === 0) size = (0.3 * Math.abs(sum)) / edges;
    let excess = 0;
    for (let node = 0; node < nodes; node += 1) {
      const over = (degree[node] ?? 0) - 2;
      if (over > 0 || (price[node] ?? 0) > 0) excess += over * over;
    }
    if (excess === 0) break;
    const stride = (size * 0.98 ** step) / Math.sqrt(excess / nodes);
    for (let node = 0; node < nodes; node += 1)
      price[node] = Math.max(0, (price[node] ?? 0) + stride * ((degree[node] ?? 0) - 2) * 0.5);
  }
  return best;
};
