/** What a call of `planner validate` checks, from its arguments and the project's configuration. */
import { existsSync } from 'node:fs';
import type { Accelerator, AcceleratorArchitecture } from '../cluster/cluster.ts';
import { gpuCount } from '../cluster/cluster.ts';
import type { Diagnostic } from '../diagnostics.ts';
import { MAXIMUM_SPEC_BYTES, readTextFile } from '../ingest/read-file.ts';
import { isRuleName } from '../validate/all-rules.ts';
import { emptyConfig, readProjectConfig } from '../validate/project-config.ts';
import type { ProjectConfig } from '../validate/project-config.ts';
import type { ReadOptions } from '../validate/subject.ts';
import { parseTarget, targetNames, versionsOf } from '../validate/target.ts';
import type { Target } from '../validate/target.ts';
import { failUsage, failWith } from './fail.ts';
import type { NamedSpec } from './specs.ts';

export const CONFIG_FILE = 'planner.config.yaml';

export interface ValidateOptions {
  readonly spec?: string;
  readonly target?: string;
  readonly gpus?: number;
  readonly env: readonly string[];
  readonly strict?: boolean;
  readonly maxSlowdown?: number;
  readonly config?: string;
  readonly set: readonly string[];
}

/** --config FILE, or planner.config.yaml of the folder that the command runs in. */
export const loadProjectConfig = (given: string | undefined): ProjectConfig => {
  const file = given ?? (existsSync(CONFIG_FILE) ? CONFIG_FILE : null);
  if (file === null) return emptyConfig;
  const source = readTextFile(file, file, MAXIMUM_SPEC_BYTES);
  if (!source.ok) return failWith(source.diagnostics);
  const read = readProjectConfig(source.value, isRuleName);
  return read.ok ? read.value : failWith(read.diagnostics);
};

const targetFrom = (text: string, option: string): Target => {
  const target = parseTarget(text);
  if (target === null)
    return failUsage(option, 'not a target', {
      found: text,
      expected: `NAME or NAME@VERSION, NAME one of ${targetNames.join(', ')}`,
    });
  const versions = versionsOf(target.name);
  if (target.versionGiven && !versions.includes(target.version))
    return failUsage(option, `planner has no facts about this version of ${target.name}`, {
      found: target.version,
      expected: versions.join(', '),
    });
  return target;
};

const variable = (text: string): readonly [string, string] => {
  const match = /^([A-Za-z_]\w{0,200}|\d{1,3})=([^\0]*)$/su.exec(text);
  return match === null
    ? failUsage('--env', 'not a variable', { found: text.slice(0, 80), expected: 'NAME=value' })
    : [match[1] ?? '', match[2] ?? ''];
};

export interface Prepared {
  readonly read: ReadOptions;
  readonly spec: NamedSpec | null;
  readonly off: ProjectConfig['off'];
  readonly strict: boolean;
  readonly maxSlowdown: number;
  readonly slowdownGiven: boolean;
}

/** The weakest GPU of a cluster decides what its launches may use; null without a SPEC. */
const architectureOf = (spec: NamedSpec | null): AcceleratorArchitecture | null => {
  const peakOf = ({ peak }: Accelerator): number => peak.bf16 ?? peak.fp16 ?? 0;
  const [weakest] = (spec?.problem.cluster.groups ?? [])
    .map(({ accelerator }) => accelerator)
    .toSorted((a, b) => peakOf(a) - peakOf(b));
  return weakest?.architecture ?? null;
};

/** The SPEC of a call; what reads SPECs is loaded where there is one alone. */
const specOf = async (options: ValidateOptions, config: ProjectConfig): Promise<NamedSpec | null> => {
  const file = options.spec ?? config.spec;
  if (file === null) {
    const needs = 'has a meaning with a SPEC alone';
    if (options.set.length > 0) failUsage('--set', needs, { expected: '--spec SPEC' });
    if (options.maxSlowdown !== undefined) failUsage('--max-slowdown', needs, { expected: '--spec SPEC' });
    return null;
  }
  const { loadSpecs } = await import('./specs.ts');
  return loadSpecs([file], options.set)[0] ?? null;
};

/** Command line over project configuration over defaults. */
export const prepare = async (options: ValidateOptions, config: ProjectConfig): Promise<Prepared> => {
  const spec = await specOf(options, config);
  const target = options.target ?? config.target;
  const perNode =
    spec === null ? null : Math.min(...spec.problem.cluster.groups.map((group) => group.perNode));
  return {
    read: {
      environment: new Map([...config.environment, ...options.env.map(variable)]),
      gpus: options.gpus ?? config.gpus,
      clusterGpus: spec === null ? null : gpuCount(spec.problem.cluster),
      perNode,
      target:
        target === null ? null : targetFrom(target, options.target === undefined ? CONFIG_FILE : '--target'),
      architecture: architectureOf(spec),
    },
    spec,
    off: config.off,
    strict: options.strict ?? config.strict,
    maxSlowdown: options.maxSlowdown ?? config.maxSlowdown ?? 0.1,
    slowdownGiven: options.maxSlowdown !== undefined || config.maxSlowdown !== null,
  };
};

export const unreadable = (file: string, message: string): Diagnostic => ({
  id: 'validate/unreadable',
  severity: 'error',
  file,
  position: { line: 1, column: 1 },
  message,
});
