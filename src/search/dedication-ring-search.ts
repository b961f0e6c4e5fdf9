/** Disjoint rings of one length in one strongly connected part of a graph, depth first. */

/** Receivers of each node, nearest first; nodes are numbered from 0 within the part. */
export type Arcs = readonly (readonly number[])[];

/** Steps from a root within open nodes, by node; returns the work it took. */
type Distances = (root: number, open: Uint8Array, steps: Int32Array) => number;

const byLists =
  (arcs: Arcs): Distances =>
  (root, open, steps) => {
    const queue = [root];
    let work = arcs.length >> 2;
    steps.fill(arcs.length);
    steps[root] = 0;
    for (const at of queue) {
      const next = (steps[at] ?? 0) + 1;
      const list = arcs[at] ?? [];
      work += list.length;
      for (const to of list)
        if (open[to] === 1 && steps[to] === arcs.length) {
          steps[to] = next;
          queue.push(to);
        }
    }
    return work;
  };

/** The same where links are many: thirty-two nodes at a time. */
const byBits = (arcs: Arcs): Distances => {
  const nodes = arcs.length;
  const words = (nodes + 31) >> 5;
  const rows = new Int32Array(nodes * words);
  for (const [from, list] of arcs.entries())
    for (const to of list) {
      const index = from * words + (to >> 5);
      rows[index] = (rows[index] ?? 0) | (1 << (to & 31));
    }
  const left = new Int32Array(words);
  const now = new Int32Array(words);
  const next = new Int32Array(words);
  return (root, open, steps) => {
    steps.fill(nodes);
    steps[root] = 0;
    left.fill(0);
    for (let node = 0; node < nodes; node += 1)
      if (open[node] === 1 && node !== root) left[node >> 5] = (left[node >> 5] ?? 0) | (1 << (node & 31));
    now.fill(0);
    now[root >> 5] = 1 << (root & 31);
    let work = nodes >> 2;
    for (let distance = 1, some = true; some; distance += 1) {
      some = false;
      next.fill(0);
      for (let word = 0; word < words; word += 1)
        for (let bits = now[word] ?? 0; bits !== 0; bits &= bits - 1) {
          const base = ((word << 5) + 31 - Math.clz32(bits & -bits)) * words;
          for (let each = 0; each < words; each += 1)
            next[each] = (next[each] ?? 0) | (rows[base + each] ?? 0);
          work += words;
        }
      for (let word = 0; word < words; word += 1) {
        const reached = (next[word] ?? 0) & (left[word] ?? 0);
        now[word] = reached;
        left[word] = (left[word] ?? 0) & ~reached;
        for (let bits = reached; bits !== 0; bits &= bits - 1) {
          steps[(word << 5) + 31 - Math.clz32(bits & -bits)] = distance;
          some = true;
        }
      }
    }
    return work;
  };
};

const distancesOver = (arcs: Arcs): Distances =>
  arcs.reduce((sum, list) => sum + list.length, 0) > (arcs.length * arcs.length) / 32
    ? byBits(arcs)
    : byLists(arcs);

const reversed = (arcs: Arcs): Arcs => {
  const into: number[][] = arcs.map(() => []);
  for (const [from, list] of arcs.entries()) for (const to of list) into[to]?.push(from);
  return into;
};

/** All ways are tried unless the work ends before. */
export class RingSearch {
  /** False once something was left untried. */
  complete = true;
  private readonly arcs: Arcs;
  private readonly size: number;
  private readonly from: Distances;
  private readonly to: Distances;
  private readonly forth: Int32Array;
  private readonly back: Int32Array;
  private readonly taken: number[][] = [];
  /** Work done, and the most that may be. */
  spent = 0;
  private readonly most: number;

  constructor(arcs: Arcs, size: number, most: number) {
    this.arcs = arcs;
    this.size = size;
    this.most = most;
    this.from = distancesOver(arcs);
    this.to = distancesOver(reversed(arcs));
    this.forth = new Int32Array(arcs.length);
    this.back = new Int32Array(arcs.length);
  }

  /** Open nodes that lie on ways from `last` to `root` with at most `most` nodes between. */
  private between(last: number, root: number, open: Uint8Array, most: number): number {
    const { forth, back } = this;
    this.spent += this.from(last, open, forth) + this.to(root, open, back);
    let both = 0;
    for (let node = 0; node < open.length; node += 1)
      if (open[node] === 1 && (forth[node] ?? 0) + (back[node] ?? 0) <= most + 1) both += 1;
    return both;
  }

  /**
   * `count` disjoint rings among the open nodes. Every ring has a lowest node: the nodes are taken as such in turn, and
   * closed when all rings through them have been tried, so that no ring is met twice.
   */
  private place(open: Uint8Array, count: number): boolean {
    if (count === 0) return true;
    const own = open.slice();
    let left = own.reduce((sum, each) => sum + each, 0);
    for (let root = 0; root < own.length && left >= count * this.size; root += 1) {
      if (own[root] !== 1) continue;
      own[root] = 0;
      left -= 1;
      if (this.extend([root], own.slice(), own, count)) return true;
      if (!this.complete) return false;
    }
    return false;
  }

  /** Longer by one node, in all ways; at full length closed, and the other rings placed beside it. */
  private extend(ring: number[], free: Uint8Array, open: Uint8Array, count: number): boolean {
    const last = ring[ring.length - 1] ?? 0;
    const [root = 0] = ring;
    const missing = this.size - ring.length;
    const receivers = this.arcs[last] ?? [];
    if (missing === 0) {
      if (!receivers.includes(root)) return false;
      const rest = open.slice();
      for (const node of ring) rest[node] = 0;
      if (!this.place(rest, count - 1)) return false;
      this.taken.push(ring.slice());
      return true;
    }
    if (this.between(last, root, free, missing) < missing) return false;
    for (const next of receivers) {
      if (free[next] !== 1) continue;
      if (this.spent > this.most) {
        this.complete = false;
        return false;
      }
      free[next] = 0;
      ring.push(next);
      if (this.extend(ring, free, open, count)) return true;
      ring.pop();
      free[next] = 1;
    }
    return false;
  }

  /** The rings; null where there are none, or (not `complete`) none were found in time. */
  find(count: number): readonly (readonly number[])[] | null {
    return this.place(new Uint8Array(this.arcs.length).fill(1), count) ? this.taken : null;
  }
}
