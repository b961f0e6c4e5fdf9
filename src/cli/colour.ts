/** Colour, decided for each stream apart: what is piped stays plain while the terminal is coloured. */
import { Chalk } from 'chalk';
import type { ChalkInstance, ColorSupportLevel } from 'chalk';
import type { Paint, Style } from '../report/paint.ts';

export interface StreamLike {
  readonly isTTY?: boolean;
}

/**
 * Flag (--color, --no-color) over FORCE_COLOR over NO_COLOR (when not empty) over TERM=dumb over whether this very
 * stream is a terminal. Sources: no-color.org; force-color.org.
 */
export const colourLevel = (
  stream: StreamLike,
  flag: boolean | undefined,
  environment: Readonly<Record<string, string | undefined>>,
): ColorSupportLevel => {
  if (flag !== undefined) return flag ? 1 : 0;
  const forced = environment['FORCE_COLOR'];
  if (forced !== undefined && forced !== '') return forced === '0' || forced === 'false' ? 0 : 1;
  if ((environment['NO_COLOR'] ?? '') !== '') return 0;
  if (environment['TERM'] === 'dumb') return 0;
  return stream.isTTY === true ? 1 : 0;
};

/** A chalk of its own for a stream (chalk by itself ignores NO_COLOR). */
export const chalkFor = (stream: StreamLike, flag: boolean | undefined): ChalkInstance =>
  new Chalk({ level: colourLevel(stream, flag, process.env) });

/** Colours of the styles on stdout. */
export const painter = (colour: boolean | undefined): Paint => {
  const chalk = chalkFor(process.stdout, colour);
  const styles: Readonly<Record<Style, (text: string) => string>> = {
    plain: (text) => text,
    strong: chalk.bold,
    faint: chalk.dim,
    good: chalk.green,
    bad: chalk.red,
  };
  return (style, text) => styles[style](text);
};
