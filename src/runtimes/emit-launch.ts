import { nodeCount } from '../cluster/cluster.ts';
import type { Plan } from '../plan/plan.ts';
import type { Problem } from '../plan/problem.ts';
import { unsupported } from './emit-types.ts';
import type { Emission, EmitOptions, EmittedFile, NotCarried } from './emit-types.ts';
import { planHeader } from './header.ts';
import { hostsOf, launchNodes, uniformGpus } from './launch-nodes.ts';
import type { LaunchNode } from './launch-nodes.ts';
import { kubernetesManifest } from './kubernetes/write.ts';
import { slurmScript, torchrunScript } from './launch-script.ts';
import type { ScriptContent } from './launch-script.ts';
import { isHostName } from './shell.ts';

/** What a runtime adds to a launch script. */
export interface LaunchContent extends Pick<ScriptContent, 'environment' | 'flags' | 'program' | 'starter'> {
  /** Name and release, for the header. */
  readonly runtime: string;
  /** One sentence on what the user passes. */
  readonly usage: string;
  readonly notes: readonly string[];
  readonly notCarried: readonly NotCarried[];
  /** Files beside the script, with the variable that tells the script where one is. */
  readonly files: readonly (EmittedFile & { readonly variable?: string })[];
}

const orderNotes = (plan: Plan, nodes: readonly LaunchNode[], hosts: readonly string[] | null): string[] => {
  if (plan.hosts === null || hosts !== null || nodes.length < 2) return [];
  const order = nodes.map(({ index }) => index).join(' ');
  return [
    `The plan launches the cluster's nodes in the order ${order}; without host names only NODE_RANK can realise it.`,
  ];
};

const header = (plan: Plan, problem: Problem, options: EmitOptions, content: LaunchContent): string[] => [
  ...planHeader(plan, problem, content.runtime, options),
  content.usage,
  ...content.notes,
  ...content.notCarried.map(({ text }) => `Not carried over: ${text}.`),
];

/**
 * The launch of a plan and what a runtime puts beside it: a script `train.sh`, or a manifest `job.yaml` that holds the
 * script and the other files.
 */
export const emitLaunch = (
  plan: Plan,
  problem: Problem,
  options: EmitOptions,
  content: LaunchContent,
): Emission => {
  const { launcher } = options;
  const nodes = launchNodes(plan, problem.cluster);
  const hosts = hostsOf(nodes);
  const bad = hosts?.find((host) => !isHostName(host));
  if (bad !== undefined)
    return unsupported(`${JSON.stringify(bad)} is no host name: letters, digits, dots and dashes alone`);
  if (content.starter === 'accelerate' && uniformGpus(nodes) === null)
    return unsupported('accelerate launches the same number of processes on every node');
  const script: ScriptContent = {
    header: header(plan, problem, options, content),
    environment: content.environment,
    flags: content.flags,
    program: content.program,
    starter: content.starter,
    jobName: problem.model.name,
  };
  const text = launcher === 'slurm' ? slurmScript(script, nodes) : torchrunScript(script, nodes);
  const train = { name: 'train.sh', text };
  const idle = nodeCount(problem.cluster) - nodes.length;
  const notes = [
    ...content.notes,
    ...(launcher === 'slurm'
      ? ['Partition, account and time limit are options of sbatch: sbatch --partition=… --time=… train.sh']
      : []),
    ...(idle > 0 ? [`${idle} nodes of the cluster are not used.`] : []),
  ];
  if (launcher === 'torchrun' || launcher === 'slurm')
    return {
      files: [train, ...content.files.map(({ name, text: inside }) => ({ name, text: inside }))],
      notes: [...notes, ...orderNotes(plan, nodes, hosts)],
      notCarried: content.notCarried,
      unsupported: null,
    };
  const manifest = kubernetesManifest({
    kind: launcher,
    jobName: problem.model.name,
    header: script.header,
    cluster: problem.cluster,
    nodes,
    files: [train, ...content.files],
  });
  if (!manifest.ok) return unsupported(manifest.reason);
  return {
    files: [manifest.file],
    notes: [...notes, ...manifest.notes],
    notCarried: content.notCarried,
    unsupported: null,
  };
};
