import { FakeClock } from '@wrenmq/testkit/fake-clock.ts';
import { Counters, type DropReason } from '#base/counters.ts';
import { silentLogger } from '#base/logger.ts';
import { Hooks } from '#hooks/hooks.ts';
import type { Delivery } from '#message/delivery.ts';
import { createMessage, type Message, type MessageFields, type QoS } from '#message/message.ts';
import type { Retained } from '#retained/retained.ts';
import type { Session } from '#session/session.ts';
import { Subscription, type SubscriptionOptions } from '#session/subscription.ts';
import type { Committer } from '#store/committer.ts';
import { parseTopicFilter } from '#topic/topic-filter.ts';
import { seededRandom } from '@wrenmq/testkit/seeded-random.ts';
import { Publisher } from './publisher.ts';
import { Router } from './router.ts';
import { TestHouse as SessionHouse } from '#session/test-house.ts';
import { GroupQueues } from './group-queues.ts';
import type { ShareSettings } from './share-settings.ts';
import type { ShareServices } from './share.ts';

export type TestShareServices = { -readonly [Name in keyof ShareServices]: ShareServices[Name] };

/** What shares stand on, with the default settings and a random number generator that a seed determines. */
export function shareServices(own: Pick<ShareServices, 'hooks' | 'counters'>): TestShareServices {
  const house = { ...own, decisions: null };
  const { store, committer, log, clock, deadlines } = new SessionHouse();
  const settings: ShareSettings = {
    strategy: 'round_robin',
    stickyInitialPick: 'random',
    durableGroups: false,
    queueMessagesMax: Infinity,
    queueBytesMax: Infinity,
    overflow: 'drop-oldest',
    redeliverAfterMs: 5000,
    deliveriesMax: Infinity,
    deadLetterTopic: null,
    groups: {},
  };
  const queues = new GroupQueues({ ...house, store, committer, log, clock, deadlines, settings, publish: () => true });
  return { ...house, random: seededRandom(1), settings, queues };
}

/** What reached a session: what a delivery said at that moment, since it is the caller's. */
export interface Offered {
  readonly topic: string;
  readonly qos: QoS;
  readonly retain: boolean;
  readonly identifiers: readonly number[] | null;
}

/** A session that only notes what it is offered. */
export class TestSession {
  readonly clientId: string;
  isDurable = false;
  isConnected = true;
  isReady = true;
  weightMax = Infinity;
  unfinished = 0;
  /** At QoS 0: what `sendQoS0` answers, and what `offer` calls. */
  canSend = true;
  onOffer: ((delivery: Delivery) => void) | null = null;
  readonly offered: Offered[] = [];
  readonly deliveries: Delivery[] = [];
  readonly dropped: DropReason[] = [];

  constructor(clientId: string, state: Partial<Pick<TestSession, 'isDurable' | 'isConnected' | 'isReady' | 'weightMax' | 'canSend'>> = {}) {
    this.clientId = clientId;
    Object.assign(this, state);
  }

  get session(): Session {
    return this as unknown as Session;
  }

  get topics(): string[] {
    return this.offered.map(({ topic }) => topic);
  }

  isFull(weight: number): boolean {
    return weight > this.weightMax;
  }

  offer(delivery: Delivery): void {
    this.offered.push(noteOf(delivery));
    this.deliveries.push(delivery);
    this.onOffer?.(delivery);
  }

  offerQoS0(delivery: Delivery): void {
    this.offer(delivery);
  }

  sendQoS0(delivery: Delivery): boolean {
    this.onOffer?.(delivery);
    if (this.canSend) this.offered.push(noteOf(delivery));
    return this.canSend;
  }

  drop(_message: Message, reason: DropReason): void {
    this.dropped.push(reason);
  }
}

function noteOf({ message: { topic }, qos, retain, subscriptionIdentifiers }: Delivery): Offered {
  return { topic, qos, retain, identifiers: subscriptionIdentifiers };
}

/** Router and publisher around sessions, store and retained messages that a test holds in its hands. */
export class TestHouse {
  readonly hooks = new Hooks(silentLogger);
  readonly counters = new Counters();
  readonly clock = new FakeClock();
  readonly shares = shareServices({ hooks: this.hooks, counters: this.counters });
  readonly router = new Router(this.shares);
  readonly committer = { isFull: false };
  readonly retained = { answer: 'stored' as 'stored' | 'cleared' | 'refused', messages: [] as Message[] };
  readonly publisher: Publisher;
  /** In the order in which they were made. */
  readonly subscriptions: Subscription[] = [];

  constructor(refusesWhenFull = false) {
    const { retained } = this;
    const set = (one: Message): string => {
      retained.messages.push(one);
      return retained.answer;
    };
    this.publisher = new Publisher({
      clock: this.clock,
      router: this.router,
      hooks: this.hooks,
      decisions: null,
      history: null,
      debts: null,
      counters: this.counters,
      committer: this.committer as unknown as Committer,
      retained: { set } as unknown as Retained,
      refusesWhenFull,
    });
  }

  /** Subscribes; by default at QoS 2. */
  subscribe(session: TestSession, text: string, options: Partial<SubscriptionOptions> = {}): Subscription {
    const one = subscription(session, text, options);
    this.subscriptions.push(one);
    this.router.add(one);
    return one;
  }

  /** The session asks for a subscription that it has. */
  resubscribe(before: Subscription, session: TestSession): Subscription {
    const after = subscription(session, before.text);
    this.router.replace(before, after);
    return after;
  }

  publishFrom(publisher: string, fields: Omit<MessageFields, 'publisher' | 'receivedAtMs'>): number {
    return this.publisher.publish(createMessage({ payload: 'x', ...fields, publisher, receivedAtMs: 0 }), null, null);
  }

  publish(fields: Omit<MessageFields, 'publisher' | 'receivedAtMs'>, from: TestSession | null = null): number {
    return this.publisher.publish(message(fields), from?.session ?? null, null);
  }
}

export function subscription(session: TestSession, text: string, options: Partial<SubscriptionOptions> = {}): Subscription {
  const parsed = parseTopicFilter(text, 128);
  if (typeof parsed === 'string') throw new Error(parsed);
  const all: SubscriptionOptions = { qos: 2, noLocal: false, retainAsPublished: false, retainHandling: 0, identifier: 0, ...options };
  return new Subscription(session.session, parsed, all, 0);
}

export function message(fields: Omit<MessageFields, 'publisher' | 'receivedAtMs'>): Message {
  return createMessage({ payload: 'x', ...fields, publisher: 'publisher', receivedAtMs: 0 });
}
