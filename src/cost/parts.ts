/** Exposed time by cause. */
export interface Parts {
  readonly compute: number;
  readonly tensor: number;
  readonly context: number;
  readonly expert: number;
  /** Gathering and scattering of sharded parameters, where each layer does it. */
  readonly data: number;
  /** What the host adds. */
  readonly overhead: number;
}

export const total = (parts: Parts): number =>
  parts.compute + parts.tensor + parts.context + parts.expert + parts.data + parts.overhead;

export const scaleParts = (parts: Parts, factor: number): Parts => ({
  compute: parts.compute * factor,
  tensor: parts.tensor * factor,
  context: parts.context * factor,
  expert: parts.expert * factor,
  data: parts.data * factor,
  overhead: parts.overhead * factor,
});

export const noParts: Parts = { compute: 0, tensor: 0, context: 0, expert: 0, data: 0, overhead: 0 };

export const addParts = (a: Parts, b: Parts, factor = 1): Parts => ({
  compute: a.compute + b.compute * factor,
  tensor: a.tensor + b.tensor * factor,
  context: a.context + b.context * factor,
  expert: a.expert + b.expert * factor,
  data: a.data + b.data * factor,
  overhead: a.overhead + b.overhead * factor,
});
