/** A matrix of links as blocks: the darker, the faster, so that a sick row or a boundary is seen at a glance. */
import type { MeasuredLinks } from '../cluster/cluster.ts';
import type { Paint, Style } from './paint.ts';

/** From dead to fastest. The characters alone carry the meaning; colour repeats it. */
const SHADES = ['×', '·', '░', '▒', '▓', '█'] as const;
const STYLES: readonly Style[] = ['bad', 'bad', 'bad', 'plain', 'good', 'good'];
/** Columns of a terminal that hold no more are not drawn: neighbours share a block, which shows the slowest of them. */
const MAXIMUM_BLOCKS = 64;

/** Lower bounds of the shades as shares of the fastest link: below the first of them '·'. */
const BOUNDS = [0.25, 0.5, 0.75, 0.9] as const;

const shadeOf = (value: number, fastest: number): number =>
  value > 0 ? 1 + BOUNDS.filter((bound) => value >= bound * fastest).length : 0;

const slowestOf = (
  { bandwidth }: MeasuredLinks,
  rows: readonly number[],
  columns: readonly number[],
): number | null => {
  let slowest: number | null = null;
  for (const from of rows)
    for (const to of columns) {
      if (from === to) continue;
      const value = bandwidth[from]?.[to] ?? 0;
      slowest = slowest === null ? value : Math.min(slowest, value);
    }
  return slowest;
};

/** One line a row, `label  blocks`; and a legend. */
export const linkBlocks = (links: MeasuredLinks, fastest: number, paint: Paint): string => {
  const n = links.names.length;
  const each = Math.ceil(n / MAXIMUM_BLOCKS);
  const parts = Array.from({ length: Math.ceil(n / each) }, (_, part) =>
    Array.from({ length: Math.min(each, n - part * each) }, (__, index) => part * each + index),
  );
  const label = (part: readonly number[]): string => {
    const [first, last] = [links.names[part[0] ?? 0] ?? '', links.names[part.at(-1) ?? 0] ?? ''];
    return part.length === 1 ? first : `${first} … ${last}`;
  };
  const labels = parts.map(label);
  const width = Math.min(40, Math.max(...labels.map(({ length }) => length)));
  const lines = parts.map((rows, index) => {
    const blocks = parts.map((columns) => {
      const value = slowestOf(links, rows, columns);
      if (value === null) return '  ';
      const shade = shadeOf(value, fastest);
      return paint(STYLES[shade] ?? 'plain', (SHADES[shade] ?? ' ').repeat(2));
    });
    return `${(labels[index] ?? '').slice(0, width).padEnd(width)}  ${blocks.join('')}`.trimEnd();
  });
  const top = (share: number): string => `${(share * 100).toFixed(0)} %`;
  const legend = [
    `${SHADES[5]} from ${top(BOUNDS[3])} of the fastest`,
    `${SHADES[4]} ${top(BOUNDS[2])}`,
    `${SHADES[3]} ${top(BOUNDS[1])}`,
    `${SHADES[2]} ${top(BOUNDS[0])}`,
    `${SHADES[1]} less`,
    `${SHADES[0]} unusable`,
  ].join('   ');
  const shared = each > 1 ? `; a block is ${each} × ${each} links, the slowest of them` : '';
  return `${lines.join('\n')}\n${paint('faint', `row = sender, column = receiver${shared}`)}\n${paint('faint', legend)}\n`;
};
