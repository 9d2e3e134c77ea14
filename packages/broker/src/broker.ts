import { createAdminServer, type AdminServer } from '#api/admin-server.ts';
import { counterSamples } from '#api/counter-samples.ts';
import type { MetricSample } from '#api/metrics-table.ts';
import { statisticsSamples } from '#boot/statistics-samples.ts';
import { ReasonCode } from '@wrenmq/codec';
import { type Clock, systemClock } from '#base/clock.ts';
import { OperationalError } from '#base/errors.ts';
import { type Logger, silentLogger } from '#base/logger.ts';
import { RateLimitedLogger } from '#base/rate-limited-logger.ts';
import { accessSettingsOf } from '#boot/access-plan.ts';
import { type BoundListener, Doors } from '#boot/doors.ts';
import { drainReasonCode, Kernel } from '#boot/kernel.ts';
import { LoadGauge } from '#boot/load-gauge.ts';
import { RunningFeatures, statisticsOf } from '#boot/run-features.ts';
import { loadConfig } from '#config/load-config.ts';
import type { LoadedConfig } from '#config/loaded-config.ts';
import type { Config } from '#config/schema.ts';
import { Hooks } from '#hooks/hooks.ts';
import { EMBEDDER } from '#hooks/order.ts';
import type { HookPoint, HookPoints } from '#hooks/points.ts';
import { formatAddress, isLoopback } from '#base/bind-address.ts';
import { createMessage, type MessageFields } from '#message/message.ts';
import { Outcome } from '#publish/publisher.ts';
import { topicNameError } from '#topic/topic-name.ts';

export interface BrokerOptions {
  /** What `loadConfig` returned; by default the configuration is made of `settings`. */
  readonly config?: LoadedConfig;
  /** Settings in the form of the configuration file: `{ durability: 'memory', listeners: { tcp: { bind: '127.0.0.1:0' } } }`. */
  readonly settings?: object;
  readonly log?: Logger;
  readonly clock?: Clock;
}

/** What is bound after a start. */
export interface BoundAddresses {
  readonly listeners: readonly BoundListener[];
  readonly admin: { readonly address: string; readonly port: number } | null;
  /** PEM file of the authority that signed the broker's own certificate, when a listener uses it. */
  readonly certificateAuthority: string | null;
}

/** A message that the embedding program publishes. */
export type BrokerMessage = Omit<MessageFields, 'publisher' | 'receivedAtMs'>;

type State = 'new' | 'starting' | 'running' | 'stopping' | 'stopped';

/** One broker. Several may live in one process, each with its own data directory and addresses. */
export class Broker {
  readonly clock: Clock;
  readonly log: Logger;
  /** Rejects, with the reason, when the store has failed: nothing is acknowledged any more, and the process should end. */
  readonly failed: Promise<never>;
  #configuration: LoadedConfig;
  readonly #hooks: Hooks;
  readonly #doors: Doors;
  readonly #gauge: LoadGauge;
  #state: State = 'new';
  #kernel: Kernel | null = null;
  #admin: AdminServer | null = null;
  #features: RunningFeatures | null = null;
  readonly #onFailed: (error: OperationalError) => void;

  constructor(options: BrokerOptions = {}) {
    this.clock = options.clock ?? systemClock;
    this.log = new RateLimitedLogger(options.log ?? silentLogger, this.clock);
    this.#configuration = options.config ?? loadConfig({ overrides: options.settings ?? {} });
    this.#hooks = new Hooks(this.log);
    this.#doors = new Doors(this.clock, this.log);
    const { overload } = this.config;
    this.#gauge = new LoadGauge(this.clock, {
      eventLoopDelayMaxMs: overload.eventLoopDelayMaxMs,
      memoryBytesMax: overload.memoryBytesMax,
    });
    const { promise, reject } = Promise.withResolvers<never>();
    this.failed = promise;
    this.#onFailed = reject;
    // Who does not ask is told by the log.
    promise.catch(() => {});
  }

  get config(): Config {
    return this.#configuration.config;
  }

  /** Adds a hook of the embedding program; see `HookPoints` for what each point may do. Call it before `start`. */
  hook<Point extends HookPoint>(point: Point, hook: HookPoints[Point]): this {
    this.#hooks.register(EMBEDDER, point, hook);
    return this;
  }

  /** Opens store, sessions and listeners. Rejects with an OperationalError that says what is in the way; then nothing is open. */
  async start(): Promise<BoundAddresses> {
    if (this.#state !== 'new') throw new OperationalError('broker.state', `the broker is ${this.#state}: a broker is started once`);
    this.#state = 'starting';
    try {
      return await this.#open();
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /**
   * Publishes a message; resolves when it is durable for everyone whom it is owed to, with whether any subscription matched.
   * Rejects with OperationalError `publish.topic`, `publish.refused` or `publish.rejected`.
   */
  async publish(message: BrokerMessage): Promise<boolean> {
    const kernel = this.#kernel;
    if (kernel === null) throw new OperationalError('broker.state', 'the broker is not running');
    const { topicLevelsMax, topicBytesMax } = this.config.limits;
    const problem = topicNameError(message.topic, topicLevelsMax, topicBytesMax);
    if (problem !== null) throw new OperationalError('publish.topic', `${message.topic}: ${problem}`);
    const made = createMessage({ ...message, publisher: EMBEDDER, receivedAtMs: this.clock.wallMs() });
    const outcome = kernel.publisher.publish(made, null, null);
    if (outcome < 0) throw new OperationalError('publish.rejected', `a hook rejected the message with reason code ${-outcome}`);
    if ((outcome & Outcome.Refused) !== 0) throw quotaExceeded();
    if ((outcome & Outcome.Durable) !== 0) await this.#durable(kernel);
    return (outcome & Outcome.Matched) !== 0;
  }

  /**
   * Puts a new configuration to use, all or nothing, and disconnects nobody who is still allowed. What `diffConfig` marks
   * `restart` waits for the next start. Rejects, and keeps the old one, when the new one cannot be used.
   */
  async reload(configuration: LoadedConfig): Promise<void> {
    const kernel = this.#kernel;
    if (kernel === null) throw new OperationalError('broker.state', 'the broker is not running');
    const { revokedUsers } = await kernel.access.load(accessSettingsOf(configuration.config));
    try {
      await this.#doors.reload(configuration.config, kernel);
    } catch (error) {
      await kernel.access.load(accessSettingsOf(this.config));
      await this.#doors.reload(this.config, kernel);
      throw error;
    }
    kernel.reconfigure(configuration.config);
    this.#gauge.limits = configuration.config.overload;
    this.#configuration = configuration;
    kernel.reauthorize();
    this.#features?.reload(configuration.config);
    const revoked = new Set(revokedUsers);
    for (const connection of kernel.table) {
      if (revoked.has(connection.client?.principal.username ?? '')) connection.close(ReasonCode.NotAuthorized);
    }
  }

  /** Stops accepting, tells every client, flushes and closes everything; ends within the grace time. May be called at any time. */
  async stop(): Promise<void> {
    if (this.#state === 'stopped' || this.#state === 'stopping') return;
    this.#state = 'stopping';
    this.#doors.stopAccepting();
    this.#features?.stop();
    const kernel = this.#kernel;
    if (kernel !== null) await this.#dismissClients(kernel);
    await this.#doors.close();
    await this.#admin?.close();
    this.#gauge.stop();
    await kernel?.close();
    this.#state = 'stopped';
  }

  async #open(): Promise<BoundAddresses> {
    const { config, log, clock } = this;
    const kernel = await Kernel.open({ config, log, clock, hooks: this.#hooks, onStoreFailed: (error) => this.#fail(error) });
    this.#kernel = kernel;
    await kernel.access.load(accessSettingsOf(config));
    await kernel.load();
    kernel.table.start();
    kernel.startSweeping();
    this.#gauge.start();
    this.#features = new RunningFeatures(kernel, config);
    const admin = await this.#openAdmin(kernel);
    await this.#doors.open(config, kernel, () => this.#refusal(kernel));
    this.#state = 'running';
    const { authority, bound } = this.#doors;
    return { listeners: bound, admin, certificateAuthority: authority?.caPath ?? null };
  }

  async #openAdmin(kernel: Kernel): Promise<BoundAddresses['admin']> {
    const { admin } = this.config;
    if (!admin.enabled || 'path' in admin.bind) return null;
    const isLocal = isLoopback(admin.bind);
    this.#admin = createAdminServer({
      bind: admin.bind,
      isLoopback: isLocal,
      hosts: admin.hosts,
      isMetricsOpen: admin.metrics === 'always' || (admin.metrics === 'loopback' && isLocal),
      log: this.log,
      health: { isReady: () => this.#reasons().length === 0, reasons: () => this.#reasons() },
      collect: () => this.#collect(kernel),
    });
    const bound = await this.#admin.start();
    this.log.info({ listener: 'admin', address: formatAddress({ host: bound.address, port: bound.port }) }, 'listening');
    return bound;
  }

  #reasons(): readonly string[] {
    if (this.#state !== 'running') return [`the broker is ${this.#state}`];
    return this.#kernel?.committer.isFull === true ? ['the disk is full: durable messages are refused'] : [];
  }

  #collect(kernel: Kernel): MetricSample[] {
    return [
      ...counterSamples(kernel.counters),
      ...statisticsSamples(statisticsOf(kernel)),
    ];
  }

  /** The reason code with which new clients are refused now, or 0. */
  #refusal(kernel: Kernel): number {
    if (this.#state === 'stopping') return drainReasonCode(this.config);
    if (this.#state !== 'running') return ReasonCode.ServerUnavailable;
    if (kernel.table.size > this.config.limits.connectionsMax || this.#gauge.isOverloaded) return ReasonCode.ServerBusy;
    return 0;
  }

  async #dismissClients(kernel: Kernel): Promise<void> {
    const reasonCode = drainReasonCode(this.config);
    const reference = this.config.drain.serverReference;
    for (const connection of kernel.table) connection.dismiss(reasonCode, reference);
    const deadline = new Promise<void>((resolve) => this.clock.after(this.config.shutdown.graceTimeMs, resolve));
    await Promise.race([kernel.table.whenEmpty(), deadline]);
    await Promise.race([kernel.committer.flush(), deadline]);
  }

  async #durable(kernel: Kernel): Promise<void> {
    const error = await kernel.committer.durable();
    if (error !== null) throw quotaExceeded();
  }

  #fail(error: OperationalError): void {
    this.log.fatal({ err: error, code: error.code }, 'the store has failed: the broker stops, and recovers when it is started again');
    for (const connection of this.#kernel?.table ?? []) connection.link.destroy();
    this.#doors.stopAccepting();
    this.#onFailed(error);
  }
}

/** Makes a broker; `start` opens it. Throws a ConfigError when the settings are wrong. */
export function createBroker(options: BrokerOptions = {}): Broker {
  return new Broker(options);
}

function quotaExceeded(): OperationalError {
  return new OperationalError('publish.refused', 'the message cannot be stored: the disk or a queue is full', { retryable: true });
}
