/** A layout from one runtime to another: what changes is listed, what cannot run is refused, what is written reads back. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Cluster } from '../../src/cluster/cluster.ts';
import { defaultCalibration } from '../../src/ingest/calibration.ts';
import { readModelPreset } from '../../src/ingest/model-presets.ts';
import type { Problem } from '../../src/plan/problem.ts';
import { emit, emitTargets } from '../../src/runtimes/emit.ts';
import type { EmitTarget } from '../../src/runtimes/emit-types.ts';
import { keyOfField } from '../../src/strategy/keys.ts';
import type { Strategy } from '../../src/strategy/strategy.ts';
import { carryPlan } from '../../src/validate/carry-plan.ts';
import type { CarriedPlan } from '../../src/validate/carry-plan.ts';
import { parseTarget } from '../../src/validate/target.ts';
import { knownStrategy, validateSource } from '../../src/validate/validate-file.ts';
import type { JudgedSubject } from '../../src/validate/validate-file.ts';
import { differences, readBack, writers } from '../runtimes/emission.ts';
import { dataPath, hasData } from '../shared-data.ts';
import { clusterOf, problemOf, trainingOf } from '../strategies.ts';

const calibration = defaultCalibration();

const judgedOf = (name: string, text: string, gpus: number | null, target?: string): JudgedSubject | null =>
  validateSource(
    { name, text },
    {
      environment: new Map(),
      gpus,
      clusterGpus: null,
      perNode: null,
      target: target === undefined ? null : parseTarget(target),
      architecture: null,
    },
    [],
  ).subjects[0] ?? null;

/** H100s, as many as a world has. */
const clusterFor = (world: number): Cluster => {
  const perNode = world % 8 === 0 ? 8 : world <= 8 ? world : 1;
  const cluster = clusterOf('h100-sxm-80gb', world / perNode);
  return { ...cluster, groups: cluster.groups.map((group) => ({ ...group, perNode })) };
};

const specFor = (judged: JudgedSubject): Problem => {
  const { model, world, training } = judged.decision.first;
  return problemOf(
    model ?? readModelPreset('llama3-8b').model,
    clusterFor(world),
    trainingOf({ globalBatchSize: training?.globalBatchSize === 0 ? world : 512 }),
  );
};

/** Keys of the plan that are not the file's, and that no sentence names. */
const silent = (judged: JudgedSubject, carried: CarriedPlan): readonly string[] => {
  const known = knownStrategy(judged);
  if (carried.kind === 'refused' || known === null) return [];
  const { strategy } = carried.plan;
  return (Object.keys(strategy) as (keyof Strategy)[])
    .filter(
      (key) =>
        !known.unknown.has(key) && JSON.stringify(known.strategy[key]) !== JSON.stringify(strategy[key]),
    )
    .filter((key) => !carried.lost.some((text) => text.startsWith(`${keyOfField(key)}=`)));
};

const readsBack = (carried: CarriedPlan, target: EmitTarget): readonly string[] => {
  if (carried.kind === 'refused') return [];
  const { plan, problem } = carried;
  const emission = emit(plan, problem, { target, launcher: 'torchrun' });
  if (emission.unsupported !== null) return [];
  const { name, version } = problem.training.runtime;
  const to = writers.find((one) => one.target === target && one.runtime === name && one.version === version);
  if (to === undefined) return ['no writer'];
  return differences(
    { name: '', plan, problem },
    emission,
    readBack({ name: '', plan, problem }, to, emission),
  );
};

const files = (folder: string): readonly string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
    /\.(?:ya?ml|toml|json|sh)$/u.test(name),
  );

describe.skipIf(!hasData('launch', 'configs'))('real configurations, each to every runtime', () => {
  const folder = hasData('launch', 'configs') ? dataPath('launch', 'configs') : '';
  const judged = (folder === '' ? [] : files(folder)).flatMap((name) => {
    const text = readFileSync(path.join(folder, name), 'utf8');
    const one = judgedOf(path.basename(name), text, null);
    return one === null || knownStrategy(one) === null || !Number.isSafeInteger(one.decision.first.world)
      ? []
      : [{ name, one }];
  });
  const pairs = judged.flatMap(({ name, one }) =>
    emitTargets.map((target) => ({
      pair: `${name} → ${target}`,
      target,
      one,
      carried: carryPlan(one, { problem: specFor(one), calibration }, target),
    })),
  );

  it('are many, and some are carried to each', () => {
    expect(judged.length).toBeGreaterThan(20);
    for (const target of emitTargets)
      expect(
        pairs.filter((pair) => pair.target === target && pair.carried.kind === 'plan').length,
        target,
      ).toBeGreaterThan(0);
  });

  it('say what they change', () => {
    expect(
      pairs.flatMap(({ pair, one, carried }) => silent(one, carried).map((key) => `${pair}: ${key}`)),
    ).toEqual([]);
  });

  it('say why they are refused', () => {
    for (const { pair, carried } of pairs)
      if (carried.kind === 'refused') {
        expect(carried.reasons.length, pair).toBeGreaterThan(0);
        for (const { message } of carried.reasons) expect(message.length, pair).toBeGreaterThan(20);
      }
  });

  it('are read back as they were carried', () => {
    expect(
      pairs.flatMap(({ pair, target, carried }) =>
        readsBack(carried, target).map((text) => `${pair}: ${text}`),
      ),
    ).toEqual([]);
  });
});

describe('a layout', () => {
  const script = `torchrun --nnodes 2 --nproc-per-node 8 pretrain_gpt.py --num-layers 32 --hidden-size 4096
    --num-attention-heads 32 --group-query-attention --num-query-groups 8 --ffn-hidden-size 14336 --swiglu
    --seq-length 8192 --max-position-embeddings 8192 --micro-batch-size 2 --global-batch-size 256 --fp16
    --tensor-model-parallel-size 4 --sequence-parallel --use-distributed-optimizer`.replace(/\n\s+/gu, ' ');
  const one = judgedOf('train.sh', `export CUDA_DEVICE_MAX_CONNECTIONS=1\n${script}\n`, null);
  const carry = (target: EmitTarget): CarriedPlan => {
    if (one === null) throw new Error('not read');
    const problem = problemOf(readModelPreset('llama3-8b').model, clusterFor(16), trainingOf());
    return carryPlan(one, { problem, calibration }, target);
  };

  it('of Megatron-LM goes to torchtitan with its sizes, batch, sequence and precision', () => {
    const carried = carry('torchtitan');
    expect(carried).toMatchObject({
      kind: 'plan',
      plan: { strategy: { tensor: 4, data: 4, microBatchSize: 2, sharding: 'parameters' } },
      problem: { training: { sequenceLength: 8192, globalBatchSize: 256, precision: 'fp16' } },
    });
    // torchtitan shards parameters or nothing: the optimizer alone is what the file has.
    expect(carried.lost.join('\n')).toContain('sharding=optimizer cannot be carried over');
  });

  it('goes to Megatron-Bridge and to accelerate’s plugin without a loss', () => {
    for (const target of ['bridge', 'accelerate'] as const)
      expect(carry(target)).toMatchObject({
        kind: 'plan',
        lost: [],
        problem: { training: { runtime: { name: 'megatron' } } },
      });
  });

  it('is not written for another model in silence', () => {
    if (one === null) throw new Error('not read');
    const problem = problemOf(readModelPreset('llama3-70b').model, clusterFor(16), trainingOf());
    expect(carryPlan(one, { problem, calibration }, 'bridge').lost.join()).toContain(
      'has 32 layers of 4096, the SPEC',
    );
  });
});
