/** Matrices that were made by scripts: FORMATS' own CSV and JSON, before it is known which cluster they are of. */
import { locateJson } from './json-scan.ts';
import { logLines } from './links-lines.ts';
import { ReadingReport, noFacts, startOf } from './links-reading.ts';
import type { LinkMatrix, ReadOptions, ReadingResult } from './links-reading.ts';
import { readMatrix } from './matrix.ts';
import type { Range, Source } from './source.ts';

/** Where a CSV's cell stands; found when it is reported. */
const csvRange = (source: Source, from: number, to: number): Range => {
  const line = logLines(source).filter(({ text }) => text.trim() !== '' && !text.trim().startsWith('#'))[
    from + 1
  ];
  if (line === undefined) return startOf(source);
  const cells = line.text.split(/[,;\t]/u);
  const before = cells.slice(0, to + 1).reduce((sum, cell) => sum + cell.length + 1, 0);
  const cell = cells[to + 1] ?? '';
  const start = line.start + before + (cell.length - cell.trimStart().length);
  return { source, start, end: start + Math.max(1, cell.trim().length) };
};

export const readMatrixFile = (source: Source, options: ReadOptions): ReadingResult => {
  const read = readMatrix(source, null, { allowMissing: options.allowMissing });
  if (!read.ok) return read;
  const report = new ReadingReport('matrix');
  report.warnings.push(...read.warnings);
  const { names, latency, bySize = [] } = read.value;
  // Without a word of the file, names tell: GPU0, GPU1, … are GPUs.
  const level = names.every((name) => /^(?:gpu|cuda:?)\s*\d+$/iu.test(name)) ? 'gpu' : read.value.level;
  const json = /^\s*[{[]/u.test(source.text);
  const matrix: LinkMatrix = {
    level,
    names,
    bandwidth: read.value.bandwidth,
    latency,
    bySize,
    rangeOf: (from, to) => (json ? locateJson(source, ['bandwidth', from, to]) : csvRange(source, from, to)),
    failed: [],
    nominal: false,
  };
  return report.finish({
    kind: 'matrix',
    source,
    summary: `a matrix of ${names.length} ${level}s`,
    facts: {
      ...noFacts,
      ...(level === 'node' ? { hosts: names, nodes: names.length } : {}),
    },
    matrix,
    curves: [],
  });
};
