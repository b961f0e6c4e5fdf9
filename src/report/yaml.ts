import { stringify } from 'yaml';
import { resultsDocument } from './results-json.ts';
import type { Results } from './results.ts';

/** The results format as YAML, the same keys in the same order as in JSON; no anchors. */
export const resultsYaml = (results: Results): string =>
  stringify(resultsDocument(results), { aliasDuplicateObjects: false, lineWidth: 0 });
