import { stringify } from 'yaml';
import type { Cluster } from '../../cluster/cluster.ts';
import type { EmittedFile } from '../emit-types.ts';
import { hostsOf, uniformGpus } from '../launch-nodes.ts';
import type { LaunchNode } from '../launch-nodes.ts';
import { commentText } from '../shell.ts';
import { jobSet, pytorchJob } from './jobs.ts';
import { kubernetesName } from './name.ts';
import { chosenResources, planFolder } from './pod.ts';
import type { YamlMap } from './pod.ts';

export interface ManifestContent {
  readonly kind: 'jobset' | 'pytorchjob';
  readonly jobName: string;
  readonly header: readonly string[];
  readonly cluster: Cluster;
  readonly nodes: readonly LaunchNode[];
  /** train.sh and what the runtime reads beside it, with the variable that tells the script where it is. */
  readonly files: readonly (EmittedFile & { readonly variable?: string })[];
}

/** Stands for the image, which no plan knows. */
const image = 'IMAGE';

export type Manifest =
  | { readonly ok: true; readonly file: EmittedFile; readonly notes: readonly string[] }
  | { readonly ok: false; readonly reason: string };

const orderNote = (content: ManifestContent): readonly string[] => {
  const { nodes } = content;
  if (nodes.length === 1) return [];
  return hostsOf(nodes) === null
    ? [
        'Ranks follow the indices of the pods, on whatever nodes the scheduler takes: a topology-aware scheduler (Kueue) keeps neighbouring indices near.',
      ]
    : [
        'Host names are those of the label kubernetes.io/hostname: the first pod is pinned to the first host, the others to the rest, and each takes the rank of the node that it runs on.',
      ];
};

/** A ConfigMap with the plan's files and the job that mounts it, as one file of two documents for `kubectl apply -f`. */
export const kubernetesManifest = (content: ManifestContent): Manifest => {
  const { nodes, cluster, files } = content;
  const gpus = uniformGpus(nodes);
  if (gpus === null)
    return {
      ok: false,
      reason:
        'pods of one job have the same number of GPUs, and the nodes of this plan run different numbers',
    };
  const name = kubernetesName(content.jobName);
  const job = {
    name,
    gpus,
    cluster,
    image,
    nodes: nodes.length,
    hosts: hostsOf(nodes),
    variables: files.flatMap(({ name: file, variable }) =>
      variable === undefined ? [] : [[variable, `${planFolder}/${file}`] as const],
    ),
  };
  const configMap: YamlMap = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: `${name}-plan` },
    data: Object.fromEntries(files.map(({ name: file, text }) => [file, text])),
  };
  const header = content.header.map((line) => `# ${commentText(line)}`.trimEnd());
  const documents = [configMap, content.kind === 'jobset' ? jobSet(job) : pytorchJob(job)];
  const body = documents
    .map((document) => stringify(document, { lineWidth: 0, aliasDuplicateObjects: false }))
    .join('---\n');
  return {
    ok: true,
    file: { name: 'job.yaml', text: `${header.join('\n')}\n${body}` },
    notes: [
      'IMAGE stands for the container image; arguments of the program go to args, variables for the script to env.',
      ...(nodes.length === 1 ? [] : chosenResources(cluster)).map(
        (resource) =>
          `${resource} is the example name of the RDMA device plugin: write the one of your cluster.`,
      ),
      ...orderNote(content),
    ],
  };
};
