import { runBuiltin } from './builtins.ts';
import { parseShell } from './commands.ts';
import { evaluateTest, matchesGlob, negated, open, yes } from './conditions.ts';
import type { Status } from './conditions.ts';
import { ShellLimitError } from './expand.ts';
import { composeScript, hereFragments, readsScript, shellText } from './inner-scripts.ts';
import type { Invocation } from './invocation.ts';
import { Scope } from './scope.ts';
import { isAssignment, ShellSyntaxError } from './syntax.ts';
import type { Command, HereDocument, Word } from './syntax.ts';
import { gapFragment, gapNames, gapOf, knownText, mergeScopes, shownText } from './values.ts';
import type { Fragment, ShellWord, Variable } from './values.ts';

/** Commands that are followed; loops over known words count each turn. */
const MOST_COMMANDS = 50_000;
const MOST_INVOCATIONS = 2_000;
/** Scripts inside scripts: eval, `bash -c`, functions that call each other. */
const DEEPEST_CALL = 20;
const LONGEST_LOOP = 100;

const DECLARE = new Set(['export', 'declare', 'local', 'readonly', 'typeset']);
/** Runs its remaining words as a command, in this very shell. */
const PREFIXES = new Set(['exec', 'command', 'time', 'builtin', 'nohup']);

/** Follows commands as the shell would, and records those that it would start. */
export class ScriptRunner {
  readonly scope: Scope;
  readonly functions = new Map<string, Command>();
  readonly called = new Set<string>();
  readonly invocations: Invocation[] = [];
  readonly sourced: string[] = [];
  #commands = 0;
  #depth = 0;
  #maybe = 0;
  #ended = false;
  #outer: readonly ShellWord[] = [];

  constructor(environment: ReadonlyMap<string, string>) {
    this.scope = new Scope(environment);
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
        return evaluateTest(command.words.map((word) => this.scope.expander.scalar(word)));
      case 'arithmetic':
        return this.scope.arithmetic(command.body);
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
    const before = this.scope.variables;
    this.scope.variables = new Map(before);
    const status = body();
    this.scope.variables = before;
    this.#ended = false;
    return status;
  }

  /** Runs what may or may not run: afterwards variables are known as far as both ways agree. */
  #perhaps(because: readonly string[], bodies: readonly (() => void)[]): void {
    const before = this.scope.variables;
    const ends: Map<string, Variable>[] = [];
    this.#maybe += 1;
    for (const body of bodies) {
      this.scope.variables = new Map(before);
      body();
      this.#ended = false;
      ends.push(this.scope.variables);
    }
    this.#maybe -= 1;
    this.scope.variables = ends.reduce((left, right) => mergeScopes(left, right, because));
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
    const value = this.scope.expander.scalar(subject);
    const text = knownText(value);
    if (text === null) {
      const because = gapNames(value);
      this.#perhaps(because, [() => undefined, ...arms.map((arm) => () => void this.run(arm.body))]);
      return open(because);
    }
    for (const arm of arms)
      if (arm.patterns.some((pattern) => matchesGlob(shownText(this.scope.expander.scalar(pattern)), text)))
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
    const words = this.scope.expander.words(items);
    if (words.length <= LONGEST_LOOP && words.every(({ many }) => !many)) {
      for (const word of words) {
        if (this.#ended) break;
        this.scope.variables.set(variable, { kind: 'scalar', value: word.fragments });
        this.run(body);
      }
      return yes;
    }
    this.scope.variables.set(variable, { kind: 'scalar', value: [gapFragment(gapOf(`$${variable}`), -1)] });
    this.#perhaps([`$${variable}`], [() => undefined, () => void this.run(body)]);
    return yes;
  }

  #simple(command: Extract<Command, { kind: 'simple' }>): Status {
    const { assignments, words: parts, here } = command;
    if (parts.length === 0) {
      for (const assignment of assignments) this.scope.assign(assignment);
      // The status is that of a command substitution inside, if any.
      const gaps = assignments.flatMap(({ name }) => {
        const variable = this.scope.variables.get(name);
        return variable?.kind === 'scalar' ? gapNames(variable.value) : [];
      });
      return gaps.length > 0 ? open(gaps) : yes;
    }
    const first = parts[0];
    const name = first === undefined || isAssignment(first) ? null : this.scope.expander.text(first);
    if (name !== null && DECLARE.has(name)) return this.scope.declare(name, parts.slice(1));
    const words = this.scope.expander.words(parts.filter((part): part is Word => !isAssignment(part)));
    if (here.length > 0) this.#submitted(words, here);
    if (assignments.length === 0) return this.#invoke(words);
    const before = this.scope.variables;
    const exported = new Set(this.scope.exported);
    this.scope.variables = new Map(before);
    for (const assignment of assignments) {
      this.scope.assign(assignment);
      this.scope.exported.add(assignment.name);
    }
    const status = this.#invoke(words);
    this.scope.variables = before;
    for (const added of [...this.scope.exported]) if (!exported.has(added)) this.scope.exported.delete(added);
    return status;
  }

  #invoke(words: readonly ShellWord[]): Status {
    const [first, ...rest] = words;
    const name = first === undefined ? null : knownText(first.fragments);
    if (first === undefined || name === null) return this.#record(words);
    const body = this.functions.get(name);
    if (body !== undefined) return this.#call(name, body, rest);
    switch (name) {
      case 'exit':
      case 'return':
        if (this.#maybe === 0) this.#ended = true;
        return yes;
      case 'source':
      case '.':
        this.sourced.push(shownText(rest[0]?.fragments ?? []));
        return open([`${name} ${shownText(rest[0]?.fragments ?? [])}`]);
      case 'eval':
        return this.#inner(rest.map(({ fragments }) => fragments));
      default:
        if (PREFIXES.has(name)) return this.#invoke(rest);
        return runBuiltin(name, rest, this.scope) ?? this.#record(words);
    }
  }

  #call(name: string, body: Command, positional: readonly ShellWord[]): Status {
    if (this.#depth >= DEEPEST_CALL) return open([name]);
    this.called.add(name);
    const before = this.scope.positional;
    this.scope.positional = positional.some(({ many }) => many) ? null : positional;
    this.#depth += 1;
    const status = this.#command(body);
    this.#depth -= 1;
    this.#ended = false;
    this.scope.positional = before;
    return status;
  }

  /** A script that the script has put together: its text is read like the rest, with the places of its parts. */
  #inner(parts: readonly (readonly Fragment[])[]): Status {
    if (this.#depth >= DEEPEST_CALL) return open(['eval']);
    const { text, locate } = composeScript(parts, (fragment) => this.scope.standIn(fragment));
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

  /** `sbatch <<EOF`, `bash <<EOF`: the here-document is a script that starts elsewhere. */
  #submitted(words: readonly ShellWord[], here: readonly HereDocument[]): void {
    if (!readsScript(words)) return;
    const before = this.#outer;
    this.#outer = [...before, ...words];
    for (const document of here) this.#apart(() => this.#inner([hereFragments(document)]));
    this.#outer = before;
  }

  #record(words: readonly ShellWord[]): Status {
    const name = shownText(words[0]?.fragments ?? []);
    if (name === 'echo' || name === 'printf') return yes;
    const inner = shellText(words);
    if (this.invocations.length < MOST_INVOCATIONS) {
      this.invocations.push({
        words,
        outer: this.#outer,
        environment: this.scope.environment(),
        certain: this.#maybe === 0,
      });
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
      this.scope.positional = null;
      this.#command(body);
    }
  }
}
