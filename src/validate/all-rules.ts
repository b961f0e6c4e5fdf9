import { parserRules } from '../runtimes/megatron/checked-rules.ts';
import { argumentRules } from '../runtimes/megatron/validate.ts';
import { allRules } from '../runtimes/registry.ts';
import { serverKinds } from './server-rules.ts';
import { specRules } from './spec-rules.ts';

/** Rules that front ends state themselves, beside those that are data of a runtime. */
const ownRules: readonly string[] = [
  'shell/syntax',
  'bridge/sequence-needs-tensor',
  'bridge/bad-value',
  'torchtitan/world-product',
  'torchtitan/unknown-key',
  'torchtitan/virtual-stages-divisible',
  'torchtitan/stages-per-schedule',
  'nanotron/heads-groups',
  'nanotron/world-product',
  'nanotron/unknown-key',
  'deepspeed/zero-stage',
  'deepspeed/batch-product',
  'deepspeed/batch-stated',
  'deepspeed/precision-exclusive',
  'accelerate/context-exclusive',
  'accelerate/world-product',
  'accelerate/replicas-need-shards',
  'axolotl/world-product',
  'axolotl/context-micro-batch',
  'vllm/world',
  'sglang/world',
  'tensorrt-llm/world',
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
