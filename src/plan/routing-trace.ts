/** Which experts each token took in each MoE layer. */
export interface RoutingTrace {
  readonly tokens: number;
  readonly topK: number;
  readonly experts: number;
  /** Layer of each column, ascending; rows of the counts. */
  readonly layers: readonly number[];
  /** [(token · layers + column) · topK + choice] */
  readonly ids: Uint16Array;
}

/** Tokens that each expert got in one column. */
export const traceLoads = (trace: RoutingTrace, column: number): number[] => {
  const loads = new Array<number>(trace.experts).fill(0);
  const stride = trace.layers.length * trace.topK;
  for (let token = 0; token < trace.tokens; token += 1)
    for (let choice = 0; choice < trace.topK; choice += 1) {
      const expert = trace.ids[token * stride + column * trace.topK + choice] ?? 0;
      loads[expert] = (loads[expert] ?? 0) + 1;
    }
  return loads;
};

/** Tokens [from, to) of a trace. */
export const sliceTrace = (trace: RoutingTrace, from: number, to: number): RoutingTrace => {
  const stride = trace.layers.length * trace.topK;
  return { ...trace, tokens: to - from, ids: trace.ids.slice(from * stride, to * stride) };
};

/** At most so many tokens, evenly spaced; the trace itself where it has no more. */
export const sliceTokens = (trace: RoutingTrace, most: number): RoutingTrace => {
  if (trace.tokens <= most) return trace;
  const stride = trace.layers.length * trace.topK;
  const ids = new Uint16Array(most * stride);
  for (let token = 0; token < most; token += 1) {
    const from = Math.floor((token * trace.tokens) / most) * stride;
    ids.set(trace.ids.subarray(from, from + stride), token * stride);
  }
  return { ...trace, tokens: most, ids };
};
