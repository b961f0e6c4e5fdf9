/**
 * What a YAML text would cost to build, found before anything is built: the parser behind recurses, and deep input can
 * end the process in a way that cannot be caught. The lexer does not recurse and is linear, so its tokens are measured.
 */
import { Lexer } from 'yaml';
import type { Result } from '../diagnostics.ts';
import { diagnosticAt } from './source.ts';
import type { Source } from './source.ts';

/** Collections inside one another; no format of ours needs ten. */
export const MAXIMUM_DEPTH = 64;

/** Tokens of a whole file, blanks included. */
const MAXIMUM_TOKENS = 200_000;

/** The lexer's own marks, which take no room in the text. */
const MARKS = new Set(['\u0002', '\u0018', '\u001f']);

const refuse = (source: Source, start: number, message: string): Result<never> => ({
  ok: false,
  diagnostics: [diagnosticAt({ source, start, end: start + 1 }, 'yaml/too-complex', message)],
});

/**
 * Refuses text that nests deeper than MAXIMUM_DEPTH or has too many tokens. Depth counts open brackets and the columns
 * at which enclosing block collections begin, so it is at least half of the real one.
 */
export const scanYaml = (source: Source): Result<null> => {
  const columns: number[] = [];
  let flow = 0;
  let offset = 0;
  let lineStart = 0;
  let tokens = 0;
  for (const token of new Lexer().lex(source.text)) {
    if (MARKS.has(token)) continue;
    const start = offset;
    offset += token.length;
    tokens += 1;
    if (tokens > MAXIMUM_TOKENS) return refuse(source, start, 'holds too many values');
    if (token === '[' || token === '{') flow += 1;
    else if (token === ']' || token === '}') flow = Math.max(0, flow - 1);
    if (flow === 0 && token.trim() !== '') {
      const column = start - lineStart;
      while (columns.length > 0 && (columns.at(-1) ?? 0) >= column) columns.pop();
      columns.push(column);
    }
    const lineBreak = token.lastIndexOf('\n');
    if (lineBreak !== -1) lineStart = start + lineBreak + 1;
    if (columns.length + flow > MAXIMUM_DEPTH)
      return refuse(source, start, `nests more than ${String(MAXIMUM_DEPTH)} levels deep`);
  }
  return { ok: true, value: null, warnings: [] };
};
