import { compareVersions } from '../runtimes/version.ts';
import type { RuntimeName, RuntimeReference } from '../plan/problem.ts';
import { latestVersion, runtimeNames, runtimeOf } from '../runtimes/registry.ts';
import { nearest } from '../strategy/parse-value.ts';

export type RuntimeResult =
  | { readonly ok: true; readonly value: RuntimeReference }
  | {
      readonly ok: false;
      readonly message: string;
      readonly expected: string;
      readonly suggestion: string | null;
    };

const isRuntimeName = (name: string): name is RuntimeName => runtimeNames.some((known) => known === name);

/** Reads `megatron` or `megatron@0.20`. Without a version the newest one that planner knows is meant. */
export const parseRuntime = (text: string): RuntimeResult => {
  const at = text.indexOf('@');
  const name = at === -1 ? text : text.slice(0, at);
  if (!isRuntimeName(name)) {
    const message = `unknown runtime "${name.slice(0, 60)}"`;
    return { ok: false, message, expected: runtimeNames.join(', '), suggestion: nearest(name, runtimeNames) };
  }
  if (at === -1) return { ok: true, value: { name, version: latestVersion(name) } };
  const asked = text.slice(at + 1);
  const { versions } = runtimeOf(name);
  const version = versions.find((known) => compareVersions(known, asked) === 0);
  return /^\d{1,6}(\.\d{1,6}){0,3}$/u.test(asked) && version !== undefined
    ? { ok: true, value: { name, version } }
    : {
        ok: false,
        message: `unknown version "${asked.slice(0, 60)}" of ${name}`,
        expected: versions.join(', '),
        suggestion: nearest(asked, versions),
      };
};
