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
  [/h800/, 'h800-sxm-80gb'],
  [/h20(?!\d)/, 'h20-sxm-96gb'],
  [
    /h100/,
    (name) =>
      pcie(name) || name.includes('nvl')
        ? 'h100-pcie-80gb'
        : (gigabytes(name) ?? 80) > 80
          ? 'h100-sxm-96gb'
          : 'h100-sxm-80gb',
  ],
  [/a800/, 'a800-sxm-80gb'],
  [/a100/, (name) => `a100-${pcie(name) ? 'pcie' : 'sxm'}-${(gigabytes(name) ?? 80) <= 40 ? 40 : 80}gb`],
  [/a10g?(?!\d)/, 'a10g-24gb'],
  [/v100.*(?:sxm3|dgx-?2)/, 'v100-sxm3-32gb'],
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
  [/l40/, 'l40s-48gb'],
  [/(?:rtx|geforce)?[\s-]*4090/, 'rtx-4090-24gb'],
  [/(?:rtx|geforce)?[\s-]*3090/, 'rtx-3090-24gb'],
  [/mi35\dx?/, 'mi355x-288gb'],
  [/mi325x?/, 'mi325x-256gb'],
  [/mi300[xa]?/, 'mi300x-192gb'],
  [/mi2[15]0x?/, 'mi250x-64gb'],
  [/\bt4\b/, 't4-16gb'],
  [/\bl4\b/, 'l4-24gb'],
];

/** Families for names that no rule knows: the nearest relative by architecture. */
const NEAREST: readonly (readonly [RegExp, string])[] = [
  [/vera|rubin|r[12]00|blackwell/, 'gb300-288gb'],
  [/hopper|h\d{2,3}/, 'h100-sxm-80gb'],
  [/\bl\d|ada|rtx/, 'l40s-48gb'],
  [/mi\d|instinct|amd|radeon/, 'mi300x-192gb'],
  [/volta|titan|turing|p100|quadro/, 'v100-sxm-32gb'],
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
