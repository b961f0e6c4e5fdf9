/** Sizes around a size: what it is multiplied or divided by, its neighbours, and those of clusters of 2^k or 3 · 2^k nodes. */
export const near = (value: number): readonly string[] => {
  const found = new Set<number>([1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64]);
  for (const factor of [2, 3, 4, 5, 6, 8, 16]) {
    found.add(value * factor);
    if (value % factor === 0) found.add(value / factor);
  }
  for (let step = 1; step <= 8; step++) {
    found.add(value + step);
    if (value - step >= 1) found.add(value - step);
  }
  for (const step of [8, 16, 32, 64, 128, 256, 512, 1024]) {
    found.add(Math.ceil(value / step) * step);
    if (value >= step) found.add(Math.floor(value / step) * step);
  }
  return [...found].filter((size) => size >= 1).map(String);
};

/** By how often `from` is doubled or halved on the way, the present value left out; at most 40. */
export const byDistance = (from: number, values: Iterable<string>): readonly string[] => {
  const base = Math.max(1, from);
  const distance = (value: string): number => Math.abs(Math.log2(Number(value) / base));
  return [...new Set(values)]
    .filter((value) => Number(value) !== from)
    .toSorted((a, b) => distance(a) - distance(b) || Number(a) - Number(b))
    .slice(0, 40);
};
