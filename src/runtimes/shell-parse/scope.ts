import { no, open, yes } from './conditions.ts';
import type { Status } from './conditions.ts';
import { Expander } from './expand.ts';
import { isAssignment } from './syntax.ts';
import type { Assignment, Word } from './syntax.ts';
import { shownText, textFragment } from './values.ts';
import type { Fragment, ShellWord, Variable } from './values.ts';

/** What a script has set so far: variables, those that it exports, and its positional parameters. */
export class Scope {
  variables: Map<string, Variable>;
  readonly exported = new Set<string>();
  /** null where they are not known. */
  positional: readonly ShellWord[] | null = null;
  readonly expander: Expander;
  #gaps = 0;

  constructor(environment: ReadonlyMap<string, string>) {
    this.variables = new Map(
      [...environment].map(
        ([name, value]) => [name, { kind: 'scalar', value: [textFragment(value)] }] as const,
      ),
    );
    for (const name of environment.keys()) this.exported.add(name);
    this.expander = new Expander({
      get: (name) => this.variables.get(name),
      set: (name, variable) => this.variables.set(name, variable),
      positional: () => this.positional,
    });
  }

  /** Variables that the next command finds in its environment. */
  environment(): ReadonlyMap<string, readonly Fragment[]> {
    const environment = new Map<string, readonly Fragment[]>();
    for (const exported of this.exported) {
      const variable = this.variables.get(exported);
      if (variable?.kind === 'scalar') environment.set(exported, variable.value);
    }
    return environment;
  }

  /** `(( … ))`. */
  arithmetic(body: Word): Status {
    const text = shownText(this.expander.scalar(body));
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
      const value = this.expander.arithmetic(word, `$${changed[1]}`, body.at);
      this.variables.set(changed[1], { kind: 'scalar', value: [value] });
      return open([`$${changed[1]}`]);
    }
    const result = this.expander.arithmetic(body, text.trim().slice(0, 60), body.at);
    if (result.gap !== null) return open(result.gap.because);
    return result.text === '0' ? no : yes;
  }

  assign({ name, append, index, value }: Assignment): void {
    const before = this.variables.get(name);
    if (index !== null) {
      const at = this.expander.text(index);
      const items = before?.kind === 'array' ? [...before.items] : [];
      if (at === null || !/^\d{1,4}$/u.test(at) || !('pieces' in value)) return;
      while (items.length < Number(at)) items.push({ fragments: [], at: -1, many: false });
      items[Number(at)] = { fragments: this.expander.scalar(value), at: value.at, many: false };
      this.variables.set(name, { kind: 'array', items });
      return;
    }
    if (!('pieces' in value)) {
      const items = this.expander.words(value);
      const old =
        !append || before === undefined
          ? []
          : before.kind === 'array'
            ? before.items
            : [{ fragments: before.value, at: -1, many: false }];
      this.variables.set(name, { kind: 'array', items: [...old, ...items] });
      return;
    }
    const fragments = this.expander.scalar(value);
    const old = append && before?.kind === 'scalar' ? before.value : [];
    this.variables.set(name, { kind: 'scalar', value: [...old, ...fragments] });
  }

  /** `export`, `declare` and their kin. */
  declare(command: string, parts: readonly (Word | Assignment)[]): Status {
    const words = parts
      .filter((part): part is Word => !isAssignment(part))
      .map((part) => this.expander.text(part));
    const exports = command === 'export' || words.some((word) => /^-\w*x/u.test(word ?? ''));
    for (const part of parts)
      if (isAssignment(part)) {
        this.assign(part);
        if (exports) this.exported.add(part.name);
      }
    for (const word of words)
      if (exports && word !== null && /^[A-Za-z_]\w*$/u.test(word)) this.exported.add(word);
    return yes;
  }

  /** A gap inside text that is read again: a variable of ours that holds it. */
  standIn(fragment: Fragment): string {
    const name = `planner_gap_${this.#gaps++}`;
    this.variables.set(name, { kind: 'scalar', value: [fragment] });
    return `\${${name}}`;
  }
}
