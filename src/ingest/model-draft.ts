/** What an architecture's reader hands over, layer by layer; here it becomes a Model. */
import type { LayerKind, Model } from '../model/model.ts';

export type Layer = Omit<LayerKind, 'name'>;

export interface ModelDraft extends Omit<
  Model,
  'name' | 'modelType' | 'kinds' | 'layers' | 'multiTokenPrediction'
> {
  readonly layers: readonly Layer[];
  readonly multiTokenPrediction: { readonly layers: number; readonly layer: Layer } | null;
}

const mixerName = ({ mixer }: Layer): string =>
  mixer.kind === 'attention' && mixer.span.kind !== 'full' ? `${mixer.span.kind}-attention` : mixer.kind;

/** `attention+dense`, `window-attention+moe`, `mamba2`, …: the parts that are there. */
const layerName = (layer: Layer): string => {
  const parts = [mixerName(layer), layer.feedForward.kind].filter((part) => part !== 'none');
  return parts.length === 0 ? 'empty' : parts.join('+');
};

export const toModel = (draft: ModelDraft, name: string, modelType: string): Model => {
  const { layers, multiTokenPrediction, ...rest } = draft;
  const kinds: LayerKind[] = [];
  const index = new Map<string, number>();
  const taken = new Map<string, number>();
  const kindOf = (layer: Layer): number => {
    const content = JSON.stringify(layer);
    const known = index.get(content);
    if (known !== undefined) return known;
    const base = layerName(layer);
    const times = (taken.get(base) ?? 0) + 1;
    taken.set(base, times);
    kinds.push({ name: times === 1 ? base : `${base}-${times}`, ...layer });
    index.set(content, kinds.length - 1);
    return kinds.length - 1;
  };
  const order = layers.map(kindOf);
  const mtp =
    multiTokenPrediction === null
      ? null
      : { layers: multiTokenPrediction.layers, kind: kindOf(multiTokenPrediction.layer) };
  return { name, modelType, ...rest, kinds, layers: order, multiTokenPrediction: mtp };
};
