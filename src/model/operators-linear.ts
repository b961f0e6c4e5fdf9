import type { GroupedLinear, Linear, Module } from './operator.ts';

/** Weights, and a bias of the output width where there is one. */
const weights = (inputs: number, outputs: number, bias: boolean): number =>
  inputs * outputs + (bias ? outputs : 0);

export interface LinearOptions {
  readonly bias?: boolean;
  /** False where recipes keep bf16 or fp32. */
  readonly lowPrecision?: boolean;
}

export const linear = (
  name: string,
  module: Module,
  inputs: number,
  outputs: number,
  sharding: Linear['sharding'],
  { bias = false, lowPrecision = true }: LinearOptions = {},
): Linear => ({
  kind: 'linear',
  name,
  module,
  inputs,
  outputs,
  parameters: weights(inputs, outputs, bias),
  sharding,
  lowPrecision,
});

export const groupedLinear = (
  name: string,
  routing: {
    readonly experts: number;
    readonly copies: number;
    readonly groups: GroupedLinear['groups'] | null;
  },
  inputs: number,
  outputs: number,
  sharding: GroupedLinear['sharding'],
  bias: boolean,
): GroupedLinear => ({
  kind: 'grouped-linear',
  name,
  module: 'moe',
  experts: routing.experts,
  topK: routing.copies,
  ...(routing.groups ? { groups: routing.groups } : {}),
  inputs,
  outputs,
  parameters: routing.experts * weights(inputs, outputs, bias),
  sharding,
});
