import Table from 'cli-table3';
import { Argument, Option } from 'commander';
import type { Command } from 'commander';
import { modelPresetNames, readModelPreset } from '../../ingest/model-presets.ts';
import {
  presetNames,
  presetSource,
  readAccelerator,
  readIntraNodeLink,
  readNic,
} from '../../ingest/presets.ts';
import { parameterCount } from '../../model/count.ts';
import { formatQuantity } from '../../quantity.ts';
import { addOutputOptions, checkOutput, writeAnswer } from '../output.ts';
import type { OutputOptions } from '../output.ts';

/** A preset in a list: its figures under their JSON names, and how a table shows them. */
interface Row {
  readonly name: string;
  readonly figures: Readonly<Record<string, unknown>>;
  readonly summary: string;
  readonly source: string;
}

const acceleratorRow = (name: string): Row => {
  const { accelerator, intraNode, nics, perNode, domain } = readAccelerator(name);
  const { architecture, memory, memoryBandwidth, peak, multiprocessors } = accelerator;
  const rate = peak.bf16 ?? peak.fp16 ?? 0;
  return {
    name,
    figures: {
      architecture,
      memory,
      memory_bandwidth: memoryBandwidth,
      peak,
      multiprocessors,
      per_node: perNode,
      intra_node: intraNode.name,
      nics: { count: nics.count, link: nics.name },
      domain,
    },
    summary: `${architecture}, ${formatQuantity(memory, 'size')}, ${formatQuantity(memoryBandwidth, 'bandwidth')}, ${formatQuantity(rate, 'compute')} 16-bit; ${String(perNode)} a node by ${intraNode.name}, ${String(nics.count)} × ${nics.name}`,
    source: presetSource('accelerator', name),
  };
};

const linkRow = (name: string): Row => {
  const { kind, bandwidth, latency } = readIntraNodeLink(name);
  return {
    name,
    figures: { kind, bandwidth, latency },
    summary: `${kind}, ${formatQuantity(bandwidth, 'bandwidth')} per GPU and direction, ${formatQuantity(latency, 'time')}`,
    source: presetSource('intra-node', name),
  };
};

const nicRow = (name: string): Row => {
  const { kind, bandwidth, latency } = readNic(name);
  return {
    name,
    figures: { kind, bandwidth, latency },
    summary: `${kind}, ${formatQuantity(bandwidth, 'bandwidth')} per port and direction, ${formatQuantity(latency, 'time')}`,
    source: presetSource('nic', name),
  };
};

const billions = (parameters: number): string => `${String(Number((parameters / 1e9).toPrecision(4)))} B`;

const modelRow = (name: string): Row => {
  const { model, source, published, notes } = readModelPreset(name);
  const { total, active } = parameterCount(model);
  const activePart = active === total ? '' : `, ${billions(active)} active`;
  return {
    name,
    figures: {
      model_type: model.modelType,
      layers: model.layers.length,
      hidden_size: model.hidden,
      parameters: total,
      active_parameters: active,
      published: {
        parameters: published.parameters,
        active_parameters: published.active?.parameters ?? null,
        counts: published.counts,
        source: published.source,
      },
      notes,
    },
    summary: `${model.modelType}, ${billions(total)} parameters${activePart}, ${String(model.layers.length)} layers of ${String(model.hidden)}`,
    source,
  };
};

interface Kind {
  readonly names: () => readonly string[];
  readonly row: (name: string) => Row;
}

const KINDS: Readonly<Record<string, Kind>> = {
  accelerators: { names: () => presetNames('accelerator'), row: acceleratorRow },
  links: { names: () => presetNames('intra-node'), row: linkRow },
  nics: { names: () => presetNames('nic'), row: nicRow },
  models: { names: modelPresetNames, row: modelRow },
};

const NAME_WIDTH = 26;
const FIGURES_WIDTH = 62;
const SOURCE_WIDTH = 60;
const NARROWEST = 20;
/** Four rules stand beside and between three columns. */
const RULES = 4;

/** Widths that fill at most `width` characters; null: nobody cuts lines. */
const columnWidths = (width: number | null): number[] => {
  const room = Math.max(2 * NARROWEST, (width ?? Infinity) - NAME_WIDTH - RULES);
  const source = Math.min(SOURCE_WIDTH, Math.floor(room / 2));
  return [NAME_WIDTH, Math.min(FIGURES_WIDTH, room - source), source];
};

const toTable = (kinds: ReadonlyMap<string, readonly Row[]>, width: number | null): string => {
  const parts = [...kinds].map(([kind, rows]) => {
    const table = new Table({
      head: [kind, 'figures', 'source'],
      colWidths: columnWidths(width),
      wordWrap: true,
      style: { head: [], border: [] },
    });
    for (const { name, summary, source } of rows) table.push([name, summary, source]);
    return table.toString();
  });
  return parts.join('\n\n');
};

const toJson = (kinds: ReadonlyMap<string, readonly Row[]>): string => {
  const lists = [...kinds].map(
    ([kind, rows]) =>
      [kind, rows.map(({ name, figures, source }) => ({ name, ...figures, source }))] as const,
  );
  return JSON.stringify({ schema_version: 1, ...Object.fromEntries(lists) }, null, 2);
};

const HELP = `
Figures in JSON are in base units: bytes, seconds, bytes/s, FLOP/s.

Examples:
  $ planner presets
  $ planner presets accelerators
  $ planner presets models --format json`;

interface Options extends OutputOptions {
  readonly format: string;
}

/** `planner presets [KIND]`: everything that a SPEC may name, with its figures and their source. */
export const registerPresets = (program: Command): void => {
  const command = program
    .command('presets')
    .description('list the accelerators, links, NICs and models that a SPEC may name')
    .addArgument(new Argument('[kind]', 'what to list (default: all)').choices(Object.keys(KINDS)))
    .addOption(
      new Option('--format <format>', 'how to print the list').choices(['table', 'json']).default('table'),
    )
    .addHelpText('after', HELP);
  addOutputOptions(command).action((asked: string | undefined, options: Options) => {
    checkOutput(options);
    const kinds = new Map(
      Object.entries(KINDS)
        .filter(([kind]) => asked === undefined || asked === kind)
        .map(([kind, { names, row }]) => [kind, names().map(row)] as const),
    );
    const { isTTY, columns } = process.stdout;
    const width = isTTY && options.output === undefined ? columns : null;
    writeAnswer(options.format === 'json' ? toJson(kinds) : toTable(kinds, width), options);
  });
};
