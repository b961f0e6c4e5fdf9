/**
 * What Sailor measured before its runs (eth-easl/sailor @ cf2c8e3cc53c): times of layers by micro-batch and tensor
 * degree, bandwidth between nodes and in them, collectives of a node.
 */
import { readFileSync } from 'node:fs';
import { dataPath, hasData } from '../../test/shared-data.ts';

const read = (...parts: readonly string[]): unknown =>
  JSON.parse(readFileSync(dataPath('clusters', 'sailor', ...parts), 'utf8'));

export interface SailorModel {
  readonly blocks: number;
  readonly hidden: number;
  readonly sequence: number;
}

/** third_party/Megatron-DeepSpeed/profile_all.py: the models and the sequences that were profiled and trained. */
export const MODELS: Readonly<Record<string, SailorModel>> = {
  'OPT-350': { blocks: 24, hidden: 1024, sequence: 2048 },
  'GPT-Neo-2.7': { blocks: 32, hidden: 2560, sequence: 2048 },
  'OPT-30': { blocks: 48, hidden: 7168, sequence: 2048 },
  'LLAMA-3-8': { blocks: 32, hidden: 4096, sequence: 8192 },
};

/** GPT-2's vocabulary, which all were trained with, padded to 128 rows a rank (Megatron). */
export const vocabularyRows = (tensor: number): number => Math.ceil(50257 / (128 * tensor)) * 128 * tensor;

export interface LayerTime {
  readonly forward: number;
  readonly backward: number;
  /** The optimizer's step of the whole model that was profiled: both ends and two blocks. */
  readonly update: number;
}

type Profile = Readonly<
  Record<string, Readonly<Record<string, Readonly<Record<string, readonly number[]>>>>>
>;

const profiles = new Map<string, Profile | null>();

const profileOf = (model: string, gpu: string): Profile | null => {
  const name = `${model}_${gpu}.json`;
  const known = profiles.get(name);
  if (known !== undefined) return known;
  const found = hasData('clusters', 'sailor', 'profiles', name) ? (read('profiles', name) as Profile) : null;
  profiles.set(name, found);
  return found;
};

/**
 * Times of a layer at a micro-batch. A layer with fewer samples cannot take longer: where the profile says so, its
 * events timed a host that launched late (two layers behind hooks, each after a synchronisation), not the layer, and
 * the shortest time of as many samples or more is the better bound. Null where this was not profiled.
 */
export const layerTime = (
  model: string,
  gpu: string,
  microBatch: number,
  tensor: number,
  layer: number,
): LayerTime | null => {
  const profile = profileOf(model, gpu);
  const measured = Object.entries(profile ?? {}).flatMap(([samples, degrees]) => {
    const times = degrees[tensor]?.[layer];
    return times === undefined || Number(samples) < microBatch ? [] : [{ samples: Number(samples), times }];
  });
  const own = measured.find(({ samples }) => samples === microBatch)?.times;
  if (own === undefined) return null;
  const least = (pass: number): number => Math.min(...measured.map(({ times }) => times[pass] ?? Infinity));
  return { forward: least(0), backward: least(1), update: own[2] ?? 0 };
};

type Fit = readonly [readonly number[], number];

/** bytes/s of a message: a parabola in log₂ MB, held beyond its top and at the largest rate that was measured. */
const fitted = ([[a = 0, b = 0, c = 0], top]: Fit, bytes: number): number => {
  const turn = a < 0 ? -b / (2 * a) : Infinity;
  const x = Math.min(Math.max(0, Math.log2(bytes / 1e6)), turn);
  return Math.min(top, (a * x * x + b * x + c) * 1e9);
};

type Fits = Readonly<Record<string, Readonly<Record<string, Fit>>>>;
let network: Readonly<Record<'inter' | 'intra', Fits>> | null = null;

/** bytes/s between two nodes when `ranks` GPUs of each send at once, all together; of a mixed pair the slower. */
export const betweenNodes = (gpus: readonly string[], ranks: number, bytes: number): number => {
  network ??= read('network', 'network_coeffs_all_homo.json') as Readonly<Record<'inter' | 'intra', Fits>>;
  const { inter } = network;
  return Math.min(
    ...gpus.map((gpu) => {
      const fit = inter[gpu]?.[ranks] ?? inter[gpu]?.['1'];
      if (fit === undefined) throw new Error(`no bandwidth between nodes of ${gpu}`);
      return fitted(fit, bytes);
    }),
  );
};

let gathers: readonly (readonly [key: string, bytes: number, seconds: number])[] | null = null;

/** Seconds to gather shards of `bytes` over the ranks of a node, by the nearest sizes measured; 0 over one rank. */
export const gatherTime = (gpu: string, ranks: number, bytes: number): number => {
  if (ranks === 1) return 0;
  gathers ??= readFileSync(dataPath('clusters', 'sailor', 'collectives_intranode.csv'), 'utf8')
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => line.split(','))
    .filter(([, collective]) => collective === 'all_gather')
    .map(([name, , count, , size, time]) => [
      `${name ?? ''} ${count ?? ''}`,
      Number(size) * 2 ** 20,
      Number(time) / 1e3,
    ]);
  const points = gathers.filter(([key]) => key === `${gpu} ${ranks}`).toSorted(([, a], [, b]) => a - b);
  const [below, above] = [
    points.findLast(([, size]) => size <= bytes) ?? points[0],
    points.find(([, size]) => size >= bytes) ?? points.at(-1),
  ];
  if (below === undefined || above === undefined) throw new Error(`no gathers over ${ranks} ${gpu}`);
  const [, low, fast] = below;
  const [, high, slow] = above;
  if (high <= low) return (fast * bytes) / low;
  return fast + ((slow - fast) * (bytes - low)) / (high - low);
};
