import { GIB } from '../units.ts';

/** 12345678 → `12,345,678`. */
export const integer = (value: number): string =>
  Math.round(value)
    .toString()
    .replace(/\B(?=(\d{3})+(?!\d))/g, ',');

/** Of GiB, with one decimal and without unit. */
export const gib = (value: number): string => (value / GIB).toFixed(1);

/** 0.4712 → `47.1 %`. */
export const percent = (fraction: number): string => `${(fraction * 100).toFixed(1)} %`;

/** Three significant digits, never exponential: for days and cost. */
export const short = (value: number): string =>
  value >= 100 ? integer(value) : String(Number(value.toPrecision(3)));

const timeUnit = (time: number): { readonly unit: string; readonly factor: number } =>
  time >= 1 ? { unit: 's', factor: 1 } : { unit: 'ms', factor: 1e3 };

/** `12.3 s`, `456 ms`; less than a microsecond is nothing that a person asks about. */
export const time = (value: number): string => {
  if (Math.abs(value) < 1e-6) return '0 ms';
  const { unit, factor } = timeUnit(value);
  return `${Number((value * factor).toPrecision(4))} ${unit}`;
};

/** `11.2–13.4 s`, in the unit of the lower end. */
export const timeRange = (low: number, high: number): string => {
  const { unit, factor } = timeUnit(low);
  const end = (value: number): string => String(Number((value * factor).toPrecision(3)));
  return `${end(low)}–${end(high)} ${unit}`;
};
