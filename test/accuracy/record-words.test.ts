/** Words of records → presets, links, formats, schedules. Expected values: data sheets, and the sources that print the words. */
import { describe, expect, it } from 'vitest';
import { gpuPreset, unpredictable } from '../../src/accuracy/record/gpu-name.ts';
import { intraNodeOf, nicsOf } from '../../src/accuracy/record/network.ts';
import { precisionOf } from '../../src/accuracy/record/precision.ts';
import { recomputeOf } from '../../src/accuracy/record/recompute.ts';
import { scheduleOf } from '../../src/accuracy/record/schedule.ts';
import { softwareDate } from '../../src/accuracy/record/software.ts';
import { isPreset, readAccelerator } from '../../src/ingest/presets.ts';

describe('GPU names', () => {
  it.each([
    ['V100-SXM2-32GB', 'v100-sxm-32gb'],
    ['V100-SXM3-32GB (DGX-2)', 'v100-sxm3-32gb'],
    ['Tesla V100 16GB', 'v100-sxm-16gb'],
    ['T4', 't4-16gb'],
    ['A100-SXM-40GB (DGX A100, 2020)', 'a100-sxm-40gb'],
    ['A100-SXM-80GB', 'a100-sxm-80gb'],
    ['A100', 'a100-sxm-80gb'],
    ['A100 PCIe 40GB', 'a100-pcie-40gb'],
    ['A800-SXM-80GB', 'a800-sxm-80gb'],
    ['H100', 'h100-sxm-80gb'],
    ['NVIDIA H100 PCIe', 'h100-pcie-80gb'],
    ['H100-SXM-96GB (HBM2e 2.4TB/s)', 'h100-sxm-96gb'],
    ['H200-SXM-141GB', 'h200-sxm-141gb'],
    ['H800-SXM-80GB', 'h800-sxm-80gb'],
    ['H20', 'h20-sxm-96gb'],
    ['GH200-96GB', 'gh200-96gb'],
    ['B200', 'b200-sxm-180gb'],
    ['B300', 'b300-sxm-288gb'],
    ['GB200', 'gb200-186gb'],
    ['GB300', 'gb300-288gb'],
    ['L40S', 'l40s-48gb'],
    ['NVIDIA L40', 'l40-48gb'],
    ['RTX A6000', 'rtx-a6000-48gb'],
    ['RTX 6000 Ada', 'rtx-6000-ada-48gb'],
    ['A40', 'a40-48gb'],
    ['A30', 'a30-24gb'],
    ['A100 40GB', 'a100-sxm-40gb'],
    ['H100-PCIe', 'h100-pcie-80gb'],
    ['H100 NVL', 'h100-nvl-94gb'],
    ['H100 SXM5 NVLink', 'h100-sxm-80gb'],
    ['GB300 NVL72', 'gb300-288gb'],
    ['MI210', 'mi210-64gb'],
    ['MI250', 'mi250x-64gb'],
    ['Intel Gaudi2', 'gaudi2-96gb'],
    ['GeForce RTX 4090', 'rtx-4090-24gb'],
    ['MI250X (one die)', 'mi250x-64gb'],
    ['AMD Instinct MI300X', 'mi300x-192gb'],
    ['MI325X', 'mi325x-256gb'],
    ['MI355X', 'mi355x-288gb'],
    ['AMD Instinct MI350X', 'mi350x-288gb'],
    ['V100-PCIE-16GB', 'v100-pcie-16gb'],
    ['Tesla V100 PCIe 32GB', 'v100-pcie-32gb'],
    ['NVIDIA A800 80GB PCIe', 'a100-pcie-80gb'],
    ['A10', 'a10-24gb'],
    ['A10G', 'a10g-24gb'],
    ['GeForce RTX 5090', 'rtx-5090-32gb'],
  ])('%s is %s', (printed, preset) => {
    expect(gpuPreset(printed)).toEqual({ preset, assumption: null });
    expect(isPreset('accelerator', preset)).toBe(true);
  });

  it.each([['Rubin R200'], ['Gaudi 3'], ['Quadro RTX 8000'], ['MI430X'], ['???'], [null]])(
    'an unknown GPU (%s) becomes its nearest relative, and that is said',
    (printed) => {
      const { preset, assumption } = gpuPreset(printed);
      expect(isPreset('accelerator', preset)).toBe(true);
      expect(assumption).toMatch(/predicted as|assumed/);
    },
  );
});

describe('cards without a preset', () => {
  it.each([
    ['RTX PRO 6000 Blackwell', 'rtx-5090-32gb'],
    ['RTX 4080', 'rtx-4090-24gb'],
    ['GeForce RTX 3080', 'rtx-3090-24gb'],
    ['RTX 2080 Ti', 't4-16gb'],
    ['GTX 1080 Ti', 'v100-pcie-16gb'],
    ['L20', 'l40s-48gb'],
  ])('%s stands with its generation, %s', (printed, preset) => {
    expect(gpuPreset(printed).preset).toBe(preset);
  });
});

describe('accelerators that are no GPUs', () => {
  it.each(['TPU v4', 'TPUv5p', 'AWS Trainium2', 'trn1.32xlarge', 'Cerebras CS-2', 'Graphcore IPU'])(
    '%s',
    (name) => {
      expect(unpredictable(name)).toMatch(/no GPU/);
    },
  );

  it.each(['Ascend 910B', 'Gaudi 3', 'H20', null])('%s can be predicted', (name) => {
    expect(unpredictable(name)).toBeNull();
  });
});

describe('network words', () => {
  const { nics } = readAccelerator('h100-sxm-80gb');
  it.each([
    ['8x400Gb/s NDR InfiniBand', 8, 400, 'infiniband'],
    ['8x400Gb/s NDR InfiniBand (Eos)', 8, 400, 'infiniband'],
    ['4x Omni-Path 100Gb/s', 4, 100, 'other'],
    ['8x200Gb/s', 8, 200, 'infiniband'],
    ['8x400Gb/s RoCE', 8, 400, 'roce'],
    ['1600Gb/s RoCE', 8, 200, 'roce'],
    ['800Gb/s per node (from example config)', 8, 100, 'infiniband'],
    ['2Tb/s RoCE per node', 8, 250, 'roce'],
    ['EFA 3200Gb/s', 8, 400, 'efa'],
    ['EFA 3200Gbps class (not stated in table)', 8, 400, 'efa'],
    ['400Gb/s per GPU RDMA', 8, 400, 'infiniband'],
    ['25GbE Ethernet', 1, 25, 'ethernet'],
    ['InfiniBand NDR 400Gb/s', 8, 400, 'infiniband'],
    ['InfiniBand, 400Gb/s', 8, 400, 'infiniband'],
    ['400Gb/s per node', 8, 50, 'infiniband'],
    ['InfiniBand, 200Gb/s', 8, 25, 'infiniband'],
    ['50 GB/s', 8, 50, 'infiniband'],
    ['4 * 100Gb RoCE', 4, 100, 'roce'],
    ['8 × 400 Gbps InfiniBand', 8, 400, 'infiniband'],
    ['4x Slingshot 25 GB/s', 4, 200, 'other'],
    ['4 ConnectX-6 HCAs, HDR', 4, 200, 'infiniband'],
    ['InfiniBand 100 Gb/sec (4X EDR)', 1, 100, 'infiniband'],
    ['4x 100GbE', 4, 100, 'ethernet'],
    ['8x ConnectX-7 400Gb', 8, 400, 'infiniband'],
    ['HDR100', 8, 100, 'infiniband'],
    ['4x HDR', 4, 200, 'infiniband'],
    ['200 Gb/s HDR InfiniBand per node', 1, 200, 'infiniband'],
    ['InfiniBand 2x200', 2, 200, 'infiniband'],
    ['8x H100 nodes, 400 Gb/s per GPU', 8, 400, 'infiniband'],
    ['8 200Gbps NICs', 8, 200, 'infiniband'],
    ['4 NICs of 100 Gb/s', 4, 100, 'infiniband'],
    ['3200 Gbps (8 NICs)', 8, 400, 'infiniband'],
    ['dual-rail 100G', 2, 100, 'infiniband'],
    ['1.6T', 8, 200, 'infiniband'],
    ['InfiniBand (paper text not read)', 8, 400, 'infiniband'],
  ])('%s', (printed, count, gigabits, kind) => {
    const read = nicsOf(printed, 8, nics);
    expect([read.count, (read.bandwidth * 8) / 1e9, read.kind]).toEqual([count, gigabits, kind]);
  });

  it('the rate of one port, where a machine has fewer ports than GPUs, is that of the node', () => {
    const dgx1 = readAccelerator('v100-sxm-32gb').nics;
    const read = nicsOf('InfiniBand 100 Gb/sec (4X EDR)', 8, dgx1);
    expect([read.count, (read.bandwidth * 8) / 1e9]).toEqual([1, 100]);
  });

  it('nothing printed: the ports of the preset', () => {
    expect(nicsOf(null, 8, nics)).toBe(nics);
  });

  it('NVLink counted in links: 25 GB/s each way and link (Jean Zay has 4 of 12)', () => {
    const usual = readAccelerator('a100-sxm-80gb').intraNode;
    expect(intraNodeOf('NVLink4 links / NVSwitch', usual).bandwidth).toBe(100e9);
    expect(intraNodeOf('NVLink4', usual)).toBe(usual);
    expect(intraNodeOf('PCIe 4.0 x16', usual).kind).toBe('pcie');
    expect(intraNodeOf('PCIe 3.0', usual).bandwidth).toBe(15.75e9);
    expect(intraNodeOf('no NVLink', usual).kind).toBe('pcie');
    // NVLink's figure counts both directions.
    expect(intraNodeOf('NVLink 400GB/s', usual).bandwidth).toBe(200e9);
    expect(intraNodeOf('NVLink3 600GB/s', usual)).toBe(usual);
  });
});

describe('number formats', () => {
  it.each([
    ['fp8 (TE hybrid, bf16 elsewhere)', 'hopper', false, 'fp8'],
    ['FP8-MX', 'blackwell', false, 'mxfp8'],
    ['MXFP8', 'blackwell', false, 'mxfp8'],
    ['NVFP4', 'blackwell', false, 'nvfp4'],
    ['amp_bf16', 'ampere', false, 'bf16'],
    ['fp16 mixed', 'volta', true, 'fp16'],
    ['16-mixed', 'ampere', false, 'fp16'],
    ['bf16/fp16 mixed', 'ampere', true, 'fp16'],
    ['bf16/fp16 mixed', 'ampere', false, 'bf16'],
    ['fp32', 'ampere', false, 'fp32'],
    [null, 'hopper', false, 'bf16'],
    [null, 'volta', false, 'fp16'],
    ['bf16', 'turing', false, 'fp16'],
  ] as const)('%s on %s', (printed, architecture, classic, expected) => {
    expect(precisionOf(printed, architecture, classic)).toBe(expected);
  });
});

describe('recomputation', () => {
  it.each([
    ['none', { kind: 'none' }],
    ['full', { kind: 'full' }],
    ['full:block:5 layers', { kind: 'full-block', layers: 5 }],
    ['selective (core attention)', { kind: 'selective', modules: ['core_attn'] }],
    ['selective', { kind: 'selective', modules: ['core_attn'] }],
    ['selective:layernorm,moe_act', { kind: 'selective', modules: ['layernorm', 'moe_act'] }],
    ['selective:moe_act,layernorm', { kind: 'selective', modules: ['layernorm', 'moe_act'] }],
    ['selective:up_proj,mlp', { kind: 'selective', modules: ['mla_up_proj', 'mlp'] }],
    [
      'selective:moe,layernorm,core_attn,moe_act',
      { kind: 'selective', modules: ['core_attn', 'layernorm', 'moe', 'moe_act'] },
    ],
    ['rmsnorm + MLA up-projection', { kind: 'selective', modules: ['layernorm', 'mla_up_proj'] }],
    // Plain switches recompute whole layers.
    ['yes', { kind: 'full' }],
    ['gradient checkpointing', { kind: 'full' }],
    ['not used', { kind: 'none' }],
    ['0', { kind: 'none' }],
    ['block 10', { kind: 'full-block', layers: 10 }],
    ['10 layers', { kind: 'full-block', layers: 10 }],
    ['recompute attention + ffn', { kind: 'selective', modules: ['core_attn', 'mlp'] }],
    // Policies of JAX by what they save.
    ['SAVE_NOTHING', { kind: 'full' }],
    ['everything_saveable', { kind: 'none' }],
    ['minimal', { kind: 'selective', modules: ['core_attn', 'layernorm'] }],
    ['dots_with_no_batch_dims_saveable', { kind: 'selective', modules: ['core_attn', 'layernorm'] }],
    ['save_qkv_proj', { kind: 'selective', modules: ['core_attn', 'layernorm', 'mlp'] }],
    ['save_dot_with_context_except_mlp', { kind: 'selective', modules: ['layernorm', 'mlp'] }],
    [null, null],
    ['something else', null],
  ] as const)('%s', (printed, recompute) => {
    expect(recomputeOf(printed)).toEqual({
      recompute,
      operators: false,
      everyOther: false,
      activation: false,
    });
  });

  it('operator policies and every second layer of torchtitan are conditions of the run', () => {
    expect(recomputeOf('selective (torchtitan op SAC)').operators).toBe(true);
    expect(recomputeOf('selective op').operators).toBe(true);
    expect(recomputeOf('selective layer')).toEqual({
      recompute: { kind: 'full' },
      operators: false,
      everyOther: true,
      activation: false,
    });
  });

  it('an activation function is no module of its own', () => {
    expect(recomputeOf('norms and MLP activation function')).toEqual({
      recompute: { kind: 'selective', modules: ['layernorm'] },
      operators: false,
      everyOther: false,
      activation: true,
    });
    expect(recomputeOf('activation functions')).toMatchObject({
      recompute: { kind: 'none' },
      activation: true,
    });
    expect(recomputeOf('selective:mlp_act,layernorm')).toMatchObject({
      recompute: { kind: 'selective', modules: ['layernorm'] },
      activation: true,
    });
    expect(recomputeOf('selective: SwiGLU, moe')).toMatchObject({
      recompute: { kind: 'selective', modules: ['moe'] },
      activation: true,
    });
    expect(recomputeOf('selective activation checkpointing')).toMatchObject({
      recompute: { kind: 'selective', modules: ['core_attn'] },
      activation: false,
    });
    expect(recomputeOf('mlp').activation).toBe(false);
  });
});

describe('schedules', () => {
  it.each([
    [null, 1, '1f1b', 'last', true],
    ['1F1B', 1, '1f1b', 'last', true],
    ['interleaved-1f1b', 4, 'interleaved', 'last', true],
    ['1F1B-I', 2, 'interleaved', 'last', true],
    ['ZB-1p', 1, 'zb-h1', 'last', false],
    ['ZB-2p', 1, 'zb-h2', 'last', false],
    ['v-half+Vocab-1', 1, 'v-half', 'vocab-1', false],
    ['1f1b+Interlaced', 1, '1f1b', 'interlaced', false],
    ['DualPipe', 1, 'dualpipe-v', 'last', false],
    ['chimera', 1, '1f1b', 'last', false],
  ] as const)('%s', (printed, chunks, schedule, vocabulary, stock) => {
    expect(scheduleOf(printed, chunks)).toMatchObject({ schedule, vocabulary, stock });
  });
});

describe('dates', () => {
  it.each([
    ['NeMo 25.09', '2025-10', '2025-09'],
    ['v24.11.1', '2024-11', '2024-11'],
    ['NeMo 24.07 (earlier version of the page)', '2024-08', '2024-07'],
    [null, '2023-11', '2023-11'],
    [null, '2024', '2024-06'],
    [null, '2023-2024', '2024-06'],
    ['playbook', '2025-02', '2025-02'],
    [null, null, null],
    ['core_v0.12.1', 'soon', null],
  ])('%s, %s', (release, date, expected) => {
    expect(softwareDate(release, date)).toBe(expected);
  });
});
