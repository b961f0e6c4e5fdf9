/** Host time: the launches of a layer bound it from below. */
import type { Dispatcher } from '../strategy/strategy.ts';
import type { LayerContext } from './operator-time.ts';
import type { Parts } from './parts.ts';
import { total } from './parts.ts';

export interface HostWork {
  /** Local experts of a MoE layer; 0: a dense layer. */
  readonly experts: number;
  /** Biases of experts are added by kernels of their own, expert by expert. */
  readonly biased: boolean;
  readonly dispatcher: Dispatcher;
  readonly overlapExpert: boolean;
  /** Share of the forward launches that backward repeats. */
  readonly repeated: number;
}

/** Share of a layer's launches, none of them repeated, that forward makes: as many as each of two parts of backward. */
const FORWARD_LAUNCHES = 1 / 3;

/** Launches of a MoE layer without synchronisation, in dense layers. */
const PADDED_LAYERS = 2;

/** An expert that runs by itself launches what the MLP of a dense layer does: half of the layer. */
const MLP_OF_LAYER = 0.5;

/**
 * Launches of PyTorch's kernels that the bias of one expert takes, both passes: product and sum forward; cast, and product
 * and sum of each of two gradients backward, and the cast of one (NVIDIA/Megatron-LM core/transformer/moe/experts.py, _apply_bias).
 */
const BIAS_LAUNCHES = 8;

/** Seconds of host time of such a launch: 5 to 10 µs. */
const EAGER_LAUNCH = 8e-6;

/**
 * Host seconds of one layer and micro-batch, both passes. CUDA graphs of the whole iteration leave none; graphs of
 * attention and router leave a share. Padded experts (token drop) have fixed shapes: no synchronisation is left, and a
 * MoE layer launches like two dense ones. Experts that run one after the other add an MLP's launches each.
 */
export const hostTime = (context: LayerContext, work: HostWork): number => {
  const { runtime, behaviour } = context;
  if (behaviour.cudaGraphs === 'full') return 0;
  let time = runtime.hostDense;
  if (work.experts > 0 && behaviour.expertCapacity !== null && behaviour.cudaGraphs !== 'none')
    time *= PADDED_LAYERS;
  else if (work.experts > 0) {
    const bias = work.biased && !behaviour.fusedExperts ? BIAS_LAUNCHES * EAGER_LAUNCH : 0;
    time = runtime.hostMoe + (runtime.hostExpert + bias) * work.experts;
    if (work.dispatcher === 'deepep' || work.dispatcher === 'hybridep') time *= runtime.hostFusedDispatcher;
    if (work.overlapExpert) time *= runtime.hostExpertOverlap;
    if (behaviour.cudaGraphs === 'attention') time *= runtime.hostAttentionGraph;
  }
  if (behaviour.sequentialExperts) time += work.experts * MLP_OF_LAYER * runtime.hostDense;
  return time * (1 + FORWARD_LAUNCHES * work.repeated);
};

/**
 * (G^p + H^p)^(1∕p) of each pass: its launches hide behind a busy GPU and bound an idle one. `host`: launches of both
 * passes; what backward repeats is its own, so that forward does not depend on what backward recomputes.
 */
export const withHost = (
  norm: number,
  host: number,
  repeated: number,
  forward: Parts,
  backward: Parts,
): { readonly forward: Parts; readonly backward: Parts } => {
  const first = (host * FORWARD_LAUNCHES) / (1 + FORWARD_LAUNCHES * repeated);
  const pass = (parts: Parts, launches: number): Parts => {
    const gpu = total(parts);
    if (launches === 0 || gpu === 0) return parts;
    const larger = Math.max(gpu, launches);
    const both = larger * ((gpu / larger) ** norm + (launches / larger) ** norm) ** (1 / norm);
    return { ...parts, overhead: parts.overhead + both - gpu };
  };
  return { forward: pass(forward, first), backward: pass(backward, host - first) };
};
