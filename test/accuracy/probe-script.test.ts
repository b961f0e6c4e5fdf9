import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { readProbe } from '../../src/ingest/probe.ts';
import { repositoryPath } from '../shared-data.ts';

/**
 * A `torch` of the few names that the script uses, whose every timed loop takes 1 ms a call: what is tested is what the
 * script asks of PyTorch by name and what it writes, not what a GPU does.
 */
const TORCH = `
import contextlib
bfloat16, float8_e4m3fn, __version__ = "bf16", "e4m3", "2.9.0"
class Tensor:
    def __init__(self, *shape): self.shape = shape
    def __matmul__(self, other): return self
    def t(self): return self
    def to(self, dtype): return self
    def copy_(self, other): return self
    def item(self): return 0.001
def _tensor(*shape, device=None, dtype=None, requires_grad=False): return Tensor(*shape)
randn = zeros = ones = tensor = _tensor
def randn_like(x): return x
empty_like = zeros_like = randn_like
def add(a, b, out=None): return out
def _scaled_mm(a, b, scale_a=None, scale_b=None, out_dtype=None): raise RuntimeError("no fp8 here")
@contextlib.contextmanager
def no_grad(): yield
class Properties: name = "NVIDIA A100-SXM4-80GB"; total_memory = 85_000_000_000
class Event:
    def __init__(self, enable_timing=False): assert enable_timing
    def record(self): pass
    def synchronize(self): pass
    def elapsed_time(self, end): return 60_000.0
class cuda:
    Event = Event
    is_available = staticmethod(lambda: True)
    set_device = staticmethod(lambda index: None)
    current_device = staticmethod(lambda: 0)
    synchronize = staticmethod(lambda: None)
    get_device_properties = staticmethod(lambda index: Properties)
class version: cuda = "12.8"
class autograd:
    grad = staticmethod(lambda out, inputs, grad, retain_graph=False: (out,))
from . import nn
`;

const NN = `
from . import attention
class functional:
    scaled_dot_product_attention = staticmethod(lambda q, k, v, is_causal=False: q)
`;

const ATTENTION = `
import contextlib
class SDPBackend: FLASH_ATTENTION = 1
@contextlib.contextmanager
def sdpa_kernel(backend): yield
`;

const script = repositoryPath('configs', 'calibration', 'probe.py');
const python = spawnSync('python3', ['--version']).status === 0;

describe('the probe script', () => {
  it('names its passes, formats and kernels as the schema does', () => {
    const text = readFileSync(script, 'utf8');
    for (const name of ['burst_s', 'sustained_s', 'planner-probe', 'flash2', 'reduce-scatter'])
      expect(text).toContain(name);
  });

  it.skipIf(!python)('compiles, runs and writes what the reader takes', () => {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'planner-probe-'));
    mkdirSync(path.join(folder, 'torch', 'nn'), { recursive: true });
    writeFileSync(path.join(folder, 'torch', '__init__.py'), TORCH);
    writeFileSync(path.join(folder, 'torch', 'nn', '__init__.py'), NN);
    writeFileSync(path.join(folder, 'torch', 'nn', 'attention.py'), ATTENTION);
    const output = path.join(folder, 'probe.json');
    execFileSync('python3', [script, '--quick', '-o', output], {
      env: { PATH: process.env['PATH'], PYTHONPATH: folder, PYTHONDONTWRITEBYTECODE: '1' },
      stdio: 'pipe',
    });
    const read = readProbe({ name: 'probe.json', text: readFileSync(output, 'utf8') });
    if (!read.ok) throw new Error(read.diagnostics[0]?.message);
    const { gemm, attention, memory, collectives, gpu } = read.value;
    // 7 shapes, three products each, in bf16; fp8 raised and is left out whole.
    expect(gemm.length).toBe(21);
    expect(new Set(gemm.map((row) => row.pass))).toEqual(new Set(['forward', 'dgrad', 'wgrad']));
    expect(gemm.every((row) => row.format === 'bf16' && row.sustained_s > 0)).toBe(true);
    expect(attention.map(({ kernel }) => kernel)).toEqual(['flash2', 'flash2', 'flash2', 'flash2']);
    expect(memory.map(({ bytes }) => bytes)).toEqual([2 ** 30, 3 * 2 ** 29]);
    expect(collectives).toEqual([]);
    expect(gpu).toMatchObject({ name: 'NVIDIA A100-SXM4-80GB', per_node: 1, nodes: 1 });
  });
});
