import { describe, expect, it } from 'vitest';
import { expandHosts, isHostName } from '../../src/spec/host-list.ts';

describe('expandHosts', () => {
  // As `scontrol show hostnames` expands them.
  it.each([
    ['gpu[001-003]', ['gpu001', 'gpu002', 'gpu003']],
    ['gpu[9-11]', ['gpu9', 'gpu10', 'gpu11']],
    ['a[1,3-4],b', ['a1', 'a3', 'a4', 'b']],
    ['r[1-2]n[01-02]', ['r1n01', 'r1n02', 'r2n01', 'r2n02']],
    ['x[07]-ib', ['x07-ib']],
    ['one', ['one']],
  ])('%s', (text, want) => {
    expect(expandHosts(text, 100)).toEqual({ ok: true, hosts: want });
  });

  it.each([
    ['a[1-2', 'brackets'],
    ['a]1[', 'brackets'],
    ['a[[1-2]]', 'brackets'],
    ['a[2-1]', 'range'],
    ['a[x-y]', 'range'],
    ['a[]', 'range'],
    ['a[0-999999999]', 'too many'],
    ['a[1-60],b[1-60]', 'more than 100'],
    ['a[1-60][1-60]', 'more than 100'],
    ['[0-9]'.repeat(10_000), 'more than 100'],
  ])('refuses %.30s', (text, words) => {
    const result = expandHosts(text, 100);
    expect(result.ok).toBe(false);
    if (!result.ok) expect(result.message).toContain(words);
  });
});

describe('isHostName', () => {
  it('accepts what clusters use, and nothing that a shell would notice', () => {
    for (const name of ['gpu001', 'node-1.cluster.local', 'gpu_a']) expect(isHostName(name)).toBe(true);
    for (const name of ['', '-a', 'a b', 'a;b', '$(id)', 'a\n', 'a/b', 'a'.repeat(300)])
      expect(isHostName(name)).toBe(false);
  });
});
