import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { PresetFile } from '../../src/ingest/preset-file.ts';
import {
  isPreset,
  presetNames,
  presetSource,
  readAccelerator,
  readIntraNodeLink,
  readNic,
} from '../../src/ingest/presets.ts';
import type { PresetKind } from '../../src/ingest/presets.ts';
import { GIB } from '../../src/units.ts';

const promised: Readonly<Record<PresetKind, string>> = {
  accelerator: `v100-sxm-16gb v100-sxm-32gb t4-16gb a100-sxm-40gb a100-sxm-80gb a800-sxm-80gb h100-sxm-80gb
    h100-pcie-80gb gh200-96gb h200-sxm-141gb h800-sxm-80gb h20-sxm-96gb b200-sxm-180gb b300-sxm-288gb gb200-186gb
    gb300-288gb l40s-48gb rtx-4090-24gb mi250x-64gb mi300x-192gb mi355x-288gb`,
  'intra-node': 'nvlink2 nvlink3 nvlink4 nvlink5 pcie4 pcie5 infinity-fabric',
  nic: 'edr-100 hdr-200 ndr-400 xdr-800 roce-100 roce-200 roce-400 efa-100 ethernet-25 ethernet-100',
};
const kinds = Object.keys(promised) as PresetKind[];

describe('presets', () => {
  it.each(kinds)('ship every promised %s', (kind) => {
    expect(presetNames(kind)).toEqual(expect.arrayContaining(promised[kind].split(/\s+/)));
  });

  it.each(kinds)('name the source of every %s', (kind) => {
    for (const name of presetNames(kind)) expect(presetSource(kind, name).length, name).toBeGreaterThan(20);
  });

  it.each(presetNames('accelerator'))('%s is physically plausible and fits its name', (name) => {
    const { accelerator, perNode, nics, intraNode, domain } = readAccelerator(name);
    const gigabytes = Number(/(\d+)gb$/.exec(name)?.[1]);
    // Marketing GB is between the decimal and the binary unit; the driver keeps up to 8 % of it.
    expect(accelerator.memory / GIB).toBeLessThanOrEqual(gigabytes);
    expect(accelerator.memory / GIB).toBeGreaterThan(gigabytes * 0.91);
    const peak = accelerator.peak.bf16 ?? accelerator.peak.fp16 ?? 0;
    // Data sheets of tensor-core accelerators give between 30 (H20) and 700 FLOPs per byte of memory traffic.
    expect(peak / accelerator.memoryBandwidth).toBeGreaterThan(30);
    expect(peak / accelerator.memoryBandwidth).toBeLessThan(700);
    expect(peak).toBeGreaterThan(accelerator.peak.fp32 ?? 0);
    if (accelerator.peak.fp8 !== undefined) expect(accelerator.peak.fp8 / peak).toBeCloseTo(2, 1);
    expect(perNode * intraNode.bandwidth).toBeGreaterThan(nics.count * nics.bandwidth);
    if (domain !== null) expect(domain % perNode).toBe(0);
  });

  it('carry the data-sheet figures', () => {
    // NVIDIA H100 white paper, table 2: 989.4 TFLOP/s dense bf16, 3,352 GB/s, 132 SMs; NVLink 900 GB/s both ways.
    const h100 = readAccelerator('h100-sxm-80gb');
    expect(h100.accelerator.peak.bf16).toBe(989.4e12);
    expect(h100.accelerator.memoryBandwidth).toBe(3.35e12);
    expect(h100.accelerator.multiprocessors).toBe(132);
    expect(h100.intraNode).toMatchObject({ name: 'nvlink4', kind: 'switch', bandwidth: 450e9 });
    expect(h100.nics).toMatchObject({ name: 'ndr-400', count: 8, bandwidth: 50e9, kind: 'infiniband' });
    expect(h100.perNode).toBe(8);
    expect(h100.domain).toBeNull();
    // H800 and A800: the same chips with NVLink at 400 GB/s both ways.
    expect(readAccelerator('h800-sxm-80gb').intraNode.bandwidth).toBe(200e9);
    expect(readAccelerator('h800-sxm-80gb').accelerator.peak).toEqual(h100.accelerator.peak);
    expect(readAccelerator('a800-sxm-80gb').intraNode.bandwidth).toBe(200e9);
    expect(readAccelerator('h20-sxm-96gb').accelerator.peak.bf16).toBe(148e12);
    // GB200 NVL72: four GPUs in a tray, 72 in the rack's NVLink domain.
    const gb200 = readAccelerator('gb200-186gb');
    expect([gb200.perNode, gb200.domain, gb200.accelerator.peak.bf16]).toEqual([4, 72, 2500e12]);
    // MI250X: one of two dies of 383 TFLOP/s and 128 GB.
    const mi250x = readAccelerator('mi250x-64gb');
    expect(mi250x.accelerator.peak.bf16).toBe(191.5e12);
    expect(mi250x.accelerator.memory / GIB).toBeLessThan(64.01);
    // MI350X: 2.2 of the MI355X's 2.4 GHz. RTX Blackwell white paper: 209.5 TFLOP/s with FP32 accumulation. V100 PCIe: 112.
    expect(readAccelerator('mi350x-288gb').accelerator.peak.bf16).toBeCloseTo((2516.6e12 * 2.2) / 2.4, -11);
    expect(readAccelerator('rtx-5090-32gb').accelerator.peak.bf16).toBe(209.5e12);
    expect(readAccelerator('v100-pcie-32gb').accelerator.peak.fp16).toBe(112e12);
    expect(readAccelerator('v100-sxm-32gb').accelerator.peak.bf16).toBeUndefined();
    expect(readNic('xdr-800').bandwidth).toBe(100e9);
    expect(readNic('ethernet-25')).toMatchObject({ kind: 'ethernet', bandwidth: 3.125e9 });
    expect(readIntraNodeLink('nvlink5').bandwidth).toBe(900e9);
  });

  it('are read once and keep links of the two scopes apart', () => {
    expect(readAccelerator('t4-16gb')).toBe(readAccelerator('t4-16gb'));
    expect(isPreset('nic', 'nvlink4')).toBe(false);
    expect(isPreset('intra-node', 'nvlink4')).toBe(true);
    expect(() => readNic('nvlink4')).toThrow(/scope: expected one of nic/);
    expect(() => readAccelerator('h100')).toThrow(/no preset named h100/);
    expect(() => readAccelerator('../links/nvlink4')).toThrow(/no preset named/);
  });

  it('are found from any working directory', () => {
    const url = new URL('../../src/ingest/presets.ts', import.meta.url).href;
    const code = `const p = await import('${url}'); console.log(p.presetNames('accelerator').length)`;
    const tsx = new URL('../../node_modules/tsx/dist/loader.mjs', import.meta.url).href;
    const out = execFileSync(process.execPath, ['--import', tsx, '--input-type=module', '-e', code], {
      cwd: '/',
    });
    expect(Number(out.toString())).toBe(presetNames('accelerator').length);
  });

  it.each([
    ['a list', [], 'not a map'],
    ['an unknown key', { n: 1, a: '1 GB/s', x: 2 }, 'unknown key x'],
    ['a negative quantity', { n: 1, a: '-1 GB/s' }, 'a: expected bytes per second'],
    ['a quantity without unit', { n: 1, a: 1 }, 'found 1'],
    ['a unit of something else', { n: 1, a: '1 GiB' }, 'found "1 GiB"'],
    ['a fraction for a count', { n: 1.5, a: '1 GB/s' }, 'n: expected a whole number'],
    ['a count of nothing', { n: 0, a: '1 GB/s' }, 'n: expected a whole number above zero'],
    ['a missing key', { n: 1 }, 'a: expected'],
  ])('refuse %s', (_name, value, message) => {
    expect(() => {
      const file = new PresetFile('x.yaml', value);
      file.closed(['a', 'n']);
      file.count('n');
      file.quantity('a', 'bandwidth');
    }).toThrow(message);
  });
});
