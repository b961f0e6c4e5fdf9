/** Words for links → links. What the words do not say stays as the accelerator's preset has it. */
import type { IntraNodeLink, Nics } from '../../cluster/cluster.ts';
import { readIntraNodeLink, readNic } from '../../ingest/presets.ts';
import { bytesPerSecond } from '../../units.ts';

const GIGABIT = 1e9 / 8;

const UNIT = String.raw`(?:gb\/s|gbps|gbe|gbit\/s|gbit|gb|g)\b`;
/** Port rates that stand without a unit: `InfiniBand 2x200`. */
const BARE = String.raw`(?:10|25|40|50|56|100|200|400|800)(?![\d.])`;
/** `8x400Gb/s`, `4 * 100Gb RoCE`, `4x Omni-Path 100Gb/s`, `8x ConnectX-7 400Gb`: ports times rate. */
const PORTS = new RegExp(
  String.raw`(\d+)\s*[x×*]\s*(?:(?:[a-z][a-z -]*(?:\d+\s+)?)?(\d+(?:\.\d+)?)\s*${UNIT}|(${BARE})\b)`,
);
/** `8 200Gbps NICs`: the same in words. */
const COUNTED = new RegExp(
  String.raw`(\d+)\s+(\d+(?:\.\d+)?)\s*${UNIT}\s*(?:nics?|hcas?|ports|rails|adapters|links)\b`,
);
/** `4 ConnectX-6 HCAs`, `4 NICs`: ports whose rate stands elsewhere. A lone `4X EDR` beside a rate counts lanes of one port. */
const ADAPTERS = /(\d+)\s+(?:[a-z][\w-]*\s+)?(?:nics?|hcas?|ports|rails|adapters)\b/;
const RAILS: readonly (readonly [RegExp, number])[] = [
  [/\bdual[ -](?:rail|port)/, 2],
  [/\bquad[ -](?:rail|port)/, 4],
];
const BY_GENERATION = /(\d+)\s*[x×*]\s*(?:infiniband |ib )?(?:xdr|ndr|hdr|edr|fdr)/;
/** `3200Gb/s`, `2Tb/s`, `100GbE`, `1.6T`: one figure, of a node unless it says per GPU or is the rate of the usual port. */
const TOTAL = /(\d+(?:\.\d+)?)\s*(?:(tb|gb)(?:\/s|ps|it\/s|e|it)?|([tg]))\b/;
const BYTES = /(\d+(?:\.\d+)?)\s*GB\/s/;

const kindOf = (words: string, usual: Nics['kind']): Nics['kind'] => {
  if (/efa|elastic fabric/.test(words)) return 'efa';
  if (/infiniband|\bib\b|ndr|hdr|edr|xdr/.test(words)) return 'infiniband';
  if (/roce|rdma over/.test(words)) return 'roce';
  if (/ethernet|gbe|tcp/.test(words)) return 'ethernet';
  if (/omni|opa|slingshot/.test(words)) return 'other';
  return usual;
};

const PORT_OF_KIND: Readonly<Record<Nics['kind'], string>> = {
  infiniband: 'ndr-400',
  roce: 'roce-400',
  efa: 'efa-400',
  ethernet: 'ethernet-100',
  other: 'omni-path-100',
};

/** Rates of InfiniBand generations, Gb/s per port. */
const GENERATION: readonly (readonly [RegExp, number])[] = [
  [/xdr/, 800],
  [/ndr[ -]?200/, 200],
  [/ndr/, 400],
  [/hdr[ -]?100/, 100],
  [/hdr/, 200],
  [/edr/, 100],
  [/fdr/, 56],
];

/** Gb/s. */
const FASTEST_PORT = 800;

interface Ports {
  readonly count: number;
  readonly gigabits: number;
}

const adapters = (words: string): number | null => {
  const rails = RAILS.find(([pattern]) => pattern.test(words))?.[1];
  const counted = ADAPTERS.exec(words)?.[1];
  return rails ?? (counted === undefined ? null : Math.max(1, Number(counted)));
};

/** One figure, Gb/s; null: none. */
const figureOf = (printed: string, words: string): number | null => {
  const inBytes = BYTES.exec(printed)?.[1];
  if (inBytes !== undefined) return Number(inBytes) * 8;
  const total = TOTAL.exec(words);
  if (total?.[1] === undefined) return null;
  return Number(total[1]) * ((total[2] ?? total[3] ?? '').startsWith('t') ? 1000 : 1);
};

const ports = (printed: string, perNode: number, usual: Nics): Ports => {
  const words = printed.toLowerCase();
  const counted = PORTS.exec(words) ?? COUNTED.exec(words);
  const rate = counted?.[2] ?? counted?.[3];
  if (counted?.[1] !== undefined && rate !== undefined)
    return {
      count: Math.max(1, Number(counted[1])),
      gigabits: Number(rate) * (BYTES.test(printed) ? 8 : 1),
    };
  const figure = figureOf(printed, words);
  const generation = GENERATION.find(([pattern]) => pattern.test(words))?.[1];
  const known = adapters(words);
  if (figure === null) {
    const byGeneration = BY_GENERATION.exec(words)?.[1];
    const count = known ?? (byGeneration === undefined ? usual.count : Number(byGeneration));
    return { count: Math.max(1, count), gigabits: generation ?? usual.bandwidth / GIGABIT };
  }
  if (/per (?:gpu|device|rank|accelerator)|\/gpu/.test(words)) return { count: perNode, gigabits: figure };
  const ofNode = /per node|\/node|total|aggregate/.test(words);
  if (known !== null)
    return { count: known, gigabits: ofNode || figure > FASTEST_PORT ? figure / known : figure };
  // A node's whole rate that is one port's is one port.
  if (ofNode && figure === generation) return { count: 1, gigabits: figure };
  // `InfiniBand NDR 400Gb/s` names the usual port of a machine that has one for each GPU (HGX A100 and later).
  const bits = !BYTES.test(printed) && figure === usual.bandwidth / GIGABIT;
  if (bits && usual.count >= perNode && !/node|host|server|total|aggregate/.test(words))
    return { count: usual.count, gigabits: figure };
  // One figure of a node: as many ports as GPUs where a port would still have 25 Gb/s.
  const count = figure / perNode >= 25 ? perNode : 1;
  return { count, gigabits: figure / count };
};

/** Network ports of a node. `printed` null, or words without a figure: the preset's ports, with the kind that the words name. */
export const nicsOf = (printed: string | null, perNode: number, usual: Nics): Nics => {
  if (printed === null) return usual;
  const { count, gigabits } = ports(printed, perNode, usual);
  if (!Number.isFinite(gigabits) || gigabits <= 0 || count > 64) return usual;
  const kind = kindOf(printed.toLowerCase(), usual.kind);
  const { latency } = kind === usual.kind ? usual : readNic(PORT_OF_KIND[kind]);
  return { name: printed, count, bandwidth: bytesPerSecond(gigabits * GIGABIT), latency, kind };
};

/** NVLink bricks of 25 GB/s each way (generations 2 to 4); the fifth has 50. */
const BRICK = 25e9;

/** NVLink's figure counts both directions: `NVLink 400GB/s` has 200 each way. */
const NVLINK_RATE = /(\d{3,4})\s*gb\/s/;

const PCIE: readonly (readonly [RegExp, string])[] = [
  [/pcie?\s*(?:gen|v)?\s*-?\s*5/, 'pcie5'],
  [/pcie?\s*(?:gen|v)?\s*-?\s*4/, 'pcie4'],
  [/pcie?\s*(?:gen|v)?\s*-?\s*3/, 'pcie3'],
];

/** Links inside a node. `4 links` counts NVLink bricks of each GPU; a PCIe word, or "no NVLink", replaces NVLink by PCIe. */
export const intraNodeOf = (printed: string | null, usual: IntraNodeLink): IntraNodeLink => {
  if (printed === null) return usual;
  const words = printed.toLowerCase();
  const bricks = /(?:^|[^\d.])(?:nvlink)?(\d+)\s*(?:nv)?links\b/.exec(words)?.[1];
  if (bricks !== undefined && Number(bricks) >= 1 && Number(bricks) <= 18)
    return {
      ...usual,
      name: printed,
      bandwidth: bytesPerSecond(Math.min(usual.bandwidth, Number(bricks) * BRICK)),
    };
  const without = /(?:no|without|lacks?) nv-?link/.test(words);
  if (!without && /nvl|xgmi|infinity/.test(words)) {
    const rate = Number(NVLINK_RATE.exec(words)?.[1] ?? Infinity) * 0.5e9;
    return rate < 0.95 * usual.bandwidth
      ? { ...usual, name: printed, bandwidth: bytesPerSecond(rate) }
      : usual;
  }
  const generation = PCIE.find(([pattern]) => pattern.test(words))?.[1];
  if (generation !== undefined) return readIntraNodeLink(generation);
  if (without || /pci|\bphb\b|\bpxb\b|\bsys\b|\bqpi\b|\bupi\b/.test(words))
    return usual.kind === 'pcie' ? usual : readIntraNodeLink('pcie4');
  return usual;
};
