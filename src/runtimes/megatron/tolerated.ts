import { compareVersions } from '../version.ts';
import { has, integerOf } from './arguments.ts';
import type { ArgumentMap } from './arguments.ts';

/** Level of a finding for these flags; null: no finding; undefined: that of its rule. */
type Tolerance = (given: ArgumentMap, version: string) => 'warning' | null | undefined;

/**
 * Where Megatron accepts what planner never proposes: rules about strategies bind the search, which has no reason to
 * go there, while flags that someone else wrote are judged as Megatron judges them.
 */
export const tolerated: Readonly<Record<string, Tolerance>> = {
  /** More layers than a stage holds means all of them (transformer_block.py). */
  'megatron/recompute-layers': (given) =>
    (integerOf(given, '--recompute-num-layers') ?? 0) >= 1 ? 'warning' : undefined,
  /** transformer_config.py admits any set of known modules. */
  'megatron/recompute-shared-experts-in-moe': () => 'warning',
  /** It asks for the flag of grouped products, not for experts; for bf16 before 0.17 alone. */
  'megatron/recompute-activation-grouped': (given, version) =>
    !has(given, '--moe-grouped-gemm')
      ? undefined
      : (integerOf(given, '--num-experts') ?? 0) < 1
        ? 'warning'
        : compareVersions(version, '0.17') >= 0
          ? null
          : undefined,
  /** Megatron-FSDP gathers parameters in each of its strategies. */
  'megatron/overlap-parameters-optimizer': (given) => (has(given, '--use-megatron-fsdp') ? null : undefined),
  /** Sizes of both levels are stated: their product is all that is asked. */
  'megatron/context-hierarchy': (given) =>
    has(given, '--hierarchical-context-parallel-sizes') ? null : undefined,
  /** weight-shards-expert-grid counts the copies. */
  'megatron/expert-grid': (given) =>
    has(given, '--tensor-parallel-num-weight-shards') ||
    has(given, '--expert-tensor-parallel-num-weight-shards')
      ? null
      : undefined,
};
