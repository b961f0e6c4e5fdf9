/** From a driver's name of a GPU to the preset that describes it. */

/** The first that matches; memory sizes and form factors only where the driver prints them. */
const NAMES: readonly (readonly [pattern: RegExp, preset: string])[] = [
  [/\bGB300\b/u, 'gb300-288gb'],
  [/\bGB200\b/u, 'gb200-186gb'],
  [/\bB300\b/u, 'b300-288gb'],
  [/\bB200\b/u, 'b200-sxm-180gb'],
  [/\bGH200\b/u, 'gh200-96gb'],
  [/\bH200\b/u, 'h200-sxm-141gb'],
  [/\bH20\b/u, 'h20-sxm-96gb'],
  [/\bH800\b/u, 'h800-sxm-80gb'],
  [/\bH100 PCIe\b/u, 'h100-pcie-80gb'],
  [/\bH100\b/u, 'h100-sxm-80gb'],
  [/\bA800\b/u, 'a800-sxm-80gb'],
  [/\bA100-PCIE-40GB\b/u, 'a100-pcie-40gb'],
  [/\bA100 80GB PCIe\b/u, 'a100-pcie-80gb'],
  [/\bA100-SXM.*-40GB\b/u, 'a100-sxm-40gb'],
  [/\bA100-SXM.*-80GB\b/u, 'a100-sxm-80gb'],
  [/\bL40S\b/u, 'l40s-48gb'],
  [/\bA10G\b/u, 'a10g-24gb'],
  [/\bL4\b/u, 'l4-24gb'],
  [/\b(?:Tesla )?T4\b/u, 't4-16gb'],
  [/\bV100-SXM2-16GB\b/u, 'v100-sxm-16gb'],
  [/\bV100-SXM2-32GB\b/u, 'v100-sxm-32gb'],
  [/\bRTX 4090\b/u, 'rtx-4090-24gb'],
  [/\bRTX 3090\b/u, 'rtx-3090-24gb'],
];

/** Preset of a GPU by the name that the driver (or nccl-tests) prints; null for one that planner does not describe. */
export const presetOfDevice = (device: string): string | null =>
  NAMES.find(([pattern]) => pattern.test(device))?.[1] ?? null;
