/** Bounds held against runs that their factor was not read from; ratios by hand. */
import { describe, expect, it } from 'vitest';
import { validateBounds } from '../../src/accuracy/bound-validation.ts';
import type { Comparison } from '../../src/accuracy/compare.ts';

/** Expected 100 and bound 110 bytes, measured as given. */
const run = (source: string, model: string, measured: number, memory = true): Comparison => ({
  id: 'run',
  source,
  skipped: null,
  measured: { iterationTimeS: null, peakMemoryBytes: measured, oom: false },
  predicted: { iterationTimeS: null, peakMemoryBytes: 100, peakMemoryBoundBytes: 110, feasible: true },
  traits: {
    accelerator: 'gpu',
    runtime: 'nanotron',
    arch: 'dense',
    sweep: JSON.stringify([source, model]),
    memoryKind: 'reserved',
    schedule: '1f1b',
  },
  scores: { timing: false, ordering: false, memory, oom: false, ran: true },
  suspect: false,
  apart: null,
  assumptions: [],
});

const runs = (source: string, model: string, measured: readonly number[]): readonly Comparison[] =>
  measured.map((each) => run(source, model, each));

describe('validation of bounds', () => {
  const a = runs('a', '1B', [90, 95, 100, 105, 107]);
  const b = runs('b', '1B', [80, 90, 106, 108, 112]);

  it('leaves each source of a stack out and holds the factor of the rest against it', () => {
    expect(validateBounds([...a, ...b])).toEqual([
      {
        stack: 'nanotron',
        leftOut: 'a',
        runs: 5,
        rest: 5,
        factor: 1.12,
        above: 0,
        aboveShipped: 0,
        shipped: expect.closeTo(1.1, 12) as number,
      },
      {
        stack: 'nanotron',
        leftOut: 'b',
        runs: 5,
        rest: 5,
        factor: 1.07,
        above: 2 / 5,
        aboveShipped: 1 / 5,
        shipped: expect.closeTo(1.1, 12) as number,
      },
    ]);
  });

  it('leaves each model out of a stack of one source', () => {
    const other = runs('a', '8B', [70, 70, 70, 70, 70]);
    expect(validateBounds([...a, ...other]).map(({ leftOut, factor }) => [leftOut, factor])).toEqual([
      ['1B', 0.7],
      ['8B', 1.07],
    ]);
  });

  it('needs five runs on either side, and figures', () => {
    expect(validateBounds([...a, ...b.slice(1)]).map(({ leftOut }) => leftOut)).toEqual([]);
    expect(validateBounds([...a, ...b.map((row) => ({ ...row, suspect: true }))])).toEqual([]);
    expect(validateBounds([...a, run('b', '1B', 1, false)])).toEqual([]);
  });
});
