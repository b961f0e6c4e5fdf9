import type { Range } from '../ingest/source.ts';
import type { RawFinding } from './finding.ts';
import type { Subject, Unreadable } from './subject.ts';
import type { Target } from './target.ts';

/** What a file turned out to be. */
export type ReadResult =
  | { readonly kind: 'subjects'; readonly subjects: readonly Subject[] }
  /** The file itself would not get past its first parser. */
  | {
      readonly kind: 'refused';
      readonly target: Target;
      readonly findings: readonly { readonly finding: RawFinding; readonly range: Range }[];
    }
  | ({ readonly kind: 'unreadable' } & Unreadable);
