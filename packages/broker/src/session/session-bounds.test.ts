import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Batch } from '#store/store.ts';
import { queueKey } from './durable-queue.ts';
import type { Session } from './session.ts';
import { numbered, TestHouse, type TestSink, turns } from './test-house.ts';

/** A durable session that is away. */
function away(house: TestHouse): Session {
  const { session } = house.connect('c');
  house.release(session);
  return session;
}

/** Everything that a client gets who acknowledges at once. */
async function drain(house: TestHouse, receiveMaximum = 10): Promise<{ sink: TestSink; received: string[] }> {
  const { session, sink } = house.attach('c');
  sink.receiveMaximum = receiveMaximum;
  session.resume();
  const received: string[] = [];
  for (let idle = 0; idle < 40; idle += 1) {
    const sent = sink.take();
    if (sent.length > 0) idle = 0;
    received.push(...sent);
    for (const packetId of sink.packetIds.splice(0)) if (packetId > 0) session.acknowledge(packetId);
    await turns(1);
  }
  await house.settle();
  return { sink, received };
}

describe('a full queue', () => {
  for (const [limit, kind] of [
    ['queueMessagesMax', 'messages'],
    ['queueBytesMax', 'bytes'],
  ] as const) {
    test(`of so many ${kind} drops the oldest, and counts it`, async () => {
      const house = new TestHouse({ overflow: 'drop-oldest', [limit]: kind === 'messages' ? 3 : 3 * 3 });
      const session = away(house);
      for (const payload of numbered('m', 1, 5)) house.offer(session, payload);
      assert.deepEqual([session.waiting, session.queuedBytes], [3, 9]);
      assert.deepEqual(house.dropsFor('queue-full'), ['m1', 'm2']);
      assert.equal(house.counters.dropped['queue-full'], 2);
      assert.equal(session.dropped?.get('queue-full'), 2);
      assert.deepEqual((await drain(house)).received, ['m3', 'm4', 'm5']);
    });

    test(`of so many ${kind} drops the new one with drop-new, and says with reject that it would`, async () => {
      for (const overflow of ['drop-new', 'reject'] as const) {
        const house = new TestHouse({ overflow, [limit]: kind === 'messages' ? 3 : 3 * 3 });
        const session = away(house);
        for (const payload of numbered('m', 1, 3)) {
          assert.equal(session.isFull(3), false);
          house.offer(session, payload);
        }
        assert.equal(session.isFull(3), true);
        house.offer(session, 'm4');
        assert.deepEqual(house.dropsFor('queue-full'), ['m4']);
        assert.deepEqual((await drain(house)).received, ['m1', 'm2', 'm3']);
        assert.equal(session.isFull(3), false);
      }
    });
  }

  test('in memory drops the oldest, or the new one', () => {
    for (const overflow of ['drop-oldest', 'drop-new'] as const) {
      const house = new TestHouse({ overflow, memoryQueueBytesMax: 5000, inflightMax: 1 });
      const { session, sink } = house.connect('c', { expiryInterval: 0 });
      for (const index of [1, 2, 3, 4, 5]) house.offer(session, `${index}`.padEnd(1000));
      assert.ok(session.queuedBytes <= 5000);
      house.offer(session, 'x'.repeat(4000));
      for (let packetId = 1; packetId <= 6; packetId += 1) session.acknowledge(packetId);
      const kept = overflow === 'drop-oldest' ? ['1', 'x'] : ['1', '2'];
      assert.deepEqual(
        sink.sent.slice(0, 2).map((payload) => payload[0]),
        kept,
      );
      assert.equal(house.counters.dropped['queue-full'] + sink.sent.length, 6);
    }
  });

  test('in memory takes no message that is larger than its bound', () => {
    const house = new TestHouse({ memoryQueueBytesMax: 2000, inflightMax: 1 });
    const { session } = house.connect('c', { expiryInterval: 0 });
    house.offer(session, 'sent');
    house.offer(session, 'y'.repeat(3000));
    assert.equal(session.waiting, 0);
    assert.equal(house.counters.dropped['queue-full'], 1);
  });

  test('does not hold up what can be sent at once', () => {
    for (const overflow of ['drop-oldest', 'drop-new'] as const) {
      const house = new TestHouse({ overflow, queueMessagesMax: 1, memoryQueueBytesMax: 0 });
      for (const expiryInterval of [0, 3600]) {
        const { session, sink } = house.connect(`c${expiryInterval}`, { expiryInterval });
        for (const payload of ['m1', 'm2', 'm3']) house.offer(session, payload);
        assert.deepEqual(sink.sent, ['m1', 'm2', 'm3']);
      }
      assert.deepEqual(house.drops, []);
    }
  });

  test('that is read back at exactly its bound loses nothing, under every policy', async () => {
    for (const overflow of ['drop-oldest', 'drop-new', 'reject'] as const) {
      const before = new TestHouse({ overflow, queueMessagesMax: 5 });
      const session = away(before);
      for (const payload of numbered('m', 1, 5)) before.offer(session, payload);
      await before.settle();
      const house = await before.restart();
      assert.deepEqual((await drain(house)).received, numbered('m', 1, 5));
      assert.deepEqual(house.drops, []);
    }
  });

  test('whose oldest messages lie on disk drops these as soon as they are read', async () => {
    const before = new TestHouse({ queueMessagesMax: 5 });
    const session = away(before);
    for (const payload of numbered('m', 1, 5)) before.offer(session, payload);
    await before.settle();
    const house = await before.restart();
    const again = house.sessions.get('c')!;
    for (const payload of numbered('m', 6, 8)) house.offer(again, payload);
    await house.settle();
    assert.equal(again.waiting, 5);
    assert.deepEqual(house.dropsFor('queue-full'), ['m1', 'm2', 'm3']);
    assert.deepEqual((await drain(house)).received, numbered('m', 4, 8));
  });
});

describe('thousands of messages for a session that is away', () => {
  test('come in order, each once, through memory, disk and a window of ten', async () => {
    const house = new TestHouse();
    const session = away(house);
    for (let from = 1; from <= 3000; from += 300) {
      for (const payload of numbered('m', from, from + 299)) house.offer(session, payload);
      await house.settle();
    }
    assert.equal(session.waiting, 3000);
    const { received } = await drain(house);
    assert.deepEqual(received, numbered('m', 1, 3000));
    assert.deepEqual([session.waiting, session.queuedBytes, house.log.records], [0, 0, 0]);
    assert.deepEqual(await house.records(), { session: 1, queue: 0, log: 0 });
  });

  test('also while more come in and reading takes its time', async () => {
    const house = new TestHouse();
    const session = away(house);
    for (let from = 1; from <= 1000; from += 100) {
      for (const payload of numbered('m', from, from + 99)) house.offer(session, payload);
      await house.settle();
    }
    house.store.readTurns = 1;
    const { sink } = house.attach('c');
    sink.receiveMaximum = 7;
    session.resume();
    for (let next = 1001; next <= 1500; next += 1) {
      house.offer(session, `m${next}`);
      for (const packetId of sink.packetIds.splice(0)) session.acknowledge(packetId);
      await turns(1);
    }
    for (let idle = 0; idle < 200; idle += 1) {
      if (sink.packetIds.length > 0) idle = 0;
      for (const packetId of sink.packetIds.splice(0)) session.acknowledge(packetId);
      await turns(1);
    }
    assert.deepEqual(sink.sent, numbered('m', 1, 1500));
    await house.settle();
    assert.deepEqual(await house.records(), { session: 1, queue: 0, log: 0 });
  });

  test('stay on disk but for a bounded number', async () => {
    const house = new TestHouse();
    const session = away(house);
    const messages: WeakRef<object>[] = [];
    for (let from = 1; from <= 4000; from += 200) {
      for (const payload of numbered('m', from, from + 199)) messages.push(new WeakRef(house.offer(session, payload)));
      await house.settle();
    }
    const alive = collect(messages);
    assert.ok(alive <= 64, `${alive} deliveries are in memory`);
  });

  for (const isConnected of [false, true]) {
    test(`stay on disk but for a bounded number of bytes, for a client that is ${isConnected ? 'slow' : 'away'}`, async () => {
      const house = new TestHouse();
      const { session, sink } = house.attach('c');
      if (isConnected) {
        sink.receiveMaximum = 1;
        session.resume();
      } else house.release(session);
      const messages: WeakRef<object>[] = [];
      for (let i = 0; i < 50; i += 1) {
        messages.push(new WeakRef(house.offer(session, `${i} ${'x'.repeat(100_000)}`).message));
        await house.settle();
      }
      const alive = collect(messages);
      // Under way, in memory up to 256 KiB, and one that the log has just written.
      assert.ok(alive <= (isConnected ? 1 + 3 : 0) + 1, `${alive} messages are in memory`);
      const received: string[] = [];
      const { sink: again } = isConnected ? { sink } : house.connect('c');
      for (let idle = 0; received.length < 50 && idle < 50; idle += 1) {
        for (const packetId of again.packetIds.splice(0)) session.acknowledge(packetId);
        received.push(...again.sent.splice(0).map((payload) => payload.split(' ')[0]));
        await house.settle();
      }
      assert.deepEqual(received, numbered('', 0, 49));
      assert.equal(session.waiting, 0);
    });
  }

  test('leave nothing in memory when the client has them', async () => {
    const house = new TestHouse();
    const { session } = house.connect('c');
    const messages: WeakRef<object>[] = [];
    for (let packetId = 1; packetId <= 20; packetId += 1) {
      messages.push(new WeakRef(house.offer(session, 'x'.repeat(3000))));
      await house.settle();
      session.acknowledge(packetId);
      await house.settle();
    }
    (session.sink as TestSink).deliveries.splice(0);
    await turns(2);
    assert.equal(collect(messages), 0);
  });

  test('whose record is lost on disk are counted, and the others come', async () => {
    const before = new TestHouse();
    const session = away(before);
    for (const payload of numbered('m', 1, 640)) before.offer(session, payload);
    await before.settle();
    const house = await before.restart();
    const batch = new Batch();
    for (const sequence of [3, 10]) batch.delete('queue', queueKey(session.number, sequence));
    await house.store.disk.commit(batch);
    const { received } = await drain(house);
    assert.deepEqual(received, [...numbered('m', 1, 128), ...numbered('m', 193, 576)]);
    assert.equal(house.counters.dropped.damaged, 128);
    const { waiting, queuedBytes } = house.sessions.get('c')!;
    assert.deepEqual([waiting, queuedBytes], [0, 0]);
  });
});

describe('QoS 0 for a session that is away', () => {
  test('is kept where that is asked for, sent once, and forgotten', async () => {
    const house = new TestHouse({ storeQoS0: true });
    let asked = 0;
    house.events.onOutbound = (_session, message) => {
      asked += 1;
      return message;
    };
    const session = away(house);
    house.offer(session, 'zero', 0);
    house.offer(session, 'one', 1);
    await house.settle();
    const { received } = await drain(house);
    assert.deepEqual(received, ['zero', 'one']);
    assert.equal(asked, 2);
    assert.deepEqual([session.queuedBytes, await house.records()], [0, { session: 1, queue: 0, log: 0 }]);
  });

  test('is kept as the hook has made it, and freed', async () => {
    const house = new TestHouse({ storeQoS0: true });
    house.events.onOutbound = (_session, message) => house.message(`${message.payload.toString()}!`, 0);
    house.offer(away(house), 'zero', 0);
    await house.settle();
    assert.deepEqual((await drain(house)).received, ['zero!']);
    assert.deepEqual(await house.records(), { session: 1, queue: 0, log: 0 });
  });

  test('is not sent again by the next process [MQTT-4.3.1-1]', async () => {
    const before = new TestHouse({ storeQoS0: true });
    const session = away(before);
    before.offer(session, 'zero', 0);
    before.offer(session, 'one', 1);
    await before.settle();
    const { sink } = before.connect('c');
    await before.settle();
    assert.deepEqual(sink.sent, ['zero', 'one']);
    const house = await before.restart();
    assert.deepEqual((await drain(house)).received, ['dup:one']);
  });

  test('is not sent again either when the client stopped reading behind it', async () => {
    const before = new TestHouse({ storeQoS0: true });
    const session = away(before);
    before.offer(session, 'zero', 0);
    before.offer(session, 'one', 1);
    await before.settle();
    const { sink } = before.attach('c');
    const send = sink.send.bind(sink);
    sink.send = (delivery) => {
      sink.isWritable = false;
      return send(delivery);
    };
    session.resume();
    await before.settle();
    assert.deepEqual(sink.sent, ['zero']);
    assert.deepEqual((await drain(await before.restart())).received, ['one']);
  });

  test('respects the queue limit and is not kept for a session that ends with its connection', () => {
    const house = new TestHouse({ storeQoS0: true, queueMessagesMax: 1, overflow: 'drop-new' });
    const session = away(house);
    house.offer(session, 'kept', 0);
    house.offer(session, 'no room', 0);
    const short = house.attach('short', { expiryInterval: 0 }).session;
    house.offer(short, 'not kept', 0);
    assert.deepEqual(house.drops, [
      { payload: 'no room', reason: 'queue-full' },
      { payload: 'not kept', reason: 'offline-qos-0' },
    ]);
  });

  test('is not kept while the disk is full: nobody else should be refused with it', async () => {
    const house = new TestHouse({ storeQoS0: true });
    const session = away(house);
    await house.settle();
    house.committer.isFull = true;
    house.offer(session, 'zero', 0);
    assert.deepEqual(house.drops, [{ payload: 'zero', reason: 'store-full' }]);
    assert.equal(session.waiting, 0);
  });
});

/** Collects garbage; how many are left. */
function collect(objects: readonly WeakRef<object>[]): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  return objects.filter((reference) => reference.deref() !== undefined).length;
}
