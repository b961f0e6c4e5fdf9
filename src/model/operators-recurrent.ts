/** Operators of linear-time mixers. FLOPs of the scans follow Megatron's own count (NVIDIA/Megatron-LM, training.py). */
import type { GatedDeltaNet, Mamba2, Model } from './model.ts';
import type { Operator, Recurrence } from './operator.ts';
import { linear } from './operators-linear.ts';

/** Tokens of a chunk in the Gated DeltaNet kernels of flash-linear-attention. */
const DELTA_NET_CHUNK = 64;
/** A chunk's state is written once and read once in fp32. */
const STATE_BYTES = 8;

/** Down to a rank and up again; the first half is a full copy on every rank, as latent down-projections are. */
const lowRank = (model: Model, name: string, rank: number, outputs: number): readonly Operator[] => [
  linear(`${name}_down`, 'mixer', model.hidden, rank, 'replicated'),
  linear(`${name}_up`, 'mixer', rank, outputs, 'column'),
];

/** q, k, v, the output gate, and one or two scalars a value head: strength of the update, and decay. */
const inputOperators = (
  model: Model,
  { valueHeads, channelDecay }: GatedDeltaNet,
  convolved: number,
  values: number,
): readonly Operator[] => {
  const input = (outputs: number): Operator =>
    linear('mixer_input', 'mixer', model.hidden, outputs, 'column');
  if (channelDecay === undefined) return [input(convolved + values + 2 * valueHeads)];
  const { rank, gateRank } = channelDecay;
  const keys = (convolved - values) / 2;
  return [
    input(convolved + valueHeads + (gateRank === null ? values : 0)),
    ...lowRank(model, 'decay', rank, keys),
    ...(gateRank === null ? [] : lowRank(model, 'gate', gateRank, values)),
  ];
};

/**
 * Gated DeltaNet (arXiv:2412.06464): one projection for q, k, v, the output gate and two scalars a value head; a
 * short convolution over q, k, v; the gated delta rule; a norm per value head; the output projection.
 * Parameters beside the projections: convolution, decay and time-step bias per value head, one norm of a head.
 * Kimi Delta Attention (arXiv:2510.26692) has low-rank projections for decay and gate, and a time-step bias per key
 * channel.
 */
export const gatedDeltaNetOperators = (model: Model, mixer: GatedDeltaNet): readonly Operator[] => {
  const keys = mixer.keyHeads * mixer.keyHeadDim;
  const values = mixer.valueHeads * mixer.valueHeadDim;
  const convolved = 2 * keys + values;
  const state = mixer.valueHeads * mixer.keyHeadDim * mixer.valueHeadDim;
  const timeSteps = mixer.channelDecay === undefined ? mixer.valueHeads : keys;
  const scan: Recurrence = {
    kind: 'recurrence',
    name: 'gated_delta_rule',
    module: 'mixer',
    heads: mixer.valueHeads,
    flopsPerToken: 2 * (mixer.convolution * convolved + 4 * state),
    bytesPerToken:
      4 * convolved + 2 * (convolved + values) + (STATE_BYTES * state) / DELTA_NET_CHUNK + 6 * values,
    parameters: mixer.convolution * convolved + mixer.valueHeads + timeSteps + mixer.valueHeadDim,
  };
  return [
    ...inputOperators(model, mixer, convolved, values),
    scan,
    linear('mixer_output', 'mixer', values, model.hidden, 'row'),
  ];
};

/**
 * Mamba-2 (arXiv:2405.21060): one projection for z, x, B, C and the time steps; a short convolution over x, B, C;
 * the state-space scan (7 FLOPs an element of x and state); a gated norm; the output projection.
 * Parameters beside the projections: convolution, A, D and time-step bias per head, the norm.
 */
export const mamba2Operators = (model: Model, mixer: Mamba2): readonly Operator[] => {
  const inner = mixer.heads * mixer.headDim;
  const convolved = inner + 2 * mixer.groups * mixer.state;
  const taps = mixer.convolution + ((mixer.convolutionBias ?? true) ? 1 : 0);
  const state = inner * mixer.state;
  const scan: Recurrence = {
    kind: 'recurrence',
    name: 'state_space_scan',
    module: 'mixer',
    heads: mixer.heads,
    flopsPerToken: 7 * state,
    bytesPerToken: 4 * convolved + 2 * (convolved + inner) + (STATE_BYTES * state) / mixer.chunk + 6 * inner,
    parameters: taps * convolved + 3 * mixer.heads + inner,
  };
  return [
    linear('mixer_input', 'mixer', model.hidden, inner + convolved + mixer.heads, 'column'),
    scan,
    linear('mixer_output', 'mixer', inner, model.hidden, 'row'),
  ];
};
