/** Words for pipeline schedules → schedule, placement of the vocabulary layers, chunks per stage. */
import type { Schedule, VocabularyPlacement } from '../../strategy/strategy.ts';

export interface RecordedSchedule {
  readonly schedule: Schedule;
  readonly vocabulary: VocabularyPlacement;
  /** Chunks per stage that the schedule itself fixes; null: as recorded. */
  readonly virtualStages: number | null;
  readonly assumption: string | null;
  /** Stock 1F1B or interleaved: the runtime's own schedules, which headline figures are about. */
  readonly stock: boolean;
}

const WORDS: readonly (readonly [RegExp, Schedule, number | null])[] = [
  [/v-?half/, 'v-half', 2],
  [/zb-?v|zbv/, 'zb-v', 2],
  [/zb-?2p|zb-?h2/, 'zb-h2', 1],
  [/zb-?1p|zb-?h1|zero.?bubble/, 'zb-h1', 1],
  [/dual-?pipe/, 'dualpipe-v', 2],
  [/g-?pipe|afab/, 'gpipe', 1],
  [/1f1b-i|interleav/, 'interleaved', null],
];

const VOCABULARY: readonly (readonly [RegExp, VocabularyPlacement])[] = [
  [/vocab-?1/, 'vocab-1'],
  [/vocab-?2/, 'vocab-2'],
  [/interlaced/, 'interlaced'],
  [/redis/, 'redistributed'],
];

export const scheduleOf = (printed: string | null, virtualStages: number): RecordedSchedule => {
  const words = (printed ?? '').toLowerCase();
  const vocabulary = VOCABULARY.find(([pattern]) => pattern.test(words))?.[1] ?? 'last';
  const found = WORDS.find(([pattern]) => pattern.test(words));
  const usual: Schedule = virtualStages > 1 ? 'interleaved' : '1f1b';
  const unknown = printed !== null && found === undefined && !/1f1b/.test(words);
  const schedule = found === undefined || found[1] === 'interleaved' ? usual : found[1];
  const dual = schedule === 'dualpipe-v' && !/dual-?pipe-?v/.test(words);
  return {
    schedule,
    vocabulary,
    virtualStages: found?.[2] ?? null,
    stock: (schedule === '1f1b' || schedule === 'interleaved') && vocabulary === 'last' && !unknown,
    assumption: unknown
      ? `schedule "${printed.slice(0, 60)}" is unknown: predicted as ${usual}`
      : dual
        ? 'DualPipe is predicted as DualPipe-V'
        : null,
  };
};
