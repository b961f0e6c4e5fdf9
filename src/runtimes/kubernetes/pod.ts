import type { Cluster, Nics } from '../../cluster/cluster.ts';

/** A node of YAML: what Kubernetes objects are made of. */
export type Yaml = string | number | boolean | readonly Yaml[] | { readonly [key: string]: Yaml };
export type YamlMap = Readonly<Record<string, Yaml>>;

/** Folder of the plan's files in a pod. */
export const planFolder = '/etc/planner';

/** Label that the pods of one job share. */
const instanceLabel = 'app.kubernetes.io/instance';

/** Which node a pod may run on: this one, any of these, or any. */
export type Place =
  | { readonly kind: 'any' }
  | { readonly kind: 'node'; readonly host: string }
  | { readonly kind: 'nodes'; readonly hosts: readonly string[] };

export interface PodContent {
  readonly job: string;
  /** GPUs of each pod: all that the plan uses of a node. */
  readonly gpus: number;
  /** Pods of the job: more than one must reach each other. */
  readonly pods: number;
  readonly cluster: Cluster;
  readonly environment: readonly Yaml[];
  readonly command: readonly string[];
  readonly place: Place;
  readonly restart: 'Never' | null;
  readonly container: string;
  readonly image: string;
}

const hostLabel = 'kubernetes.io/hostname';

/** Ports of a node as the device plugins of Kubernetes offer them. */
const networkResources = (nics: Nics): YamlMap => {
  switch (nics.kind) {
    case 'efa':
      // github.com/aws-samples: one per interface of the instance.
      return { 'vpc.amazonaws.com/efa': nics.count };
    case 'infiniband':
    case 'roce':
      // k8s-rdma-shared-dev-plugin's own example name: a cluster's administrator chooses it.
      return { 'rdma/hca_shared_devices_a': 1 };
    default:
      return {};
  }
};

const isRdma = ({ kind }: Nics): boolean => kind === 'infiniband' || kind === 'roce';

/** Names of resources that a cluster's administrator chose, and that the reader must compare. */
export const chosenResources = (cluster: Cluster): readonly string[] =>
  cluster.groups.some(({ nics }) => isRdma(nics)) ? ['rdma/hca_shared_devices_a'] : [];

const placement = (content: PodContent): YamlMap => {
  const apart: YamlMap =
    content.pods === 1
      ? {}
      : {
          podAntiAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: [
              {
                labelSelector: { matchLabels: { [instanceLabel]: content.job } },
                topologyKey: hostLabel,
              },
            ],
          },
        };
  switch (content.place.kind) {
    case 'any':
      return content.pods === 1 ? {} : { affinity: apart };
    case 'node':
      return {
        nodeSelector: { [hostLabel]: content.place.host },
        ...(content.pods === 1 ? {} : { affinity: apart }),
      };
    case 'nodes':
      return {
        affinity: {
          nodeAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: {
              nodeSelectorTerms: [
                {
                  matchExpressions: [{ key: hostLabel, operator: 'In', values: content.place.hosts }],
                },
              ],
            },
          },
          ...apart,
        },
      };
    default:
      return content.place satisfies never;
  }
};

/** The pod of one node: all of its GPUs, its ports, shared memory for the ranks, the plan's files. */
export const podTemplate = (content: PodContent): YamlMap => {
  const [group] = content.cluster.groups;
  const amd = group?.accelerator.architecture.startsWith('cdna') === true;
  const gpu = amd ? 'amd.com/gpu' : 'nvidia.com/gpu';
  const network = group === undefined || content.pods === 1 ? {} : networkResources(group.nics);
  const rdma = content.pods > 1 && group !== undefined && isRdma(group.nics);
  return {
    metadata: { labels: { [instanceLabel]: content.job } },
    spec: {
      ...(content.restart === null ? {} : { restartPolicy: content.restart }),
      ...placement(content),
      tolerations: [{ key: gpu, operator: 'Exists', effect: 'NoSchedule' }],
      containers: [
        {
          name: content.container,
          image: content.image,
          command: content.command,
          args: [],
          ...(content.environment.length === 0 ? {} : { env: content.environment }),
          resources: { limits: { [gpu]: content.gpus, ...network } },
          // Registered memory is locked.
          ...(rdma ? { securityContext: { capabilities: { add: ['IPC_LOCK'] } } } : {}),
          volumeMounts: [
            { name: 'plan', mountPath: planFolder, readOnly: true },
            { name: 'shm', mountPath: '/dev/shm' },
          ],
        },
      ],
      volumes: [
        { name: 'plan', configMap: { name: `${content.job}-plan` } },
        { name: 'shm', emptyDir: { medium: 'Memory' } },
      ],
    },
  };
};

export const variable = (name: string, value: string): YamlMap => ({ name, value });
export const fieldVariable = (name: string, fieldPath: string): YamlMap => ({
  name,
  valueFrom: { fieldRef: { fieldPath } },
});
