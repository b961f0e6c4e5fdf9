/** A document of one of the formats as text. */
import { stringify } from 'yaml';

export const jsonText = (document: unknown): string => `${JSON.stringify(document, null, 2)}\n`;

/** The same keys in the same order as in JSON; no anchors, no folded lines. */
export const yamlText = (document: unknown): string =>
  stringify(document, { aliasDuplicateObjects: false, lineWidth: 0 });
