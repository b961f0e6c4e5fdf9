/** What peers print of their own accuracy, on what, and what planner shows on the same points where the corpus holds them. */
import type { AccuracyReport } from '../src/accuracy/report.ts';
import { errorStatistics } from '../src/accuracy/metrics.ts';
import { percent } from '../src/accuracy/report-tables.ts';
import { timePair } from '../src/accuracy/summary.ts';
import { hasData } from '../test/shared-data.ts';
import { homogeneous, summarise, unevenModel } from './links/amp.ts';
import { sailorRows } from './links/sailor.ts';
import { meanAbsolute } from './links/table.ts';

interface Peer {
  readonly name: string;
  readonly validated: string;
  readonly needs: string;
  readonly printed: string;
  /** Records of the corpus that are (nearly) the same points. */
  readonly same?: RegExp;
  readonly note?: string;
  /** Our figures on the peer's own trials, given what it measured; null where their data are not at hand. */
  readonly given?: () => string | null;
}

const byMachine = (key: 'tau' | 'theirTau' | 'error'): string =>
  [summarise(homogeneous), summarise(unevenModel())]
    .map((trials) => (key === 'error' ? percent(trials[key]) : trials[key].toFixed(2)))
    .join(' and ');

const onAmp = (): string | null =>
  hasData('clusters', 'amp')
    ? `given its layer times, two constants a machine fitted to the trials: Kendall τ ${byMachine('tau')} on its two machines (its own estimates: ${byMachine('theirTau')}), error ${byMachine('error')} (mean, 66 trials that ran)`
    : null;

const onSailor = (): string | null => {
  if (!hasData('clusters', 'sailor')) return null;
  const rows = sailorRows();
  const error = percent(meanAbsolute(rows.map(({ ours, measured }) => ours / measured - 1)));
  return `given its layer times: ${error} mean (${String(rows.length)} runs of its validation)`;
};

/** Figures as their authors print them. */
const PEERS: readonly Peer[] = [
  {
    name: 'Calculon (SC 23)',
    validated: '8 Megatron runs of 22B to 1T on A100',
    needs: 'efficiencies fitted to the same cluster',
    printed: '3.65 % mean, 8.87 % largest',
    same: /^(?:Korthikanti et al|Narayanan et al\. SC21$)/,
    note: "Korthikanti et al. and SC 21, DeepSpeed's rows of SC 21 left out",
  },
  {
    name: 'vTrain (MICRO 24)',
    validated: 'multi-node runs on up to 512 A100, and one node',
    needs: 'profiles of the GPU',
    printed: '14.73 % multi-node, 8.37 % one node (mean)',
    same: /^vTrain/,
    note: '72 multi-node runs of its artifact',
  },
  {
    name: 'SimuMax v1.2',
    validated: 'one node of 8 GPUs, truncated layers: 43 rows on B200, 30 on A100 PCIe',
    needs: 'kernel measurements of that machine by shape',
    printed: 'time 5.6 % and 1.5 % mean, memory 0.4 % and 1.4 % mean',
  },
  {
    name: 'Pipette (DATE 24)',
    validated: 'two clusters of V100 and A100',
    needs: 'profiles, measured links',
    printed: 'none; 1.46 times as fast as the plan of AMP',
  },
  {
    name: 'AMP (NeurIPS 22)',
    validated: '117 trials on its own clusters',
    needs: 'layer profiles',
    printed: 'none; ranks alone',
    given: onAmp,
  },
  {
    name: 'Sailor (SOSP 25)',
    validated: 'GH200, A100 and V100 in one job',
    needs: 'layer profiles, measured links',
    printed: 'not at hand',
    given: onSailor,
  },
  {
    name: 'Proteus',
    validated: 'several networks, 3 clusters',
    needs: 'operator profiles',
    printed: '3.0 % mean',
  },
  { name: 'Echo', validated: 'GPT-175B on 96 H800', needs: 'a trace of one GPU', printed: '8 %' },
  {
    name: 'Lumos',
    validated: 'GPT-3 variants on up to 512 H100',
    needs: 'traces of the run',
    printed: '3.3 % in replay',
  },
  {
    name: 'SimAI (NSDI 25)',
    validated: 'several models at production scale',
    needs: 'kernel profiles, packet simulation',
    printed: '1.9 %',
  },
  {
    name: 'Multiverse (NSDI 25)',
    validated: 'up to 54,000 GPUs',
    needs: 'a GPU simulator',
    printed: 'under 3 %',
  },
  {
    name: 'Maya',
    validated: 'several models on V100 and H100',
    needs: 'the code, kernel estimators',
    printed: 'under 5 %',
  },
  {
    name: 'Charon',
    validated: 'its own cluster',
    needs: 'profiles',
    printed: 'under 5.35 %; under 3.74 % on large training',
  },
  {
    name: 'Zhang et al. (arXiv 2509.22832)',
    validated: 'models of up to 20B on up to 128 A100 or GH200',
    needs: 'sampled regressors',
    printed: '4.98 % on A100, 9.38 % on GH200',
  },
  {
    name: 'ATLAHS (arXiv 2505.08936)',
    validated: 'application traces',
    needs: 'traces of the run',
    printed: 'under 5 %',
  },
  {
    name: 'Primus projection',
    validated: '4 rows on MI325X and MI355X',
    needs: 'a benchmark of one node',
    printed: '-9.2 to +7.8 %',
  },
];

const ours = (report: AccuracyReport, same: RegExp): string => {
  const rows = report.records.filter(
    (row) => same.test(row.source) && row.scores.timing && row.apart === null && !/zero3/.test(row.id),
  );
  const errors = errorStatistics(rows.flatMap((row) => timePair(row) ?? []));
  return `${percent(errors.median)} median, ${percent(errors.mean)} mean (${String(errors.count)} runs)`;
};

export const peerTable = (report: AccuracyReport): string =>
  [
    '## Beside other tools',
    '',
    'What each validated on, what it needs of the machine, and the error that its authors print; on the right planner on the same',
    'points, where the corpus holds them. Planner needs no measurement of the machine; its constants were fitted to published',
    'runs, these among them, so that its figures here are in sample (left out, by source: [cross-validation](accuracy-cross-validation.md)).',
    '',
    '| tool | validated on | needs | printed error | planner on the same points |',
    '|---|---|---|---|---|',
    ...PEERS.map(({ name, validated, needs, printed, same, note, given }) => {
      const own =
        same === undefined ? (given?.() ?? 'not in the corpus') : `${ours(report, same)}: ${note ?? ''}`;
      return `| ${name} | ${validated} | ${needs} | ${printed} | ${own} |`;
    }),
    '',
  ].join('\n');
