/**
 * `nvidia-smi topo -m`: which kind of path leads between GPUs and network ports of one node. It names no bandwidth and
 * no switch: NV18 between all pairs means 18 links into NVSwitch.
 */
import { lineRange, logLines, wordsOf } from './links-lines.ts';
import type { LogLine, Word } from './links-lines.ts';
import { ReadingReport, noFacts, startOf } from './links-reading.ts';
import type { LinkMatrix, NodeFacts, ReadingResult } from './links-reading.ts';
import type { Source } from './source.ts';

/**
 * Attained by copies between GPUs over PCIe 3 x16, bytes/s: the classes in order, for who must choose pairs without a
 * measurement. Drivers before R384 print SOC for SYS, and PSB for a switch on a board of several GPUs.
 */
const PATHS: Readonly<Record<string, number>> = {
  PSB: 12e9,
  PIX: 12e9,
  PXB: 11e9,
  PHB: 10e9,
  NODE: 9e9,
  SYS: 8e9,
  SOC: 8e9,
};
/** One direction of one NVLink of V100, A100 and H100 (25 GB/s); other generations have other rates, which no topology tells. */
const PER_NVLINK = 25e9;
/** NVLinks that GPUs have in all: RTX and A40 4, V100 6, A100 12, H100 and Blackwell 18. */
const ALL_NVLINKS: ReadonlySet<number> = new Set([4, 6, 12, 18]);

interface Row {
  readonly label: Word;
  readonly cells: readonly Word[];
}

interface Table {
  readonly columns: Word[];
  readonly rows: Row[];
}

const PRINTED = /^(?:GPU|NIC)\d+$/u;
/** Drivers before R515 head columns with the names of the ports: mlx5_0, hfi1_0, roceP1p1s0, bnxt_re0. */
const LABEL = /^[A-Za-z]\w*\d\w*$/u;
/** Labels that a narrow terminal ran together. */
const GLUED = /(?:GPU|NIC)\d+?(?=(?:GPU|NIC)\d|mlx\d|\b)|mlx\d+_\d+?(?=mlx\d|\b)/gu;

const splitGlued = (word: Word): readonly Word[] => {
  if (PRINTED.test(word.text)) return [word];
  const parts = [...word.text.matchAll(GLUED)];
  if (parts.length < 2 || parts.map(([text]) => text).join('') !== word.text) return [word];
  const { source, start } = word.range;
  return parts.map((part) => ({
    text: part[0],
    range: { source, start: start + part.index, end: start + part.index + part[0].length },
  }));
};

/** Columns before those of affinity; null for a line that is no header. */
const headerOf = (words: readonly Word[], open: boolean): readonly Word[] | null => {
  const end = words.findIndex(({ text }) => /^(?:CPU|NUMA|GPU)$/u.test(text));
  const labels = end === -1 ? words : words.slice(0, end);
  const first = labels[0]?.text ?? '';
  const begins = open ? LABEL.test(first) : first === 'GPU0';
  return begins && labels.every(({ text }) => LABEL.test(text)) ? labels : null;
};

const isPath = (text: string): boolean => text in PATHS || /^NV\d+$/u.test(text);

/** Header columns may go on in a second line; rows follow in any order, and so may a further table. */
const tablesOf = (lines: readonly LogLine[], report: ReadingReport): readonly Table[] => {
  const tables: Table[] = [];
  for (const line of lines) {
    const [label, ...cells] = wordsOf(line).flatMap(splitGlued);
    const open = tables.at(-1);
    if (label === undefined) continue;
    if (cells.some(({ text }) => text === 'X' || isPath(text))) {
      const known = open?.columns.some(({ text }) => text === label.text) ?? false;
      if (!known && !PRINTED.test(label.text)) continue;
      if (open === undefined) {
        report.error(lineRange(line), 'a row without the header of its table: its columns are not known');
        return [];
      }
      open.rows.push({ label, cells });
      continue;
    }
    const unfinished = open !== undefined && open.rows.length === 0;
    const columns = headerOf([label, ...cells], unfinished);
    if (columns === null) continue;
    if (unfinished) open.columns.push(...columns);
    else tables.push({ columns: [...columns], rows: [] });
  }
  return tables;
};

/** All that a table says of paths, whatever stands around it. */
const paths = ({ columns, rows }: Table): string =>
  rows
    .map(({ label, cells }) => [label, ...cells.slice(0, columns.length)].map(({ text }) => text).join(' '))
    .toSorted()
    .join('\n');

/** The one table of a file, which may print it again and again; null where there is none, or several. */
const tableOf = (lines: readonly LogLine[], report: ReadingReport): Table | null => {
  const [table, ...others] = tablesOf(lines, report);
  if (table === undefined) return null;
  const other = others.find((each) => paths(each) !== paths(table));
  const begin = (other ?? others[0])?.columns[0]?.range;
  if (begin !== undefined && other !== undefined)
    report.error(begin, 'a second table that differs from the first: one file describes one node');
  else if (begin !== undefined)
    report.warn(begin, `ignored: the same table, printed ${others.length + 1} times`);
  return other === undefined ? table : null;
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
    else if (!self && !isPath(cell.text))
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

/** NVLinks of one GPU, where all pairs have as many: wires of its own to each peer where they add up to all that a GPU has. */
const uniformLinks = (links: number, gpus: number): Pick<NodeFacts, 'intraNode' | 'nvlinks'> => {
  const all = links * (gpus - 1);
  if (gpus > 2 && ALL_NVLINKS.has(all))
    return { nvlinks: all, intraNode: { bandwidth: all * PER_NVLINK, kind: 'mesh' } };
  const preset = GENERATIONS[links];
  return { nvlinks: links, intraNode: preset ?? { bandwidth: links * PER_NVLINK, kind: 'switch' } };
};

const intraNodeOf = (kinds: readonly string[], gpus: number): Pick<NodeFacts, 'intraNode' | 'nvlinks'> => {
  const [first = ''] = kinds;
  const links = /^NV(\d+)$/u.exec(first)?.[1];
  if (gpus < 2) return { intraNode: null, nvlinks: null };
  if (kinds.length === 1 && links !== undefined) return uniformLinks(Number(links), gpus);
  const rates = kinds.map(rateOf);
  if (kinds.some((path) => path.startsWith('NV')))
    return { intraNode: { bandwidth: Math.max(...rates), kind: 'mesh' }, nvlinks: null };
  return { intraNode: { bandwidth: Math.min(...rates), kind: 'pcie' }, nvlinks: null };
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
  const kinds = [
    ...new Set(
      names.flatMap((_, from) => names.flatMap((__, to) => (from === to ? [] : [at(from, to)?.text ?? '']))),
    ),
  ];
  const uniform = kinds.length <= 1;
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
  const nvlink = kinds.find((kind) => kind.startsWith('NV'));
  if (nvlink !== undefined)
    report.warn(
      first,
      `${nvlink} is read at 25 GB/s a link, as on V100, A100 and H100; a link of Blackwell has twice that, of RTX 3090, A6000 and A40 14: give --accelerator, or intra_node yourself`,
    );
  if (matrix !== null)
    report.warn(
      first,
      'a topology names kinds of paths, not their speed: those over PCIe are read as attained on PCIe 3',
    );
  return report.finish({
    kind: 'nvidia-smi-topo',
    source,
    summary: `${names.length} GPUs (${kinds.join(', ') || 'alone'}), ${ports} network ports`,
    facts: {
      ...noFacts,
      nodes: 1,
      perNode: names.length,
      ...intraNodeOf(kinds, names.length),
      nics: ports === 0 ? null : { count: ports, bandwidth: null },
    },
    matrix,
    curves: [],
  });
};
