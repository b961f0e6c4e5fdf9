/* eslint-disable @typescript-eslint/no-non-null-assertion -- inner loops over typed arrays; indices are in range by construction */
/** What a placement costs in communication, counted token by token on a trace. */
import type { RoutingTrace } from '../plan/routing-trace.ts';
import type { LayerPlacement } from './layer-problem.ts';
import { countReplicas } from './score.ts';

/** Means over tokens of one layer, tokens returning to their home after each layer. */
export interface Traffic {
  /** Distinct nodes, and distinct GPUs, among a token's experts. */
  readonly nodesPerToken: number;
  readonly gpusPerToken: number;
}

/** GPU of each expert; null where some expert has replicas: a token's GPU is then not settled by the placement alone. */
export const gpuOfExperts = (placement: LayerPlacement, experts: number): Int32Array | null => {
  if (countReplicas(placement, experts).some((count) => count !== 1)) return null;
  const gpuOf = new Int32Array(experts);
  placement.forEach((held, gpu) => {
    for (const expert of held) gpuOf[expert] = gpu;
  });
  return gpuOf;
};

export const layerTraffic = (
  trace: RoutingTrace,
  column: number,
  gpuOf: Int32Array,
  perNode: number,
): Traffic => {
  const { tokens, topK, ids, layers } = trace;
  const stride = layers.length * topK;
  const gpus = new Int32Array(topK);
  let nodesTotal = 0;
  let gpusTotal = 0;
  for (let token = 0; token < tokens; token += 1) {
    for (let choice = 0; choice < topK; choice += 1) {
      const gpu = gpuOf[ids[token * stride + column * topK + choice]!]!;
      gpus[choice] = gpu;
      let newGpu = 1;
      let newNode = 1;
      for (let earlier = 0; earlier < choice; earlier += 1) {
        if (gpus[earlier] === gpu) newGpu = 0;
        if (Math.floor(gpus[earlier]! / perNode) === Math.floor(gpu / perNode)) newNode = 0;
      }
      gpusTotal += newGpu;
      nodesTotal += newNode;
    }
  }
  return { nodesPerToken: nodesTotal / tokens, gpusPerToken: gpusTotal / tokens };
};

/** Pairs (expert of layer l, expert of layer l + 1) of the same token: counts [e1 · experts + e2], one matrix a step. */
export const transitionCounts = (trace: RoutingTrace): readonly Float64Array[] => {
  const { tokens, topK, ids, layers, experts } = trace;
  const stride = layers.length * topK;
  return layers.slice(1).map((_, step) => {
    const counts = new Float64Array(experts * experts);
    for (let token = 0; token < tokens; token += 1) {
      const from = token * stride + step * topK;
      for (let a = 0; a < topK; a += 1)
        for (let b = 0; b < topK; b += 1) counts[ids[from + a]! * experts + ids[from + topK + b]!]! += 1;
    }
    return counts;
  });
};

/** Share of all transitions that stay on their GPU, and on their node. */
export const transitionShares = (
  transitions: readonly Float64Array[],
  gpuOf: readonly Int32Array[],
  perNode: number,
): { readonly sameGpu: number; readonly sameNode: number } => {
  let total = 0;
  let sameGpu = 0;
  let sameNode = 0;
  transitions.forEach((counts, step) => {
    const here = gpuOf[step]!;
    const there = gpuOf[step + 1]!;
    const experts = here.length;
    for (let a = 0; a < experts; a += 1)
      for (let b = 0; b < experts; b += 1) {
        const count = counts[a * experts + b]!;
        total += count;
        if (here[a] === there[b]) sameGpu += count;
        if (Math.floor(here[a]! / perNode) === Math.floor(there[b]! / perNode)) sameNode += count;
      }
  });
  return { sameGpu: sameGpu / total, sameNode: sameNode / total };
};
