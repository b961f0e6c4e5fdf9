/** What `planner place` found, for whoever prints it. */
import type { CrossValidation, Baselines } from './place.ts';
import type { PlacedLayer, PlacementTask } from './placement.ts';
import type { SweepRow } from './sweep.ts';
import type { Traffic } from './traffic.ts';

export interface MoveSummary {
  readonly experts: number;
  readonly bytes: number | null;
  /** Seconds that the transfer takes: the GPU that loads most, at the network's bandwidth. */
  readonly time: number | null;
  /** Seconds of expert computation under the current placement after which the transfer has paid; null: never, or unknown. */
  readonly payback: number | null;
  /** Mean over layers of the current placement's max ∕ mean. */
  readonly current: number;
}

export interface PlacementOutcome {
  readonly task: PlacementTask;
  readonly layers: readonly PlacedLayer[];
  readonly baselines: Baselines;
  readonly crossValidation: readonly CrossValidation[];
  /** Of each layer in turn; null without a trace. */
  readonly traffic: readonly Traffic[] | null;
  readonly transitions: { readonly sameGpu: number; readonly sameNode: number } | null;
  readonly moves: MoveSummary | null;
  readonly sweep: readonly SweepRow[] | null;
}
