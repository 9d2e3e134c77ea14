import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ReasonCode } from '@wrenmq/codec';
import fc from 'fast-check';
import { author, TestHouse } from './test-house.ts';

const HOUR_MS = 3_600_000;

test('a message is published when it is due, once, with all that it had', async () => {
  const house = await TestHouse.open();
  const properties = { contentType: 'text/plain', userProperties: [['a', 'b']] as [string, string][] };
  assert.equal(house.publish({ topic: '$delayed/15/x/y', payload: 'later', qos: 2, retain: true, properties }), 'stored');
  await house.advance(14_999);
  assert.deepEqual(house.take(), []);
  await house.advance(1);
  const [message, ...others] = house.published;
  assert.deepEqual([message.topic, message.payload.toString(), message.qos, message.retain], ['x/y', 'later', 2, true]);
  assert.deepEqual([message.properties, message.publisher, message.delay, others], [properties, 'publisher', 0, []]);
  await house.advance(HOUR_MS);
  assert.equal(house.published.length, 1);
  assert.deepEqual(
    [house.delayed.statistics(), house.counters.delayedAccepted, house.counters.delayedPublished],
    [{ delayedMessages: 0 }, 1, 1],
  );
});

test('messages are published in the order of their times, those of one moment in the order in which they came', async () => {
  const house = await TestHouse.open();
  for (const [seconds, topic] of [
    [30, 'e'],
    [10, 'b'],
    [20, 'd'],
    [10, 'c'],
    [5, 'a'],
  ] as const)
    house.publish({ topic: `$delayed/${seconds}/${topic}` });
  await house.settle();
  await house.advance(9000);
  assert.deepEqual(house.take(), ['a']);
  house.clock.leap(HOUR_MS);
  await house.settle();
  assert.deepEqual(house.take(), ['b', 'c', 'd', 'e']);
});

test('a moment that is past, and no seconds at all, are now', async () => {
  const house = await TestHouse.open();
  const past = house.clock.wallMs() / 1000 - 60;
  assert.equal(house.publish({ topic: `$delayed/${past}/past` }), 'stored');
  assert.equal(house.publish({ topic: '$delayed/0/now' }), 'pass');
  await house.settle();
  assert.deepEqual(house.take(), ['past']);
});

test('what no client published is taken under its prefix, too', async () => {
  const house = await TestHouse.open();
  assert.equal(house.accept(house.message({ topic: '$delayed/5/a' }), null), 'stored');
  assert.equal(house.accept(house.message({ topic: '$delayed/0/b' }), null), 'stored');
  assert.equal(house.accept(house.message({ topic: 'c', delay: 5 }), null), 'stored');
  assert.deepEqual(house.accept(house.message({ topic: '$delayed/x/a' }), null), { reject: ReasonCode.TopicNameInvalid });
  assert.equal(house.accept(house.message({ topic: 'd' }), null), 'pass');
  await house.advance(5000);
  assert.deepEqual(house.take(), ['b', 'a', 'c']);
});

test('a clock that jumps forward makes due what it jumped over; one that jumps back makes nothing twice', async () => {
  const house = await TestHouse.open();
  house.publish({ topic: '$delayed/3600/a' });
  house.publish({ topic: '$delayed/7200/b' });
  await house.settle();
  house.clock.jumpWall(HOUR_MS);
  await house.advance(1000);
  assert.deepEqual(house.take(), ['a']);
  house.clock.jumpWall(-HOUR_MS);
  await house.advance(HOUR_MS);
  assert.deepEqual(house.take(), []);
  await house.advance(HOUR_MS);
  assert.deepEqual(house.take(), ['b']);
});

test('after a restart everything is there; what is overdue goes out at once, in order', async () => {
  const house = await TestHouse.open();
  for (const topic of ['$delayed/20/b', '$delayed/10/a', '$delayed/7200/later']) house.publish({ topic, payload: topic });
  await house.settle();
  house.delayed.stop();
  await house.advance(HOUR_MS);
  assert.deepEqual(house.take(), []);
  await house.restart();
  assert.equal(house.delayed.statistics().delayedMessages, 3);
  await house.settle();
  assert.deepEqual(house.take(), ['a', 'b']);
  await house.advance(HOUR_MS);
  assert.deepEqual(house.take(), ['later']);
});

test('who stops it in the middle waits for no more than what is under way; the rest is published after the restart', async () => {
  const house = await TestHouse.open();
  for (let i = 0; i < 300; i += 1) house.publish({ topic: `$delayed/5/${i}` });
  await house.settle();
  house.onPublished = () => house.delayed.stop();
  await house.advance(5000);
  const before = house.take();
  assert.ok(before.length < 200, `${before.length} were published`);
  house.onPublished = () => {};
  await house.restart();
  await house.settle();
  await house.settle();
  assert.deepEqual(
    [...before, ...house.take()],
    Array.from({ length: 300 }, (_, i) => `${i}`),
  );
});

test('no more than 64 MiB wait to be written', async () => {
  const house = await TestHouse.open();
  const payload = Buffer.alloc(1024 * 1024);
  for (let i = 0; i < 64; i += 1) assert.equal(house.publish({ topic: '$delayed/5/t', payload }), 'stored');
  assert.deepEqual(house.publish({ topic: '$delayed/5/t', payload }), { reject: ReasonCode.QuotaExceeded });
  await house.settle();
  assert.equal(house.publish({ topic: '$delayed/5/t', payload }), 'stored');
});

test('messages of one moment keep their order over restarts, and none replaces another', async () => {
  const house = await TestHouse.open();
  const moment = house.clock.wallMs() / 1000 + 60;
  for (let start = 0; start < 3; start += 1) {
    for (let i = 0; i < 2; i += 1) house.publish({ topic: `$delayed/${moment}/${start}.${i}` });
    await house.settle();
    house.delayed.stop();
    await house.restart();
  }
  await house.advance(60_000);
  assert.deepEqual(house.take(), ['0.0', '0.1', '1.0', '1.1', '2.0', '2.1']);
});

test('what cannot be published later is refused with 0x90', async () => {
  const house = await TestHouse.open();
  for (const topic of ['$delayed/abc/t', '$delayed/5', '$delayed/5/$share/g/t', '$delayed/42949670/t']) {
    assert.deepEqual(house.publish({ topic }), { reject: ReasonCode.TopicNameInvalid }, topic);
  }
  assert.equal((house.inbound({ topic: 't' }) as { topic: string }).topic, 't');
  assert.equal(house.delayed.statistics().delayedMessages, 0);
});

test('over the limit messages are refused with 0x97, until one was published; the limit can change', async () => {
  const house = await TestHouse.open({ messagesMax: 2 });
  assert.deepEqual(
    [5, 10, 15].map((seconds) => house.publish({ topic: `$delayed/${seconds}/t` })),
    ['stored', 'stored', { reject: ReasonCode.QuotaExceeded }],
  );
  assert.equal(house.counters.delayedRefused, 1);
  await house.settle();
  await house.advance(5000);
  assert.equal(house.publish({ topic: '$delayed/5/t' }), 'stored');
  house.delayed.reload({ enabled: true, messagesMax: 1 });
  assert.deepEqual(house.publish({ topic: '$delayed/5/t' }), { reject: ReasonCode.QuotaExceeded });
});

test('turned off it refuses new messages with 0x90, and publishes what waits', async () => {
  const house = await TestHouse.open();
  house.publish({ topic: '$delayed/5/t' });
  const will = house.inbound({ topic: '$delayed/5/will' });
  await house.settle();
  house.delayed.reload({ enabled: false, messagesMax: 1000 });
  assert.deepEqual(house.publish({ topic: '$delayed/5/t' }), { reject: ReasonCode.TopicNameInvalid });
  assert.ok(!('reject' in will));
  assert.deepEqual(house.accept(will), { reject: ReasonCode.TopicNameInvalid });
  await house.advance(5000);
  assert.deepEqual(house.take(), ['t']);
});

test('what the full disk refuses is forgotten, as its publisher is told; while it is full everything is refused with 0x97', async () => {
  const house = await TestHouse.open();
  house.isFull = true;
  assert.equal(house.publish({ topic: '$delayed/5/t', qos: 1 }), 'stored');
  assert.equal((await house.committer.durable())?.code, 'store.full');
  assert.deepEqual([house.delayed.statistics().delayedMessages, house.counters.delayedRefused], [0, 1]);
  assert.deepEqual(house.publish({ topic: '$delayed/5/t' }), { reject: ReasonCode.QuotaExceeded });
  house.isFull = false;
  await house.advance(1000);
  assert.equal(house.publish({ topic: '$delayed/5/t' }), 'stored');
  await house.settle();
  await house.advance(6000);
  assert.deepEqual(house.take(), ['t']);
});

test('what cannot be taken away because the disk is full is published when there is room, and not again and again before', async () => {
  const house = await TestHouse.open();
  house.publish({ topic: '$delayed/5/t' });
  await house.settle();
  house.isFull = true;
  await house.advance(5000);
  assert.deepEqual(house.take(), ['t']);
  for (let second = 0; second < 30; second += 1) await house.advance(1000);
  assert.deepEqual([house.take(), house.counters.delayedPublished, house.delayed.statistics().delayedMessages], [[], 0, 1]);
  house.isFull = false;
  for (let second = 0; second < 3; second += 1) await house.advance(1000);
  assert.deepEqual([house.take(), house.counters.delayedPublished, house.delayed.statistics().delayedMessages], [['t'], 1, 0]);
});

test('an expired message is dropped and counted; the interval of one that is not has run on', async () => {
  const house = await TestHouse.open();
  const expiring = (seconds: number): object => ({ qos: 1, properties: { messageExpiryInterval: seconds } });
  house.publish({ topic: '$delayed/60/expired', ...expiring(60) });
  house.publish({ topic: '$delayed/60/alive', ...expiring(61) });
  await house.settle();
  const expiresAtMs = house.clock.wallMs() + 61_000;
  await house.advance(60_000);
  assert.deepEqual([house.published[0].expiresAtMs, house.take()], [expiresAtMs, ['alive']]);
  const { delayedExpired, dropped } = house.counters;
  assert.deepEqual([delayedExpired, dropped.expired, house.delayed.statistics().delayedMessages], [1, 1, 0]);
});

test('who lost the right to publish meanwhile does not publish; the house itself is not asked', async () => {
  const house = await TestHouse.open();
  house.publish({ topic: '$delayed/5/secret' });
  house.publish({ topic: '$delayed/5/secret', payload: 'house' }, null);
  await house.settle();
  house.forbidden.add('secret');
  await house.advance(5000);
  assert.deepEqual([house.published.map(({ payload }) => payload.toString()), house.counters.dropped['not-authorized']], [['house'], 1]);
});

test('what a hook rejects is dropped and counted; what a full queue refuses is tried again, and keeps nobody waiting', async () => {
  const house = await TestHouse.open();
  house.full.add('full');
  house.rejected.add('rejected');
  for (const topic of ['full', 'rejected', 'well']) house.publish({ topic: `$delayed/5/${topic}` });
  await house.settle();
  await house.advance(5000);
  assert.deepEqual([house.take(), house.counters.dropped.rejected, house.delayed.statistics().delayedMessages], [['well'], 1, 1]);
  house.full.clear();
  await house.advance(9999);
  assert.deepEqual(house.take(), []);
  await house.advance(1);
  assert.deepEqual([house.take(), house.delayed.statistics().delayedMessages], [['full'], 0]);
});

test('what waits can be listed, page by page, and looked at', async () => {
  const house = await TestHouse.open();
  const nowMs = house.clock.wallMs();
  for (let i = 300; i > 0; i -= 1) house.publish({ topic: `$delayed/${i}/t${i}`, payload: `${i}`, qos: 1 });
  await house.settle();
  const ids: string[] = [];
  const topics: string[] = [];
  for (let page = await house.delayed.list(70); page.length > 0; page = await house.delayed.list(70, ids.at(-1))) {
    assert.ok(page.length <= 70);
    for (const { id, topic } of page) {
      ids.push(id);
      topics.push(topic);
    }
  }
  assert.deepEqual(
    topics,
    Array.from({ length: 300 }, (_, i) => `t${i + 1}`),
  );
  const { payload, properties, ...row } = (await house.delayed.get(ids[41]))!;
  assert.deepEqual([payload.toString(), properties], ['42', {}]);
  assert.deepEqual(row, {
    id: ids[41],
    topic: 't42',
    qos: 1,
    retain: false,
    publisher: 'publisher',
    username: 'ann',
    receivedAtMs: nowMs,
    dueAtMs: nowMs + 42_000,
    expiresAtMs: null,
    payloadBytes: 2,
  });
  for (const id of ['', 'x', '0'.repeat(32), ids[0].slice(1)]) assert.equal(await house.delayed.get(id), null);
});

test('a cancelled message is not published, and gone for good when cancelling resolves', async () => {
  const house = await TestHouse.open();
  house.publish({ topic: '$delayed/5/a' });
  house.publish({ topic: '$delayed/5/b' });
  await house.settle();
  const [{ id }] = await house.delayed.list();
  assert.equal(await house.delayed.cancel(id), true);
  house.delayed.stop();
  await house.restart();
  await house.advance(5000);
  assert.deepEqual(house.take(), ['b']);
  for (const unknown of [id, 'x', '0'.repeat(32)]) assert.equal(await house.delayed.cancel(unknown), false);
});

test('a message sent now is not sent again; one that nobody can take stays as it was', async () => {
  const house = await TestHouse.open();
  house.publish({ topic: '$delayed/5/a' });
  house.publish({ topic: '$delayed/3600/full' });
  await house.settle();
  const [a, full] = await house.delayed.list();
  assert.equal(await house.delayed.sendNow(a.id), 'published');
  assert.deepEqual(house.take(), ['a']);
  house.full.add('full');
  assert.equal(await house.delayed.sendNow(full.id), 'full');
  assert.deepEqual(await house.delayed.list(), [full]);
  assert.equal(await house.delayed.sendNow(a.id), null);
  house.full.clear();
  await house.advance(HOUR_MS);
  assert.deepEqual(house.take(), ['full']);
});

test('when the disk is full nothing is cancelled, and who asked is told so', async () => {
  const house = await TestHouse.open();
  house.publish({ topic: '$delayed/60/a' });
  await house.settle();
  const [{ id }] = await house.delayed.list();
  house.isFull = true;
  await assert.rejects(house.delayed.cancel(id), { code: 'delayed.full', retryable: true });
  house.isFull = false;
  await house.advance(60_000);
  assert.deepEqual(house.take(), ['a']);
});

test('whatever is published, cancelled, sent and restarted at whatever time: each message goes out once, in time, or was taken away', async () => {
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constant('publish' as const), seconds: fc.nat(30) }) },
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('advance' as const), seconds: fc.nat(15) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('cancel' as const, 'send' as const), seconds: fc.nat(30) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart' as const), seconds: fc.nat(20) }) },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const house = await TestHouse.open();
      /** What is owed: name and due time. */
      const owed = new Map<string, number>();
      let count = 0;
      const check = (): void => {
        for (const name of house.take()) {
          assert.ok((owed.get(name) ?? Infinity) <= house.clock.wallMs(), `${name} is owed by now`);
          owed.delete(name);
        }
        for (const [name, dueMs] of owed) assert.ok(dueMs > house.clock.wallMs(), `${name} is late`);
      };
      for (const { kind, seconds } of steps) {
        if (kind === 'publish') {
          const delay = seconds + 1;
          house.publish({ topic: `$delayed/${delay}/${(count += 1)}` });
          owed.set(`${count}`, house.clock.wallMs() + delay * 1000);
          await house.settle();
        } else if (kind === 'advance') await house.advance(seconds * 1000);
        else if (kind === 'restart') {
          house.delayed.stop();
          await house.advance(seconds * 1000);
          await house.restart();
          await house.settle();
        } else {
          const row = (await house.delayed.list()).at(seconds % 7);
          if (row !== undefined && kind === 'cancel' && (await house.delayed.cancel(row.id))) owed.delete(row.topic);
          if (row !== undefined && kind === 'send') {
            owed.set(row.topic, 0);
            assert.equal(await house.delayed.sendNow(row.id), 'published');
          }
        }
        check();
      }
      assert.equal(house.delayed.statistics().delayedMessages, owed.size);
      await house.advance(60_000);
      check();
      assert.equal(owed.size, 0);
    }),
    { numRuns: 40, seed: 20261121 },
  );
});

test('nobody is taken for the author of what the house published', async () => {
  const house = await TestHouse.open();
  house.publish({ topic: '$delayed/5/a' }, null);
  house.publish({ topic: '$delayed/6/b' }, author);
  await house.settle();
  assert.deepEqual(
    (await house.delayed.list()).map(({ username }) => username),
    [null, 'ann'],
  );
});
