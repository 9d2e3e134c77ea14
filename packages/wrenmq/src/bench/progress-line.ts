import type { LoadCounts } from './load-outcome.ts';

const EVERY_MS = 500;
const COLUMNS = 24;

/** One line on standard error that is written over and over; nothing where there is no terminal. */
export class ProgressLine implements Disposable {
  readonly #timer: NodeJS.Timeout | undefined;
  readonly #counts: () => Readonly<LoadCounts>;
  #shareDone: () => number = () => 0;
  #before = 0;

  constructor(isShown: boolean, counts: () => Readonly<LoadCounts>) {
    this.#counts = counts;
    if (!isShown) return;
    this.#timer = setInterval(() => this.#write(), EVERY_MS);
    this.#timer.unref();
  }

  /** `shareDone`: from 0 to 1. */
  show(shareDone: () => number): void {
    this.#shareDone = shareDone;
  }

  [Symbol.dispose](): void {
    if (this.#timer === undefined) return;
    clearInterval(this.#timer);
    process.stderr.write('\r\x1b[K');
  }

  #write(): void {
    const share = Math.min(1, this.#shareDone());
    const filled = Math.round(share * COLUMNS);
    const { sent, received } = this.#counts();
    const rate = Math.round((received - this.#before) / (EVERY_MS / 1000));
    this.#before = received;
    const bar = `[${'#'.repeat(filled)}${'.'.repeat(COLUMNS - filled)}] ${Math.round(share * 100)} %`;
    process.stderr.write(`\r\x1b[K${bar}  sent ${sent}  received ${received}  ${rate}/s`);
  }
}
