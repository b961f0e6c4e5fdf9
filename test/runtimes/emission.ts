/** Every writer of launch files, and what its files say when they are read again. */
import { parse as parseToml } from 'smol-toml';
import { parseAllDocuments, parse as parseYaml } from 'yaml';
import type { RuntimeName } from '../../src/plan/problem.ts';
import { completeStrategy } from '../../src/runtimes/complete.ts';
import { readDeepspeed } from '../../src/runtimes/deepspeed/read.ts';
import type { Emission, EmitTarget, Launcher } from '../../src/runtimes/emit-types.ts';
import { emit } from '../../src/runtimes/emit.ts';
import { readMegatronScript } from '../../src/runtimes/megatron/read-script.ts';
import { hasExperts } from '../../src/runtimes/model-facts.ts';
import { readNanotron } from '../../src/runtimes/nanotron/read.ts';
import { latestVersion, runtimeOf } from '../../src/runtimes/registry.ts';
import type { PartialStrategy } from '../../src/runtimes/runtime.ts';
import { readTorchtitan } from '../../src/runtimes/torchtitan/read.ts';
import { effectiveStrategy } from '../../src/strategy/effective.ts';
import { evenPartition } from '../../src/strategy/layer-split.ts';
import type { Partition, Strategy } from '../../src/strategy/strategy.ts';
import { validateSource } from '../../src/validate/validate-file.ts';
import type { FileReport } from '../../src/validate/validate-file.ts';
import { legalCases } from '../strategies.ts';
import type { Case } from '../strategies.ts';

export interface Writer {
  readonly name: string;
  readonly target: EmitTarget;
  readonly launcher: Launcher;
  /** Whose rules the strategies obey. */
  readonly runtime: RuntimeName;
  readonly version: string;
  /** The file that says the strategy. */
  readonly file: string;
}

const writer = (
  name: string,
  target: EmitTarget,
  runtime: RuntimeName,
  file: string,
  launcher: Launcher = 'torchrun',
  version = latestVersion(runtime),
): Writer => ({ name, target, launcher, runtime, version, file });

export const writers: readonly Writer[] = [
  writer('Megatron-LM, torchrun', 'megatron', 'megatron', 'train.sh'),
  writer('Megatron-LM, Slurm', 'megatron', 'megatron', 'train.sh', 'slurm'),
  writer('Megatron-LM, JobSet', 'megatron', 'megatron', 'job.yaml', 'jobset'),
  writer('Megatron-LM, PyTorchJob', 'megatron', 'megatron', 'job.yaml', 'pytorchjob'),
  writer('Megatron-Bridge', 'bridge', 'megatron', 'train.sh'),
  writer('torchtitan 2025', 'torchtitan', 'torchtitan', 'train.toml', 'slurm', '2025'),
  writer('torchtitan 2026', 'torchtitan', 'torchtitan', 'train.sh'),
  writer('nanotron', 'nanotron', 'nanotron', 'plan.yaml'),
  writer('DeepSpeed', 'deepspeed', 'deepspeed', 'ds_config.json'),
  writer('accelerate, FSDP2', 'accelerate', 'fsdp', 'accelerate.yaml'),
  writer('accelerate, Megatron-LM plugin', 'accelerate', 'megatron', 'accelerate.yaml', 'slurm'),
  writer('accelerate, DeepSpeed', 'accelerate', 'deepspeed', 'ds_config.json'),
];

/** A case with the writer's own version. */
export const asWritten = (one: Case, { version }: Writer): Case => ({
  ...one,
  problem: {
    ...one.problem,
    training: {
      ...one.problem.training,
      runtime: { ...one.problem.training.runtime, version },
    },
  },
});

export const emissionOf = (given: Case, to: Writer): Emission => {
  const { plan, problem } = asWritten(given, to);
  return emit(plan, problem, { target: to.target, launcher: to.launcher, version: '0.1.0' });
};

/** `count` legal strategies that the writer can state, and its files. */
export const emitted = (
  to: Writer,
  count: number,
  seed: number,
): { readonly cases: readonly { one: Case; emission: Emission }[]; readonly refused: number } => {
  const cases: { one: Case; emission: Emission }[] = [];
  let refused = 0;
  for (let round = 0; cases.length < count && round < 200; round++)
    for (const one of legalCases(Math.max(20, count), seed + round, to.runtime)) {
      const emission = emissionOf(one, to);
      if (emission.unsupported !== null) refused += 1;
      else if (cases.length < count) cases.push({ one, emission });
    }
  return { cases, refused };
};

export const fileOf = (emission: Emission, name: string): string =>
  emission.files.find((file) => file.name === name)?.text ?? '';

/** A file of the launch: one of those written, or one that the manifest's ConfigMap carries. */
export const launchFile = (emission: Emission, name: string): string => {
  const manifest = fileOf(emission, 'job.yaml');
  if (manifest === '') return fileOf(emission, name);
  const [configMap] = parseAllDocuments(manifest).map(
    (document) => document.toJS() as { data?: Record<string, string> },
  );
  return configMap?.data?.[name] ?? '';
};

/** The script that a manifest carries, or the script itself. */
export const scriptOf = (emission: Emission): string => launchFile(emission, 'train.sh');

/** `planner validate` on what was written, on as many GPUs as the plan uses. */
export const validated = ({ plan, problem }: Case, name: string, text: string): FileReport => {
  const [group] = problem.cluster.groups;
  return validateSource(
    { name, text },
    {
      environment: new Map(),
      gpus: plan.gpusUsed,
      clusterGpus: null,
      perNode: group?.perNode ?? null,
      target: null,
      architecture: group?.accelerator.architecture ?? null,
    },
    [],
  );
};

interface ReadBack {
  readonly strategy: Strategy | null;
  /** null: whatever the target splits. */
  readonly partition: Partition | null;
}

const judged = (one: Case, name: string, text: string): ReadBack => {
  const first = validated(one, name, text).subjects[0]?.decision.first;
  return { strategy: first?.strategy ?? null, partition: first?.partition ?? null };
};

/** What the files say, read by the readers of `planner validate`. */
export const readBack = (one: Case, to: Writer, emission: Emission): ReadBack => {
  const { plan, problem } = one;
  const text = fileOf(emission, to.file);
  const complete = (partial: PartialStrategy): Strategy =>
    completeStrategy(partial, {
      gpus: plan.gpusUsed,
      runtime: runtimeOf(to.runtime),
      version: to.version,
      model: problem.model,
    });
  if (to.target === 'megatron') {
    const reading = readMegatronScript(scriptOf(emission), to.version);
    return { strategy: reading?.strategy ?? null, partition: reading?.partition ?? null };
  }
  switch (to.file) {
    case 'train.toml': {
      const reading = readTorchtitan(parseToml(text), plan.gpusUsed);
      return { strategy: complete(reading.strategy), partition: reading.partition };
    }
    case 'plan.yaml':
      return { strategy: complete(readNanotron(parseYaml(text)).strategy), partition: null };
    case 'ds_config.json':
      return {
        strategy: complete(readDeepspeed(JSON.parse(text), plan.gpusUsed).strategy),
        partition: null,
      };
    default:
      return judged(one, to.file, text);
  }
};

/** Strategy keys in which the files differ from the plan, beside those that they say they do not carry. */
export const differences = (one: Case, emission: Emission, read: ReadBack): readonly string[] => {
  const { plan, problem } = one;
  if (read.strategy === null) return ['nothing could be read'];
  const lost = new Set<string>(emission.notCarried.map(({ part }) => part));
  const entries = Object.entries(plan.strategy).filter(([key]) => lost.has(key));
  const seen = { ...read.strategy, ...Object.fromEntries(entries) };
  const experts = hasExperts(problem.model);
  const [wanted, found] = [
    effectiveStrategy(plan.strategy, experts),
    effectiveStrategy(seen, experts),
  ] as const;
  const keys = (Object.keys(wanted) as (keyof Strategy)[]).filter(
    (key) => JSON.stringify(wanted[key]) !== JSON.stringify(found[key]),
  );
  const { pipeline, virtualStages } = plan.strategy;
  const split = read.partition ?? evenPartition(problem.model.layers.length, pipeline, virtualStages);
  const splits =
    pipeline > 1 && !lost.has('partition') && JSON.stringify(split) !== JSON.stringify(plan.partition)
      ? ['partition']
      : [];
  return [
    ...keys.map((key) => `${key}: ${JSON.stringify(wanted[key])} became ${JSON.stringify(found[key])}`),
    ...splits,
  ];
};
