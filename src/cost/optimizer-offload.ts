/**
 * The step of an optimizer whose states wait on the host. Source of the form: Deep Optimizer States (Maurya et al.,
 * Middleware 2024): every k-th group of parameters is updated on the GPU, its states moved in and out. Its published
 * logs fit a sum of both parts, not the longer of them: the transfers do not hide behind the host's own updates.
 */

/** Parameters per second and rank. */
export interface HostRates {
  /** Updated on the host, gradients and weights moved. */
  readonly host: number;
  /** Updated on the GPU, states moved in and out. */
  readonly device: number;
}

/** Seconds to update `parameters` of a rank; every `stride`-th on the GPU, 0: none. */
export const offloadedUpdateTime = (
  parameters: number,
  stride: number,
  { host, device }: HostRates,
): number =>
  stride === 0 ? parameters / host : parameters * ((1 - 1 / stride) / host + 1 / (stride * device));

/** The stride of least time; the larger of equal ones, which moves less. */
export const bestStride = (strides: readonly number[], rates: HostRates): number =>
  strides.reduce((best, stride) => {
    const [a, b] = [offloadedUpdateTime(1, best, rates), offloadedUpdateTime(1, stride, rates)];
    return b < a * (1 - 1e-12) || (b <= a && stride > best) ? stride : best;
  });
