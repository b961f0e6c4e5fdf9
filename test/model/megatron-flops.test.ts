/** FLOPs of a token as Megatron counts them, by hand. */
import { describe, expect, it } from 'vitest';
import { readModelPreset } from '../../src/ingest/model-presets.ts';
import { megatronFlopsPerToken } from '../../src/model/flops.ts';
import { model, moeModel } from '../cost/fixtures.ts';

// Hidden 1024, 8 heads of 128, SwiGLU 4096, vocabulary 32,768, 8 layers: products of a multiply-add each way.
const ATTENTION_LINEARS = 4 * 1024 * 1024;
/** Scores and values of the causal half: 2 · 8 heads · 256 · s∕2. */
const attention = (sequence: number): number => 2 * 8 * 256 * (sequence / 2);
const HEAD = 2 * 1024 * 32_768;

describe('model FLOPs', () => {
  it('three times the forward pass of every layer and of the head; no lookup, no norm', () => {
    const layer = 2 * (ATTENTION_LINEARS + 3 * 1024 * 4096) + attention(4096);
    expect(megatronFlopsPerToken(model, 4096)).toBe(3 * (8 * layer + HEAD));
  });

  it('attention grows with the sequence', () => {
    expect(megatronFlopsPerToken(model, 8192) - megatronFlopsPerToken(model, 4096)).toBe(
      3 * 8 * attention(4096),
    );
  });

  it('active experts; the router is not counted', () => {
    const layer = 2 * (ATTENTION_LINEARS + 2 * 3 * 1024 * 1024) + attention(4096);
    expect(megatronFlopsPerToken(moeModel, 4096)).toBe(3 * (8 * layer + HEAD));
  });

  it('each kind by its layers', () => {
    const [dense] = model.kinds;
    const [moe] = moeModel.kinds;
    if (dense === undefined || moe === undefined) throw new Error('no kind');
    const mixed = { ...model, kinds: [dense, moe], layers: [0, 1, 1] };
    const perLayer = (of: typeof model): number => (megatronFlopsPerToken(of, 4096) - 3 * HEAD) / 8;
    expect(megatronFlopsPerToken(mixed, 4096)).toBe(perLayer(model) + 2 * perLayer(moeModel) + 3 * HEAD);
  });

  it('each prediction module: a layer, the projection of 2h to h, and the head again', () => {
    const layer = 2 * (ATTENTION_LINEARS + 3 * 1024 * 4096) + attention(4096);
    const two = { ...model, multiTokenPrediction: { layers: 2, kind: 0 } };
    expect(megatronFlopsPerToken(two, 4096) - megatronFlopsPerToken(model, 4096)).toBe(
      3 * 2 * (layer + 2 * 2 * 1024 * 1024 + HEAD),
    );
  });

  // Narayanan et al. (SC21) equation 3 without recomputation, its 4 of 96 replaced by 3 of 72:
  // 72·l·h²·(1 + s∕(6h) + V∕(12·l·h)); attention there is counted in full, here its causal half.
  it('GPT-3 175B: the published formula', () => {
    const [l, h, s] = [96, 12_288, 2048];
    const gpt3 = readModelPreset('gpt3-175b').model;
    const want = 72 * l * h ** 2 * (1 + s / (12 * h) + gpt3.vocabularySize / (12 * l * h));
    expect(megatronFlopsPerToken(gpt3, s) / want).toBeCloseTo(1, 9);
  });
});
