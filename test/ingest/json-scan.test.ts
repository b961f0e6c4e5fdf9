import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { locateJson, scanJson } from '../../src/ingest/json-scan.ts';

const sourceOf = (text: string) => ({ name: 'x.json', text });

describe('locateJson', () => {
  const text = '{ "a": [10, {"b c": "x\\"]"}, []], "d": {"e": null} }';
  it.each([
    [['a', 0], '10'],
    [['a', 1, 'b c'], '"x\\"]"'],
    [['a', 2], '['],
    [['d', 'e'], 'null'],
    [['d', 'none'], '{'],
    [['none'], '{'],
  ] as const)('finds %j', (path, want) => {
    const { start, end } = locateJson(sourceOf(text), path);
    expect(text.slice(start, end)).toBe(want);
  });

  it('finds every scalar of every document', () => {
    const scalars = (
      value: unknown,
      path: readonly (string | number)[],
    ): readonly (readonly [readonly (string | number)[], unknown])[] =>
      typeof value === 'object' && value !== null
        ? Object.entries(value).flatMap(([key, inner]) =>
            scalars(inner, [...path, Array.isArray(value) ? Number(key) : key]),
          )
        : [[path, value]];
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom(undefined, 2, '\t'), (value, indent) => {
        const written = JSON.stringify(value, null, indent);
        // What JSON says, not what was to be said: -0 is written as 0.
        for (const [path, scalar] of scalars(JSON.parse(written), [])) {
          const { start, end } = locateJson(sourceOf(written), path);
          expect(JSON.parse(written.slice(start, end))).toEqual(scalar);
        }
      }),
      { seed: 1 },
    );
  });
});

describe('scanJson', () => {
  it.each([
    ['{"a": 1, "b": {"a": 2}, "c": [{"a": 1}, {"a": 2}]}', []],
    ['{"a": 1, "\\u0061": 2}', ['json/duplicate-key']],
    [
      '{"__proto__": 1, "x": {"constructor": 2}, "y": ["prototype"]}',
      ['json/forbidden-key', 'json/forbidden-key'],
    ],
    [`${'['.repeat(64)}${']'.repeat(64)}`, []],
    [`${'['.repeat(65)}${']'.repeat(65)}`, ['json/too-complex']],
    [`"${'['.repeat(100)}"`, []],
  ] as const)('%.50s', (text, want) => {
    expect(scanJson(sourceOf(text)).map(({ id }) => id)).toEqual(want);
  });
});
