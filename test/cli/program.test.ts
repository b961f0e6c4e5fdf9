/** Commands are loaded where they are called: what the list says must be what each command says of itself. */
import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { commands, createProgram } from '../../src/cli/program.ts';

describe('the command tree', () => {
  it.each(commands.map((entry) => [entry.name, entry] as const))(
    '%s says what the list says',
    async (name, entry) => {
      const program = new Command('planner');
      (await entry.load())(program);
      const command = program.commands.find((one) => one.name() === name);
      expect(command?.description()).toBe(entry.summary);
    },
  );

  it('holds every command, and only the called one whole', async () => {
    const program = await createProgram(['validate', 'train.sh']);
    expect(program.commands.map((one) => one.name())).toEqual(commands.map(({ name }) => name));
    const options = new Map(program.commands.map((one) => [one.name(), one.options.length]));
    expect(options.get('validate')).toBeGreaterThan(5);
    expect(options.get('search')).toBe(0);
  });
});
