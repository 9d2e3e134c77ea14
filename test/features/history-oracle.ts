import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { acknowledgementBytes, publishBytes, WireClient, type WireTarget } from '@wrenmq/testkit';

const WINDOW = 50;

/** Publishes its numbers, one after the other, as fast as they are acknowledged. */
export class NumberPublisher {
  readonly topic: string;
  readonly qos: 1 | 2;
  readonly #padding: string;
  /** The next number. */
  next = 0;
  /** Numbers that were acknowledged. */
  readonly acknowledged = new Set<number>();

  constructor(topic: string, qos: 1 | 2, payloadBytes = 0) {
    this.topic = topic;
    this.qos = qos;
    this.#padding = ' '.repeat(payloadBytes);
  }

  /** Until it has published so many in all, or the broker is gone. A number that was not acknowledged is not published again. */
  async publish(target: WireTarget, count: number): Promise<void> {
    const client = await WireClient.open(target);
    try {
      await client.connect({ clientId: `publisher ${this.topic}` });
      while (this.next < count) await this.#publishWindow(client, Math.min(WINDOW, count - this.next));
    } catch (error) {
      if (!client.isClosed) throw error;
    } finally {
      client.transport.destroy();
    }
  }

  async #publishWindow(client: WireClient, count: number): Promise<void> {
    const { topic, qos } = this;
    const first = this.next;
    this.next += count;
    const packet = (index: number): Buffer => {
      return publishBytes(5, { topic, payload: `${first + index}${this.#padding}`, qos, packetId: index + 1 });
    };
    client.send(...Array.from({ length: count }, (_, index) => packet(index)));
    for (let index = 0; index < count; index += 1) {
      const { reasonCode } = await client.expectFor(qos === 1 ? 'puback' : 'pubrec', index + 1);
      assert.ok(reasonCode < 0x80, `${topic} ${first + index} was refused with ${reasonCode}`);
      this.acknowledged.add(first + index);
      if (qos === 2) client.send(acknowledgementBytes('pubrel', index + 1));
    }
    if (qos === 2) for (let index = 0; index < count; index += 1) await client.expectFor('pubcomp', index + 1);
  }
}

/** A subscriber that keeps its session and does what a client must; `seen` is what its application got, by topic. */
export class NumberReader {
  readonly seen = new Map<string, number[]>();
  readonly #clientId: string;
  readonly #filter: string;
  readonly #qos: 0 | 1 | 2;
  readonly #receiveMaximum: number;
  /** Packet identifiers at QoS 2 that wait for PUBREL. */
  readonly #received = new Set<number>();
  #client: WireClient | null = null;
  /** So many milliseconds pass before each acknowledgement. */
  pauseMs = 0;
  /** It takes what comes and acknowledges nothing. */
  isStuck = false;

  constructor(clientId: string, filter: string, qos: 0 | 1 | 2, receiveMaximum = 65_535) {
    this.#clientId = clientId;
    this.#filter = filter;
    this.#qos = qos;
    this.#receiveMaximum = receiveMaximum;
  }

  get total(): number {
    return [...this.seen.values()].reduce((sum, { length }) => sum + length, 0);
  }

  /** Connects, and subscribes when the session is new. */
  async join(target: WireTarget): Promise<void> {
    const client = await WireClient.open(target);
    const properties = { sessionExpiryInterval: 3600, receiveMaximum: this.#receiveMaximum };
    const { sessionPresent } = await client.connect({ clientId: this.#clientId, clean: false, properties });
    if (!sessionPresent) {
      assert.equal(this.#client, null, 'the session is lost');
      assert.deepEqual(await client.subscribe({ filter: this.#filter, qos: this.#qos }), [this.#qos]);
    }
    this.#client = client;
    void this.#listen(client);
  }

  async leave(): Promise<void> {
    await this.#client?.cut();
  }

  async #listen(client: WireClient): Promise<void> {
    for (;;) {
      const packet = await client.next(60_000).catch(() => null);
      if (packet === null) return;
      if (packet.type === 'pubrel') {
        this.#received.delete(packet.packetId);
        client.send(acknowledgementBytes('pubcomp', packet.packetId));
      }
      if (packet.type !== 'publish') continue;
      if (packet.qos < 2 || !this.#received.has(packet.packetId)) this.#note(packet.topic, packet.payload);
      if (packet.qos === 2) this.#received.add(packet.packetId);
      if (this.isStuck) continue;
      if (this.pauseMs > 0) await delay(this.pauseMs);
      if (packet.qos > 0) client.send(acknowledgementBytes(packet.qos === 2 ? 'pubrec' : 'puback', packet.packetId));
    }
  }

  #note(topic: string, payload: Buffer): void {
    const numbers = this.seen.get(topic);
    if (numbers === undefined) this.seen.set(topic, [Number(payload.toString())]);
    else numbers.push(Number(payload.toString()));
  }
}

/** What is wrong with what a reader saw of a publisher. `mayRepeat`: at QoS 1, when a connection was lost meanwhile. */
export function problemsOf(seen: readonly number[], publisher: NumberPublisher, mayRepeat: boolean): string[] {
  const problems: string[] = [];
  const first = new Set<number>();
  let highest = -1;
  for (const number of seen) {
    if (first.has(number)) {
      if (!mayRepeat) problems.push(`${publisher.topic} ${number} came twice`);
      continue;
    }
    first.add(number);
    if (number < highest) problems.push(`${publisher.topic} ${number} came after ${highest}`);
    highest = Math.max(highest, number);
  }
  for (const number of publisher.acknowledged) if (!first.has(number)) problems.push(`${publisher.topic} ${number} is missing`);
  return problems.slice(0, 20);
}

/** Waits until it is so; only a failing test waits to the end. */
export async function until(what: () => string, isSo: () => boolean): Promise<void> {
  const deadline = Date.now() + 40_000;
  while (!isSo()) {
    if (Date.now() > deadline) assert.fail(`not within 40 s: ${what()}`);
    await delay(20);
  }
}
