/* eslint-disable @typescript-eslint/no-non-null-assertion -- inner loops over typed arrays; indices are in range by construction */

/** Speed of each part: the sum of its GPUs' relative speeds. */
export const speedOfParts = (speeds: Float64Array, partOf: Int32Array, parts: number): Float64Array => {
  const total = new Float64Array(parts);
  speeds.forEach((speed, gpu) => {
    total[partOf[gpu]!]! += speed;
  });
  return total;
};

/** Load of the parts of one level with a ceiling: exchanges may be priced by how far they go beyond it. */
export class PartLoads {
  private readonly weights: Float64Array;
  private readonly partOf: Int32Array;
  private readonly scale: Float64Array;
  private readonly ceiling: number;
  private readonly price: number;
  readonly time: Float64Array;

  /**
   * `weights`: of experts, relative so that a mean GPU has 1; `partOf`: part of each GPU; `speed`: of each part relative
   * to a mean GPU (its number of GPUs where all are equal); `price`: of going beyond the ceiling by 1.
   */
  constructor(
    weights: Float64Array,
    partOf: Int32Array,
    speed: Float64Array,
    ceiling: number,
    price: number,
    gpuOf: Int32Array,
  ) {
    this.weights = weights;
    this.partOf = partOf;
    this.scale = speed.map((value) => 1 / value);
    this.ceiling = ceiling;
    this.price = price;
    this.time = new Float64Array(speed.length);
    gpuOf.forEach((gpu, expert) => {
      const part = partOf[gpu]!;
      this.time[part]! += weights[expert]! * this.scale[part]!;
    });
  }

  private excess(time: number): number {
    return time > this.ceiling + 1e-12 ? time - this.ceiling : 0;
  }

  /** Change of the price of all that is beyond the ceiling, were expert a of GPU x exchanged with b of GPU y. */
  delta(a: number, b: number, x: number, y: number): number {
    const from = this.partOf[x]!;
    const to = this.partOf[y]!;
    if (from === to) return 0;
    const moved = this.weights[a]! - this.weights[b]!;
    const left = this.time[from]!;
    const right = this.time[to]!;
    return (
      this.price *
      (this.excess(left - moved * this.scale[from]!) +
        this.excess(right + moved * this.scale[to]!) -
        this.excess(left) -
        this.excess(right))
    );
  }

  swap(a: number, b: number, x: number, y: number): void {
    const from = this.partOf[x]!;
    const to = this.partOf[y]!;
    if (from === to) return;
    const moved = this.weights[a]! - this.weights[b]!;
    this.time[from]! -= moved * this.scale[from]!;
    this.time[to]! += moved * this.scale[to]!;
  }

  worst(): number {
    return this.time.reduce((most, time) => Math.max(most, time), 0);
  }
}
