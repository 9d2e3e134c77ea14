import type { LoadCounts } from './load-outcome.ts';

const EVERY_MS = 500;
const COLUMNS = 24;

/** One line on standard error that is written over and over; nothing where there is no terminal. */
export class ProgressLine implements Disposable {
  readonly #timer: NodeJS.Timeout | undefined;
  #before = 0;

  /** `shareDone`: from 0 to 1. */
  constructor(isShown: boolean, shareDone: () => number, counts: () => Readonly<LoadCounts> | null) {
    if (!isShown) return;
    this.#timer = setInterval(() => {
      const share = Math.min(1, shareDone());
      const filled = Math.round(share * COLUMNS);
      const { sent = 0, received = 0 } = counts() ?? {};
      const rate = Math.round((received - this.#before) / (EVERY_MS / 1000));
      this.#before = received;
      const bar = `[${'#'.repeat(filled)}${'.'.repeat(COLUMNS - filled)}] ${Math.round(share * 100)} %`;
      process.stderr.write(`\r\x1b[K${bar}  sent ${sent}  received ${received}  ${rate}/s`);
    }, EVERY_MS);
    this.#timer.unref();
  }

  [Symbol.dispose](): void {
    if (this.#timer === undefined) return;
    clearInterval(this.#timer);
    process.stderr.write('\r\x1b[K');
  }
}
