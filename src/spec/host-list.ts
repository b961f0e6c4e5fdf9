/** Host names as Slurm writes them: `gpu[001-016,020],login1`. */

export type HostListResult =
  { readonly ok: true; readonly hosts: readonly string[] } | { readonly ok: false; readonly message: string };

/** What a host may be called: RFC 1123 labels, and the underscore that many clusters use. */
const HOST_NAME = /^[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?$/u;

export const isHostName = (name: string): boolean => HOST_NAME.test(name);

/** Parts between commas outside of brackets; null where brackets do not match. */
const splitOutside = (text: string): readonly string[] | null => {
  const parts: string[] = [];
  let start = 0;
  let inside = false;
  for (let index = 0; index < text.length; index += 1) {
    const character = text[index];
    if (character === '[' || character === ']') {
      if (inside === (character === '[')) return null;
      inside = !inside;
    } else if (character === ',' && !inside) {
      parts.push(text.slice(start, index));
      start = index + 1;
    }
  }
  if (inside) return null;
  parts.push(text.slice(start));
  return parts;
};

/** `001-016` → its numbers with their leading zeros; null where it is none, or would be more than `maximum`. */
const expandRange = (text: string, maximum: number): readonly string[] | null => {
  const match = /^(\d{1,9})(?:-(\d{1,9}))?$/u.exec(text.trim());
  if (match === null) return null;
  const [, first = '', last = first] = match;
  const count = Number(last) - Number(first) + 1;
  if (count < 1 || count > maximum) return null;
  return Array.from({ length: count }, (_, index) =>
    String(Number(first) + index).padStart(first.length, '0'),
  );
};

/** One part, `rack[1-2]n[01-16]` included: brackets vary from right to left fastest. */
const expandPart = (part: string, maximum: number): readonly string[] | string => {
  let names: readonly string[] = [''];
  let rest = part.trim();
  while (rest !== '') {
    const open = rest.indexOf('[');
    if (open === -1) return names.map((name) => name + rest);
    const close = rest.indexOf(']', open);
    const prefix = rest.slice(0, open);
    const numbers: string[] = [];
    for (const range of rest.slice(open + 1, close).split(',')) {
      const expanded = expandRange(range, maximum);
      if (expanded === null) return `"${range.slice(0, 40)}" is not a range of numbers, or has too many`;
      numbers.push(...expanded);
      if (numbers.length * names.length > maximum) return `names more than ${String(maximum)} hosts`;
    }
    names = names.flatMap((name) => numbers.map((number) => name + prefix + number));
    rest = rest.slice(close + 1);
  }
  return names;
};

/** Expands a host list to at most `maximum` distinct names in order. */
export const expandHosts = (text: string, maximum: number): HostListResult => {
  const parts = splitOutside(text);
  if (parts === null) return { ok: false, message: 'brackets do not match' };
  const hosts: string[] = [];
  for (const part of parts) {
    const expanded = expandPart(part, maximum);
    if (typeof expanded === 'string') return { ok: false, message: expanded };
    hosts.push(...expanded);
    if (hosts.length > maximum) return { ok: false, message: `names more than ${String(maximum)} hosts` };
  }
  return { ok: true, hosts };
};
