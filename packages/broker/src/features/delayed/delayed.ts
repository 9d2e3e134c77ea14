import { ReasonCode } from '@wrenmq/codec';
import { OperationalError } from '#base/errors.ts';
import type { Author, Collection, FeatureContext, RunningFeature, Statistics, TakeAnswer } from '#hooks/feature.ts';
import { type Message, NO_DELAY } from '#message/message.ts';
import { Alarm } from './alarm.ts';
import { decodeValue, dueMsOf, encodeKey, encodeValue, keyAt, keyOf, lowestKey } from './delayed-record.ts';
import { dueAtMs, isDelayedTopic, withoutPrefix } from './delayed-topic.ts';
import { type DelayedMessage, type DelayedMessageWithPayload, describe, describeWithPayload } from './delayed-message.ts';

export interface DelayedSettings {
  readonly enabled: boolean;
  readonly messagesMax: number;
}

/** What became of a message whose time had come. `full`: nothing, since the disk, a queue or the retained messages are full. */
export type ReleaseOutcome = 'published' | 'expired' | 'not-authorized' | 'rejected' | 'full';

interface WaitingRecord {
  readonly key: Buffer;
  readonly value: Buffer;
}

/** Published together, before the disk is waited for. */
const RELEASED_MAX = 128;
/** What nobody can take now, since a queue or the retained messages are full, is tried again after so long. */
const POSTPONE_MS = 10_000;
/** While the disk is full, or cannot be read, it is asked again after so long. */
const RETRY_MS = 1000;
/** What may wait for the disk; more is refused until that is written. */
const PENDING_BYTES_MAX = 64 * 1024 * 1024;
const LIST_MAX = 1000;
const startsKey = Buffer.from('starts');

/**
 * Messages that wait on disk until they are due. The collection's order is that of their times, so that nothing of them is kept in
 * memory. A message leaves the collection in the batch in which its deliveries are written: after a crash it is in one of the two.
 */
export class Delayed implements RunningFeature<DelayedSettings> {
  readonly #context: FeatureContext<DelayedSettings>;
  readonly #messages: Collection;
  readonly #facts: Collection;
  readonly #alarm: Alarm;
  #settings: DelayedSettings;
  /** How many wait, what is being written included. */
  #count = 0;
  #pendingBytes = 0;
  /** The number of this start of the broker; written with the first message that is taken. */
  #start = 1;
  #isStartWritten = false;
  #nextNumber = 1;
  #isStopped = false;
  /** What looks at messages in order to take them away does so one after the other. */
  #lane: Promise<unknown> = Promise.resolve();

  private constructor(context: FeatureContext<DelayedSettings>) {
    this.#context = context;
    this.#settings = context.settings;
    this.#messages = context.collection('due');
    this.#facts = context.collection('facts');
    this.#alarm = new Alarm(context.clock, () => void this.#inLane(() => this.#releaseDue()));
  }

  static async start(context: FeatureContext<DelayedSettings>): Promise<Delayed> {
    const delayed = new Delayed(context);
    await delayed.#load();
    context.on('message.inbound', (_client, message) => delayed.#inbound(message), { isAbout: isDelayedTopic });
    context.on('message.accept', (message, author) => delayed.#accept(message, author), { isAbout: isDelayedTopic });
    return delayed;
  }

  reload(settings: DelayedSettings): void {
    this.#settings = settings;
  }

  /** Nothing is published from here on; messages are taken until the end. */
  stop(): void {
    this.#isStopped = true;
    this.#alarm.stop();
  }

  statistics(): Pick<Statistics, 'delayedMessages'> {
    return { delayedMessages: this.#count };
  }

  /** Messages that wait, in the order in which they are due, at most 1000; `after`: the id of the last one that is known. */
  async list(limit = 100, after: string | null = null): Promise<DelayedMessage[]> {
    const key = after === null ? null : keyOf(after);
    // The first key behind another is that with a zero byte behind it.
    const from = key === null ? {} : { from: Buffer.concat([key, Buffer.alloc(1)]) };
    const rows: DelayedMessage[] = [];
    for await (const page of this.#messages.scan({ ...from, limit: Math.min(limit, LIST_MAX) })) {
      for (const record of page) rows.push(describe(record.key, decodeValue(record.value)));
    }
    return rows;
  }

  /** One that waits, with its payload and properties; null when there is none of this id. */
  async get(id: string): Promise<DelayedMessageWithPayload | null> {
    const key = keyOf(id);
    const value = key === null ? null : await this.#messages.get(key);
    return key === null || value === null ? null : describeWithPayload(key, decodeValue(value));
  }

  /**
   * Takes a message away, for good when it resolves; false when none of this id waits. Rejects with OperationalError
   * `delayed.full` when the disk did not take it.
   */
  cancel(id: string): Promise<boolean> {
    return this.#inLane(async () => {
      const key = keyOf(id);
      if (key === null || (await this.#messages.get(key)) === null) return false;
      if (!(await this.#remove(key, () => {}))) throw diskFull();
      return true;
    });
  }

  /** Publishes a message now, as it would be when it is due; null when none of this id waits. Rejects as `cancel` does. */
  sendNow(id: string): Promise<ReleaseOutcome | null> {
    return this.#inLane(async () => {
      const key = keyOf(id);
      const value = key === null ? null : await this.#messages.get(key);
      if (key === null || value === null) return null;
      const { outcome, removed } = await this.#release({ key, value });
      if (outcome !== 'full' && !(await removed)) throw diskFull();
      return outcome;
    });
  }

  async #load(): Promise<void> {
    const starts = await this.#facts.get(startsKey);
    this.#start = starts === null ? 1 : starts.readUInt32BE(0) + 1;
    this.#count = await this.#messages.count();
    if (this.#count > 0) this.#alarm.at(0);
  }

  #inbound(message: Message): Message | { reject: number } {
    if (!isDelayedTopic(message.topic)) return message;
    const own = this.#settings.enabled ? withoutPrefix(message, this.#context.clock.wallMs()) : null;
    return own ?? { reject: ReasonCode.TopicNameInvalid };
  }

  #accept(given: Message, author: Author | null): TakeAnswer {
    // What parts of the house publish has not passed `message.inbound`.
    const isPrefixed = isDelayedTopic(given.topic);
    if (given.delay === NO_DELAY && !isPrefixed) return 'pass';
    const nowMs = this.#context.clock.wallMs();
    const message = isPrefixed ? withoutPrefix(given, nowMs) : given;
    if (message === null || !this.#settings.enabled) return { reject: ReasonCode.TopicNameInvalid };
    if (this.#messages.isFull || this.#count >= this.#settings.messagesMax || this.#pendingBytes >= PENDING_BYTES_MAX) {
      this.#context.counters.delayedRefused += 1;
      return { reject: ReasonCode.QuotaExceeded };
    }
    this.#take(message, author, dueAtMs(message.delay, nowMs));
    return 'stored';
  }

  #take(message: Message, author: Author | null, dueMs: number): void {
    if (!this.#isStartWritten) this.#writeStart();
    const value = encodeValue(message, author);
    this.#count += 1;
    this.#pendingBytes += value.length;
    this.#messages.put(encodeKey(dueMs, this.#start, this.#nextNumber++), value, (isWritten) => {
      const { counters } = this.#context;
      this.#pendingBytes -= value.length;
      if (isWritten) {
        counters.delayedAccepted += 1;
        this.#alarm.at(dueMs);
      } else {
        counters.delayedRefused += 1;
        this.#count -= 1;
      }
    });
  }

  #writeStart(): void {
    this.#isStartWritten = true;
    const value = Buffer.allocUnsafe(4);
    value.writeUInt32BE(this.#start);
    this.#facts.put(startsKey, value);
  }

  /** Publishes what is due, in order, some at a time; then sleeps until the next is. */
  async #releaseDue(): Promise<void> {
    try {
      for (;;) {
        if (this.#isStopped) return;
        const due = await this.#page({ to: lowestKey(this.#context.clock.wallMs() + 1), limit: RELEASED_MAX });
        if (due.length === 0) break;
        if (!(await this.#releaseAll(due))) return this.#alarm.in(RETRY_MS);
      }
      const [next] = await this.#page({ limit: 1 });
      if (next !== undefined) this.#alarm.at(dueMsOf(next.key));
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      if (error.code === 'store.closed') return;
      this.#context.log.error({ err: error, code: error.code }, 'delayed messages cannot be read; it is tried again');
      this.#alarm.in(RETRY_MS);
    }
  }

  /** False when something stayed because the disk is full. */
  async #releaseAll(records: readonly WaitingRecord[]): Promise<boolean> {
    const written: Promise<boolean>[] = [];
    for (const record of records) {
      const { outcome, removed } = await this.#release(record);
      if (outcome !== 'full') written.push(removed);
      else if (this.#messages.isFull) break;
      else written.push(this.#postpone(record));
    }
    const outcomes = await Promise.all(written);
    return outcomes.length === records.length && outcomes.every((isWritten) => isWritten);
  }

  /** Publishes a message if that may still be; `removed` as `#remove` resolves, with false when the message stays as it is. */
  async #release({ key, value }: WaitingRecord): Promise<{ outcome: ReleaseOutcome; removed: Promise<boolean> }> {
    const { counters, clock } = this.#context;
    const { author, message } = decodeValue(value);
    // The interval runs while the message waits here, as in a queue (MQTT 5, 3.3.2.3.3).
    if (message.isExpired(clock.wallMs())) {
      const removed = this.#remove(key, () => {
        counters.dropped.expired += 1;
        counters.delayedExpired += 1;
      });
      return { outcome: 'expired', removed };
    }
    if (author !== null && !(await this.#context.mayPublish(author, message))) {
      return { outcome: 'not-authorized', removed: this.#remove(key, () => (counters.dropped['not-authorized'] += 1)) };
    }
    message.delay = NO_DELAY;
    // ORDER: in the same turn, so that the deliveries are written in the batch in which the message is taken away. Not while the
    // disk is full: what cannot be taken away would be published again and again.
    const outcome = this.#messages.isFull ? 'full' : this.#context.forward(message);
    if (outcome === 'full') return { outcome, removed: Promise.resolve(false) };
    if (outcome === 'rejected') return { outcome, removed: this.#remove(key, () => (counters.dropped.rejected += 1)) };
    return { outcome, removed: this.#remove(key, () => (counters.delayedPublished += 1)) };
  }

  /** A publisher cannot be told any more that a queue is full: the message waits on. */
  #postpone({ key, value }: WaitingRecord): Promise<boolean> {
    // With a listener, so that both are refused together.
    this.#messages.put(keyAt(this.#context.clock.wallMs() + POSTPONE_MS, key), value, () => {});
    return new Promise((resolve) => this.#messages.delete(key, resolve));
  }

  /** Resolves when the message is gone for good, or with false when it is still there since the disk is full. */
  #remove(key: Buffer, count: () => void): Promise<boolean> {
    return new Promise((resolve) => {
      this.#messages.delete(key, (isWritten) => {
        if (isWritten) {
          this.#count -= 1;
          count();
        }
        resolve(isWritten);
      });
    });
  }

  async #page(range: { to?: Buffer; limit: number }): Promise<readonly WaitingRecord[]> {
    for await (const page of this.#messages.scan(range)) return page;
    return [];
  }

  #inLane<Result>(task: () => Promise<Result>): Promise<Result> {
    const result = this.#lane.then(task);
    this.#lane = result.catch(() => {});
    return result;
  }
}

function diskFull(): OperationalError {
  return new OperationalError('delayed.full', 'the disk is full: nothing was changed', { retryable: true });
}
