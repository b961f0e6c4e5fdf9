import { describe, expect, it } from 'vitest';
import { readMatrix } from '../../src/ingest/matrix.ts';

const read = (text: string) => {
  const result = readMatrix({ name: 'links.csv', text }, { nodes: 2, gpus: 16 });
  if (!result.ok) throw new Error('does not read');
  return {
    rate: result.value.bandwidth[0]?.[1],
    warnings: result.warnings.map(({ file, position, message }) => `${file}:${position.line}: ${message}`),
  };
};

describe('the unit of a matrix as CSV', () => {
  it('is that of the first cell', () => {
    expect(read('GB/s,a,b\na,,40\nb,41,\n')).toEqual({ rate: 40e9, warnings: [] });
  });

  it('may be that of each cell', () => {
    expect(read(',a,b\na,0,40 GB/s\nb,41 GB/s,0\n')).toEqual({ rate: 40e9, warnings: [] });
  });

  it.each([
    ['\n,a,b\na,,40\nb,41,\n', /^links\.csv:2: the first cell names no unit: .* bytes per second/u],
    ['host,a,b\na,,40\nb,41,\n', /^links\.csv:1: "host" is no unit of bandwidth: .* bytes per second/u],
  ])('is bytes per second, and said to be, where none is named: %j', (text, message) => {
    const { rate, warnings } = read(text);
    expect(rate).toBe(40);
    expect(warnings).toEqual([expect.stringMatching(message)]);
  });
});
