import { stringify } from 'yaml';
import { emitLaunch } from '../emit-launch.ts';
import type { Emission, Emitter } from '../emit-types.ts';
import { nanotronConfig } from './config.ts';

/** nanotron: the sections of its YAML that the plan decides, and a script that starts run_train.py with the whole. */
export const emitNanotron: Emitter = (plan, problem, options): Emission => {
  const { config, notes, notCarried } = nanotronConfig(plan, problem);
  const yaml = stringify(config);
  if (options.only === 'flags')
    return { files: [{ name: 'plan.yaml', text: yaml }], notes, notCarried, unsupported: null };
  return emitLaunch(plan, problem, options, {
    runtime: `nanotron ${problem.training.runtime.version}`,
    usage:
      'NANOTRON_PATH is the folder of nanotron, CONFIG_FILE the whole configuration with the sections of plan.yaml.',
    notes,
    notCarried,
    environment: [['CUDA_DEVICE_MAX_CONNECTIONS', '1']],
    flags: [],
    program:
      '"${NANOTRON_PATH:-.}"/run_train.py --config-file "${CONFIG_FILE:?set CONFIG_FILE to the configuration}"',
    files: [{ name: 'plan.yaml', text: yaml }],
  });
};
