import { evaluateTest, negated, no, open, yes, matchesGlob } from './conditions.ts';
import type { Status } from './conditions.ts';
import { parseShell } from './commands.ts';
import { Expander, ShellLimitError } from './expand.ts';
import { isAssignment, ShellSyntaxError } from './syntax.ts';
import type { Assignment, Command, HereDocument, Word } from './syntax.ts';
import {
  gapFragment,
  gapNames,
  gapOf,
  knownText,
  mergeVariables,
  shownText,
  textFragment,
} from './values.ts';
import type { Fragment, ShellWord, Variable } from './values.ts';

/** One command line as the shell would start it, and the variables that it exports to it. */
export interface Invocation {
  readonly words: readonly ShellWord[];
  /** Words of the commands that start the shell in which this one runs: `srun … bash -c`. */
  readonly outer: readonly ShellWord[];
  readonly environment: ReadonlyMap<string, readonly Fragment[]>;
  /** Whether a branch that only a run decides leads to it. */
  readonly certain: boolean;
}

export interface ScriptRun {
  readonly invocations: readonly Invocation[];
  readonly variables: ReadonlyMap<string, Variable>;
  readonly exported: ReadonlySet<string>;
  /** Files that the script reads commands from. */
  readonly sourced: readonly string[];
}

/** Commands that are followed; loops over known words count each turn. */
const MOST_COMMANDS = 50_000;
const MOST_INVOCATIONS = 2_000;
/** Scripts inside scripts: eval, `bash -c`, functions that call each other. */
const DEEPEST_CALL = 20;
const LONGEST_LOOP = 100;

const DECLARE = new Set(['export', 'declare', 'local', 'readonly', 'typeset']);
const SHELLS = /^(?:\S*\/)?(?:ba|da|z)?sh$/u;
/** Read a script from their input. */
const SUBMITS = /^(?:\S*\/)?(?:sbatch|qsub|bsub|salloc|ssh|(?:ba|da|z)?sh)$/u;
/** Runs its remaining words as a command, in this very shell. */
const PREFIXES = new Set(['exec', 'command', 'time', 'builtin', 'nohup']);

/** The text of a here-document as its reader gets it: where it is expanded, `\$` and its kin lose their backslash. */
const hereFragments = ({ text, at, quoted }: HereDocument): readonly Fragment[] => {
  if (quoted) return [textFragment(text, at)];
  const fragments: Fragment[] = [];
  let start = 0;
  for (const match of text.matchAll(/\\[$`\\]/gu)) {
    fragments.push(textFragment(text.slice(start, match.index), at < 0 ? -1 : at + start));
    start = match.index + 1;
    // The character after the backslash begins the next part, and is not looked at again.
    fragments.push(textFragment(text.slice(start, start + 1), at < 0 ? -1 : at + start));
    start += 1;
  }
  return [...fragments, textFragment(text.slice(start), at < 0 ? -1 : at + start)];
};

class ScriptRunner {
  variables: Map<string, Variable>;
  readonly exported = new Set<string>();
  readonly functions = new Map<string, Command>();
  readonly called = new Set<string>();
  readonly invocations: Invocation[] = [];
  readonly sourced: string[] = [];
  readonly #expander: Expander;
  #positional: readonly ShellWord[] | null = null;
  #commands = 0;
  #depth = 0;
  #maybe = 0;
  #ended = false;
  #outer: readonly ShellWord[] = [];
  #gaps = 0;

  constructor(environment: ReadonlyMap<string, string>) {
    this.variables = new Map(
      [...environment].map(
        ([name, value]) => [name, { kind: 'scalar', value: [textFragment(value)] }] as const,
      ),
    );
    for (const name of environment.keys()) this.exported.add(name);
    this.#expander = new Expander({
      get: (name) => this.variables.get(name),
      set: (name, variable) => this.variables.set(name, variable),
      positional: () => this.#positional,
    });
  }

  run(commands: readonly Command[]): Status {
    let status: Status = yes;
    for (const command of commands) {
      if (this.#ended) return status;
      status = this.#command(command);
    }
    return status;
  }

  #command(command: Command): Status {
    if (++this.#commands > MOST_COMMANDS) throw new ShellLimitError('more commands than planner follows');
    switch (command.kind) {
      case 'simple':
        return this.#simple(command);
      case 'test':
        return evaluateTest(command.words.map((word) => this.#expander.scalar(word)));
      case 'arithmetic':
        return this.#arithmetic(command.body);
      case 'not':
        return negated(this.#command(command.command));
      case 'group':
        if (!command.subshell) return this.run(command.body);
        return this.#apart(() => this.run(command.body));
      case 'function':
        this.functions.set(command.name, command.body);
        return yes;
      case 'list':
        return this.#list(command);
      case 'if':
        return this.#if(command.branches, command.otherwise);
      case 'case':
        return this.#case(command.subject, command.arms);
      case 'loop':
        return this.#loop(command);
      default:
        return command satisfies never;
    }
  }

  /** Changes of variables stay inside, as in a subshell. */
  #apart(body: () => Status): Status {
    const before = this.variables;
    this.variables = new Map(before);
    const status = body();
    this.variables = before;
    this.#ended = false;
    return status;
  }

  /** Runs what may or may not run: afterwards variables are known as far as both ways agree. */
  #perhaps(because: readonly string[], bodies: readonly (() => void)[]): void {
    const before = this.variables;
    const ends: Map<string, Variable>[] = [];
    this.#maybe += 1;
    for (const body of bodies) {
      this.variables = new Map(before);
      body();
      this.#ended = false;
      ends.push(this.variables);
    }
    this.#maybe -= 1;
    const merged = ends.reduce((left, right) => {
      const names = new Set([...left.keys(), ...right.keys()]);
      const result = new Map<string, Variable>();
      for (const name of names) {
        const variable = mergeVariables(name, left.get(name), right.get(name), because);
        if (variable !== undefined) result.set(name, variable);
      }
      return result;
    });
    this.variables = merged;
  }

  #list({ first, rest }: Extract<Command, { kind: 'list' }>): Status {
    let status = this.#command(first);
    for (const { operator, command } of rest) {
      if (this.#ended) return status;
      if (operator === '|') status = this.#apart(() => this.#command(command));
      else if (status.kind === 'open') {
        const { because } = status;
        this.#perhaps(because, [() => undefined, () => void this.#command(command)]);
      } else if ((operator === '&&') === (status.kind === 'yes')) status = this.#command(command);
    }
    return status;
  }

  #if(branches: Extract<Command, { kind: 'if' }>['branches'], otherwise: readonly Command[]): Status {
    const [branch, ...others] = branches;
    if (branch === undefined) return this.run(otherwise);
    const status = this.run(branch.condition);
    if (this.#ended) return status;
    if (status.kind === 'yes') return this.run(branch.body);
    if (status.kind === 'no') return this.#if(others, otherwise);
    this.#perhaps(status.because, [() => void this.run(branch.body), () => void this.#if(others, otherwise)]);
    return open(status.because);
  }

  #case(subject: Word, arms: Extract<Command, { kind: 'case' }>['arms']): Status {
    const value = this.#expander.scalar(subject);
    const text = knownText(value);
    if (text === null) {
      const because = gapNames(value);
      this.#perhaps(because, [() => undefined, ...arms.map((arm) => () => void this.run(arm.body))]);
      return open(because);
    }
    for (const arm of arms)
      if (arm.patterns.some((pattern) => matchesGlob(shownText(this.#expander.scalar(pattern)), text)))
        return this.run(arm.body);
    return yes;
  }

  #loop({ variable, items, condition, body }: Extract<Command, { kind: 'loop' }>): Status {
    if (variable === null) {
      this.#perhaps(
        ['a loop'],
        [
          () => undefined,
          () => {
            this.run(condition);
            this.run(body);
          },
        ],
      );
      return yes;
    }
    const words = this.#expander.words(items);
    if (words.length <= LONGEST_LOOP && words.every(({ many }) => !many)) {
      for (const word of words) {
        if (this.#ended) break;
        this.variables.set(variable, { kind: 'scalar', value: word.fragments });
        this.run(body);
      }
      return yes;
    }
    this.variables.set(variable, { kind: 'scalar', value: [gapFragment(gapOf(`$${variable}`), -1)] });
    this.#perhaps([`$${variable}`], [() => undefined, () => void this.run(body)]);
    return yes;
  }

  #arithmetic(body: Word): Status {
    const text = shownText(this.#expander.scalar(body));
    // An assignment inside: the name is no longer known.
    const changed =
      /^\s*([A-Za-z_]\w*)\s*(?:\+\+|--|[-+*/%]?=(?!=))/u.exec(text) ??
      /^\s*(?:\+\+|--)([A-Za-z_]\w*)/u.exec(text);
    if (changed?.[1] !== undefined) {
      const plain = /^\s*[A-Za-z_]\w*\s*=(?!=)(.*)$/su.exec(text)?.[1];
      const word: Word = {
        pieces: [{ kind: 'text', text: plain ?? '?', at: body.at, quoted: true }],
        at: body.at,
      };
      const value = this.#expander.arithmetic(word, `$${changed[1]}`, body.at);
      this.variables.set(changed[1], { kind: 'scalar', value: [value] });
      return open([`$${changed[1]}`]);
    }
    const result = this.#expander.arithmetic(body, text.trim().slice(0, 60), body.at);
    if (result.gap !== null) return open(result.gap.because);
    return result.text === '0' ? no : yes;
  }

  #assign({ name, append, index, value }: Assignment): void {
    const before = this.variables.get(name);
    if (index !== null) {
      const at = this.#expander.text(index);
      const items = before?.kind === 'array' ? [...before.items] : [];
      if (at === null || !/^\d{1,4}$/u.test(at) || !('pieces' in value)) return;
      while (items.length < Number(at)) items.push({ fragments: [], at: -1, many: false });
      items[Number(at)] = { fragments: this.#expander.scalar(value), at: value.at, many: false };
      this.variables.set(name, { kind: 'array', items });
      return;
    }
    if (!('pieces' in value)) {
      const items = this.#expander.words(value);
      const old =
        !append || before === undefined
          ? []
          : before.kind === 'array'
            ? before.items
            : [{ fragments: before.value, at: -1, many: false }];
      this.variables.set(name, { kind: 'array', items: [...old, ...items] });
      return;
    }
    const fragments = this.#expander.scalar(value);
    const old = append && before?.kind === 'scalar' ? before.value : [];
    this.variables.set(name, { kind: 'scalar', value: [...old, ...fragments] });
  }

  #simple(command: Extract<Command, { kind: 'simple' }>): Status {
    const { assignments, words: parts, here } = command;
    if (parts.length === 0) {
      for (const assignment of assignments) this.#assign(assignment);
      // The status is that of a command substitution inside, if any.
      const gaps = assignments.flatMap(({ name }) => {
        const variable = this.variables.get(name);
        return variable?.kind === 'scalar' ? gapNames(variable.value) : [];
      });
      return gaps.length > 0 ? open(gaps) : yes;
    }
    const first = parts[0];
    const name = first === undefined || isAssignment(first) ? null : this.#expander.text(first);
    if (name !== null && DECLARE.has(name)) return this.#declare(name, parts.slice(1));
    const words = this.#expander.words(parts.filter((part): part is Word => !isAssignment(part)));
    if (here.length > 0) this.#submitted(words, here);
    if (assignments.length === 0) return this.#invoke(words);
    const before = this.variables;
    const exported = new Set(this.exported);
    this.variables = new Map(before);
    for (const assignment of assignments) {
      this.#assign(assignment);
      this.exported.add(assignment.name);
    }
    const status = this.#invoke(words);
    this.variables = before;
    for (const added of [...this.exported]) if (!exported.has(added)) this.exported.delete(added);
    return status;
  }

  #declare(command: string, parts: readonly (Word | Assignment)[]): Status {
    const words = parts
      .filter((part): part is Word => !isAssignment(part))
      .map((part) => this.#expander.text(part));
    const exports = command === 'export' || words.some((word) => /^-\w*x/u.test(word ?? ''));
    for (const part of parts)
      if (isAssignment(part)) {
        this.#assign(part);
        if (exports) this.exported.add(part.name);
      }
    for (const word of words)
      if (exports && word !== null && /^[A-Za-z_]\w*$/u.test(word)) this.exported.add(word);
    return yes;
  }

  #invoke(words: readonly ShellWord[]): Status {
    const [first, ...rest] = words;
    const name = first === undefined ? null : knownText(first.fragments);
    if (first === undefined || name === null) return this.#record(words);
    const body = this.functions.get(name);
    if (body !== undefined) return this.#call(name, body, rest);
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
      case 'exit':
      case 'return':
        if (this.#maybe === 0) this.#ended = true;
        return yes;
      case 'set':
        this.#set(rest);
        return yes;
      case 'shift':
        this.#positional =
          this.#positional?.slice(Number(knownText(rest[0]?.fragments ?? []) || '1')) ?? null;
        return yes;
      case 'unset':
        for (const word of rest) this.variables.delete(knownText(word.fragments) ?? '');
        return yes;
      case 'read':
      case 'mapfile':
      case 'readarray':
      case 'getopts': {
        for (const word of rest) {
          const variable = knownText(word.fragments) ?? '';
          if (/^[A-Za-z_]\w*$/u.test(variable)) this.variables.delete(variable);
        }
        return open([name]);
      }
      case 'source':
      case '.':
        this.sourced.push(shownText(rest[0]?.fragments ?? []));
        return open([`${name} ${shownText(rest[0]?.fragments ?? [])}`]);
      case 'eval':
        return this.#inner(rest.map(({ fragments }) => fragments));
      default:
        if (PREFIXES.has(name)) return this.#invoke(rest);
        return this.#record(words);
    }
  }

  #set(rest: readonly ShellWord[]): void {
    const at = rest.findIndex((word) => knownText(word.fragments) === '--');
    if (at >= 0) this.#positional = rest.slice(at + 1);
  }

  #call(name: string, body: Command, positional: readonly ShellWord[]): Status {
    if (this.#depth >= DEEPEST_CALL) return open([name]);
    this.called.add(name);
    const before = this.#positional;
    this.#positional = positional.some(({ many }) => many) ? null : positional;
    this.#depth += 1;
    const status = this.#command(body);
    this.#depth -= 1;
    this.#ended = false;
    this.#positional = before;
    return status;
  }

  /** A gap inside text that is read again: a variable of ours that holds it. */
  #standIn(fragment: Fragment): string {
    const name = `planner_gap_${this.#gaps++}`;
    this.variables.set(name, { kind: 'scalar', value: [fragment] });
    return `\${${name}}`;
  }

  /** A script that the script has put together: its text is read like the rest, with the places of its parts. */
  #inner(parts: readonly (readonly Fragment[])[]): Status {
    if (this.#depth >= DEEPEST_CALL) return open(['eval']);
    const starts: { readonly offset: number; readonly at: number }[] = [];
    let text = '';
    for (const part of parts) {
      if (text !== '') text += ' ';
      for (const fragment of part) {
        starts.push({ offset: text.length, at: fragment.at });
        text += fragment.gap === null ? fragment.text : this.#standIn(fragment);
      }
    }
    const locate = (offset: number): number => {
      let low = 0;
      let high = starts.length - 1;
      while (low < high) {
        const middle = (low + high + 1) >> 1;
        if ((starts[middle]?.offset ?? 0) <= offset) low = middle;
        else high = middle - 1;
      }
      const start = starts[low];
      return start === undefined || start.at < 0 ? -1 : start.at + offset - start.offset;
    };
    this.#depth += 1;
    try {
      return this.run(parseShell(text, locate));
    } catch (error) {
      // What is put together wrongly is the run's to refuse; here it only stays unread.
      if (!(error instanceof ShellSyntaxError)) throw error;
      return open(['eval']);
    } finally {
      this.#depth -= 1;
    }
  }

  /** The script of `bash -c '…'` behind whatever starts it (srun, docker, ssh); null where there is none. */
  #shellText(
    words: readonly ShellWord[],
  ): { readonly text: readonly Fragment[]; readonly outer: readonly ShellWord[] } | null {
    for (const [index, word] of words.entries()) {
      if (index > 400) return null;
      const text = knownText(word.fragments);
      if (text === null || !SHELLS.test(text)) continue;
      const flag = knownText(words[index + 1]?.fragments ?? []);
      const script = words[index + 2];
      if (flag === null || script === undefined || !/^-[a-z]*c$/u.test(flag)) continue;
      return { text: script.fragments, outer: words.slice(0, index) };
    }
    return null;
  }

  /** `sbatch <<EOF`, `bash <<EOF`: the here-document is a script that starts elsewhere. */
  #submitted(words: readonly ShellWord[], here: readonly HereDocument[]): void {
    if (!SUBMITS.test(knownText(words[0]?.fragments ?? []) ?? '')) return;
    const before = this.#outer;
    this.#outer = [...before, ...words];
    for (const document of here) this.#apart(() => this.#inner([hereFragments(document)]));
    this.#outer = before;
  }

  #record(words: readonly ShellWord[]): Status {
    const name = shownText(words[0]?.fragments ?? []);
    if (name === 'echo' || name === 'printf') return yes;
    const inner = this.#shellText(words);
    if (this.invocations.length < MOST_INVOCATIONS) {
      const environment = new Map<string, readonly Fragment[]>();
      for (const exported of this.exported) {
        const variable = this.variables.get(exported);
        if (variable?.kind === 'scalar') environment.set(exported, variable.value);
      }
      this.invocations.push({ words, outer: this.#outer, environment, certain: this.#maybe === 0 });
    }
    if (inner !== null) {
      const before = this.#outer;
      this.#outer = [...before, ...inner.outer];
      this.#apart(() => this.#inner([inner.text]));
      this.#outer = before;
    }
    return open([name]);
  }

  /** Functions that nothing called: a launch may stand in one that a batch system starts. */
  runUncalled(): void {
    for (const [name, body] of this.functions) {
      if (this.called.has(name)) continue;
      this.#ended = false;
      this.#positional = null;
      this.#command(body);
    }
  }
}

const isLaunch = (pattern: RegExp, { words }: Invocation): boolean =>
  words.some(({ fragments }) => pattern.test(shownText(fragments)));

/**
 * Follows a script without running anything: assignments, arrays, functions, tests on strings and numbers, loops over
 * known words. What only a run knows becomes a gap with its name. Bounded in commands and characters.
 *
 * @throws ShellSyntaxError for text that is no script, ShellLimitError for one that asks for too much.
 */
export const runShell = (
  text: string,
  environment: ReadonlyMap<string, string>,
  wanted: RegExp,
): ScriptRun => {
  const runner = new ScriptRunner(environment);
  runner.run(parseShell(text));
  if (!runner.invocations.some((invocation) => isLaunch(wanted, invocation))) runner.runUncalled();
  const { invocations, variables, exported, sourced } = runner;
  return { invocations, variables, exported, sourced };
};
