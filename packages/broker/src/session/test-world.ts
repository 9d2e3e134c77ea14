import assert from 'node:assert/strict';
import type { OperationalError } from '#base/errors.ts';
import type { Delivery } from '#message/delivery.ts';
import type { QoS } from '#message/message.ts';
import { TestHouse, TestSink, turns } from './test-house.ts';
import type { Session } from './session.ts';
import type { SendResult } from './sink.ts';

/** What one of the clients was owed, and what became of it. */
interface Owed {
  readonly qos: QoS;
  /** Unknown: the broker died before it told the publisher. */
  outcome: 'unknown' | 'accepted' | 'refused';
  received: number;
}

type Packet =
  | { readonly kind: 'publish'; readonly delivery: Delivery; readonly packetId: number; readonly text: string }
  | { readonly kind: 'release'; readonly packetId: number };

/** What must be the same after a restart as it was when the last commit landed. */
interface Facts {
  readonly expiryInterval: number;
  readonly subscriptions: readonly string[];
  readonly incoming: readonly number[];
}

/** A connection with packets on the wire, which are lost with it. */
class WorldSink extends TestSink {
  readonly wire: Packet[] = [];
  readonly unfinished = new Set<number>();

  override send(delivery: Delivery): SendResult {
    assert.equal(this.unfinished.has(delivery.packetId), false, `packet identifier ${delivery.packetId} is in use [MQTT-2.2.1-3]`);
    this.unfinished.add(delivery.packetId);
    assert.ok(this.unfinished.size <= this.receiveMaximum, 'Receive Maximum is kept [MQTT-3.3.4-9]');
    this.wire.push({ kind: 'publish', delivery, packetId: delivery.packetId, text: delivery.message.payload.toString() });
    return super.send(delivery);
  }

  override release(packetId: number): void {
    this.wire.push({ kind: 'release', packetId });
  }
}

/** A client with a session of its own, which it does not lose when the broker dies. */
export class WorldClient {
  readonly clientId: string;
  session: Session | null = null;
  sink: WorldSink | null = null;
  /** It asked for Clean Start and has had no CONNACK since. */
  isStartingClean = true;
  owed = new Map<number, Owed>();
  /** What the application got first, at each QoS. */
  first: Record<QoS, number[]> = { 0: [], 1: [], 2: [] };
  /** Incoming QoS 2 identifiers. */
  known = new Set<number>();
  /** Acknowledgements that it has not sent yet. */
  answers: ((session: Session) => void)[] = [];
  subscriptions = new Set<string>();
  incoming = new Set<number>();
  expiryInterval = 0;

  constructor(clientId: string) {
    this.clientId = clientId;
  }

  /** Takes the next packet from the wire. */
  receive(): void {
    const { sink } = this;
    const packet = sink?.wire.shift();
    if (sink === null || packet === undefined) return;
    const { packetId } = packet;
    if (packet.kind === 'release') {
      this.known.delete(packetId);
      this.answers.push((session) => {
        sink.unfinished.delete(packetId);
        session.complete(packetId);
      });
      return;
    }
    const { qos } = packet.delivery;
    if (qos === 1) {
      this.#take(Number(packet.text), 1);
      this.answers.push((session) => {
        sink.unfinished.delete(packetId);
        session.acknowledge(packetId);
      });
      return;
    }
    if (!this.known.has(packetId)) this.#take(Number(packet.text), 2);
    this.known.add(packetId);
    this.answers.push((session) => session.receive(packetId, false));
  }

  lose(): void {
    this.sink = null;
    this.answers = [];
  }

  /** The client forgets, and asks the broker to. */
  startClean(): void {
    this.isStartingClean = true;
    this.known = new Set();
    this.first = { 0: [], 1: [], 2: [] };
  }

  facts(): Facts {
    const { expiryInterval } = this;
    return { expiryInterval, subscriptions: [...this.subscriptions].sort(), incoming: [...this.incoming].sort((a, b) => a - b) };
  }

  #take(number: number, qos: QoS): void {
    const owed = this.owed.get(number);
    if (owed === undefined) return;
    owed.received += 1;
    if (owed.received > 1) {
      assert.equal(qos, 1, `message ${number} came twice at QoS 2 [MQTT-4.3.3-2]`);
      return;
    }
    const before = this.first[qos].at(-1) ?? -1;
    assert.ok(before < number, `message ${number} came after ${before} [MQTT-4.6.0-6]`);
    this.first[qos].push(number);
  }
}

/** A broker's sessions, the disk below and the clients above, in the hands of a random number generator. */
export class World {
  house = new TestHouse();
  readonly clients: readonly WorldClient[];
  readonly #random: () => number;
  #messages = 0;
  #isJoined = false;
  /** What the batch that is sealed holds of the facts, and what the last landed one held. */
  #sealed: ReadonlyMap<string, Facts> | null = null;
  #durable: ReadonlyMap<string, Facts> = new Map();

  constructor(random: () => number, clients: number) {
    this.#random = random;
    this.clients = Array.from({ length: clients }, (_, i) => new WorldClient(`c${i}`));
    this.house.store.isHeld = true;
  }

  /** One thing happens. */
  async step(): Promise<void> {
    const dice = this.#random();
    const client = this.#pick(this.clients);
    if (dice < 0.16) this.#publish();
    else if (dice < 0.3) client.receive();
    else if (dice < 0.5) this.#answer(client);
    else if (dice < 0.58) this.#connect(client);
    else if (dice < 0.62) this.#disconnect(client);
    else if (dice < 0.72) this.#change(client);
    else if (dice < 0.88) await this.#land();
    else if (dice < 0.91) this.#refuse();
    else if (dice < 0.96) this.house.clock.advance(250);
    else if (dice < 0.98) this.house.store.readTurns = Math.floor(this.#random() * 3);
    else await this.#die();
    await turns(Math.floor(this.#random() * 4));
    this.#checkDrops();
  }

  /** Everything that is owed is delivered: nothing fails any more. */
  async finish(): Promise<void> {
    await this.#calm();
    for (const client of this.clients) {
      if (client.sink === null) this.#connect(client);
    }
    for (let idle = 0; idle < 30; idle += 1) {
      for (const client of this.clients) {
        if (client.sink === null) this.#connect(client);
        if ((client.sink?.wire.length ?? 0) > 0 || client.answers.length > 0) idle = 0;
        while ((client.sink?.wire.length ?? 0) > 0) client.receive();
        while (client.answers.length > 0 && client.session !== null) this.#answer(client);
      }
      await turns(2);
    }
    await this.house.settle();
  }

  async check(): Promise<void> {
    const { house } = this;
    for (const client of this.clients) {
      for (const [number, { qos, outcome, received }] of client.owed) {
        if (outcome === 'accepted') assert.ok(received > 0, `${client.clientId} never got message ${number}, which was acknowledged (D1)`);
        if (qos === 2) assert.ok(received <= 1);
      }
      const session = house.sessions.get(client.clientId)!;
      assert.deepEqual([session.waiting, session.queuedBytes, session.inflight.size], [0, 0, 0]);
    }
    const { queue, log } = await house.records();
    assert.deepEqual({ queue, log, records: house.log.records }, { queue: 0, log: 0, records: 0 });
    assert.deepEqual(house.failures, []);
  }

  #publish(): void {
    if (this.house.committer.isFull) return;
    const receivers = this.clients.filter((client) => client.session !== null && this.#random() < 0.6);
    const burst = this.#random() < 0.05 ? 150 : 1 + Math.floor(this.#random() * 4);
    const owed: Owed[] = [];
    for (let i = 0; i < burst; i += 1) {
      const qos = this.#random() < 0.5 ? 1 : 2;
      const number = this.#messages++;
      // Some are so large that a few of them fill a chunk of the queue, and all that may be in memory.
      const characters = this.#random() < 0.1 ? 40_000 : 0;
      const message = this.house.message(String(number).padEnd(characters), qos);
      for (const client of receivers) {
        const one: Owed = { qos, outcome: 'unknown', received: 0 };
        owed.push(one);
        client.owed.set(number, one);
        this.house.offerMessage(client.session!, message);
      }
    }
    this.#whenDurable((error) => {
      for (const one of owed) one.outcome = error === null ? 'accepted' : 'refused';
    });
  }

  #answer(client: WorldClient): void {
    const { session, answers, sink } = client;
    if (session === null || session.sink !== sink || answers.length === 0) return;
    answers.splice(Math.floor(this.#random() * answers.length), 1)[0](session);
  }

  #connect(client: WorldClient): void {
    if (this.#random() < 0.03) client.startClean();
    client.lose();
    const sink = new WorldSink();
    sink.receiveMaximum = 1 + Math.floor(this.#random() * 8);
    client.expiryInterval = 1_000_000 + Math.floor(this.#random() * 5);
    const request = { expiryInterval: client.expiryInterval, cleanStart: client.isStartingClean };
    const opened = this.house.sessions.open({ ...request, clientId: client.clientId, owner: 'o', principal: {}, will: null, sink });
    assert.ok(opened !== null);
    const { session, isPresent } = opened;
    if (!isPresent) {
      client.owed = new Map();
      client.subscriptions = new Set();
      client.incoming = new Set();
    }
    client.session = session;
    this.#changed();
    this.#whenDurable((error) => {
      if (session.sink !== sink) return;
      if (error !== null) {
        this.house.sessions.release(session, sink);
        return;
      }
      if (!isPresent) client.startClean();
      client.isStartingClean = false;
      client.sink = sink;
      session.resume();
    });
  }

  #disconnect(client: WorldClient): void {
    client.lose();
    if (client.session !== null) this.house.release(client.session);
  }

  #change(client: WorldClient): void {
    const { session } = client;
    if (session === null) return;
    const text = `t${Math.floor(this.#random() * 5)}`;
    const packetId = 1 + Math.floor(this.#random() * 5);
    const dice = this.#random();
    if (dice < 0.3) {
      this.house.subscribe(session, text);
      client.subscriptions.add(text);
    } else if (dice < 0.5) {
      session.state.removeSubscription(text);
      client.subscriptions.delete(text);
    } else if (dice < 0.8) {
      session.state.addIncoming(packetId);
      client.incoming.add(packetId);
    } else {
      session.state.removeIncoming(packetId);
      client.incoming.delete(packetId);
    }
    this.#changed();
  }

  async #land(): Promise<void> {
    if (this.house.store.held.length === 0) return;
    if (this.#sealed !== null) this.#durable = this.#sealed;
    this.#sealed = null;
    await this.house.store.land();
  }

  #refuse(): void {
    if (this.house.store.held.length === 0) return;
    this.#sealed = null;
    this.house.store.refuse();
    this.#changed();
  }

  /** The process dies: with the commit that is under way on disk or not, and perhaps on disk before it is told. */
  async #die(): Promise<void> {
    this.house.kill();
    if (this.#random() < 0.5) await this.#land();
    this.#sealed = null;
    this.#isJoined = false;
    for (const client of this.clients) {
      client.lose();
      client.session = null;
    }
    this.house = await new TestHouse(this.house.limits, this.house.store.disk, this.house.clock).load();
    this.house.store.isHeld = true;
    this.#compare();
  }

  #compare(): void {
    const found = new Map<string, Facts>();
    for (const { clientId, state } of this.house.sessions) {
      const incoming = [1, 2, 3, 4, 5].filter((packetId) => state.hasIncoming(packetId));
      const subscriptions = [...state.subscriptions()].map(({ text }) => text).sort();
      found.set(clientId, { expiryInterval: state.expiryInterval, subscriptions, incoming });
    }
    assert.deepEqual(Object.fromEntries(found), Object.fromEntries(this.#durable));
    for (const client of this.clients) {
      const facts = this.#durable.get(client.clientId);
      client.session = this.house.sessions.get(client.clientId) ?? null;
      client.subscriptions = new Set(facts?.subscriptions);
      client.incoming = new Set(facts?.incoming);
      if (facts !== undefined) client.expiryInterval = facts.expiryInterval;
    }
  }

  async #calm(): Promise<void> {
    const { store, clock } = this.house;
    store.isHeld = false;
    store.readTurns = 0;
    while (store.held.length > 0) await this.#land();
    clock.advance(250);
    await this.house.settle();
  }

  /** Facts changed: the next batch holds them as they are when it is sealed. */
  #changed(): void {
    if (this.#isJoined) return;
    this.#isJoined = true;
    const { committer, store } = this.house;
    committer.join({ persist: () => void (!store.isDead && this.#seal()), settled: () => {} });
  }

  #seal(): void {
    this.#isJoined = false;
    const known = this.clients.filter(({ session }) => session !== null);
    this.#sealed = new Map(known.map((client) => [client.clientId, client.facts()]));
  }

  #whenDurable(callback: (error: OperationalError | null) => void): void {
    this.house.committer.whenDurable({ onDurable: (_sequence, error) => callback(error) });
  }

  /** What the broker drops is only what its publisher was refused. */
  #checkDrops(): void {
    for (const { payload, reason } of this.house.drops.splice(0)) {
      assert.equal(reason, 'store-full');
      for (const { owed } of this.clients) {
        assert.notEqual(owed.get(Number(payload))?.outcome, 'accepted', `message ${payload} was acknowledged and then dropped`);
      }
    }
  }

  #pick<Item>(items: readonly Item[]): Item {
    return items[Math.floor(this.#random() * items.length)];
  }
}
