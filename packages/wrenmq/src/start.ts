import { mkdtemp, rm } from 'node:fs/promises';
import { flushCompileCache } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { type BoundAddresses, type Broker, createBroker } from '@wrenmq/broker';
import {
  ConfigError,
  type ConfigSources,
  diffConfig,
  loadConfig,
  type LoadedConfig,
  OperationalError,
} from '@wrenmq/broker/administration';
import { type ConfigOptions, configSources, orUsageError } from './config-sources.ts';
import { createLog, type Log } from './create-log.ts';
import { banner, readyLine } from './describe-start.ts';
import { CommandError, ExitCode } from './exit-code.ts';
import { handleSignals } from './stop-signals.ts';

interface StartOptions extends ConfigOptions {
  readonly dev?: boolean;
  readonly insecureAllowAnonymous?: boolean;
  readonly printReady?: boolean;
}

/** How much longer than the configured grace time an orderly end may take, before it is ended in disorder. */
const STOP_MARGIN_MS = 5000;

/** `wrenmq start`: runs the broker until a signal or a fatal fault ends it. */
export async function start(options: StartOptions): Promise<void> {
  const temporary = options.dev === true && options.data === undefined ? await mkdtemp(join(tmpdir(), 'wrenmq-dev-')) : null;
  try {
    const sources = startSources(options, temporary);
    const loaded = orUsageError(() => loadConfig(sources));
    const log = await createLog(loaded.config.log);
    const exitCode = await new Run(sources, loaded, log).untilEnd(options.printReady === true);
    log.flush();
    await removeDirectory(temporary);
    // Whatever a library still waits for, the broker has ended.
    process.exit(exitCode);
  } catch (error) {
    await removeDirectory(temporary);
    throw error;
  }
}

function startSources(options: StartOptions, temporary: string | null): ConfigSources {
  return configSources(temporary === null ? options : { ...options, data: temporary }, {
    ...(options.dev === true ? { durability: 'memory' } : {}),
    ...(options.insecureAllowAnonymous === true ? { insecureAllowAnonymous: true } : {}),
  });
}

async function removeDirectory(path: string | null): Promise<void> {
  if (path !== null) await rm(path, { recursive: true, force: true });
}

/** One broker in this process, from its configuration to its exit code. */
class Run {
  readonly #sources: ConfigSources;
  readonly #log: Log;
  readonly #ended = Promise.withResolvers<ExitCode>();
  #loaded: LoadedConfig;

  constructor(sources: ConfigSources, loaded: LoadedConfig, log: Log) {
    this.#sources = sources;
    this.#loaded = loaded;
    this.#log = log;
  }

  async untilEnd(isReadyPrinted: boolean): Promise<ExitCode> {
    const { logger } = this.#log;
    for (const { path, message, suggestion } of this.#loaded.warnings) logger.warn({ path, suggestion }, message);
    process.on('uncaughtException', (error) => this.#giveUp(error));
    const broker = createBroker({ config: this.#loaded, log: logger });
    handleSignals({
      onStop: (reason) => void this.#stop(broker, reason),
      onSecondStop: () => this.#ended.resolve(ExitCode.Failure),
      onReload: () => void this.#reload(broker),
    });
    // It has logged the reason.
    broker.failed.catch(() => this.#ended.resolve(ExitCode.Fatal));
    // A signal or a fault may come before everything is bound.
    // What is read at start stays: a young generation of 1 MiB would be copied a thousand times. PERF: npm run bench -- --scenario durable-sessions
    setFlagsFromString('--semi-space-growth-factor=16');
    const bound = await Promise.race([startBroker(broker), this.#ended.promise]);
    // As main.ts has set it, and why.
    setFlagsFromString('--semi-space-growth-factor=1');
    if (typeof bound === 'object') this.#announce(bound, isReadyPrinted);
    // Else it would be written at an orderly end only, and a start after a kill is the one that must be fast.
    flushCompileCache();
    return this.#ended.promise;
  }

  #announce(bound: BoundAddresses, isReadyPrinted: boolean): void {
    if (isReadyPrinted) console.log(readyLine(bound, this.#loaded.config.dataDirectory));
    else if (process.stdout.isTTY) console.log(banner(bound, this.#loaded));
  }

  async #stop(broker: Broker, reason: string): Promise<void> {
    const { logger } = this.#log;
    logger.info({ reason }, 'stopping');
    const patience = setTimeout(() => {
      logger.error({}, 'the broker did not stop in time');
      this.#ended.resolve(ExitCode.Failure);
    }, this.#loaded.config.shutdown.graceTimeMs + STOP_MARGIN_MS);
    try {
      await broker.stop();
      this.#ended.resolve(ExitCode.Success);
    } catch (error) {
      this.#giveUp(error);
    } finally {
      clearTimeout(patience);
    }
  }

  /** A configuration that is wrong changes nothing. */
  async #reload(broker: Broker): Promise<void> {
    const { logger } = this.#log;
    try {
      const next = loadConfig(this.#sources);
      const changes = diffConfig(this.#loaded, next);
      await broker.reload(next);
      this.#log.setLevel(next.config.log.level);
      this.#loaded = next;
      const waiting = changes.filter(({ effect }) => effect === 'restart').map(({ path }) => path);
      logger.info({ changed: changes.map(({ path }) => path) }, 'the configuration was read again');
      if (waiting.length > 0) logger.warn({ keys: waiting }, 'these keys take effect at the next start');
    } catch (error) {
      if (!(error instanceof ConfigError) && !(error instanceof OperationalError)) return this.#giveUp(error);
      const problems = error instanceof ConfigError ? error.problems : [error.message];
      logger.error({ problems }, 'the new configuration cannot be used; the old one stays');
    }
  }

  /** Nothing is tried after a fault like this: what is on disk is safe, and the next start recovers it. */
  #giveUp(error: unknown): void {
    this.#log.logger.fatal({ err: error }, 'the broker has to give up');
    this.#ended.resolve(ExitCode.Fatal);
  }
}

/** Binds everything. What the world refuses here is said in one line; the code is that of a failed start. */
async function startBroker(broker: Broker): Promise<BoundAddresses> {
  try {
    return await broker.start();
  } catch (error) {
    await broker.stop();
    throw error instanceof OperationalError || isSystemError(error) ? new CommandError(error.message) : error;
  }
}

function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error;
}
