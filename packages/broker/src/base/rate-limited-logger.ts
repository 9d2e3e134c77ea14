import type { Clock } from './clock.ts';
import type { LogFields, Logger } from './logger.ts';

export interface LogRate {
  /** How many lines with the same message a window lets through. */
  readonly linesMax: number;
  readonly windowMs: number;
}

interface Count {
  windowStartMs: number;
  written: number;
  suppressed: number;
}

type Level = 'debug' | 'info' | 'warn' | 'error';

/** Different messages are texts in our code: there are few. A program that makes up messages must not fill the memory. */
const MESSAGES_MAX = 1000;

/**
 * Passes lines on until one message comes too often; then only the first ones of each window, and how many were left out with
 * the first of the next. What differs between two lines belongs into the fields, so that a flood has one message.
 * `fatal` is never left out.
 */
export class RateLimitedLogger implements Logger {
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #rate: LogRate;
  readonly #counts = new Map<string, Count>();

  constructor(logger: Logger, clock: Clock, rate: LogRate = { linesMax: 20, windowMs: 10_000 }) {
    this.#logger = logger;
    this.#clock = clock;
    this.#rate = rate;
  }

  debug(fields: LogFields, message: string): void {
    this.#write('debug', fields, message);
  }

  info(fields: LogFields, message: string): void {
    this.#write('info', fields, message);
  }

  warn(fields: LogFields, message: string): void {
    this.#write('warn', fields, message);
  }

  error(fields: LogFields, message: string): void {
    this.#write('error', fields, message);
  }

  fatal(fields: LogFields, message: string): void {
    this.#logger.fatal(fields, message);
  }

  #write(level: Level, fields: LogFields, message: string): void {
    const nowMs = this.#clock.monotonicMs();
    const count = this.#countOf(message, nowMs);
    const isNewWindow = nowMs - count.windowStartMs >= this.#rate.windowMs;
    if (!isNewWindow && count.written >= this.#rate.linesMax) {
      count.suppressed += 1;
      return;
    }
    const { suppressed } = count;
    if (isNewWindow) {
      count.windowStartMs = nowMs;
      count.written = 0;
      count.suppressed = 0;
    }
    count.written += 1;
    this.#logger[level](suppressed === 0 ? fields : { ...fields, suppressed }, message);
  }

  #countOf(message: string, nowMs: number): Count {
    let count = this.#counts.get(message);
    if (count === undefined) {
      if (this.#counts.size >= MESSAGES_MAX) this.#counts.clear();
      count = { windowStartMs: nowMs, written: 0, suppressed: 0 };
      this.#counts.set(message, count);
    }
    return count;
  }
}
