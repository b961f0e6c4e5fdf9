import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readMegatron } from '../../src/runtimes/megatron/read.ts';
import { dataPath, hasData } from '../shared-data.ts';
import { validateArguments } from './validate-arguments.ts';

/** Megatron's answer; for what it accepts, the sizes that it derived. */
interface Verdict {
  readonly ok: boolean;
  readonly stage: string;
  readonly dp?: number;
  readonly gtp?: number;
  readonly etp?: number;
  readonly vpp?: number | null;
  readonly num_microbatches?: number;
  readonly kv_channels?: number;
  readonly ffn?: number;
}

interface Vector {
  readonly rule: string;
  readonly world: number;
  readonly env: Readonly<Record<string, string>>;
  readonly argv: readonly string[];
  readonly verdict: Verdict;
}

interface RealConfiguration {
  readonly name: string;
  readonly world: number;
  readonly env: Readonly<Record<string, string>>;
  readonly argv: readonly string[];
  readonly verdict: Verdict;
}

const vectorsFile = ['launch', 'megatron_rule_vectors.json'] as const;
const realFile = ['launch', 'megatron_real_config_verdicts.json'] as const;

const load = (parts: readonly string[]): unknown =>
  hasData(...parts) ? JSON.parse(readFileSync(dataPath(...parts), 'utf8')) : null;

/** The vectors come from parsing and argument checks alone: what dies later was accepted there. */
const refusedAtStart = (
  argv: readonly string[],
  world: number,
  env: Readonly<Record<string, string>>,
): { refused: boolean; parse: boolean; rules: string[] } => {
  const errors = validateArguments(argv, {
    world,
    environment: env,
    architecture: 'hopper',
    version: '0.20',
  }).filter(({ level, stage }) => level === 'error' && (stage === 'parse' || stage === 'startup'));
  return {
    refused: errors.length > 0,
    parse: errors.some(({ stage }) => stage === 'parse'),
    rules: errors.map(({ rule }) => rule),
  };
};

/** Megatron's name of the expert size is set for dense models too, where planner has none. */
const derived = (argv: readonly string[], world: number, verdict: Verdict): unknown => {
  const copies = verdict.gtp ?? 1;
  const { strategy, training, model } = readMegatron(argv, { world: world / copies, version: '0.20' });
  const moe = model?.kinds.some(({ feedForward }) => feedForward.kind === 'moe') === true;
  const mixer = model?.kinds.map((kind) => kind.mixer).find(({ kind }) => kind === 'attention');
  const dense = model?.kinds.map(({ feedForward }) => feedForward).find(({ kind }) => kind === 'dense');
  return {
    dp: strategy.data,
    etp: moe ? strategy.expertTensor : verdict.etp,
    vpp: strategy.virtualStages === 1 ? null : strategy.virtualStages,
    // Ranks of weight shards take micro-batches of their own.
    num_microbatches: training.globalBatchSize / (strategy.microBatchSize * strategy.data * copies),
    kv_channels: mixer?.kind === 'attention' ? mixer.headDim : verdict.kv_channels,
    ffn: dense?.kind === 'dense' ? dense.width : verdict.ffn,
  };
};

const said = ({ dp, etp, vpp, num_microbatches, kv_channels, ffn }: Verdict): unknown => ({
  dp,
  etp,
  vpp,
  num_microbatches,
  kv_channels,
  ffn,
});

describe("Megatron's own verdicts", () => {
  const vectors = (load(vectorsFile) as { readonly vectors: readonly Vector[] } | null)?.vectors ?? [];

  it.skipIf(vectors.length === 0)('covers all 57 vectors', () => {
    expect(vectors).toHaveLength(57);
  });

  it.each(vectors.map((vector) => [vector.rule, vector] as const))(
    '%s',
    (_, { argv, world, env, verdict }) => {
      const own = refusedAtStart(argv, world, { CUDA_DEVICE_MAX_CONNECTIONS: '1', ...env });
      expect({ refused: own.refused, rules: verdict.ok ? own.rules : [] }).toEqual({
        refused: !verdict.ok,
        rules: [],
      });
      expect(own.parse).toBe(verdict.stage === 'parse');
      if (verdict.ok) expect(derived(argv, world, verdict)).toEqual(said(verdict));
    },
  );

  it.skipIf(vectors.length > 0)('needs launch/megatron_rule_vectors.json in PLANNER_DATA: skipped', () => {
    expect(vectors).toEqual([]);
  });
});

describe('real configurations', () => {
  const real = (load(realFile) as readonly RealConfiguration[] | null) ?? [];

  it.skipIf(real.length === 0).each(real.map((one) => [one.name, one] as const))(
    '%s',
    (_, { argv, world, env, verdict }) => {
      const own = refusedAtStart(argv, world, env);
      expect({ refused: own.refused, rules: verdict.ok ? own.rules : [] }).toEqual({
        refused: !verdict.ok,
        rules: [],
      });
      if (verdict.ok) expect(derived(argv, world, verdict)).toEqual(said(verdict));
    },
  );
});
