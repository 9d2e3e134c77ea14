import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { delayed, ReasonCode } from '@wrenmq/broker';
import { acknowledgementBytes, launchBroker, type LaunchedBroker, publishBytes, seededRandom, WireClient } from '@wrenmq/testkit';
import { embed } from '#root/test/embedding/start.ts';

// Delayed messages and a broker that is killed at any moment, or whose disk is full.

const seed = Number(process.env.CRASH_SEED ?? 20_261_121);
const ROUNDS = 4;
const WINDOW = 20;

/** What the publisher knows of a message. */
interface Sent {
  readonly qos: 1 | 2;
  isAcknowledged: boolean;
}

/** Publishes one message after the other, each due in one or two seconds or at once, until the broker is gone. */
async function publishUntilKilled(broker: LaunchedBroker, random: () => number, sent: Map<string, Sent>): Promise<void> {
  const client = await WireClient.open(broker.target());
  try {
    await client.connect({ clientId: 'publisher' });
    for (;;) {
      const first = sent.size;
      for (let i = 0; i < WINDOW; i += 1) {
        const name = `${sent.size}`;
        const qos = random() < 0.5 ? 1 : 2;
        const when = [`${Math.floor(Date.now() / 1000)}`, '1', '2'][Math.floor(random() * 3)];
        sent.set(name, { qos, isAcknowledged: false });
        client.send(publishBytes(5, { topic: `$delayed/${when}/d/${name}`, payload: name, qos, packetId: i + 1 }));
      }
      for (let i = 0; i < WINDOW; i += 1) {
        const message = sent.get(`${first + i}`)!;
        const { reasonCode } = await client.expectFor(message.qos === 1 ? 'puback' : 'pubrec', i + 1);
        assert.equal(reasonCode, ReasonCode.Success);
        message.isAcknowledged = true;
        if (message.qos === 2) client.send(acknowledgementBytes('pubrel', i + 1));
      }
      for (let i = 0; i < WINDOW; i += 1) if (sent.get(`${first + i}`)!.qos === 2) await client.expectFor('pubcomp', i + 1);
    }
  } catch (error) {
    if (!client.isClosed) throw error;
  } finally {
    client.transport.destroy();
  }
}

/** A subscriber that keeps its session, and what it must of a QoS 2 exchange. */
class Keeper {
  readonly counts = new Map<string, number>();
  readonly #received = new Set<number>();
  #client: WireClient | null = null;

  async join(broker: LaunchedBroker): Promise<void> {
    const client = await WireClient.open(broker.target());
    this.#client = client;
    const { sessionPresent } = await client.connect({ clientId: 'keeper', clean: false, properties: { sessionExpiryInterval: 3600 } });
    if (!sessionPresent) await client.subscribe({ filter: 'd/#', qos: 2 });
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
      const isKnown = packet.qos === 2 && this.#received.has(packet.packetId);
      if (packet.qos === 2) this.#received.add(packet.packetId);
      client.send(acknowledgementBytes(packet.qos === 2 ? 'pubrec' : 'puback', packet.packetId));
      const name = packet.payload.toString();
      if (!isKnown) this.counts.set(name, (this.counts.get(name) ?? 0) + 1);
    }
  }
}

async function waiting(broker: LaunchedBroker): Promise<number> {
  const { address, port } = broker.admin!;
  const text = await (await fetch(`http://${address}:${port}/metrics`)).text();
  return Number(/^wrenmq_delayed_messages (\d+)$/m.exec(text)![1]);
}

/** Waits until it is so; only a failing test waits to the end. */
async function until(t: TestContext, what: string, isSo: () => Promise<boolean> | boolean): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (!(await isSo())) {
    if (Date.now() > deadline) assert.fail(`not within 30 s: ${what}; CRASH_SEED=${seed} (${t.name})`);
    await delay(20);
  }
}

async function killAgainAndAgain(t: TestContext, isKeeperThere: boolean): Promise<{ sent: Map<string, Sent>; keeper: Keeper }> {
  const random = seededRandom(seed + (isKeeperThere ? 1 : 0));
  const broker = await launchBroker();
  t.after(() => broker.close());
  const keeper = new Keeper();
  await keeper.join(broker);
  const sent = new Map<string, Sent>();
  for (let round = 0; round < ROUNDS; round += 1) {
    if (!isKeeperThere) await keeper.leave();
    const publishing = publishUntilKilled(broker, random, sent);
    await delay(200 + random() * 1500);
    await broker.kill('SIGKILL');
    await publishing;
    await broker.start();
    if (isKeeperThere) await keeper.join(broker);
  }
  await until(t, 'everything is published', async () => (await waiting(broker)) === 0);
  if (!isKeeperThere) await keeper.join(broker);
  await until(t, 'everything has arrived', () =>
    [...sent].every(([name, { isAcknowledged }]) => !isAcknowledged || keeper.counts.has(name)),
  );
  // What is sent now comes last.
  const last = await WireClient.open(broker.target());
  await last.connect({ clientId: 'last' });
  await last.publish({ topic: 'd/last', payload: 'last', qos: 2 });
  await until(t, 'the last message has arrived', () => keeper.counts.has('last'));
  last.transport.destroy();
  keeper.counts.delete('last');
  await keeper.leave();
  assert.ok(sent.size > 100, `${sent.size} messages were sent`);
  t.diagnostic(`${sent.size} sent, ${[...sent.values()].filter(({ isAcknowledged }) => isAcknowledged).length} acknowledged`);
  return { sent, keeper };
}

function tooOften({ sent, keeper }: { sent: Map<string, Sent>; keeper: Keeper }, qualities: readonly number[]): string[] {
  return [...keeper.counts].filter(([name, count]) => count > 1 && qualities.includes(sent.get(name)!.qos)).map(([name]) => name);
}

const patience = { timeout: 120_000 };

test('killed at random moments: what was acknowledged waits for a subscriber that is away, exactly once', patience, async (t) => {
  const outcome = await killAgainAndAgain(t, false);
  assert.deepEqual(tooOften(outcome, [1, 2]), [], `CRASH_SEED=${seed}`);
});

test('killed at random moments: what was acknowledged reaches a subscriber that is there, at QoS 2 exactly once', patience, async (t) => {
  const outcome = await killAgainAndAgain(t, true);
  assert.deepEqual(tooOften(outcome, [2]), [], `CRASH_SEED=${seed}`);
});

test('a full disk refuses with 0x97, disconnects MQTT 3 clients, and loses nothing that it took; room comes back by cancelling', async (t) => {
  const { broker, connect } = await embed(t, { settings: { durability: 'disk', store: { bytesMax: '16MiB' } } });
  const client = await connect();
  const payload = Buffer.alloc(500_000, 'x');
  let taken = 0;
  let code: number = ReasonCode.Success;
  while (code === ReasonCode.Success) {
    assert.ok(taken < 100, 'the disk becomes full');
    code = await client.publish({ topic: `$delayed/3600/${taken}`, payload, qos: taken % 2 === 0 ? 1 : 2 });
    if (code === ReasonCode.Success) taken += 1;
  }
  assert.equal(code, ReasonCode.QuotaExceeded);
  assert.equal(await client.publish({ topic: '$delayed/3600/t', qos: 1 }), ReasonCode.QuotaExceeded);
  await client.publish({ topic: '$delayed/3600/t', qos: 0 });
  const older = await connect({ clientId: 'older' }, 4);
  older.send(publishBytes(4, { topic: '$delayed/3600/t', qos: 1, packetId: 1 }));
  await older.expectClose();
  const feature = broker.feature(delayed);
  const rows = await feature.list(1000);
  assert.deepEqual([rows.length, broker.statistics().delayedMessages], [taken, taken]);
  for (const { id } of rows.slice(0, 8)) {
    await until(t, 'it is cancelled', () => feature.cancel(id).catch(() => false));
  }
  await until(t, 'there is room again', async () => (await client.publish({ topic: '$delayed/3600/t', payload, qos: 1 })) === 0);
  assert.equal(broker.statistics().delayedMessages, taken - 8 + 1);
});
