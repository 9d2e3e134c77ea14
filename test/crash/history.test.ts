import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { createBroker } from '@wrenmq/broker';
import { publishBytes, seededRandom, tempDirectory, WireClient, type WireTarget } from '@wrenmq/testkit';
import { BrokerProcess } from './broker-process.ts';

const ROUNDS = 14;
const PUBLISHERS = 3;
const WINDOW = 25;
const settings = { 'history.rules': JSON.stringify({ own: { filter: 'load/1/#' } }) };
const seed = Number(process.env['CRASH_SEED'] ?? 20_261);

/** What one publisher has sent and what was acknowledged to it, over all rounds. */
class Sender {
  sent = 0;
  readonly acknowledged = new Set<number>();
  readonly #number: number;

  constructor(number: number) {
    this.#number = number;
  }

  /** Publishes a window at a time until the connection ends. Nothing is sent twice: what is not acknowledged may be there or not. */
  async run(wire: WireTarget): Promise<void> {
    const client = await WireClient.open(wire, 4);
    try {
      await client.connect({ clientId: `sender-${this.#number}`, clean: true });
      for (;;) await this.#sendWindow(client);
    } catch {
      await client.whenClosed;
    }
  }

  async #sendWindow(client: WireClient): Promise<void> {
    const numbers = new Map<number, number>();
    const packets = Array.from({ length: WINDOW }, () => {
      this.sent += 1;
      const packetId = client.packetId();
      numbers.set(packetId, this.sent);
      const topic = `load/${this.#number}/${this.sent % 7}`;
      return publishBytes(4, { topic, payload: `${this.#number}:${this.sent}`, qos: 1, packetId });
    });
    client.send(...packets);
    while (numbers.size > 0) {
      const { packetId } = await client.expect('puback');
      this.acknowledged.add(numbers.get(packetId)!);
      numbers.delete(packetId);
    }
  }
}

/** Takes some of what waits for the session, so that the log frees what the history may not have yet. */
async function takeSome(wire: WireTarget, count: number): Promise<void> {
  const client = await WireClient.open(wire, 4);
  try {
    await client.connect({ clientId: 'reader', clean: false });
    for (let i = 0; i < count; i += 1) await client.receive();
    await client.cut();
  } catch {
    await client.whenClosed;
  }
}

async function subscribeOnce(wire: WireTarget): Promise<void> {
  const client = await WireClient.open(wire, 4);
  await client.connect({ clientId: 'reader', clean: false });
  await client.subscribe({ filter: 'load/#', qos: 1 });
  await client.cut();
}

/** Everything in the history that was published by the senders, in order. */
async function readHistory(directory: string): Promise<{ payload: string; missed: number }[]> {
  const off = { enabled: false };
  const listeners = { tcp: { bind: '127.0.0.1:0' }, ws: off, wss: off, tls: off, tls1884: off };
  const broker = createBroker({ settings: { dataDirectory: directory, listeners, admin: off } });
  await broker.start();
  try {
    const entries = [];
    for await (const { payload, missed } of broker.history.read({ filter: 'load/#' }))
      entries.push({ payload: payload.toString(), missed });
    return entries;
  } finally {
    await broker.stop();
  }
}

function assertComplete(entries: readonly { payload: string; missed: number }[], senders: readonly Sender[]): void {
  assert.equal(new Set(entries.map(({ payload }) => payload)).size, entries.length, 'nothing is there twice');
  assert.ok(entries.every(({ missed }) => missed === 0));
  for (const [index, sender] of senders.entries()) {
    const found: number[] = [];
    for (const { payload } of entries) if (payload.startsWith(`${index}:`)) found.push(Number(payload.split(':')[1]));
    assert.deepEqual(
      found,
      found.toSorted((a, b) => a - b),
      'in order',
    );
    const there = new Set(found);
    const lost = [...sender.acknowledged].filter((number) => !there.has(number));
    assert.deepEqual(lost, [], `sender ${index}: acknowledged and owed to a durable session, and not in the history`);
  }
}

test(
  'what is acknowledged and owed to a durable session is in the history once and in order, after kills at any moment',
  {
    timeout: 300_000,
  },
  async (context) => {
    await using directory = await tempDirectory();
    const random = seededRandom(seed);
    const senders = Array.from({ length: PUBLISHERS }, (_, number) => new Sender(number));
    for (let round = 1; round <= ROUNDS; round += 1) {
      const broker = await BrokerProcess.start({ target: 'wrenmq', directory: directory.path, settings });
      assert.equal(await broker.whenReady, 'ready', broker.output);
      if (round === 1) await subscribeOnce(broker.wire);
      const running = senders.map((sender) => sender.run(broker.wire));
      if (random() < 0.6) running.push(takeSome(broker.wire, Math.floor(random() * 2000)));
      await delay(random() * 1800);
      await broker.kill('SIGKILL');
      await Promise.all(running);
      if (round % 5 === 0) assertComplete(await readHistory(join(directory.path, 'data')), senders);
    }
    assertComplete(await readHistory(join(directory.path, 'data')), senders);
    const acknowledged = senders.reduce((sum, sender) => sum + sender.acknowledged.size, 0);
    context.diagnostic(`seed ${seed}: ${acknowledged} acknowledged`);
    assert.ok(acknowledged > 1000, `${acknowledged} acknowledged`);
  },
);
