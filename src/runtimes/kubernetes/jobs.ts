import { fieldVariable, planFolder, podTemplate, variable } from './pod.ts';
import type { Place, PodContent, Yaml, YamlMap } from './pod.ts';

/** What a job of Kubernetes is made from, whichever controller runs it. */
export interface JobContent extends Pick<PodContent, 'gpus' | 'cluster' | 'image'> {
  readonly name: string;
  readonly nodes: number;
  /** Host names in launch order; null: any nodes, in the order of the pods' indices. */
  readonly hosts: readonly string[] | null;
  /** Where the runtime's files are found: names and paths. */
  readonly variables: readonly (readonly [name: string, value: string])[];
}

const script = `${planFolder}/train.sh`;
const port = 29500;

/** The node that a pod runs on; the script looks its rank up in the plan's list of hosts. */
const nodeName = fieldVariable('NODE_NAME', 'spec.nodeName');

/** Roles of pods: the first rank's, whose name the others need, and the rest. */
const roles = ({
  nodes,
  hosts,
}: JobContent): readonly { name: 'leader' | 'worker'; pods: number; place: Place }[] => {
  const [first, ...rest] = hosts ?? [];
  const at: Place = first === undefined ? { kind: 'any' } : { kind: 'node', host: first };
  const leader = { name: 'leader', pods: 1, place: at } as const;
  if (nodes === 1) return [leader];
  const place: Place = hosts === null ? { kind: 'any' } : { kind: 'nodes', hosts: rest };
  return [leader, { name: 'worker', pods: nodes - 1, place }];
};

/**
 * A JobSet (jobset.x-k8s.io/v1alpha2). Named hosts: the leader is pinned to the first, the workers to the others, and
 * each pod takes the rank of the node that it landed on. Otherwise ranks are the indices of one indexed job.
 * JobSet makes the headless service by which pods find the first.
 */
export const jobSet = (content: JobContent): YamlMap => {
  const { name, nodes, hosts, variables } = content;
  const job = (role: string, pods: number, place: Place, rank: Yaml, first: string): YamlMap => ({
    name: role,
    replicas: 1,
    template: {
      spec: {
        completionMode: 'Indexed',
        completions: pods,
        parallelism: pods,
        backoffLimit: 0,
        template: podTemplate({
          job: name,
          gpus: content.gpus,
          pods: nodes,
          cluster: content.cluster,
          container: 'train',
          image: content.image,
          restart: 'Never',
          place,
          command: ['bash', script],
          environment: [
            rank,
            variable('MASTER_ADDR', `${name}-${first}-0-0.${name}`),
            variable('MASTER_PORT', String(port)),
            ...variables.map(([key, text]) => variable(key, text)),
          ],
        }),
      },
    },
  });
  const index = fieldVariable(
    'NODE_RANK',
    "metadata.annotations['batch.kubernetes.io/job-completion-index']",
  );
  return {
    apiVersion: 'jobset.x-k8s.io/v1alpha2',
    kind: 'JobSet',
    metadata: { name },
    spec: {
      network: { enableDNSHostnames: true, subdomain: name },
      replicatedJobs:
        hosts === null
          ? [job('node', nodes, { kind: 'any' }, index, 'node')]
          : roles(content).map(({ name: role, pods, place }) => job(role, pods, place, nodeName, 'leader')),
    },
  };
};

/**
 * A PyTorchJob (kubeflow.org/v1). Its operator numbers the pods (RANK: the master 0, worker i has i + 1), makes their
 * services and tells them the master's address; hosts are pinned as in a JobSet.
 */
export const pytorchJob = (content: JobContent): YamlMap => {
  const { name, nodes, hosts, variables } = content;
  const numbered = ['bash', '-c', `NODE_RANK=\${PET_NODE_RANK:-$RANK} exec bash ${script} "$@"`, 'train.sh'];
  const replicas = roles(content).map(({ name: role, pods, place }): [string, Yaml] => [
    role === 'leader' ? 'Master' : 'Worker',
    {
      replicas: pods,
      restartPolicy: 'Never',
      template: podTemplate({
        job: name,
        gpus: content.gpus,
        pods: nodes,
        cluster: content.cluster,
        // The name that the operator looks for.
        container: 'pytorch',
        image: content.image,
        restart: null,
        place,
        command: hosts === null ? numbered : ['bash', script],
        environment: [
          ...(hosts === null ? [] : [nodeName]),
          ...variables.map(([key, text]) => variable(key, text)),
        ],
      }),
    },
  ]);
  return {
    apiVersion: 'kubeflow.org/v1',
    kind: 'PyTorchJob',
    metadata: { name },
    spec: {
      nprocPerNode: String(content.gpus),
      runPolicy: { backoffLimit: 0, cleanPodPolicy: 'None' },
      pytorchReplicaSpecs: Object.fromEntries(replicas),
    },
  };
};
