import { crc32 } from 'node:zlib';
import { idOf, type LoadMessage } from './load-message.ts';
import { Problems } from './problems.ts';

/** A PUBLISH as a subscriber's application gets it, after the client has sorted out repetitions at QoS 2. */
export interface Delivered {
  readonly topic: string;
  readonly payload: Buffer;
  readonly qos: number;
  readonly dup: boolean;
}

interface Tracked {
  readonly id: string;
  readonly stream: string;
  readonly sequence: number;
  readonly topic: string;
  readonly qos: number;
  readonly checksum: number;
  readonly sentAt: number;
  /** When it was acknowledged, Infinity while it is not. */
  acknowledgedAt: number;
  /** How often the publisher sent it. */
  sendings: number;
}

/** Receivers that together must get each message once: one durable session, or the members of a shared group. */
interface Receiver {
  readonly name: string;
  isShared: boolean;
  readonly interests: Map<string, Interest>;
  /** Acknowledged, owed, and not delivered. */
  readonly owed: Set<string>;
  readonly counts: Map<string, number>;
  /** The newest message of each stream that was delivered. */
  readonly newest: Map<string, number>;
  /** The number of reconnections at the first delivery. */
  readonly firstEpoch: Map<string, number>;
  epoch: number;
  isUncertain: boolean;
}

interface Interest {
  readonly qos: number;
  /** From when on the subscription is acknowledged; Infinity while it is not. */
  since: number;
  /** Times at which the subscription certainly did not exist. */
  readonly absences: { from: number; to: number }[];
}

/**
 * Knows what was sent, acknowledged, subscribed and delivered, by what the clients saw, and says what must not be. Every
 * call is one event; their order is the only clock.
 */
export class DeliveryOracle {
  readonly problems: Problems;
  readonly #messages = new Map<string, Tracked>();
  readonly #receivers = new Map<string, Receiver>();
  #now = 0;
  #acknowledged = 0;
  #deliveries = 0;

  constructor(problems: Problems = new Problems()) {
    this.problems = problems;
  }

  get acknowledged(): number {
    return this.#acknowledged;
  }

  get deliveries(): number {
    return this.#deliveries;
  }

  sent(message: LoadMessage): void {
    const { id, publisher, sequence, topic, qos, payload } = message;
    const known = this.#messages.get(id);
    this.#now += 1;
    if (known !== undefined) {
      known.sendings += 1;
      return;
    }
    const stream = `${publisher} ${topic.replace(/\/t-[^/]+$/, '')} q${qos}`;
    const tracked = {
      id,
      stream,
      sequence,
      topic,
      qos,
      checksum: crc32(payload),
      sentAt: this.#now,
      acknowledgedAt: Infinity,
      sendings: 1,
    };
    this.#messages.set(id, tracked);
  }

  /** PUBACK, or the first PUBREC: from here on the broker answers for the message. */
  acknowledgedBy(id: string): void {
    const message = this.#messages.get(id)!;
    this.#now += 1;
    if (message.acknowledgedAt !== Infinity) return;
    message.acknowledgedAt = this.#now;
    this.#acknowledged += 1;
    for (const receiver of this.#receivers.values()) {
      if (isInterested(receiver, message) && !receiver.counts.has(id)) receiver.owed.add(id);
    }
  }

  /** A SUBSCRIBE goes out. `group` names the receiver when members share it. */
  subscribing(receiver: string, filter: string, qos: number, isShared = false): void {
    this.#now += 1;
    const sharing = this.#receiver(receiver);
    sharing.isShared = isShared;
    const { interests } = sharing;
    const before = interests.get(filter);
    const absences = before?.absences ?? [{ from: 0, to: Infinity }];
    const last = absences.at(-1);
    if (last?.to === Infinity) last.to = this.#now;
    interests.set(filter, { qos, since: before?.since ?? Infinity, absences });
  }

  subscribed(receiver: string, filter: string): void {
    this.#now += 1;
    const interest = this.#receiver(receiver).interests.get(filter)!;
    if (interest.since === Infinity) interest.since = this.#now;
  }

  unsubscribing(receiver: string, filter: string): void {
    this.#now += 1;
    this.#receiver(receiver).interests.get(filter)!.since = Infinity;
  }

  unsubscribed(receiver: string, filter: string): void {
    this.#now += 1;
    this.#receiver(receiver).interests.get(filter)!.absences.push({ from: this.#now, to: Infinity });
  }

  /** The receiver's client has connected again: what it had not acknowledged may come again. */
  reconnected(receiver: string): void {
    this.#receiver(receiver).epoch += 1;
  }

  /** The session is over, as it was bound to be or could be: nothing is owed to it any more, and nothing of it may come. */
  sessionEnded(receiver: string): void {
    this.#now += 1;
    const ended = this.#receiver(receiver);
    for (const interest of ended.interests.values()) {
      interest.since = Infinity;
      interest.absences.push({ from: this.#now, to: Infinity });
    }
    ended.isUncertain = false;
    ended.owed.clear();
    ended.counts.clear();
    ended.newest.clear();
  }

  /** The session is gone, and must not be. */
  sessionLost(receiver: string): void {
    const { owed } = this.#receiver(receiver);
    if (owed.size > 0) this.problems.add('lost', `${receiver} lost its session, with ${owed.size} acknowledged messages`, owed.size);
    this.sessionEnded(receiver);
  }

  /** The session may end by itself from now on: what is owed may be lost with it, until it turns out that it is still there. */
  sessionMayEnd(receiver: string): void {
    this.#receiver(receiver).isUncertain = true;
  }

  sessionSurvived(receiver: string): void {
    this.#receiver(receiver).isUncertain = false;
  }

  delivered(name: string, packet: Delivered): void {
    this.#now += 1;
    this.#deliveries += 1;
    const receiver = this.#receiver(name);
    const id = idOf(packet.topic, packet.payload);
    const message = id === null ? undefined : this.#messages.get(id);
    if (message === undefined) {
      this.problems.add('garbled', `${name} got what nobody sent: ${packet.topic}, ${packet.payload.length} bytes, ${String(id)}`);
      return;
    }
    if (message.topic !== packet.topic || message.checksum !== crc32(packet.payload)) {
      this.problems.add('garbled', `${name} got ${message.id} garbled, on ${packet.topic}, ${packet.payload.length} bytes`);
      return;
    }
    this.#checkInterest(receiver, message, packet);
    this.#count(receiver, message, packet);
  }

  /** What is acknowledged and has not arrived, receiver by receiver. */
  owedTo(receiver: string): ReadonlySet<string> {
    return this.#receivers.get(receiver)?.owed ?? new Set();
  }

  get owed(): number {
    let owed = 0;
    for (const receiver of this.#receivers.values()) owed += receiver.owed.size;
    return owed;
  }

  /** Everything must have arrived by now. */
  finish(): void {
    for (const { name, owed, isUncertain } of this.#receivers.values()) {
      if (owed.size === 0 || isUncertain) continue;
      const first = [...owed].slice(0, 5).join(', ');
      this.problems.add('lost', `${name} never got ${owed.size} acknowledged messages: ${first}`, owed.size);
    }
  }

  #receiver(name: string): Receiver {
    let receiver = this.#receivers.get(name);
    if (receiver === undefined) {
      receiver = {
        name,
        isShared: false,
        interests: new Map(),
        owed: new Set(),
        counts: new Map(),
        newest: new Map(),
        firstEpoch: new Map(),
        epoch: 0,
        isUncertain: false,
      };
      this.#receivers.set(name, receiver);
    }
    return receiver;
  }

  #checkInterest(receiver: Receiver, message: Tracked, packet: Delivered): void {
    const interests = [...receiver.interests].filter(([filter]) => matches(filter, message.topic)).map(([, interest]) => interest);
    const until = Math.min(message.acknowledgedAt, this.#now);
    const isWrong = interests.every(({ absences }) => absences.some(({ from, to }) => from < message.sentAt && until < to));
    if (isWrong) this.problems.add('unsubscribed', `${receiver.name} got ${message.id} on ${message.topic} without a subscription`);
    const qos = Math.min(message.qos, Math.max(...interests.map((interest) => interest.qos)));
    if (packet.qos !== qos) this.problems.add('qos', `${receiver.name} got ${message.id} at QoS ${packet.qos}, not ${qos}`);
  }

  #count(receiver: Receiver, message: Tracked, packet: Delivered): void {
    const { id, stream, sequence } = message;
    receiver.owed.delete(id);
    const count = (receiver.counts.get(id) ?? 0) + 1;
    receiver.counts.set(id, count);
    if (count > 1) {
      this.#checkRepetition(receiver, message, packet);
      return;
    }
    receiver.firstEpoch.set(id, receiver.epoch);
    const newest = receiver.newest.get(stream) ?? -1;
    if (sequence > newest) receiver.newest.set(stream, sequence);
    // Members of a shared group get what another one has left, whenever that is. And what was published again may reach
    // a subscription that was not there at the first time, after newer ones that reached it at their first.
    else if (!receiver.isShared && !(message.sendings > 1 && hasComeSince(receiver, message)))
      this.problems.add('order', `${receiver.name} got ${id} of ${stream} after ${newest}`);
  }

  #checkRepetition(receiver: Receiver, message: Tracked, packet: Delivered): void {
    const { id } = message;
    if (packet.qos === 2 && message.qos === 2) {
      this.problems.add('twice', `${receiver.name} got ${id} at QoS 2 ${receiver.counts.get(id)} times`);
      return;
    }
    // What a member of a shared group has left, another one gets.
    const isExplained = receiver.isShared || packet.dup || message.sendings > 1 || receiver.epoch > receiver.firstEpoch.get(id)!;
    if (!isExplained)
      this.problems.add('twice', `${receiver.name} got ${id} again without DUP, a reconnection or a repetition by the publisher`);
  }
}

function isInterested({ interests }: Receiver, { topic, sentAt }: Tracked): boolean {
  for (const [filter, { since }] of interests) if (since < sentAt && matches(filter, topic)) return true;
  return false;
}

/** True when a subscription of the receiver to the message's topic has begun after the message was first sent. */
function hasComeSince({ interests }: Receiver, { topic, sentAt }: Tracked): boolean {
  for (const [filter, { absences }] of interests) if (matches(filter, topic) && absences.some(({ to }) => to > sentAt)) return true;
  return false;
}

/** The load uses exact filters and those that end with `/#`. */
function matches(filter: string, topic: string): boolean {
  return filter.endsWith('/#') ? topic.startsWith(filter.slice(0, -1)) : topic === filter;
}
