import assert from 'node:assert/strict';
import type { OperationalError } from '#base/errors.ts';
import type { Delivery } from '#message/delivery.ts';
import type { QoS } from '#message/message.ts';
import type { Session } from '#session/session.ts';
import type { SendResult } from '#session/sink.ts';
import { TestSink, turns } from '#session/test-house.ts';
import { readGroups } from './group-record.ts';
import { GroupTestHouse } from './test-group-house.ts';
import { Outcome } from './publisher.ts';

const FILTER = '$share/g/t/#';

/** A message and what became of it. */
interface Sent {
  readonly qos: QoS;
  /** Unknown: the broker died before it told the publisher. */
  outcome: 'unknown' | 'accepted' | 'refused';
  received: number;
  /** How many faults had happened when it was received last. */
  faults: number;
  /** It was received at QoS 1. */
  wasAtQoS1: boolean;
  /** Sent at QoS 2 to a member whose session ended before it answered: it may go to nobody else [MQTT-4.8.2-5]. */
  isExcused: boolean;
}

type Packet =
  | { readonly kind: 'publish'; readonly qos: QoS; readonly packetId: number; readonly text: string }
  | { readonly kind: 'release'; readonly packetId: number };

/** A connection with packets on the wire, which are lost with it. */
class WorldSink extends TestSink {
  readonly wire: Packet[] = [];
  readonly unfinished = new Set<number>();

  override send(delivery: Delivery): SendResult {
    const { packetId, qos, message } = delivery;
    assert.equal(this.unfinished.has(packetId), false, `packet identifier ${packetId} is in use [MQTT-2.2.1-3]`);
    this.unfinished.add(packetId);
    assert.ok(this.unfinished.size <= this.receiveMaximum, 'Receive Maximum is kept [MQTT-3.3.4-9]');
    this.wire.push({ kind: 'publish', qos, packetId, text: message.payload.toString() });
    return super.send(delivery);
  }

  override release(packetId: number): void {
    this.wire.push({ kind: 'release', packetId });
  }
}

/** A member, which does not lose what it knows when the broker dies. */
class Member {
  readonly clientId: string;
  session: Session | null = null;
  sink: WorldSink | null = null;
  /** It asked for Clean Start and has had no CONNACK since. */
  isStartingClean = true;
  /** Incoming QoS 2 identifiers. */
  known = new Set<number>();
  /** What its session was given to be sent at QoS 2. */
  readonly handed = new Set<number>();
  /** Acknowledgements that it has not sent yet. */
  answers: ((session: Session) => void)[] = [];

  constructor(clientId: string) {
    this.clientId = clientId;
  }

  lose(): void {
    this.sink = null;
    this.answers = [];
  }
}

/** A durable group, the disk below and members above, in the hands of a random number generator. */
export class GroupWorld {
  house = new GroupTestHouse();
  readonly members: readonly Member[];
  readonly sent = new Map<number, Sent>();
  readonly #random: () => number;
  #faults = 0;

  constructor(random: () => number, members: number) {
    this.#random = random;
    this.members = Array.from({ length: members }, (_, i) => new Member(`m${i}`));
    this.house.base.store.isHeld = true;
    // The first is a member from the beginning to the end, so that the group is never without one.
    this.members[0].isStartingClean = false;
    this.#watch();
    this.#connect(this.members[0]);
  }

  /** One thing happens. */
  async step(): Promise<void> {
    const dice = this.#random();
    const member = this.members[Math.floor(this.#random() * this.members.length)];
    const { base } = this.house;
    if (dice < 0.16) this.#publish();
    else if (dice < 0.3) this.#receive(member);
    else if (dice < 0.5) this.#answer(member);
    else if (dice < 0.58) this.#connect(member);
    else if (dice < 0.64) this.#disconnect(member);
    else if (dice < 0.66) this.#resubscribe(member);
    else if (dice < 0.84) await this.#land();
    else if (dice < 0.87) this.#refuse();
    else if (dice < 0.92) base.clock.advance(250);
    else if (dice < 0.95) base.clock.advance(5000);
    else if (dice < 0.98) base.store.readTurns = Math.floor(this.#random() * 3);
    else await this.#die();
    await turns(Math.floor(this.#random() * 4));
    this.#checkDrops();
  }

  /** Everything that is owed is delivered: nothing fails any more. */
  async finish(): Promise<void> {
    const { base } = this.house;
    base.store.isHeld = false;
    base.store.readTurns = 0;
    while (base.store.held.length > 0) await base.store.land();
    base.clock.advance(250);
    await base.settle();
    for (let idle = 0; idle < 30; idle += 1) {
      for (const member of this.members) {
        if (member.sink === null) this.#connect(member);
        if ((member.sink?.wire.length ?? 0) > 0 || member.answers.length > 0) idle = 0;
        while ((member.sink?.wire.length ?? 0) > 0) this.#receive(member);
        while (member.answers.length > 0 && member.session !== null) this.#answer(member);
      }
      await turns(2);
    }
    await base.settle();
    this.#checkDrops();
  }

  /** What was accepted has arrived, and nothing is left anywhere. */
  async check(): Promise<void> {
    const { base } = this.house;
    for (const [number, { outcome, received, isExcused }] of this.sent) {
      if (outcome === 'accepted' && !isExcused) assert.ok(received > 0, `nobody got message ${number}, which was acknowledged (D1)`);
    }
    assert.equal(this.house.waiting, 0);
    for (const session of base.sessions) assert.deepEqual([session.unfinished, session.queuedBytes], [0, 0], session.clientId);
    const { queue, log } = await base.records();
    assert.deepEqual({ queue, log, records: base.log.records }, { queue: 0, log: 0, records: 0 });
    for (const session of base.sessions) session.end();
    await base.settle();
    assert.deepEqual(await base.records(), { session: 0, queue: 0, log: 0 });
    for await (const { text } of readGroups(base.store.disk)) assert.fail(`${text} is still stored`);
    assert.deepEqual(base.failures, []);
  }

  #publish(): void {
    if (this.house.base.committer.isFull) return;
    const burst = this.#random() < 0.05 ? 200 : 1 + Math.floor(this.#random() * 6);
    const bunch: Sent[] = [];
    for (let i = 0; i < burst; i += 1) {
      const qos = this.#random() < 0.5 ? 1 : 2;
      const one: Sent = { qos, outcome: 'unknown', received: 0, faults: 0, wasAtQoS1: false, isExcused: false };
      const number = this.sent.size;
      this.sent.set(number, one);
      const outcome = this.house.publish(String(number), qos, `t/${number % 3}`);
      assert.equal(outcome, Outcome.Matched | Outcome.Durable);
      bunch.push(one);
    }
    this.#whenDurable((error) => {
      for (const one of bunch) one.outcome = error === null ? 'accepted' : 'refused';
    });
  }

  /** A member takes the next packet from the wire. */
  #receive(member: Member): void {
    const { sink } = member;
    const packet = sink?.wire.shift();
    if (sink === null || packet === undefined) return;
    const { packetId } = packet;
    if (packet.kind === 'release') {
      member.known.delete(packetId);
      member.answers.push((session) => {
        sink.unfinished.delete(packetId);
        session.complete(packetId);
      });
      return;
    }
    if (packet.qos === 1) {
      this.#take(Number(packet.text), 1);
      member.answers.push((session) => {
        sink.unfinished.delete(packetId);
        session.acknowledge(packetId);
      });
      return;
    }
    if (!member.known.has(packetId)) this.#take(Number(packet.text), 2);
    member.known.add(packetId);
    member.answers.push((session) => session.receive(packetId, false));
  }

  #take(number: number, qos: QoS): void {
    const one = this.sent.get(number)!;
    if (one.received > 0) {
      assert.ok(qos === 1 || one.wasAtQoS1, `message ${number} came twice at QoS 2 [MQTT-4.3.3-2]`);
      assert.ok(this.#faults > one.faults, `message ${number} came twice although nothing had failed`);
    }
    one.received += 1;
    one.faults = this.#faults;
    one.wasAtQoS1 ||= qos === 1;
  }

  #answer(member: Member): void {
    const { session, answers, sink } = member;
    if (session === null || session.sink !== sink || answers.length === 0) return;
    answers.splice(Math.floor(this.#random() * answers.length), 1)[0](session);
  }

  #connect(member: Member): void {
    const isFirst = member === this.members[0];
    if (!isFirst && this.#random() < 0.1) member.isStartingClean = true;
    this.#lose(member);
    if (member.isStartingClean) this.#excuse(member);
    const { sessions } = this.house.base;
    const sink = new WorldSink();
    sink.receiveMaximum = 1 + Math.floor(this.#random() * 8);
    const request = { clientId: member.clientId, owner: 'o', principal: {}, will: null, sink };
    const opened = sessions.open({ ...request, cleanStart: member.isStartingClean, expiryInterval: 1_000_000 });
    assert.ok(opened !== null);
    const { session, isPresent } = opened;
    member.session = session;
    if (session.state.subscription(FILTER) === undefined) this.house.subscribe(session, FILTER);
    this.#whenDurable((error) => {
      if (session.sink !== sink) return;
      if (error !== null) {
        sessions.release(session, sink);
        return;
      }
      if (!isPresent) member.known = new Set();
      member.isStartingClean = false;
      member.sink = sink;
      session.resume();
    });
  }

  #disconnect(member: Member): void {
    this.#lose(member);
    if (member.session !== null) this.house.base.release(member.session);
  }

  #lose(member: Member): void {
    this.#faults += 1;
    member.lose();
  }

  #resubscribe({ session }: Member): void {
    if (session !== null && !session.isEnded) this.house.subscribe(session, FILTER, { qos: this.#random() < 0.5 ? 1 : 2 });
  }

  /** Its session ends, and with it what was sent to it at QoS 2. */
  #excuse(member: Member): void {
    for (const number of member.handed) this.sent.get(number)!.isExcused = true;
    member.handed.clear();
  }

  async #land(): Promise<void> {
    const { store } = this.house.base;
    if (store.held.length > 0) await store.land();
  }

  #refuse(): void {
    const { store } = this.house.base;
    if (store.held.length > 0) store.refuse();
  }

  /** The process dies: with the commit that is under way on disk or not. */
  async #die(): Promise<void> {
    this.#faults += 1;
    this.house.base.kill();
    if (this.#random() < 0.5) await this.#land();
    for (const member of this.members) member.lose();
    this.house = await this.house.restart();
    const { base } = this.house;
    base.store.isHeld = true;
    this.#watch();
    for (const member of this.members) member.session = base.sessions.get(member.clientId) ?? null;
    if (this.members[0].session === null) this.#connect(this.members[0]);
  }

  /** Notes what sessions are given. */
  #watch(): void {
    this.house.base.events.onOutbound = ({ clientId }, message) => {
      const member = this.members.find((one) => one.clientId === clientId)!;
      if (message.qos === 2) member.handed.add(Number(message.payload.toString()));
      return message;
    };
  }

  #whenDurable(callback: (error: OperationalError | null) => void): void {
    this.house.base.committer.whenDurable({ onDurable: (_sequence, error) => callback(error) });
  }

  /** What the broker drops is only what its publisher was refused. */
  #checkDrops(): void {
    const ofSessions = this.house.base.drops.splice(0).map(({ payload, reason }) => `${payload} ${reason}`);
    for (const drop of [...this.house.drops.splice(0), ...ofSessions]) {
      const [number, reason] = drop.split(' ');
      const one = this.sent.get(Number(number))!;
      assert.ok(reason === 'store-full' && one.outcome !== 'accepted', `message ${drop}, ${one.outcome}`);
    }
  }
}
