/** The bound of software that nobody measured: part by part the most that known stacks hold. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createMemoryModel } from '../../src/cost/memory.ts';
import type { RunConditions, SoftwareProfile } from '../../src/plan/conditions.ts';
import type { StageMemory } from '../../src/plan/plan.ts';
import { MEASURED_STACKS } from '../../src/runtimes/memory-behaviour.ts';
import type { Strategy } from '../../src/strategy/strategy.ts';
import { GIB } from '../../src/units.ts';
import { evenly, llama8b, problem, strategy } from './memory-fixtures.ts';

const stageOf = (conditions: RunConditions, keys: Partial<Strategy> = {}, memoryGib = 1000): StageMemory => {
  const plan = strategy(keys);
  const given = problem({ model: llama8b, sequence: 2048, memoryGib, conditions });
  return createMemoryModel(given).stage(plan, evenly(32, plan), 0);
};

const stranger = (
  boundedBy: readonly SoftwareProfile[],
  keys: Partial<Strategy> = {},
  profile: SoftwareProfile = 'torchtitan',
): StageMemory => stageOf({ profile, boundedBy }, keys);

describe('memory of unknown software', () => {
  // Llama-3 8B, 2048 tokens, one GPU: 8,030,261,248 parameters. DeepSpeed's FP16_Optimizer holds 2 + 2.4 + 17.6 bytes of
  // each; torchtitan keeps 8h + 2(q+2kv) + 2q + 4a + 8f = 168,064 bytes a token and layer and 14 a logit.
  it('joins the states of one stack to the layers and the loss of another', () => {
    const parts = 22 * 8_030_261_248 + 2048 * (32 * 168_064 + 4 * 4096) + 14 * 2048 * 128_256 + 100e6;
    const { bound, total } = stranger(['megatron-deepspeed', 'torchtitan']);
    expect(bound / (1.06 * parts + 2.5 * GIB)).toBeCloseTo(1, 6);
    expect(total).toBe(stageOf({ profile: 'torchtitan' }).total);
  });

  it('has a margin of its own where stages hold work in flight', () => {
    const keys = { pipeline: 2 };
    const own = stageOf({ profile: 'torchtitan' }, keys);
    expect((stranger(['torchtitan'], keys).bound - 2.5 * GIB) / own.total).toBeCloseTo(1.18, 6);
  });

  // 0.88 · 4 bytes a token, hidden element and layer, whatever the stack.
  it('counts blocks that wait for a communication stream', () => {
    const keys = { tensor: 2, sequenceParallel: true };
    const own = stageOf({ profile: 'torchtitan' }, keys);
    const waiting = 0.88 * 4 * 2048 * 4096 * 32;
    expect((stranger(['torchtitan'], keys).bound - 2.5 * GIB) / (1.06 * (own.total + waiting))).toBeCloseTo(
      1,
      6,
    );
  });

  it('is never below that of its nearest relative, and no lower for one more stack (seed 3)', () => {
    fc.assert(
      fc.property(
        fc.constantFrom<SoftwareProfile>('generic', 'megatron-core', 'megatron-deepspeed', 'pytorch-fsdp'),
        fc.constantFrom(1, 2, 4, 8),
        fc.constantFrom(1, 2, 4),
        fc.constantFrom(1, 2, 8),
        fc.constantFrom(1, 2, 4),
        fc.constantFrom<Strategy['sharding']>('none', 'optimizer', 'parameters'),
        fc.subarray([...MEASURED_STACKS]),
        (profile, tensor, pipeline, data, microBatchSize, sharding, stacks) => {
          const keys: Partial<Strategy> = { tensor, pipeline, data, microBatchSize, sharding };
          const own = stageOf({ profile }, keys).bound;
          const some = stranger(stacks, keys, profile).bound;
          expect(some).toBeGreaterThanOrEqual(own);
          expect(stranger(MEASURED_STACKS, keys, profile).bound).toBeGreaterThanOrEqual(some);
        },
      ),
      { seed: 3, numRuns: 60 },
    );
  });
});
