import { judgeArguments } from '../../src/runtimes/megatron/validate.ts';
import type { ArgumentFinding, ValidationOptions } from '../../src/runtimes/megatron/validate.ts';

/** What Megatron would say about these flags, without what they mean. */
export const validateArguments = (
  words: readonly string[],
  options: ValidationOptions,
): readonly ArgumentFinding[] => judgeArguments(words, options).findings;
