/** The search section: objective, how many plans, and what the strategy keys may be. */
import type { SearchSpec } from '../formats/spec.ts';
import type { Limits, SearchOptions } from '../plan/problem.ts';
import { strategyKey } from '../strategy/keys.ts';
import type { Strategy } from '../strategy/strategy.ts';
import type { BuildContext } from './build-context.ts';

const SEARCH = '/search';

/** Of a GPU's memory: what the driver, other processes and surprises may take. */
const USUAL_RESERVE = 0.06;
const USUAL_TOP = 10;

type Value = string | number | boolean;

/** `fix` and `limit` as one table; unknown keys are the schema's to report. A key in both must have its one value in the set. */
const buildLimits = (spec: SearchSpec, context: BuildContext): Limits => {
  const limits = new Map<keyof Strategy, readonly Value[]>();
  for (const [key, values] of Object.entries(spec.limit ?? {}) as [string, readonly Value[]][]) {
    const known = strategyKey(key);
    if (known === undefined) continue;
    limits.set(known.field, [...new Set(values)]);
  }
  for (const [key, value] of Object.entries(spec.fix ?? {}) as [string, Value][]) {
    const known = strategyKey(key);
    if (known === undefined) continue;
    const allowed = limits.get(known.field);
    if (allowed !== undefined && !allowed.includes(value))
      context.error(
        `${SEARCH}/fix/${key}`,
        'spec/fix',
        `fix says ${key}: ${String(value)}, but limit allows only ${allowed.map(String).join(', ')}`,
      );
    limits.set(known.field, [value]);
  }
  return Object.fromEntries(limits);
};

/** null where something is wrong; all of it is in the context. */
export const buildSearch = (spec: SearchSpec | undefined, context: BuildContext): SearchOptions | null => {
  if (!context.isSound(SEARCH)) return null;
  const given = spec ?? {};
  return {
    objective: given.objective ?? 'throughput',
    top: given.top ?? USUAL_TOP,
    limits: buildLimits(given, context),
    memoryReserve: given.memory_reserve ?? USUAL_RESERVE,
    dedication: given.dedication ?? 'none',
    dedicationObjective: given.dedication_objective ?? 'iteration_time',
  };
};
