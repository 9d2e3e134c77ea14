// HOT
import type { Clock } from '#base/clock.ts';
import { type DropReason, dropReasons } from '#base/counters.ts';
import { hashName, type NameHash } from '#base/name-hash.ts';
import type { Delivery } from '#message/delivery.ts';
import type { Message } from '#message/message.ts';
import { codeOfOptions, DecisionKind, type QueueCause, type RefusalCause, Step } from './decision.ts';
import {
  CLIENT,
  type DecisionEntry,
  DecisionRing,
  DETAIL,
  ENTRY_BYTES,
  FACTS,
  KEY_HIGH,
  KEY_LOW,
  lowWord,
  packFacts,
  STEP_MASK,
  STEP_SHIFT,
} from './decision-ring.ts';
import { NameRing } from './name-ring.ts';
import { isLogged, ticketOf } from './ticket.ts';

/** What is counted together is at most so much apart. */
const EPOCH_MS = 1000;
/** So often within that, what is counted is separated by something that happens to a client. */
const SPLITS_MAX = 16;
/** Two entries further apart than this cannot be told from two that are closer. Also what a wall clock that is set leaps over. */
const GAP_MS_MAX = 0x7fff_ffff;
/** Where counted entries are found again: a number of places that is a power of two. */
const SLOTS = 2048;
const SLOTS_BYTES = SLOTS * 8;
/** Who counts is remembered until the second is over, or until all of them together may take so much memory: topics can be long. */
const TALLIES_BYTES_MAX = 1024 * 1024;
const TALLY_BYTES = 100;
const NAME_BYTES_MIN = 4096;
/** The names get at most one part in so many. */
const NAMES_SHARE = 8;
/** Less would not reach back to anything. */
export const EXPLAIN_BYTES_MIN = 64 * 1024;

/** Of whom something is decided: a session. */
export interface DecidedClient {
  readonly clientId: string;
  readonly isDurable: boolean;
  clientHash: NameHash | null;
}

/** Somebody who counts for an entry of the ring, until the second is over. */
export interface Tally {
  /** How often so far; 0: it has no entry. */
  tallyCount: number;
  tallyPlace: number;
  /** Who else counts. */
  tallyNext: Tally | null;
}

/** The topic of which something is decided: a route. */
export interface DecidedTopic extends Tally {
  readonly topic: string;
  topicHash: NameHash | null;
}

/** What is remembered of a subscription. */
export interface DecidedSubscription {
  readonly text: string;
  readonly filter: string;
  readonly options: { readonly qos: number; readonly noLocal: boolean };
}

/**
 * Remembers what was decided of every message and client, always, in memory that never grows. Its methods are called where something
 * is decided; none throws, and those that run once per message allocate nothing.
 *
 * PERF: `npm run bench -- --compare explain`
 */
export class Decisions {
  readonly #clock: Clock;
  readonly #seed: number;
  readonly #ring: DecisionRing;
  readonly #names: NameRing;
  readonly #slotPlaces = new Int32Array(SLOTS);
  readonly #slotEpochs = new Int32Array(SLOTS);
  /** What is counted in an entry is so in the epoch in which that was made: a second, or shorter. Never 0. */
  #epoch = 1;
  #isEpochEnding = false;
  /** Whoever counts for themselves in this epoch. */
  #tallies: Tally | null = null;
  #talliesBytes = 0;
  #turnMs = 0;
  #wallMs: number;
  #time: number;
  #splits = 0;
  #tickets = 0;
  #startedMs: number;

  /** `bytes` for everything, EXPLAIN_BYTES_MIN at least; `seed`: any 32 bits that nobody outside knows. */
  constructor(clock: Clock, bytes: number, seed: number) {
    this.#clock = clock;
    this.#seed = seed;
    const nameBytes = Math.max(NAME_BYTES_MIN, 2 ** Math.floor(Math.log2(bytes / NAMES_SHARE)));
    this.#names = new NameRing(nameBytes);
    this.#ring = new DecisionRing(Math.floor((bytes - nameBytes - SLOTS_BYTES) / ENTRY_BYTES), () => this.#endEpoch());
    this.#wallMs = clock.wallMs();
    this.#time = lowWord(this.#wallMs);
    this.#startedMs = this.#wallMs;
  }

  /** Memory that it takes, whatever happens. */
  get bytes(): number {
    return this.#ring.words.byteLength + this.#names.capacity + this.#slotPlaces.byteLength + this.#slotEpochs.byteLength;
  }

  /** From when on everything is known, wall clock, milliseconds. */
  get reachesBackToMs(): number {
    return (this.#ring.isFull ? this.#ring.oldestMs(this.#clock.wallMs()) : null) ?? this.#startedMs;
  }

  hash(name: string): NameHash {
    return hashName(name, this.#seed);
  }

  /** The parts of a name; null when it is not known any more. */
  name(place: number): readonly string[] | null {
    return this.#names.read(place);
  }

  /** What was decided of the client, of the topic, and of both, the oldest first. */
  about(clientId: string, topic: string): DecisionEntry[] {
    this.#collect();
    const client = this.hash(clientId);
    const { high, low } = this.hash(topic);
    const lowOfBoth = low ^ client.low;
    return this.#ring.read(this.#clock.wallMs(), (words, at) => {
      const kind = words[at + FACTS] & 31;
      if (kind < DecisionKind.SentOnce) return words[at + KEY_HIGH] === high && words[at + KEY_LOW] === low;
      if (words[at + CLIENT] !== client.high) return false;
      if (kind >= DecisionKind.Opened) return words[at + KEY_HIGH] === client.low;
      return words[at + KEY_HIGH] === high && words[at + KEY_LOW] === lowOfBoth;
    });
  }

  // About a topic

  /** A message is about to be distributed, before what becomes of it for anyone; to be called where the topic has no tally. */
  published(route: DecidedTopic, message: Message): void {
    this.#tick();
    const { high, low } = (route.topicHash ??= this.hash(route.topic));
    const at = this.#ring.append(this.#time, packFacts({ kind: DecisionKind.Published, qos: message.qos }), 0);
    this.#ring.about(at, 0, high, low);
    this.#begin(route, at, TALLY_BYTES + route.topic.length);
  }

  /** Nothing was published, since somebody said no. */
  refused(message: Message, publisher: string, cause: RefusalCause): void {
    this.#tick();
    const { high, low } = this.#topicOf(message);
    const client = this.hash(publisher).high;
    const facts = packFacts({ kind: DecisionKind.Refused, small: cause.by, number: numberOf(cause) });
    if (this.#counted(facts, client, high, low)) return;
    this.#detail(this.#first(facts, client, high, low), this.#names.write(publisher, cause.text));
  }

  /** A hook or a rewrite rule made another topic of it. */
  rewritten(from: string, to: string): void {
    this.#tick();
    const { high, low } = this.hash(from);
    const client = this.hash(to).high;
    const facts = packFacts({ kind: DecisionKind.Rewritten });
    if (this.#counted(facts, client, high, low)) return;
    this.#detail(this.#first(facts, client, high, low), this.#names.write(to));
  }

  /** Delayed publish, or a hook, has it. `delay` as in `Message`. */
  taken(message: Message): void {
    this.#tick();
    const { high, low } = this.#topicOf(message);
    const facts = packFacts({ kind: DecisionKind.Taken });
    const delay = message.delay | 0;
    if (!this.#counted(facts, delay, high, low)) this.#detail(this.#first(facts, delay, high, low), delay);
  }

  /** It cleared a retained message, and the settings keep such ones from those who are subscribed. */
  silenced(message: Message): void {
    this.#tick();
    const { high, low } = this.#topicOf(message);
    const facts = packFacts({ kind: DecisionKind.Silenced });
    if (!this.#counted(facts, 0, high, low)) this.#first(facts, 0, high, low);
  }

  /** No member of a shared subscription has it. */
  groupDropped(message: Message, reason: DropReason): void {
    this.#tick();
    const { high, low } = this.#topicOf(message);
    const facts = packFacts({ kind: DecisionKind.GroupDropped, small: dropReasons.indexOf(reason) });
    if (!this.#counted(facts, 0, high, low)) this.#first(facts, 0, high, low);
  }

  // About a client and a topic

  /** A delivery at QoS 0 went out. `tally`: who counts what comes after it, when there is somebody. */
  sentOnce(client: DecidedClient, delivery: Delivery, tally: Tally | null): void {
    this.#tick();
    const facts = packFacts({ kind: DecisionKind.SentOnce, retain: delivery.retain });
    if (tally !== null) this.#begin(tally, this.#note(facts, client, delivery.message, 1), TALLY_BYTES);
    else this.#count(facts, client, delivery.message);
  }

  /** A PUBLISH at QoS 1 or 2 went out. */
  sent(client: DecidedClient, delivery: Delivery): void {
    this.#tick();
    const { qos, isDuplicate, retain, packetId } = delivery;
    const facts =
      DecisionKind.Sent | (qos << 5) | (isDuplicate ? 1 << 7 : 0) | (retain ? 1 << 8 : 0) | (Step.Sent << STEP_SHIFT) | (packetId << 16);
    const own = client.clientHash ?? this.#clientOf(client);
    const topic = delivery.message.topicHash ?? this.#topicOf(delivery.message);
    const at = this.#ring.append(this.#time, facts, 0);
    this.#ring.about(at, own.high, topic.high, topic.low ^ own.low);
    delivery.decision = at;
  }

  /** The client has answered. */
  stepped(client: DecidedClient, delivery: Delivery, step: Step): void {
    this.#tick();
    const { words } = this.#ring;
    const at = delivery.decision;
    const facts = at < 0 ? 0 : words[at + FACTS];
    // It may have been overwritten meanwhile.
    const isThere =
      (facts & 31) === DecisionKind.Sent && facts >>> 16 === delivery.packetId && words[at + CLIENT] === client.clientHash?.high;
    if (!isThere) {
      this.#noteStep(client, delivery, step);
      return;
    }
    words[at + FACTS] = (facts & ~STEP_MASK) | (step << STEP_SHIFT);
    words[at + DETAIL] = this.#ring.since(at, this.#time);
  }

  /** It has to wait. */
  queued(client: DecidedClient, delivery: Delivery, cause: QueueCause): void {
    this.#tick();
    const { qos, retain } = delivery;
    if (!isLogged(client, delivery)) delivery.decision = this.#tickets = (this.#tickets + 1) & 0x3fff_ffff;
    this.#note(packFacts({ kind: DecisionKind.Queued, qos, retain, small: cause }), client, delivery.message, ticketOf(client, delivery));
  }

  /** It has left the queue: with a packet identifier (0 at QoS 0), or dropped. */
  unqueued(client: DecidedClient, delivery: Delivery, reason: DropReason | null): void {
    this.#tick();
    const small = reason === null ? 0 : dropReasons.indexOf(reason) + 1;
    const facts = packFacts({ kind: DecisionKind.Unqueued, qos: delivery.qos, small, number: delivery.packetId });
    this.#note(facts, client, delivery.message, ticketOf(client, delivery));
  }

  /** It came to nothing for this client; `packetId` 0: before it had one. */
  dropped(client: DecidedClient, { message, qos, packetId }: Delivery, reason: DropReason): void {
    this.#tick();
    const facts = packFacts({ kind: DecisionKind.Dropped, qos, small: dropReasons.indexOf(reason), number: packetId });
    this.#count(facts, client, message);
  }

  /** The client published it, and its subscriptions say No Local. */
  noLocal(client: DecidedClient, message: Message): void {
    this.#tick();
    this.#count(packFacts({ kind: DecisionKind.NoLocal }), client, message);
  }

  /** The client may not receive the topic: told when that is found out, which is remembered until subscriptions or rules change. */
  withheld(client: DecidedClient, topic: string, cause: RefusalCause): void {
    this.#tick();
    const facts = packFacts({ kind: DecisionKind.Withheld, small: cause.by, number: numberOf(cause) });
    const own = this.#clientOf(client);
    const { high, low } = this.hash(topic);
    if (this.#counted(facts, own.high, high, low ^ own.low)) return;
    this.#detail(this.#first(facts, own.high, high, low ^ own.low), this.#names.write(cause.text));
  }

  // About a client

  /** The client is here, with a new session or with one from before. */
  opened(client: DecidedClient, isNew: boolean): void {
    this.#tell(client, packFacts({ kind: isNew ? DecisionKind.Opened : DecisionKind.Resumed }), 0, 0);
  }

  /** The connection is gone. */
  detached(client: DecidedClient): void {
    this.#tell(client, packFacts({ kind: DecisionKind.Detached }), 0, 0);
  }

  /** The session is over, and its subscriptions with it. */
  closed(client: DecidedClient, subscriptions: Iterable<DecidedSubscription>): void {
    for (const subscription of subscriptions) this.unsubscribed(client, subscription);
    this.#tell(client, packFacts({ kind: DecisionKind.Closed }), 0, 0);
  }

  subscribed(client: DecidedClient, after: DecidedSubscription, before: DecidedSubscription | undefined): void {
    const { high, low } = this.hash(after.text);
    const codes = codeOfOptions(after.options) | (before === undefined ? 0 : (codeOfOptions(before.options) | 8) << 8);
    this.#tell(client, packFacts({ kind: DecisionKind.Subscribed }), high ^ low, codes);
  }

  unsubscribed(client: DecidedClient, { text, filter, options }: DecidedSubscription): void {
    const place = filter === text ? this.#names.write(text) : this.#names.write(text, filter);
    this.#tell(client, packFacts({ kind: DecisionKind.Unsubscribed, qos: options.qos }), codeOfOptions(options), place);
  }

  subscriptionRefused(client: DecidedClient, filter: string, reasonCode: number, cause: RefusalCause): void {
    const facts = packFacts({ kind: DecisionKind.SubscriptionRefused, small: cause.by, number: numberOf(cause) });
    this.#tell(client, facts, reasonCode, this.#names.write(filter, cause.text));
  }

  #tell(client: DecidedClient, facts: number, low: number, detail: number): void {
    this.#tick();
    const own = this.#clientOf(client);
    this.#detail(this.#first(facts, own.high, own.low, low), detail);
    if (this.#splits >= SPLITS_MAX) return;
    // What was counted before is not what comes after.
    this.#splits += 1;
    this.#endEpoch();
  }

  #noteStep(client: DecidedClient, { message, qos, packetId }: Delivery, step: Step): void {
    this.#note(packFacts({ kind: DecisionKind.Stepped, qos, step, number: packetId }), client, message, 0);
  }

  #note(facts: number, client: DecidedClient, message: Message, detail: number): number {
    const own = this.#clientOf(client);
    const topic = this.#topicOf(message);
    const at = this.#ring.append(this.#time, facts, detail);
    this.#ring.about(at, own.high, topic.high, topic.low ^ own.low);
    return at;
  }

  #count(facts: number, client: DecidedClient, message: Message): void {
    const own = this.#clientOf(client);
    const topic = this.#topicOf(message);
    const low = topic.low ^ own.low;
    if (!this.#counted(facts, own.high, topic.high, low)) this.#first(facts, own.high, topic.high, low);
  }

  /** Whether there is an entry of this epoch already, which counts one more where its detail is a count. */
  #counted(facts: number, client: number, high: number, low: number): boolean {
    const slot = slotOf(facts, client, high, low);
    if (this.#slotEpochs[slot] !== this.#epoch) return false;
    const { words } = this.#ring;
    const at = this.#slotPlaces[slot];
    const isSame =
      words[at + FACTS] === facts && words[at + CLIENT] === client && words[at + KEY_HIGH] === high && words[at + KEY_LOW] === low;
    if (isSame && hasCount(facts)) words[at + DETAIL] += 1;
    return isSame;
  }

  /** An entry that counts one so far; returns where it stands. */
  #first(facts: number, client: number, high: number, low: number): number {
    const at = this.#ring.append(this.#time, facts, 1);
    this.#ring.about(at, client, high, low);
    const slot = slotOf(facts, client, high, low);
    this.#slotPlaces[slot] = at;
    this.#slotEpochs[slot] = this.#epoch;
    this.#endEpochSoon();
    return at;
  }

  #detail(at: number, detail: number): void {
    this.#ring.words[at + DETAIL] = detail;
  }

  /** An entry that was the last of its half stays, too, until the next half is full. */
  #begin(tally: Tally, at: number, bytes: number): void {
    tally.tallyPlace = at;
    tally.tallyCount = 1;
    tally.tallyNext = this.#tallies;
    this.#tallies = tally;
    this.#talliesBytes += bytes;
    if (this.#talliesBytes > TALLIES_BYTES_MAX) this.#endEpoch();
    else this.#endEpochSoon();
  }

  /** PERF: a timer, so that who counts need not look at the clock. An idle broker has none. */
  #endEpochSoon(): void {
    if (this.#isEpochEnding) return;
    this.#isEpochEnding = true;
    this.#clock.after(EPOCH_MS, () => {
      this.#isEpochEnding = false;
      this.#splits = 0;
      this.#endEpoch();
    });
  }

  /** Whatever happens from here on is counted anew. */
  #endEpoch(): void {
    this.#collect();
    this.#epoch = (this.#epoch & 0x3fff_ffff) + 1;
    for (let tally = this.#tallies; tally !== null;) {
      const { tallyNext } = tally;
      tally.tallyCount = 0;
      tally.tallyNext = null;
      tally = tallyNext;
    }
    this.#tallies = null;
    this.#talliesBytes = 0;
  }

  /** Puts into the entries what was counted for them. */
  #collect(): void {
    const { words } = this.#ring;
    for (let tally = this.#tallies; tally !== null; tally = tally.tallyNext) words[tally.tallyPlace + DETAIL] = tally.tallyCount;
  }

  #clientOf(client: DecidedClient): NameHash {
    return (client.clientHash ??= this.hash(client.clientId));
  }

  #topicOf(message: Message): NameHash {
    return (message.topicHash ??= this.hash(message.topic));
  }

  #tick(): void {
    const turnMs = this.#clock.turnMs();
    if (turnMs !== this.#turnMs) this.#beginTurn(turnMs);
  }

  #beginTurn(turnMs: number): void {
    const wallMs = this.#clock.turnWallMs();
    if (Math.abs(wallMs - this.#wallMs) > GAP_MS_MAX) {
      this.#endEpoch();
      this.#ring.clear();
      this.#startedMs = wallMs;
    }
    this.#turnMs = turnMs;
    this.#wallMs = wallMs;
    this.#time = lowWord(wallMs);
  }
}

/** The place of a rule, with 0 for none. */
function numberOf({ rule }: RefusalCause): number {
  return rule === null ? 0 : Math.min(rule + 1, 0xffff);
}

/** Whether the detail of an entry of this kind is how often: else it is a name's place, or a delay. */
function hasCount(facts: number): boolean {
  const kind = facts & 31;
  return kind >= DecisionKind.Silenced && kind !== DecisionKind.Withheld;
}

function slotOf(facts: number, client: number, high: number, low: number): number {
  return (client ^ high ^ (low >>> 7) ^ low ^ (facts << 3) ^ (facts >>> 12)) & (SLOTS - 1);
}
