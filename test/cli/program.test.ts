/** Commands are loaded where they are called: what the list says must be what each command says of itself. */
import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { commands, createProgram } from '../../src/cli/program.ts';

describe('the command tree', () => {
  it('lists commands as they are', async () => {
    const whole = new Command('planner');
    for (const { load } of commands) (await load())(whole);
    const list = (help: string): string => help.slice(help.indexOf('Commands:'), help.indexOf('Examples:'));
    const listed = await createProgram([]);
    expect(list(listed.helpInformation())).toBe(list(whole.helpInformation()));
    expect(commands.length).toBeGreaterThan(8);
  });

  it('holds every command, and only the called one whole', async () => {
    const program = await createProgram(['validate', 'train.sh']);
    expect(program.commands.map((one) => one.name())).toEqual(commands.map(({ name }) => name));
    const options = new Map(program.commands.map((one) => [one.name(), one.options.length]));
    expect(options.get('validate')).toBeGreaterThan(5);
    expect(options.get('search')).toBe(0);
  });
});
