import type { Source } from '../ingest/source.ts';
import type { BridgeSetting } from './bridge-setting.ts';
import { applyEdits } from './edit.ts';
import { unchecked } from './finding.ts';
import type { RawFinding } from './finding.ts';
import { fragmentRange } from './places.ts';
import type { Changes } from './subject.ts';

/** Rules whose facts a recipe always brings and that nobody overrides: they would only repeat that the model is unknown. */
export const quietlyUnchecked = new Set([
  'megatron/padded-vocabulary',
  'megatron/positions',
  'megatron/precision-architecture',
  'megatron/attention-kernel-architecture',
]);

/**
 * Rules that the stated sizes decide, whatever else a recipe's base sets; the others may be answered by a setting that a
 * command line does not show (a layout, a dispatcher, grouped products).
 */
const decidedBySizes: ReadonlySet<string> = new Set([
  'megatron/world-divisible',
  'megatron/expert-grid',
  'megatron/batch-divisible',
  'megatron/micro-batch-group',
  'megatron/sizes',
  'megatron/heads-tensor',
  'megatron/query-groups-tensor',
  'megatron/experts-divisible',
  'megatron/sequence-context',
  'megatron/sequence-tensor-divisible',
  'megatron/virtual-needs-pipeline',
  'bridge/sequence-needs-tensor',
  'bridge/bad-value',
]);

/** A finding on overrides alone: an error only where the base of the recipe cannot answer it. */
export const asOverride = (finding: RawFinding): RawFinding =>
  finding.level !== 'error' || decidedBySizes.has(finding.rule)
    ? finding
    : unchecked(
        finding.rule,
        finding.stage,
        finding.settings,
        ['what the base of the recipe sets'],
        finding.message,
      );

/** Overrides are changed in place; new ones go after the last. */
export const rewriteOverrides = (
  source: Source,
  list: readonly BridgeSetting[],
  changes: Changes,
): string | null => {
  const edits: { start: number; end: number; text: string }[] = [];
  for (const [key, value] of changes) {
    const setting = list.findLast((one) => one.key === key);
    const range = setting === undefined ? null : fragmentRange(source, setting.value.fragments);
    if (setting !== undefined && range !== null && value !== null)
      edits.push({ start: range.start, end: range.end, text: value });
    else if (setting === undefined && value !== null) {
      const last = list.findLast(({ at }) => at >= 0);
      if (last === undefined) return null;
      edits.push({ start: last.at, end: last.at, text: `${key}=${value} ` });
    } else if (value === null && setting !== undefined && range !== null)
      edits.push({ start: range.start, end: range.end, text: 'null' });
    else return null;
  }
  return applyEdits(source.text, edits);
};
