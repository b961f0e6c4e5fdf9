/** Releases as runtimes number them: numbers separated by dots. */

const parts = (version: string): readonly number[] =>
  version.split('.').map((part) => Number.parseInt(part, 10) || 0);

/** Negative when `left` is older, 0 when they name the same release (`0.20` = `0.20.0`). */
export const compareVersions = (left: string, right: string): number => {
  const [a, b] = [parts(left), parts(right)];
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
};

/** Whether something that holds from `since` (inclusive) to `until` (exclusive) holds in `version`; null: open. */
export const holdsIn = (version: string, since: string | null, until: string | null): boolean =>
  (since === null || compareVersions(version, since) >= 0) &&
  (until === null || compareVersions(version, until) < 0);
