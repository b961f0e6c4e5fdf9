import { effectiveStrategy } from '../strategy/effective.ts';
import { strategyToJson } from '../strategy/format.ts';
import { keyOfField } from '../strategy/keys.ts';
import type { Strategy } from '../strategy/strategy.ts';
import type { NotCarried } from './emit-types.ts';

export interface Unstated {
  /** The target's name, for the sentences. */
  readonly target: string;
  readonly strategy: Strategy;
  /** The model has experts. */
  readonly experts: boolean;
  /** What the target does, by key, because its files do not say. */
  readonly taken: Partial<Strategy>;
  /** Where else the user can say it, by key. */
  readonly where?: Readonly<Partial<Record<keyof Strategy, string>>>;
}

/** Keys of a strategy that a target's files do not state, where that makes a difference. */
export const notStated = ({
  target,
  strategy,
  experts,
  taken,
  where = {},
}: Unstated): readonly NotCarried[] => {
  const wanted = strategyToJson(effectiveStrategy(strategy, experts));
  const done = strategyToJson(effectiveStrategy({ ...strategy, ...taken }, experts));
  return (Object.keys(taken) as (keyof Strategy)[]).flatMap((part): NotCarried[] => {
    const word = keyOfField(part);
    const [from, to] = [String(wanted[word]), String(done[word])];
    if (from === to) return [];
    const elsewhere = where[part];
    const told = elsewhere === undefined ? '' : ` (${elsewhere})`;
    return [{ part, text: `${word}=${from} is not in the files: ${target} runs with ${word}=${to}${told}` }];
  });
};

/** One sentence about a part of the plan that no strategy key holds. */
export const notCarried = (part: NotCarried['part'], text: string): NotCarried => ({ part, text });
