/** From a driver's name of a GPU to the preset that describes it. */
import { readAccelerator } from './presets.ts';

/** The first that matches; null for those that would be taken for another. Memory sizes and form factors only where the driver prints them. */
const NAMES: readonly (readonly [pattern: RegExp, preset: string | null])[] = [
  [/\bGB300\b/u, 'gb300-288gb'],
  [/\bGB200\b/u, 'gb200-186gb'],
  [/\bB300\b/u, 'b300-288gb'],
  [/\bB200\b/u, 'b200-sxm-180gb'],
  [/\bGH200\b/u, 'gh200-96gb'],
  [/\bH200 NVL\b/u, null],
  [/\bH200\b/u, 'h200-sxm-141gb'],
  [/\bH20\b/u, 'h20-sxm-96gb'],
  [/\bH800 PCIe\b/u, null],
  [/\bH800\b/u, 'h800-sxm-80gb'],
  [/\bH100 PCIe\b/u, 'h100-pcie-80gb'],
  [/\bH100 NVL\b/u, 'h100-nvl-94gb'],
  [/\bH100\b/u, 'h100-sxm-80gb'],
  [/\bA800.* PCIe\b|\bA800-PCIE/u, null],
  [/\bA800\b/u, 'a800-sxm-80gb'],
  [/\bA100-PCIE-40GB\b/u, 'a100-pcie-40gb'],
  [/\bA100 80GB PCIe\b/u, 'a100-pcie-80gb'],
  [/\bA100-SXM.*-40GB\b/u, 'a100-sxm-40gb'],
  [/\bA100-SXM.*-80GB\b/u, 'a100-sxm-80gb'],
  [/\bL40S\b/u, 'l40s-48gb'],
  [/\bL40\b/u, 'l40-48gb'],
  [/\bA10G\b/u, 'a10g-24gb'],
  [/\bA10\b/u, 'a10-24gb'],
  [/\bA30\b/u, 'a30-24gb'],
  [/\bA40\b/u, 'a40-48gb'],
  [/\bL4\b/u, 'l4-24gb'],
  [/\b(?:Tesla )?T4\b/u, 't4-16gb'],
  [/\bV100-SXM2-16GB\b/u, 'v100-sxm-16gb'],
  [/\bV100-SXM2-32GB\b/u, 'v100-sxm-32gb'],
  [/\bV100-SXM3-32GB\b/u, 'v100-sxm3-32gb'],
  [/\bV100-PCIE-16GB\b/u, 'v100-pcie-16gb'],
  [/\bV100-PCIE-32GB\b/u, 'v100-pcie-32gb'],
  [/\bRTX 5090\b/u, 'rtx-5090-32gb'],
  [/\bRTX 4090\b/u, 'rtx-4090-24gb'],
  [/\bRTX 3090\b/u, 'rtx-3090-24gb'],
  [/\bRTX A6000\b/u, 'rtx-a6000-48gb'],
  [/\bRTX 6000 Ada\b/u, 'rtx-6000-ada-48gb'],
  [/\bMI210\b/u, 'mi210-64gb'],
  [/\bMI250X\b/u, 'mi250x-64gb'],
  [/\bMI300X\b/u, 'mi300x-192gb'],
  [/\bMI325X\b/u, 'mi325x-256gb'],
  [/\bMI350X\b/u, 'mi350x-288gb'],
  [/\bMI355X\b/u, 'mi355x-288gb'],
];

/** Preset of a GPU by the name that the driver (or nccl-tests) prints; null for one that planner does not describe. */
export const presetOfDevice = (device: string): string | null =>
  NAMES.find(([pattern]) => pattern.test(device))?.[1] ?? null;

/** Preset of a type of Slurm's gpu resource: `nvidia_h100_80gb_hbm3` as its driver names it, or a site's own word. */
export const presetOfGres = (type: string): string | null =>
  // These come with several memories or form factors.
  /^(?:a100|a800|h100|h800|v100)$/iu.test(type)
    ? null
    : presetOfDevice(
        type
          .replaceAll('_', ' ')
          .toUpperCase()
          .replace('PCIE', 'PCIe')
          .replace(/RTX(?=\d)/u, 'RTX '),
      );

/** One direction of one NVLink of a preset, bytes/s; NVLink 3 as bridge between cards runs at 14 of 25 GB/s. */
export const nvlinkRate = (preset: string): number =>
  readAccelerator(preset).accelerator.architecture === 'blackwell'
    ? 50e9
    : /^(?:rtx-|a40-)/u.test(preset)
      ? 14.0625e9
      : 25e9;
