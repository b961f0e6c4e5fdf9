/** A plan file: one element of `plans[]` of the results. */
import { launchedCluster } from '../cluster/launch-order.ts';
import type { Diagnostic } from '../diagnostics.ts';
import { isDataMap, valueRange, type DataDocument } from '../ingest/document.ts';
import { MAXIMUM_SPEC_BYTES, readTextFile } from '../ingest/read-file.ts';
import { readYaml } from '../ingest/read-yaml.ts';
import { diagnosticAt } from '../ingest/source.ts';
import type { Problem } from '../plan/problem.ts';
import { keyOfField } from '../strategy/keys.ts';
import { readStrategy, type StrategyInput } from '../strategy/format.ts';
import type { Partition } from '../strategy/strategy.ts';
import { failUsage, failWith } from './fail.ts';

export interface PlanFile {
  readonly strategy: StrategyInput;
  readonly partition: Partition | null;
  readonly hosts: readonly number[] | null;
  readonly devices: readonly (readonly number[])[] | null;
}

const isCounts = (value: unknown): value is readonly number[] =>
  Array.isArray(value) && value.every((each) => Number.isSafeInteger(each) && each >= 0);

const isCountTable = (value: unknown): value is readonly (readonly number[])[] =>
  Array.isArray(value) && value.every(isCounts);

/** Keys of a plan that decide what is estimated; what else it holds are results. */
const readBody = (document: DataDocument, diagnostics: Diagnostic[]): PlanFile | null => {
  const { root } = document;
  const fault = (pointer: string, message: string): null => {
    diagnostics.push(diagnosticAt(valueRange(document, pointer), 'plan/value', message));
    return null;
  };
  if (!isDataMap(root))
    return fault('', 'a plan is a map with strategy and partition, an element of plans[]');
  const map = root['strategy'];
  if (!isDataMap(map))
    return fault(
      '',
      Array.isArray(root['plans'])
        ? 'these are whole results: a plan file is one element of their plans'
        : 'the plan has no strategy',
    );
  const strategy = readStrategy(map);
  if (!strategy.ok)
    for (const { message, key } of strategy.faults)
      fault(`/strategy/${keyOfField(key as 'tensor')}`, message);
  const table = (key: 'partition' | 'devices'): readonly (readonly number[])[] | null => {
    const value = root[key] ?? null;
    if (value === null || isCountTable(value)) return value;
    return fault(`/${key}`, `${key} is not a list of lists of whole numbers`);
  };
  const hosts = root['hosts'] ?? null;
  if (hosts !== null && !isCounts(hosts)) fault('/hosts', 'hosts is not a list of whole numbers');
  const partition = table('partition');
  const devices = table('devices');
  if (!strategy.ok || diagnostics.length > 0) return null;
  return { strategy: strategy.value, partition, hosts: isCounts(hosts) ? hosts : null, devices };
};

/** Reads a plan file; everything that is wrong with it ends the command with exit status 2. */
export const readPlanFile = (file: string): PlanFile => {
  const source = readTextFile(file, file, MAXIMUM_SPEC_BYTES);
  if (!source.ok) return failWith(source.diagnostics);
  const read = readYaml(source.value);
  const errors = read.diagnostics.filter(({ severity }) => severity === 'error');
  if (read.document === null || errors.length > 0) return failWith(errors);
  const diagnostics: Diagnostic[] = [];
  return readBody(read.document, diagnostics) ?? failWith(diagnostics);
};

/** The problem on the nodes and GPUs as the plan launches them. An order that is none ends the command. */
export const launchedProblem = (problem: Problem, { hosts, devices }: PlanFile, source: string): Problem => {
  try {
    return { ...problem, cluster: launchedCluster(problem.cluster, { hosts, devices }) };
  } catch (error) {
    if (error instanceof RangeError) return failUsage(source, error.message);
    throw error;
  }
};
