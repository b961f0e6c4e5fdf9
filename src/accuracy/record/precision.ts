/** Words for number formats → the precision of the matrix products. */
import type { Accelerator, AcceleratorArchitecture } from '../../cluster/cluster.ts';
import type { Precision } from '../../plan/problem.ts';

/**
 * The lowest format that the words name wins: `fp8 (TE hybrid, bf16 elsewhere)` runs its linear layers in fp8. Words
 * that leave fp16 or bf16 open are read as fp16 in stacks before 2023 (loss scaling was then the rule) and as bf16
 * after. Nothing printed: bf16, or fp16 where the architecture has no bf16.
 */
export const precisionOf = (
  printed: string | null,
  architecture: AcceleratorArchitecture,
  classic: boolean,
): Precision => {
  const words = (printed ?? '').toLowerCase();
  const noBf16 = architecture === 'volta' || architecture === 'turing';
  if (/nv-?fp4|fp4/.test(words)) return 'nvfp4';
  if (/mx-?fp8|fp8-?mx|mxfp|fp8[\s(_-]*mx/.test(words)) return 'mxfp8';
  if (/fp8|float8|e4m3/.test(words)) return 'fp8';
  const bf16 = /bf-?16|bfloat/.test(words);
  // Lightning's `16` and `16-mixed` are fp16.
  const fp16 = /(?:^|[^b])(?:fp-?16|float16|half)|^16\b/.test(words);
  if (bf16 && fp16) return classic || noBf16 ? 'fp16' : 'bf16';
  if (fp16) return 'fp16';
  if (!bf16 && /fp32|float32|tf32|single/.test(words)) return 'fp32';
  return noBf16 ? 'fp16' : 'bf16';
};

/** What the accelerator's matrix units have of it: nvfp4 falls back to fp8, fp8 to bf16, bf16 to fp16. */
export const supportedPrecision = (wanted: Precision, peak: Accelerator['peak']): Precision => {
  if (wanted === 'nvfp4') return peak.nvfp4 === undefined ? supportedPrecision('fp8', peak) : wanted;
  if (wanted === 'fp8' || wanted === 'mxfp8')
    return peak.fp8 === undefined ? supportedPrecision('bf16', peak) : wanted;
  return wanted === 'bf16' && peak.bf16 === undefined ? 'fp16' : wanted;
};
