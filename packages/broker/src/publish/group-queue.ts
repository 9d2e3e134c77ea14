// HOT
import type { Clock } from '#base/clock.ts';
import type { Counters, DropReason } from '#base/counters.ts';
import type { Deadline, Deadlines } from '#base/deadlines.ts';
import type { OperationalError } from '#base/errors.ts';
import type { Decisions } from '#explain/decisions.ts';
import type { Hooks } from '#hooks/hooks.ts';
import { Delivery, type Redelivery } from '#message/delivery.ts';
import type { Message } from '#message/message.ts';
import type { Session } from '#session/session.ts';
import type { Committer, Participant } from '#store/committer.ts';
import type { Log } from '#store/log.ts';
import type { Batch, Store } from '#store/store.ts';
import { deadLetterOf } from './dead-letter.ts';
import { GroupLane, type LaneOwner } from './group-lane.ts';
import { deleteGroup, putGroup } from './group-record.ts';
import { limitsFor, type ShareSettings } from './share-settings.ts';

/** What the queues of all groups share. */
export interface GroupHouse {
  readonly store: Store;
  readonly committer: Committer;
  readonly log: Log;
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  readonly counters: Counters;
  readonly hooks: Hooks;
  readonly decisions: Decisions | null;
  /** Publishes in the name of the house. False when there is no room for it. */
  readonly publish: (message: Message) => boolean;
  /** Replaced as a whole when the configuration is read again. */
  settings: ShareSettings;
}

/** What the queue asks of the shared subscription whose messages it keeps. */
export interface GroupMembers extends Redelivery {
  readonly name: string;
  readonly isAnybodyConnected: boolean;
  /** Gives the message to a member that can send at once. False when there is none. `isLoose`: the strategy need not be kept. */
  hand(message: Message, failures: number, isLoose: boolean): boolean;
  /** True when some member, wherever it is, has the right to the topic. */
  hasMemberFor(message: Message): boolean;
}

/** A member's seat at the queue: whether it waits to be called, and how long it may stay away. */
class Seat implements Deadline {
  readonly session: Session;
  atMs = 0;
  place = -1;
  readonly onReady: () => void;
  readonly onDeadline: () => void;

  constructor(session: Session, onReady: (seat: Seat) => void, onAway: (seat: Seat) => void) {
    this.session = session;
    this.onReady = () => onReady(this);
    this.onDeadline = () => onAway(this);
  }
}

/**
 * What waits for a durable group, once for all members: messages that came while no member could take them, and those that a
 * member had and did not finish, which go first. Members pull: whoever has room gets the next.
 */
export class GroupQueue implements Participant, LaneOwner {
  readonly number: number;
  /** `$share/group/filter`. */
  readonly text: string;
  /** How many messages came back, were given up after too many deliveries, and were dropped. */
  returned = 0;
  deadLettered = 0;
  dropped = 0;
  readonly #house: GroupHouse;
  readonly #returned: GroupLane;
  readonly #waiting: GroupLane;
  readonly #seats = new Map<Session, Seat>();
  /** Seats whose session has not been asked to call: they may be ready. */
  readonly #idle = new Set<Seat>();
  #members: GroupMembers | null = null;
  #isJoined = false;
  #isStored = false;
  #wasStored = false;
  #isPumping = false;
  #oldestAtMs: number | null = null;
  #isEnded = false;

  constructor(number: number, text: string, isStored: boolean, house: GroupHouse) {
    this.number = number;
    this.text = text;
    this.#isStored = isStored;
    this.#house = house;
    this.#returned = new GroupLane(laneNumber(number, 0), this, house.store, house.log);
    this.#waiting = new GroupLane(laneNumber(number, 1), this, house.store, house.log);
  }

  get isEmpty(): boolean {
    return this.waiting === 0;
  }

  get waiting(): number {
    return this.#returned.waiting + this.#waiting.waiting;
  }

  get bytes(): number {
    return this.#returned.queue.bytes + this.#waiting.queue.bytes;
  }

  /** When the message that has waited longest was received; null when none waits. While it is read: what was known last. */
  get oldestAtMs(): number | null {
    const [returned, waiting] = [this.#returned.oldest, this.#waiting.oldest];
    const known = Math.min(returned?.receivedAtMs ?? Infinity, waiting?.receivedAtMs ?? Infinity);
    if (known !== Infinity) this.#oldestAtMs = known;
    return this.isEmpty ? null : this.#oldestAtMs;
  }

  get isConnected(): boolean {
    return this.#members?.isAnybodyConnected === true;
  }

  get isAnybodyReady(): boolean {
    for (const { session } of this.#idle) if (session.isReady) return true;
    return false;
  }

  /** The shared subscription whose queue it is; sessions that are members take their seats with `join`. */
  attach(members: GroupMembers): void {
    this.#members = members;
  }

  get isAttached(): boolean {
    return this.#members !== null;
  }

  join(session: Session): void {
    const onReady = (seat: Seat): void => this.#onReady(seat);
    const seat = new Seat(session, onReady, (one) => this.#onAway(one));
    this.#seats.set(session, seat);
    this.#idle.add(seat);
    if (!this.isEmpty) this.pump();
  }

  leave(session: Session): void {
    const seat = this.#seats.get(session);
    if (seat === undefined) return;
    this.#house.deadlines.cancel(seat);
    this.#idle.delete(seat);
    this.#seats.delete(session);
  }

  /** True when the bounds leave no room for one more of this weight. */
  isFull(weight: number): boolean {
    return this.#exceeds(1, weight);
  }

  /** A new message that no member can take now. False when the overflow policy drops it. */
  add(message: Message): boolean {
    if (this.isFull(message.weight)) {
      if (this.#house.settings.overflow !== 'drop-oldest') {
        this.drop(message, 'queue-full');
        return false;
      }
      this.#trim(1, message.weight);
    }
    if (this.isEmpty) this.#oldestAtMs = message.receivedAtMs;
    this.#waiting.append(new Delivery(message, message.qos, false, null));
    this.pump();
    return true;
  }

  /** A message that a member had. It goes before the new ones, unless it has come back too often. */
  takeBack(message: Message, failures: number): void {
    this.returned += 1;
    this.#house.counters.groupReturned += 1;
    if (this.giveUp(message, failures)) return;
    const delivery = new Delivery(message, message.qos, false, null);
    delivery.failures = failures;
    delivery.isAccepted = true;
    this.#returned.append(delivery);
  }

  /** After too many deliveries: to the dead letters, or dropped. False when it is not so far, or when the dead letter finds no room. */
  giveUp(message: Message, failures: number): boolean {
    const { deliveriesMax, deadLetterTopic } = limitsFor(this.#house.settings, this.#members!.name);
    if (failures < deliveriesMax) return false;
    // A dead letter of the dead letters would come round forever.
    if (deadLetterTopic === null || deadLetterTopic === message.topic) {
      this.drop(message, 'undeliverable');
      return true;
    }
    const letter = deadLetterOf(message, deadLetterTopic, { group: this.#members!.name, failures, nowMs: this.#house.clock.wallMs() });
    if (!this.#house.publish(letter)) return false;
    this.deadLettered += 1;
    this.#house.counters.groupDeadLettered += 1;
    return true;
  }

  /** The connection of a member is gone. What it has not finished is asked for when it stays away. */
  expect(session: Session): void {
    const seat = this.#seats.get(session);
    if (seat === undefined) return;
    const { deadlines, clock, settings } = this.#house;
    const atMs = clock.wallMs() + settings.redeliverAfterMs;
    if (seat.place < 0 || seat.atMs !== atMs) deadlines.schedule(seat, atMs);
  }

  /** Gives away what it can. */
  pump(): void {
    if (this.#isPumping || this.#isEnded || this.#members === null || this.isEmpty) return;
    this.#isPumping = true;
    // ORDER: what came back is older. While it is read nobody overtakes it.
    if (this.#returned.waiting === 0 || this.#returned.pump()) this.#waiting.pump();
    this.#isPumping = false;
    for (const seat of this.#idle) if (!seat.session.isReady) this.#askToCall(seat);
  }

  place(delivery: Delivery, lane: GroupLane, isLoose: boolean): boolean {
    const { message, failures } = delivery;
    if (message.isExpired(this.#house.clock.wallMs())) {
      this.#discard(delivery, lane, 'expired');
      return true;
    }
    const members = this.#members!;
    if (!members.hand(message, failures, isLoose)) {
      if (members.hasMemberFor(message)) return false;
      this.#discard(delivery, lane, 'not-authorized');
      return true;
    }
    // ORDER: the member's session has acquired the message, so that the log keeps it.
    lane.queue.moved(delivery);
    return true;
  }

  /** At start: a stored chunk. `lane` as in the number of its queue. */
  restoreChunk(lane: number, sequence: number, record: Buffer): void {
    (lane === 0 ? this.#returned : this.#waiting).queue.restore(sequence, record);
  }

  /** The last member has left for good: with the subscription goes what waits for it. Resolves when all is dropped. */
  async dissolve(): Promise<void> {
    this.#isEnded = true;
    for (const session of this.#seats.keys()) this.leave(session);
    this.onLaneChanged();
    await this.#returned.purge();
    await this.#waiting.purge();
  }

  persist(batch: Batch): void {
    this.#isJoined = false;
    this.#wasStored = this.#isStored;
    if (this.#isEnded) {
      if (this.#isStored) deleteGroup(batch, this.number);
      this.#isStored = false;
    } else if (!this.#isStored) {
      putGroup(batch, this.number, this.text);
      this.#isStored = true;
    }
    this.#returned.queue.persist(batch);
    this.#waiting.queue.persist(batch);
  }

  settled(error: OperationalError | null): void {
    const hasFailed = error !== null;
    if (hasFailed && this.#isStored !== this.#wasStored) {
      this.#isStored = this.#wasStored;
      this.onLaneChanged();
    }
    this.#returned.queue.settled(hasFailed);
    this.#waiting.queue.settled(hasFailed);
    this.pump();
  }

  onLaneChanged(): void {
    if (this.#isJoined) return;
    this.#isJoined = true;
    this.#house.committer.join(this);
  }

  onLaneLoaded(): void {
    if (this.#house.settings.overflow === 'drop-oldest') this.#trim(0, 0);
    this.pump();
  }

  drop(message: Message | null, reason: DropReason): void {
    this.dropped += 1;
    this.#house.counters.dropped[reason] += 1;
    if (message !== null) this.#house.decisions?.groupDropped(message, reason);
    this.#house.hooks.observe('message.dropped', null, message, reason);
  }

  redeliver(message: Message, from: object, mayWait: boolean, failures: number): boolean {
    return this.#members !== null && this.#members.redeliver(message, from, mayWait, failures);
  }

  lost(message: Message, from: object, failures: number): boolean {
    return this.#members !== null && this.#members.lost(message, from, failures);
  }

  #askToCall(seat: Seat): void {
    this.#idle.delete(seat);
    seat.session.whenReady(seat.onReady);
  }

  #onReady(seat: Seat): void {
    if (this.#seats.get(seat.session) !== seat) return;
    this.#idle.add(seat);
    this.pump();
  }

  #onAway({ session }: Seat): void {
    if (session.isConnected) return;
    void session.giveBack(this.#members!).then(() => this.pump());
  }

  #exceeds(messages: number, weight: number): boolean {
    const { queueMessagesMax, queueBytesMax } = this.#house.settings;
    return this.waiting + messages > queueMessagesMax || this.bytes + weight > queueBytesMax;
  }

  #trim(messages: number, weight: number): void {
    while (!this.isEmpty && this.#exceeds(messages, weight)) {
      const lane = this.#waiting.waiting > 0 ? this.#waiting : this.#returned;
      const oldest = lane.takeOldest();
      if (oldest === null) return;
      this.#discard(oldest, lane, 'queue-full');
    }
  }

  #discard(delivery: Delivery, lane: GroupLane, reason: DropReason): void {
    lane.queue.moved(delivery);
    this.drop(delivery.message, reason);
  }
}

/** Numbers of queues that no session has. */
const LANES_FROM = 0x8000_0000;

function laneNumber(group: number, lane: number): number {
  return LANES_FROM + 2 * group + lane;
}

/** Which group and lane a queue's number stands for; null when it is a session's. */
export function laneOf(queue: number): { readonly group: number; readonly lane: number } | null {
  return queue < LANES_FROM ? null : { group: Math.floor((queue - LANES_FROM) / 2), lane: queue % 2 };
}
