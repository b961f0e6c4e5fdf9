/** Manifests: keys of the controllers' schemas, pods that take the rank of their node, scripts that validate reads. */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { readModelPreset } from '../../src/ingest/model-presets.ts';
import type { Cluster } from '../../src/cluster/cluster.ts';
import { emit } from '../../src/runtimes/emit.ts';
import type { Emission, EmitTarget } from '../../src/runtimes/emit-types.ts';
import { kubernetesName } from '../../src/runtimes/kubernetes/name.ts';
import { clusterOf, planOf, problemOf, trainingOf } from '../strategies.ts';
import { validated, writers, emitted, scriptOf, fileOf } from './emission.ts';
import { strategyOf } from './sample.ts';

/** PodTemplateSpec of core/v1, as far as manifests of training use it (kubernetes/api core/v1/types.go). */
const pod = (prefix: string): readonly string[] => [
  `${prefix}.metadata.labels.app.kubernetes.io/instance`,
  `${prefix}.spec.restartPolicy`,
  `${prefix}.spec.nodeSelector.kubernetes.io/hostname`,
  ...['key', 'operator', 'values'].map(
    (key) =>
      `${prefix}.spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[].matchExpressions[].${key}`,
  ),
  ...['topologyKey', 'labelSelector.matchLabels.app.kubernetes.io/instance'].map(
    (key) =>
      `${prefix}.spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution[].${key}`,
  ),
  ...['key', 'operator', 'effect'].map((key) => `${prefix}.spec.tolerations[].${key}`),
  ...[
    'name',
    'image',
    'command',
    'args',
    'env[].name',
    'env[].value',
    'env[].valueFrom.fieldRef.fieldPath',
    'resources.limits.nvidia.com/gpu',
    'resources.limits.rdma/hca_shared_devices_a',
    'resources.limits.vpc.amazonaws.com/efa',
    'securityContext.capabilities.add',
    'volumeMounts[].name',
    'volumeMounts[].mountPath',
    'volumeMounts[].readOnly',
  ].map((key) => `${prefix}.spec.containers[].${key}`),
  ...['name', 'configMap.name', 'emptyDir.medium'].map((key) => `${prefix}.spec.volumes[].${key}`),
];

const object = ['apiVersion', 'kind', 'metadata.name'] as const;
const job = 'spec.replicatedJobs[].template.spec';

/** config/components/crd/bases/jobset.x-k8s.io_jobsets.yaml, kubernetes-sigs/jobset @ 01078527; batch/v1 JobSpec. */
const jobSetKeys: readonly string[] = [
  ...object,
  'spec.network.enableDNSHostnames',
  'spec.network.subdomain',
  'spec.replicatedJobs[].name',
  'spec.replicatedJobs[].replicas',
  ...['completionMode', 'completions', 'parallelism', 'backoffLimit'].map((key) => `${job}.${key}`),
  ...pod(`${job}.template`),
];

/** pkg/apis/kubeflow.org/v1/pytorch_types.go and common_types.go, kubeflow/training-operator @ 2f18ab7a. */
const pytorchJobKeys: readonly string[] = [
  ...object,
  'spec.nprocPerNode',
  'spec.runPolicy.backoffLimit',
  'spec.runPolicy.cleanPodPolicy',
  ...['Master', 'Worker'].flatMap((role) => [
    `spec.pytorchReplicaSpecs.${role}.replicas`,
    `spec.pytorchReplicaSpecs.${role}.restartPolicy`,
    ...pod(`spec.pytorchReplicaSpecs.${role}.template`),
  ]),
];

/** Paths of leaves; items of lists as `[]`. */
const leavesOf = (value: unknown, prefix = ''): readonly string[] => {
  if (Array.isArray(value) && value.some((item) => typeof item === 'object'))
    return value.flatMap((item: unknown) => leavesOf(item, `${prefix}[]`));
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [prefix];
  return Object.entries(value).flatMap(([key, inner]) =>
    leavesOf(inner, prefix === '' ? key : `${prefix}.${key}`),
  );
};

const llama = readModelPreset('llama3-8b').model;

interface Given {
  readonly launcher: 'jobset' | 'pytorchjob';
  readonly nodes?: number;
  readonly hosts?: boolean;
  readonly order?: readonly number[] | null;
  readonly target?: EmitTarget;
  readonly change?: (cluster: Cluster) => Cluster;
}

const emission = ({ launcher, nodes = 3, hosts = true, order = null, target, change }: Given): Emission => {
  const cluster = clusterOf('h100-sxm-80gb', nodes, hosts);
  const strategy = strategyOf({
    tensor: 8,
    data: nodes,
    sequenceParallel: true,
    contextCommunication: target === 'deepspeed' ? 'a2a' : 'p2p',
  });
  return emit(
    planOf(strategy, [[32]], { hosts: order, devices: null }),
    problemOf(llama, change === undefined ? cluster : change(cluster), trainingOf({ globalBatchSize: 480 })),
    { target: target ?? 'megatron', launcher },
  );
};

interface Manifest {
  readonly kind: string;
  readonly data?: Readonly<Record<string, string>>;
  readonly spec: unknown;
}

const documentsOf = ({ files }: Emission): readonly Manifest[] =>
  parseAllDocuments(files[0]?.text ?? '').map((document) => document.toJS() as Manifest);

const text = (value: Emission): string => value.files[0]?.text ?? '';

describe.each(['jobset', 'pytorchjob'] as const)('%s', (launcher) => {
  it.each([
    ['named hosts', { launcher }],
    ['any hosts', { launcher, hosts: false }],
    ['one node', { launcher, nodes: 1 }],
  ] as const)('of %s has keys of its schema alone', (_, given) => {
    const [configMap, made] = documentsOf(emission(given));
    expect(configMap?.kind).toBe('ConfigMap');
    const known = launcher === 'jobset' ? jobSetKeys : pytorchJobKeys;
    const leaves = [...new Set(leavesOf(made))];
    expect(leaves.length).toBeGreaterThan(15);
    expect(leaves.filter((leaf) => !known.includes(leaf))).toEqual([]);
  });

  it('pins the first rank to the first host of the plan and the others to the rest', () => {
    const manifest = text(emission({ launcher, order: [2, 0, 1] }));
    expect(manifest).toContain('kubernetes.io/hostname: gpu003');
    expect(manifest).toMatch(/values:\n +- gpu001\n +- gpu002\n/u);
    expect(manifest).toContain('fieldPath: spec.nodeName');
    expect(manifest).not.toContain('fieldPath: metadata');
  });

  it('without named hosts numbers its pods', () => {
    const manifest = text(emission({ launcher, hosts: false }));
    expect(manifest).not.toContain('nodeSelector');
    expect(manifest).toContain(
      launcher === 'jobset'
        ? "['batch.kubernetes.io/job-completion-index']"
        : 'NODE_RANK=${PET_NODE_RANK:-$RANK}',
    );
  });

  it('asks for every GPU of a node, its network and shared memory', () => {
    const manifest = text(emission({ launcher }));
    expect(manifest).toContain('nvidia.com/gpu: 8');
    expect(manifest).toContain('rdma/hca_shared_devices_a: 1');
    expect(manifest).toContain('IPC_LOCK');
    expect(manifest).toContain('medium: Memory');
    const efa = emission({
      launcher,
      change: (cluster) => ({
        ...cluster,
        groups: cluster.groups.map((group) => ({
          ...group,
          nics: { ...group.nics, kind: 'efa' as const, count: 32 },
        })),
      }),
    });
    expect(text(efa)).toContain('vpc.amazonaws.com/efa: 32');
    expect(text(efa)).not.toContain('IPC_LOCK');
    // One node needs no network.
    expect(text(emission({ launcher, nodes: 1 }))).not.toContain('rdma/');
  });

  it('of AMD accelerators asks for theirs', () => {
    const amd = emission({
      launcher,
      change: (cluster) => ({
        ...cluster,
        groups: cluster.groups.map((group) => ({
          ...group,
          accelerator: { ...group.accelerator, architecture: 'cdna3' as const },
        })),
      }),
    });
    expect(text(amd)).toContain('amd.com/gpu: 8');
    expect(text(amd)).not.toContain('nvidia.com');
  });

  it('is refused where nodes run different numbers of GPUs', () => {
    const strategy = strategyOf({ tensor: 4, data: 3 });
    const problem = problemOf(llama, clusterOf('h100-sxm-80gb', 2), trainingOf({ globalBatchSize: 480 }));
    const made = emit(planOf(strategy, [[32]], { hosts: null, devices: null }), problem, {
      target: 'megatron',
      launcher,
    });
    expect(made.unsupported).toContain('same number of GPUs');
  });

  it('carries the other files of a target and tells the script where they are', () => {
    const [configMap] = documentsOf(emission({ launcher, target: 'deepspeed' }));
    expect(Object.keys(configMap?.data ?? {})).toEqual(['train.sh', 'ds_config.json']);
    expect(text(emission({ launcher, target: 'deepspeed' }))).toMatch(
      /name: DEEPSPEED_CONFIG\n +value: \/etc\/planner\/ds_config.json/u,
    );
  });
});

describe('pods', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'planner-pods-'));
    writeFileSync(path.join(folder, 'torchrun'), '#!/usr/bin/env bash\nprintf "%s\\n" "$*"\n');
    chmodSync(path.join(folder, 'torchrun'), 0o755);
  });
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  const run = (script: string, env: Readonly<Record<string, string>>): string =>
    spawnSync('bash', ['-s'], {
      input: script,
      encoding: 'utf8',
      env: { PATH: `${folder}:${process.env['PATH'] ?? ''}`, ...env },
    }).stdout;

  it('take the rank of the node that they run on', () => {
    const script =
      documentsOf(emission({ launcher: 'jobset', order: [2, 0, 1] }))[0]?.data?.['train.sh'] ?? '';
    const master = 'llama3-8b-leader-0-0.llama3-8b';
    for (const [node, rank] of [
      ['gpu003', 0],
      ['gpu001', 1],
      ['gpu002', 2],
    ] as const)
      expect(run(script, { NODE_NAME: node, MASTER_ADDR: master })).toContain(
        `--node-rank ${rank} --master-addr ${master}`,
      );
    expect(run(script, { NODE_NAME: 'elsewhere', MASTER_ADDR: master })).toBe('');
  });

  it('without hosts take the rank of their index', () => {
    const made = emission({ launcher: 'jobset', hosts: false });
    const script = documentsOf(made)[0]?.data?.['train.sh'] ?? '';
    expect(run(script, { NODE_RANK: '2', MASTER_ADDR: 'a' })).toContain('--node-rank 2 --master-addr a');
  });
});

describe('planner validate on a manifest', () => {
  it.each(writers.filter(({ file }) => file === 'job.yaml').map((to) => [to.name, to] as const))(
    'reads the script of a %s in its place',
    (_, to) => {
      for (const { one, emission: made } of emitted(to, 20, 5).cases) {
        const manifest = fileOf(made, 'job.yaml');
        expect(validated(one, 'job.yaml', manifest).verdict).toBe('valid');
        // A fault is found on its own line of the manifest.
        const broken = manifest.replace(
          /--tensor-model-parallel-size \d+/u,
          '--tensor-model-parallel-size 7',
        );
        const report = validated(one, 'job.yaml', broken);
        const line =
          broken.split('\n').findIndex((row) => row.includes('--tensor-model-parallel-size 7')) + 1;
        expect(report.verdict).toBe('invalid');
        expect(report.findings.some(({ position }) => position.line === line)).toBe(true);
        expect(scriptOf(made)).toContain('--tensor-model-parallel-size');
      }
    },
  );

  it('names what holds no launch', () => {
    const [to] = writers;
    const one = to === undefined ? undefined : emitted(to, 1, 5).cases[0]?.one;
    if (one === undefined) throw new Error('no case');
    const report = validated(one, 'x.yaml', 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: x }\n');
    expect(report.unreadable?.message).toContain('without a launch');
  });
});

describe('names of jobs', () => {
  it.each([
    ['DeepSeek-V3', 'deepseek-v3'],
    ['70B $(rm -rf /)', 'b-rm-rf'],
    ['', 'train'],
    ['日本', 'train'],
    [`a${'-b'.repeat(60)}`, 'a-b-b-b-b-b-b-b-b-b-b-b-b-b-b-b-b-b-b-b'],
  ])('%j', (given, expected) => {
    expect(kubernetesName(given)).toBe(expected);
    expect(kubernetesName(given)).toMatch(/^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$/u);
  });
});
