/**
 * Profiled layers in place of the operator model: exact for the tensor degree and micro-batch size that were profiled;
 * for others the model's own times, scaled as the profile differs from them where it was taken.
 */
import type { LayerTimes, PassTimes } from '../model/layer-times.ts';
import type { Strategy } from '../strategy/strategy.ts';
import type { LayerCost } from './layer.ts';
import { total } from './parts.ts';
import type { Parts } from './parts.ts';

export interface LayerPieces {
  readonly kinds: readonly LayerCost[];
  readonly plain: readonly LayerCost[];
  readonly embedding: LayerCost;
  readonly head: LayerCost;
  readonly mtp: LayerCost | null;
}

const shorter = (a: PassTimes | null, b: PassTimes | null | undefined): PassTimes | null => {
  if (a === null || b === null || b === undefined) return a;
  return { forward: Math.min(a.forward, b.forward), backward: Math.min(a.backward, b.backward) };
};

/**
 * A profile held to what larger micro-batches of the same tensor degree took: a layer with fewer samples cannot take
 * longer. Where a profile says so, it timed a host that launched late, not the layer (OPT-350M on GH200 of eth-easl/sailor
 * @ cf2c8e3: 2.4 ms forward with one sample, 1.5 ms with two, 1.8 ms with four).
 */
export const withoutLateLaunches = (times: LayerTimes, all: readonly LayerTimes[]): LayerTimes =>
  all
    .filter(({ tensor, microBatchSize }) => tensor === times.tensor && microBatchSize > times.microBatchSize)
    .reduce<LayerTimes>(
      (least, larger) => ({
        ...least,
        kinds: least.kinds.map((kind, index) => shorter(kind, larger.kinds[index])),
        embedding: shorter(least.embedding, larger.embedding),
        head: shorter(least.head, larger.head),
      }),
      times,
    );

/** The profile nearest to a strategy: of its tensor degree before its micro-batch size, by ratio; late launches left out. */
export const nearestTimes = (all: readonly LayerTimes[], s: Strategy): LayerTimes | null => {
  const apart = (a: number, b: number): number => Math.abs(Math.log(a / b));
  const distance = (times: LayerTimes): number =>
    1000 * apart(times.tensor, s.tensor) + apart(times.microBatchSize, s.microBatchSize);
  const nearest = all.reduce<LayerTimes | null>(
    (best, times) => (best === null || distance(times) < distance(best) ? times : best),
    null,
  );
  return nearest === null ? null : withoutLateLaunches(nearest, all);
};

/** The strategy under which a profile was taken: nothing recomputed, nothing overlapped. */
export const profiledStrategy = (s: Strategy, { tensor, microBatchSize }: LayerTimes): Strategy => ({
  ...s,
  tensor,
  microBatchSize,
  context: 1,
  recompute: { kind: 'none' },
  overlapTensor: false,
  overlapExpert: false,
  sequenceParallel: s.sequenceParallel && tensor > 1,
});

const own = ({ compute, overhead }: Parts): number => compute + overhead;

const factorOf = (measured: number, modelled: number): number => (modelled > 0 ? measured / modelled : 1);

const scaled = (parts: Parts, factor: number): Parts => ({
  ...parts,
  compute: parts.compute * factor,
  overhead: parts.overhead * factor,
});

/** A piece whose computing takes as long as measured; what communicates stays as it is. */
const withTimes = (piece: LayerCost, profiled: LayerCost, times: PassTimes | null): LayerCost => {
  if (times === null) return piece;
  const forward = scaled(piece.forward, factorOf(times.forward, own(profiled.forward)));
  const factor = factorOf(times.backward, own(profiled.backward));
  const backward = scaled(piece.backward, factor);
  return {
    ...piece,
    forward,
    backward,
    forwardTime: total(forward),
    backwardTime: total(backward),
    weightGradient: piece.weightGradient * factor,
  };
};

/** `profiled`: the same pieces under `profiledStrategy`. */
export const withLayerTimes = <P extends LayerPieces>(
  pieces: P,
  profiled: LayerPieces,
  times: LayerTimes,
): P => {
  const each = (list: readonly LayerCost[]): readonly LayerCost[] =>
    list.map((piece, kind) => {
      const base = profiled.plain[kind];
      return base === undefined ? piece : withTimes(piece, base, times.kinds[kind] ?? null);
    });
  const kinds = each(pieces.kinds);
  return {
    ...pieces,
    kinds,
    plain: pieces.plain === pieces.kinds ? kinds : each(pieces.plain),
    embedding: withTimes(pieces.embedding, profiled.embedding, times.embedding),
    head: withTimes(pieces.head, profiled.head, times.head),
  };
};
