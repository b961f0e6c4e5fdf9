/** XML that tools of NCCL write, as elements with their place in the file; what is not well-formed is refused there. */
import { XMLParser, XMLValidator } from 'fast-xml-parser';
import type { ReadingReport } from './links-reading.ts';
import type { Range, Source } from './source.ts';

export interface Element {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly Element[];
  readonly range: Range;
}

const MAXIMUM_ELEMENTS = 50_000;
const MAXIMUM_DEPTH = 40;

/** Nesting and number of tags, before a recursive parser sees them. */
const tooComplex = ({ text }: Source): number | null => {
  let [depth, elements] = [0, 0];
  for (const match of text.matchAll(/<(\/?)[A-Za-z_][^<>]*?(\/?)>/gu)) {
    if (match[1] === '/') depth -= 1;
    else {
      elements += 1;
      if (match[2] !== '/') depth += 1;
    }
    if (depth > MAXIMUM_DEPTH || elements > MAXIMUM_ELEMENTS) return match.index;
  }
  return null;
};

const META = XMLParser.getMetaDataSymbol() as symbol;

type Raw = Readonly<Record<string | symbol, unknown>>;

const elementsOf = (raw: readonly Raw[], source: Source): readonly Element[] =>
  raw.flatMap((node): readonly Element[] => {
    const name = Object.keys(node).find((key) => key !== ':@' && key !== '#text');
    if (name === undefined) return [];
    const children = node[name];
    const { startIndex: start = 0 } = (node[META] ?? {}) as { readonly startIndex?: number };
    return [
      {
        name,
        attributes: (node[':@'] ?? {}) as Readonly<Record<string, string>>,
        children: Array.isArray(children) ? elementsOf(children as readonly Raw[], source) : [],
        range: { source, start, end: start + name.length + 1 },
      },
    ];
  });

/** What stands around the document – a shell's prompt, a script that writes it, a declaration – becomes blank. */
const document = (source: Source, report: ReadingReport): Source => {
  const { name, text } = source;
  const begin = text.search(/<(?:system|graphs)\b/u);
  if (begin === -1) return source;
  const last = [...text.matchAll(/<\/(?:system|graphs)\s{0,9}>/gu)].at(-1);
  const end = last === undefined ? text.length : Math.max(begin, last.index + last[0].length);
  // A declaration or a comment there is part of the document.
  const around = [text.slice(0, begin).trim(), text.slice(end).trim()];
  if (around.some((part) => part !== '' && !part.startsWith('<')))
    report.warn({ source, start: begin, end: begin + 1 }, 'ignored: what stands before and after the XML');
  const blank = (part: string): string => part.replace(/[^\n]/gu, ' ');
  return { name, text: blank(text.slice(0, begin)) + text.slice(begin, end) + blank(text.slice(end)) };
};

/** Entities are neither declared nor replaced: a document type is refused before parsing. */
export const parseXml = (file: Source, report: ReadingReport): readonly Element[] | null => {
  const declared = /<!(?:DOCTYPE|ENTITY)/iu.exec(file.text);
  if (declared !== null) {
    const { index } = declared;
    report.error(
      { source: file, start: index, end: index + declared[0].length },
      'document types and entities are not read',
    );
    return null;
  }
  const source = document(file, report);
  const { text } = source;
  const deep = tooComplex(source);
  if (deep !== null) {
    report.error({ source, start: deep, end: deep + 1 }, 'nests too deep or holds too many elements');
    return null;
  }
  // Its successor is a package of its own; the parser alone passes over what is not well-formed.
  // eslint-disable-next-line @typescript-eslint/no-deprecated
  const valid = XMLValidator.validate(text);
  if (valid !== true) {
    const { line, col, msg } = valid.err;
    const lines = text.split('\n').slice(0, line - 1);
    const start = lines.reduce((sum, each) => sum + each.length + 1, 0) + Math.max(0, col - 1);
    report.error({ source, start: Math.min(start, text.length), end: start + 1 }, `is not XML: ${msg}`);
    return null;
  }
  const parser = new XMLParser({
    preserveOrder: true,
    ignoreAttributes: false,
    attributeNamePrefix: '',
    parseAttributeValue: false,
    processEntities: false,
    captureMetaData: true,
  });
  return elementsOf(parser.parse(text) as readonly Raw[], file);
};

export const allElements = (
  elements: readonly Element[],
  test: (element: Element) => boolean,
): readonly Element[] =>
  elements.flatMap((element) => [
    ...(test(element) ? [element] : []),
    ...allElements(element.children, test),
  ]);

export const attribute = ({ attributes }: Element, name: string): string => attributes[name] ?? '';
