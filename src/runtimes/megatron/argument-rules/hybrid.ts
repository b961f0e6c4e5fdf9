import { has, integerOf, textOf } from '../arguments.ts';
import { hybridPattern } from '../read-model.ts';
import { bad, fine } from './rule.ts';
import type { ArgumentRule } from './rule.ts';

const source = 'megatron/training/arguments.py:787-862';

/** What lays layers over stages elsewhere, and what the marks of a pattern replace. */
const replaced = [
  '--num-layers-per-virtual-pipeline-stage',
  '--num-virtual-stages-per-pipeline-rank',
  '--pipeline-model-parallel-layout',
  '--account-for-embedding-in-pipeline-split',
  '--account-for-loss-in-pipeline-split',
];
const ends = ['--decoder-first-pipeline-num-layers', '--decoder-last-pipeline-num-layers'];
const current = '--hybrid-layer-pattern';
const older = '--hybrid-override-pattern';

/** Patterns of hybrid models: letters are layers, `|` ends a stage, `/` begins multi-token prediction. */
export const hybridArgumentRules: readonly ArgumentRule[] = [
  {
    id: 'hybrid-pattern-once',
    stage: 'startup',
    why: 'the older flag is another name of the pattern',
    source,
    check: ({ given }) =>
      has(given, current) && has(given, older)
        ? bad([current, older], `${current} with ${older}`, 'both', current)
        : fine,
  },
  {
    id: 'hybrid-pattern-stages',
    stage: 'startup',
    why: 'a pattern of layers says itself where stages end',
    source,
    since: '0.17',
    check: ({ given, strategy: { pipeline } }) => {
      const text = textOf(given, current) ?? textOf(given, older);
      if (text === null) return fine;
      const flag = has(given, current) ? current : older;
      const main = text.split('/')[0] ?? '';
      const marks = main.includes('|');
      const used = [...replaced, ...(marks ? ends : [])].filter((name) => has(given, name));
      if (used.length > 0)
        return bad(
          [flag, ...used],
          `${used.join(', ')} beside a pattern of layers`,
          used.join(' '),
          '| in the pattern',
        );
      const segments = main.split('|').length;
      return segments === 1 || segments % pipeline === 0
        ? fine
        : bad(
            [flag, '--pipeline-model-parallel-size'],
            `${segments} segments of the pattern on ${pipeline} stages`,
            segments,
            `a multiple of ${pipeline}`,
          );
    },
  },
  {
    id: 'hybrid-pattern-layers',
    stage: 'startup',
    why: 'the pattern counts the layers; until 0.18 a count beside it was refused or had to agree, since then it is ignored',
    source,
    until: '0.18',
    check: ({ given }) => {
      const layers = integerOf(given, '--num-layers');
      const pattern = hybridPattern(given);
      return layers === null || pattern === null || pattern.length === layers
        ? fine
        : bad(
            ['--num-layers', has(given, current) ? current : older],
            `${layers} layers beside a pattern of ${pattern.length}`,
            layers,
            String(pattern.length),
          );
    },
  },
];
