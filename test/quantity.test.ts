import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatQuantity, parseQuantity } from '../src/quantity.ts';
import type { Dimension } from '../src/quantity.ts';

/** Values by the definition of the unit: SI powers of 1000, IEC powers of 1024, eight bits a byte. */
const cases: readonly [string | number, Dimension, number][] = [
  [5, 'time', 5],
  ['5 us', 'time', 5e-6],
  ['5us', 'time', 5e-6],
  ['1.9 \u00b5s', 'time', 1.9e-6],
  ['2 ms', 'time', 2e-3],
  ['1 min', 'time', 60],
  ['80 GiB', 'size', 85_899_345_920],
  ['80 GB', 'size', 80e9],
  ['1 TiB', 'size', 1_099_511_627_776],
  ['8 Gb', 'size', 1e9],
  ['400 Gb/s', 'bandwidth', 50e9],
  ['400Gbps', 'bandwidth', 50e9],
  ['400 Gbit/s', 'bandwidth', 50e9],
  ['50 GB/s', 'bandwidth', 50e9],
  ['3.35 TB/s', 'bandwidth', 3.35e12],
  ['1 GiB/s', 'bandwidth', 1_073_741_824],
  ['989 TFLOP/s', 'compute', 989e12],
  ['989 TFLOPS', 'compute', 989e12],
  ['1.5e3 GFLOP/s', 'compute', 1.5e12],
  ['15e12', 'compute', 15e12],
  ['.5 s', 'time', 0.5],
];

describe('parseQuantity', () => {
  it.each(cases)('reads %j as %s', (input, dimension, want) => {
    const result = parseQuantity(input, dimension);
    expect(result.ok).toBe(true);
    if (result.ok) expect(result.value).toBe(want);
  });

  it.each([
    ['400 Gb/s', 'size', 'is a unit of bandwidth'],
    ['80 GiB', 'time', 'is a unit of size'],
    ['5 parsecs', 'time', 'is not a unit of time'],
    ['fast', 'bandwidth', 'does not begin with a number'],
    ['', 'size', 'does not begin with a number'],
    ['1e400 s', 'time', 'too large'],
    ['1e308 TB/s', 'bandwidth', 'too large'],
    [Number.NaN, 'time', 'not a finite number'],
    [Number.POSITIVE_INFINITY, 'size', 'not a finite number'],
    ['1..2 s', 'time', 'is not a unit'],
    ['0x10 B', 'size', 'is not a unit'],
    ['5 MS', 'time', 'is not a unit'],
    [`${'9'.repeat(100_000)} B`, 'size', 'too long'],
    ['-'.repeat(100_000), 'size', 'too long'],
  ] as const)('refuses %j as %s', (input, dimension, message) => {
    const result = parseQuantity(input, dimension);
    expect(result.ok).toBe(false);
    if (!result.ok) expect(result.message).toContain(message);
  });

  it('never throws, and yields finite numbers only', () => {
    // Texts alone are hardly ever quantities: half of them are numbers beside a unit, right or wrong.
    const numbers = fc
      .tuple(
        fc.double({ noNaN: true }).map(String),
        fc.constantFrom('', ' ', 'e300'),
        fc.constantFrom('', 's', 'us', 'GB', 'GiB', 'Gb/s', 'TFLOP/s', 'furlongs'),
      )
      .map((parts) => parts.join(''));
    let read = 0;
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), numbers),
        fc.constantFrom<Dimension>('time', 'size', 'bandwidth', 'compute'),
        (text, dimension) => {
          const result = parseQuantity(text, dimension);
          if (result.ok) read += 1;
          expect(Number.isFinite(result.ok ? result.value : 0), text).toBe(true);
        },
      ),
      { seed: 1, numRuns: 1000 },
    );
    expect(read).toBeGreaterThan(50);
  });
});

describe('formatQuantity', () => {
  it.each([
    [0, 'time', '0 s'],
    [1.9e-6, 'time', '1.9 us'],
    [0.25, 'time', '250 ms'],
    [85_899_345_920, 'size', '80 GiB'],
    [512, 'size', '512 B'],
    [50e9, 'bandwidth', '50 GB/s'],
    [989.4e12, 'compute', '989.4 TFLOP/s'],
  ] as const)('prints %s %s as %s', (value, dimension, want) => {
    expect(formatQuantity(value, dimension)).toBe(want);
  });

  it('is read back to four digits', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 1e-8, max: 1e17, noNaN: true }),
        fc.constantFrom<Dimension>('time', 'size', 'bandwidth', 'compute'),
        (value, dimension) => {
          const result = parseQuantity(formatQuantity(value, dimension), dimension);
          expect(result.ok ? Math.abs(result.value / value - 1) : result.message).toBeLessThan(1e-3);
        },
      ),
      { seed: 2 },
    );
  });
});
