import type { Routing } from '../plan/problem.ts';

/** Load of the busiest of `ranks` contiguous blocks of experts over the mean, averaged over layers. */
export const imbalance = (routing: Routing, ranks: number): number => {
  if (routing.kind === 'balanced' || ranks <= 1) return 1;
  let sum = 0;
  let layers = 0;
  for (const counts of routing.counts) {
    const total = counts.reduce((all, count) => all + count, 0);
    if (total === 0) continue;
    const block = counts.length / ranks;
    const loads = new Array<number>(ranks).fill(0);
    for (const [expert, count] of counts.entries()) {
      const rank = Math.floor(expert / block);
      loads[rank] = (loads[rank] ?? 0) + count;
    }
    sum += (Math.max(...loads) * ranks) / total;
    layers += 1;
  }
  return layers === 0 ? 1 : sum / layers;
};
