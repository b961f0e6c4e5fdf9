/** Results of `search` and `estimate` in the format that the user asked for; several SPECs make one answer. */
import { resultsCsv } from '../report/csv.ts';
import { jsonText, yamlText } from '../report/document-text.ts';
import { resultsMarkdown } from '../report/markdown.ts';
import { plain } from '../report/paint.ts';
import { resultsDocument } from '../report/results-json.ts';
import type { Results } from '../report/results.ts';
import { estimateTable, searchTable } from '../report/table.ts';
import { painter } from './colour.ts';

export const resultFormats = ['table', 'json', 'yaml', 'csv', 'md'] as const;
export type ResultFormat = (typeof resultFormats)[number];

export interface NamedResults extends Results {
  /** The SPEC, under the name that the user gave. */
  readonly file: string;
}

export interface Presentation {
  readonly command: 'search' | 'estimate';
  readonly format: ResultFormat;
  /** The answer goes to a file: neither colours nor a width. */
  readonly toFile: boolean;
  /** --color, --no-color. */
  readonly colour: boolean | undefined;
}

/** A table of several SPECs names the SPEC in a first column of its own. */
const sweepCsv = (all: readonly NamedResults[]): string => {
  const tables = all.map(({ file, ...results }) => ({
    file,
    lines: resultsCsv(results).split('\n').filter(Boolean),
  }));
  const header = tables.find(({ lines }) => lines.length > 0)?.lines[0];
  if (header === undefined) return '';
  const quoted = (file: string): string =>
    /[",\r\n]/u.test(file) ? `"${file.replaceAll('"', '""')}"` : file;
  const rows = tables.flatMap(({ file, lines }) => lines.slice(1).map((line) => `${quoted(file)},${line}`));
  return [`spec,${header}`, ...rows, ''].join('\n');
};

/**
 * One text. JSON and YAML: the results document, or a list of them for several SPECs; CSV: one table, with the SPEC as
 * its first column where there are several; tables and Markdown: one section after the other, headed by the SPEC.
 */
export const presentResults = (all: readonly NamedResults[], presentation: Presentation): string => {
  const [first, ...others] = all;
  if (first === undefined) return '';
  const single = others.length === 0;
  const documents = (): unknown =>
    single ? resultsDocument(first) : all.map((results) => resultsDocument(results));
  switch (presentation.format) {
    case 'json':
      return jsonText(documents());
    case 'yaml':
      return yamlText(documents());
    case 'csv':
      return single ? resultsCsv(first) : sweepCsv(all);
    case 'md':
      return all
        .map((results) => (single ? '' : `# ${results.file}\n\n`) + resultsMarkdown(results))
        .join('\n');
    case 'table': {
      const { isTTY, columns } = process.stdout;
      const options = {
        width: presentation.toFile || !isTTY ? null : columns,
        paint: presentation.toFile ? plain : painter(presentation.colour),
      };
      const table = presentation.command === 'search' ? searchTable : estimateTable;
      return all.map((results) => (single ? '' : `${results.file}\n`) + table(results, options)).join('\n');
    }
  }
};
