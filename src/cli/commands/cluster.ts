/** `planner cluster import | show`: logs of a cluster → its description; measured links as a picture and in words. */
import path from 'node:path';
import { Option } from 'commander';
import type { Command } from 'commander';
import type { Cluster, MeasuredLinks } from '../../cluster/cluster.ts';
import { gpuCount } from '../../cluster/cluster.ts';
import { surveyLinks } from '../../cluster/measured-tiers.ts';
import type { Diagnostic } from '../../diagnostics.ts';
import { createSearchCosts } from '../../search/costs.ts';
import { partitionOf } from '../../search/partition-best.ts';
import { createPartitioner } from '../../search/partition-choice.ts';
import { LINK_KINDS, isMeasurement } from '../../ingest/links-detect.ts';
import { importLinks } from '../../ingest/links-import.ts';
import { defaultReadOptions } from '../../ingest/links-reading.ts';
import type { LinkKind, ReadOptions } from '../../ingest/links-reading.ts';
import { MAXIMUM_REFERENCED_BYTES, readTextFile } from '../../ingest/read-file.ts';
import type { Source } from '../../ingest/source.ts';
import { clusterFragment, linksDocument } from '../../spec/cluster-fragment.ts';
import { clusterDocument, clusterText } from '../../report/cluster-show.ts';
import type { PlanLoss } from '../../report/cluster-show.ts';
import { plain } from '../../report/paint.ts';
import { completeStrategy } from '../../runtimes/complete.ts';
import { runtimeOf } from '../../runtimes/registry.ts';
import { isPreset } from '../../ingest/presets.ts';
import { loadClusterText } from '../../spec/load-cluster.ts';
import { loadSpec } from '../../spec/load.ts';
import { parseStrategy } from '../../strategy/format.ts';
import { printDiagnostics } from '../diagnostic-text.ts';
import { failUsage, failWith } from '../fail.ts';
import { addOutputOptions, checkOutput, writeAnswer } from '../output.ts';
import type { OutputOptions } from '../output.ts';
import { painter } from '../colour.ts';
import { measuredAtMedian } from '../../cluster/measured-links.ts';

const IMPORT_HELP = `
Reads nccl-tests output, mpiGraph logs, nvidia-smi topo -m, NCCL topology XML, scontrol show node, ibnetdiscover,
matrices as CSV or JSON, and published tables of collectives. Several files describe one cluster together.
Rows of a matrix send, columns receive. What was ignored is said on stderr.

Examples:
  $ planner cluster import pairs/*.log --accelerator h100-sxm-80gb -o cluster.yaml
  $ planner cluster import mpigraph.log nodes.txt -o cluster.yaml
  $ planner cluster import mpigraph.log --format json > links.json

With -o FILE the links go into a file beside it (cluster.yaml: cluster.links.json), which the fragment names.
Exit status: 0 read; 2 unreadable, or not to be trusted (with file, line and column).`;

const SHOW_HELP = `
FILE is a SPEC (or its cluster part) with network.measured, or a measurement that planner cluster import reads.

Examples:
  $ planner cluster show cluster.yaml
  $ planner cluster show mpigraph.log
  $ planner cluster show spec.yaml --strategy tensor=8,pipeline=4

Exit status: 0 shown; 2 unreadable, or nothing measured.`;

interface LinkOptions {
  readonly kind?: LinkKind;
  readonly test?: string;
  readonly allowMissing?: boolean;
  readonly maxAsymmetry: string;
}

interface ImportOptions extends OutputOptions, LinkOptions {
  readonly accelerator?: string;
  readonly name?: string;
  readonly format: 'yaml' | 'json';
}

interface ShowOptions extends OutputOptions, LinkOptions {
  readonly strategy?: string;
  readonly format: 'table' | 'json';
}

const addLinkOptions = (command: Command): Command =>
  command
    .addOption(
      new Option('--kind <kind>', 'which tool wrote the files (default: what is in them tells)').choices([
        ...LINK_KINDS,
      ]),
    )
    .option('--test <name>', 'which of several measurements in one file')
    .option('--allow-missing', 'keep missing links as unusable ones')
    .option(
      '--max-asymmetry <factor>',
      'how much faster one direction of a link may be',
      String(defaultReadOptions.maximumAsymmetry),
    );

const readOptions = (options: LinkOptions): ReadOptions => {
  const factor = Number(options.maxAsymmetry);
  if (!(factor >= 1))
    failUsage('--max-asymmetry', 'expected a number of at least 1', { found: options.maxAsymmetry });
  return {
    allowMissing: options.allowMissing === true,
    maximumAsymmetry: factor,
    test: options.test ?? null,
  };
};

const readSources = (files: readonly string[]): readonly Source[] => {
  const results = files.map((file) => readTextFile(file, file, MAXIMUM_REFERENCED_BYTES, true));
  const failed = results.flatMap((result) => (result.ok ? [] : result.diagnostics));
  if (failed.length > 0) failWith(failed);
  return results.flatMap((result) => (result.ok ? [result.value] : []));
};

const note = (file: string, message: string): Diagnostic => ({
  id: 'cluster/incomplete',
  severity: 'warning',
  file,
  position: { line: 1, column: 1 },
  message,
});

const runImport = (files: readonly string[], options: ImportOptions): void => {
  checkOutput(options);
  const { accelerator, output, format } = options;
  if (accelerator !== undefined && !isPreset('accelerator', accelerator))
    failUsage('--accelerator', 'names no preset (planner presets accelerators lists them)', {
      found: accelerator,
    });
  const target =
    output === undefined || format === 'json' ? null : output.replace(/(?:\.[^./\\]*)?$/u, '.links.json');
  if (target !== null) checkOutput({ ...options, output: target });
  const imported = importLinks(readSources(files), options.kind ?? null, readOptions(options));
  if (!imported.ok) return failWith(imported.diagnostics);
  const { value, warnings } = imported;
  const [first = ''] = files;
  const notes = value.readings.map(({ summary, source, kind }) =>
    note(source.name, `read as ${kind}: ${summary}`),
  );
  const { links, unusable, facts } = value;
  if (format === 'json') {
    if (links === null)
      failWith([{ ...note(first, 'holds no links between nodes or GPUs'), severity: 'error' }]);
    printDiagnostics([...notes, ...warnings]);
    if (links !== null) writeAnswer(linksDocument(links, unusable), options);
    return;
  }
  const unnamed = facts.kinds?.some((kind) => kind.accelerator === null) ?? facts.accelerator === null;
  if (accelerator === undefined && unnamed)
    notes.push(note(first, 'no file names the GPU: add cluster.accelerator, or give --accelerator'));
  if (links !== null && target === null)
    notes.push(note(first, 'the links are written only with -o FILE, or alone with --format json'));
  if (unusable.length > 0)
    notes.push(note(first, `unusable: ${unusable.map(([from, to]) => `${from} → ${to}`).join(', ')}`));
  printDiagnostics([...notes, ...warnings]);
  const measured = links === null || target === null ? null : `./${path.basename(target)}`;
  if (links !== null && target !== null)
    writeAnswer(linksDocument(links, unusable), { ...options, output: target });
  const name = options.name ?? path.basename(first).replace(/\.[^.]*$/u, '');
  writeAnswer(clusterFragment(value, { name, accelerator: accelerator ?? null, measured }), options);
};

/** What a plan loses: its time on these links against the same with all of them at the median. */
const lossOf = (file: string, text: string): PlanLoss => {
  const loaded = loadSpec(file);
  if (!loaded.ok) return failWith(loaded.diagnostics);
  const parsed = parseStrategy(text);
  if (!parsed.ok)
    return failUsage('--strategy', parsed.faults[0]?.message ?? 'is no strategy', { found: text });
  const { problem, calibration } = loaded.value;
  const { name, version } = problem.training.runtime;
  const strategy = completeStrategy(parsed.value, {
    gpus: gpuCount(problem.cluster),
    runtime: runtimeOf(name),
    version,
    model: problem.model,
  });
  const costs = createSearchCosts(problem, calibration);
  const partition = partitionOf(strategy, createPartitioner(problem, costs), costs);
  if (partition === null)
    return failUsage('--strategy', 'the layers cannot be split over these stages', { found: text });
  const median = createSearchCosts({ ...problem, cluster: measuredAtMedian(problem.cluster) }, calibration);
  return {
    strategy: text,
    time: costs.iterationTime(strategy, partition),
    withMedian: median.iterationTime(strategy, partition),
  };
};

const isSpec = (source: Source): boolean =>
  /^[\s{]*["']?cluster["']?\s*:/mu.test(source.text) && !isMeasurement(source);

const linksOf = (
  source: Source,
  options: ShowOptions,
): { title: string; links: MeasuredLinks; cluster: Cluster | null } => {
  if (isSpec(source)) {
    const loaded = loadClusterText(source, source.name);
    if (!loaded.ok) return failWith(loaded.diagnostics);
    printDiagnostics(loaded.warnings);
    const { measured, name } = loaded.value;
    if (measured === null)
      return failWith([
        { ...note(source.name, 'the cluster has no measured links (network.measured)'), severity: 'error' },
      ]);
    return { title: name, links: measured, cluster: loaded.value };
  }
  const imported = importLinks([source], options.kind ?? null, readOptions(options));
  if (!imported.ok) return failWith(imported.diagnostics);
  printDiagnostics(imported.warnings);
  const { links, readings } = imported.value;
  const summary = readings[0]?.summary ?? '';
  if (links === null)
    return failWith([
      { ...note(source.name, `holds no links between nodes or GPUs: ${summary}`), severity: 'error' },
    ]);
  return { title: summary, links, cluster: null };
};

const runShow = (file: string, options: ShowOptions, colour: boolean | undefined): void => {
  checkOutput(options);
  const [source] = readSources([file]);
  if (source === undefined) return;
  const { title, links, cluster } = linksOf(source, options);
  if (!links.bandwidth.flat().some((value) => value > 0))
    failWith([{ ...note(file, 'none of the links is usable'), severity: 'error' }]);
  if (options.strategy !== undefined && cluster === null)
    failUsage('--strategy', 'needs a SPEC with model and training, not a measurement alone');
  const loss = options.strategy === undefined ? null : lossOf(file, options.strategy);
  const view = { title, links, survey: surveyLinks(links), loss };
  const text =
    options.format === 'json'
      ? JSON.stringify(clusterDocument(view), null, 2)
      : clusterText(view, options.output === undefined ? painter(colour) : plain);
  writeAnswer(text, options);
};

export const registerCluster = (program: Command): void => {
  const cluster = program
    .command('cluster')
    .description('measured links of a cluster: import them, show them');
  const imports = cluster
    .command('import')
    .description('logs and matrices of a cluster → the cluster part of a SPEC, and its links')
    .argument('<files...>', 'what the tools printed')
    .option('--accelerator <preset>', 'the GPU, where no file names it')
    .option('--name <name>', 'name of the cluster (default: of the first file)')
    .addOption(
      new Option('--format <format>', 'yaml: the fragment; json: the links alone')
        .choices(['yaml', 'json'])
        .default('yaml'),
    )
    .addHelpText('after', IMPORT_HELP);
  addOutputOptions(addLinkOptions(imports)).action(runImport);
  const show = cluster
    .command('show')
    .description('the matrix as blocks, slow links, nodes and GPUs, the tiers behind it')
    .argument('<file>', 'a SPEC, or a measurement')
    .option('--strategy <keys>', 'what this strategy loses on the links (needs a whole SPEC)')
    .addOption(new Option('--format <format>', 'how to print').choices(['table', 'json']).default('table'))
    .addHelpText('after', SHOW_HELP);
  addOutputOptions(addLinkOptions(show)).action((file: string, options: ShowOptions) => {
    runShow(file, options, program.opts<{ color?: boolean }>().color);
  });
};
