import { matches } from '#topic/topic-filter.ts';
import { FakeClock } from '@wrenmq/testkit/fake-clock.ts';
import type { QoS } from '#message/message.ts';
import { Decisions } from './decisions.ts';
import type { ExplainWorld, KnownMessage, PresentSession, PresentSubscription } from './explain-world.ts';
import { Explainer } from './explainer.ts';
import { TestClient, testDelivery, testMessage, TestTopic } from './test-client.ts';

/** A session of a broker that is as small as can be. */
class TestSession extends TestClient {
  isConnected = true;
  readonly subscriptions = new Map<string, PresentSubscription>();
}

export interface Fate {
  readonly kind: 'no-session' | 'no-subscription' | 'no-local' | 'offline-qos-0' | 'delivered' | 'queued';
}

/** Routes messages as a broker does, tells decisions of it, and says what became of each for every client. */
export class TestExplainedHouse implements ExplainWorld {
  readonly clock = new FakeClock();
  readonly decisions: Decisions;
  readonly explainer: Explainer;
  readonly sessions = new Map<string, TestSession>();
  /** What a history would have. */
  readonly kept: (KnownMessage & { readonly topic: string })[] = [];
  readonly #routes = new Map<string, TestTopic>();

  constructor(bytes = 1024 * 1024) {
    this.decisions = new Decisions(this.clock, bytes, 7);
    this.explainer = new Explainer(this.decisions, this);
  }

  nowMs(): number {
    return this.clock.wallMs();
  }

  session(clientId: string): PresentSession | null {
    const session = this.sessions.get(clientId);
    if (session === undefined) return null;
    const { isConnected, subscriptions } = session;
    return { isConnected, waiting: isConnected ? 0 : 1, subscriptions: [...subscriptions.values()], unfinished: [], withheld: () => null };
  }

  messages(topic: string, fromMs: number, toMs: number): Promise<readonly KnownMessage[]> {
    return Promise.resolve(this.kept.filter((each) => each.topic === topic && each.receivedAtMs >= fromMs && each.receivedAtMs < toMs));
  }

  newest(topic: string): Promise<KnownMessage | null> {
    return Promise.resolve(this.kept.findLast((each) => each.topic === topic) ?? null);
  }

  connect(clientId: string, isDurable: boolean, cleanStart: boolean): void {
    this.disconnect(clientId);
    if (cleanStart) this.#end(clientId);
    const existing = this.sessions.get(clientId);
    const session = existing ?? new TestSession(clientId, isDurable);
    session.isConnected = true;
    this.sessions.set(clientId, session);
    this.decisions.opened(session, existing === undefined);
  }

  disconnect(clientId: string): void {
    const session = this.sessions.get(clientId);
    if (session === undefined || !session.isConnected) return;
    session.isConnected = false;
    this.decisions.detached(session);
    if (!session.isDurable) this.#end(clientId);
  }

  subscribe(clientId: string, filter: string, qos: QoS, noLocal = false): void {
    const session = this.sessions.get(clientId);
    if (session?.isConnected !== true) return;
    const before = session.subscriptions.get(filter);
    session.subscriptions.set(filter, { text: filter, filter, qos, noLocal });
    const of = (one: PresentSubscription) => ({ text: one.text, filter: one.filter, options: one });
    this.decisions.subscribed(session, of({ text: filter, filter, qos, noLocal }), before === undefined ? undefined : of(before));
  }

  unsubscribe(clientId: string, filter: string): void {
    const session = this.sessions.get(clientId);
    const subscription = session?.subscriptions.get(filter);
    if (session?.isConnected !== true || subscription === undefined) return;
    session.subscriptions.delete(filter);
    this.decisions.unsubscribed(session, { text: filter, filter, options: subscription });
  }

  /** What becomes of the message for each of these clients. */
  publish(topic: string, qos: QoS, publisher: string, clientIds: readonly string[]): Map<string, Fate> {
    const message = testMessage(topic, qos, publisher);
    if (!this.#routes.has(topic)) this.#routes.set(topic, new TestTopic(topic));
    this.decisions.published(this.#routes.get(topic)!, message);
    return new Map(clientIds.map((clientId) => [clientId, this.#deliver(clientId, topic, qos, publisher)]));
  }

  #deliver(clientId: string, topic: string, qos: QoS, publisher: string): Fate {
    const session = this.sessions.get(clientId);
    if (session === undefined) return { kind: 'no-session' };
    const matching = [...session.subscriptions.values()].filter(({ filter }) => matches(filter, topic));
    if (matching.length === 0) return { kind: 'no-subscription' };
    const own = matching.filter(({ noLocal }) => clientId !== publisher || !noLocal);
    if (own.length === 0) {
      this.decisions.noLocal(session, testMessage(topic));
      return { kind: 'no-local' };
    }
    const granted = Math.min(qos, Math.max(...own.map((subscription) => subscription.qos))) as QoS;
    const delivery = testDelivery(testMessage(topic, granted));
    if (granted > 0 && !session.isConnected) {
      this.decisions.queued(session, delivery, 0);
      return { kind: 'queued' };
    }
    if (!session.isConnected) {
      this.decisions.dropped(session, delivery, 'offline-qos-0');
      return { kind: 'offline-qos-0' };
    }
    if (granted === 0) this.decisions.sentOnce(session, delivery, null);
    else {
      delivery.packetId = 1;
      this.decisions.sent(session, delivery);
      this.decisions.stepped(session, delivery, 1);
    }
    return { kind: 'delivered' };
  }

  #end(clientId: string): void {
    const session = this.sessions.get(clientId);
    if (session === undefined) return;
    const subscriptions = Array.from(session.subscriptions.values(), (one) => ({ text: one.text, filter: one.filter, options: one }));
    this.decisions.closed(session, subscriptions);
    this.sessions.delete(clientId);
  }
}
