/** How a runtime splits the layers of a record over stages where the source does not say. */
import type { Model } from '../../model/model.ts';
import { forwardFlops } from '../../model/operator-flops.ts';
import type { Operator } from '../../model/operator.ts';
import { headOperators, layerOperators } from '../../model/operators.ts';
import type { Partition } from '../../strategy/strategy.ts';

/** Chunks in layer order (virtual-stage-major) → partition[stage][virtual stage]. */
const byStage = (chunks: readonly number[], pipeline: number, virtualStages: number): Partition =>
  Array.from({ length: pipeline }, (_, stage) =>
    Array.from({ length: virtualStages }, (_, chunk) => chunks[chunk * pipeline + stage] ?? 0),
  );

/**
 * Equal chunks where the layers divide. Else embedding, output layer and each multi-token-prediction module count as
 * one layer, as Megatron's account-for-embedding and account-for-loss flags and DeepSpeed's type partition do, and
 * what remains goes to the earlier chunks, away from the output layer.
 */
export const usualPartition = (model: Model, pipeline: number, virtualStages: number): Partition => {
  const layers = model.layers.length;
  const chunks = pipeline * virtualStages;
  if (layers % chunks === 0)
    return byStage(
      Array.from({ length: chunks }, () => layers / chunks),
      pipeline,
      virtualStages,
    );
  const last = 1 + (model.multiTokenPrediction?.layers ?? 0);
  const units = layers + 1 + last;
  const base = Math.floor(units / chunks);
  const sizes = Array.from({ length: chunks }, (_, i) => base + (i < units % chunks ? 1 : 0));
  const take = (from: number, amount: number): void => {
    let missing = amount;
    for (let i = from; missing > 0 && i >= 0 && i < chunks; i += from === 0 ? 1 : -1) {
      const size = sizes[i] ?? 0;
      const taken = Math.min(size, missing);
      sizes[i] = size - taken;
      missing -= taken;
    }
  };
  take(chunks - 1, last);
  take(0, 1);
  return byStage(sizes, pipeline, virtualStages);
};

/** Models of 61 layers for which NVIDIA's recipes name layouts, and the numbers of chunks that have one. */
const RECIPE_MODELS = /deepseek.?v3|kimi.?k2/i;
const RECIPE_CHUNKS = [4, 8, 16];

/**
 * NVIDIA's recipes of DeepSeek-V3 and Kimi K2 fill every chunk with ⌈layers∕chunks⌉ layers, the first beside the embedding, and leave the
 * rest to the last, which holds the prediction module and the loss too: 4 layers fifteen times and 1 of 61. null: no such
 * recipe. Source: NVIDIA-NeMo/Megatron-Bridge recipes/deepseek/deepseek_v3.py, set_deepseek_v3_pipeline_model_parallel_layout,
 * kimi/kimi_k2.py; NVIDIA/NeMo scripts/performance, pretrain_deepseek_v3.py, map_pp_vp_to_layout.
 */
export const recipePartition = (model: Model, pipeline: number, virtualStages: number): Partition | null => {
  const chunks = pipeline * virtualStages;
  if (!RECIPE_MODELS.test(model.name) || !RECIPE_CHUNKS.includes(chunks)) return null;
  const full = Math.ceil(model.layers.length / chunks);
  const last = model.layers.length - full * (chunks - 1);
  if (last < 0) return null;
  return byStage(
    Array.from({ length: chunks }, (_, i) => (i === chunks - 1 ? last : full)),
    pipeline,
    virtualStages,
  );
};

const flopsOf = (operators: readonly Operator[], sequence: number): number =>
  operators.reduce((sum, operator) => sum + forwardFlops(operator, sequence), 0);

/**
 * Layers moved off the stage of the output layer until the heaviest stage is lightest by FLOPs: the `Redis` baseline
 * of Vocabulary Parallelism (arXiv:2411.05288, section 6). One kind of layer, one chunk a stage.
 */
export const redistributedPartition = (model: Model, sequence: number, pipeline: number): Partition => {
  const kind = model.kinds[0];
  const layer = kind === undefined ? 1 : flopsOf(layerOperators(model, kind), sequence);
  const head = flopsOf(headOperators(model), sequence) / layer;
  let best = { last: 0, heaviest: Infinity };
  for (let last = 0; last <= model.layers.length; last += 1) {
    const heaviest = Math.max(
      last + head,
      Math.ceil((model.layers.length - last) / Math.max(1, pipeline - 1)),
    );
    if (heaviest < best.heaviest) best = { last, heaviest };
  }
  if (pipeline === 1) return [[model.layers.length]];
  const others = model.layers.length - best.last;
  const base = Math.floor(others / (pipeline - 1));
  const counts = Array.from(
    { length: pipeline - 1 },
    (_, stage) => base + (stage < others % (pipeline - 1) ? 1 : 0),
  );
  return [...counts, best.last].map((layers) => [layers]);
};

/**
 * Nanotron cuts by cumulative cost of its blocks, a layer at 4h² + 3hf, the output layer at Vh; the block that reaches
 * a threshold is the last of its stage (huggingface/nanotron @ 0e0a27ea, models/base.py:212-236). The published peaks
 * of the first stage are within 5 % (median) of this cut and 9 % of one that moves such a block on.
 */
export const nanotronPartition = (model: Model, ffn: number, pipeline: number): Partition => {
  const layer = 4 * model.hidden ** 2 + 3 * model.hidden * ffn;
  const total = model.layers.length * layer + model.vocabularySize * model.hidden;
  const counts = Array.from({ length: pipeline }, () => 0);
  let stage = 0;
  model.layers.forEach((_, index) => {
    counts[stage] = (counts[stage] ?? 0) + 1;
    const reached = (index + 1) * layer >= ((total * (stage + 1)) / pipeline) * (1 - 1e-12);
    if (reached && stage < pipeline - 1) stage += 1;
  });
  return counts.map((layers) => [layers]);
};

/**
 * Megatron's layout text: stages divided by `|`, `t` a decoder layer, `E`, `m`, `L` embedding, multi-token prediction
 * and loss; `x*n` and `(…)*n` repeat (NVIDIA/Megatron-LM @ d98e8a6, core/transformer/pipeline_parallel_layer_layout.py).
 * null where the text is of another form or does not hold the model's layers.
 */
export const layoutPartition = (layout: string, layers: number, pipeline: number): Partition | null => {
  if (layout.length > 500 || !/^[\w|*(),\s]*$/.test(layout)) return null;
  const compact = layout.replaceAll(/\s|,/g, '');
  const repeat = (body: string, times: number): string | null =>
    body.length * times > 1e5 ? null : body.repeat(times);
  const grouped = compact.replace(
    /\(([^()]*)\)\*(\d+)/g,
    (_, body: string, times: string) => repeat(body, Number(times)) ?? '!',
  );
  const expanded = grouped.replace(
    /(\w)\*(\d+)/g,
    (_, body: string, times: string) => repeat(body, Number(times)) ?? '!',
  );
  if (!/^[EtmL|]*$/.test(expanded)) return null;
  const chunks = expanded.split('|').map((chunk) => (chunk.match(/t/g) ?? []).length);
  const virtualStages = chunks.length / pipeline;
  const sum = chunks.reduce((total, size) => total + size, 0);
  return Number.isInteger(virtualStages) && sum === layers ? byStage(chunks, pipeline, virtualStages) : null;
};
