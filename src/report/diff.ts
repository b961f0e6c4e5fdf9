import { safeText } from './validation.ts';
import type { Paint } from './paint.ts';

const CONTEXT = 2;

/** A unified diff of two texts that differ in few lines: common beginning and end are found, the middle is replaced. */
export const unifiedDiff = (file: string, before: string, after: string, paint: Paint): string => {
  const [a, b] = [before.split('\n'), after.split('\n')];
  const hunks: {
    readonly at: number;
    readonly removed: readonly string[];
    readonly to: number;
    readonly added: readonly string[];
  }[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    if (a[i] === b[j]) {
      i += 1;
      j += 1;
      continue;
    }
    // The nearest pair of lines at which both texts agree again.
    let skip = 1;
    let found: readonly [number, number] | null = null;
    for (; skip <= 200 && found === null; skip++)
      for (let left = 0; left <= skip && found === null; left++) {
        const right = skip - left;
        const line = a[i + left];
        if (line !== undefined && line === b[j + right] && i + left <= a.length && j + right <= b.length)
          found = [left, right];
      }
    const [left, right] = found ?? [a.length - i, b.length - j];
    hunks.push({ at: i, removed: a.slice(i, i + left), to: j, added: b.slice(j, j + right) });
    i += left;
    j += right;
  }
  if (hunks.length === 0) return '';
  const lines = [`--- ${safeText(file)}`, `+++ ${safeText(file)}`];
  for (const { at, removed, to, added } of hunks) {
    const start = Math.max(0, at - CONTEXT);
    const lead = a.slice(start, at);
    const tail = a.slice(at + removed.length, at + removed.length + CONTEXT);
    const count = lead.length + tail.length;
    lines.push(
      paint(
        'faint',
        `@@ -${start + 1},${count + removed.length} +${to - lead.length + 1},${count + added.length} @@`,
      ),
    );
    lines.push(...lead.map((line) => ` ${safeText(line)}`));
    lines.push(
      ...removed.map((line) => paint('bad', `-${safeText(line)}`)),
      ...added.map((line) => paint('good', `+${safeText(line)}`)),
    );
    lines.push(...tail.map((line) => ` ${safeText(line)}`));
  }
  return `${lines.join('\n')}\n`;
};
