/** Problems for memory tests: one kind of GPU, plain models, a strategy of which only the named keys differ. */
import type { AcceleratorArchitecture } from '../../src/cluster/cluster.ts';
import type { FeedForward, Mixer, Model } from '../../src/model/model.ts';
import type { RunConditions } from '../../src/plan/conditions.ts';
import { FP32_ADAM, PLAN_AS_GIVEN } from '../../src/plan/plain.ts';
import type { Problem, Training } from '../../src/plan/problem.ts';
import { plainStrategy } from '../../src/strategy/plain.ts';
import type { Partition, Strategy } from '../../src/strategy/strategy.ts';
import { bytes, bytesPerSecond, flopsPerSecond, GIB, seconds } from '../../src/units.ts';

export const attention = (heads: number, kvHeads: number, headDim: number, bias = false): Mixer => ({
  kind: 'attention',
  heads,
  kvHeads,
  headDim,
  qkvBias: bias,
  outputBias: bias,
  qkNorm: 'none',
  outputGate: false,
  sinks: false,
  sharedKeyValue: false,
  span: { kind: 'full' },
});

interface ModelParts {
  hidden: number;
  layers: number;
  vocabulary: number;
  mixer: Mixer;
  feedForward: FeedForward;
  tied?: boolean;
  positions?: number;
  layerNorm?: boolean;
  mtp?: number;
}

export const model = (parts: ModelParts): Model => ({
  name: 'test',
  modelType: 'test',
  hidden: parts.hidden,
  vocabularySize: parts.vocabulary,
  tiedEmbeddings: parts.tied ?? false,
  positions: parts.positions === undefined ? { kind: 'rope' } : { kind: 'learned', count: parts.positions },
  normalization: parts.layerNorm === true ? 'layernorm' : 'rmsnorm',
  kinds: [{ name: 'only', mixer: parts.mixer, feedForward: parts.feedForward, norms: 2 }],
  layers: Array.from({ length: parts.layers }, () => 0),
  multiTokenPrediction: parts.mtp === undefined ? null : { layers: parts.mtp, kind: 0 },
  omitted: [],
});

/** Llama-3 8B. */
export const llama8b = model({
  hidden: 4096,
  layers: 32,
  vocabulary: 128_256,
  mixer: attention(32, 8, 128),
  feedForward: { kind: 'dense', width: 14_336, gated: true, bias: false },
});

export const strategy = (keys: Partial<Strategy> = {}): Strategy =>
  plainStrategy({ sharding: 'optimizer', ...keys });

export const evenly = (layers: number, { pipeline, virtualStages }: Strategy): Partition =>
  Array.from({ length: pipeline }, () =>
    Array.from({ length: virtualStages }, () => layers / pipeline / virtualStages),
  );

interface ProblemParts {
  model: Model;
  sequence: number;
  batch?: number;
  training?: Partial<Training>;
  conditions?: RunConditions;
  architecture?: AcceleratorArchitecture;
  memoryGib?: number;
  reserve?: number;
}

export const problem = (parts: ProblemParts): Problem => ({
  cluster: {
    name: 'test',
    domain: null,
    tiers: [],
    measured: null,
    groups: [
      {
        count: 16,
        hosts: null,
        perNode: 8,
        pricePerHour: null,
        accelerator: {
          name: 'gpu',
          architecture: parts.architecture ?? 'hopper',
          memory: bytes((parts.memoryGib ?? 80) * GIB),
          memoryBandwidth: bytesPerSecond(3e12),
          peak: { bf16: flopsPerSecond(989e12) },
          multiprocessors: 132,
          source: 'test',
        },
        intraNode: {
          name: 'nvlink',
          kind: 'switch',
          bandwidth: bytesPerSecond(450e9),
          latency: seconds(2e-6),
        },
        nics: {
          name: 'ib',
          count: 8,
          bandwidth: bytesPerSecond(50e9),
          latency: seconds(5e-6),
          kind: 'infiniband',
        },
      },
    ],
  },
  model: parts.model,
  training: {
    runtime: { name: 'megatron', version: '0.20' },
    sequenceLength: parts.sequence,
    globalBatchSize: parts.batch ?? 128,
    precision: 'bf16',
    attentionKernel: 'flash2',
    optimizer: FP32_ADAM,
    routing: { kind: 'balanced' },
    tokens: null,
    ...parts.training,
    ...(parts.conditions === undefined ? {} : { conditions: parts.conditions }),
  },
  search: { ...PLAN_AS_GIVEN, memoryReserve: parts.reserve ?? 0 },
});
