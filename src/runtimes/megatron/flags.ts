import { flagChoices } from './flag-choices.ts';
import { flagGroups } from './flag-table.ts';

export type FlagType = 'integer' | 'number' | 'text';

/** How many values a flag takes and of which type. */
export interface FlagSpec {
  /** First of its synonyms, with the dashes. */
  readonly name: string;
  /** 0 for a switch; null for one or more. */
  readonly values: number | null;
  readonly type: FlagType;
  readonly choices: readonly string[] | null;
}

const expand = (names: string, values: number | null, type: FlagType): [string, FlagSpec][] =>
  names
    .trim()
    .split(/\s+/u)
    .flatMap((group) => {
      const synonyms = group.split('/').map((name) => `--${name}`);
      const name = synonyms[0] ?? '';
      const spec: FlagSpec = { name, values, type, choices: flagChoices[name] ?? null };
      return synonyms.map((synonym): [string, FlagSpec] => [synonym, spec]);
    });

/** Every flag of mcore 0.20 by each of its names. */
export const megatronFlags: ReadonlyMap<string, FlagSpec> = new Map([
  ...expand(flagGroups.switches, 0, 'text'),
  ...expand(flagGroups.integers, 1, 'integer'),
  ...expand(flagGroups.numbers, 1, 'number'),
  ...expand(flagGroups.texts, 1, 'text'),
  ...expand(flagGroups.integerLists, null, 'integer'),
  ...expand(flagGroups.numberLists, null, 'number'),
  ...expand(flagGroups.textLists, null, 'text'),
  ...expand(flagGroups.integerTriples, 3, 'integer'),
]);

/** First release with a flag, for those that came after 0.12 and that planner writes. */
export const flagSince: Readonly<Record<string, string>> = {
  '--pipeline-model-parallel-layout': '0.13',
  '--use-megatron-fsdp': '0.14',
  '--overlap-moe-expert-parallel-comm': '0.14',
  '--moe-flex-dispatcher-backend': '0.15',
  '--hybrid-layer-pattern': '0.17',
};
