/**
 * The JSON report of nccl-tests (-J): one run, its devices and rows, rates in GB/s and times in microseconds.
 * Source of the format: NVIDIA/nccl-tests src/util.cu (jsonOutputInit, writeDeviceReport, writeBenchmarkLineBody), file
 * version 2.
 */
import { collectiveNamed, type NcclRun, type RunDevice, type RunRow } from './links-nccl-runs.ts';
import type { ReadingReport } from './links-reading.ts';
import { locateJson } from './json-scan.ts';
import { readJson } from './read-json.ts';
import type { Source } from './source.ts';

type Json = Readonly<Record<string, unknown>>;

const isMap = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');
const isRate = (value: unknown): value is number => typeof value === 'number' && value >= 0;

/** A process lists its first GPU alone; the others follow in rank on the same host. */
const devicesOf = (config: Json): RunDevice[] => {
  const count = (key: string): number => (Number.isInteger(config[key]) ? Number(config[key]) : 1);
  const own = Math.min(64, Math.max(1, count('nthreads') * count('ngpus')));
  return listOf(config['devices'])
    .filter(isMap)
    .flatMap(({ rank, hostname, device_info: device }) =>
      Number.isInteger(rank)
        ? Array.from({ length: own }, (_, index) => ({
            rank: Number(rank) + index,
            host: textOf(hostname),
            device: textOf(device),
          }))
        : [],
    );
};

const rowOf = (source: Source, row: unknown, index: number, report: ReadingReport): RunRow | null => {
  const path = ['results', index];
  const range = locateJson(source, path);
  if (!isMap(row) || !isRate(row['size'])) {
    report.error(range, 'expected a row with its size in bytes');
    return null;
  }
  const key = isMap(row['out_of_place']) ? 'out_of_place' : 'in_place';
  const figures = row[key];
  if (!isMap(figures)) {
    report.error(range, 'expected figures under out_of_place or in_place');
    return null;
  }
  const at = (name: string): ReturnType<typeof locateJson> =>
    locateJson(source, name in figures ? [...path, key, name] : [...path, key]);
  const clock = 'cpu_time' in figures ? 'cpu_time' : 'time';
  for (const name of [clock, 'alg_bw', 'bus_bw'])
    if (!isRate(figures[name])) {
      report.error(at(name), `expected ${name}, a number of at least 0`);
      return null;
    }
  if (isRate(figures['nwrong']) && figures['nwrong'] > 0) {
    report.error(
      at('nwrong'),
      `the test found ${figures['nwrong']} wrong values: its times cannot be trusted`,
    );
    return null;
  }
  return {
    message: row['size'],
    operation: typeof row['redop'] === 'string' ? row['redop'] : null,
    root: typeof row['root'] === 'number' ? row['root'] : null,
    seconds: Number(figures[clock]) * 1e-6,
    algorithm: Number(figures['alg_bw']) * 1e9,
    bus: Number(figures['bus_bw']) * 1e9,
    range,
  };
};

/** The run of a report; none where it is no report. */
export const ncclReportRuns = (source: Source, report: ReadingReport): readonly NcclRun[] => {
  const read = readJson(source);
  if (!read.ok || !isMap(read.value)) return [];
  const { config, results, args, out_of_bounds: bounds, average_bus_bandwidth: average } = read.value;
  const rows = listOf(results)
    .map((row, index) => rowOf(source, row, index, report))
    .filter((row) => row !== null && row.message > 0);
  if (isMap(bounds) && bounds['okay'] === 'false')
    report.error(locateJson(source, ['out_of_bounds']), 'the test failed: values out of bounds');
  return [
    {
      collective: collectiveNamed(textOf(listOf(args)[0]).replace(/^.*\//u, '')),
      devices: isMap(config) ? devicesOf(config) : [],
      rows: rows as RunRow[],
      header: locateJson(source, 'results' in read.value ? ['results'] : []),
      finished: isMap(average),
      abridged: false,
    },
  ];
};
