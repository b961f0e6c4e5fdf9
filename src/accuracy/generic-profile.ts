/** Constants of the profile for software of which nothing is known: medians over the stacks that are not NVIDIA's. */
import type { Tree } from './fit-parameters.ts';
import { median } from './metrics.ts';

const MEMBERS = ['megatron-deepspeed', 'scaling', 'nanotron', 'torchtitan', 'pytorch-fsdp'];

/** Stacks whose eager kernels runs were measured with: the others inherit theirs. */
const EAGER = ['scaling', 'nanotron', 'torchtitan', 'pytorch-fsdp'];

const KEYS = [
  'host_dense',
  'eager_traffic',
  'loss_bytes',
  'accumulation_bytes',
  'tensor_exposed',
  'tensor_overlap_exposed',
  'data_exposed',
  'optimizer_parameter',
  'optimizer_shard',
];

/** What a stack inherits from NVIDIA's tuned recipes is a default that no run of it has shown. */
const TUNED = 'megatron-core';

const valueOf = (runtimes: Tree, name: string, key: string): number | null => {
  const entry = runtimes[name] as Tree | undefined;
  if (entry === undefined) return null;
  const own = entry[key];
  if (typeof own === 'number') return own;
  const parent = entry['extends'];
  return typeof parent === 'string' && parent !== TUNED ? valueOf(runtimes, parent, key) : null;
};

/** Sets the constants of `generic` in the tree of a calibration, `without` a profile that is taken as unknown, too. */
export const setGenericProfile = (root: Tree, without: string | null = null): void => {
  const runtimes = root['runtimes'] as Tree;
  const generic = runtimes['generic'] as Tree | undefined;
  if (generic === undefined) return;
  for (const key of KEYS) {
    const members = key === 'eager_traffic' ? EAGER : MEMBERS;
    const values = members
      .filter((name) => name !== without)
      .flatMap((name) => valueOf(runtimes, name, key) ?? []);
    const middle = median(values);
    if (middle !== null) generic[key] = Number(middle.toPrecision(3));
  }
};
