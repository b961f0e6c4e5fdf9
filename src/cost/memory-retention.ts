/** Memory that a runtime has freed but cannot use again yet. */
import type { Accelerator } from '../cluster/cluster.ts';
import type { MemoryBehaviour } from '../runtimes/memory-behaviour.ts';
import type { Strategy } from '../strategy/strategy.ts';

export interface RetentionInput {
  readonly strategy: Strategy;
  readonly live: number;
  readonly tokens: number;
  readonly layers: number;
  readonly hidden: number;
  /** Of the largest layer on the rank. */
  readonly layerParameters: number;
  /** Bytes in use otherwise. */
  readonly used: number;
}

/** Fitted share of the retained blocks; forward time per layer between which two stages begin to retain, seconds. */
const SHARE = 0.88;
const TWO_STAGES_FROM = 2.5e-3;
const TWO_STAGES_TO = 4.5e-3;
/** The allocator gives cached blocks back before it fails: so much of the memory is the most they take. */
const CEILING = 0.88;
/** Share of the dense peak that a layer's forward pass attains, for the time that decides at two stages. */
const FORWARD_EFFICIENCY = 0.5;

/**
 * Nanotron: outputs of row-parallel linears, whole before the reduce-scatter, wait for the communication stream while
 * the host runs ahead. Without pipeline one whole forward pass (at least about 24 layers' worth), with three stages
 * and more all but two micro-batches in flight, with two stages only if a layer takes long enough; none without
 * tensor parallelism. Read off its 1,374 published peaks, hypothesis on the cause: huggingface/nanotron @ 0e0a27ea
 * functional.py:469, p2p.py:416.
 */
export const retainedBytes = (
  behaviour: MemoryBehaviour,
  accelerator: Accelerator,
  input: RetentionInput,
): number => {
  if (behaviour.retention === 0) return 0;
  const { strategy, live, tokens, layers, hidden } = input;
  const { tensor, pipeline } = strategy;
  if (tensor === 1 || (tensor >= 32 && pipeline > 1)) return 0;
  if (pipeline > 1 && !behaviour.retainsInPipeline) return 0;
  let units = 0;
  if (pipeline === 1) units = Math.max(layers, 24);
  else if (pipeline >= 3) units = Math.max(0, live - 2) * layers;
  else {
    const peak = accelerator.peak.bf16 ?? accelerator.peak.fp16 ?? Infinity;
    const forward = (2 * input.layerParameters * tokens) / (peak * FORWARD_EFFICIENCY);
    units =
      layers * Math.min(1, Math.max(0, (forward - TWO_STAGES_FROM) / (TWO_STAGES_TO - TWO_STAGES_FROM)));
  }
  const retained = SHARE * behaviour.retention * tokens * hidden * units;
  return Math.max(0, Math.min(retained, CEILING * accelerator.memory - input.used));
};
