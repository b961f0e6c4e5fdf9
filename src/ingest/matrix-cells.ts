/** What matrices in every notation have in common: units, the check of a cell, whether the size fits the cluster. */
import { parseQuantity } from '../quantity.ts';

export interface MatrixContext {
  /** Of the cluster: a matrix describes all nodes, or all GPUs. */
  readonly nodes: number;
  readonly gpus: number;
}

export interface MatrixOptions {
  /** Missing and zero links become unusable ones, of 0 bytes/s, instead of errors. */
  readonly allowMissing?: boolean;
}

export const MAXIMUM_SIDE = 10_000;

/** Bytes per second of one `unit`; undefined where it is no unit of bandwidth. */
export const bandwidthUnit = (unit: string): number | undefined => {
  const parsed = parseQuantity(`1 ${unit}`, 'bandwidth');
  return unit.trim() !== '' && parsed.ok ? parsed.value : undefined;
};

export type CellResult =
  { readonly ok: true; readonly value: number } | { readonly ok: false; readonly message: string };

const shown = (value: unknown): string => {
  const text = typeof value === 'string' ? `"${value}"` : JSON.stringify(value);
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
};

/** Cells that hold no link: nothing, null, zero, and the words that scripts write for it. */
const isMissing = (value: unknown): boolean =>
  value === null ||
  value === undefined ||
  value === 0 ||
  (typeof value === 'string' && /^(?:|0+(?:\.0*)?|nan|null|none|n\/a|-)$/iu.test(value.trim()));

/** A link in bytes per second: a number of `factor`, or a string with its own unit. */
export const bandwidthCell = (value: unknown, factor: number, allowMissing = false): CellResult => {
  if (allowMissing && isMissing(value)) return { ok: true, value: 0 };
  if (value === null || value === undefined || value === '')
    return {
      ok: false,
      message:
        'the link is missing (--allow-missing, in a SPEC network.missing: unusable, keeps it as unusable)',
    };
  if (typeof value !== 'number' && typeof value !== 'string')
    return { ok: false, message: `expected a bandwidth, found ${shown(value)}` };
  const text = typeof value === 'string' ? value.trim() : '';
  const bare =
    typeof value === 'number'
      ? value
      : /^[-+]?[\d.]{1,40}(?:[eE][-+]?\d{1,3})?$/u.test(text)
        ? Number(text)
        : undefined;
  const parsed =
    bare === undefined ? parseQuantity(text, 'bandwidth') : parseQuantity(bare * factor, 'bandwidth');
  if (!parsed.ok) return { ok: false, message: `expected a bandwidth, found ${shown(value)}` };
  if (parsed.value === 0)
    return {
      ok: false,
      message:
        'the link is zero: it cannot be used (--allow-missing, in a SPEC network.missing: unusable, keeps it as unusable)',
    };
  return parsed.value > 0
    ? parsed
    : { ok: false, message: `a bandwidth is not negative, found ${shown(value)}` };
};

/** A latency in seconds: a number of `factor`, zero allowed. */
export const latencyCell = (value: unknown, factor: number): CellResult =>
  typeof value === 'number' && Number.isFinite(value) && value >= 0
    ? { ok: true, value: value * factor }
    : { ok: false, message: `expected a latency, found ${shown(value)}` };

/** What a matrix of `side` rows describes: its stated level, else what its size says. A message where neither fits. */
export const levelOf = (
  side: number,
  stated: 'node' | 'gpu' | null,
  context: MatrixContext | null,
): 'node' | 'gpu' | { readonly message: string } => {
  if (context === null) return stated ?? 'node';
  const { nodes, gpus } = context;
  const fits = { node: side === nodes, gpu: side === gpus };
  if (stated !== null) {
    if (fits[stated]) return stated;
    const count = stated === 'node' ? `${String(nodes)} nodes` : `${String(gpus)} GPUs`;
    return { message: `the matrix has ${String(side)} rows, but the cluster has ${count}` };
  }
  if (fits.node) return 'node';
  if (fits.gpu) return 'gpu';
  return {
    message: `the matrix has ${String(side)} rows, but the cluster has ${String(nodes)} nodes and ${String(gpus)} GPUs`,
  };
};
