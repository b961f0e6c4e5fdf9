/** Accelerators, links and ports of a node group: presets by name, or figures. */
import type { Accelerator, IntraNodeLink, Nics, PeakFormat } from '../cluster/cluster.ts';
import type { AcceleratorSpec, IntraNodeSpec, NicsSpec } from '../formats/spec.ts';
import { readAccelerator, readIntraNodeLink, readNic } from '../ingest/presets.ts';
import type { AcceleratorPreset } from '../ingest/presets.ts';
import { parseQuantity } from '../quantity.ts';
import type { Dimension } from '../quantity.ts';
import { bytes, bytesPerSecond, flopsPerSecond, seconds } from '../units.ts';
import type { BuildContext } from './build-context.ts';

/** A quantity that the schema has accepted. */
const quantity = (value: number | string, dimension: Dimension): number => {
  const parsed = parseQuantity(value, dimension);
  if (!parsed.ok) throw new Error(`a quantity passed the schema and is none: ${parsed.message}`);
  return parsed.value;
};

const FORMATS: readonly PeakFormat[] = ['fp32', 'tf32', 'fp16', 'bf16', 'fp8', 'nvfp4'];

/** Multiprocessors of an accelerator of which only figures are given: as many as a Hopper GPU has. */
const USUAL_MULTIPROCESSORS = 132;

const readPeak = (spec: AcceleratorSpec['peak']): Accelerator['peak'] =>
  Object.fromEntries(
    FORMATS.flatMap((format) => {
      const value = spec[format];
      return value === undefined ? [] : [[format, flopsPerSecond(quantity(value, 'compute'))] as const];
    }),
  );

export interface AcceleratorChoice {
  readonly accelerator: Accelerator;
  /** The node that it usually comes in; null for one given by figures. */
  readonly preset: AcceleratorPreset | null;
}

export const buildAccelerator = (
  spec: string | AcceleratorSpec,
  pointer: string,
  context: BuildContext,
): AcceleratorChoice => {
  if (typeof spec === 'string') {
    const preset = readAccelerator(spec);
    return { accelerator: preset.accelerator, preset };
  }
  if (spec.peak.bf16 === undefined && spec.peak.fp16 === undefined)
    context.error(
      `${pointer}/peak`,
      'spec/peak',
      'peak needs bf16 or fp16, in which matrices are multiplied',
    );
  const accelerator: Accelerator = {
    name: spec.name ?? 'custom',
    architecture: spec.architecture ?? 'other',
    memory: bytes(quantity(spec.memory, 'size')),
    memoryBandwidth: bytesPerSecond(quantity(spec.memory_bandwidth, 'bandwidth')),
    peak: readPeak(spec.peak),
    multiprocessors: spec.multiprocessors ?? USUAL_MULTIPROCESSORS,
    source: 'given by the user',
  };
  return { accelerator, preset: null };
};

export const buildIntraNode = (spec: string | IntraNodeSpec): IntraNodeLink =>
  typeof spec === 'string'
    ? readIntraNodeLink(spec)
    : {
        name: spec.name ?? 'custom',
        kind: spec.kind,
        bandwidth: bytesPerSecond(quantity(spec.bandwidth, 'bandwidth')),
        latency: seconds(quantity(spec.latency, 'time')),
      };

/** null, with an error, where neither a preset nor figures are given. */
export const buildNics = (spec: NicsSpec, pointer: string, context: BuildContext): Nics | null => {
  const { count, link, bandwidth, latency } = spec;
  if (link !== undefined) {
    for (const key of ['bandwidth', 'latency', 'kind'] as const)
      if (spec[key] !== undefined)
        context.errorAtKey(
          `${pointer}/${key}`,
          'spec/nics',
          `nics has link, whose preset says its ${key}; give one of both`,
        );
    const preset = readNic(link);
    return { ...preset, name: spec.name ?? preset.name, count };
  }
  if (bandwidth === undefined || latency === undefined) {
    context.errorAtKey(
      pointer,
      'spec/nics',
      'nics needs link, the name of a preset, or bandwidth and latency of a port',
    );
    return null;
  }
  return {
    name: spec.name ?? 'custom',
    count,
    bandwidth: bytesPerSecond(quantity(bandwidth, 'bandwidth')),
    latency: seconds(quantity(latency, 'time')),
    kind: spec.kind ?? 'other',
  };
};
