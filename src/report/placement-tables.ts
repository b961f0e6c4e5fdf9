import type { Placement } from '../formats/placement.ts';
import { gib, percent } from './figures.ts';
import type { Paint } from './paint.ts';
import { textTable } from './text-table.ts';
import type { Table, TableCell } from './text-table.ts';

type Layer = Placement['layers'][number];
type Summary = Placement['summary'];

const ratio = (value: number): string => value.toFixed(5);
const cell = (text: string): TableCell => ({ text });
const right = (header: string, dropOrder?: number) =>
  ({ header, align: 'right', ...(dropOrder === undefined ? {} : { dropOrder }) }) as const;

export const layerTable = (layers: readonly Layer[]): Table => {
  const traffic = layers.some((layer) => layer.traffic !== undefined);
  return {
    columns: [
      right('layer'),
      right('max/mean'),
      right('bound'),
      right('gap'),
      { header: 'proof', align: 'left', dropOrder: 1 },
      ...(traffic ? [right('nodes/token', 2), right('GPUs/token', 3)] : []),
    ],
    rows: layers.map(({ layer, load, traffic: crossing }) => [
      cell(String(layer)),
      cell(ratio(load.max_over_mean)),
      cell(ratio(load.lower_bound)),
      cell(`${(100 * load.gap).toFixed(3)} %`),
      cell(load.proven_optimal === true ? `optimal (${load.bound ?? ''})` : (load.bound ?? '')),
      ...(traffic
        ? [cell(crossing?.nodes_per_token.toFixed(3) ?? ''), cell(crossing?.gpus_per_token.toFixed(3) ?? '')]
        : []),
    ]),
  };
};

const sweepTable = (rows: NonNullable<Placement['sweep']>): Table => ({
  columns: [right('redundant'), right('max/mean'), right('bound'), right('EPLB'), right('GiB a GPU')],
  rows: rows.map((row) => [
    cell(String(row.redundant_experts)),
    cell(ratio(row.max_over_mean)),
    cell(ratio(row.lower_bound)),
    cell(row.eplb === null || row.eplb === undefined ? '' : ratio(row.eplb)),
    cell(row.bytes_per_gpu === null ? '' : gib(row.bytes_per_gpu)),
  ]),
});

const crossTable = (rows: NonNullable<Summary['cross_validation']>): Table => ({
  columns: [
    { header: 'held out', align: 'left' },
    right('planned on the others'),
    right('EPLB on their sum'),
  ],
  rows: rows.map((row) => [
    cell(row.held_out),
    cell(ratio(row.max_over_mean)),
    cell(row.eplb === null ? '' : ratio(row.eplb)),
  ]),
});

const question = (problem: NonNullable<Placement['problem']>): string =>
  `${String(problem.experts)} experts and ${String(problem.redundant_experts)} redundant on ${String(problem.expert_parallel)} GPUs, ${String(problem.per_node)} a node` +
  `${problem.groups === null ? '' : `, ${String(problem.groups)} groups kept on their node`}; objective ${problem.objective}.`;

const sentences = (summary: Summary, layers: number): readonly string[] => {
  const { baselines } = summary;
  const eplb = baselines.eplb === null ? '' : `, EPLB ${ratio(baselines.eplb)}`;
  const duplicates = baselines.eplb_duplicates ?? 0;
  const lines = [
    `Busiest GPU over the mean, mean of ${String(layers)} layers: ${ratio(summary.max_over_mean)}; no placement is below ${ratio(summary.lower_bound)} (gap ${(100 * (summary.gap ?? 0)).toFixed(3)} %, ${String(summary.proven_layers ?? 0)} layers proven optimal).`,
    `Contiguous ${ratio(baselines.contiguous)}${eplb}${duplicates > 0 ? ` (which puts ${String(duplicates)} replicas beside another one of the same expert)` : ''}; worst layer ${String(summary.worst_layer)}: ${ratio(summary.worst_max_over_mean ?? 0)}.`,
  ];
  if (summary.nodes_per_token !== null)
    lines.push(
      `A token's experts lie on ${summary.nodes_per_token.toFixed(3)} nodes and ${(summary.gpus_per_token ?? 0).toFixed(3)} GPUs; ${percent(summary.same_node_share ?? 0)} of the steps to the next layer stay on their node, ${percent(summary.same_gpu_share ?? 0)} on their GPU.`,
    );
  if (baselines.current !== null && baselines.current !== undefined) {
    const payback = summary.payback_s;
    const bytes = summary.moved_bytes;
    lines.push(
      `Now ${ratio(baselines.current)}; ${String(summary.moved_experts)} experts move${bytes === null || bytes === undefined ? '' : ` (${gib(bytes)} GiB)`}${payback === null || payback === undefined ? '' : `, paid back after ${payback.toPrecision(3)} s of expert computation`}.`,
    );
  }
  return [...lines, ...(summary.notes ?? []).map((note) => `Note: ${note}.`)];
};

/** Layers, summary, cross-validation and sweep as text. */
export const placementText = (document: Placement, width: number | null, paint: Paint): string => {
  const { layers, summary, sweep, problem } = document;
  const cross = summary.cross_validation ?? [];
  return [
    ...(problem === undefined ? [] : [`${question(problem)}\n`]),
    textTable(layerTable(layers), width, paint),
    `${sentences(summary, layers.length).join('\n')}\n`,
    ...(cross.length === 0 ? [] : [textTable(crossTable(cross), width, paint)]),
    ...(sweep === undefined ? [] : [textTable(sweepTable(sweep), width, paint)]),
  ].join('\n');
};
