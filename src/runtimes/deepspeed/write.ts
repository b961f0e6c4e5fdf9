import type { Emission, Emitter } from '../emit-types.ts';
import { emitLaunch } from '../emit-launch.ts';
import { deepspeedConfig } from './config.ts';

/** DeepSpeed: its JSON configuration and a script that starts the user's program with it. */
export const emitDeepspeed: Emitter = (plan, problem, options): Emission => {
  const { config, notes, notCarried } = deepspeedConfig(plan, problem);
  const json = `${JSON.stringify(config, null, 2)}\n`;
  if (options.only === 'flags')
    return { files: [{ name: 'ds_config.json', text: json }], notes, notCarried, unsupported: null };
  return emitLaunch(plan, problem, options, {
    runtime: `DeepSpeed ${problem.training.runtime.version}`,
    usage:
      'TRAIN_SCRIPT is the training program, DEEPSPEED_CONFIG the configuration; arguments are passed on.',
    notes,
    notCarried,
    environment: [['PYTORCH_CUDA_ALLOC_CONF', 'expandable_segments:True']],
    flags: [['--deepspeed']],
    program:
      '"${TRAIN_SCRIPT:?set TRAIN_SCRIPT to the training program}" --deepspeed_config "${DEEPSPEED_CONFIG:-ds_config.json}"',
    files: [{ name: 'ds_config.json', text: json, variable: 'DEEPSPEED_CONFIG' }],
  });
};
