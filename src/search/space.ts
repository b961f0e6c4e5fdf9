import { gpuCount } from '../cluster/cluster.ts';
import type { Problem } from '../plan/problem.ts';
import type { Rule } from '../runtimes/rule.ts';
import { nearEvenPartition } from '../strategy/layer-split.ts';
import { plainStrategy } from '../strategy/plain.ts';
import type { Partition, Recompute, Strategy } from '../strategy/strategy.ts';
import { domainsOf, type Domains } from './domain.ts';
import { createFlagComponents, type FlagChoice, type FlagComponent } from './flag-space.ts';
import { isFlagKey, layoutKeys, sizeKeys, scheduleKeys, spell, type Draft, type LayoutKey } from './keys.ts';
import { passes, ruleContexts, searchRules, type OpenContext } from './legality.ts';
import { limitDomains } from './limits.ts';
import { worldsOf } from './worlds.ts';

/** Strategies of the same group sizes and micro-batch: one per schedule, with recomputation and switches still open. */
export interface Family {
  readonly frames: readonly Frame[];
}

/** A layout but for its recomputation. `strategy` has no recomputation and placeholder switches. */
export interface Frame {
  readonly strategy: Strategy;
  readonly recomputes: readonly Recompute[];
  /** Legal strategies of the frame. */
  readonly count: number;
}

export interface Space {
  readonly families: readonly Family[];
  /** Legal strategies. */
  readonly count: number;
  /** By rule id: partial strategies that it rejected. */
  readonly rejected: Readonly<Record<string, number>>;
  /** Messages of rules that no strategy can satisfy. */
  readonly obstacles: readonly string[];
  /** Legal choices of switches, component by component: the layout's strategies are their product. */
  readonly flagChoices: (layout: Strategy) => readonly (readonly FlagChoice[])[];
}

/** Rules by the last layout key that they read; those that read none at −1. */
const rulesByLevel = (rules: readonly Rule[]): ReadonlyMap<number, readonly Rule[]> => {
  const levels = new Map<number, Rule[]>();
  for (const rule of rules) {
    if (rule.reads.some(isFlagKey)) continue;
    const level = Math.max(-1, ...rule.reads.map((key) => layoutKeys.indexOf(key as LayoutKey)));
    const known = levels.get(level);
    if (known === undefined) levels.set(level, [rule]);
    else known.push(rule);
  }
  return levels;
};

const frameKeys = [...sizeKeys, ...scheduleKeys] as const;
/** Levels after which the placeholder of the partition has another shape. */
const shapeKeys: ReadonlySet<LayoutKey> = new Set<LayoutKey>(['pipeline', 'virtualStages']);
const recomputeLevel = frameKeys.length;

/** The strategies of one GPU count. */
const exploreWorld = (
  problem: Problem,
  rules: readonly Rule[],
  domains: Domains,
  reject: (rule: string) => void,
  mostFamilies: number,
): { families: Family[]; choices: (layout: Strategy) => readonly (readonly FlagChoice[])[] } => {
  const draft: Draft = plainStrategy();
  const contexts = ruleContexts(problem, draft, null);
  const setPlaceholder = createPlaceholder(problem, draft, contexts);
  const levels = rulesByLevel(rules);
  const components = createFlagComponents(rules, domains, contexts, reject);
  const counter = createCounter(components, draft);
  const families: Family[] = [];
  const recomputeReads = layoutKeys.filter(
    (key) =>
      key !== 'recompute' &&
      ((levels.get(recomputeLevel) ?? []).some((rule) => rule.reads.includes(key)) ||
        domains.recompute.reads.includes(key)),
  );
  const recomputesBySignature = new Map<string, readonly Recompute[]>();
  const legalRecomputes = (): readonly Recompute[] => {
    const signature = recomputeReads.map((key) => spell(draft[key])).join(' ');
    const known = recomputesBySignature.get(signature);
    if (known !== undefined) return known;
    const found = (domains.recompute.values(draft) as readonly Recompute[]).filter((recompute) => {
      draft.recompute = recompute;
      const broken = (levels.get(recomputeLevel) ?? []).find((rule) => !passes(rule, contexts));
      if (broken !== undefined) reject(broken.id);
      return broken === undefined;
    });
    recomputesBySignature.set(signature, found);
    return found;
  };
  const visit = (level: number, frames: Frame[]): void => {
    const key = frameKeys[level];
    if (key === undefined) {
      const recomputes = legalRecomputes();
      const count = counter(recomputes);
      if (count > 0) frames.push({ strategy: { ...draft, recompute: { kind: 'none' } }, recomputes, count });
      return;
    }
    for (const value of domains[key].values(draft)) {
      if (families.length >= mostFamilies) return;
      (draft as Record<LayoutKey, unknown>)[key] = value;
      if (key === 'pipeline') draft.virtualStages = 1;
      if (shapeKeys.has(key)) setPlaceholder();
      const broken = (levels.get(level) ?? []).find((rule) => !passes(rule, contexts));
      if (broken !== undefined) reject(broken.id);
      else if (level === sizeKeys.length - 1) {
        const own: Frame[] = [];
        visit(level + 1, own);
        if (own.length > 0) families.push({ frames: own });
      } else visit(level + 1, frames);
    }
  };
  visit(0, []);
  const choices = (layout: Strategy): readonly (readonly FlagChoice[])[] => {
    Object.assign(draft, layout);
    setPlaceholder();
    return components.map((component) => component.choices(draft));
  };
  return { families, choices };
};

/** Rules that look at the partition see one that differs by at most a layer; the real one is chosen later. */
const createPlaceholder = (
  problem: Problem,
  draft: Draft,
  contexts: readonly OpenContext[],
): (() => void) => {
  const known = new Map<string, Partition>();
  return () => {
    const { pipeline, virtualStages, schedule } = draft;
    const key = `${pipeline} ${virtualStages} ${schedule}`;
    const partition =
      known.get(key) ?? nearEvenPartition(problem.model.layers.length, pipeline, virtualStages, schedule);
    known.set(key, partition);
    for (const context of contexts) context.partition = partition;
  };
};

/** Number of legal (recomputation, switches) of the draft: Σ over recomputations of the product over components. */
const createCounter = (
  components: readonly FlagComponent[],
  draft: Draft,
): ((recomputes: readonly Recompute[]) => number) => {
  const reads = [...new Set(components.flatMap((component) => component.reads))].filter(
    (key) => key !== 'recompute',
  );
  const known = new Map<readonly Recompute[], Map<string, number>>();
  const fixed = components.filter((component) => !component.reads.includes('recompute'));
  const varying = components.filter((component) => component.reads.includes('recompute'));
  const product = (parts: readonly FlagComponent[]): number =>
    parts.reduce((count, component) => count * component.choices(draft).length, 1);
  return (recomputes) => {
    const bySignature = known.get(recomputes) ?? new Map<string, number>();
    known.set(recomputes, bySignature);
    const signature = reads.map((key) => spell(draft[key])).join(' ');
    const before = bySignature.get(signature);
    if (before !== undefined) return before;
    const common = product(fixed);
    let sum = 0;
    for (const recompute of recomputes) {
      draft.recompute = recompute;
      sum += product(varying);
    }
    bySignature.set(signature, common * sum);
    return common * sum;
  };
};

/**
 * All legal strategies of a problem, counted and grouped but not written out. Each rule is asked as soon as the keys that
 * it reads are set, so that one refusal removes everything below it. `mostFamilies` families of each GPU count are explored.
 */
export const createSpace = (
  problem: Problem,
  rules: readonly Rule[] = searchRules(problem),
  mostFamilies = Infinity,
): Space => {
  const rejected: Record<string, number> = {};
  const reject = (rule: string): void => {
    rejected[rule] = (rejected[rule] ?? 0) + 1;
  };
  const unconditional = rulesByLevel(rules).get(-1) ?? [];
  const obstacles: string[] = [];
  for (const rule of unconditional)
    for (const context of ruleContexts(problem, plainStrategy(), null)) {
      const verdict = rule.check(context);
      if (verdict.ok) continue;
      reject(rule.id);
      obstacles.push(`${rule.id}: ${verdict.message}; found ${verdict.found}, expected ${verdict.expected}`);
    }
  const families: Family[] = [];
  const choicesByWorld = new Map<number, (layout: Strategy) => readonly (readonly FlagChoice[])[]>();
  if (obstacles.length === 0)
    for (const world of worldsOf(problem)) {
      const domains = limitDomains(problem, domainsOf(problem, world));
      const explored = exploreWorld(problem, rules, domains, reject, mostFamilies);
      for (const family of explored.families) families.push(family);
      choicesByWorld.set(world, explored.choices);
    }
  const count = families.reduce(
    (sum, family) => sum + family.frames.reduce((part, frame) => part + frame.count, 0),
    0,
  );
  return {
    families,
    count,
    rejected,
    obstacles,
    flagChoices: (layout) => {
      const world = layout.tensor * layout.pipeline * layout.context * layout.data;
      const choices = choicesByWorld.get(world);
      if (choices === undefined)
        throw new Error(`a layout of ${world} of ${gpuCount(problem.cluster)} GPUs is not in this space`);
      return choices(layout);
    },
  };
};
