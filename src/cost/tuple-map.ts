/** A map from four numbers to a value: what a key made of text would do, without making text. */
export class TupleMap<T> {
  private readonly root = new Map<number, Map<number, Map<number, Map<number, T>>>>();

  get(a: number, b: number, c: number, d: number): T | undefined {
    return this.root.get(a)?.get(b)?.get(c)?.get(d);
  }

  set(a: number, b: number, c: number, d: number, value: T): void {
    const second = this.root.get(a) ?? new Map<number, Map<number, Map<number, T>>>();
    const third = second.get(b) ?? new Map<number, Map<number, T>>();
    const fourth = third.get(c) ?? new Map<number, T>();
    this.root.set(a, second);
    second.set(b, third);
    third.set(c, fourth);
    fourth.set(d, value);
  }
}

const HALF = 2 ** 26;

/** Two counts below 67 million in one number. */
export const pair = (high: number, low: number): number => high * HALF + low;
