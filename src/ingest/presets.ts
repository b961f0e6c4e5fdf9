/** Accelerators and links that planner knows by name: one YAML file each below `configs/`, published figures with their source. */
import { readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import type {
  Accelerator,
  AcceleratorArchitecture,
  IntraNodeLink,
  Nics,
  PeakFormat,
} from '../cluster/cluster.ts';
import { bytes, bytesPerSecond, flopsPerSecond, seconds } from '../units.ts';
import { PresetFile } from './preset-file.ts';

export type PresetKind = 'accelerator' | 'intra-node' | 'nic';

/** One network port; how many a node has is the accelerator's or the user's matter. */
export type NicLink = Omit<Nics, 'count'>;

/** An accelerator with the node that it usually comes in. */
export interface AcceleratorPreset {
  readonly accelerator: Accelerator;
  readonly intraNode: IntraNodeLink;
  readonly nics: Nics;
  readonly perNode: number;
  /** GPUs that one NVLink domain spans where it is larger than a node, else null. */
  readonly domain: number | null;
}

interface LinkPreset<T> {
  readonly link: T;
  readonly source: string;
}

const ARCHITECTURES: readonly AcceleratorArchitecture[] = [
  'volta',
  'turing',
  'ampere',
  'ada',
  'hopper',
  'blackwell',
  'cdna2',
  'cdna3',
  'cdna4',
  'other',
];
const FORMATS: readonly PeakFormat[] = ['fp32', 'tf32', 'fp16', 'bf16', 'fp8', 'nvfp4'];

/** Both `src/ingest/` and `dist/ingest/` lie two folders below the package root. */
const configs = (folder: string): string =>
  fileURLToPath(new URL(`../../configs/${folder}/`, import.meta.url));

const cached = <T>(read: (name: string) => T): ((name: string) => T) => {
  const known = new Map<string, T>();
  return (name) => {
    const found = known.get(name);
    if (found !== undefined) return found;
    const value = read(name);
    known.set(name, value);
    return value;
  };
};

const fileNames = cached((folder): readonly string[] =>
  readdirSync(configs(folder))
    .filter((file) => file.endsWith('.yaml'))
    .map((file) => file.slice(0, -'.yaml'.length))
    .sort(),
);

const open = (folder: string, name: string): PresetFile => {
  if (!fileNames(folder).includes(name)) throw new RangeError(`no preset named ${name} in configs/${folder}`);
  const file = `configs/${folder}/${name}.yaml`;
  return new PresetFile(file, parse(readFileSync(`${configs(folder)}${name}.yaml`, 'utf8')) as unknown);
};

const scopeOf = cached((name) => open('links', name).oneOf('scope', ['intra-node', 'nic'] as const));

const intraNodeLink = cached((name): LinkPreset<IntraNodeLink> => {
  const file = open('links', name);
  file.oneOf('scope', ['intra-node'] as const);
  file.closed(['scope', 'kind', 'bandwidth', 'latency', 'source']);
  const link = {
    name,
    kind: file.oneOf('kind', ['switch', 'mesh', 'pcie'] as const),
    bandwidth: bytesPerSecond(file.quantity('bandwidth', 'bandwidth')),
    latency: seconds(file.quantity('latency', 'time')),
  };
  return { link, source: file.text('source') };
});

const nicLink = cached((name): LinkPreset<NicLink> => {
  const file = open('links', name);
  file.oneOf('scope', ['nic'] as const);
  file.closed(['scope', 'kind', 'bandwidth', 'latency', 'source']);
  const link = {
    name,
    kind: file.oneOf('kind', ['infiniband', 'roce', 'efa', 'ethernet', 'other'] as const),
    bandwidth: bytesPerSecond(file.quantity('bandwidth', 'bandwidth')),
    latency: seconds(file.quantity('latency', 'time')),
  };
  return { link, source: file.text('source') };
});

const readPeak = (file: PresetFile): Accelerator['peak'] => {
  file.closed(FORMATS);
  const peak = Object.fromEntries(
    FORMATS.filter((format) => file.has(format)).map((format) => [
      format,
      flopsPerSecond(file.quantity(format, 'compute')),
    ]),
  );
  if (!file.has('bf16') && !file.has('fp16')) throw new Error(`${file.path}: neither bf16 nor fp16`);
  return peak;
};

const accelerator = cached((name): AcceleratorPreset => {
  const file = open('accelerators', name);
  file.closed([
    'architecture',
    'memory',
    'memory_bandwidth',
    'multiprocessors',
    'peak',
    'intra_node',
    'nics',
    'per_node',
    'domain',
    'source',
  ]);
  const nics = file.map('nics');
  nics.closed(['count', 'link']);
  return {
    accelerator: {
      name,
      architecture: file.oneOf('architecture', ARCHITECTURES),
      memory: bytes(Math.floor(file.quantity('memory', 'size'))),
      memoryBandwidth: bytesPerSecond(file.quantity('memory_bandwidth', 'bandwidth')),
      peak: readPeak(file.map('peak')),
      multiprocessors: file.count('multiprocessors'),
      source: file.text('source'),
    },
    intraNode: readIntraNodeLink(file.text('intra_node')),
    nics: { ...readNic(nics.text('link')), count: nics.count('count') },
    perNode: file.count('per_node'),
    domain: file.has('domain') ? file.count('domain') : null,
  };
});

/** Names of the presets of a kind, sorted. */
export const presetNames = (kind: PresetKind): readonly string[] =>
  kind === 'accelerator'
    ? fileNames('accelerators')
    : fileNames('links').filter((name) => scopeOf(name) === kind);

/** Where the figures of a preset come from. Throws as the readers do. */
export const presetSource = (kind: PresetKind, name: string): string => {
  switch (kind) {
    case 'accelerator':
      return accelerator(name).accelerator.source;
    case 'intra-node':
      return intraNodeLink(name).source;
    case 'nic':
      return nicLink(name).source;
  }
};

/** True where `name` is a preset of the kind; the readers throw where it is not. */
export const isPreset = (kind: PresetKind, name: string): boolean => presetNames(kind).includes(name);

/**
 * An accelerator preset with its usual node.
 * Throws RangeError for an unknown name (callers check user input with `isPreset`), Error for a broken file, which is a defect of ours.
 */
export const readAccelerator = (name: string): AcceleratorPreset => accelerator(name);

/** A link inside a node, per GPU and direction. Throws as `readAccelerator`. */
export const readIntraNodeLink = (name: string): IntraNodeLink => intraNodeLink(name).link;

/** A network port, per port and direction. Throws as `readAccelerator`. */
export const readNic = (name: string): NicLink => nicLink(name).link;
