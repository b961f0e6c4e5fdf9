import { describe, expect, it } from 'vitest';
import { parseEmit } from '../../src/cli/emit-plan.ts';
import { CommandFailure } from '../../src/cli/fail.ts';
import { emitTargets } from '../../src/runtimes/emit.ts';

describe('--emit TARGET', () => {
  it.each(emitTargets)('takes %s alone', (target) => {
    expect(parseEmit(target)).toEqual({ target, release: null });
  });

  it('takes a release', () => {
    expect(parseEmit('torchtitan@2025')).toEqual({ target: 'torchtitan', release: '2025' });
    expect(parseEmit('megatron@0.15')).toEqual({ target: 'megatron', release: '0.15' });
  });

  it.each(['', 'Megatron', 'megatron@', 'megatron@9', 'torchtitan@2025@2026', 'accelerate@1', '@2025'])(
    'refuses %j as wrong use',
    (text) => {
      let failure: unknown;
      try {
        parseEmit(text);
      } catch (error) {
        failure = error;
      }
      expect(failure).toBeInstanceOf(CommandFailure);
      expect((failure as CommandFailure).exitCode).toBe(2);
    },
  );
});
