import { bridgeKeys } from '../runtimes/bridge/keys.ts';
import { knownText } from '../runtimes/shell-parse/values.ts';
import type { BridgeSetting } from './bridge-setting.ts';
import { byDistance, near } from './sizes.ts';
import type { Setting } from './subject.ts';

/** The key of Bridge for a flag of Megatron. */
export const firstKeyOf = (flag: string): string => bridgeKeys[flag]?.[0] ?? flag;

const tried: Readonly<Record<string, readonly string[]>> = {
  '--global-batch-size': ['47185920', '1', '16', '512', '97'],
  '--micro-batch-size': ['1', '2', '3', '4'],
  '--sequence-parallel': ['false', 'true'],
  '--num-virtual-stages-per-pipeline-rank': ['null', '2', '3', '4'],
  '--seq-length': ['4096', '8192', '1', '97'],
  '--recompute-granularity': ['selective', 'full', 'null'],
};

/** Values with which a rule about a key is asked when only the recipe knows it. */
export const valuesToTry = (flag: string): readonly string[] =>
  tried[flag] ?? ['1', '2', '4', '8', '64', '3'];

const sizes = [
  '--tensor-model-parallel-size',
  '--pipeline-model-parallel-size',
  '--context-parallel-size',
  '--expert-model-parallel-size',
  '--expert-tensor-parallel-size',
  '--num-virtual-stages-per-pipeline-rank',
  '--micro-batch-size',
  '--global-batch-size',
];

/** What a fix may change of a Bridge configuration. */
export const settingsOf = (byFlag: ReadonlyMap<string, BridgeSetting>): readonly Setting[] => {
  const settings: Setting[] = [];
  for (const flag of sizes) {
    const setting = byFlag.get(flag);
    const value = setting === undefined ? null : knownText(setting.value.fragments);
    if (setting === undefined || value === null || !/^\d+$/u.test(value)) continue;
    settings.push({ key: setting.key, value, candidates: byDistance(Number(value), near(Number(value))) });
  }
  const sequence = byFlag.get('--sequence-parallel');
  const value = sequence === undefined ? null : knownText(sequence.value.fragments);
  if (sequence !== undefined && value !== null)
    settings.push({ key: sequence.key, value, candidates: [/true/iu.test(value) ? 'false' : 'true'] });
  if (!byFlag.has('--expert-tensor-parallel-size'))
    settings.push({ key: 'model.expert_tensor_parallel_size', value: null, candidates: ['1'] });
  return settings;
};
