// HOT
import type { DropReason } from '#base/counters.ts';
import type { Deadline } from '#base/deadlines.ts';
import type { OperationalError } from '#base/errors.ts';
import type { NameHash } from '#base/name-hash.ts';
import { Step } from '#explain/decision.ts';
import type { Tally } from '#explain/decisions.ts';
import { Delivery, DeliveryState, type Redelivery } from '#message/delivery.ts';
import { type Message, UNTIMED } from '#message/message.ts';
import type { Participant } from '#store/committer.ts';
import type { Batch } from '#store/store.ts';
import { DurableQueue, type QueueOwner } from './durable-queue.ts';
import type { SessionHouse } from './house.ts';
import { endSession, purge } from './end-session.ts';
import { Inflight } from './inflight.ts';
import { makeRoom, trim } from './make-room.ts';
import { MemoryQueue } from './memory-queue.ts';
import { isForwarded } from './original-of.ts';
import { giveBack, groupBehind, loseUnfinished } from './shared-deliveries.ts';
import type { StoredSession } from './session-record.ts';
import { SessionState } from './session-state.ts';
import { exceedsBounds } from './exceeds-bounds.ts';
import { obstacleOf, queueCauseOf, SendResult, type Sink } from './sink.ts';
import { restoredState, SleepingState } from './sleeping-state.ts';
import type { Subscription } from './subscription.ts';
import type { Will } from './will.ts';

/** Stays empty. */
const nothingInflight = new Inflight();

/** What survives a connection: subscriptions, deliveries under way and waiting, incoming QoS 2 identifiers, the will. */
export class Session implements Participant, QueueOwner, Deadline {
  readonly clientId: string;
  clientHash: NameHash | null = null;
  readonly house: SessionHouse;
  /** The number under which it is stored; 0 for a session that ends with its connection. */
  readonly number: number;
  /** Who is connected, or null; and when somebody was last connected anew, by the clock's `turnMs`. */
  sink: Sink | null = null;
  attachedAtMs = 0;
  will: Will | null = null;
  /** Shared and empty as long as a durable session has no queue. */
  inflight: Inflight;
  /** How many messages were dropped, by reason; null while none was. */
  dropped: Map<DropReason, number> | null = null;
  atMs = 0;
  place = -1;
  isEnded = false;
  /** Of a durable session, from the first client or message on: most that are read back at start wait for both. */
  #durable: DurableQueue | null = null;
  #memory: MemoryQueue | null = null;
  #window = 0;
  #isJoined = false;
  #isPriming = false;
  /** Whoever waits until the session can take more: paced retained messages. */
  #readers: (() => void)[] | null = null;
  #state: SessionState | SleepingState;

  /** `origin`: the owner of a new session, or what is stored of one, to which the subscriptions are added with `restoreSubscription`. */
  constructor(clientId: string, origin: string | StoredSession, number: number, house: SessionHouse) {
    this.clientId = clientId;
    this.house = house;
    this.number = number;
    this.inflight = number === 0 ? new Inflight() : nothingInflight;
    this.#state = typeof origin === 'string' ? new SessionState(this, origin) : restoredState(this, origin);
  }

  /** What is stored of it besides the queue. */
  get state(): SessionState {
    const state = this.#state;
    return state instanceof SleepingState ? (this.#state = state.wake(this)) : state;
  }

  /** For who looks at those of many sessions: wakes nothing. */
  subscriptions(): Iterable<Subscription> {
    return this.#state.subscriptions();
  }

  get isDurable(): boolean {
    return this.number !== 0;
  }

  get isConnected(): boolean {
    return this.sink !== null;
  }

  /** Deliveries that wait for their turn. */
  get waiting(): number {
    return this.#durable?.waiting ?? this.#memory?.size ?? 0;
  }

  /** Deliveries at QoS 1 and 2 that the client has not acknowledged, and what waits. */
  get unfinished(): number {
    return this.inflight.size + this.waiting;
  }

  /** Bytes of the messages owed, as the queue limit counts them. */
  get queuedBytes(): number {
    return this.#durable?.bytes ?? this.#memory?.bytes ?? 0;
  }

  /** True when a delivery would go out at once. */
  get isReady(): boolean {
    const { sink, inflight } = this;
    return sink !== null && inflight.size < this.#window && inflight.postponed === 0 && this.waiting === 0 && sink.isWritable;
  }

  /** True when the overflow policy would drop or refuse a message of this weight. */
  isFull(weight: number): boolean {
    return exceedsBounds(this, 1, weight);
  }

  /** Calls back, once, when everything that waits has been sent, or when the connection is gone. */
  whenReady(callback: () => void): void {
    (this.#readers ??= []).push(callback);
  }

  /** A delivery at QoS 0: sent now or dropped. `delivery` is the caller's and is not kept; `tally`: who counts those of its topic. */
  offerQoS0(delivery: Delivery, tally: Tally | null = null): void {
    if (!isForwarded(this, delivery)) return;
    if (this.sink === null || this.#window === 0) {
      if (this.house.limits.storeQoS0 && this.isDurable) this.#keepQoS0(delivery);
      else this.lose(delivery, 'offline-qos-0');
      return;
    }
    if (!this.#transmitQoS0(delivery, this.sink)) return;
    if (tally !== null && tally.tallyCount > 0) tally.tallyCount += 1;
    else this.house.decisions?.sentOnce(this, delivery, tally);
  }

  /** Sends at QoS 0 if the client can take it now; false leaves the message to another member of a shared group. */
  sendQoS0(delivery: Delivery): boolean {
    if (!isForwarded(this, delivery) || this.sink === null || this.#window === 0) return false;
    if (this.sink.send(delivery) !== SendResult.Sent) return false;
    this.#tell(delivery);
    this.house.decisions?.sentOnce(this, delivery, null);
    return true;
  }

  /** A delivery at QoS 1 or 2, which the session keeps until the client has it. */
  offer(delivery: Delivery): void {
    if (!isForwarded(this, delivery)) return;
    if (this.isReady) {
      if (this.#durable !== null) {
        if (this.isFull(delivery.message.weight) && !makeRoom(this, delivery)) return;
        this.#durable.append(delivery, true);
      } else if (delivery.group !== null || this.house.events.isHolding) delivery.message.hold();
      this.#send(delivery, false);
      return;
    }
    if (this.isEnded || (!this.isDurable && this.sink === null)) return this.lose(delivery, 'session-ended');
    if (this.isFull(delivery.message.weight) && !makeRoom(this, delivery)) return;
    if (delivery.message.routedAtMs !== UNTIMED) delivery.obstacle = obstacleOf(this.sink, this.inflight.size >= this.#window);
    if (this.isDurable) this.#queue().append(delivery, false);
    else (this.#memory ??= new MemoryQueue()).push(delivery);
    this.house.decisions?.queued(this, delivery, queueCauseOf(this.sink, this.inflight.size >= this.#window));
  }

  /** The client acknowledged with PUBACK. False when the identifier is not in use [MQTT-4.3.2-4]. */
  acknowledge(packetId: number): boolean {
    const delivery = this.inflight.get(packetId);
    if (delivery === null || delivery.qos !== 1) return false;
    this.house.decisions?.stepped(this, delivery, Step.Acknowledged);
    this.#delivered(delivery);
    if (this.waiting > 0 || this.#readers !== null || this.inflight.postponed > 0) this.pump();
    return true;
  }

  /** PUBREC came in. A refusal ends the delivery; else PUBREL follows when that is on disk [MQTT-4.3.3-4]. */
  receive(packetId: number, isRefused: boolean): boolean {
    const delivery = this.inflight.get(packetId);
    if (delivery === null || delivery.qos !== 2) return false;
    this.house.decisions?.stepped(this, delivery, isRefused ? Step.Refused : Step.Received);
    if (isRefused) {
      this.#finish(delivery);
      this.pump();
    } else if (this.#durable === null) {
      delivery.state = DeliveryState.Released;
      this.sink?.release(packetId);
    } else if (delivery.state === DeliveryState.Released) {
      if (!this.#durable.isAwaited(delivery)) this.sink?.release(packetId);
    } else {
      delivery.state = DeliveryState.Released;
      this.#durable.record(delivery);
    }
    return true;
  }

  /** PUBCOMP came in. */
  complete(packetId: number): boolean {
    const delivery = this.inflight.get(packetId);
    if (delivery === null || delivery.state !== DeliveryState.Released) return false;
    this.house.decisions?.stepped(this, delivery, Step.Completed);
    this.#delivered(delivery);
    this.pump();
    return true;
  }

  /** A client has the session from here on; nothing is sent before `resume`, since CONNACK goes first [MQTT-3.2.0-1]. */
  attach(sink: Sink): void {
    this.house.decisions?.opened(this, this.attachedAtMs === 0 && !this.state.isStored);
    this.sink = sink;
    this.attachedAtMs = this.house.clock.turnMs();
    this.#window = 0;
    if (this.isDurable) this.#queue();
  }

  /** Sends everything unfinished again, in order, then what waits [MQTT-4.4.0-1]; each as far as the window allows. */
  resume(): void {
    this.#window = Math.min(this.sink!.receiveMaximum, this.house.limits.inflightMax);
    this.inflight.postponeAll();
    if (this.#durable === null || this.waiting === 0) {
      this.pump();
      return;
    }
    this.#resend();
    if (this.#isPriming) return;
    this.#isPriming = true;
    void this.#durable.prime().then(() => {
      this.#isPriming = false;
      this.pump();
    });
  }

  detach(): void {
    this.house.decisions?.detached(this);
    this.sink = null;
    this.#window = 0;
    this.#tellReaders();
    if (this.#durable !== null) loseUnfinished(this, this.#durable);
  }

  /** A shared group asks for what was sent here for it and is not finished, since the client stays away. */
  giveBack(group: Redelivery): Promise<void> {
    return this.#durable === null ? Promise.resolve() : giveBack(this, this.#durable, group);
  }

  /** Sends what waits, as far as the window and the client's reading allow; a sink that is writable again has it called. */
  pump(): void {
    if (this.inflight.postponed > 0) this.#resend();
    while (this.sink !== null && !this.#isPriming && this.inflight.size < this.#window && this.sink.isWritable) {
      const delivery = this.takeNext();
      if (delivery === null) break;
      if (delivery.state === DeliveryState.Done) continue;
      if (delivery.message.isExpired(this.house.clock.wallMs())) this.discard(delivery, 'expired');
      else if (delivery.qos > 0) this.#send(delivery, true);
      else {
        if (this.#transmitQoS0(delivery, this.sink)) this.house.decisions?.unqueued(this, delivery, null);
        this.#durable?.done(delivery);
      }
    }
    if (this.#readers !== null && this.isReady) this.#tellReaders();
  }

  /** The session is over: what it holds of shared groups goes to other members, the rest is forgotten. */
  end(): void {
    if (this.isEnded) return;
    this.isEnded = true;
    endSession(this, this.#durable, this.#memory);
  }

  /** At start: it had ended, and what it held for shared groups had not gone on yet. */
  goOnLeaving(): void {
    this.isEnded = true;
    void purge(this, this.#queue()).then(() => this.state.forget());
  }

  onDeadline(): void {
    this.state.onDeadline();
  }

  drop(message: Message | null, reason: DropReason): void {
    this.house.counters.dropped[reason] += 1;
    (this.dropped ??= new Map()).set(reason, (this.dropped.get(reason) ?? 0) + 1);
    this.house.events.onDropped(this, message, reason);
  }

  /** The delivery that waits and comes next, or null; it waits no longer. */
  takeNext(): Delivery | null {
    return this.#durable === null ? (this.#memory?.next() ?? null) : this.#durable.next();
  }

  /** Drops a delivery that was taken from the queue and has no packet identifier. */
  discard(delivery: Delivery, reason: DropReason): void {
    this.house.decisions?.unqueued(this, delivery, reason);
    this.#durable?.done(delivery);
    this.drop(delivery.message, reason);
  }

  /** Drops what was on its way to this client. */
  lose(delivery: Delivery, reason: DropReason): void {
    this.house.decisions?.dropped(this, delivery, reason);
    this.drop(delivery.message, reason);
  }

  /** Has `persist` called when the open batch is sealed. */
  join(): void {
    if (this.#isJoined || this.number === 0) return;
    this.#isJoined = true;
    this.house.committer.join(this);
  }

  persist(batch: Batch): void {
    this.#isJoined = false;
    this.#state.persist(batch);
    this.#durable?.persist(batch);
  }

  settled(error: OperationalError | null): void {
    this.#state.settled(error !== null);
    this.#durable?.settled(error !== null);
    if (this.waiting > 0 || this.#readers !== null) this.pump();
  }

  onQueueChanged(): void {
    this.join();
  }

  onQueueLoaded(): void {
    if (this.house.limits.overflow === 'drop-oldest') trim(this, 0, 0);
    this.pump();
  }

  onRestored(delivery: Delivery): void {
    this.inflight.restore(delivery);
    this.inflight.postpone(delivery);
    this.#resend();
  }

  onDamaged(): void {
    this.drop(null, 'damaged');
  }

  onRecorded(delivery: Delivery): void {
    if (!this.inflight.isPostponed(delivery)) this.#sendStep(delivery);
  }

  onRefused(delivery: Delivery): void {
    if (delivery.packetId !== 0) this.inflight.remove(delivery);
    this.lose(delivery, 'store-full');
  }

  numberOf(group: Redelivery): number {
    return this.state.memberships.numberOf(groupBehind(group));
  }

  groupOf(number: number): Redelivery | null {
    return this.state.memberships.groupOf(number);
  }

  /** At start, when every queue is known: goes on where the broker ended. */
  goOn(wasConnected: boolean): void {
    this.#state.resume(wasConnected, this);
  }

  restoreSubscription(subscription: Subscription): void {
    this.#state.restoreSubscription(subscription);
  }

  /** At start: a stored chunk of the queue. */
  restoreChunk(sequence: number, record: Buffer): void {
    this.#queue().restore(sequence, record);
  }

  /** Gives a packet identifier and sends; at QoS 2 to a durable session only when that is on disk. */
  #send(delivery: Delivery, isFromQueue: boolean): void {
    this.inflight.add(delivery);
    if (isFromQueue) this.house.decisions?.unqueued(this, delivery, null);
    delivery.state = DeliveryState.Published;
    if (this.#durable !== null) {
      if (delivery.qos === 2) {
        this.#durable.record(delivery);
        return;
      }
      if (this.#durable.isStored(delivery)) this.#durable.changed(delivery);
    }
    this.#transmit(delivery);
  }

  #transmit(delivery: Delivery): void {
    if (this.sink === null || this.#window === 0) return;
    const result = this.sink.send(delivery);
    if (result === SendResult.Sent) this.house.decisions?.sent(this, delivery);
    delivery.isDuplicate = true;
    if (delivery.message.routedAtMs !== UNTIMED && delivery.sentAtMs === 0) delivery.sentAtMs = this.house.clock.turnMs();
    // Too large for the client: as if it had been delivered [MQTT-3.1.2-25]; a shared group finds another member.
    if (result !== SendResult.TooLarge) return;
    const wentOn = delivery.group?.redeliver(delivery.message, this, false, delivery.failures) === true;
    this.#finish(delivery);
    if (!wentOn) this.lose(delivery, 'too-large');
  }

  /** Sends again what the client has not finished, as far as the window allows [MQTT-3.3.4-9]. */
  #resend(): void {
    while (this.sink !== null && this.sink.isWritable && this.inflight.size - this.inflight.postponed < this.#window) {
      const delivery = this.inflight.takePostponed();
      if (delivery === null) return;
      if (this.#durable?.isAwaited(delivery) !== true) this.#sendStep(delivery);
    }
  }

  /** PUBREL after PUBREC, PUBLISH before; nothing between CONNECT and `resume`. */
  #sendStep(delivery: Delivery): void {
    if (this.#window === 0) return;
    if (delivery.state === DeliveryState.Released) this.sink?.release(delivery.packetId);
    else this.#transmit(delivery);
  }

  #tellReaders(): void {
    const readers = this.#readers;
    this.#readers = null;
    for (const reader of readers ?? []) reader();
  }

  #delivered(delivery: Delivery): void {
    this.#tell(delivery);
    this.#finish(delivery);
  }

  #tell(delivery: Delivery): void {
    if (delivery.isObserved(this.house.clock)) this.house.events.onDelivered?.(this, delivery);
  }

  #finish(delivery: Delivery): void {
    this.inflight.remove(delivery);
    if (this.#durable === null) delivery.state = DeliveryState.Done;
    else this.#durable.done(delivery);
  }

  #keepQoS0(delivery: Delivery): void {
    if (this.house.committer.isFull) return this.lose(delivery, 'store-full');
    const kept = new Delivery(delivery.message, 0, delivery.retain, delivery.subscriptionIdentifiers);
    if (this.isFull(kept.message.weight) && !makeRoom(this, kept)) return;
    this.#queue().append(kept, false);
    this.house.decisions?.queued(this, kept, queueCauseOf(this.sink, this.inflight.size >= this.#window));
  }

  #transmitQoS0(delivery: Delivery, sink: Sink): boolean {
    const result = sink.send(delivery);
    if (result === SendResult.Sent) this.#tell(delivery);
    else this.lose(delivery, result === SendResult.TooLarge ? 'too-large' : 'outbox-full');
    return result === SendResult.Sent;
  }

  #queue(): DurableQueue {
    if (this.#durable !== null) return this.#durable;
    this.inflight = new Inflight();
    return (this.#durable = new DurableQueue(this, this.house.store, this.house.log));
  }
}
