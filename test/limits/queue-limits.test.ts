import assert from 'node:assert/strict';
import { test } from 'node:test';
import { acknowledgementBytes, type ConnectOptions, publishBytes, subscribeBytes } from '@wrenmq/testkit';
import { turns, type MemoryClient } from '#root/test/fuzz/memory-client.ts';
import { MemoryHouse } from '#root/test/fuzz/memory-house.ts';

// What a session holds for a client that is away or slow: delivered + dropped + refused = published, exactly.

const MESSAGES = 200;
const PAYLOAD = Buffer.alloc(1000, 'x');

interface Account {
  /** Payload numbers that the subscriber got, in order. */
  readonly delivered: readonly number[];
  /** Payload numbers that were acknowledged with success. */
  readonly accepted: readonly number[];
  readonly refused: number;
  readonly dropped: number;
}

function payload(number: number): Buffer {
  const bytes = Buffer.from(PAYLOAD);
  bytes.writeUInt32BE(number);
  return bytes;
}

/** Publishes, one after the other or all at once; returns who was accepted. */
async function publishAll(house: MemoryHouse, qos: 1 | 2, isPipelined: boolean): Promise<{ accepted: number[]; refused: number }> {
  const publisher = await house.connect(5);
  const type = qos === 1 ? 'puback' : 'pubrec';
  const accepted: number[] = [];
  for (let number = 0; number < MESSAGES; number += 1) {
    publisher.send(publishBytes(5, { topic: 't', qos, packetId: number + 1, payload: payload(number) }));
    if (!isPipelined) await publisher.packet(type, number);
  }
  await publisher.packet(type, MESSAGES - 1);
  for (const { packetId, reasonCode } of publisher.all(type)) {
    assert.ok(reasonCode === 0 || reasonCode === 0x97, `0x${reasonCode.toString(16)}`);
    if (reasonCode === 0) accepted.push(packetId - 1);
  }
  return { accepted, refused: MESSAGES - accepted.length };
}

/** Acknowledges whatever comes until nothing more does. */
async function takeAll(client: MemoryClient): Promise<number[]> {
  let taken = 0;
  let released = 0;
  for (let idle = 0; idle < 3; idle += 1) {
    await turns(20);
    const messages = client.all('publish');
    const releases = client.all('pubrel');
    if (messages.length > taken || releases.length > released) idle = 0;
    for (const { qos, packetId } of messages.slice(taken)) client.send(acknowledgementBytes(qos === 1 ? 'puback' : 'pubrec', packetId));
    for (const { packetId } of releases.slice(released)) client.send(acknowledgementBytes('pubcomp', packetId));
    taken = messages.length;
    released = releases.length;
  }
  return client.all('publish').map(({ payload: body }) => (body.length < 4 ? -1 : body.readUInt32BE()));
}

interface Scene {
  readonly session: Readonly<Record<string, unknown>>;
  readonly qos: 1 | 2;
  readonly isPipelined: boolean;
  /** Connected, but its window is full; else away. */
  readonly isConnected: boolean;
}

async function play(scene: Scene): Promise<Account> {
  const { session, qos } = scene;
  await using house = await MemoryHouse.open({ session: { inflightMax: 5, ...session } });
  const options: ConnectOptions = { clientId: 'reader', clean: false, properties: { sessionExpiryInterval: 3600 } };
  let reader = await house.connect(5, options);
  reader.send(subscribeBytes(5, 1, [{ filter: 't', qos }]));
  await reader.packet('suback');
  if (!scene.isConnected) {
    reader.link.cut();
    await reader.link.whenClosed;
  }
  const { accepted, refused } = await publishAll(house, qos, scene.isPipelined);
  if (!scene.isConnected) reader = await house.connect(5, options);
  const delivered = await takeAll(reader);
  assert.deepEqual(house.errors, []);
  return { delivered, accepted, refused, dropped: house.counters.dropped['queue-full'] };
}

function assertBalanced({ delivered, accepted, refused, dropped }: Account): void {
  assert.equal(
    delivered.length + dropped,
    accepted.length,
    `${delivered.length} delivered, ${dropped} dropped, ${accepted.length} accepted`,
  );
  assert.equal(accepted.length + refused, MESSAGES);
  const owed = new Set(accepted);
  assert.ok(
    delivered.every((number) => owed.has(number)),
    'a message was delivered that was refused',
  );
  assert.deepEqual(
    delivered,
    delivered.toSorted((a, b) => a - b),
    'the order is broken',
  );
  assert.equal(new Set(delivered).size, delivered.length, 'a message was delivered twice');
}

const bounds = [
  ['messages', { queueMessagesMax: 50 }],
  ['bytes', { queueBytesMax: '60KiB' }],
] as const;
for (const [unit, bound] of bounds) {
  for (const qos of [1, 2] as const) {
    for (const isConnected of [false, true]) {
      for (const isPipelined of [false, true]) {
        const where = `queue limit in ${unit}, QoS ${qos}, reader ${isConnected ? 'slow' : 'away'}, ${isPipelined ? 'all at once' : 'one by one'}`;
        test(`drop-oldest keeps the newest and counts the others: ${where}`, async () => {
          const account = await play({ session: { ...bound, overflow: 'drop-oldest' }, qos, isConnected, isPipelined });
          assertBalanced(account);
          assert.equal(account.refused, 0);
          assert.ok(account.dropped >= 90, `${account.dropped} were dropped`);
          assert.equal(account.delivered.at(-1), MESSAGES - 1);
        });

        test(`drop-new keeps the oldest and counts the others: ${where}`, async () => {
          const account = await play({ session: { ...bound, overflow: 'drop-new' }, qos, isConnected, isPipelined });
          assertBalanced(account);
          assert.equal(account.refused, 0);
          assert.ok(account.dropped >= 90, `${account.dropped} were dropped`);
          assert.deepEqual(account.delivered, account.accepted.slice(0, account.delivered.length));
        });

        test(`reject tells the publisher with 0x97 and drops nothing: ${where}`, async () => {
          const account = await play({ session: { ...bound, overflow: 'reject' }, qos, isConnected, isPipelined });
          assertBalanced(account);
          assert.equal(account.dropped, 0);
          assert.ok(account.refused >= 90, `${account.refused} were refused`);
        });
      }
    }
  }
}

test('reject ends the connection of an MQTT 3.1.1 publisher, who cannot be told', async () => {
  await using house = await MemoryHouse.open({ session: { queueMessagesMax: 2, overflow: 'reject' } });
  const reader = await house.connect(4, { clientId: 'reader', clean: false });
  reader.send(subscribeBytes(4, 1, [{ filter: 't', qos: 1 }]));
  await reader.packet('suback');
  reader.link.cut();
  await reader.link.whenClosed;
  const publisher = await house.connect(4);
  for (let packetId = 1; packetId <= 2; packetId += 1) {
    publisher.send(publishBytes(4, { topic: 't', qos: 1, packetId }));
    await publisher.packet('puback', packetId - 1);
  }
  publisher.send(publishBytes(4, { topic: 't', qos: 1, packetId: 3 }));
  await publisher.refused(0x97);
  assert.equal(publisher.all('puback').length, 2);
});

test('a session that ends with its connection keeps at most session.memoryQueueBytesMax and drops the oldest', async () => {
  await using house = await MemoryHouse.open({ session: { inflightMax: 1, memoryQueueBytesMax: '60KiB' } });
  const reader = await house.connect(5);
  reader.send(subscribeBytes(5, 1, [{ filter: 't', qos: 1 }]));
  await reader.packet('suback');
  const { accepted } = await publishAll(house, 1, false);
  assert.equal(accepted.length, MESSAGES);
  const delivered = await takeAll(reader);
  assert.equal(delivered.length + house.counters.dropped['queue-full'], MESSAGES);
  assert.ok(delivered.length > 30 && delivered.length < 60, `${delivered.length} were kept`);
  assert.equal(delivered.at(-1), MESSAGES - 1);
});

test('session.queueMessagesMax also bounds a session that ends with its connection', async () => {
  await using house = await MemoryHouse.open({ session: { inflightMax: 1, queueMessagesMax: 20 } });
  const reader = await house.connect(5);
  reader.send(subscribeBytes(5, 1, [{ filter: 't', qos: 1 }]));
  await reader.packet('suback');
  await publishAll(house, 1, true);
  const delivered = await takeAll(reader);
  assert.equal(delivered.length, 21);
  assert.equal(house.counters.dropped['queue-full'], MESSAGES - 21);
});

test('QoS 0 for a client that is away is dropped and counted, or kept and bounded where session.storeQoS0 says so', async () => {
  for (const storeQoS0 of [false, true]) {
    await using house = await MemoryHouse.open({ session: { storeQoS0, queueMessagesMax: 20 } });
    const options: ConnectOptions = { clientId: 'reader', clean: false, properties: { sessionExpiryInterval: 3600 } };
    const reader = await house.connect(5, options);
    reader.send(subscribeBytes(5, 1, [{ filter: 't', qos: 0 }]));
    await reader.packet('suback');
    reader.link.cut();
    await reader.link.whenClosed;
    const publisher = await house.connect();
    for (let number = 0; number < MESSAGES; number += 1) publisher.send(publishBytes(5, { topic: 't', payload: payload(number) }));
    await publisher.alive();
    const again = await house.connect(5, options);
    await turns(20);
    const delivered = again.all('publish').length;
    assert.equal(delivered, storeQoS0 ? 20 : 0);
    const { dropped } = house.counters;
    assert.equal(delivered + dropped['queue-full'] + dropped['offline-qos-0'], MESSAGES);
  }
});

for (const [name, limits, kept] of [
  ['messages', { retainedMessagesMax: 3 }, 3],
  ['bytes', { retainedBytesMax: '4KiB' }, 3],
] as const) {
  test(`a retained message over the limit in ${name} gets 0x97, at QoS 0 it is counted; room that was freed is used`, async () => {
    await using house = await MemoryHouse.open({ limits });
    const client = await house.connect(5);
    const retain = async (topic: string, body: Buffer | string = PAYLOAD): Promise<number> => {
      const seen = client.all('puback').length;
      client.send(publishBytes(5, { topic, payload: body, qos: 1, retain: true, packetId: seen + 1 }));
      return (await client.packet('puback', seen)).reasonCode;
    };
    for (let number = 0; number < kept; number += 1) assert.equal(await retain(`r/${number}`), 0x10);
    assert.equal(await retain('r/over'), 0x97);
    assert.equal(await retain('r/0'), 0x10, 'a message may replace the one of its topic');
    client.send(publishBytes(5, { topic: 'r/quiet', payload: PAYLOAD, retain: true }));
    await client.alive();
    assert.equal(house.counters.dropped['retained-full'], 2);
    assert.equal(house.kernel.retained.count, kept);
    assert.equal(await retain('r/0', ''), 0x10);
    assert.equal(await retain('r/over'), 0x10);
  });
}

test('a message of a shared subscription that was joined after the others is stored with its group', async () => {
  await using house = await MemoryHouse.open({ session: { inflightMax: 1 } });
  const options: ConnectOptions = { clientId: 'member', clean: false, properties: { sessionExpiryInterval: 3600 } };
  const member = await house.connect(5, options);
  const publisher = await house.connect(5);
  for (const [index, name] of ['a', 'b', 'c'].entries()) {
    member.send(subscribeBytes(5, index + 1, [{ filter: `$share/g/${name}`, qos: 1 }]));
    await member.packet('suback', index);
    for (let number = 1; number <= 2; number += 1) {
      publisher.send(publishBytes(5, { topic: name, qos: 1, packetId: 2 * index + number, payload: `${name}${number}` }));
      await publisher.packet('puback', 2 * index + number - 1);
    }
  }
  // The session ends: what waits of the groups goes to another member.
  const heir = await house.connect(5);
  heir.send(
    subscribeBytes(
      5,
      1,
      ['a', 'b', 'c'].map((name) => ({ filter: `$share/g/${name}`, qos: 1 })),
    ),
  );
  await heir.packet('suback');
  member.link.cut();
  await member.link.whenClosed;
  const again = await house.connect(5, { clientId: 'member' });
  await takeAll(heir);
  assert.deepEqual(
    heir
      .all('publish')
      .map(({ payload: body }) => body.toString())
      .toSorted(),
    ['a1', 'a2', 'b1', 'b2', 'c1', 'c2'],
  );
  await again.alive();
});
