import type { ShellWord } from '../runtimes/shell-parse/values.ts';

/** A configuration of Megatron-Bridge or NeMo: dotted keys with their values. */
export interface BridgeSetting {
  readonly key: string;
  /** Null, false and lists as text: `null`, `false`, `[a,b]`. */
  readonly value: ShellWord;
  /** Where the key stands. */
  readonly at: number;
}
