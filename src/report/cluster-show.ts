/** Measured links in words: range, tiers, slow links and ends, and what they cost. */
import type { MeasuredLinks } from '../cluster/cluster.ts';
import type { LinkSurvey } from '../cluster/measured-tiers.ts';
import { SLOW_END, SLOW_LINK, TIER_FACTOR } from '../cluster/measured-tiers.ts';
import { linkBlocks } from './cluster-blocks.ts';
import type { Paint } from './paint.ts';

/** What the links cost one plan: the same with every link at the median of all. */
export interface PlanLoss {
  readonly strategy: string;
  readonly time: number;
  readonly withMedian: number;
}

export interface ClusterView {
  readonly title: string;
  readonly links: MeasuredLinks;
  readonly survey: LinkSurvey;
  readonly loss: PlanLoss | null;
}

const MAXIMUM_LISTED = 12;

const rate = (value: number): string => `${(value / 1e9).toPrecision(4)} GB/s`;
const percent = (share: number): string => `${(share * 100).toFixed(0)} %`;

const some = (lines: readonly string[]): readonly string[] =>
  lines.length <= MAXIMUM_LISTED
    ? lines
    : [...lines.slice(0, MAXIMUM_LISTED), `  … and ${lines.length - MAXIMUM_LISTED} more`];

const namesOf = (members: readonly number[], names: readonly string[]): string => {
  const shown = members.slice(0, 4).map((member) => names[member] ?? '');
  return members.length <= 4 ? shown.join(', ') : `${shown.join(', ')}, … (${members.length})`;
};

const tierLines = ({ survey, links }: ClusterView): readonly string[] => {
  const rule = `average linkage, a boundary where the merging rate falls ${TIER_FACTOR} times`;
  if (survey.tiers.length === 0) return [`tiers: none detected (${rule})`];
  return [
    `tiers, from inside out (${rule}):`,
    ...survey.tiers.flatMap(({ groups, inside, between }) => [
      `  ${groups.length} groups: ${rate(inside)} inside, ${rate(between)} between`,
      ...some(groups.map((group) => `    ${namesOf(group, links.names)}`)),
    ]),
  ];
};

const slowLines = ({ survey, links }: ClusterView): readonly string[] => {
  const name = (index: number): string => links.names[index] ?? '';
  const kind = links.level === 'node' ? 'nodes' : 'GPUs';
  const dead = survey.slowLinks.filter(({ bandwidth }) => bandwidth === 0);
  const slow = survey.slowLinks.filter(({ bandwidth }) => bandwidth > 0);
  return [
    `slow links (below ${percent(SLOW_LINK)} of the median of their kind): ${slow.length === 0 ? 'none' : slow.length}`,
    ...some(
      slow.map(
        ({ from, to, bandwidth, share }) =>
          `  ${name(from)} → ${name(to)}: ${rate(bandwidth)}, ${percent(share)}`,
      ),
    ),
    ...(dead.length === 0
      ? []
      : [
          `unusable links: ${dead.length}`,
          ...some(dead.map(({ from, to }) => `  ${name(from)} → ${name(to)}`)),
        ]),
    `slow ${kind} (median of their links below ${percent(SLOW_END)}): ${survey.slowEnds.length === 0 ? 'none' : ''}`.trimEnd(),
    ...some(survey.slowEnds.map(({ index, share }) => `  ${name(index)}: ${percent(share)}`)),
  ];
};

/** What a ring over all ends in their order loses on its slowest arc. */
const ringLine = ({ links, survey }: ClusterView): string => {
  const n = links.names.length;
  let slowest = Infinity;
  let arc = '';
  for (let from = 0; from < n; from += 1) {
    const to = (from + 1) % n;
    const value = links.bandwidth[from]?.[to] ?? 0;
    if (value < slowest) [slowest, arc] = [value, `${links.names[from] ?? ''} → ${links.names[to] ?? ''}`];
  }
  if (slowest === 0) return `a ring over all in this order cannot run: ${arc} is unusable`;
  return `a ring over all in this order runs at ${rate(slowest)} (${arc}); at the median it would be ${(survey.median / slowest).toFixed(2)} times as fast`;
};

const lossLine = ({ strategy, time, withMedian }: PlanLoss): string => {
  const more = time / withMedian - 1;
  const word = more >= 0 ? 'loses' : 'gains';
  return `${strategy}: ${(time * 1e3).toPrecision(4)} ms an iteration, ${(withMedian * 1e3).toPrecision(4)} ms if every link ran at the median: it ${word} ${(Math.abs(more) * 100).toFixed(1)} % on these links`;
};

export const clusterText = (view: ClusterView, paint: Paint): string => {
  const { survey, links, title, loss } = view;
  const sizes = (links.bySize ?? []).map(({ message }) => message);
  const kind = links.level === 'node' ? 'nodes' : 'GPUs';
  const range = `${rate(survey.slowest)} to ${rate(survey.fastest)}, median ${rate(survey.median)}; directions differ by up to ${percent(survey.asymmetry - 1)}`;
  const lines = [
    paint('strong', title),
    `${links.names.length} ${kind}: ${range}`,
    ...(sizes.length > 1
      ? [
          `${sizes.length} message sizes, ${sizes[0] ?? 0} to ${sizes.at(-1) ?? 0} bytes; shown: what counts where no size is known`,
        ]
      : []),
    '',
    linkBlocks(links, survey.fastest, paint),
    ...tierLines(view),
    ...slowLines(view),
    ringLine(view),
    ...(loss === null ? [] : [lossLine(loss)]),
  ];
  return `${lines.join('\n')}\n`;
};

/** The same figures for programs. */
export const clusterDocument = ({ title, links, survey, loss }: ClusterView) => ({
  schema_version: 1,
  title,
  level: links.level,
  order: links.names,
  median_bytes_per_s: survey.median,
  slowest_bytes_per_s: survey.slowest,
  fastest_bytes_per_s: survey.fastest,
  asymmetry: survey.asymmetry,
  tiers: survey.tiers.map(({ groups, inside, between }) => ({
    groups: groups.map((group) => group.map((member) => links.names[member])),
    inside_bytes_per_s: inside,
    between_bytes_per_s: between,
  })),
  slow_links: survey.slowLinks.map(({ from, to, bandwidth, share }) => ({
    from: links.names[from],
    to: links.names[to],
    bytes_per_s: bandwidth,
    share,
  })),
  slow_ends: survey.slowEnds.map(({ index, share }) => ({ name: links.names[index], share })),
  plan:
    loss === null
      ? null
      : { strategy: loss.strategy, iteration_time_s: loss.time, at_median_s: loss.withMedian },
});
