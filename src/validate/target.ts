import type { RuntimeName } from '../plan/problem.ts';
import { latestVersion, runtimeOf } from '../runtimes/registry.ts';

/** Whose configuration a file is. */
export type TargetName =
  | 'megatron'
  | 'bridge'
  | 'nemo'
  | 'torchtitan'
  | 'nanotron'
  | 'deepspeed'
  | 'accelerate'
  | 'axolotl'
  | 'vllm'
  | 'sglang'
  | 'tensorrt-llm';

export interface Target {
  readonly name: TargetName;
  readonly version: string;
  /** The user named the version: then what the version does not know is an error. */
  readonly versionGiven: boolean;
}

/** The runtime whose rules a target's strategies obey; null for servers, which train nothing. */
export const runtimeOfTarget: Readonly<Record<TargetName, RuntimeName | null>> = {
  megatron: 'megatron',
  bridge: 'megatron',
  nemo: 'megatron',
  torchtitan: 'torchtitan',
  nanotron: 'nanotron',
  deepspeed: 'deepspeed',
  accelerate: 'fsdp',
  axolotl: 'fsdp',
  vllm: null,
  sglang: null,
  'tensorrt-llm': null,
};

export const targetNames = Object.keys(runtimeOfTarget) as readonly TargetName[];

/** Month of the sources that the facts of targets without a runtime of their own were read from. */
const ownVersions: Readonly<Partial<Record<TargetName, string>>> = {
  bridge: '2026.08',
  nemo: '2025.04',
  accelerate: '2026.08',
  axolotl: '2026.08',
  vllm: '2026.08',
  sglang: '2026.08',
  'tensorrt-llm': '2026.08',
};

export const defaultVersion = (name: TargetName): string => {
  const runtime = runtimeOfTarget[name];
  return ownVersions[name] ?? (runtime === null ? '' : latestVersion(runtime));
};

/** Releases of a target that planner has facts about. */
export const versionsOf = (name: TargetName): readonly string[] => {
  const runtime = runtimeOfTarget[name];
  const own = ownVersions[name];
  return own !== undefined || runtime === null ? [own ?? ''] : runtimeOf(runtime).versions;
};

/** The target as the user or the file names it, with its newest version where none is named. */
export const targetOf = (name: TargetName, version: string | null = null): Target => ({
  name,
  version: version ?? defaultVersion(name),
  versionGiven: version !== null,
});

/** `megatron@0.20`, `bridge`; null for other text. */
export const parseTarget = (text: string): Target | null => {
  const [name = '', version, ...rest] = text.split('@');
  const known = targetNames.find((candidate) => candidate === name);
  if (known === undefined || rest.length > 0) return null;
  if (version !== undefined && !/^\d{1,4}(\.\d{1,4}){0,2}$/u.test(version)) return null;
  return targetOf(known, version ?? null);
};
