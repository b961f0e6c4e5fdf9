import type { RuntimeName } from '../plan/problem.ts';
import { deepspeed } from './deepspeed/runtime.ts';
import { fsdp } from './fsdp/runtime.ts';
import { megatron } from './megatron/runtime.ts';
import { nanotron } from './nanotron/runtime.ts';
import type { Rule, RuleContext, Violation } from './rule.ts';
import type { Runtime } from './runtime.ts';
import { torchtitan } from './torchtitan/runtime.ts';
import { holdsIn } from './version.ts';

const runtimes: Readonly<Record<RuntimeName, Runtime>> = { megatron, torchtitan, nanotron, deepspeed, fsdp };

export const runtimeNames: readonly RuntimeName[] = [
  'megatron',
  'torchtitan',
  'nanotron',
  'deepspeed',
  'fsdp',
];

export const runtimeOf = (name: RuntimeName): Runtime => runtimes[name];

/** The newest release that planner knows. */
export const latestVersion = (name: RuntimeName): string => runtimes[name].versions.at(-1) ?? '';

const rulesByVersion = new Map<string, readonly Rule[]>();

/** Rules that hold in one release, cheapest and most decisive first. The same array for the same arguments. */
export const rulesFor = (name: RuntimeName, version: string): readonly Rule[] => {
  const key = `${name}@${version}`;
  const known = rulesByVersion.get(key);
  if (known !== undefined) return known;
  const rules = runtimes[name].rules.filter((rule) => holdsIn(version, rule.since, rule.until));
  rulesByVersion.set(key, rules);
  return rules;
};

/** Every rule of every runtime and version: what the documentation lists. */
export const allRules = (): readonly Rule[] => runtimeNames.flatMap((name) => runtimes[name].rules);

/** Every rule that the strategy breaks, warnings included: all at once. Empty: legal and harmless. */
export const checkStrategy = (context: RuleContext): Violation[] => {
  const violations: Violation[] = [];
  for (const rule of rulesFor(context.training.runtime.name, context.training.runtime.version)) {
    const verdict = rule.check(context);
    if (!verdict.ok) {
      const { at, message, found, expected } = verdict;
      violations.push({ rule, at, message, found, expected });
    }
  }
  return violations;
};
