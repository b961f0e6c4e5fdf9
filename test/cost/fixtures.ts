/** Round numbers, so that tests can state what a hand calculation gives. */
import type { Accelerator, Cluster } from '../../src/cluster/cluster.ts';
import type {
  AcceleratorCalibration,
  Calibration,
  LinkCalibration,
  RuntimeCalibration,
} from '../../src/cost/calibration.ts';
import type { Model } from '../../src/model/model.ts';
import { FP32_ADAM, PLAN_AS_GIVEN } from '../../src/plan/plain.ts';
import type { Problem } from '../../src/plan/problem.ts';
import { plainStrategy } from '../../src/strategy/plain.ts';
import type { Strategy } from '../../src/strategy/strategy.ts';
import { bytes, bytesPerSecond, flopsPerSecond, seconds } from '../../src/units.ts';

export const accelerator: Accelerator = {
  name: 'test-gpu',
  architecture: 'ampere',
  memory: bytes(80e9),
  memoryBandwidth: bytesPerSecond(1e12),
  peak: { bf16: flopsPerSecond(1e14) },
  multiprocessors: 100,
  source: 'invented',
};

/** Nodes of 8; 100 GB/s inside, 10 GB/s of network for each GPU. */
export const clusterOf = (nodes: number, extra: Partial<Cluster> = {}): Cluster => ({
  name: 'test',
  groups: [
    {
      count: nodes,
      hosts: null,
      accelerator,
      perNode: 8,
      intraNode: { name: 'link', kind: 'switch', bandwidth: bytesPerSecond(100e9), latency: seconds(0) },
      nics: {
        name: 'port',
        count: 8,
        bandwidth: bytesPerSecond(10e9),
        latency: seconds(0),
        kind: 'infiniband',
      },
      pricePerHour: null,
    },
  ],
  domain: null,
  tiers: [],
  measured: null,
  ...extra,
});

const curve = { rate: 0.5, halfLength: 0, backward: 1 };
const gemm = { efficiency: 1, depth: 0 };

export const acceleratorConstants: AcceleratorCalibration = {
  names: ['test-gpu'],
  gemm: { fp32: gemm, bf16: gemm, fp8: gemm, nvfp4: gemm },
  sustained: 1,
  attention: { triton: curve, flash1: curve, flash2: curve, flash3: curve, cudnn: curve, 'cudnn-v9': curve },
  batchedGemm: 1,
  batchedGemmMisaligned: 0.1,
  elementwise: 1,
  streaming: 1,
  expertOverhead: 0,
  expertCast: 0,
  kernelFloor: 0,
  recurrence: 0.1,
};

export const linkConstants: LinkCalibration = {
  reduce: 1,
  gather: 1,
  allToAll: 1,
  pointToPoint: 1,
  tokenExchange: 1,
  step: 0,
  base: 0,
  quick: 1,
  setup: 0,
};

export const runtimeConstants: RuntimeCalibration = {
  hostDense: 0,
  hostMoe: 0,
  hostExpert: 0,
  hostNorm: 6,
  hostFusedDispatcher: 1,
  hostExpertOverlap: 1,
  hostAttentionGraph: 1,
  traffic: 1,
  eagerTraffic: 2,
  unfusedNorm: 0,
  dropoutScore: 5,
  lossBytes: 14,
  accumulationBytes: 0,
  tensorExposed: 1,
  tensorOverlapExposed: 0.25,
  dataExposed: 0.5,
  fsdpNode: 0,
  fsdpNetwork: 0,
  expertOverlap: 0,
  optimizerParameter: 10,
  optimizerShard: 40,
  offloadSeconds: 1e-9,
  iterationOverhead: 0,
  gatherHost: 0,
};

export const calibrationWith = (
  change: {
    readonly accelerator?: Partial<AcceleratorCalibration>;
    readonly link?: Partial<LinkCalibration>;
    readonly runtime?: Partial<RuntimeCalibration>;
  } = {},
): Calibration => {
  const link = { ...linkConstants, ...change.link };
  const runtime = { ...runtimeConstants, ...change.runtime };
  return {
    name: 'test',
    accelerators: { test: { ...acceleratorConstants, ...change.accelerator } },
    fallback: { other: 'test' },
    links: {
      nvlink3: link,
      nvlink4: link,
      nvlink5: link,
      pcie: link,
      'infinity-fabric': link,
      infiniband: link,
      roce: link,
      efa: link,
      ethernet: link,
    },
    runtimes: {
      'megatron-core': runtime,
      'megatron-classic': runtime,
      'megatron-deepspeed': runtime,
      scaling: runtime,
      nanotron: runtime,
      torchtitan: runtime,
      'pytorch-fsdp': runtime,
      'megatron-fsdp': runtime,
      jax: runtime,
      generic: runtime,
    },
    error: { dense: 0.05, moe: 0.1 },
  };
};

/** Llama-like: 8 layers, hidden 1024, 8 heads of 128, SwiGLU 4096, vocabulary 32768, untied. */
export const model: Model = {
  name: 'test-model',
  modelType: 'llama',
  hidden: 1024,
  vocabularySize: 32768,
  tiedEmbeddings: false,
  positions: { kind: 'rope' },
  normalization: 'rmsnorm',
  kinds: [
    {
      name: 'attention+dense',
      mixer: {
        kind: 'attention',
        heads: 8,
        kvHeads: 8,
        headDim: 128,
        qkvBias: false,
        outputBias: false,
        qkNorm: 'none',
        outputGate: false,
        sinks: false,
        sharedKeyValue: false,
        span: { kind: 'full' },
      },
      feedForward: { kind: 'dense', width: 4096, gated: true, bias: false },
      norms: 2,
    },
  ],
  layers: Array.from({ length: 8 }, () => 0),
  multiTokenPrediction: null,
  omitted: [],
};

/** The same with 16 experts of width 1024, two of them for each token. */
export const moeModel: Model = {
  ...model,
  kinds: model.kinds.map((kind) => ({
    ...kind,
    name: 'attention+moe',
    feedForward: {
      kind: 'moe',
      experts: 16,
      topK: 2,
      expertWidth: 1024,
      gated: true,
      bias: false,
      sharedWidth: 0,
      sharedGate: false,
      routerBias: false,
      latent: null,
      zeroComputationExperts: 0,
      groups: null,
      parallelDenseWidth: 0,
    },
  })),
};

export const problemOf = (
  change: Partial<Problem> = {},
  training: Partial<Problem['training']> = {},
): Problem => ({
  cluster: clusterOf(1),
  model,
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
  search: { ...PLAN_AS_GIVEN, top: 10 },
  ...change,
});

export const strategyOf = (change: Partial<Strategy> = {}): Strategy =>
  plainStrategy({
    data: 8,
    schedule: '1f1b',
    sharding: 'optimizer',
    shardingGroup: (change.data ?? 8) * (change.context ?? 1),
    overlapGradients: true,
    overlapParameters: true,
    ...change,
  });
