/** `training.routing` and `training.expert_placement`: the load of the experts, and which GPU holds which. */
import type { TrainingSpec } from '../formats/spec.ts';
import { placementsOfRows, readPlacementFile } from '../ingest/expert-placement.ts';
import { checkCounts } from '../ingest/routing-checks.ts';
import { addSnapshots } from '../ingest/routing-counts.ts';
import type { Counts } from '../ingest/routing-counts.ts';
import { readRoutingFile } from '../ingest/routing-file.ts';
import type { Model } from '../model/model.ts';
import type { LayerPlacement } from '../placement/layer-problem.ts';
import { measuredRouting } from '../placement/training-load.ts';
import type { ExpertOrder } from '../placement/training-load.ts';
import type { Routing } from '../plan/problem.ts';
import type { BuildContext } from './build-context.ts';

const ROUTING = '/training/routing';
const PLACEMENT = '/training/expert_placement';

/** Counts must be of this model: as many experts, and a row for each MoE layer or for each layer. */
const fitsModel = (counts: Counts, model: Model, context: BuildContext): boolean => {
  let sound = true;
  const fail = (message: string): void => {
    context.error(ROUTING, 'spec/routing', message);
    sound = false;
  };
  const moe = model.layers.flatMap((kind) => {
    const feedForward = model.kinds[kind]?.feedForward;
    return feedForward?.kind === 'moe' ? [feedForward] : [];
  });
  if (moe.length === 0) {
    fail(`${model.name} has no experts to route to`);
    return sound;
  }
  const experts = Math.max(...moe.map((feedForward) => feedForward.experts));
  const found = counts[0]?.length ?? 0;
  if (found !== experts)
    fail(`the counts are of ${String(found)} experts, but ${model.name} has ${String(experts)}`);
  if (counts.length !== moe.length && counts.length !== model.layers.length)
    fail(
      `the counts have ${String(counts.length)} layers, but ${model.name} has ${String(moe.length)} MoE layers of ${String(model.layers.length)}`,
    );
  return sound;
};

/** The experts of a layer block by block; in words what is wrong where a file places one twice, or unequally many. */
const blockOrder = (placement: LayerPlacement, experts: number): readonly number[] | string => {
  const order = placement.flat();
  const stray = order.find((expert) => expert >= experts);
  if (stray !== undefined) return `names expert ${String(stray)}, but there are ${String(experts)}`;
  if (order.length !== experts || new Set(order).size !== experts)
    return `has ${String(order.length)} slots for ${String(new Set(order).size)} of ${String(experts)} experts: training holds each expert once`;
  if (placement.some((held) => held.length !== placement[0]?.length))
    return 'gives its GPUs unequal numbers of experts, which no training runtime does';
  return order;
};

const readOrder = (file: string, counts: Counts, context: BuildContext): ExpertOrder | null => {
  const source = context.readReference(file, PLACEMENT);
  if (source === null) return null;
  const experts = counts[0]?.length ?? 0;
  const given = context.takeReference(
    readPlacementFile(source, { experts, gpus: null, slots: null }),
    PLACEMENT,
  );
  if (given === null) return null;
  const rows = counts.flatMap((row, layer) => (row.some((count) => count > 0) ? [layer] : []));
  const placements = placementsOfRows(given, rows);
  if (placements === null) {
    context.error(
      PLACEMENT,
      'spec/expert-placement',
      `has ${String(given.layers.length)} layers, the counts ${String(rows.length)} with load and other numbers`,
    );
    return null;
  }
  const orders = placements.map((placement) => blockOrder(placement, experts));
  const wrong = orders.findIndex((order) => typeof order === 'string');
  if (wrong !== -1) {
    const message = `layer ${String(rows[wrong] ?? wrong)} of ${file} ${String(orders[wrong])}`;
    context.error(PLACEMENT, 'spec/expert-placement', message);
    return null;
  }
  return orders.filter((order) => typeof order !== 'string');
};

/** null where something is wrong; all of it is in the context. */
export const buildRouting = (
  spec: TrainingSpec,
  model: Model | null,
  context: BuildContext,
): Routing | null => {
  if (!context.isSound(ROUTING) || !context.isSound(PLACEMENT)) return null;
  const { routing: file = 'balanced', expert_placement: placement = 'contiguous' } = spec;
  if (file === 'balanced') {
    if (placement === 'contiguous') return { kind: 'balanced' };
    context.error(
      PLACEMENT,
      'spec/expert-placement',
      'without measured counts all placements are alike: training.routing names none',
    );
    return null;
  }
  const read = context.takeReference(readRoutingFile(context.resolve(file), file), ROUTING);
  if (read === null) return null;
  const { source, snapshots } = read;
  const counts = addSnapshots(snapshots);
  if (model !== null && !fitsModel(counts, model, context)) return null;
  const found = checkCounts(source, counts);
  context.diagnostics.push(...found);
  if (found.some(({ severity }) => severity === 'error')) return null;
  const order =
    placement === 'contiguous' || placement === 'balanced'
      ? placement
      : readOrder(placement, counts, context);
  return order === null ? null : measuredRouting(file, counts, placement, order);
};
