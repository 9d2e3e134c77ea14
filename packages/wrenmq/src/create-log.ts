import { type Level, type Logger, pino, stdTimeFunctions } from 'pino';
import type { PrettyStream } from 'pino-pretty';

/** A log on standard error: JSON, one object per line, or for people. */
export interface Log {
  readonly logger: Logger;
  setLevel(level: Level | 'silent'): void;
  /** Writes what is still buffered; the last thing before the process ends. */
  flush(): void;
}

export interface LogOptions {
  readonly level: Level | 'silent';
  readonly format: 'auto' | 'json' | 'pretty';
}

const STANDARD_ERROR = 2;

export async function createLog(options: LogOptions): Promise<Log> {
  const isPretty = options.format === 'pretty' || (options.format === 'auto' && process.stderr.isTTY);
  const destination = isPretty ? await createPretty() : pino.destination({ dest: STANDARD_ERROR, sync: false });
  const logger: Logger = pino(
    { level: options.level, base: null, timestamp: stdTimeFunctions.isoTime, formatters: { level: (level) => ({ level }) } },
    destination,
  );
  return {
    logger,
    setLevel: (level) => void (logger.level = level),
    flush: () => {
      if ('flushSync' in destination) destination.flushSync();
    },
  };
}

/** Writes at once: a person reads along. */
async function createPretty(): Promise<PrettyStream> {
  const { default: pretty } = await import('pino-pretty');
  const isColoured = process.stderr.isTTY && process.env['NO_COLOR'] === undefined;
  return pretty({ destination: STANDARD_ERROR, sync: true, colorize: isColoured, singleLine: true, translateTime: 'SYS:HH:MM:ss.l' });
}
