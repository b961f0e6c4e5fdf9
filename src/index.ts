/** The library: what the command line is made of. Everything else is internal and may change. */
export { loadProblem, loadSpec, loadSpecText } from './spec/load.ts';
export type { LoadedSpec, LoadOptions } from './spec/load.ts';
export { echoProblem } from './spec/echo.ts';
export { createEstimator } from './cost/estimator.ts';
export type { Estimator, Evaluation } from './cost/estimator.ts';
export { defaultCalibration, readCalibration } from './ingest/calibration.ts';
export { formatQuantity, parseQuantity } from './quantity.ts';
export type { Dimension, QuantityResult } from './quantity.ts';
export { parseStrategy, strategyToJson, strategyToText } from './strategy/format.ts';
export type { Calibration } from './cost/calibration.ts';
export type { Diagnostic, Position, Result, Severity } from './diagnostics.ts';
export type { Cluster } from './cluster/cluster.ts';
export type { Model } from './model/model.ts';
export type { Estimate, NearestMiss, Plan, SearchResult, SearchStatistics } from './plan/plan.ts';
export type { Problem, SearchOptions, Training } from './plan/problem.ts';
export type { Partition, Strategy } from './strategy/strategy.ts';
export type { Spec } from './formats/spec.ts';
