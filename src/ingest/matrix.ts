/**
 * Measured links as a square matrix, row = sender, column = receiver: CSV, or JSON
 * `{ unit, level, order, bandwidth, latency }`. The diagonal is ignored.
 */
import type { MeasuredLinks } from '../cluster/cluster.ts';
import type { Result } from '../diagnostics.ts';
import type { MatrixContext, MatrixOptions } from './matrix-cells.ts';
import { readCsvMatrix } from './matrix-csv.ts';
import { readJsonMatrix } from './matrix-json.ts';
import type { Source } from './source.ts';

/**
 * Reads measured links of a cluster, or, without a context, of whatever cluster they are of. Errors stand at the cell at
 * fault: not square, missing, zero, negative or not a number.
 */
export const readMatrix = (
  source: Source,
  context: MatrixContext | null,
  options: MatrixOptions = {},
): Result<MeasuredLinks> =>
  /^\s*[{[]/u.test(source.text)
    ? readJsonMatrix(source, context, options)
    : readCsvMatrix(source, context, options);
