/**
 * What measured links make of the instances that others published: our figure beside theirs. Needs the folder of
 * measurements (PLANNER_DATA). Usage: npx tsx scripts/links-report.ts
 */
import { ampTime, criticalPathTime, periodOf, pipetteTime } from '../src/cost/latency-forms.ts';
import type { LatencyTerms } from '../src/cost/latency-forms.ts';
import { hasData } from '../test/shared-data.ts';
import { homogeneous, summarise, unevenModel } from './links/amp.ts';
import type { AmpMachine } from './links/amp.ts';
import { pairRate, stridedRate } from './links/examples.ts';
import { pairMatrix, pipetteCommunication, pipetteMatrix } from './links/pipette.ts';
import { sailorRows } from './links/sailor.ts';
import { comparisonTable, heading, kendallTau, meanAbsolute, percent } from './links/table.ts';
import type { Comparison } from './links/table.ts';

const milliseconds = (time: number): string => `${(time * 1e3).toFixed(1)} ms`;
const ascending = (count: number): readonly number[] => Array.from({ length: count }, (_, index) => index);

const periodSection = (): string => {
  const terms = (hops: readonly number[], microBatches: number): LatencyTerms => ({
    microBatches,
    stages: Array.from({ length: 8 }, () => 3),
    hops,
    data: [0],
  });
  const even = Array.from({ length: 7 }, () => 0.2);
  const positions = ascending(7).map((slow) =>
    periodOf(
      terms(
        ascending(7).map((hop) => (hop === slow ? 1.5 : 0.1)),
        256,
      ),
    ),
  );
  return comparisonTable([
    {
      name: 'pp 8, f 1, b 2, c 0.1, one link of 1.5: period, at each position',
      ours: [...new Set(positions)].join(', '),
      published: '4.5',
    },
    { name: 'all links 0.2: period', ours: String(periodOf(terms(even, 256))), published: '3.35' },
    {
      name: 'all links 0.2, m 256: iteration',
      ours: criticalPathTime(terms(even, 256)).toFixed(10),
      published: '881.0',
    },
    {
      name: 'the same by Pipette, by AMP',
      ours: `${pipetteTime(terms(even, 256)).toFixed(2)}, ${ampTime(terms(even, 256)).toFixed(2)}`,
      published: 'baselines',
    },
  ]);
};

const ampRows = (name: string, machine: AmpMachine): readonly Comparison[] => {
  const fitted = summarise(machine);
  const plain = summarise({ ...machine, fixed: 0, latency: 0 });
  return [
    {
      name: `${name}: runs that finished, of ${fitted.trials}`,
      ours: String(fitted.measured),
      published: String(fitted.measured),
    },
    {
      name: `${name}: Kendall τ`,
      ours: `${fitted.tau.toFixed(3)} (layer times alone: ${plain.tau.toFixed(3)})`,
      published: fitted.theirTau.toFixed(3),
    },
    {
      name: `${name}: mean error`,
      ours: `${percent(fitted.error)} (${percent(plain.error)})`,
      published: percent(fitted.theirError),
    },
    {
      name: `${name}: measured time of the first choice (best ${fitted.best.toFixed(2)} s)`,
      ours: `${fitted.firstChoice.toFixed(2)} s (${plain.firstChoice.toFixed(2)} s)`,
      published: `${fitted.theirFirstChoice.toFixed(2)} s`,
    },
  ];
};

const sailorSection = (): string => {
  const rows = sailorRows();
  const errors = rows.map(({ ours, measured }) => ours / measured - 1);
  const large = errors.filter((_, index) => (rows[index]?.microBatch ?? 0) >= 2);
  return comparisonTable([
    ...rows.map(({ name, microBatch, ours, measured }, index) => ({
      name: `${name}, micro batch ${microBatch}`,
      ours: `${ours.toFixed(3)} s (${percent(errors[index] ?? NaN)})`,
      published: `${measured.toFixed(3)} s`,
    })),
    { name: 'mean error, micro batch ≥ 2', ours: percent(meanAbsolute(large)), published: '' },
    {
      name: 'mean error, all',
      ours: percent(meanAbsolute(errors)),
      published: '17.5 % (sum of layers, nothing else)',
    },
    {
      name: 'Kendall τ',
      ours: kendallTau(
        rows.map(({ ours }) => ours),
        rows.map(({ measured }) => measured),
      ).toFixed(3),
      published: '',
    },
  ]);
};

const pipetteSection = (): string => {
  const published: Readonly<Record<number, string>> = {
    1: '537.9',
    2: '243.8',
    4: '121.2',
    8: '74.1',
    16: '78.6',
  };
  return comparisonTable(
    [1, 2, 4, 8, 16].map((stages) => ({
      name: `pp ${stages}, order of the hosts`,
      ours: (['received', 'sent'] as const)
        .map(
          (direction) =>
            `${milliseconds(pipetteCommunication(pipetteMatrix(direction), stages, ascending(16)))} ${direction}`,
        )
        .join(', '),
      published: `${published[stages] ?? ''} ms (received)`,
    })),
  );
};

const pairSection = (): string => {
  const matrix = pairMatrix('sendrecv_perf_G4', 0.5e9);
  const without = (left: number): readonly number[] => ascending(17).filter((node) => node !== left);
  const rows = [
    [2, '780.6'],
    [4, '400.4'],
  ] as const;
  return comparisonTable(
    rows.map(([stages, published]) => {
      const best = ascending(17).reduce(
        (least, left) => {
          const time = pipetteCommunication(matrix, stages, without(left));
          return time < least.time ? { left, time } : least;
        },
        { left: -1, time: Infinity },
      );
      const plain = pipetteCommunication(matrix, stages, ascending(16));
      return {
        name: `17 nodes, sendrecv over 4 GPUs, pp ${stages}: first 16 in order`,
        ours: `${milliseconds(plain)}; without ${matrix.names[best.left] ?? ''} instead: ${milliseconds(best.time)}`,
        published: `${published} ms`,
      };
    }),
  );
};

const insideSection = (): string =>
  comparisonTable([
    {
      name: 'A100-PCIe, tensor 2 on {0,1} {2,3}: slowest group',
      ours: `${pairRate([0, 1, 2, 3]).toFixed(1)} GB/s`,
      published: '275 GB/s',
    },
    {
      name: 'any other pairing',
      ours: `${pairRate([0, 2, 1, 3]).toFixed(1)} and ${pairRate([0, 3, 1, 2]).toFixed(1)} GB/s`,
      published: '21.6 GB/s, 12 times slower',
    },
    ...[
      [2, '8.13'],
      [4, '16.22'],
      [8, '20.77'],
    ].map(([size, published]) => ({
      name: `Galvatron 2×8, strided all-reduce of ${size ?? ''} (from that of 2)`,
      ours: `${stridedRate(Number(size)).toFixed(2)} GB/s`,
      published: `${published ?? ''} GB/s`,
    })),
  ]);

const sections: readonly (readonly [title: string, folder: string | null, make: () => string])[] = [
  ['Period of 1F1B', null, periodSection],
  [
    'AMP: four nodes of four T4; uneven model on four of four V100',
    'amp',
    () =>
      comparisonTable([...ampRows('homogeneous', homogeneous), ...ampRows('uneven model', unevenModel())]),
  ],
  ['Sailor: OPT-350M on GH200', 'sailor', sailorSection],
  ['Pipette: 16 nodes, communication of an iteration', 'pipette', pipetteSection],
  ['Pairs of 17 H100 nodes', 'nccl_pairs', pairSection],
  ['Inside nodes', 'p2p', insideSection],
];

for (const [title, folder, make] of sections)
  console.log(
    heading(title) +
      (folder === null || hasData('clusters', folder) ? make() : `skipped: no data in clusters/${folder}`),
  );
