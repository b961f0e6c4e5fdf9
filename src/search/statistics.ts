/** Counts of what a search did with the strategies it knew of. */
export interface Tally {
  /** By rule or bound id. */
  readonly pruned: Record<string, number>;
  evaluated: number;
}

export const addPruned = (tally: Tally, id: string, count: number): void => {
  if (count > 0) tally.pruned[id] = (tally.pruned[id] ?? 0) + count;
};

/** Ids in alphabetical order, so that results print the same way every time. */
export const sortedCounts = (counts: Readonly<Record<string, number>>): Readonly<Record<string, number>> =>
  Object.fromEntries(Object.entries(counts).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
