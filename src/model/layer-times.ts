/** Times of layers that somebody profiled, for who has them: they replace the operator model. */

export interface PassTimes {
  /** Seconds of one micro-batch on one rank, without communication between ranks. */
  readonly forward: number;
  readonly backward: number;
}

/** One profile: times under one tensor degree and micro-batch size. */
export interface LayerTimes {
  readonly tensor: number;
  readonly microBatchSize: number;
  /** By `Model.kinds`; null for one that was not measured. */
  readonly kinds: readonly (PassTimes | null)[];
  readonly embedding: PassTimes | null;
  readonly head: PassTimes | null;
}
