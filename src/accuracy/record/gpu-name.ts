/** Names of GPUs as people print them → accelerator presets. */

export interface GpuMatch {
  readonly preset: string;
  /** Said where the name is not one that planner knows for certain. */
  readonly assumption: string | null;
}

type Choose = string | ((name: string) => string);

const gigabytes = (name: string): number | null => {
  const found = /(\d{2,3})\s*(?:gb|gib)\b/.exec(name);
  return found?.[1] === undefined ? null : Number(found[1]);
};

const bySize =
  (sizes: readonly (readonly [number, string])[], usual: string): Choose =>
  (name) => {
    const size = gigabytes(name);
    return sizes.find(([limit]) => size !== null && size <= limit)?.[1] ?? usual;
  };

const pcie = (name: string): boolean => name.includes('pci');

/** First match wins: the more special name stands first. Names are compared in lower case. */
const RULES: readonly (readonly [RegExp, Choose])[] = [
  [/gb300/, 'gb300-288gb'],
  [/gb200/, 'gb200-186gb'],
  [/gh200/, 'gh200-96gb'],
  [/b300/, 'b300-sxm-288gb'],
  [/b[12]00/, 'b200-sxm-180gb'],
  [/h200/, 'h200-sxm-141gb'],
  [/h800/, (name) => (pcie(name) ? 'h100-pcie-80gb' : 'h800-sxm-80gb')],
  [/h20(?!\d)/, 'h20-sxm-96gb'],
  [
    /h100/,
    (name) =>
      /nvl(?!ink)/.test(name) || gigabytes(name) === 94
        ? 'h100-nvl-94gb'
        : pcie(name)
          ? 'h100-pcie-80gb'
          : (gigabytes(name) ?? 80) > 80
            ? 'h100-sxm-96gb'
            : 'h100-sxm-80gb',
  ],
  [/a800/, (name) => (pcie(name) ? 'a100-pcie-80gb' : 'a800-sxm-80gb')],
  [/a100/, (name) => `a100-${pcie(name) ? 'pcie' : 'sxm'}-${(gigabytes(name) ?? 80) <= 40 ? 40 : 80}gb`],
  [/a40(?!\d)/, 'a40-48gb'],
  [/a30(?!\d)/, 'a30-24gb'],
  [/a10g|\bg5\.\d/, 'a10g-24gb'],
  [/a10(?!\d)/, 'a10-24gb'],
  [/(?:rtx|quadro)?[\s-]*a6000/, 'rtx-a6000-48gb'],
  [/(?:rtx[\s-]*)?6000[\s-]*ada/, 'rtx-6000-ada-48gb'],
  [/v100.*(?:sxm3|dgx-?2)/, 'v100-sxm3-32gb'],
  [/v100.*pci/, bySize([[16, 'v100-pcie-16gb']], 'v100-pcie-32gb')],
  [
    /v100/,
    bySize(
      [
        [16, 'v100-sxm-16gb'],
        [32, 'v100-sxm-32gb'],
      ],
      'v100-sxm-32gb',
    ),
  ],
  [/l40s/, 'l40s-48gb'],
  [/l40(?!\d)/, 'l40-48gb'],
  [/(?:rtx|geforce)?[\s-]*5090/, 'rtx-5090-32gb'],
  [/(?:rtx|geforce)?[\s-]*4090/, 'rtx-4090-24gb'],
  [/(?:rtx|geforce)?[\s-]*3090/, 'rtx-3090-24gb'],
  [/mi350x?/, 'mi350x-288gb'],
  [/mi35\dx?/, 'mi355x-288gb'],
  [/mi325x?/, 'mi325x-256gb'],
  [/mi300[xa]?/, 'mi300x-192gb'],
  [/mi210/, 'mi210-64gb'],
  [/mi250x?/, 'mi250x-64gb'],
  [/gaudi\s*-?2/, 'gaudi2-96gb'],
  [/\bt4\b/, 't4-16gb'],
  [/\bl4\b/, 'l4-24gb'],
];

/** What is programmed by a compiler of its own, on links of its own: no constant of a GPU says anything about it. */
const NO_GPU =
  /\btpu|trillium|ironwood|trainium|\btrn\d|inferentia|\binf\d|cerebras|\bwse|\bipu\b|graphcore|groq|sambanova|\brdu\b/;

/** Why an accelerator cannot be predicted; null: it can. */
export const unpredictable = (printed: string | null): string | null =>
  printed !== null && NO_GPU.test(printed.toLowerCase())
    ? `${printed.slice(0, 40)} is no GPU: planner knows neither its kernels nor its links`
    : null;

/** Families for names that no rule knows: the nearest relative by architecture. */
const NEAREST: readonly (readonly [RegExp, string])[] = [
  // Cards of workstations and gamers, by generation: their chips are not those of the data centre.
  [/rtx[\s-]*(?:pro\b.*blackwell|50\d\d)|gb10\b|dgx spark/, 'rtx-5090-32gb'],
  [/rtx[\s-]*40\d\d|\bada\b/, 'rtx-4090-24gb'],
  [/rtx[\s-]*(?:30\d\d|a\d{4})|\ba(?:2|16)\b/, 'rtx-3090-24gb'],
  [/rtx[\s-]*20\d\d|titan[\s-]*rtx|quadro[\s-]*rtx|turing/, 't4-16gb'],
  [/vera|rubin|r[12]00|blackwell/, 'gb300-288gb'],
  [/hopper|\bh\d{2,3}/, 'h100-sxm-80gb'],
  [/\bl\d|rtx/, 'l40s-48gb'],
  [/mi100|radeon/, 'mi210-64gb'],
  [/mi\d|instinct|amd/, 'mi300x-192gb'],
  [/volta|titan|p100|quadro|gtx/, 'v100-pcie-16gb'],
];

/** A100 SXM 80 GB where nothing at all is known: the most common card of published runs. */
export const gpuPreset = (printed: string | null): GpuMatch => {
  if (printed === null)
    return { preset: 'a100-sxm-80gb', assumption: 'GPU not named: A100 SXM 80 GB assumed' };
  const name = printed.toLowerCase();
  for (const [pattern, choose] of RULES)
    if (pattern.test(name))
      return { preset: typeof choose === 'string' ? choose : choose(name), assumption: null };
  const preset = NEAREST.find(([pattern]) => pattern.test(name))?.[1] ?? 'a100-sxm-80gb';
  return { preset, assumption: `GPU ${printed} is unknown: predicted as ${preset}` };
};
