import { evaluateTest, no, open, yes } from './conditions.ts';
import type { Status } from './conditions.ts';
import type { Scope } from './scope.ts';
import { knownText } from './values.ts';
import type { ShellWord } from './values.ts';

/** What the shell itself does that changes variables or only answers; null for all other commands. */
export const runBuiltin = (name: string, rest: readonly ShellWord[], scope: Scope): Status | null => {
  switch (name) {
    case ':':
    case 'true':
      return yes;
    case 'false':
      return no;
    case '[':
    case 'test': {
      const operands = rest.map(({ fragments }) => fragments);
      return evaluateTest(name === '[' ? operands.slice(0, -1) : operands);
    }
    case 'set': {
      const at = rest.findIndex((word) => knownText(word.fragments) === '--');
      if (at >= 0) scope.positional = rest.slice(at + 1);
      return yes;
    }
    case 'shift':
      scope.positional = scope.positional?.slice(Number(knownText(rest[0]?.fragments ?? []) || '1')) ?? null;
      return yes;
    case 'unset':
      for (const word of rest) scope.variables.delete(knownText(word.fragments) ?? '');
      return yes;
    case 'read':
    case 'mapfile':
    case 'readarray':
    case 'getopts': {
      for (const word of rest) {
        const variable = knownText(word.fragments) ?? '';
        if (/^[A-Za-z_]\w*$/u.test(variable)) scope.variables.delete(variable);
      }
      return open([name]);
    }
    default:
      return null;
  }
};
