/** Calibration files (YAML) → Calibration. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import type {
  AttentionCurve,
  AcceleratorCalibration,
  Calibration,
  GemmCurve,
  LinkCalibration,
  RuntimeCalibration,
} from '../cost/calibration.ts';

type Plain = Readonly<Record<string, unknown>>;

const isPlain = (value: unknown): value is Plain =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Message for the person who wrote the file. */
export class CalibrationError extends Error {}

const fail = (where: string, expected: string): never => {
  throw new CalibrationError(`${where}: expected ${expected}`);
};

const plain = (value: unknown, where: string): Plain => (isPlain(value) ? value : fail(where, 'a map'));

const finite = (value: unknown, where: string): number =>
  typeof value === 'number' && Number.isFinite(value) ? value : fail(where, 'a finite number');

/** `host_dense` for `hostDense`. */
const snake = (key: string): string => key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

interface Bounds {
  readonly range: readonly [number, number];
}

const boundsOf = (constants: Plain, key: string, where: string): Bounds => {
  const entry = plain(constants[key], `${where}.${key}`);
  const range = entry['range'];
  if (!Array.isArray(range) || range.length !== 2) return fail(`${where}.${key}.range`, 'two numbers');
  return { range: [finite(range[0], `${where}.${key}.range`), finite(range[1], `${where}.${key}.range`)] };
};

/** A value inside the plausible range that the file itself states. */
const within = (value: unknown, bounds: Bounds, where: string): number => {
  const number = finite(value, where);
  const [low, high] = bounds.range;
  return number >= low && number <= high
    ? number
    : fail(where, `a value from ${low} to ${high}, found ${number}`);
};

/** Follows `extends` within one section. */
const inherited = (section: Plain, key: string, where: string, seen: readonly string[] = []): Plain => {
  if (seen.includes(key)) return fail(`${where}.${key}.extends`, 'no cycle');
  const own = plain(section[key], `${where}.${key}`);
  const parent = own['extends'];
  if (parent === undefined) return own;
  if (typeof parent !== 'string' || section[parent] === undefined)
    return fail(`${where}.${key}.extends`, `a name in ${where}`);
  return { ...inherited(section, parent, where, [...seen, key]), ...own };
};

/** Constants of earlier files: what stands in place of their terms depends on none. */
const RETIRED =
  'tensor_fixed pipeline_exposed expert_all_to_all permutation host_tensor_rank transfer_host'.split(' ');

/** A key that nothing reads is a slip of the pen, or of an earlier model. */
const known = (entry: Plain, keys: readonly string[], where: string): void => {
  for (const key of Object.keys(entry))
    if (key !== 'source' && key !== 'extends' && !keys.includes(key))
      fail(
        `${where}.${key}`,
        RETIRED.includes(key)
          ? 'no such key: the model has no such constant any more (`planner calibrate` fits the file anew)'
          : 'no such key',
      );
};

const numbers = <K extends string>(
  entry: Plain,
  keys: readonly K[],
  constants: Plain,
  where: string,
): Record<K, number> => {
  const result: Partial<Record<K, number>> = {};
  for (const key of keys) {
    const name = snake(key);
    result[key] = within(entry[name], boundsOf(constants, name, 'constants'), `${where}.${name}`);
  }
  return result as Record<K, number>;
};

/** An entry that holds numbers alone. */
const only = <K extends string>(
  section: Plain,
  key: string,
  where: string,
  keys: readonly K[],
  constants: Plain,
): Record<K, number> => {
  const entry = inherited(section, key, where);
  known(entry, keys.map(snake), `${where}.${key}`);
  return numbers(entry, keys, constants, `${where}.${key}`);
};

const GEMM_FORMATS = ['fp32', 'bf16', 'fp8', 'nvfp4'] as const;
const GENERATIONS = ['triton', 'flash1', 'flash2', 'flash3', 'cudnn', 'cudnn-v9'] as const;
const ACCELERATOR_KEYS = [
  'sustained',
  'batchedGemm',
  'batchedGemmMisaligned',
  'elementwise',
  'streaming',
  'expertOverhead',
  'expertCast',
  'kernelFloor',
  'recurrence',
] as const;
const LINK_KEYS = [
  'reduce',
  'gather',
  'allToAll',
  'pointToPoint',
  'tokenExchange',
  'step',
  'base',
  'quick',
  'setup',
] as const;
const LINKS = [
  'nvlink3',
  'nvlink4',
  'nvlink5',
  'pcie',
  'infinity-fabric',
  'infiniband',
  'roce',
  'efa',
  'ethernet',
] as const;
const RUNTIME_KEYS = [
  'hostDense',
  'hostMoe',
  'hostExpert',
  'hostNorm',
  'hostFusedDispatcher',
  'hostExpertOverlap',
  'hostAttentionGraph',
  'traffic',
  'eagerTraffic',
  'unfusedNorm',
  'dropoutScore',
  'lossBytes',
  'accumulationBytes',
  'tensorExposed',
  'tensorOverlapExposed',
  'dataExposed',
  'fsdpNode',
  'fsdpNetwork',
  'expertOverlap',
  'optimizerParameter',
  'optimizerShard',
  'offloadSeconds',
  'iterationOverhead',
  'gatherHost',
] as const satisfies readonly (keyof RuntimeCalibration)[];
const PROFILES = [
  'megatron-core',
  'megatron-classic',
  'megatron-deepspeed',
  'scaling',
  'nanotron',
  'torchtitan',
  'pytorch-fsdp',
  'megatron-fsdp',
  'jax',
  'generic',
] as const;

const list = (value: unknown, length: number, where: string): readonly unknown[] =>
  Array.isArray(value) && value.length === length
    ? (value as readonly unknown[])
    : fail(where, `a list of ${length} numbers`);

const record = <K extends string, V>(keys: readonly K[], make: (key: K) => V): Record<K, V> =>
  Object.fromEntries(keys.map((key) => [key, make(key)])) as Record<K, V>;

const accelerator = (entry: Plain, constants: Plain, where: string): AcceleratorCalibration => {
  const gemm = plain(entry['gemm'], `${where}.gemm`);
  const attention = plain(entry['attention'], `${where}.attention`);
  const bounds = (key: string): Bounds => boundsOf(constants, key, 'constants.accelerators');
  const names = entry['names'];
  known(entry, ['names', 'gemm', 'attention', ...ACCELERATOR_KEYS.map(snake)], where);
  return {
    names: Array.isArray(names) ? names.map(String) : fail(`${where}.names`, 'a list of names'),
    gemm: record(GEMM_FORMATS, (format): GemmCurve => {
      const at = `${where}.gemm.${format}`;
      const [efficiency, depth] = list(gemm[format], 2, at);
      return {
        efficiency: within(efficiency, bounds('gemm_efficiency'), at),
        depth: within(depth, bounds('gemm_depth'), at),
      };
    }),
    attention: record(GENERATIONS, (generation): AttentionCurve => {
      const at = `${where}.attention.${generation}`;
      const [rate, half, backward] = list(attention[generation], 3, at);
      return {
        rate: within(rate, bounds('attention_rate'), at),
        halfLength: within(half, bounds('attention_half_length'), at),
        backward: within(backward, bounds('attention_backward'), at),
      };
    }),
    ...numbers(entry, ACCELERATOR_KEYS, constants, where),
  };
};

/** Reads the text of a calibration file. Throws CalibrationError with the path of the first value that is wrong. */
export const readCalibration = (text: string): Calibration =>
  calibrationOf(parse(text, { maxAliasCount: 0 }));

/** The same for a file that is parsed already. */
export const calibrationOf = (value: unknown): Calibration => {
  const root = plain(value, 'calibration');
  const section = (name: string): Plain => plain(root[name], name);
  const constants = section('constants');
  const meaning = (name: string): Plain => plain(constants[name], `constants.${name}`);
  const accelerators = section('accelerators');
  const links = section('links');
  const runtimes = section('runtimes');
  const errors = section('error');
  const fallback = section('fallback');
  return {
    name: typeof root['name'] === 'string' ? root['name'] : fail('name', 'a string'),
    accelerators: record(Object.keys(accelerators), (key) =>
      accelerator(
        inherited(accelerators, key, 'accelerators'),
        meaning('accelerators'),
        `accelerators.${key}`,
      ),
    ),
    fallback: record(Object.keys(fallback), (key) => {
      const target = fallback[key];
      return typeof target === 'string' && target in accelerators
        ? target
        : fail(`fallback.${key}`, 'a name in accelerators');
    }),
    links: record(LINKS, (key): LinkCalibration => only(links, key, 'links', LINK_KEYS, meaning('links'))),
    runtimes: record(PROFILES, (key): RuntimeCalibration =>
      only(runtimes, key, 'runtimes', RUNTIME_KEYS, meaning('runtimes')),
    ),
    error: numbers(errors, ['dense', 'moe'] as const, meaning('error'), 'error'),
  };
};

let shipped: Calibration | undefined;

/** The constants that planner ships with. */
export const defaultCalibration = (): Calibration => {
  shipped ??= readCalibration(
    readFileSync(fileURLToPath(new URL('../../configs/calibration/default.yaml', import.meta.url)), 'utf8'),
  );
  return shipped;
};
