/** A line of progress on stderr: only on a terminal, only when the work takes over a second, and gone afterwards. */

const PATIENCE_MS = 1000;
const INTERVAL_MS = 100;

export interface Progress {
  /** Cheap enough for an inner loop; the text is made only when it is shown. */
  readonly update: (text: () => string) => void;
  /** Removes the line. Call it before anything else is printed. */
  readonly done: () => void;
}

export interface ProgressStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/** The clock is asked at each update, so that work which never yields to the event loop shows its progress too. */
export const startProgress = (
  stream: ProgressStream = process.stderr,
  now: () => number = () => performance.now(),
): Progress => {
  if (stream.isTTY !== true) return { update: () => undefined, done: () => undefined };
  let next = now() + PATIENCE_MS;
  let shown = false;
  return {
    update(text) {
      const time = now();
      if (time < next) return;
      next = time + INTERVAL_MS;
      shown = true;
      const width = Math.max(10, (stream.columns ?? 80) - 1);
      stream.write(`\r\u001b[2K${text().slice(0, width)}`);
    },
    done() {
      if (shown) stream.write('\r\u001b[2K');
      shown = false;
      next = Number.POSITIVE_INFINITY;
    },
  };
};
