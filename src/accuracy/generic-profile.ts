/** Constants of the profile for software of which nothing is known: medians over the stacks that are not NVIDIA's. */
import type { Tree } from './fit-parameters.ts';
import { median } from './metrics.ts';

const MEMBERS = ['megatron-deepspeed', 'scaling', 'nanotron', 'torchtitan', 'pytorch-fsdp'];

/** Stacks whose elementwise work nothing merges: their traffic is that of eager kernels. */
const EAGER = ['scaling', 'pytorch-fsdp'];

const KEYS = [
  'host_dense',
  'traffic',
  'loss_bytes',
  'accumulation_bytes',
  'tensor_exposed',
  'tensor_overlap_exposed',
  'tensor_fixed',
  'data_exposed',
  'pipeline_exposed',
  'optimizer_parameter',
  'optimizer_shard',
];

const valueOf = (runtimes: Tree, name: string, key: string): number | null => {
  const entry = runtimes[name] as Tree | undefined;
  if (entry === undefined) return null;
  const own = entry[key];
  if (typeof own === 'number') return own;
  return typeof entry['extends'] === 'string' ? valueOf(runtimes, entry['extends'], key) : null;
};

/** Sets the constants of `generic` in the tree of a calibration, `without` a profile that is taken as unknown, too. */
export const setGenericProfile = (root: Tree, without: string | null = null): void => {
  const runtimes = root['runtimes'] as Tree;
  const generic = runtimes['generic'] as Tree | undefined;
  if (generic === undefined) return;
  for (const key of KEYS) {
    const values = MEMBERS.filter((name) => name !== without).flatMap(
      (name) =>
        valueOf(runtimes, name, key === 'traffic' && EAGER.includes(name) ? 'eager_traffic' : key) ?? [],
    );
    const middle = median(values);
    if (middle !== null) generic[key] = Number(middle.toPrecision(3));
  }
};
