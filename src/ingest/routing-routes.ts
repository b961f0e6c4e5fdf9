/** Single routes → a trace: the rows of profiling runs are dropped, tokens that miss a layer too, and said so. */
import type { Diagnostic, Result } from '../diagnostics.ts';
import type { RoutingTrace } from '../plan/routing-trace.ts';
import { diagnosticAt } from './source.ts';
import type { Source } from './source.ts';

export interface Route {
  /** Tokens of the same name in different layers are the same token. */
  readonly token: string;
  readonly layer: number;
  readonly experts: readonly number[];
  /** All weights of the chosen experts are equal: no router that was trained gives that. */
  readonly uniform: boolean;
}

const MAXIMUM_EXPERTS = 16_384;
/** So many equal routes in a row of one layer are no text: an engine's warm-up feeds the same token again and again. */
const DUMMY_RUN = 32;

const sameExperts = (a: Route, b: Route): boolean =>
  a.layer === b.layer &&
  a.experts.length === b.experts.length &&
  a.experts.every((id, index) => id === b.experts[index]);

/** Marks the routes of dummy runs: uniform weights, or long runs of identical ids. */
const dummies = (routes: readonly Route[]): readonly boolean[] => {
  const marked = routes.map(({ uniform }) => uniform);
  const runs = new Map<number, number[]>();
  const close = (run: readonly number[] | undefined): void => {
    if (run !== undefined && run.length >= DUMMY_RUN) for (const index of run) marked[index] = true;
  };
  routes.forEach((route, index) => {
    const run = runs.get(route.layer);
    const last = run === undefined ? undefined : routes[run.at(-1) ?? 0];
    if (run !== undefined && last !== undefined && sameExperts(last, route)) run.push(index);
    else {
      close(run);
      runs.set(route.layer, [index]);
    }
  });
  for (const run of runs.values()) close(run);
  return marked;
};

export const collectRoutes = (all: readonly Route[], source: Source): Result<RoutingTrace> => {
  const whole = { source, start: 0, end: 1 };
  const refuse = (message: string): Result<never> => ({
    ok: false,
    diagnostics: [diagnosticAt(whole, 'routing/trace', message)],
  });
  const marked = dummies(all);
  const routes = all.filter((_, index) => marked[index] !== true);
  const topK = routes[0]?.experts.length ?? 0;
  if (all.length === 0) return refuse('holds no routes');
  if (topK === 0) return refuse('holds nothing but the rows of a profiling run');
  const odd = routes.find(({ experts }) => experts.length !== topK);
  if (odd !== undefined)
    return refuse(
      `token ${odd.token} has ${String(odd.experts.length)} experts, the first one ${String(topK)}`,
    );
  const bad = routes.find(({ experts }) =>
    experts.some((id) => !Number.isSafeInteger(id) || id < 0 || id >= MAXIMUM_EXPERTS),
  );
  if (bad !== undefined) return refuse(`token ${bad.token}: expert ids must be whole numbers from 0`);
  const twice = routes.find(({ experts }) => new Set(experts).size !== experts.length);
  if (twice !== undefined) return refuse(`token ${twice.token} names an expert twice`);
  const layers = [...new Set(routes.map(({ layer }) => layer))].sort((a, b) => a - b);
  const column = new Map(layers.map((layer, index) => [layer, index]));
  const byToken = new Map<string, (readonly number[] | undefined)[][]>();
  // A request id may be used again: a second route of the same token and layer begins a new token of that name.
  for (const route of routes) {
    const at = column.get(route.layer) ?? 0;
    const turns = byToken.get(route.token) ?? [];
    byToken.set(route.token, turns);
    const open = turns.find((turn) => turn[at] === undefined);
    const turn = open ?? new Array<readonly number[] | undefined>(layers.length).fill(undefined);
    if (open === undefined) turns.push(turn);
    turn[at] = route.experts;
  }
  const tokens = [...byToken.values()].flat();
  const complete = tokens.filter((turn): turn is (readonly number[])[] =>
    turn.every((experts) => experts !== undefined),
  );
  if (complete.length === 0) return refuse('no token has a route in every layer');
  const warnings: Diagnostic[] = [];
  const warn = (message: string): void => {
    warnings.push(diagnosticAt(whole, 'routing/dropped', message, {}, 'warning'));
  };
  if (routes.length < all.length)
    warn(
      `${String(all.length - routes.length)} of ${String(all.length)} rows were dropped: a profiling run with dummy tokens`,
    );
  if (complete.length < tokens.length)
    warn(`${String(tokens.length - complete.length)} tokens were dropped: they have no route in some layer`);
  const ids = Uint16Array.from(complete.flatMap((turn) => turn.flatMap((experts) => experts)));
  const experts = ids.reduce((most, id) => Math.max(most, id), 0) + 1;
  return { ok: true, value: { tokens: complete.length, topK, experts, layers, ids }, warnings };
};
