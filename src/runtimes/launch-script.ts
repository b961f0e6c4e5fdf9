import { hostsOf, uniformGpus } from './launch-nodes.ts';
import type { LaunchNode } from './launch-nodes.ts';
import { commentText, shellQuote } from './shell.ts';

/** What differs between runtimes in a launch script; everything else is the launcher's. */
export interface ScriptContent {
  /** Comment lines under the first line. */
  readonly header: readonly string[];
  readonly environment: readonly (readonly [name: string, value: string])[];
  /** Bash array of the runtime's arguments: a line of words each. */
  readonly flags: readonly (readonly string[])[];
  /** Words that follow the starter's options and precede the flags, as bash: the program. */
  readonly program: string;
  /** What starts the ranks of a node; torchrun by default. */
  readonly starter?: 'torchrun' | 'accelerate' | undefined;
  readonly jobName: string;
}

const indent = (lines: readonly string[], by: number): readonly string[] =>
  lines.map((line) => (line === '' ? line : ' '.repeat(by) + line));

const header = (content: ScriptContent): readonly string[] =>
  content.header.map((line) => `# ${commentText(line)}`.trimEnd());

/** No array without items: bash before 4.4 takes it for an unset variable. */
const flagArray = (flags: ScriptContent['flags']): readonly string[] =>
  flags.length === 0
    ? []
    : [
        'local -r flags=(',
        ...indent(
          flags.map((words) => words.map(shellQuote).join(' ')),
          2,
        ),
        ')',
      ];

const exports = (environment: ScriptContent['environment']): readonly string[] =>
  environment.map(([name, value]) => `export ${name}=${shellQuote(value)}`);

/** GPUs per node and their order: one value, or an array over node ranks. */
const deviceLines = (
  nodes: readonly LaunchNode[],
): { readonly lines: readonly string[]; readonly perNode: string } => {
  const uniform = uniformGpus(nodes);
  const lines: string[] = [];
  if (uniform === null) lines.push(`local -r gpus=(${nodes.map(({ gpus }) => gpus).join(' ')})`);
  const orders = nodes.map(({ devices, gpus }) =>
    (devices ?? Array.from({ length: gpus }, (_, index) => index)).join(','),
  );
  if (nodes.some(({ devices }) => devices !== null)) {
    if (new Set(orders).size === 1) lines.push(`export CUDA_VISIBLE_DEVICES=${shellQuote(orders[0] ?? '')}`);
    else
      lines.push(
        'local -r devices=(',
        ...indent(
          orders.map((order) => `'${order}'`),
          2,
        ),
        ')',
        'export CUDA_VISIBLE_DEVICES="${devices[node_rank]}"',
      );
  }
  return { lines, perNode: uniform === null ? '"${gpus[node_rank]}"' : String(uniform) };
};

/** Words that start the ranks of one node, up to the program: a static rendezvous, in which ranks follow node_rank. */
const starterLines = (
  starter: ScriptContent['starter'],
  nodes: readonly LaunchNode[],
  perNode: string,
): readonly string[] => {
  const address = nodes.length === 1 ? '"${MASTER_ADDR:-localhost}"' : '"$MASTER_ADDR"';
  const port = '"${MASTER_PORT:-29500}"';
  if (starter === 'accelerate') {
    const processes = nodes.reduce((sum, { gpus }) => sum + gpus, 0);
    return [
      'exec accelerate launch --config_file "${ACCELERATE_CONFIG:-accelerate.yaml}" \\',
      `  --num_machines ${nodes.length} --num_processes ${processes} --machine_rank "$node_rank" \\`,
      `  --rdzv_backend static --main_process_ip ${address} --main_process_port ${port} \\`,
    ];
  }
  return [
    'exec torchrun --rdzv-backend static \\',
    `  --nnodes ${nodes.length} --nproc-per-node ${perNode} --node-rank "$node_rank" \\`,
    `  --master-addr ${address} --master-port ${port} \\`,
  ];
};

/** The function that one node runs, given its rank: environment, flags, the program on each GPU. */
const nodeFunction = (content: ScriptContent, nodes: readonly LaunchNode[]): readonly string[] => {
  const devices = deviceLines(nodes);
  return [
    'run_node() {',
    ...indent(
      [
        'local -r node_rank=$1',
        'shift',
        ...devices.lines,
        ...exports(content.environment),
        ...flagArray(content.flags),
        ...starterLines(content.starter, nodes, devices.perNode),
        `  ${content.program} ${content.flags.length === 0 ? '' : '"${flags[@]}" '}"$@"`,
      ],
      2,
    ),
    '}',
  ];
};

const hostArray = (hosts: readonly string[]): readonly string[] => [
  'local -r hosts=(',
  ...indent(
    hosts.map((host) => `'${host}'`),
    2,
  ),
  ')',
];

/** Which node am I: NODE_RANK, or the place of this host's name in the list. */
const findRank = (hosts: readonly string[] | null, count: number): readonly string[] => [
  'local node_rank=${NODE_RANK:-}',
  ...(hosts === null
    ? []
    : [
        'if [[ -z $node_rank ]]; then',
        '  local name index',
        '  name=${NODE_NAME:-$(hostname)}',
        '  for index in "${!hosts[@]}"; do',
        '    if [[ ${hosts[index]} == "$name" || ${hosts[index]} == "${name%%.*}" || ${hosts[index]%%.*} == "$name" ]]; then',
        '      node_rank=$index',
        '    fi',
        '  done',
        'fi',
      ]),
  `if [[ ! $node_rank =~ ^[0-9]+$ ]] || ((10#$node_rank >= ${count})); then`,
  `  echo 'set NODE_RANK to the rank of this node: 0 to ${count - 1}' >&2`,
  '  return 2',
  'fi',
  'node_rank=$((10#$node_rank))',
];

const wrap = (first: readonly string[], body: readonly string[]): string =>
  ['#!/usr/bin/env bash', ...first, '', 'launch() {', ...indent(body, 2), '}', '', 'launch "$@"', ''].join(
    '\n',
  );

/** A script to start on every node: ranks follow NODE_RANK, never the order in which nodes report. */
export const torchrunScript = (content: ScriptContent, nodes: readonly LaunchNode[]): string => {
  const hosts = hostsOf(nodes);
  const body = ['set -euo pipefail', ...nodeFunction(content, nodes)];
  if (nodes.length === 1) return wrap(header(content), [...body, 'run_node 0 "$@"']);
  const address =
    hosts === null
      ? ['export MASTER_ADDR=${MASTER_ADDR:?set MASTER_ADDR to the address of node 0}']
      : ['export MASTER_ADDR=${MASTER_ADDR:-${hosts[0]}}'];
  return wrap(header(content), [
    ...body,
    ...(hosts === null ? [] : hostArray(hosts)),
    ...findRank(hosts, nodes.length),
    ...address,
    'run_node "$node_rank" "$@"',
  ]);
};

const sbatch = (options: readonly (readonly [string, string])[]): readonly string[] =>
  options.map(([name, value]) => (value === '' ? `#SBATCH --${name}` : `#SBATCH --${name}=${value}`));

/**
 * A batch job, one task per node. With named hosts the tasks follow a host file (`srun --distribution=arbitrary`): a node list
 * alone would be sorted. SLURM_PROCID follows the file; it is the node rank.
 */
export const slurmScript = (content: ScriptContent, nodes: readonly LaunchNode[]): string => {
  const hosts = hostsOf(nodes);
  const uniform = uniformGpus(nodes);
  const count = String(nodes.length);
  const directives = sbatch([
    ['job-name', content.jobName.replace(/[^A-Za-z0-9._-]+/gu, '-')],
    ['nodes', count],
    ['ntasks', count],
    ['ntasks-per-node', '1'],
    ...(uniform === null ? [] : [['gpus-per-node', String(uniform)] as const]),
    ['exclusive', ''],
    // The nodes are the job's alone, but not their memory unless it is asked for.
    ['mem', '0'],
    ...(hosts === null ? [] : [['nodelist', hosts.join(',')] as const]),
  ]);
  const run = `bash -c "$(declare -f run_node); run_node \\"\\$SLURM_PROCID\\" \\"\\$@\\"" run_node "$@"`;
  const start =
    hosts === null
      ? [
          'local nodes',
          'nodes=$(scontrol show hostnames "$SLURM_JOB_NODELIST")',
          "export MASTER_ADDR=${MASTER_ADDR:-${nodes%%$'\\n'*}}",
          `srun --nodes ${count} --ntasks ${count} --ntasks-per-node 1 ${run}`,
        ]
      : [
          ...hostArray(hosts),
          'export MASTER_ADDR=${MASTER_ADDR:-${hosts[0]}}',
          'SLURM_HOSTFILE=$(mktemp)',
          'export SLURM_HOSTFILE',
          'printf \'%s\\n\' "${hosts[@]}" >"$SLURM_HOSTFILE"',
          'local status=0',
          `srun --nodes ${count} --ntasks ${count} --distribution=arbitrary ${run} || status=$?`,
          'rm -f -- "$SLURM_HOSTFILE"',
          'return "$status"',
        ];
  return wrap(
    [...directives, ...header(content)],
    ['set -euo pipefail', ...nodeFunction(content, nodes), ...start],
  );
};
