import { randomBytes, randomInt } from 'node:crypto';
import { PublishFrame, ReasonCode } from '@wrenmq/codec';
import { AccessControl } from '#auth/access-control.ts';
import type { Principal } from '#auth/client-identity.ts';
import type { Cancel, Clock } from '#base/clock.ts';
import { Counters, type DropReason } from '#base/counters.ts';
import { Deadlines } from '#base/deadlines.ts';
import type { OperationalError } from '#base/errors.ts';
import type { Logger } from '#base/logger.ts';
import type { Config } from '#config/schema.ts';
import { ChunkPool } from '#connection/chunk-pool.ts';
import type { Connection } from '#connection/connection.ts';
import type { ConnectionServices, Entrance, ListenerFacts } from '#connection/connection-services.ts';
import { ConnectionTable } from '#connection/connection-table.ts';
import { Flusher } from '#connection/flusher.ts';
import type { OutboxServices } from '#connection/outbox.ts';
import { PublishWriter } from '#connection/publish-writer.ts';
import { Decisions, EXPLAIN_BYTES_MIN } from '#explain/decisions.ts';
import { HistoryDelivery } from '#history/history-delivery.ts';
import type { History } from '#history/history.ts';
import { openHistory } from '#history/open-history.ts';
import type { Hooks } from '#hooks/hooks.ts';
import type { Capabilities } from '#port/capabilities.ts';
import { ClientPort } from '#port/client-port.ts';
import { Refusals } from '#port/refusals.ts';
import { principalOf, Subscriber } from '#port/subscriber.ts';
import { TopicDirectory } from '#port/topic-directory.ts';
import type { GroupHouse } from '#publish/group-queue.ts';
import { GroupQueues } from '#publish/group-queues.ts';
import { HistoryDebts } from '#publish/history-debts.ts';
import { Outcome, Publisher, type PublisherServices } from '#publish/publisher.ts';
import { Router } from '#publish/router.ts';
import type { ShareSettings } from '#publish/share-settings.ts';
import type { ShareServices } from '#publish/share.ts';
import { Retained } from '#retained/retained.ts';
import { RetainedDelivery } from '#retained/retained-delivery.ts';
import type { RetainedSettings } from '#retained/retained-settings.ts';
import type { SessionEvents, SessionHouse, SessionLimits } from '#session/house.ts';
import type { Session } from '#session/session.ts';
import type { Delivery } from '#message/delivery.ts';
import type { Message } from '#message/message.ts';
import { Sessions } from '#session/sessions.ts';
import { topicNameError } from '#topic/topic-name.ts';
import { Committer } from '#store/committer.ts';
import { Log } from '#store/log.ts';
import { openStore } from '#store/open-store.ts';
import { Batch, type Store } from '#store/store.ts';

/** Retained messages are read for so many subscriptions at a time. */
const RETAINED_READERS_MAX = 16;
/** And so many read the history at a time. */
const HISTORY_READERS_MAX = 16;
const SWEEP_RETAINED_MS = 60_000;
const SWEEP_RETAINED_MAX = 10_000;
const serverSecretKey = Buffer.from('server-secret');

export interface KernelOptions {
  readonly config: Config;
  readonly log: Logger;
  readonly clock: Clock;
  readonly hooks: Hooks;
  readonly onStoreFailed: (error: OperationalError) => void;
}

/** The rooms below the listeners, put together: everything that a message passes. */
export class Kernel {
  readonly counters: Counters;
  readonly clock: Clock;
  readonly log: Logger;
  readonly hooks: Hooks;
  /** Null where nothing is to be explained. */
  readonly decisions: Decisions | null;
  /** Null where none is kept. */
  readonly history: History;
  readonly store: Store;
  readonly committer: Committer;
  readonly router: Router;
  readonly groupQueues: GroupQueues;
  readonly access: AccessControl;
  readonly retained: Retained;
  readonly sessions: Sessions;
  readonly publisher: Publisher;
  readonly subscriber: Subscriber;
  readonly port: ClientPort;
  readonly table: ConnectionTable<Connection>;
  readonly topics: TopicDirectory;
  readonly #deadlines: Deadlines;
  readonly #messageLog: Log;
  readonly #capabilities: Capabilities;
  readonly #sessionHouse: SessionHouse;
  readonly #publisherHouse: PublisherServices;
  readonly #groupHouse: GroupHouse;
  readonly #shareHouse: ShareServices;
  readonly #outbox: OutboxServices;
  readonly #writer: PublishWriter;
  readonly #frame = new PublishFrame();
  /** Wills that are due, and came back before there was anybody to have a say in them; null once there is. */
  #heldWills: (() => void)[] | null = [];
  #cancelSweep: Cancel | null = null;

  private constructor(
    options: KernelOptions,
    store: Store,
    rooms: { committer: Committer; retained: Retained; history: History; secret: Buffer },
    counters: Counters,
  ) {
    const { config, log, clock, hooks } = options;
    this.counters = counters;
    this.clock = clock;
    this.log = log;
    this.hooks = hooks;
    this.decisions = decisionsOf(config, clock);
    this.store = store;
    this.committer = rooms.committer;
    this.retained = rooms.retained;
    this.history = rooms.history;
    this.#deadlines = new Deadlines(clock);
    this.#messageLog = new Log(store, this.committer, log);
    this.#groupHouse = this.#createGroupHouse(config);
    this.groupQueues = new GroupQueues(this.#groupHouse);
    const { decisions, groupQueues: queues } = this;
    this.#shareHouse = { hooks, counters, queues, decisions, random: Math.random, settings: shareSettingsOf(config) };
    this.router = new Router(this.#shareHouse, this.history);
    this.#capabilities = capabilitiesOf(config);
    this.#outbox = { pool: new ChunkPool(), flusher: new Flusher(), counters };
    this.#writer = new PublishWriter(clock);
    this.access = new AccessControl({ clock, log, serverSecret: rooms.secret });
    this.#sessionHouse = this.#createSessionHouse(config);
    this.sessions = new Sessions(this.#sessionHouse);
    const { router, committer, retained, history } = this;
    const refusesWhenFull = config.session.overflow === 'reject';
    history.follow(this.#messageLog);
    this.#messageLog.follower = history;
    const debts = new HistoryDebts(this.#messageLog, committer);
    this.#publisherHouse = { clock, router, retained, history, debts, committer, counters, hooks, decisions, refusesWhenFull };
    this.publisher = new Publisher(this.#publisherHouse);
    const authorizer = this.access.authorization;
    const capabilities = this.#capabilities;
    const refusals = decisions === null ? null : new Refusals(decisions, authorizer);
    const explained = { decisions, refusals };
    this.subscriber = new Subscriber({ authorizer, hooks, router, committer, counters, clock, history, capabilities, ...explained });
    this.port = new ClientPort({
      authenticator: this.access.authentication,
      enhanced: this.access.enhanced,
      authorizer,
      hooks,
      counters,
      sessions: this.sessions,
      subscriber: this.subscriber,
      publisher: this.publisher,
      retainedDelivery: new RetainedDelivery(retained, RETAINED_READERS_MAX, clock, log),
      historyDelivery: new HistoryDelivery(history, HISTORY_READERS_MAX, clock, log),
      committer,
      capabilities,
      ...explained,
    });
    this.table = new ConnectionTable(clock);
    this.topics = new TopicDirectory(router, this.#capabilities);
  }

  /** Opens the store; nothing of what it holds is in use before `load`. */
  static async open(options: KernelOptions): Promise<Kernel> {
    const { config, log, clock, hooks, onStoreFailed } = options;
    const store = await openStore({
      directory: config.dataDirectory,
      kind: config.durability,
      log,
      bytesMax: config.store.bytesMax,
    });
    const counters = new Counters();
    const committer = new Committer(store, clock, onStoreFailed);
    const onDropped = (message: Message, reason: DropReason): void => {
      counters.dropped[reason] += 1;
      hooks.observe('message.dropped', null, message, reason);
    };
    const retained = await Retained.open({ store, committer, clock, onDropped, log, settings: retainedSettingsOf(config) });
    const history = await openHistory({
      directory: config.dataDirectory,
      kind: config.durability,
      clock,
      log,
      settings: config.history,
      isStoreFull: () => committer.isFull,
    });
    return new Kernel(options, store, { committer, retained, history, secret: await serverSecret(store) }, counters);
  }

  /** Takes back every session, with its queue, subscriptions and will. */
  async load(): Promise<void> {
    await this.#messageLog.load();
    this.#messageLog.skipPast(this.history.logOffset);
    await this.history.catchUp(this.#messageLog);
    await this.groupQueues.load();
    await this.sessions.load(
      (subscription, principal) => this.subscriber.restore(subscription, principal as Principal),
      (queue, sequence, record) => this.groupQueues.restoreChunk(queue, sequence, record),
    );
    this.groupQueues.resume();
    this.router.resume();
    this.#messageLog.dropUnread();
    // A full disk keeps nobody from starting: what is refused now is written when there is room.
    await this.committer.durable();
  }

  /** Everybody is there who has a say in what is published: publishes the wills that fell due while the broker was away. */
  releaseWills(): void {
    const held = this.#heldWills ?? [];
    this.#heldWills = null;
    for (const release of held) release();
  }

  /** What the connections of one listener share. */
  connectionServices(config: Config, listener: ListenerFacts, entrance: Entrance): ConnectionServices {
    const { port, topics, committer, clock, counters, log, hooks, table } = this;
    const { limits, session, mqtt } = config;
    return {
      port,
      topics,
      committer,
      clock,
      counters,
      log,
      hooks,
      table,
      entrance,
      outbox: this.#outbox,
      writer: this.#writer,
      frame: this.#frame,
      capabilities: this.#capabilities,
      limits: {
        ...limits,
        receiveMaximum: Math.min(session.receiveMaximum, session.awaitingPubrelMax),
        awaitingPubrelMax: session.awaitingPubrelMax,
        topicAliasMaximum: mqtt.topicAliasMaximum,
        keepAliveMultiplier: session.keepAliveMultiplier,
        keepAliveMax: session.keepAliveMaxSeconds,
        serverKeepAlive: session.serverKeepAliveSeconds,
        expiryIntervalDefault: session.expiryDefaultSeconds,
        expiryIntervalMax: session.expiryMaxSeconds,
      },
      server: {
        responseInformation: mqtt.responseInformation,
        serverReference: mqtt.serverReference,
      },
      listener,
      assignClientId: () => `wrenmq-${randomBytes(12).toString('hex')}`,
    };
  }

  /** Puts those limits to use that hold for sessions that are there already. */
  reconfigure(config: Config): void {
    this.#sessionHouse.limits = sessionLimitsOf(config);
    this.#publisherHouse.refusesWhenFull = config.session.overflow === 'reject';
    this.#groupHouse.settings = this.#shareHouse.settings = shareSettingsOf(config);
    this.router.reconfigure();
    this.retained.reconfigure(retainedSettingsOf(config));
    this.history.reconfigure(config.history);
    // Routes know where the history keeps their messages.
    this.router.invalidate();
  }

  /** Rules changed: what their owners may not read any more is not delivered any more. */
  reauthorize(): void {
    for (const session of this.sessions) {
      for (const subscription of session.state.subscriptions()) this.subscriber.reauthorize(subscription, principalOf(session));
    }
    this.port.reauthorizeReadings();
    this.router.invalidate();
  }

  /** Frees retained messages that have expired, a bounded number a minute; nobody is sent one in any case. */
  startSweeping(): void {
    this.#cancelSweep = this.clock.after(SWEEP_RETAINED_MS, () => {
      void this.retained.sweep(SWEEP_RETAINED_MAX).then(() => {
        if (this.#cancelSweep !== null) this.startSweeping();
      });
    });
  }

  /** `isStoreLost`: what waits to be written cannot be written any more. */
  async close(isStoreLost = false): Promise<void> {
    this.#cancelSweep?.();
    this.#cancelSweep = null;
    this.table.stop();
    this.#deadlines.close();
    await this.history.close();
    if (!isStoreLost) await this.committer.durable();
    await this.store.close();
  }

  #createSessionHouse(config: Config): SessionHouse {
    const { clock, store, committer, log, counters, decisions } = this;
    return {
      clock,
      store,
      committer,
      counters,
      decisions,
      deadlines: this.#deadlines,
      log: this.#messageLog,
      logger: log,
      limits: sessionLimitsOf(config),
      events: this.#sessionEvents(),
    };
  }

  #createGroupHouse(config: Config): GroupHouse {
    const { clock, store, committer, counters, hooks, decisions } = this;
    return {
      clock,
      store,
      committer,
      counters,
      hooks,
      decisions,
      deadlines: this.#deadlines,
      log: this.#messageLog,
      publish: (message) => {
        const outcome = this.publisher.publish(message, null, null);
        if (outcome < 0) counters.dropped.rejected += 1;
        return outcome < 0 || (outcome & Outcome.Refused) === 0;
      },
      settings: shareSettingsOf(config),
    };
  }

  #sessionEvents(): SessionEvents {
    const { clock, hooks, router } = this;
    const { topicLevelsMax, topicBytesMax } = this.#capabilities;
    const delivered = (session: Session, delivery: Delivery): void => {
      if (hooks.hasMessageDelivered) hooks.observe('message.delivered', session.clientId, delivery.message);
      const tookMs = delivery.tookMs(session.attachedAtMs, clock.turnMs());
      if (tookMs >= delivery.message.observedFromMs) hooks.deliveryFinished(session.clientId, delivery, tookMs);
    };
    const outbound = (session: Session, message: Message): Message | null => {
      const answer = hooks.messageOutbound(session.clientId, message);
      if (typeof answer === 'number') return null;
      return answer === message || topicNameError(answer.topic, topicLevelsMax, topicBytesMax) === null ? answer : null;
    };
    return {
      onWill: async (session, will) => {
        const held = this.#heldWills;
        if (held !== null) await new Promise<void>((resolve) => held.push(resolve));
        await this.port.publishWill(session, will);
      },
      onEnded: (session) => {
        for (const subscription of session.state.subscriptions()) router.remove(subscription);
        this.sessions.forget(session);
        // Of a session that the disk refused nobody has heard.
        if (!session.isDurable || session.state.isStored) hooks.observe('session.closed', session.clientId);
      },
      groupOf: (subscription) => (subscription.group === null ? null : router.shareOf(subscription)),
      onDropped: (session, message, reason) => hooks.observe('message.dropped', session.clientId, message, reason),
      get onDelivered() {
        return hooks.hasMessageDelivered || hooks.hasDeliveryFinished ? delivered : null;
      },
      get isHolding() {
        return hooks.hasMessageDelivered;
      },
      get onOutbound() {
        return hooks.hasMessageOutbound ? outbound : null;
      },
    };
  }
}

function decisionsOf({ explain: { enabled, ringBytes } }: Config, clock: Clock): Decisions | null {
  return enabled && ringBytes > 0 ? new Decisions(clock, Math.max(ringBytes, EXPLAIN_BYTES_MIN), randomInt(2 ** 32)) : null;
}

function capabilitiesOf({ mqtt, limits }: Config): Capabilities {
  return {
    maximumQoS: mqtt.maximumQoS,
    retainAvailable: mqtt.retainAvailable,
    wildcardSubscriptionAvailable: mqtt.wildcardSubscriptionAvailable,
    subscriptionIdentifierAvailable: mqtt.subscriptionIdentifierAvailable,
    sharedSubscriptionAvailable: mqtt.sharedSubscriptionAvailable,
    topicLevelsMax: limits.topicLevelsMax,
    topicBytesMax: limits.topicBytesMax,
    subscriptionsPerClientMax: limits.subscriptionsPerClientMax,
  };
}

function retainedSettingsOf({ retained, limits }: Config): RetainedSettings {
  return { ...retained, messagesMax: limits.retainedMessagesMax, bytesMax: limits.retainedBytesMax };
}

function sessionLimitsOf({ session }: Config): SessionLimits {
  return {
    inflightMax: session.inflightMax,
    queueMessagesMax: session.queueMessagesMax,
    queueBytesMax: session.queueBytesMax,
    memoryQueueBytesMax: session.memoryQueueBytesMax,
    overflow: session.overflow,
    storeQoS0: session.storeQoS0,
    expiryIntervalMax: session.expiryMaxSeconds,
  };
}

function shareSettingsOf({ sharedSubscriptions, session }: Config): ShareSettings {
  return { ...sharedSubscriptions, overflow: session.overflow };
}

/** Random bytes that stay the same over restarts. */
async function serverSecret(store: Store): Promise<Buffer> {
  const known = await store.get('meta', serverSecretKey);
  if (known !== null) return known;
  const secret = randomBytes(32);
  const batch = new Batch();
  batch.put('meta', serverSecretKey, secret);
  await store.commit(batch);
  return secret;
}

/** What the client hears when the broker stops or drains. */
export function drainReasonCode({ drain }: Config): number {
  if (drain.reasonCode === 'useAnotherServer') return ReasonCode.UseAnotherServer;
  return drain.reasonCode === 'serverMoved' ? ReasonCode.ServerMoved : ReasonCode.ServerShuttingDown;
}
