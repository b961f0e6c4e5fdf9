import { describe, expect, it } from 'vitest';
import { readModelPreset } from '../../src/ingest/model-presets.ts';
import { paddedVocabulary, parameterCount } from '../../src/model/count.ts';
import {
  fullAttentionFlopsPerToken,
  megatronFlopsPerToken,
  narayananFlopsPerToken,
} from '../../src/model/flops.ts';
import type { LayerKind, Model } from '../../src/model/model.ts';
import { forwardFlops } from '../../src/model/operator-flops.ts';
import { headOperators, layerOperators } from '../../src/model/operators.ts';

const preset = (name: string) => readModelPreset(name).model;

describe('padded vocabulary', () => {
  it.each([
    { size: 50257, tensor: 1, want: 50304, source: 'Megatron, GPT-2 tokenizer' },
    { size: 50257, tensor: 8, want: 51200, source: 'Megatron, GPT-2 tokenizer, tensor parallel 8' },
    { size: 128256, tensor: 8, want: 129024, source: '126 × 1024' },
    { size: 32000, tensor: 2, want: 32000, source: 'divides' },
  ])('$size over $tensor ranks is $want', ({ size, tensor, want }) => {
    expect(paddedVocabulary(size, tensor)).toBe(want);
  });

  it('adds rows to embedding and head', () => {
    const model = preset('llama3-8b');
    const more = parameterCount(model, { vocabulary: 129_024 }).total - parameterCount(model).total;
    expect(more).toBe(2 * (129_024 - 128_256) * 4096);
  });
});

describe("Megatron's count", () => {
  it('is 6 × GEMM weights + 6·L·q·s with head and causal half: Llama-3 8B', () => {
    const model = preset('llama3-8b');
    const gemm = 32 * (4096 * 6144 + 4096 * 4096 + 3 * 4096 * 14336) + 4096 * 128_256;
    expect(megatronFlopsPerToken(model, 8192)).toBe(6 * gemm + 6 * 32 * 4096 * 8192);
  });

  it('pads the vocabulary where asked', () => {
    const model = preset('llama3-8b');
    const more =
      megatronFlopsPerToken(model, 8192, { vocabulary: 129_024 }) - megatronFlopsPerToken(model, 8192);
    expect(more).toBe(6 * 4096 * (129_024 - 128_256));
  });

  it("is the formula of its source for DeepSeek-V3 but for norms' terms", () => {
    const [h, s, heads] = [7168, 4096, 128];
    const attention =
      1536 * (h + heads * 192) +
      512 * (h + heads * 256) +
      h * 64 +
      heads * 128 * h +
      (s * heads * (192 + 128)) / 2;
    const [dense, expert] = [18432 * 3 * h, (2048 * 8 + 2048) * 3 * h];
    const prediction = 2 * h * h;
    const want = 6 * (62 * attention + 3 * dense + 59 * expert + prediction + 2 * h * 129_280);
    expect(megatronFlopsPerToken(preset('deepseek-v3'), s) / want).toBeCloseTo(1, 12);
  });

  it('counts windows, indexers and routers as if they were not there', () => {
    const [sparse, plain] = [preset('deepseek-v3.2'), preset('deepseek-v3')];
    expect(megatronFlopsPerToken(sparse, 65_536)).toBe(megatronFlopsPerToken(plain, 65_536));
    // gpt-oss-20b: 24 layers of q 4096 in full, though every second has a window of 128.
    const model = preset('gpt-oss-20b');
    const more = megatronFlopsPerToken(model, 8192) - megatronFlopsPerToken(model, 4096);
    expect(more).toBe(6 * 24 * 4096 * 4096);
  });

  it('counts Mamba-2 and squared-ReLU experts: Nemotron 3 Nano by hand', () => {
    const h = 2688;
    const mamba = 2 * h * (2 * 4096 + 2 * 8 * 128 + 64) + 7 * 4096 * 128 + 2 * 4096 * h;
    const experts = 4 * h * (6 * 1856 + 3712);
    const attention = 2 * h * (4096 + 2 * 256) + 2 * 4096 * h + 4 * 4096 * (8192 / 2);
    const want = 3 * (23 * mamba + 23 * experts + 6 * attention + 2 * h * 131_072);
    expect(megatronFlopsPerToken(preset('nemotron-3-nano-30b-a3b'), 8192)).toBe(want);
  });
});

describe('what a forward pass really needs', () => {
  /** FLOPs per token: windows and routers as they are. */
  const needed = (model: Model, sequenceLength: number): number =>
    [
      ...model.layers.flatMap((kind) => layerOperators(model, model.kinds[kind] as LayerKind)),
      ...headOperators(model, model.vocabularySize),
    ].reduce((sum, operator) => sum + forwardFlops(operator, sequenceLength), 0);

  it('is less than the count with windows', () => {
    const model = preset('gpt-oss-20b');
    const difference = megatronFlopsPerToken(model, 4096) / 3 - needed(model, 4096);
    const windows = 12 * 4 * 4096 * (2048 - 126);
    const routers = 24 * 2 * 2880 * 32;
    expect(difference).toBe(windows - routers);
  });
});

describe('other conventions', () => {
  const model = preset('llama2-7b');
  const attention = 12 * 32 * 4096 * 4096;
  const norms = 65 * 4096;

  it('the whole mask: six FLOPs for each parameter of a GEMM, and 12·L·h·s of attention', () => {
    // 6,738,415,616 parameters, less the input embedding and the norms.
    const gemms = 6_738_415_616 - 32000 * 4096 - norms;
    expect(fullAttentionFlopsPerToken(model, 4096)).toBe(6 * gemms + attention);
  });

  it('differ from the causal half by 1 + Lqs ∕ (N + Lqs)', () => {
    const half = megatronFlopsPerToken(model, 4096);
    expect(fullAttentionFlopsPerToken(model, 4096) - half).toBe(attention / 2);
  });

  it("Narayanan's 96·B·s·l·h²(1 + s ∕ 6h + V ∕ 16lh) for GPT-3 175B", () => {
    const gpt = preset('gpt3-175b');
    const [l, h, s, v] = [96, 12288, 2048, 51200];
    const want = 96 * l * h * h * (1 + s / (6 * h) + v / (16 * l * h));
    expect(narayananFlopsPerToken(gpt, s, { vocabulary: v }) / want).toBeCloseTo(1, 12);
  });
});
