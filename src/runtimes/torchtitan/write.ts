import { stringify } from 'smol-toml';
import type { Emission, Emitter } from '../emit-types.ts';
import { emitLaunch } from '../emit-launch.ts';
import { planHeader } from '../header.ts';
import { commentText, shellQuote } from '../shell.ts';
import { compareVersions } from '../version.ts';
import { torchtitanConfig } from './config.ts';
import type { TitanConfig } from './config.ts';

/** `--parallelism.tensor_parallel_degree 8`: how main takes overrides since TOML files are gone. */
const overrides = (config: TitanConfig): readonly (readonly string[])[] =>
  Object.entries(config).flatMap(([section, fields]) =>
    Object.entries(fields).flatMap(([key, value]) => {
      if (Array.isArray(value)) return [];
      if (typeof value === 'boolean') return [[value ? `--${section}.${key}` : `--${section}.no-${key}`]];
      return [[`--${section}.${key}`, String(value)]];
    }),
  );

/**
 * torchtitan: a TOML file with a launch script (the field's form of 2025), or the same keys as command-line overrides
 * (current main, pytorch/torchtitan @ b5bcd76c, whose model and its sizes come from `--module` and `--config`).
 */
export const emitTorchtitan: Emitter = (plan, problem, options): Emission => {
  const { version } = problem.training.runtime;
  const current = compareVersions(version, '2026') >= 0;
  const { config, notes, notCarried } = torchtitanConfig(plan, problem);
  const flags = overrides(config);
  if (options.only === 'flags') {
    const text = flags.map((words) => words.map(shellQuote).join(' ')).join('\n');
    return { files: [{ name: 'flags.txt', text: `${text}\n` }], notes, notCarried, unsupported: null };
  }
  const runtime = `torchtitan ${version}`;
  const program = '"${TORCHTITAN_PATH:-.}"/torchtitan/train.py';
  const header = planHeader(plan, problem, runtime, options);
  const toml = `${header.map((line) => `# ${commentText(line)}`).join('\n')}\n\n${stringify(config)}\n`;
  return emitLaunch(plan, problem, options, {
    runtime,
    usage: current
      ? 'Pass --module, --config, data and checkpoints as arguments; TORCHTITAN_PATH is the folder of torchtitan.'
      : 'CONFIG_FILE is the configuration, TORCHTITAN_PATH the folder of torchtitan; arguments are passed on.',
    notes,
    notCarried,
    environment: [['PYTORCH_CUDA_ALLOC_CONF', 'expandable_segments:True']],
    flags: current ? flags : [],
    program: current ? program : `${program} --job.config_file "\${CONFIG_FILE:-train.toml}"`,
    files: current ? [] : [{ name: 'train.toml', text: toml, variable: 'CONFIG_FILE' }],
  });
};
