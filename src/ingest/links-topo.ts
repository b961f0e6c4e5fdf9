/**
 * `nvidia-smi topo -m`: which kind of path leads between GPUs and network ports of one node. It names no bandwidth and
 * no switch: NV18 between all pairs means 18 links into NVSwitch.
 */
import { lineRange, logLines, wordsOf } from './links-lines.ts';
import type { LogLine, Word } from './links-lines.ts';
import { ReadingReport, noFacts, startOf } from './links-reading.ts';
import type { LinkMatrix, NodeFacts, ReadingResult } from './links-reading.ts';
import type { Source } from './source.ts';

/** Attained by copies between GPUs over PCIe 3 x16, bytes/s: the classes in order, for who must choose pairs without a measurement. */
const PATHS: Readonly<Record<string, number>> = { PIX: 12e9, PXB: 11e9, PHB: 10e9, NODE: 9e9, SYS: 8e9 };
/** One direction of one NVLink of V100, A100 and H100 (25 GB/s); Blackwell has twice that, which no topology tells. */
const PER_NVLINK = 25e9;

interface Row {
  readonly label: Word;
  readonly cells: readonly Word[];
}

interface Tables {
  readonly columns: readonly Word[];
  readonly rows: readonly Row[];
}

const LABEL = /^(?:GPU|NIC)\d+$|^mlx\d+_\w+$|^(?:bnxt_re|rocep|ibp|irdma|hns)\w*$/u;
/** Labels that a narrow terminal ran together. */
const GLUED = /(?:GPU|NIC)\d+?(?=(?:GPU|NIC)\d|\b)|mlx\d+_\d+?(?=mlx\d|\b)/gu;

const splitGlued = (word: Word): readonly Word[] => {
  if (LABEL.test(word.text)) return [word];
  const parts = [...word.text.matchAll(GLUED)];
  if (parts.length < 2 || parts.map(([text]) => text).join('') !== word.text) return [word];
  const { source, start } = word.range;
  return parts.map((part) => ({
    text: part[0],
    range: { source, start: start + part.index, end: start + part.index + part[0].length },
  }));
};

const isHeader = (words: readonly Word[]): boolean =>
  words.length > 0 &&
  (words[0]?.text === 'GPU0' ? words[1]?.text !== 'X' : true) &&
  LABEL.test(words[0]?.text ?? '');

/** Header columns may go on in a second line; rows follow in any order. */
const tableOf = (lines: readonly LogLine[], report: ReadingReport): Tables | null => {
  const columns: Word[] = [];
  const rows: Row[] = [];
  for (const line of lines) {
    const words = wordsOf(line).flatMap(splitGlued);
    const [label, ...cells] = words;
    if (label === undefined || !LABEL.test(label.text)) continue;
    const isRow = cells.some(({ text }) => text === 'X' || text in PATHS || /^NV\d+$/u.test(text));
    if (isRow) {
      if (columns.length === 0) {
        report.error(lineRange(line), 'a row without the header of its table: its columns are not known');
        return null;
      }
      rows.push({ label, cells });
    } else if (rows.length === 0 && isHeader(words)) {
      const end = words.findIndex(({ text }) => !LABEL.test(text));
      columns.push(...(end === -1 ? words : words.slice(0, end)));
    }
  }
  return columns.length === 0 ? null : { columns, rows };
};

const indexOf = (label: string): number => Number(/\d+$/u.exec(label)?.[0] ?? NaN);

const checkRow = ({ label, cells }: Row, columns: readonly Word[], report: ReadingReport): void => {
  for (const [index, column] of columns.entries()) {
    const cell = cells[index];
    if (cell === undefined) {
      report.error(label.range, `the row of ${label.text} ends before the column of ${column.text}`);
      return;
    }
    const self = column.text === label.text;
    if (self !== (cell.text === 'X'))
      report.error(
        cell.range,
        self ? `expected X, found "${cell.text}"` : `X stands for ${column.text} in the row of ${label.text}`,
      );
    else if (!self && !(cell.text in PATHS) && !/^NV\d+$/u.test(cell.text))
      report.error(
        cell.range,
        `expected a kind of path (NV#, PIX, PXB, PHB, NODE, SYS), found "${cell.text.slice(0, 20)}"`,
      );
  }
};

const rateOf = (path: string): number =>
  path.startsWith('NV') ? Number(path.slice(2)) * PER_NVLINK : (PATHS[path] ?? NaN);

/** NVLink generation by the number of links that all pairs of a node share. */
const GENERATIONS: Readonly<Record<number, string>> = { 6: 'nvlink2', 12: 'nvlink3', 18: 'nvlink4' };

const intraNodeOf = (paths: readonly string[]): NodeFacts['intraNode'] => {
  const kinds = new Set(paths);
  const [first = ''] = kinds;
  const links = /^NV(\d+)$/u.exec(first)?.[1];
  if (kinds.size === 1 && links !== undefined)
    return GENERATIONS[Number(links)] ?? { bandwidth: rateOf(first), kind: 'switch' };
  if (paths.some((path) => path.startsWith('NV')))
    return { bandwidth: Math.max(...paths.map(rateOf)), kind: 'mesh' };
  return { bandwidth: Math.min(...paths.map(rateOf)), kind: 'pcie' };
};

export const readTopology = (source: Source): ReadingResult => {
  const report = new ReadingReport('nvidia-smi-topo');
  const table = tableOf(logLines(source), report);
  if (table === null) {
    if (report.errors.length === 0)
      report.error(
        startOf(source),
        'no matrix of nvidia-smi topo -m: expected a header that begins with GPU0',
      );
    return report.refuse();
  }
  const { columns, rows } = table;
  const gpus = columns.filter(({ text }) => text.startsWith('GPU'));
  const seen = new Set<string>();
  for (const row of rows) {
    if (seen.has(row.label.text))
      report.error(row.label.range, `the row of ${row.label.text} is given twice`);
    seen.add(row.label.text);
    checkRow(row, columns, report);
  }
  const ordered = gpus.map((gpu) => {
    const row = rows.find(({ label }) => label.text === gpu.text);
    if (row === undefined) report.error(gpu.range, `the row of ${gpu.text} is missing`);
    return row;
  });
  for (const [position, gpu] of gpus.entries())
    if (indexOf(gpu.text) !== position) report.error(gpu.range, `expected GPU${position}, found ${gpu.text}`);
  const at = (from: number, to: number): Word | undefined =>
    ordered[from]?.cells[columns.indexOf(gpus[to] as Word)];
  for (let from = 0; from < gpus.length; from += 1)
    for (let to = 0; to < from; to += 1) {
      const [a, b] = [at(from, to), at(to, from)];
      if (a !== undefined && b !== undefined && a.text !== b.text)
        report.error(a.range, `GPU${from} to GPU${to} is ${a.text}, but the way back is ${b.text}`);
    }
  if (report.errors.length > 0) return report.refuse();
  const first = startOf(source);
  const names = gpus.map(({ text }) => text);
  const paths = names.flatMap((_, from) =>
    names.flatMap((__, to) => (from === to ? [] : [at(from, to)?.text ?? ''])),
  );
  const uniform = new Set(paths).size <= 1;
  const matrix: LinkMatrix | null =
    uniform || names.length < 2
      ? null
      : {
          level: 'gpu',
          names,
          bandwidth: names.map((_, from) =>
            names.map((__, to) => (from === to ? NaN : rateOf(at(from, to)?.text ?? ''))),
          ),
          latency: null,
          bySize: [],
          rangeOf: (from, to) => at(from, to)?.range ?? first,
          failed: [],
          nominal: true,
        };
  const ports = columns.length - gpus.length;
  const kinds = [...new Set(paths)];
  if (kinds.some((kind) => kind === 'NV18'))
    report.warn(
      first,
      'NV18 is read as NVLink 4 (25 GB/s a link); on Blackwell a link has twice that: give intra_node yourself',
    );
  if (matrix !== null)
    report.warn(
      first,
      'a topology names kinds of paths, not their speed: figures are those of NVLink at 25 GB/s a link and PCIe 3',
    );
  return report.finish({
    kind: 'nvidia-smi-topo',
    source,
    summary: `${names.length} GPUs (${kinds.join(', ') || 'alone'}), ${ports} network ports`,
    facts: {
      ...noFacts,
      nodes: 1,
      perNode: names.length,
      intraNode: names.length < 2 ? null : intraNodeOf(paths),
      nics: ports === 0 ? null : { count: ports, bandwidth: null },
    },
    matrix,
    curves: [],
  });
};
