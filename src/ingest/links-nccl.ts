/** nccl-tests: runs → curves of bandwidth by size; runs between two hosts each → a matrix of nodes. */
import { presetOfDevice } from './links-gpu.ts';
import { busFactor } from './links-bus.ts';
import { pairsMatrix, uniformMatrix } from './links-pairs.ts';
import { collectiveNamed, ncclRuns } from './links-nccl-runs.ts';
import type { NcclRun, RunRow } from './links-nccl-runs.ts';
import { ncclReportRuns } from './links-nccl-report.ts';
import { ReadingReport, noFacts, startOf } from './links-reading.ts';
import type { Collective, LinkCurve, ReadOptions, ReadingResult } from './links-reading.ts';
import type { Source } from './source.ts';

const distinct = (names: readonly string[]): readonly string[] => [...new Set(names)];

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;

/** Bus over algorithm bandwidth of the largest messages, where rounding does not blur it. */
const printedFactor = (rows: readonly RunRow[]): number | null => {
  const large = rows.filter(({ algorithm }) => algorithm >= 1e9);
  return large.length === 0 ? null : median(large.map(({ bus, algorithm }) => bus / algorithm));
};

const REDUCTIONS: readonly Collective[] = ['all-reduce', 'reduce-scatter', 'reduce'];
const TRANSFERS: readonly Collective[] = ['all-gather', 'all-to-all', 'sendrecv', 'broadcast'];

/** Tests that print such an operation and root, and that ratio of bus to algorithm bandwidth. */
const candidates = (row: RunRow, factor: number | null, ranks: number | null): readonly Collective[] => {
  const { operation, root } = row;
  const kinds =
    operation === null
      ? [...REDUCTIONS, ...TRANSFERS]
      : /^(?:sum|prod|max|min|avg|mulsum)$/u.test(operation)
        ? REDUCTIONS
        : TRANSFERS;
  return kinds.filter((kind) => {
    const rooted = kind === 'reduce' || kind === 'broadcast';
    if (root !== null && rooted !== root >= 0) return false;
    if (factor === null) return true;
    // Over ranks that are not known only an all-reduce goes above 1, and nothing but two of its ranks, or one sender, is at 1.
    if (ranks === null) return kind === 'all-reduce' ? factor > 0.98 : factor < 1.02;
    return Math.abs(factor / busFactor(kind, ranks) - 1) <= 0.05;
  });
};

interface Ranks {
  readonly ranks: number | null;
  readonly hosts: readonly string[];
  readonly perHost: number | null;
}

const ranksOf = ({ devices, abridged }: NcclRun): Ranks => {
  if (devices.length === 0) return { ranks: null, hosts: [], perHost: null };
  const ranks = Math.max(...devices.map(({ rank }) => rank)) + 1;
  const listed = new Set(devices.map(({ rank }) => rank)).size === ranks;
  if (!listed || abridged) {
    const first = devices.filter(({ host }) => host === devices[0]?.host).length;
    return {
      ranks,
      hosts: [],
      perHost: listed && distinct(devices.map(({ host }) => host)).length === 1 ? first : null,
    };
  }
  const hosts = distinct(devices.map(({ host }) => host));
  const counts = hosts.map((host) => devices.filter((device) => device.host === host).length);
  return { ranks, hosts, perHost: counts.every((count) => count === counts[0]) ? (counts[0] ?? null) : null };
};

/** Rows of one size are repeats: their mean. */
const bySize = (rows: readonly RunRow[]): readonly RunRow[] => {
  const groups = new Map<number, RunRow[]>();
  for (const row of rows) groups.set(row.message, [...(groups.get(row.message) ?? []), row]);
  const mean = (of: readonly RunRow[], key: 'seconds' | 'algorithm' | 'bus'): number =>
    of.reduce((sum, row) => sum + row[key], 0) / of.length;
  return [...groups.entries()]
    .toSorted(([a], [b]) => a - b)
    .flatMap(([, same]) => {
      const [first] = same;
      return first === undefined
        ? []
        : [
            {
              ...first,
              seconds: mean(same, 'seconds'),
              algorithm: mean(same, 'algorithm'),
              bus: mean(same, 'bus'),
            },
          ];
    });
};

const curveOf = (run: NcclRun, source: Source, report: ReadingReport): LinkCurve | null => {
  const { ranks, hosts, perHost } = ranksOf(run);
  const rows = bySize(run.rows);
  if (rows.length === 0) {
    report.error(run.header, 'the table has no rows of more than 0 bytes: the test did not get that far');
    return null;
  }
  const factor = printedFactor(rows);
  const stated = run.collective ?? collectiveNamed(source.name.replace(/^.*[/\\]/u, ''));
  const [first] = rows;
  const possible = stated === null && first !== undefined ? candidates(first, factor, ranks) : [];
  const known = stated ?? possible[0] ?? 'all-gather';
  if (stated === null && possible.length !== 1)
    report.warn(
      run.header,
      `the log does not name its test; read as ${known}${possible.length > 1 ? `, though it could be ${possible.slice(1).join(', ')}` : ''} (nccl-tests prints the program in its first lines)`,
    );
  if (ranks === 1) {
    report.warn(run.header, 'ignored: one rank by itself, which sends nothing (several need MPI, or -g)');
    return null;
  }
  const expected = ranks === null ? null : busFactor(known, ranks);
  if (expected !== null && factor !== null && Math.abs(factor / expected - 1) > 0.05)
    report.error(
      rows.at(-1)?.range ?? run.header,
      `bus over algorithm bandwidth is ${factor.toFixed(3)}, but ${known} over ${ranks ?? 0} ranks has ${expected.toFixed(3)}: another test, or another number of ranks`,
    );
  // Factors give the number of ranks back where the log does not list them.
  const implied =
    factor === null || known !== 'all-reduce' || factor >= 2 ? null : Math.round(2 / (2 - factor));
  if (!run.finished)
    report.warn(run.header, 'the run has no average at its end: it may have died, or the log was cut');
  if (run.abridged)
    report.warn(run.header, 'lines were cut out of the log ("..."): what they held is not known');
  return {
    collective: known,
    ranks: ranks ?? implied,
    hosts,
    perHost,
    device: run.devices.find(({ device }) => device !== '')?.device ?? null,
    layout: null,
    messages: rows.map(({ message }) => message),
    bandwidth: rows.map(({ bus }) => bus),
    times: rows.map(({ seconds }) => seconds),
    range: run.header,
  };
};

const describe = (curves: readonly LinkCurve[]): string => {
  const tests = distinct(curves.map(({ collective }) => collective)).join(', ');
  const hosts = distinct(curves.flatMap((curve) => curve.hosts)).length;
  const best = Math.max(...curves.flatMap(({ bandwidth }) => bandwidth)) / 1e9;
  return `${curves.length} run(s) of ${tests}${hosts > 0 ? ` on ${hosts} host(s)` : ''}, up to ${best.toFixed(1)} GB/s bus bandwidth`;
};

/** Reads nccl-tests output, as text or as the report that -J writes; several logs pasted together count as one. */
export const readNcclTests = (source: Source, options: ReadOptions, isReport = false): ReadingResult => {
  const report = new ReadingReport('nccl-tests');
  const runs = isReport ? ncclReportRuns(source, report) : ncclRuns(source, report);
  if (runs.length === 0 && report.errors.length === 0)
    report.error(startOf(source), 'no table of nccl-tests: expected a line "# size count type … busbw"');
  const curves = runs.map((run) => curveOf(run, source, report)).filter((curve) => curve !== null);
  const [alone] = runs;
  if (alone !== undefined && curves.length === 0 && report.errors.length === 0)
    report.error(alone.header, 'each run is of one rank by itself, which sends nothing');
  if (report.errors.length > 0) return report.refuse();
  const chosen =
    options.test === null ? curves : curves.filter(({ collective }) => collective === options.test);
  if (chosen.length === 0) report.error(startOf(source), `holds no run of ${options.test ?? ''}`);
  const pairs = chosen.filter(({ hosts }) => hosts.length === 2);
  const named = distinct(chosen.flatMap(({ hosts }) => hosts));
  const matrix =
    pairs.length > 1 && named.length > 2 ? pairsMatrix(pairs, named) : uniformMatrix(chosen, report);
  const device = chosen.find((curve) => curve.device !== null)?.device ?? null;
  const whole = chosen.find((curve) => curve.perHost !== null);
  return report.finish({
    kind: 'nccl-tests',
    source,
    summary: describe(curves),
    facts: {
      ...noFacts,
      hosts: named.length === 0 || named.includes('localhost') ? null : named,
      nodes: named.length === 0 ? null : named.length,
      perNode: whole?.perHost ?? null,
      accelerator: device === null ? null : presetOfDevice(device),
    },
    matrix,
    curves,
  });
};
