/** Words that nobody means, in any order and number: read and judged, never thrown at. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { megatronFlags } from '../../src/runtimes/megatron/flags.ts';
import { readMegatron } from '../../src/runtimes/megatron/read.ts';
import type { ValidationOptions } from '../../src/runtimes/megatron/validate.ts';
import { validateArguments } from './validate-arguments.ts';

const options: ValidationOptions = {
  world: 16,
  environment: { CUDA_DEVICE_MAX_CONNECTIONS: '1' },
  architecture: 'hopper',
  version: '0.20',
};
/** A run of experts that is accepted. */
const valid =
  '--num-layers 32 --hidden-size 4096 --num-attention-heads 32 --seq-length 4096 --max-position-embeddings 4096 --micro-batch-size 1 --global-batch-size 64 --num-experts 8 --disable-bias-linear --moe-grouped-gemm';

describe('hostile words', () => {
  const word = fc.oneof(
    fc.constantFrom(...megatronFlags.keys()),
    fc.constantFrom(
      '0',
      '-1',
      '1e400',
      'NaN',
      '',
      '[',
      '([0]*9',
      '__proto__',
      'E|t*9999999999',
      '99999999999999999999',
      '4000000000',
      '2',
      '8',
      'flex',
      'full',
    ),
    fc.string(),
  );

  it('are read and judged without an exception', () => {
    fc.assert(
      fc.property(fc.array(word, { maxLength: 60 }), fc.integer({ min: 1, max: 64 }), (words, world) => {
        expect(() => validateArguments(words, { ...options, world })).not.toThrow();
        expect(() => readMegatron(words, { world, version: '0.20' })).not.toThrow();
      }),
      { numRuns: 1500, seed: 7 },
    );
    // On top of a valid run, so that the deeper rules are reached.
    fc.assert(
      fc.property(fc.array(word, { maxLength: 30 }), (words) => {
        expect(() => validateArguments([...valid.split(' '), ...words], options)).not.toThrow();
      }),
      { numRuns: 1500, seed: 8 },
    );
  });
});
