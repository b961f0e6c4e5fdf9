/** A binary min-heap; equal keys come out in the order in which they went in. */
export class MinHeap<T> {
  private readonly items: { readonly key: number; readonly order: number; readonly value: T }[] = [];
  private inserted = 0;

  get size(): number {
    return this.items.length;
  }

  /** Smallest key; Infinity when empty. */
  get least(): number {
    return this.items[0]?.key ?? Infinity;
  }

  push(key: number, value: T): void {
    this.items.push({ key, order: this.inserted, value });
    this.inserted += 1;
    let child = this.items.length - 1;
    while (child > 0) {
      const parent = (child - 1) >> 1;
      if (!this.swapUnlessOrdered(parent, child)) break;
      child = parent;
    }
  }

  pop(): { readonly key: number; readonly value: T } | undefined {
    const top = this.items[0];
    const last = this.items.pop();
    if (top === undefined || last === undefined || this.items.length === 0) return top;
    this.items[0] = last;
    let parent = 0;
    for (;;) {
      const left = 2 * parent + 1;
      if (left >= this.items.length) return top;
      const right = left + 1;
      const child = right < this.items.length && this.precedes(right, left) ? right : left;
      if (!this.swapUnlessOrdered(parent, child)) return top;
      parent = child;
    }
  }

  private precedes(a: number, b: number): boolean {
    const [left, right] = [this.items[a], this.items[b]];
    if (left === undefined || right === undefined) return false;
    return left.key < right.key || (left.key === right.key && left.order < right.order);
  }

  private swapUnlessOrdered(parent: number, child: number): boolean {
    if (!this.precedes(child, parent)) return false;
    const [above, below] = [this.items[parent], this.items[child]];
    if (above === undefined || below === undefined) return false;
    this.items[parent] = below;
    this.items[child] = above;
    return true;
  }
}
