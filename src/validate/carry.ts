import type { Model } from '../model/model.ts';
import { FP32_ADAM } from '../plan/plain.ts';
import type { RuntimeReference } from '../plan/problem.ts';
import { completeStrategy } from '../runtimes/complete.ts';
import { rulesFor, runtimeOf } from '../runtimes/registry.ts';
import { strategyToJson } from '../strategy/format.ts';
import { keyOfField } from '../strategy/keys.ts';
import type { Strategy } from '../strategy/strategy.ts';

export interface Carried {
  readonly strategy: Strategy;
  readonly runtime: RuntimeReference;
  /** What the target cannot say, one sentence each. */
  readonly lost: readonly string[];
}

/** Keys that decide on which ranks what runs; the others are flags, for which a target's own default may stand in. */
const sizes = new Set<keyof Strategy>([
  'tensor',
  'pipeline',
  'context',
  'data',
  'expert',
  'expertTensor',
  'virtualStages',
  'microBatchSize',
]);

/**
 * A strategy for another runtime: sizes as they are, flags that the target does not have (its rules about a single flag
 * refuse them) at the target's own default, each with a sentence that says so.
 */
export const carriedOver = (
  strategy: Strategy,
  unknown: ReadonlySet<keyof Strategy>,
  { name, version }: RuntimeReference,
  model: Model,
  gpus: number,
): Carried => {
  const runtime = runtimeOf(name);
  const lost: string[] = [];
  const given = Object.fromEntries(
    Object.entries(strategy).filter(([key]) => !unknown.has(key as keyof Strategy)),
  );
  const { flags } = runtime.defaults(version);
  const single = rulesFor(name, version).filter(
    ({ reads, severity }) =>
      severity === 'error' && reads.length > 0 && reads.every((key) => !sizes.has(key)),
  );
  let current: Strategy = completeStrategy(given, { gpus, runtime, version, model });
  for (const key of Object.keys(flags) as (keyof typeof flags)[]) {
    const candidate: Strategy = { ...current, [key]: flags[key] };
    const broken = single.filter(({ reads, check }) => {
      if (!reads.includes(key)) return false;
      const context = {
        world: gpus,
        perNode: 8,
        architecture: 'hopper',
        model,
        training: trainingStub,
        partition: null,
      } as const;
      return !check({ ...context, strategy: current }).ok && check({ ...context, strategy: candidate }).ok;
    });
    if (broken.length === 0) continue;
    const [from, to] = [strategyToJson(current), strategyToJson(candidate)];
    const word = keyOfField(key);
    lost.push(
      `${word}=${String(from[word])} cannot be carried over: ${name} gets ${word}=${String(to[word])} (${broken.map(({ id }) => id).join(', ')})`,
    );
    current = candidate;
  }
  return { strategy: current, runtime: { name, version }, lost };
};

/** Rules about a single flag ask nothing of training but that it is there. */
const trainingStub = {
  runtime: { name: 'megatron', version: '' },
  sequenceLength: 4096,
  globalBatchSize: 1,
  precision: 'bf16',
  attentionKernel: 'flash2',
  optimizer: FP32_ADAM,
  routing: { kind: 'balanced' },
  tokens: null,
} as const;
