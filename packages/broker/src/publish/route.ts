// HOT
import type { HistorySlot } from '#history/history-slot.ts';
import type { MessageHistory } from '#history/message-history.ts';
import type { NameHash } from '#base/name-hash.ts';
import type { DecidedTopic, Tally } from '#explain/decisions.ts';
import type { Hooks } from '#hooks/hooks.ts';
import { type Message, OBSERVED_ALWAYS, type QoS } from '#message/message.ts';
import type { Session } from '#session/session.ts';
import { Subscription } from '#session/subscription.ts';
import type { Share } from './share.ts';

const nobody: readonly never[] = [];

/** What one session's matching subscriptions come to, for one topic. */
export class RouteTarget implements Tally {
  readonly session: Session;
  /** The highest QoS of the matching subscriptions [MQTT-3.3.4-2]. */
  readonly qos: QoS;
  readonly retainAsPublished: boolean;
  readonly subscriptionIdentifiers: readonly number[] | null;
  /** What is left of it when the session itself is the publisher: null when all its subscriptions say No Local [MQTT-3.8.3-3]. */
  readonly forPublisher: RouteTarget | null;
  tallyCount = 0;
  tallyPlace = 0;
  tallyNext: Tally | null = null;

  constructor(session: Session, subscriptions: readonly Subscription[]) {
    let qos: QoS = 0;
    let retainAsPublished = false;
    let identifiers: number[] | null = null;
    let foreign = 0;
    for (const { options } of subscriptions) {
      if (options.qos > qos) qos = options.qos;
      if (options.retainAsPublished) retainAsPublished = true;
      if (options.identifier !== 0) (identifiers ??= []).push(options.identifier);
      if (options.noLocal) foreign += 1;
    }
    this.session = session;
    this.qos = qos;
    this.retainAsPublished = retainAsPublished;
    this.subscriptionIdentifiers = identifiers;
    this.forPublisher = foreign === 0 ? this : withoutNoLocal(session, subscriptions, foreign);
  }
}

/** What subscriptions that still read the history need of a message: nothing, that it is kept, or that no crash takes it either. */
export const ReaderNeed = { None: 0, Kept: 1, Durable: 2 } as const;
export type ReaderNeed = (typeof ReaderNeed)[keyof typeof ReaderNeed];

/** Who gets the messages of one topic. */
export class Route implements DecidedTopic {
  readonly topic: string;
  topicHash: NameHash | null = null;
  tallyCount = 0;
  tallyPlace = 0;
  tallyNext: Tally | null = null;
  targets: readonly RouteTarget[];
  shares: readonly Share[];
  /** True when a message at QoS 1 or 2 is owed to a session that outlives its connection. */
  readonly hasDurable: boolean;
  /** What those need who will read it; they get it from there. Durable: at QoS 1 and 2. */
  readonly readers: ReaderNeed;
  /** Where the history keeps messages of the topic; null where it does not, undefined until it was asked. */
  historySlot: HistorySlot | null | undefined = undefined;
  /** False as soon as any subscription has changed since. */
  isCurrent = true;
  /** Whether somebody observes messages of the topic. */
  readonly isObserved: boolean;
  /** From how many milliseconds on somebody observes their deliveries; or OBSERVED_ALWAYS, OBSERVED_NEVER. */
  readonly deliveriesFromMs: number;
  /** Whether somebody may rewrite messages that clients publish to the topic. */
  readonly isRewritten: boolean;
  /** Whether somebody may take messages of the topic; one with a delay is offered in any case. */
  readonly isOffered: boolean;

  constructor(topic: string, matched: readonly (Subscription | Share)[], hooks: Hooks, history: MessageHistory | null) {
    const subscriptions: Subscription[] = [];
    const shares: Share[] = [];
    let readers: ReaderNeed = ReaderNeed.None;
    for (const one of matched) {
      if (!(one instanceof Subscription)) shares.push(one);
      else if (one.mayReceive !== null && !one.mayReceive(topic)) continue;
      else if (one.catchUp === null || history?.keeps(topic) !== true) subscriptions.push(one);
      else if (one.session.isDurable && one.options.qos > 0) readers = ReaderNeed.Durable;
      else if (readers === ReaderNeed.None) readers = ReaderNeed.Kept;
    }
    this.topic = topic;
    this.readers = readers;
    this.isObserved = hooks.isObserved('message.published', topic);
    this.deliveriesFromMs = hooks.hasMessageDelivered ? OBSERVED_ALWAYS : hooks.finishedFromMs(topic);
    this.isRewritten = hooks.isObserved('message.inbound', topic);
    this.isOffered = hooks.isObserved('message.accept', topic);
    this.targets = targetsOf(subscriptions);
    this.shares = shares;
    this.hasDurable =
      readers === ReaderNeed.Durable ||
      this.targets.some((target) => target.qos > 0 && target.session.isDurable) ||
      shares.some((share) => share.hasDurableMember());
  }

  /** A subscription has changed. Whoever still remembers the route must not keep all those sessions in memory by it. */
  invalidate(): void {
    this.isCurrent = false;
    this.targets = nobody;
    this.shares = nobody;
  }

  /** True when a durable session that the message is owed to, or all of a shared group, has no room for it. */
  isFull(message: Message, from: Session | null): boolean {
    for (const one of this.targets) {
      const target = one.session === from ? one.forPublisher : one;
      if (target !== null && target.qos > 0 && target.session.isDurable && target.session.isFull(message.weight)) return true;
    }
    return this.shares.some((share) => share.isFull(message));
  }
}

/** One target a session, however many of its subscriptions match: a message is delivered once [MQTT-3.3.4-2]. */
function targetsOf(subscriptions: readonly Subscription[]): RouteTarget[] {
  if (subscriptions.length === 1) return [new RouteTarget(subscriptions[0].session, subscriptions)];
  const bySession = new Map<Session, Subscription[]>();
  for (const subscription of subscriptions) {
    const others = bySession.get(subscription.session);
    if (others === undefined) bySession.set(subscription.session, [subscription]);
    else others.push(subscription);
  }
  return Array.from(bySession, ([session, own]) => new RouteTarget(session, own));
}

function withoutNoLocal(session: Session, subscriptions: readonly Subscription[], foreign: number): RouteTarget | null {
  if (foreign === subscriptions.length) return null;
  return new RouteTarget(
    session,
    subscriptions.filter(({ options }) => !options.noLocal),
  );
}
