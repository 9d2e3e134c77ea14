import { Counters, type DropReason } from '#base/counters.ts';
import { Deadlines } from '#base/deadlines.ts';
import { OperationalError } from '#base/errors.ts';
import { silentLogger } from '#base/logger.ts';
import { Delivery, type Redelivery } from '#message/delivery.ts';
import { createMessage, type Message, type QoS } from '#message/message.ts';
import { Committer } from '#store/committer.ts';
import { Log } from '#store/log.ts';
import { MemoryStore } from '#store/memory/memory-store.ts';
import { parseTopicFilter } from '#topic/topic-filter.ts';
import type { Batch, ScanRange, Store, StoredRecord, StoreStatistics, Table } from '#store/store.ts';
import { FakeClock } from '@wrenmq/testkit/fake-clock.ts';
import type { SessionEvents, SessionHouse, SessionLimits } from './house.ts';
import type { Session } from './session.ts';
import { type OpenRequest, Sessions } from './sessions.ts';
import { SendResult, type Sink } from './sink.ts';
import { Subscription, type SubscriptionOptions } from './subscription.ts';
import { Will } from './will.ts';

interface Commit {
  readonly batch: Batch;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** One process's view of a disk. The test may hold its commits back, refuse them, slow its reads down, and kill the process. */
export class TestStore implements Store {
  readonly isDurable = true;
  readonly disk: MemoryStore;
  /** Commits wait until `land` or `refuse`. */
  isHeld = false;
  isFull = false;
  isDead = false;
  /** Every read takes so many turns of the event loop. */
  readTurns = 0;
  commits = 0;
  readonly held: Commit[] = [];

  constructor(disk: MemoryStore) {
    this.disk = disk;
  }

  async commit(batch: Batch): Promise<void> {
    this.commits += 1;
    if (this.isDead) await forever();
    if (this.isHeld) {
      await new Promise<void>((resolve, reject) => this.held.push({ batch, resolve, reject }));
    } else if (this.isFull) throw full();
    else await this.disk.commit(batch);
  }

  /** The oldest held commit is on disk; unless the process is dead it hears of it. */
  async land(): Promise<void> {
    const commit = this.held.shift()!;
    await this.disk.commit(commit.batch);
    if (!this.isDead) commit.resolve();
  }

  /** The oldest held commit finds no room. */
  refuse(): void {
    this.held.shift()!.reject(full());
  }

  async get(table: Table, key: Buffer): Promise<Buffer | null> {
    const value = await this.disk.get(table, key);
    await this.#read();
    return value;
  }

  async *scan(table: Table, range?: ScanRange): AsyncIterable<readonly StoredRecord[]> {
    for await (const page of this.disk.scan(table, range)) {
      await this.#read();
      yield page;
    }
  }

  count(table: Table): Promise<number> {
    return this.disk.count(table);
  }

  statistics(): StoreStatistics {
    return this.disk.statistics();
  }

  close(): Promise<void> {
    return this.disk.close();
  }

  async #read(): Promise<void> {
    await turns(this.readTurns);
    if (this.isDead) await forever();
  }
}

/** A client as a session sees it; notes what it is sent. */
export class TestSink implements Sink {
  receiveMaximum = 65_535;
  isWritable = true;
  /** Packets over this Maximum Packet Size are refused. */
  payloadBytesMax = Infinity;
  isBusy = false;
  /** PUBLISH as `payload`, with `dup:` before it when DUP is set, and PUBREL as `release <id>`. */
  readonly sent: string[] = [];
  readonly packetIds: number[] = [];
  readonly deliveries: Delivery[] = [];
  closedWith: number | null = null;

  send(delivery: Delivery): SendResult {
    if (delivery.message.payloadBytes > this.payloadBytesMax) return SendResult.TooLarge;
    if (this.isBusy && delivery.qos === 0) return SendResult.Busy;
    this.sent.push((delivery.isDuplicate ? 'dup:' : '') + delivery.message.payload.toString());
    this.packetIds.push(delivery.packetId);
    this.deliveries.push(delivery);
    return SendResult.Sent;
  }

  release(packetId: number): void {
    this.sent.push(`release ${packetId}`);
  }

  close(reasonCode: number): void {
    this.closedWith = reasonCode;
  }

  /** What was sent since the last call. */
  take(): string[] {
    return this.sent.splice(0);
  }
}

/** A shared group whose other members are one session, or nobody. */
export class TestGroup implements Redelivery {
  readonly redelivered: string[] = [];
  other: Session | null = null;

  redeliver(message: Message, _from: object): boolean {
    if (this.other === null) return false;
    this.redelivered.push(message.payload.toString());
    const delivery = new Delivery(message, 1, false, null);
    delivery.group = this;
    this.other.offer(delivery);
    return true;
  }

  lost(message: Message, from: object): boolean {
    return this.redeliver(message, from);
  }
}

const limitsOfTests: SessionLimits = {
  inflightMax: 100,
  queueMessagesMax: 100_000,
  queueBytesMax: 1024 * 1024 * 1024,
  memoryQueueBytesMax: 1024 * 1024,
  overflow: 'drop-oldest',
  storeQoS0: false,
  expiryIntervalMax: 0xffffffff,
};

/** Everything that sessions stand on, as one process has it. `restart` is the next process on the same disk. */
export class TestHouse {
  readonly clock: FakeClock;
  readonly store: TestStore;
  readonly counters = new Counters();
  readonly committer: Committer;
  readonly log: Log;
  readonly sessions: Sessions;
  readonly deadlines: Deadlines;
  readonly wills: Message[] = [];
  readonly ended: string[] = [];
  readonly delivered: string[] = [];
  readonly drops: { readonly payload: string | null; readonly reason: DropReason }[] = [];
  /** Groups by the text of their subscription. */
  readonly groups = new Map<string, TestGroup>();
  readonly limits: { -readonly [Name in keyof SessionLimits]: SessionLimits[Name] };
  readonly events: { -readonly [Name in keyof SessionEvents]: SessionEvents[Name] };
  readonly failures: OperationalError[] = [];
  readonly subscriptions: Subscription[] = [];

  constructor(limits: Partial<SessionLimits> = {}, disk = new MemoryStore(), clock = new FakeClock()) {
    this.clock = clock;
    this.limits = { ...limitsOfTests, ...limits };
    this.store = new TestStore(disk);
    this.committer = new Committer(this.store, clock, (error) => this.failures.push(error));
    this.log = new Log(this.store, this.committer, silentLogger);
    this.deadlines = new Deadlines(clock);
    this.events = {
      onWill: (_session, will) => {
        this.wills.push(will);
        return Promise.resolve();
      },
      onEnded: (session) => {
        this.ended.push(session.clientId);
        this.sessions.forget(session);
      },
      groupOf: (subscription) => this.groups.get(subscription.text) ?? null,
      onDelivered: (_session, { message }) => this.delivered.push(message.payload.toString()),
      isHolding: true,
      onOutbound: null,
      onDropped: (_session, message, reason) => this.drops.push({ payload: message?.payload.toString() ?? null, reason }),
    };
    this.sessions = new Sessions(this.house);
  }

  get house(): SessionHouse {
    const { clock, deadlines, store, committer, log, counters, limits, events } = this;
    return { clock, deadlines, store, committer, log, counters, decisions: null, limits, events, logger: silentLogger };
  }

  async load(): Promise<this> {
    await this.log.load();
    await this.sessions.load((subscription) => this.subscriptions.push(subscription));
    this.log.dropUnread();
    await this.committer.flush();
    return this;
  }

  /** The process dies with all it knew, and another one starts. */
  restart(limits: Partial<SessionLimits> = {}): Promise<TestHouse> {
    this.kill();
    return new TestHouse({ ...this.limits, ...limits }, this.store.disk, this.clock).load();
  }

  kill(): void {
    this.store.isDead = true;
    this.deadlines.close();
  }

  /** Connects a client to a session that outlives it; nothing is sent yet. */
  attach(clientId: string, request: Partial<OpenRequest> = {}): { session: Session; sink: TestSink; isPresent: boolean } {
    const sink = new TestSink();
    const defaults = { cleanStart: false, expiryInterval: 3600, owner: 'owner', principal: {}, will: null };
    const opened = this.sessions.open({ clientId, sink, ...defaults, ...request });
    if (opened === null) throw new Error(`${clientId} belongs to someone else`);
    return { ...opened, sink };
  }

  /** Like `attach`, and the session begins to send. */
  connect(clientId: string, request: Partial<OpenRequest> = {}): { session: Session; sink: TestSink; isPresent: boolean } {
    const client = this.attach(clientId, request);
    client.session.resume();
    return client;
  }

  release(session: Session): void {
    if (session.sink !== null) this.sessions.release(session, session.sink);
  }

  message(payload: string, qos: QoS = 1, messageExpiryInterval?: number): Message {
    const properties = messageExpiryInterval === undefined ? {} : { properties: { messageExpiryInterval } };
    return createMessage({ topic: 't', payload, qos, publisher: 'p', receivedAtMs: this.clock.wallMs(), ...properties });
  }

  offer(session: Session, payload: string, qos: QoS = 1, group: Redelivery | null = null): Delivery {
    return this.offerMessage(session, this.message(payload, qos), group);
  }

  offerMessage(session: Session, message: Message, group: Redelivery | null = null): Delivery {
    const { qos } = message;
    const delivery = new Delivery(message, qos, false, null);
    delivery.group = group;
    if (qos === 0) session.offerQoS0(delivery);
    else session.offer(delivery);
    return delivery;
  }

  will(payload: string, delay = 0): Will {
    return new Will(createMessage({ topic: 'will', payload, publisher: 'p', receivedAtMs: 0 }), delay);
  }

  subscribe(session: Session, text: string, options: Partial<SubscriptionOptions> = {}): Subscription {
    const all = { qos: 1, noLocal: false, retainAsPublished: false, retainHandling: 0, identifier: 0, ...options } as const;
    const number = session.state.subscription(text)?.number ?? session.state.takeSubscriptionNumber();
    const parsed = parseTopicFilter(text, 100);
    if (typeof parsed === 'string') throw new Error(`${text} ${parsed}`);
    const subscription = new Subscription(session, parsed, all, number);
    session.state.putSubscription(subscription);
    return subscription;
  }

  /** Everything that is to be written is written, and everything that is read is there. */
  async settle(): Promise<void> {
    await this.committer.flush();
    await turns(20 + 40 * this.store.readTurns);
    await this.committer.flush();
    await turns(4);
  }

  dropsFor(reason: DropReason): (string | null)[] {
    return this.drops.filter((drop) => drop.reason === reason).map(({ payload }) => payload);
  }

  /** How many records the tables hold that sessions write. */
  async records(): Promise<{ session: number; queue: number; log: number }> {
    const { disk } = this.store;
    return { session: await disk.count('session'), queue: await disk.count('queue'), log: await disk.count('log') };
  }
}

export async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise(setImmediate);
}

/** `prefix 1`, `prefix 2` and so on. */
export function numbered(prefix: string, from: number, to: number): string[] {
  return Array.from({ length: to - from + 1 }, (_, i) => `${prefix}${from + i}`);
}

function full(): OperationalError {
  return new OperationalError('store.full', 'the disk is full', { retryable: true });
}

function forever(): Promise<never> {
  return new Promise(() => {});
}
