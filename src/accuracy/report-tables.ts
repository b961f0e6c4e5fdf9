/** The tables of an accuracy report, as rows of text; the reporters below only draw them. */
import type { BoundStatistics, Coverage, Group, Summary } from './summary.ts';
import type { Detection } from './metrics.ts';
import type { OrderingSummary, SweepSummary } from './sweeps.ts';

export interface ReportTable {
  readonly title: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

export const percent = (value: number | null, digits = 1): string =>
  value === null ? '–' : `${(100 * value).toFixed(digits)} %`;
const signed = (value: number | null): string =>
  value === null ? '–' : `${value >= 0 ? '+' : ''}${percent(value)}`;
const fixed = (value: number | null): string => (value === null ? '–' : value.toFixed(3));

const coverageRow = (name: string, coverage: Coverage): readonly string[] => [
  name,
  String(coverage.usable),
  String(coverage.predicted),
  percent(coverage.share),
];

const detectionRow = (name: string, each: Detection): readonly string[] => [
  name,
  String(each.positives),
  String(each.found),
  String(each.falseAlarms),
  fixed(each.recall),
  fixed(each.precision),
];

const sweepRow = (name: string, sweeps: SweepSummary): readonly string[] => [
  name,
  String(sweeps.sweeps),
  fixed(sweeps.kendallTau),
  percent(sweeps.regret),
];

const orderingRow = (name: string, each: OrderingSummary): readonly string[] => [
  name,
  String(each.groups),
  String(each.pairs),
  String(each.right),
  String(each.bestFound),
];

const boundCells = (bound: BoundStatistics): readonly string[] => [
  percent(bound.violatedShare),
  signed(bound.size),
];

const hasFigures = (group: Group): boolean =>
  group.time.count > 0 || group.memory.count > 0 || group.skipped > 0;

const timeTable = (title: string, first: string, groups: readonly Group[]): ReportTable => ({
  title,
  head: [first, 'records', 'skipped', 'timed', 'median', 'mean', 'bias', 'memory', 'median', 'mean', 'bias'],
  rows: groups
    .filter(hasFigures)
    .map(({ name, records, skipped, time, memory }) => [
      name,
      String(records),
      String(skipped),
      String(time.count),
      percent(time.median),
      percent(time.mean),
      signed(time.bias),
      String(memory.count),
      percent(memory.median),
      percent(memory.mean),
      signed(memory.bias),
    ]),
});

export const summaryTables = (summary: Summary): readonly ReportTable[] => {
  const { headline, memory, coverage, oom } = summary;
  const errors = (name: string, each: Group['time']): readonly string[] => [
    name,
    String(each.count),
    percent(each.median),
    percent(each.mean),
    signed(each.bias),
  ];
  return [
    {
      title: 'Iteration time, headline rows',
      head: ['rows', 'count', 'median', 'mean', 'bias'],
      rows: [
        errors('all', headline.time),
        errors('dense', headline.dense),
        errors('MoE', headline.moe),
        [
          'mean over sources',
          '',
          percent(headline.meanOfSourceMedians),
          percent(headline.meanOfSourceMeans),
          '',
        ],
        ...summary.apart.map((group) => errors(`apart: ${group.name}`, group.time)),
        errors('micro-batch not printed', summary.orderings.time),
      ],
    },
    {
      title: 'Coverage',
      head: ['figure', 'usable', 'predicted', 'share'],
      rows: [
        coverageRow('timing', coverage.timing),
        coverageRow('memory', coverage.memory),
        coverageRow('out of memory', coverage.oom),
      ],
    },
    {
      title: 'Ranking in sweeps',
      head: ['rows', 'sweeps', 'Kendall tau', 'top-1 regret'],
      rows: [sweepRow('headline', headline.sweeps)],
    },
    {
      title: 'Orderings, micro-batch not printed',
      head: ['source', 'groups', 'pairs', 'right', 'best found'],
      rows: summary.orderings.bySource
        .filter((each) => each.pairs > 0)
        .map((each) => orderingRow(each.name, each)),
    },
    {
      title: 'Peak memory',
      head: ['figure and rank', 'count', 'median', 'mean', 'bias', 'bound violated', 'bound size'],
      rows: [
        [...errors('all', memory.all), ...boundCells(memory.bound)],
        ['mean over sources', '', '', percent(memory.meanOfSourceMeans), '', '', ''],
        ...memory.byKind.map((group) => [...errors(group.name, group.memory), ...boundCells(group.bound)]),
      ],
    },
    {
      title: 'Out of memory',
      head: ['source', 'ran out', 'found', 'false alarms', 'recall', 'precision'],
      rows: [detectionRow('all', oom.all), ...oom.bySource.map((each) => detectionRow(each.name, each))],
    },
    timeTable('By source', 'source', summary.bySource),
    timeTable('By accelerator', 'accelerator', summary.byAccelerator),
    timeTable('By runtime', 'runtime', summary.byRuntime),
    timeTable('By architecture', 'architecture', summary.byArchitecture),
    {
      title: 'Skipped',
      head: ['reason', 'records'],
      rows: summary.skipped.map((each) => [each.reason, String(each.count)]),
    },
    {
      title: 'Worst headline records',
      head: ['record', 'source', 'error'],
      rows: summary.worst.map((each) => [each.id, each.source, signed(each.error)]),
    },
  ].filter((table) => table.rows.length > 0);
};
