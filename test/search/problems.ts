import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { parse } from 'yaml';
import type { Cluster } from '../../src/cluster/cluster.ts';
import { readAccelerator } from '../../src/ingest/presets.ts';
import { modelFromConfig } from '../../src/ingest/model-config.ts';
import type { Model } from '../../src/model/model.ts';
import { FP32_ADAM, PLAN_AS_GIVEN } from '../../src/plan/plain.ts';
import type { Problem, SearchOptions, Training } from '../../src/plan/problem.ts';
import { repositoryPath } from '../shared-data.ts';

/** A model that planner ships, with its layers cut to `layers` where a test wants a small one. */
export const presetModel = (name: string, layers?: number): Model => {
  const preset = parse(readFileSync(repositoryPath('configs', 'models', `${name}.yaml`), 'utf8')) as {
    config: unknown;
  };
  const result = modelFromConfig(preset.config, name);
  if (!result.ok) throw new Error(`${name} does not read`);
  return layers === undefined
    ? result.model
    : { ...result.model, layers: result.model.layers.slice(0, layers) };
};

export const presetCluster = (
  accelerator: string,
  nodes: number,
  changes: Partial<Cluster> = {},
): Cluster => {
  const { accelerator: gpu, perNode, intraNode, nics, domain } = readAccelerator(accelerator);
  return {
    name: `${nodes} nodes`,
    groups: [{ count: nodes, hosts: null, accelerator: gpu, perNode, intraNode, nics, pricePerHour: null }],
    domain,
    tiers: [],
    measured: null,
    ...changes,
  };
};

export const problemOf = (
  model: Model,
  cluster: Cluster,
  training: Partial<Training> = {},
  search: Partial<SearchOptions> = {},
): Problem => ({
  model,
  cluster,
  training: {
    runtime: { name: 'megatron', version: '0.20' },
    sequenceLength: 4096,
    globalBatchSize: 64,
    precision: 'bf16',
    attentionKernel: 'flash2',
    optimizer: FP32_ADAM,
    routing: { kind: 'balanced' },
    tokens: null,
    ...training,
  },
  search: { ...PLAN_AS_GIVEN, top: 5, memoryReserve: 0.06, ...search },
});

/** Evenly spread over [0, 1): `fc.double` spreads bit patterns, nearly all of them close to 0. */
export const unit = fc.noBias(fc.nat({ max: 999_999 })).map((value) => value / 1_000_000);
