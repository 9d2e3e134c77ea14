import assert from 'node:assert/strict';
import { Counters } from '#base/counters.ts';
import { OperationalError } from '#base/errors.ts';
import { silentLogger } from '#base/logger.ts';
import type { Author, FeatureContext } from '#hooks/feature.ts';
import type { HookPoint, HookPoints, TakeAnswer } from '#hooks/points.ts';
import { createMessage, type Message, type MessageFields } from '#message/message.ts';
import { Collection } from '#store/collection.ts';
import { Committer } from '#store/committer.ts';
import { MemoryStore } from '#store/memory/memory-store.ts';
import type { Batch, Store } from '#store/store.ts';
import { FakeClock } from '@wrenmq/testkit/fake-clock.ts';
import { Delayed, type DelayedSettings } from './delayed.ts';

export const author: Author = { clientId: 'publisher', username: 'ann' };
const facts = { ...author, listener: 'tcp', peerAddress: '127.0.0.1', peerPort: 1, protocolVersion: 5, connectedAtMs: 0 };

/** The world of delayed messages in the test's hands. `restart` is what a kill leaves: the store. */
export class TestHouse {
  readonly clock = new FakeClock();
  readonly store = new MemoryStore();
  readonly counters = new Counters();
  /** No commit has room. */
  isFull = false;
  /** Topics whose messages a queue has no room for, and those that a hook, or the rules, do not let pass. */
  readonly full = new Set<string>();
  readonly rejected = new Set<string>();
  readonly forbidden = new Set<string>();
  /** What was published, also what was refused by the disk afterwards. */
  readonly published: Message[] = [];
  onPublished = (): void => {};
  committer!: Committer;
  delayed!: Delayed;
  #hooks = new Map<HookPoint, HookPoints[HookPoint]>();

  static async open(settings: Partial<DelayedSettings> = {}): Promise<TestHouse> {
    const house = new TestHouse();
    await house.restart(settings);
    return house;
  }

  async restart(settings: Partial<DelayedSettings> = {}): Promise<void> {
    this.#hooks = new Map();
    this.committer = new Committer(this.#storeWithRoom(), this.clock, (error) => assert.fail(String(error)));
    this.delayed = await Delayed.start(this.#context({ enabled: true, messagesMax: 1000, ...settings }));
  }

  /** As a client publishes: the answer of `message.inbound`, or of `message.accept` to what came of that. */
  publish(fields: Partial<MessageFields>, who: Author | null = author): TakeAnswer {
    const inbound = this.inbound(fields);
    return 'reject' in inbound ? inbound : this.accept(inbound, who);
  }

  inbound(fields: Partial<MessageFields>): Message | { readonly reject: number } {
    const hook = this.#hooks.get('message.inbound') as HookPoints['message.inbound'];
    return hook(facts, this.message(fields));
  }

  accept(message: Message, who: Author | null = author): TakeAnswer {
    return (this.#hooks.get('message.accept') as HookPoints['message.accept'])(message, who);
  }

  message(fields: Partial<MessageFields>): Message {
    return createMessage({ topic: 't', publisher: 'publisher', receivedAtMs: this.clock.wallMs(), ...fields });
  }

  /** Lets time pass, and everything happen that follows from it. */
  async advance(ms: number): Promise<void> {
    this.clock.advance(ms);
    await this.settle();
  }

  async settle(): Promise<void> {
    for (let turn = 0; turn < 12; turn += 1) await new Promise(setImmediate);
    this.clock.advance(0);
    for (let turn = 0; turn < 12; turn += 1) await new Promise(setImmediate);
  }

  /** Topics of what was published since the last call. */
  take(): string[] {
    return this.published.splice(0).map(({ topic }) => topic);
  }

  #storeWithRoom(): Store {
    const commit = (batch: Batch): Promise<void> =>
      this.isFull ? Promise.reject(new OperationalError('store.full', 'full', { retryable: true })) : this.store.commit(batch);
    return { commit } as unknown as Store;
  }

  #context(settings: DelayedSettings): FeatureContext<DelayedSettings> {
    const { clock, counters, store, committer } = this;
    const context: Partial<FeatureContext<DelayedSettings>> = {
      settings,
      log: silentLogger,
      clock,
      counters,
      on: (point, hook) => {
        this.#hooks.set(point, hook);
        return () => {};
      },
      collection: (name) => new Collection(store, committer, `delayed/${name}`),
      forward: (message) => {
        if (this.full.has(message.topic)) return 'full';
        if (this.rejected.has(message.topic)) return 'rejected';
        this.published.push(message);
        this.onPublished();
        return 'published';
      },
      mayPublish: async (_author, { topic }) => !this.forbidden.has(topic),
    };
    return context as FeatureContext<DelayedSettings>;
  }
}
