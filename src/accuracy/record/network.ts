/** Words for links → links. What the words do not say stays as the accelerator's preset has it. */
import type { IntraNodeLink, Nics } from '../../cluster/cluster.ts';
import { readIntraNodeLink, readNic } from '../../ingest/presets.ts';
import { bytesPerSecond } from '../../units.ts';

const GIGABIT = 1e9 / 8;

/** `8x400Gb/s`, `4 * 100Gb RoCE`, `4x Omni-Path 100Gb/s`: ports times rate. */
const PORTS = /(\d+)\s*[x×*]\s*(?:[a-z][a-z -]*)?(\d+(?:\.\d+)?)\s*(?:gb\/s|gbps|gbit|gb|g)\b/;
/** `4 ConnectX-6 HCAs`: ports whose rate stands elsewhere. A lone `4X` counts lanes of one port. */
const ADAPTERS = /(\d+)\s+(?:[a-z][\w-]*\s+)?(?:nics?|hcas?|ports|rails|adapters)\b/;
/** `3200Gb/s`, `2Tb/s`, `100GbE`: one figure, of a node unless it says per GPU. */
const TOTAL = /(\d+(?:\.\d+)?)\s*(tb|gb)(?:\/s|ps|it\/s|e|it)?\b/;
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
  [/ndr/, 400],
  [/hdr/, 200],
  [/edr/, 100],
  [/fdr/, 56],
];

const ports = (printed: string, perNode: number, usual: Nics): { count: number; gigabits: number } => {
  const words = printed.toLowerCase();
  const counted = PORTS.exec(words);
  const inBytes = BYTES.exec(printed);
  if (counted?.[1] !== undefined && counted[2] !== undefined)
    return {
      count: Math.max(1, Number(counted[1])),
      gigabits: Number(counted[2]) * (inBytes === null ? 1 : 8),
    };
  const total = TOTAL.exec(words);
  const figure =
    inBytes?.[1] !== undefined
      ? Number(inBytes[1]) * 8
      : total?.[1] !== undefined
        ? Number(total[1]) * (total[2] === 'tb' ? 1000 : 1)
        : null;
  if (figure === null) {
    const generation = GENERATION.find(([pattern]) => pattern.test(words))?.[1];
    const count = Number(ADAPTERS.exec(words)?.[1] ?? usual.count);
    return { count: Math.max(1, count), gigabits: generation ?? usual.bandwidth / GIGABIT };
  }
  if (/per (?:gpu|device|rank)|\/gpu/.test(words)) return { count: perNode, gigabits: figure };
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

/** Links inside a node. `4 links` counts NVLink bricks of each GPU; a PCIe word replaces NVLink by it. */
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
  if (/nvl|xgmi|infinity/.test(words)) return usual;
  if (/pcie?\s*(?:gen)?\s*5/.test(words)) return readIntraNodeLink('pcie5');
  if (/pci/.test(words)) return usual.kind === 'pcie' ? usual : readIntraNodeLink('pcie4');
  return usual;
};
