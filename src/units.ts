/** Branded quantities. Everything inside planner is SI: seconds, bytes, FLOPs and their rates. */
declare const unit: unique symbol;
type Quantity<U extends string> = number & { readonly [unit]: U };

export type Seconds = Quantity<'s'>;
export type Bytes = Quantity<'B'>;
export type BytesPerSecond = Quantity<'B/s'>;
export type FlopsPerSecond = Quantity<'FLOP/s'>;

export const seconds = (value: number): Seconds => value as Seconds;
export const bytes = (value: number): Bytes => value as Bytes;
export const bytesPerSecond = (value: number): BytesPerSecond => value as BytesPerSecond;
export const flopsPerSecond = (value: number): FlopsPerSecond => value as FlopsPerSecond;

export const GIB = 2 ** 30;
export const MIB = 2 ** 20;
