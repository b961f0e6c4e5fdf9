/**
 * Measured links as a square matrix, row = sender, column = receiver: CSV, or JSON
 * `{ unit, level, order, bandwidth, latency }`. The diagonal is ignored.
 */
import type { MeasuredLinks } from '../cluster/cluster.ts';
import type { Result } from '../diagnostics.ts';
import type { MatrixContext } from './matrix-cells.ts';
import { readCsvMatrix } from './matrix-csv.ts';
import { readJsonMatrix } from './matrix-json.ts';
import type { Source } from './source.ts';

/** Reads measured links of a cluster. Errors stand at the cell at fault: not square, missing, zero, negative or not a number. */
export const readMatrix = (source: Source, context: MatrixContext): Result<MeasuredLinks> =>
  /^\s*[{[]/u.test(source.text) ? readJsonMatrix(source, context) : readCsvMatrix(source, context);
