import type { Launch } from '../runtimes/shell-parse/launch.ts';
import { shownText } from '../runtimes/shell-parse/values.ts';

/** Files that hold the configuration that a launcher is given. */
export const configurationOf = (launch: Launch): string | null => {
  const given = launch.options.get('config-file');
  if (given !== undefined) return shownText(given.fragments);
  const flags = [
    '--config-file',
    '--config_file',
    '--job.config_file',
    '--deepspeed_config',
    '--deepspeed',
    '--config',
  ];
  for (const [index, word] of launch.arguments.entries()) {
    const text = shownText(word.fragments);
    const flag = flags.find((name) => text === name || text.startsWith(`${name}=`));
    const next = launch.arguments[index + 1];
    if (flag === undefined) continue;
    if (text.includes('=')) return text.slice(text.indexOf('=') + 1);
    if (next !== undefined && !shownText(next.fragments).startsWith('-')) return shownText(next.fragments);
  }
  return null;
};
