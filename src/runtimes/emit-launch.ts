import { nodeCount } from '../cluster/cluster.ts';
import type { Plan } from '../plan/plan.ts';
import type { Problem } from '../plan/problem.ts';
import { unsupported } from './emit-types.ts';
import type { Emission, EmitOptions, EmittedFile } from './emit-types.ts';
import { planHeader } from './header.ts';
import { hostsOf, launchNodes } from './launch-nodes.ts';
import type { LaunchNode } from './launch-nodes.ts';
import { slurmScript, torchrunScript } from './launch-script.ts';
import type { ScriptContent } from './launch-script.ts';
import { isHostName } from './shell.ts';

/** What a runtime adds to a launch script. */
export interface LaunchContent extends Pick<ScriptContent, 'environment' | 'flags' | 'program'> {
  /** Name and release, for the header. */
  readonly runtime: string;
  /** One sentence on what the user passes. */
  readonly usage: string;
  readonly notes: readonly string[];
  /** Files beside the script. */
  readonly files: readonly EmittedFile[];
}

const orderNotes = (plan: Plan, nodes: readonly LaunchNode[], hosts: readonly string[] | null): string[] => {
  if (plan.hosts === null || hosts !== null || nodes.length < 2) return [];
  const order = nodes.map(({ index }) => index).join(' ');
  return [
    `The plan launches the cluster's nodes in the order ${order}; without host names only NODE_RANK can realise it.`,
  ];
};

/** The launch script `train.sh` of a plan, and what a runtime puts beside it. */
export const emitLaunch = (
  plan: Plan,
  problem: Problem,
  options: EmitOptions,
  content: LaunchContent,
): Emission => {
  if (options.launcher === 'k8s')
    return unsupported('Kubernetes manifests are not available yet: use torchrun or slurm');
  const nodes = launchNodes(plan, problem.cluster);
  const hosts = hostsOf(nodes);
  const bad = hosts?.find((host) => !isHostName(host));
  if (bad !== undefined)
    return unsupported(`${JSON.stringify(bad)} is no host name: letters, digits, dots and dashes alone`);
  const script: ScriptContent = {
    header: [...planHeader(plan, problem, content.runtime, options.version), content.usage, ...content.notes],
    environment: content.environment,
    flags: content.flags,
    program: content.program,
    jobName: problem.model.name,
  };
  const text = options.launcher === 'slurm' ? slurmScript(script, nodes) : torchrunScript(script, nodes);
  const idle = nodeCount(problem.cluster) - nodes.length;
  return {
    files: [{ name: 'train.sh', text }, ...content.files],
    notes: [
      ...content.notes,
      ...orderNotes(plan, nodes, hosts),
      ...(idle > 0 ? [`${idle} nodes of the cluster are not used.`] : []),
    ],
    unsupported: null,
  };
};
