/** What every part of the links report prints: our figure beside the published one. */
export interface Comparison {
  readonly name: string;
  readonly ours: string;
  readonly published: string;
}

export const heading = (title: string): string => `\n## ${title}\n`;

export const comparisonTable = (rows: readonly Comparison[]): string =>
  [
    '| instance | ours | published |',
    '|---|---|---|',
    ...rows.map(({ name, ours, published }) => `| ${name} | ${ours} | ${published} |`),
  ].join('\n');

export const meanAbsolute = (errors: readonly number[]): number =>
  errors.reduce((sum, error) => sum + Math.abs(error), 0) / errors.length;

/** Kendall's τ-b: pairs in the same order less pairs in the other, ties in either apart. */
export const kendallTau = (a: readonly number[], b: readonly number[]): number => {
  let [same, other, tiesA, tiesB] = [0, 0, 0, 0];
  for (let i = 0; i < a.length; i += 1)
    for (let j = 0; j < i; j += 1) {
      const x = Math.sign((a[i] ?? 0) - (a[j] ?? 0));
      const y = Math.sign((b[i] ?? 0) - (b[j] ?? 0));
      if (x === 0 && y === 0) continue;
      if (x === 0) tiesA += 1;
      else if (y === 0) tiesB += 1;
      else if (x === y) same += 1;
      else other += 1;
    }
  return (same - other) / Math.sqrt((same + other + tiesA) * (same + other + tiesB));
};

export const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
