/** Relative speeds of GPUs: CSV with a number a line, or `gpu,speed`; a first line of words is a header. */
import type { Diagnostic, Result } from '../diagnostics.ts';
import { diagnosticAt } from './source.ts';
import type { Source } from './source.ts';

const MAXIMUM_DIAGNOSTICS = 20;

/** Speeds in the order of the GPUs; `gpus` of them. */
export const readGpuSpeeds = (source: Source, gpus: number): Result<readonly number[]> => {
  const diagnostics: Diagnostic[] = [];
  const speeds: (number | undefined)[] = [];
  let at = 0;
  let first = true;
  for (const line of source.text.split('\n')) {
    const range = { source, start: at, end: at + Math.max(1, line.length) };
    at += line.length + 1;
    const cells = line
      .trim()
      .split(/[,;\s]+/u)
      .filter((cell) => cell !== '');
    if (cells.length === 0 || line.trim().startsWith('#')) continue;
    const header = first && cells.every((cell) => !Number.isFinite(Number(cell)));
    first = false;
    if (header) continue;
    const speed = Number(cells.at(-1));
    const gpu = cells.length === 1 ? speeds.length : Number(cells[0]);
    const message =
      cells.length > 2
        ? 'expected a speed, or a GPU and its speed'
        : !(Number.isFinite(speed) && speed > 0)
          ? `expected a speed above 0, found ${JSON.stringify(cells.at(-1))}`
          : !(Number.isInteger(gpu) && gpu >= 0 && gpu < gpus)
            ? `expected a GPU from 0 to ${String(gpus - 1)}, found ${JSON.stringify(cells[0])}`
            : speeds[gpu] === undefined
              ? null
              : `GPU ${String(gpu)} is given twice`;
    if (message === null) speeds[gpu] = speed;
    else if (diagnostics.length < MAXIMUM_DIAGNOSTICS)
      diagnostics.push(diagnosticAt(range, 'placement/speeds', message));
  }
  const given = speeds.filter((speed) => speed !== undefined);
  if (diagnostics.length === 0 && given.length !== gpus)
    diagnostics.push(
      diagnosticAt(
        { source, start: 0, end: 1 },
        'placement/speeds',
        `has ${String(given.length)} speeds for ${String(gpus)} GPUs`,
      ),
    );
  return diagnostics.length > 0 ? { ok: false, diagnostics } : { ok: true, value: given, warnings: [] };
};
