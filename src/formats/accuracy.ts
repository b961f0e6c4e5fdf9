/* Generated from schema/accuracy.schema.json by scripts/generate-types.mjs; do not edit. */

/** A fraction; null where there is nothing to divide by. */
export type Fraction = number | null;

/**
 * What `planner accuracy FILE --format json` prints: measured training runs beside the estimator's
 * predictions. Times in seconds, memory in bytes, errors as fractions.
 */
export interface Accuracy {
  schema_version: 1;
  /** Name of the constants that were used. */
  calibration: string;
  records: Record[];
  summary: {
    records: number;
    skipped: {
      reason: string;
      count: number;
    }[];
    coverage: {
      timing: Coverage;
      memory: Coverage;
      oom: Coverage;
    };
    /** Usable rows on stock schedules, without suspect rows and rows of an unknown build. */
    headline: {
      time: Errors;
      mean_of_source_medians: number | null;
      mean_of_source_means: number | null;
      dense: Errors;
      moe: Errors;
      sweeps: Sweeps;
    };
    memory: {
      all: Errors;
      mean_of_source_means: number | null;
      bound: Bound;
      by_kind: Group[];
    };
    oom: {
      all: Detection;
      by_source: {
        name: string;
        /** Runs that ran out of memory. */
        positives: number;
        found: number;
        /** Runs that ran and were predicted not to fit. */
        false_alarms: number;
        recall: Fraction;
        precision: Fraction;
      }[];
    };
    by_source: Group[];
    by_accelerator: Group[];
    by_runtime: Group[];
    by_architecture: Group[];
    /** Timing rows left out of the headline figures, by reason. */
    apart: Group[];
    sweeps: SweepScore[];
    /** Rows whose micro-batch is not printed: orderings in groups that differ in layout alone. */
    orderings: {
      groups: number;
      pairs: number;
      /** Pairs more than 5 % apart in the measured order. */
      right: number;
      /** Groups whose predicted best is the measured best. */
      best_found: number;
      time: Errors;
      by_source: {
        name: string;
        groups: number;
        pairs: number;
        /** Pairs more than 5 % apart in the measured order. */
        right: number;
        /** Groups whose predicted best is the measured best. */
        best_found: number;
      }[];
    };
    worst: {
      id: string;
      source: string;
      error: number;
    }[];
  };
}

/** One measured run beside its prediction. */
export interface Record {
  id: string;
  source: string;
  /** Why the record could not be predicted; null: it was. */
  skipped: string | null;
  measured: {
    /** Printed, or from the printed throughput. */
    iteration_time_s: number | null;
    peak_memory_bytes: number | null;
    oom: boolean | null;
  };
  predicted: {
    iteration_time_s: number | null;
    /** Of the kind and the rank that the source reports. */
    peak_memory_bytes: number | null;
    peak_memory_bound_bytes: number | null;
    feasible: boolean | null;
  };
  /** What the record counts for. */
  scores: {
    timing: boolean;
    ordering: boolean;
    memory: boolean;
    oom: boolean;
    ran: boolean;
  };
  /** Why it is not among the headline figures; null: it is. */
  apart: string | null;
  accelerator: string;
  runtime: string;
  architecture: 'dense' | 'moe' | 'hybrid';
  memory_kind: string;
  /** What the source does not print and a rule filled in. */
  assumptions: string[];
}

export interface Coverage {
  /** Records that carry such a figure. */
  usable: number;
  predicted: number;
  share: Fraction;
}

/** Relative errors of predictions, as fractions. */
export interface Errors {
  count: number;
  /** Of the absolute relative error, predicted / measured - 1. */
  median: number | null;
  mean: number | null;
  /** Mean of the signed relative error: above 0, predictions are too large. */
  bias: number | null;
}

/**
 * Rows that share source, model, GPU type, GPU count, sequence length, global batch and precision, five or
 * more.
 */
export interface Sweeps {
  sweeps: number;
  /** Mean over sweeps. */
  kendall_tau: number | null;
  /** Mean over sweeps. */
  regret: number | null;
  worst: null | SweepScore;
}

export interface SweepScore {
  key: string;
  rows: number;
  /** Pairs whose measured times differ by more than 5 %. */
  pairs: number;
  kendall_tau: number | null;
  /** Measured time of the predicted best over the best measured, less one. */
  regret: number;
}

/** The one-sided memory bound against measured peaks. */
export interface Bound {
  count: number;
  /** Measured peaks above the bound. */
  violated: number;
  violated_share: Fraction;
  /** Mean of bound / measured - 1. */
  size: number | null;
}

/** Records of one group: times of headline rows, memory of all rows that are not suspect. */
export interface Group {
  name: string;
  records: number;
  skipped: number;
  time: Errors;
  memory: Errors;
  bound: Bound;
}

export interface Detection {
  /** Runs that ran out of memory. */
  positives: number;
  found: number;
  /** Runs that ran and were predicted not to fit. */
  false_alarms: number;
  recall: Fraction;
  precision: Fraction;
}
