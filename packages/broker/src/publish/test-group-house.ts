import { silentLogger } from '#base/logger.ts';
import { Hooks } from '#hooks/hooks.ts';
import { createMessage, type Message, type QoS } from '#message/message.ts';
import type { Retained } from '#retained/retained.ts';
import type { SessionLimits } from '#session/house.ts';
import type { Session } from '#session/session.ts';
import type { Subscription, SubscriptionOptions } from '#session/subscription.ts';
import { TestHouse as SessionHouse, type TestSink } from '#session/test-house.ts';
import { GroupQueues } from './group-queues.ts';
import type { GroupHouse } from './group-queue.ts';
import { Outcome, Publisher } from './publisher.ts';
import { Router } from './router.ts';
import type { Share } from './share.ts';
import type { ShareSettings } from './share-settings.ts';
import { shareServices } from './test-house.ts';

type Settings = { -readonly [Name in keyof ShareSettings]: ShareSettings[Name] };

/** Real sessions and a real store in memory below router and publisher: one process. `restart` is the next one on the same disk. */
export class GroupTestHouse {
  readonly base: SessionHouse;
  readonly hooks = new Hooks(silentLogger);
  readonly queues: GroupQueues;
  readonly router: Router;
  readonly publisher: Publisher;
  readonly settings: Settings;
  /** What was dropped without being any session's: payload and reason. */
  readonly drops: string[] = [];
  #messages = 0;

  constructor(settings: Partial<ShareSettings> = {}, base = new SessionHouse()) {
    this.base = base;
    const { store, committer, log, clock, deadlines, counters } = base;
    const { hooks } = this;
    const services = shareServices({ hooks, counters });
    this.settings = { ...services.settings, durableGroups: true, ...settings };
    const publish = (message: Message): boolean => (this.publisher.publish(message, null, null) & Outcome.Refused) === 0;
    const shared = { store, committer, log, clock, deadlines, counters, hooks, decisions: null };
    const house: GroupHouse = { ...shared, publish, settings: this.settings };
    this.queues = new GroupQueues(house);
    this.router = new Router({ ...services, settings: this.settings, queues: this.queues });
    const retained = { set: () => 'stored' } as unknown as Retained;
    const refusesWhenFull = this.settings.overflow === 'reject';
    this.publisher = new Publisher({ ...shared, router: this.router, retained, history: null, debts: null, refusesWhenFull });
    base.events.groupOf = (subscription) => (subscription.group === null ? null : this.router.shareOf(subscription));
    base.events.onEnded = (session) => {
      for (const subscription of session.state.subscriptions()) this.router.remove(subscription);
      base.sessions.forget(session);
    };
    hooks.register('embedder', 'message.dropped', (clientId, message, reason) => {
      if (clientId === null) this.drops.push(`${message?.payload.toString() ?? '?'} ${reason}`);
    });
  }

  get share(): Share {
    return [...this.router.shares][0];
  }

  get waiting(): number {
    return this.share.statistics(0).waiting;
  }

  async load(): Promise<this> {
    const { log, sessions, committer } = this.base;
    await log.load();
    await this.queues.load();
    await sessions.load(
      (subscription) => this.router.add(subscription),
      (queue, sequence, record) => this.queues.restoreChunk(queue, sequence, record),
    );
    this.queues.resume();
    this.router.resume();
    log.dropUnread();
    await committer.flush();
    return this;
  }

  /** The process dies with all it knew, and another one starts. */
  restart(limits: Partial<SessionLimits> = {}): Promise<GroupTestHouse> {
    const { base } = this;
    base.kill();
    const next = new SessionHouse({ ...base.limits, ...limits }, base.store.disk, base.clock);
    return new GroupTestHouse(this.settings, next).load();
  }

  /** A client connects to its session, and is a member if it was not. */
  member(clientId: string, receiveMaximum = 65_535, text = '$share/g/t/#'): { session: Session; sink: TestSink } {
    const { session, sink } = this.base.attach(clientId);
    sink.receiveMaximum = receiveMaximum;
    if (session.state.subscription(text) === undefined) this.subscribe(session, text);
    session.resume();
    return { session, sink };
  }

  subscribe(session: Session, text: string, options: Partial<SubscriptionOptions> = {}): Subscription {
    const before = session.state.subscription(text);
    const subscription = this.base.subscribe(session, text, { qos: 2, ...options });
    if (before === undefined) this.router.add(subscription);
    else this.router.replace(before, subscription);
    return subscription;
  }

  unsubscribe(session: Session, text: string): void {
    this.router.remove(session.state.removeSubscription(text)!);
  }

  /** Publishes the payload to `t/x`, by default the next number. */
  publish(payload = String((this.#messages += 1)), qos: QoS = 1, topic = 't/x', messageExpiryInterval?: number): number {
    const properties = messageExpiryInterval === undefined ? {} : { messageExpiryInterval };
    const message = createMessage({ topic, payload, qos, properties, publisher: 'p', receivedAtMs: this.base.clock.wallMs() });
    return this.publisher.publish(message, null, null);
  }

  publishMany(count: number, qos: QoS = 1): void {
    for (let i = 0; i < count; i += 1) this.publish(undefined, qos);
  }

  /** The client acknowledges everything that it has been sent, as often as more comes. */
  acknowledge({ session, sink }: { session: Session; sink: TestSink }): string[] {
    const got: string[] = [];
    while (sink.sent.length > 0) {
      const sent = sink.take();
      const packetIds = sink.packetIds.splice(0);
      got.push(...sent);
      for (const packetId of packetIds) session.acknowledge(packetId);
    }
    return got;
  }
}
