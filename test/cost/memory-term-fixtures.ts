/** Constants and shapes of our own for tests of single memory terms: all different, so that each is seen. */
import type { ActivationShape } from '../../src/cost/memory-shape.ts';
import type { Attention, FeedForward, LayerKind, Mixer, MoeFeedForward } from '../../src/model/model.ts';
import { memoryBehaviour } from '../../src/runtimes/memory-behaviour.ts';
import type { MemoryBehaviour } from '../../src/runtimes/memory-behaviour.ts';
import { llama8b, problem } from './memory-fixtures.ts';

export const base = problem({ model: llama8b, sequence: 1000 });
export const behaviourWith = (change: Partial<MemoryBehaviour> = {}): MemoryBehaviour => ({
  ...memoryBehaviour(base.training, 'hopper'),
  norms: 10,
  residual: 3,
  embedding: 3,
  projection: 5,
  gated: 7,
  plain: 3,
  softmax: 5,
  keepsExpertOutput: false,
  selective: 'modules',
  lossSharded: 6,
  lossWhole: 0,
  headBuffers: 0,
  ...change,
});

export const shapeWith = (change: Partial<ActivationShape> = {}): ActivationShape => ({
  tensor: 4,
  sequenceParallel: false,
  context: 1,
  contextCommunication: 'p2p',
  expert: 1,
  expertTensor: 1,
  dispatcher: 'all-to-all',
  recompute: { kind: 'none' },
  sequenceLength: 1000,
  unfused: false,
  capacity: 1,
  fp8: false,
  ...change,
});

export const HIDDEN = 1000;
/** 8 heads of 64 with 2 key-value heads: over 4 tensor ranks 128 elements of q, and a whole head of k and of v. */
export const attention: Attention = {
  kind: 'attention',
  heads: 8,
  kvHeads: 2,
  headDim: 64,
  qkvBias: false,
  outputBias: false,
  qkNorm: 'none',
  outputGate: false,
  sinks: false,
  sharedKeyValue: false,
  span: { kind: 'full' },
};
export const dense: FeedForward = { kind: 'dense', width: 3000, gated: false, bias: false };
export const gated: FeedForward = { ...dense, gated: true };
export const moe: MoeFeedForward = {
  kind: 'moe',
  experts: 12,
  topK: 4,
  expertWidth: 500,
  gated: true,
  bias: false,
  sharedWidth: 400,
  sharedGate: false,
  routerBias: false,
  latent: null,
  zeroComputationExperts: 0,
  groups: null,
  parallelDenseWidth: 0,
};
export const layer = (mixer: Mixer, feedForward: FeedForward, norms = 2): LayerKind => ({
  name: 'layer',
  mixer,
  feedForward,
  norms,
});
export const none: Mixer = { kind: 'none' };
export const nothing: FeedForward = { kind: 'none' };
