import type { AcceleratorArchitecture } from '../cluster/cluster.ts';
import type { Range, Source } from '../ingest/source.ts';
import type { Model } from '../model/model.ts';
import type { Training } from '../plan/problem.ts';
import type { Partition, Strategy } from '../strategy/strategy.ts';
import type { RawFinding } from './finding.ts';
import type { Target } from './target.ts';

/** Changed settings and filled gaps, by key; null takes a setting out. */
export type Changes = ReadonlyMap<string, string | null>;

export const noChanges: Changes = new Map();

/** What the file leaves to the run: rules are asked with several values, and hold when they hold with each. */
export interface OpenValue {
  /** Its key in Changes. */
  readonly key: string;
  /** `$TP`; `the number of GPUs`. */
  readonly label: string;
  /** How the user can give it: `--env TP=…`, `--gpus N`. */
  readonly hint: string;
  /** The first makes as much of the configuration legal as it can. */
  readonly candidates: readonly string[];
}

/** A setting that a fix may change. */
export interface Setting {
  /** Its key in Changes and its name in the file. */
  readonly key: string;
  readonly value: string | null;
  /** Values to try, besides; null: take it out. */
  readonly candidates: readonly (string | null)[];
}

/** A configuration, judged for one choice of what it leaves open. */
export interface Judgement {
  readonly findings: readonly RawFinding[];
  readonly world: number;
  /** null where too little is known. */
  readonly strategy: Strategy | null;
  readonly partition: Partition | null;
  readonly model: Model | null;
  readonly training: Training | null;
}

/** One launch or configuration in a file. */
export interface Subject {
  readonly target: Target;
  readonly source: Source;
  readonly open: readonly OpenValue[];
  /** Strategy keys about which the file, its runtime's defaults and the options say nothing. */
  readonly unknownKeys: ReadonlySet<keyof Strategy>;
  readonly judge: (changes: Changes) => Judgement;
  readonly placeOf: (setting: string) => Range | null;
  /** Value of a setting as the run sees it, and where it comes from. */
  readonly originOf: (setting: string) => { readonly value: string; readonly from: string } | null;
  readonly settings: readonly Setting[];
  /** The text with changed settings; null where this file cannot be rewritten so. */
  readonly rewrite: (changes: Changes) => string | null;
  readonly notes: readonly RawFinding[];
  /** Rules that are asked. */
  readonly rules: readonly string[];
}

/** Files that cannot be judged. */
export interface Unreadable {
  readonly message: string;
  readonly range: Range | null;
}

/** What the command line and the project's configuration say about every file. */
export interface ReadOptions {
  readonly environment: ReadonlyMap<string, string>;
  /** --gpus; null where not given. */
  readonly gpus: number | null;
  /** GPUs of the SPEC's cluster; null without a SPEC. */
  readonly clusterGpus: number | null;
  readonly perNode: number | null;
  readonly target: Target | null;
  readonly architecture: AcceleratorArchitecture | null;
}
