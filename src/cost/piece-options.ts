/** The pieces of a model: layers by kind, embedding, head, prediction modules. */
import type { Operator } from '../model/operator.ts';
import type { LayerOptions } from './layer.ts';
import type { LayerContext } from './operator-time.ts';

export type PieceOptions = Pick<LayerOptions, 'tensorSublayers' | 'hostLayers'>;

/** Half a sublayer of tensor communication: the lookup is summed over ranks, the head gathers its input. */
export const bareOptions: Readonly<Record<'embedding' | 'head', PieceOptions>> = {
  embedding: { tensorSublayers: 0.5, hostLayers: 0 },
  head: { tensorSublayers: 0.5, hostLayers: 1 },
};

export const mtpOptions = (layers: number): PieceOptions => ({
  tensorSublayers: 2.5 * layers,
  hostLayers: layers,
});

/** Operators of the pieces of a model. */
export interface ModelOperators {
  readonly kinds: readonly (readonly Operator[])[];
  readonly embedding: readonly Operator[];
  readonly head: readonly Operator[];
  readonly mtp: readonly Operator[];
}

/** What operators run in; `once`: the same without repeats by a recomputation policy (embedding, head). */
export interface Contexts {
  readonly context: LayerContext;
  readonly once: LayerContext;
}
