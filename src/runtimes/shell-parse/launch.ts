import { knownText, shownText, wordOf } from './values.ts';
import type { Fragment, ShellWord } from './values.ts';
import type { Invocation } from './invocation.ts';

export type Launcher =
  'torchrun' | 'deepspeed' | 'accelerate' | 'srun' | 'mpirun' | 'ray' | 'python' | 'server';

/** One start of a training (or serving) program. */
export interface Launch {
  readonly launcher: Launcher;
  /** File or module that runs, as it is written. */
  readonly program: string;
  readonly programWord: ShellWord;
  readonly arguments: readonly ShellWord[];
  /** Options of the launchers, without dashes, underscores as dashes; the innermost wins. */
  readonly options: ReadonlyMap<string, ShellWord>;
  readonly environment: ReadonlyMap<string, readonly Fragment[]>;
  readonly certain: boolean;
}

/** Words that make a command worth looking at. */
export const launchWords =
  /(?:^|\/)(?:torchrun|deepspeed|accelerate|vllm|trtllm-serve|trtllm-llmapi-launch|sglang)$|\.py$|^(?:torch\.distributed\.(?:run|launch)|vllm\.entrypoints\S*|sglang\.launch_server)$/u;

const LAUNCHERS: Readonly<Record<string, Launcher>> = {
  torchrun: 'torchrun',
  deepspeed: 'deepspeed',
  accelerate: 'accelerate',
  srun: 'srun',
  mpirun: 'mpirun',
  mpiexec: 'mpirun',
  ray: 'ray',
};

/** Options of launchers that take no value. */
const SWITCHES = new Set([
  'standalone',
  'no-python',
  'use-env',
  'exclusive',
  'overlap',
  'label',
  'unbuffered',
  'l',
  'u',
  'multi-gpu',
  'use-deepspeed',
  'use-fsdp',
  'use-megatron-lm',
  'export-all',
  'allow-run-as-root',
  'no-local-rank',
  'enable-each-rank-log',
  'force-multi',
  'no-kill',
  'K',
  'wait-all-nodes',
]);

const SHORT: Readonly<Record<string, string>> = { N: 'nodes', n: 'ntasks', np: 'ntasks', G: 'gpus' };

const baseName = (text: string): string => text.slice(text.lastIndexOf('/') + 1);

const afterEquals = (word: ShellWord, count: number): ShellWord => {
  let left = count;
  const fragments = word.fragments.flatMap((fragment): Fragment[] => {
    if (left === 0 || fragment.gap !== null) return [fragment];
    const cut = Math.min(left, fragment.text.length);
    left -= cut;
    return cut === fragment.text.length
      ? []
      : [{ ...fragment, text: fragment.text.slice(cut), at: fragment.at < 0 ? -1 : fragment.at + cut }];
  });
  return { fragments, at: fragments[0]?.at ?? word.at, many: false };
};

const SERVERS: readonly (readonly [RegExp, string])[] = [
  [/^vllm\.entrypoints/u, 'vllm'],
  [/^sglang\.launch_server/u, 'sglang'],
];

/** The program that an invocation starts, through whatever launchers; null where it starts none. */
export const readLaunch = (invocation: Invocation): Launch | null => {
  const words = [...invocation.outer, ...invocation.words];
  const options = new Map<string, ShellWord>();
  let launcher: Launcher = 'python';
  let isLauncher = false;
  // srun's own -m is the distribution of its tasks.
  let takesModule = false;
  let isModule = false;
  let index = 0;
  const found = (program: string, at: number, by: Launcher = launcher): Launch => ({
    launcher: by,
    program,
    programWord: words[at] ?? wordOf(program),
    arguments: words.slice(at + 1),
    options,
    environment: invocation.environment,
    certain: invocation.certain,
  });
  while (index < words.length) {
    const word = words[index] ?? wordOf('');
    const text = shownText(word.fragments);
    const base = baseName(text);
    const next = shownText(words[index + 1]?.fragments ?? []);
    if (base === 'vllm' && next === 'serve') return found('vllm', index + 1, 'server');
    if (base === 'trtllm-serve') return found('tensorrt-llm', next === 'serve' ? index + 1 : index, 'server');
    const known = Object.hasOwn(LAUNCHERS, base) ? LAUNCHERS[base] : undefined;
    if (known !== undefined && (known !== 'ray' || next === 'job')) {
      launcher = known;
      isLauncher = true;
      takesModule = known === 'torchrun' || known === 'accelerate' || known === 'deepspeed';
      index += known === 'accelerate' && next === 'launch' ? 2 : known === 'ray' ? 3 : 1;
      continue;
    }
    if (/^python[\d.]*$/u.test(base)) {
      isLauncher = true;
      takesModule = true;
      index += 1;
      continue;
    }
    if ((text === '-m' || text === '--module') && takesModule) {
      if (/^torch\.distributed\.(?:run|launch)$/u.test(next)) {
        launcher = 'torchrun';
        index += 2;
        continue;
      }
      // Of torchrun and accelerate it is a switch: their own options may stand before the module.
      if (/^-/u.test(next)) {
        isModule = true;
        index += 1;
        continue;
      }
      const server = SERVERS.find(([pattern]) => pattern.test(next))?.[1];
      if (server !== undefined) return found(server, index + 1, 'server');
      return found(next, index + 1);
    }
    if (text === '--') {
      index += 1;
      continue;
    }
    if (/^-/u.test(text)) {
      index += readOption(words, index, options);
      continue;
    }
    if (isModule || /\.py$/u.test(text)) return found(text, index);
    // A program whose name only a run knows, where the launcher wants one.
    if (
      isLauncher &&
      launcher !== 'srun' &&
      launcher !== 'mpirun' &&
      launcher !== 'ray' &&
      word.fragments.some(({ gap }) => gap !== null) &&
      !word.many
    )
      return found(text, index);
    index += 1;
  }
  return null;
};

/** Takes the option at `index`; the number of words that it consists of. */
const readOption = (words: readonly ShellWord[], index: number, options: Map<string, ShellWord>): number => {
  const word = words[index] ?? wordOf('');
  const text = shownText(word.fragments);
  const first = word.fragments[0]?.gap === null ? word.fragments[0].text : '';
  const equals = first.indexOf('=');
  const written = (equals < 0 ? text : first.slice(0, equals)).replace(/^--?/u, '').replaceAll('_', '-');
  const name =
    Object.hasOwn(SHORT, written) && !text.startsWith('--') ? (SHORT[written] ?? written) : written;
  if (equals >= 0) {
    options.set(name, afterEquals(word, equals + 1));
    return 1;
  }
  // -N4
  const glued = /^-([NnG])(\d+)$/u.exec(text);
  if (glued !== null) {
    options.set(SHORT[glued[1] ?? ''] ?? '', wordOf(glued[2] ?? '', word.at));
    return 1;
  }
  const value = words[index + 1];
  const next = value === undefined ? '' : shownText(value.fragments);
  if (SWITCHES.has(name)) options.set(name, wordOf('true', word.at));
  if (
    value === undefined ||
    SWITCHES.has(name) ||
    /^-/u.test(next) ||
    /\.py$/u.test(next) ||
    /^python[\d.]*$/u.test(baseName(next)) ||
    next === 'torchrun'
  )
    return 1;
  options.set(name, value);
  return 2;
};

/** `#SBATCH` lines: options of the job by their long names. */
export const readBatchHeader = (text: string): ReadonlyMap<string, ShellWord> => {
  const options = new Map<string, ShellWord>();
  for (const match of text.matchAll(/^#SBATCH[ \t]+(.{0,2000})$/gmu)) {
    const start = match.index + match[0].length - (match[1] ?? '').length;
    const words = [...(match[1] ?? '').replace(/\s#.*$/u, '').matchAll(/\S+/gu)].map((part) =>
      wordOf(part[0], start + part.index),
    );
    for (let index = 0; index < words.length;) {
      const isOption = shownText(words[index]?.fragments ?? []).startsWith('-');
      index += isOption ? readOption(words, index, options) : 1;
    }
  }
  return options;
};

/** GPUs in `--gres=gpu:h100:8`, `--gpus-per-node=h100:8` or `8`. */
const gpuCount = (word: ShellWord | undefined): string | null => {
  const text = word === undefined ? null : knownText(word.fragments);
  return text === null ? null : (/(?:^|:)(\d{1,4})(?:\(|$)/u.exec(text)?.[1] ?? null);
};

/** What Slurm sets in the environment of a job with this header. */
export const slurmVariables = (header: ReadonlyMap<string, ShellWord>): ReadonlyMap<string, string> => {
  const variables = new Map<string, string>();
  const set = (value: string | null, ...names: readonly string[]): void => {
    if (value !== null && /^\d{1,6}$/u.test(value)) for (const name of names) variables.set(name, value);
  };
  const textOf = (name: string): string | null =>
    knownText(header.get(name)?.fragments ?? [{ text: '', at: -1, gap: null }]);
  const nodes = textOf('nodes');
  const perNode = textOf('ntasks-per-node');
  const gpus = gpuCount(header.get('gpus-per-node')) ?? gpuCount(header.get('gres'));
  set(nodes, 'SLURM_NNODES', 'SLURM_JOB_NUM_NODES');
  set(perNode, 'SLURM_NTASKS_PER_NODE');
  set(gpus, 'SLURM_GPUS_ON_NODE', 'SLURM_GPUS_PER_NODE');
  const tasks = textOf('ntasks');
  if (tasks !== null && tasks !== '') set(tasks, 'SLURM_NTASKS', 'SLURM_NPROCS');
  else if (nodes !== null && perNode !== null && nodes !== '' && perNode !== '')
    set(String(Number(nodes) * Number(perNode)), 'SLURM_NTASKS', 'SLURM_NPROCS');
  return variables;
};

/** Ranks of a launch as a product of words; null where nothing tells. */
export interface WorldSize {
  readonly factors: readonly ShellWord[];
  /** GPUs of a node, where stated. */
  readonly perNode: ShellWord | null;
}

const first = (options: ReadonlyMap<string, ShellWord>, ...names: readonly string[]): ShellWord | null => {
  for (const name of names) {
    const word = options.get(name);
    if (word !== undefined) return word;
  }
  return null;
};

const tasksOf = (options: ReadonlyMap<string, ShellWord>): WorldSize | null => {
  const perNode = first(options, 'ntasks-per-node', 'tasks-per-node', 'npernode');
  const tasks = first(options, 'ntasks');
  if (tasks !== null) return { factors: [tasks], perNode };
  const nodes = first(options, 'nodes');
  return nodes === null || perNode === null ? null : { factors: [nodes, perNode], perNode };
};

/** How many ranks a launch starts: by its launcher's options, then by the batch header. */
export const worldOf = (launch: Launch, header: ReadonlyMap<string, ShellWord>): WorldSize | null => {
  const { options, launcher } = launch;
  const both = new Map([...header, ...options]);
  switch (launcher) {
    case 'torchrun': {
      const given = first(options, 'nproc-per-node');
      const text = given === null ? '1' : knownText(given.fragments);
      const headerGpus = gpuCount(header.get('gpus-per-node')) ?? gpuCount(header.get('gres'));
      // gpu, auto: as many as the node has.
      const counts = text === null || /^\d+$/u.test(text);
      const perNode = counts ? (given ?? wordOf('1')) : headerGpus === null ? null : wordOf(headerGpus);
      if (perNode === null) return null;
      const nodes = first(options, 'nnodes') ?? wordOf('1');
      const nodesText = knownText(nodes.fragments);
      if (nodesText !== null && !/^\d+$/u.test(nodesText)) return null;
      return { factors: [nodes, perNode], perNode };
    }
    case 'accelerate': {
      const processes = first(options, 'num-processes');
      return processes === null ? null : { factors: [processes], perNode: null };
    }
    case 'deepspeed': {
      const gpus = first(options, 'num-gpus');
      const nodes = first(options, 'num-nodes');
      if (gpus === null) return null;
      return { factors: nodes === null ? [gpus] : [nodes, gpus], perNode: gpus };
    }
    case 'srun':
    case 'mpirun':
      return tasksOf(both);
    default:
      return null;
  }
};
