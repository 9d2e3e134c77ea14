import type { Clock } from '#base/clock.ts';
import type { LogFields, Logger } from '#base/logger.ts';
import { TokenBucket } from '#base/token-bucket.ts';

/** One line per refused connection, but a flood of them must not become a flood of lines: 1/s after the first 10. */
export class DoorLog {
  readonly #log: Logger;
  readonly #listener: string;
  readonly #bucket: TokenBucket;
  #suppressed = 0;

  constructor(log: Logger, listener: string, clock: Clock) {
    this.#log = log;
    this.#listener = listener;
    this.#bucket = new TokenBucket(clock, 1, 10);
  }

  refused(fields: LogFields, message: string): void {
    if (!this.#bucket.take()) {
      this.#suppressed++;
      return;
    }
    const suppressed = this.#suppressed === 0 ? {} : { suppressedLines: this.#suppressed };
    this.#suppressed = 0;
    this.#log.warn({ listener: this.#listener, ...fields, ...suppressed }, message);
  }

  info(fields: LogFields, message: string): void {
    this.#log.info({ listener: this.#listener, ...fields }, message);
  }

  error(fields: LogFields, message: string): void {
    this.#log.error({ listener: this.#listener, ...fields }, message);
  }
}
