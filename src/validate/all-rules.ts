import { parserRules } from '../runtimes/megatron/checked-rules.ts';
import { argumentRules } from '../runtimes/megatron/validate.ts';
import { allRules } from '../runtimes/registry.ts';
import { serverKinds } from './server-rules.ts';
import { readerFacts, settingRules } from './setting-rules/all.ts';
import { specRules } from './spec-rules.ts';

/** Rules that front ends state themselves, beside those that are data of a runtime. */
const ownRules: readonly string[] = [
  'shell/syntax',
  'bridge/bad-value',
  'vllm/world',
  'sglang/world',
  'tensorrt-llm/world',
  ...Object.keys(readerFacts),
  ...settingRules.map(({ id }) => id),
];

/** The id of every rule that validation can report. */
export const ruleIds = (): readonly string[] =>
  [
    ...new Set([
      ...parserRules,
      ...argumentRules.map(({ id }) => `megatron/${id}`),
      ...allRules().map(({ id }) => id),
      ...ownRules,
      ...Object.values(serverKinds).flatMap(({ rules }) => rules),
      ...specRules,
    ]),
  ].sort();

/** Whether a name, or the beginning before a `*`, is one of a rule. */
export const isRuleName = (name: string): boolean =>
  name.endsWith('*') ? ruleIds().some((id) => id.startsWith(name.slice(0, -1))) : ruleIds().includes(name);
