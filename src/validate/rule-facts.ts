import { megatronSource } from '../runtimes/megatron/rules/define.ts';
import { argumentRules } from '../runtimes/megatron/validate.ts';
import { allRules } from '../runtimes/registry.ts';
import { readerFacts, settingRules } from './setting-rules/all.ts';

export interface RuleFacts {
  readonly source: string;
  readonly why: string;
}

let facts: ReadonlyMap<string, RuleFacts> | null = null;

/** Source and reason of each rule that is data; rules of front ends alone state theirs in their message. */
export const ruleFacts = (id: string): RuleFacts | null => {
  facts ??= new Map<string, RuleFacts>([
    ...argumentRules.map(({ id: name, source, why }): [string, RuleFacts] => [
      `megatron/${name}`,
      { source: source.includes(' @ ') ? source : `${megatronSource} ${source}`, why },
    ]),
    ...Object.entries(readerFacts),
    ...settingRules.map(({ id: name, source, why }): [string, RuleFacts] => [name, { source, why }]),
    ...allRules().map(({ id: name, source, why }): [string, RuleFacts] => [name, { source, why }]),
  ]);
  return facts.get(id) ?? null;
};
