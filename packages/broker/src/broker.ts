import { createAdminServer, type AdminServer } from '#api/admin-server.ts';
import { counterSamples } from '#api/counter-samples.ts';
import type { MetricSample } from '#api/metrics-table.ts';
import { historySamples, sharedGroupSamples, statisticsSamples } from '#boot/statistics-samples.ts';
import { type PublishProperties, ReasonCode } from '@wrenmq/codec';
import { type Clock, systemClock } from '#base/clock.ts';
import { OperationalError } from '#base/errors.ts';
import { type Logger, silentLogger } from '#base/logger.ts';
import { RateLimitedLogger } from '#base/rate-limited-logger.ts';
import { accessSettingsOf } from '#boot/access-plan.ts';
import { type BoundListener, Doors } from '#boot/doors.ts';
import { explain } from '#boot/explain-world.ts';
import { drainReasonCode, Kernel } from '#boot/kernel.ts';
import { listenerSamples } from '#boot/listener-samples.ts';
import { LoadGauge } from '#boot/load-gauge.ts';
import { RunningFeatures, sharedGroupsOf } from '#boot/run-features.ts';
import { loadConfig } from '#config/load-config.ts';
import type { LoadedConfig } from '#config/loaded-config.ts';
import type { Config } from '#config/schema.ts';
import type { EntranceRefusal } from '#connection/connection-services.ts';
import type { Explanation, ExplainQuestion } from '#explain/explanation.ts';
import { type HookInterest, Hooks } from '#hooks/hooks.ts';
import { EMBEDDER } from '#hooks/order.ts';
import type { Feature, RunningFeature, SharedGroupStatistics, Statistics } from '#hooks/feature.ts';
import type { HookPoint, HookPoints } from '#hooks/points.ts';
import { formatAddress, isLoopback } from '#base/bind-address.ts';
import { HistoryAdministration } from '#history/history-administration.ts';
import { createMessage, type QoS } from '#message/message.ts';
import { Outcome } from '#publish/publisher.ts';
import { RetainedAdministration } from '#retained/retained-administration.ts';
import { topicNameError } from '#topic/topic-name.ts';

export interface BrokerOptions {
  /** What `loadConfig` returned; by default the configuration is made of `settings` and defaults, and nothing else is read. */
  readonly config?: LoadedConfig;
  /**
   * Settings in the form of the configuration file: `{ durability: 'memory', listeners: { tcp: { bind: '127.0.0.1:0' } } }`.
   * Ignored when `config` is given.
   */
  readonly settings?: object;
  /**
   * True when a hook on `client.authenticate` decides who comes in: listeners beyond loopback may then open without users in
   * the settings. Whom the hook leaves undecided they let in no more than before. Goes with `settings`.
   */
  readonly hasOtherAuthentication?: boolean;
  /** pino, or anything with these five methods; silent by default. The same line is written at most 20 times in 10 s. */
  readonly log?: Logger;
  /** For tests that move time themselves. */
  readonly clock?: Clock;
}

/** What is bound after a start. */
export interface BoundAddresses {
  /** In the order of the configuration; with port 0 in `bind` this is where the port is found. */
  readonly listeners: readonly BoundListener[];
  readonly admin: { readonly address: string; readonly port: number } | null;
  /** PEM file of the authority that signed the broker's own certificate, when a listener uses it. */
  readonly certificateAuthority: string | null;
}

/** A message that the embedding program publishes. */
export interface BrokerMessage {
  /** A topic name: not empty, without wildcards, within `limits.topicBytesMax` and `topicLevelsMax`. */
  readonly topic: string;
  /** Text is sent as UTF-8; empty when absent. Bytes are copied. */
  readonly payload?: Uint8Array | string;
  /** 0 when absent. At 1 and 2 `publish` resolves when durable sessions have the message on disk. */
  readonly qos?: QoS;
  /** True keeps the message for later subscribers, or clears what is kept when the payload is empty. */
  readonly retain?: boolean;
  /** Of MQTT 5: `messageExpiryInterval` in seconds, `contentType`, `responseTopic`, `correlationData`, `userProperties` ... */
  readonly properties?: PublishProperties;
}

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
  #isStoreLost = false;
  /** Set by the first `stop`. */
  #stopped: Promise<void> | null = null;
  readonly #onFailed: (error: OperationalError) => void;

  constructor(options: BrokerOptions = {}) {
    this.clock = options.clock ?? systemClock;
    this.log = new RateLimitedLogger(options.log ?? silentLogger, this.clock);
    this.#configuration = options.config ?? configurationOf(options);
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

  /**
   * Adds a hook of the embedding program; see `HookPoints` for what each point is given and may answer. Added before `start`
   * it sees everything, later only what comes from then on. Hooks of one point are asked in the order in which they were added.
   * `interest` leaves out what the hook need not hear of, which then costs the broker next to nothing.
   */
  hook<Point extends HookPoint>(point: Point, hook: HookPoints[Point], interest?: HookInterest): this {
    this.#hooks.register(EMBEDDER, point, hook, interest);
    return this;
  }

  /**
   * Opens store, sessions and listeners, once. Rejects with an OperationalError that says what is in the way (`listener.bind`,
   * `listener.tls`, `store.locked`, ...); then nothing is open, and another broker may be made.
   */
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
   * Publishes a message, past all permissions; resolves when it is durable for everyone whom it is owed to, with whether any
   * subscription matched. Rejects with an OperationalError: `broker.state` (not running), `publish.topic` (no valid topic
   * name), `publish.refused` (the disk or a queue is full: retryable), `publish.rejected` (by a hook). Properties that MQTT 5
   * does not allow reject with a ProtocolError.
   */
  async publish(message: BrokerMessage): Promise<boolean> {
    const kernel = this.#running();
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
    const kernel = this.#running();
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

  /** What the broker holds at this moment; a walk over the sessions. Throws OperationalError `broker.state` when it is not running. */
  statistics(): Statistics {
    this.#running();
    return this.#features!.statistics();
  }

  /**
   * A feature as it runs in this broker: `broker.feature(exclusive).subscriptions()`. Throws OperationalError `broker.state` when
   * it is not running.
   */
  feature<Running extends RunningFeature<never>>(definition: Feature<never, Running>): Running {
    this.#running();
    return this.#features!.get(definition);
  }

  /** What administrators may ask of the retained messages. Throws OperationalError `broker.state` when it is not running. */
  get retained(): RetainedAdministration {
    const { retained, committer } = this.#running();
    return new RetainedAdministration(retained, committer);
  }

  /**
   * Why a client did or did not get a message, after the fact: of what was decided, as far back as `explain.ringBytes` reaches. For
   * operators: no client is told what another received. Rejects with an OperationalError: `broker.state` (not running),
   * `explain.topic` (no valid topic name, or no time), `explain.disabled`.
   */
  async explain(question: ExplainQuestion): Promise<Explanation> {
    const kernel = this.#running();
    const problem = topicNameError(question.topic, Infinity);
    if (problem !== null) throw new OperationalError('explain.topic', `${question.topic}: ${problem}`);
    if (Number.isNaN(Number(question.at ?? 0))) throw new OperationalError('explain.topic', 'at is no time');
    return explain(kernel, question);
  }

  /** What was published, to be read afterwards. Throws OperationalError `broker.state` when the broker is not running. */
  get history(): HistoryAdministration {
    return new HistoryAdministration(this.#running().history);
  }

  /** Every shared subscription, with what waits for it and for how long. Throws OperationalError `broker.state` when it is not running. */
  sharedGroups(): SharedGroupStatistics[] {
    return sharedGroupsOf(this.#running());
  }

  /**
   * Stops accepting, tells every client (0x8B, or what `drain` says), flushes and closes everything. Clients and the disk have
   * `shutdown.graceTime` for it. May be called at any time and more than once; resolves when all is closed.
   */
  stop(): Promise<void> {
    this.#stopped ??= this.#close();
    return this.#stopped;
  }

  #running(): Kernel {
    if (this.#state !== 'running') throw new OperationalError('broker.state', `the broker is ${this.#state}`);
    return this.#kernel!;
  }

  async #close(): Promise<void> {
    this.#state = 'stopping';
    this.#doors.stopAccepting();
    this.#features?.stop();
    const kernel = this.#kernel;
    if (kernel !== null) await this.#dismissClients(kernel);
    await this.#doors.close();
    await this.#admin?.close();
    this.#gauge.stop();
    await kernel?.close(this.#isStoreLost);
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
    this.#features = new RunningFeatures(kernel);
    await this.#features.start(config);
    kernel.releaseWills();
    const admin = await this.#openAdmin(kernel);
    await this.#doors.open(config, kernel, { refusal: (clients) => this.#refusal(clients) });
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
      ...(this.#features === null ? [] : statisticsSamples(this.#features.statistics())),
      ...((this.#features?.samples() ?? []) as MetricSample[]),
      ...sharedGroupSamples(sharedGroupsOf(kernel), Object.keys(this.config.sharedSubscriptions.groups)),
      ...historySamples(kernel.history.statistics()),
      { name: 'wrenmq_retained_history_full_total', value: kernel.retained.history.overflows },
      ...Array.from(this.#doors.listeners, listenerSamples).flat(),
      { name: 'wrenmq_hook_failures_total', value: kernel.hooks.failures },
    ];
  }

  /** Why new clients are refused now, when so many are in; or null. */
  #refusal(clients: number): EntranceRefusal | null {
    if (this.#state === 'stopping') return { reasonCode: drainReasonCode(this.config), reason: 'the broker is shutting down' };
    if (this.#state !== 'running') return { reasonCode: ReasonCode.ServerUnavailable, reason: 'the broker is starting' };
    const { connectionsMax } = this.config.limits;
    if (clients >= connectionsMax) return { reasonCode: ReasonCode.ServerBusy, reason: `limits.connectionsMax is ${connectionsMax}` };
    if (this.#gauge.isOverloaded) return { reasonCode: ReasonCode.ServerBusy, reason: 'the broker is overloaded (see overload)' };
    return null;
  }

  async #dismissClients(kernel: Kernel): Promise<void> {
    const reasonCode = drainReasonCode(this.config);
    const reference = this.config.drain.serverReference;
    for (const connection of kernel.table) connection.dismiss(reasonCode, reference);
    const { promise: deadline, resolve } = Promise.withResolvers<void>();
    const cancel = this.clock.after(this.config.shutdown.graceTimeMs, resolve);
    await Promise.race([kernel.table.whenEmpty(), deadline]);
    if (!this.#isStoreLost) await Promise.race([kernel.committer.flush(), deadline]);
    cancel();
  }

  async #durable(kernel: Kernel): Promise<void> {
    const error = await kernel.committer.durable();
    if (error !== null) throw quotaExceeded();
  }

  #fail(error: OperationalError): void {
    this.#isStoreLost = true;
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

function configurationOf({ settings = {}, hasOtherAuthentication = false }: BrokerOptions): LoadedConfig {
  return loadConfig({ overrides: settings, hasOtherAuthentication });
}

function quotaExceeded(): OperationalError {
  return new OperationalError('publish.refused', 'the message cannot be stored: the disk or a queue is full', { retryable: true });
}
