import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { layoutOf, parseLayout, partitionOfLayout } from '../../src/runtimes/megatron/layout.ts';
import { parsePattern, patternText } from '../../src/runtimes/megatron/patterns.ts';
import { uniformUneven } from '../../src/runtimes/megatron/partition.ts';
import { hierarchicalSizes } from '../../src/runtimes/megatron/context-sizes.ts';
import { parseArguments } from '../../src/runtimes/megatron/arguments.ts';
import { commentText, isHostName, shellQuote, splitWords } from '../../src/runtimes/shell.ts';
import { compareVersions, holdsIn } from '../../src/runtimes/version.ts';

describe('pipeline layouts', () => {
  // The example of Megatron's own documentation of the flag, and NVIDIA's layout of DeepSeek-V3 on 16 stages.
  it.each([
    ['Ettt|(tt|)*3,m|L', ['Ettt', 'tt', 'tt', 'tt', 'm', 'L']],
    ['Et*3|(tt|)*29m|L', ['Ettt', ...Array.from({ length: 29 }, () => 'tt'), 'm', 'L']],
    ['E||t|tL', ['E', '', 't', 'tL']],
    ['EtL', ['EtL']],
  ])('%s', (text, stages) => {
    expect(parseLayout(text)).toEqual(stages);
  });

  it.each(['Et*16|x*16L', 'E t L', 'Et*99999999999L', '(t)*100000(t)*100000'])('%s is refused', (text) => {
    expect(parseLayout(text)).toBeNull();
  });

  it('are laid virtual stage by virtual stage', () => {
    expect(partitionOfLayout(['Et', 'tt', 'ttt', 'L'], 2)).toEqual([
      [1, 3],
      [2, 0],
    ]);
    expect(partitionOfLayout(['E', 't', 'L'], 2)).toBeNull();
  });

  it.each([
    [[[8], [8], [8], [7]], 0, undefined, 'Et*8|(t*8|)*2t*7L'],
    [
      [
        [4, 4],
        [4, 4],
      ],
      0,
      undefined,
      'Et*4|(t*4|)*2t*4L',
    ],
    [[[0], [2], [1]], 1, undefined, 'E|tt|tmL'],
    [
      [
        [2, 1],
        [1, 2],
        [2, 0],
      ],
      1,
      1,
      'Ett|t|tt|t|ttm|L',
    ],
  ])('%j is written %s', (partition, mtpLayers, mtpStage, text) => {
    expect(layoutOf(partition, mtpLayers, mtpStage)).toBe(text);
  });

  it('read back what was written', () => {
    const partitions = fc
      .tuple(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 4 }))
      .chain(([pipeline, virtualStages]) =>
        fc.array(
          fc.array(fc.integer({ min: 0, max: 12 }), { minLength: virtualStages, maxLength: virtualStages }),
          {
            minLength: pipeline,
            maxLength: pipeline,
          },
        ),
      );
    fc.assert(
      fc.property(partitions, fc.integer({ min: 0, max: 2 }), (partition, mtp) => {
        const stages = parseLayout(layoutOf(partition, mtp));
        expect(stages).not.toBeNull();
        expect(partitionOfLayout(stages ?? [], partition.length)).toEqual(partition);
        const flat = stages?.join('') ?? '';
        expect(flat.startsWith('E') && flat.endsWith(`${'m'.repeat(mtp)}L`)).toBe(true);
      }),
      { seed: 1 },
    );
  });
});

describe('uneven ends', () => {
  it.each([
    [[[7], [8], [8], [9]], 1, { first: 7, last: 9 }],
    [[[15], [17]], 1, { first: 15, last: 17 }],
    [[[7], [8], [9], [8]], 1, null],
    [
      [
        [2, 2],
        [3, 3],
        [2, 2],
      ],
      2,
      { first: 4, last: 4 },
    ],
    [
      [
        [1, 3],
        [3, 3],
        [2, 2],
      ],
      2,
      null,
    ],
    [[[0], [4]], 1, null],
    [[[32]], 1, null],
  ])('%j', (partition, virtualStages, ends) => {
    expect(uniformUneven(partition, virtualStages)).toEqual(ends);
  });
});

describe('layer patterns', () => {
  it.each([
    ['0001', '([0]*3+[1]*1)'],
    ['11101110', '([1]*3+[0]*1)*2'],
    ['1010', '([1]*1+[0]*1)*2'],
    ['1111', '([1]*4)'],
    ['10101', '([1]*1+[0]*1+[1]*1+[0]*1+[1]*1)'],
  ])('%s is written %s', (bits, text) => {
    expect(patternText(Array.from(bits, (bit) => bit === '1'))).toBe(text);
  });

  it.each([
    ['([0]*3+[1]*2)', [0, 0, 0, 1, 1]],
    ['[0]+[1]*2', [0, 1, 1]],
    ['[0,1,1,0]', [0, 1, 1, 0]],
    ['([0, 1]*2)', [0, 1, 0, 1]],
    ['(([1]*2+[0])*2)', [1, 1, 0, 1, 1, 0]],
    ['[]', []],
  ])('%s', (text, bits) => {
    expect(parsePattern(text)).toEqual(bits.map((bit) => bit === 1));
  });

  it.each([
    '',
    '2',
    '[2]',
    '[0',
    '[0]*',
    '([0]',
    '[0]*99999999',
    '[]*99999999',
    '__import__("os")',
    '[0]*3)',
    '[0]-[1]',
    '('.repeat(50_000),
  ])('%.40s is no pattern', (text) => {
    expect(parsePattern(text)).toBeNull();
  });

  it('read back what was written', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { minLength: 1, maxLength: 80 }), (pattern) => {
        expect(parsePattern(patternText(pattern))).toEqual(pattern);
      }),
      { seed: 2 },
    );
  });
});

describe('levels of context ranks', () => {
  it.each([
    [1, null],
    [2, null],
    [4, [2, 2]],
    [6, [3, 2]],
    [7, null],
    [8, [4, 2]],
    [16, [8, 2]],
    [64, [8, 8]],
  ])('%i', (context, sizes) => {
    expect(hierarchicalSizes(context)).toEqual(sizes);
  });
});

describe('shell words', () => {
  it.each([
    ['plain-Word_1.2/3:4=5,6', "'plain-Word_1.2/3:4=5,6'"],
    ['--flag', '--flag'],
    ['', "''"],
    ["it's", "'it'\\''s'"],
    ['$(id) `id` "x"', '\'$(id) `id` "x"\''],
    ['Et*3|(tt|)*2L', "'Et*3|(tt|)*2L'"],
  ])('%j', (value, quoted) => {
    expect(shellQuote(value)).toBe(quoted);
  });

  it.each(['a\nb', 'a\0b', 'a\rb'])('%j is refused', (value) => {
    expect(() => shellQuote(value)).toThrow(RangeError);
  });

  it('come back from quoting', () => {
    const oneLine = fc.string({ unit: 'binary' }).filter((text) => !/[\0\n\r]/u.test(text));
    fc.assert(
      fc.property(fc.array(oneLine, { maxLength: 6 }), (words) => {
        expect(splitWords(words.map(shellQuote).join(' '))).toEqual(words);
      }),
      { seed: 3 },
    );
  });

  it.each([
    ['a  b\tc', ['a', 'b', 'c']],
    ['"a b" \'c\'d # comment', ['a b', 'cd']],
    ['a#b \\ c', ['a#b', ' c']],
    ['"a\\"b"', ['a"b']],
    ['', []],
    ["'open", null],
  ])('split %j', (line, words) => {
    expect(splitWords(line)).toEqual(words);
  });

  it('keep comments on one line', () => {
    expect(commentText(' a\n#!b\u2028c\u202ed\0 ')).toBe('a #!b c d');
  });

  it.each([
    ['gpu001', true],
    ['gpu001.cluster.example', true],
    ['10.0.0.1', true],
    ['-x', false],
    ['a b', false],
    ['a,b', false],
    ['', false],
    ['a\n', false],
    ['$(id)', false],
  ])('%j as a host: %s', (name, good) => {
    expect(isHostName(name)).toBe(good);
  });
});

describe('versions', () => {
  it.each([
    ['0.20', '0.9', 1],
    ['0.12', '0.12.0', 0],
    ['0.12.1', '0.13', -1],
  ])('%s and %s', (left, right, sign) => {
    expect(Math.sign(compareVersions(left, right))).toBe(sign);
  });

  it('hold from one inclusive to one exclusive', () => {
    expect(holdsIn('0.13', '0.13', '0.14')).toBe(true);
    expect(holdsIn('0.14', '0.13', '0.14')).toBe(false);
    expect(holdsIn('0.12', '0.13', null)).toBe(false);
    expect(holdsIn('9', null, null)).toBe(true);
  });
});

describe('arguments', () => {
  it('take values by the arity of their flag', () => {
    const { values, problems } = parseArguments([
      '--tensor-model-parallel-size',
      '8',
      '--recompute-modules',
      'moe',
      'mlp',
      '--sequence-parallel',
      '--lr=1e-4',
      '--lr',
      '-3.5',
      '--bf16',
    ]);
    expect(problems).toEqual([]);
    expect([...values]).toEqual([
      ['--tensor-model-parallel-size', ['8']],
      ['--recompute-modules', ['moe', 'mlp']],
      ['--sequence-parallel', []],
      ['--lr', ['-3.5']],
      ['--bf16', []],
    ]);
  });

  it.each([
    [['--tensor-model-parallel', '2'], 'unknown-flag', '--tensor-model-parallel'],
    [['--num-layers'], 'missing-value', '--num-layers'],
    [['--num-layers', 'many'], 'bad-value', '--num-layers'],
    [['--num-layers', '1.5'], 'bad-value', '--num-layers'],
    [['--bf16', 'true'], 'stray-value', 'true'],
    [['--bf16=true'], 'bad-value', '--bf16'],
    [['--normalization', 'BatchNorm'], 'bad-value', '--normalization'],
    [['32'], 'stray-value', '32'],
    [['--lr', 'fast'], 'bad-value', '--lr'],
    [['--recompute-modules', '--bf16'], 'missing-value', '--recompute-modules'],
  ])('%j: %s', (words, kind, flag) => {
    expect(parseArguments(words).problems).toMatchObject([{ kind, flag }]);
  });
});
