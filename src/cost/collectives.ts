/**
 * Collectives over one group: latency and bandwidth over the links it crosses. A ring moves (n−1)∕n of the buffer per
 * pass over every link, so its rate is that of the slowest hop; where r ranks of the group share a domain, r rings
 * with one network port each run side by side; groups of the same node that run at the same time divide its ports (both
 * are in the span). Sources: Patarasuk & Yuan 2009; Thakur et al. 2005; NCCL @ 5067397 src/graph/tuning.cc.
 */
import type { InsideLinks } from '../cluster/links.ts';
import { rateAt } from '../cluster/measured-rates.ts';
import type { MeasuredRates } from '../cluster/measured-rates.ts';
import type { Hop } from '../cluster/pipeline-hops.ts';
import type { GroupSpan, OutsideLinks } from '../cluster/topology.ts';
import type { LinkCalibration } from './calibration.ts';
import type { Machine } from './machine.ts';

type Kind = 'reduce' | 'gather' | 'allToAll' | 'pointToPoint';

const slowest = (machine: Machine, span: GroupSpan): LinkCalibration =>
  span.outside === null ? machine.intraNodeConstants : machine.networkConstants;

/** A nominal rate, or the measured one at the size of the message, which is attained as it stands. */
const attained = (
  nominal: number,
  measured: MeasuredRates | undefined,
  rates: (of: MeasuredRates) => readonly number[],
  bytes: number,
): number => {
  if (measured === undefined) return nominal;
  const rate = rateAt(measured.messages, rates(measured), bytes);
  return measured.partial ? Math.min(nominal, rate) : rate;
};

const ringOf = ({ ring: rates }: MeasuredRates): readonly number[] => rates;

/** Rate of the slowest hop of a ring, bytes/s per rank. */
const ringRate = (machine: Machine, span: GroupSpan, kind: Kind, bytes: number): number => {
  const near = ({ bandwidth, measured }: InsideLinks): number =>
    attained(bandwidth * machine.intraNodeConstants[kind], measured, ringOf, bytes);
  const far = ({ ringBandwidth, measured }: OutsideLinks): number =>
    attained(ringBandwidth * machine.networkConstants[kind], measured, ringOf, bytes);
  return Math.min(
    span.inside === null ? Infinity : near(span.inside),
    span.outside === null ? Infinity : far(span.outside),
  );
};

/** Seconds per step of a ring: measured latency of its slowest links, else the class's constant. */
const stepTime = (link: LinkCalibration, span: GroupSpan): number =>
  (span.outside ?? span.inside)?.measured?.latency ?? link.step;

/**
 * NCCL takes the protocol that is faster for the size: the low-latency ones lose bandwidth, the one for large messages
 * needs time to fill its buffers. Source: NVIDIA/nccl @ 5067397 src/graph/tuning.cc; both fitted on NCCL tables of
 * ai-dynamo/aiconfigurator @ 095f58a.
 */
const moved = (link: LinkCalibration, seconds: number): number =>
  Math.min(seconds / link.quick, link.setup + seconds);

const ring = (machine: Machine, span: GroupSpan, bytes: number, kind: Kind, passes: number): number => {
  if (span.size === 1 || bytes === 0) return 0;
  const link = slowest(machine, span);
  const steps = passes * (span.size - 1);
  const transfer = (passes * bytes * (span.size - 1)) / span.size / ringRate(machine, span, kind, bytes);
  return link.base + steps * stepTime(link, span) + moved(link, transfer);
};

/** All-reduce of a buffer of `bytes` on every rank: 2(n−1)∕n of it over each link. A tree bounds the latency of many ranks. */
export const allReduceTime = (machine: Machine, span: GroupSpan, bytes: number): number => {
  const byRing = ring(machine, span, bytes, 'reduce', 2);
  if (span.domains < 4) return byRing;
  const link = machine.networkConstants;
  const depth = Math.ceil(Math.log2(span.domains)) + span.perDomain - 1;
  const rate = 0.92 * ringRate(machine, span, 'reduce', bytes);
  const byTree = link.base + 2 * depth * stepTime(link, span) + (2 * bytes) / rate;
  return Math.min(byRing, byTree);
};

/** All-gather to, or reduce-scatter of, a buffer of `bytes` on every rank: (n−1)∕n of it over each link. */
export const gatherTime = (machine: Machine, span: GroupSpan, bytes: number): number =>
  ring(machine, span, bytes, 'gather', 1);

/** The part of `gatherTime` in which a ring waits for its steps and leaves the wires to others. */
export const gatherLatency = (machine: Machine, span: GroupSpan): number => {
  if (span.size === 1) return 0;
  const link = slowest(machine, span);
  return link.base + (span.size - 1) * stepTime(link, span);
};

/** What an all-to-all sends of the bytes that it is given, and how well. */
export interface ExchangeShape {
  readonly kind: 'allToAll' | 'tokenExchange';
  /** Share of the bytes for other domains that crosses: less than 1 where copies of a token for one domain travel once. */
  readonly remote: number;
  /** The same for ranks of a domain, over its links. */
  readonly local: number;
}

const plainExchange: ExchangeShape = { kind: 'allToAll', remote: 1, local: 1 };

/**
 * All-to-all in which every rank sends `bytes` in equal parts. The part for its own domain and the part for others go
 * at the same time over different wires.
 */
export const allToAllTime = (
  machine: Machine,
  span: GroupSpan,
  bytes: number,
  shape: ExchangeShape = plainExchange,
): number => {
  if (span.size === 1 || bytes === 0) return 0;
  const { kind } = shape;
  const each = bytes / span.size;
  const exchangeOf = ({ allToAll }: MeasuredRates): readonly number[] => allToAll();
  const near = ({ bandwidth, measured }: InsideLinks): number =>
    attained(bandwidth * machine.intraNodeConstants[kind], measured, exchangeOf, bytes);
  const local = span.inside === null ? 0 : (each * shape.local * (span.perDomain - 1)) / near(span.inside);
  const link = slowest(machine, span);
  if (span.outside === null) return link.base + moved(link, local);
  const { rankBandwidth, measured } = span.outside;
  const rate = attained(rankBandwidth * machine.networkConstants[kind], measured, exchangeOf, bytes);
  const remote = (each * shape.remote * (span.size - span.fewestPerDomain)) / rate;
  return link.base + stepTime(link, span) * (span.domains - 1) + Math.max(local, remote);
};

/**
 * One message of `bytes` to the same rank of the next stage, while all ranks of the stage send: activations down to
 * the next stage, and gradients up again.
 */
export const transferTimes = (
  machine: Machine,
  hop: Hop,
  bytes: number,
): { readonly down: number; readonly up: number } => {
  const link = hop.remote ? machine.networkConstants : machine.intraNodeConstants;
  const { bandwidth, latency, measured } = hop;
  const fixed = link.base + latency;
  if (measured === undefined) {
    const time = fixed + bytes / (bandwidth * link.pointToPoint);
    return { down: time, up: time };
  }
  const { messages, forward, back } = measured;
  return {
    down: fixed + bytes / rateAt(messages, forward, bytes),
    up: fixed + bytes / rateAt(messages, back, bytes),
  };
};
