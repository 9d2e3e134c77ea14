import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Batch } from '#store/store.ts';
import { message, openHouse, readAll, settle, type StoreManner } from './test-house.ts';

const manners: readonly StoreManner[] = ['knows', 'reads', 'slow'];

async function payloadOf(house: Awaited<ReturnType<typeof openHouse>>, topic: string): Promise<string | null> {
  return (await house.retained.get(topic))?.payload.toString() ?? null;
}

test('a message is retained, replaced and cleared, and every reader sees it at once [MQTT-3.3.1-5] [MQTT-3.3.1-6]', async () => {
  const house = await openHouse();
  assert.equal(house.retained.set(message('a/b', '1')), 'stored');
  assert.equal(await payloadOf(house, 'a/b'), '1');
  house.committer.seal();
  assert.equal(await payloadOf(house, 'a/b'), '1', 'while it is written');
  assert.equal(house.retained.set(message('a/b', '2')), 'stored');
  assert.equal(await payloadOf(house, 'a/b'), '2');
  await house.committer.finish();
  await house.committer.commit();
  assert.equal(await payloadOf(house, 'a/b'), '2');
  assert.equal(house.retained.set(message('a/b', '')), 'cleared');
  assert.equal(await payloadOf(house, 'a/b'), null);
  await house.committer.commit();
  assert.equal(await payloadOf(house, 'a/b'), null);
  assert.equal(await house.store.count('retained'), 0);
  assert.equal(house.retained.count, 0);
  assert.equal(house.retained.bytes, 0);
});

test('a message with an empty payload is never stored as a retained message [MQTT-3.3.1-7]', async () => {
  const house = await openHouse();
  assert.equal(house.retained.set(message('a', '')), 'cleared');
  assert.equal((await house.committer.commit()).isEmpty, true);
  assert.deepEqual(await readAll(house.retained, '#'), []);
});

test('what is retained survives with everything it says', async () => {
  const house = await openHouse();
  house.retained.set(message('a', 'x', 60));
  await house.committer.commit();
  const found = await (await house.reopen()).get('a');
  assert.equal(found?.qos, 1);
  assert.equal(found?.retain, true);
  assert.equal(found?.publisher, 'test');
  assert.equal(found?.expiresAtMs, 1_060_000);
  assert.equal(found?.properties.messageExpiryInterval, 60);
});

test('several changes of a topic in one batch cost one write', async () => {
  const house = await openHouse();
  for (let round = 0; round < 5; round += 1) house.retained.set(message('a', `${round}`));
  const { changes } = await house.committer.commit();
  assert.deepEqual(
    changes.map(({ table }) => table),
    ['retained', 'meta'],
  );
  assert.equal(await payloadOf(house, 'a'), '4');
});

test('a message of a connection is copied before its buffer is used again', async () => {
  const house = await openHouse();
  const one = message('a', 'payload');
  one.isHeld = false;
  one.bytes = Buffer.concat([Buffer.alloc(2), one.bytes]);
  for (const slice of ['topicStart', 'topicEnd', 'propertiesStart', 'propertiesEnd', 'payloadStart', 'payloadEnd'] as const)
    one[slice] += 2;
  const readBuffer = one.bytes;
  house.retained.set(one);
  readBuffer.fill(0);
  assert.equal(await payloadOf(house, 'a'), 'payload');
});

for (const manner of manners) {
  test(`count and bytes are what the table holds, also after a restart (the store ${manner})`, async () => {
    const house = await openHouse({}, manner);
    for (let round = 0; round < 6; round += 1) {
      for (let index = 0; index < 10; index += 1) house.retained.set(message(`a/${index}`, 'x'.repeat(1 + ((index * round) % 7))));
      house.retained.delete(`a/${round}`);
      house.retained.delete('none');
      await house.committer.commit();
    }
    await settle();
    if (house.committer.isJoined) await house.committer.commit();
    assert.equal(house.retained.count, await house.store.count('retained'));
    const scanned = house.store.recordsScanned;
    const again = await house.reopen();
    assert.equal(house.store.recordsScanned, scanned, 'nothing had to be counted');
    assert.equal(again.count, house.retained.count);
    assert.equal(again.bytes, house.retained.bytes);
    const batch = new Batch();
    batch.delete('meta', Buffer.from('retained'));
    await house.store.commit(batch);
    const counted = await house.reopen();
    assert.equal(counted.count, house.retained.count);
    assert.equal(counted.bytes, house.retained.bytes);
    assert.ok(counted.sequence <= house.retained.sequence);
  });
}

test('totals that do not agree with the table are counted anew', async () => {
  const house = await openHouse();
  for (const topic of ['a', 'b', 'c']) house.retained.set(message(topic, 'x'));
  await house.committer.commit();
  const batch = new Batch();
  batch.delete('retained', Buffer.from('b'));
  await house.store.commit(batch);
  assert.equal((await house.reopen()).count, 2);
});

test('a new topic beyond the number that is allowed is refused, another message for a topic is not', async () => {
  const house = await openHouse({ messagesMax: 2 });
  assert.equal(house.retained.set(message('a', '1')), 'stored');
  await house.committer.commit();
  assert.equal(house.retained.set(message('b', '1')), 'stored');
  assert.equal(house.retained.set(message('c', '1')), 'refused');
  assert.equal(house.retained.set(message('a', '2')), 'stored');
  assert.equal(house.retained.set(message('b', '2')), 'stored');
  await house.committer.commit();
  assert.deepEqual(await readAll(house.retained, '#'), ['a=2', 'b=2']);
  assert.equal(house.retained.set(message('a', '')), 'cleared');
  assert.equal(house.retained.set(message('c', '2')), 'stored');
  assert.equal(house.retained.set(message('a', '3')), 'refused', 'its place is taken');
  await house.committer.commit();
  assert.deepEqual(await readAll(house.retained, '#'), ['b=2', 'c=2']);
  assert.equal(house.retained.count, 2);
});

test('where the store must be read to know a topic, a new one beyond the limit is dropped before it is written', async () => {
  const house = await openHouse({ messagesMax: 2 }, 'reads');
  for (const topic of ['a', 'b']) house.retained.set(message(topic, '1'));
  await settle();
  await house.committer.commit();
  assert.equal(house.retained.set(message('a', '2')), 'stored');
  assert.equal(house.retained.set(message('c', '1')), 'stored');
  await settle();
  await house.committer.commit();
  assert.deepEqual(await readAll(house.retained, '#'), ['a=2', 'b=1']);
  assert.equal(house.retained.count, 2);
  assert.equal(house.counters.dropped['retained-full'], 1);
});

test('beyond the bytes that are allowed a larger message is refused, and a smaller one replaces', async () => {
  const house = await openHouse({ bytesMax: 1_000 });
  assert.equal(house.retained.set(message('a', 'x'.repeat(600))), 'stored');
  assert.equal(house.retained.set(message('b', 'x'.repeat(600))), 'refused');
  assert.equal(house.retained.set(message('a', 'x'.repeat(1_000))), 'refused');
  assert.equal((await house.retained.get('a'))?.payloadBytes, 600);
  assert.equal(house.retained.set(message('a', 'x'.repeat(500))), 'stored');
  await house.committer.commit();
  assert.equal((await house.retained.get('a'))?.payloadBytes, 500);
  assert.ok(house.retained.bytes > 500 && house.retained.bytes < 600);
});

test('a payload larger than allowed is refused', async () => {
  const house = await openHouse({ payloadBytesMax: 4 });
  assert.equal(house.retained.set(message('a', '12345')), 'refused');
  assert.equal(house.retained.set(message('a', '1234')), 'stored');
});

test('what waits for the disk is bounded', async () => {
  const house = await openHouse();
  const payload = 'x'.repeat(8 * 1024 * 1024);
  const answers = Array.from({ length: 10 }, (_, index) => house.retained.set(message(`${index}`, payload)));
  assert.equal(answers.filter((answer) => answer === 'stored').length, 8);
  assert.equal(answers[9], 'refused');
  assert.equal(house.retained.set(message('0', 'y')), 'stored', 'a topic that waits already may change');
  await house.committer.commit();
  assert.equal(house.retained.set(message('10', payload)), 'stored');
});

test('a message that is replaced before it is written does not count for what waits', async () => {
  const house = await openHouse();
  const payload = 'x'.repeat(8 * 1024 * 1024);
  for (let round = 0; round < 10; round += 1) assert.equal(house.retained.set(message('a', payload)), 'stored');
  assert.equal(house.retained.set(message('b', 'y')), 'stored');
});

test('after a batch that the disk refused its messages are gone and what was retained stays', async () => {
  const house = await openHouse();
  house.retained.set(message('a', 'old'));
  await house.committer.commit();
  const { bytes } = house.retained;
  house.retained.set(message('a', 'new'));
  house.retained.set(message('b', 'new'));
  house.committer.seal();
  await house.committer.finish(true);
  assert.deepEqual(await readAll(house.retained, '#'), ['a=old']);
  assert.equal(house.retained.count, 1);
  assert.equal(house.retained.bytes, bytes);
  assert.equal(house.counters.dropped['store-full'], 2);
  assert.equal(house.committer.isJoined, false);
});

test('after a batch that the disk refused a clear waits for the next one', async () => {
  const house = await openHouse();
  for (const topic of ['a', 'b', 'c']) house.retained.set(message(topic, 'old'));
  await house.committer.commit();
  house.retained.set(message('a', ''));
  house.retained.set(message('b', ''));
  house.retained.set(message('b', 'new'));
  house.retained.set(message('c', ''));
  house.committer.seal();
  house.retained.set(message('c', 'later'));
  await house.committer.finish(true);
  assert.deepEqual(await readAll(house.retained, '#'), ['c=later'], 'a message set after a clear in one batch goes, the clear stays');
  assert.equal(house.committer.isJoined, true);
  house.committer.seal();
  await house.committer.finish(true);
  assert.deepEqual(await readAll(house.retained, '#'), [], 'the clear below the later message stays too');
  await house.committer.commit();
  assert.equal(await house.store.count('retained'), 0);
  assert.equal(house.retained.count, 0);
  assert.equal(house.retained.bytes, 0);
});

test('a message that expired is not given to anybody [MQTT-3.3.2-5]', async () => {
  const house = await openHouse();
  house.retained.set(message('a', 'x', 10));
  house.retained.set(message('b', 'x'));
  assert.deepEqual(await readAll(house.retained, '#'), ['a=x', 'b=x']);
  house.time.ms += 10_000;
  assert.equal(await house.retained.get('a'), null);
  assert.deepEqual(await readAll(house.retained, '#'), ['b=x']);
  await house.committer.commit();
  assert.equal(await house.retained.get('a'), null);
  assert.deepEqual(await readAll(house.retained, '#'), ['b=x']);
  assert.equal(house.retained.count, 1, 'the reader has cleared it');
  await house.committer.commit();
  assert.equal(await house.store.count('retained'), 1);
});

test('sweeping clears what has expired, a bounded number of records at a time', async () => {
  const house = await openHouse();
  for (let index = 0; index < 100; index += 1) house.retained.set(message(`t/${index}`, 'x', index % 2 === 0 ? 5 : 500));
  await house.committer.commit();
  assert.equal(await house.retained.sweep(1_000), 0);
  house.time.ms += 5_000;
  house.store.recordsScanned = 0;
  let swept = 0;
  for (let call = 0; call < 12; call += 1) swept += await house.retained.sweep(10);
  assert.equal(swept, 50);
  assert.ok(house.store.recordsScanned <= 120);
  assert.equal(house.retained.count, 50);
  await house.committer.commit();
  assert.equal(await house.store.count('retained'), 50);
});

test('sweeping reads nothing as long as no message expires', async () => {
  const house = await openHouse();
  house.retained.set(message('a', 'x'));
  await house.committer.commit();
  house.store.recordsScanned = 0;
  assert.equal(await house.retained.sweep(10), 0);
  assert.equal(house.store.recordsScanned, 0);
});

test('sweeping leaves a message alone that was set while it read the expired one', async () => {
  const house = await openHouse({}, 'slow');
  house.retained.set(message('a', 'old', 1));
  await house.committer.commit();
  house.time.ms += 1_000;
  const sweep = house.retained.sweep(10);
  house.retained.set(message('a', 'new'));
  await house.committer.commit();
  await sweep;
  await house.committer.commit();
  assert.equal(await payloadOf(house, 'a'), 'new');
});

test('the user name of who published it is kept with it, and counted', async () => {
  const house = await openHouse();
  house.retained.set(message('a', 'x'), 'müller');
  assert.equal((await house.retained.find('a'))?.username, 'müller');
  await house.committer.commit();
  for await (const [record] of house.store.scan('retained')) {
    assert.equal(house.retained.bytes, record.key.length + record.value.length);
  }
  const again = await house.reopen();
  assert.equal((await again.find('a'))?.username, 'müller');
  house.retained.set(message('a', 'y'));
  assert.equal((await house.retained.find('a'))?.username, null);
});

test('what is retained too fast is refused, by all publishers together; what clears is not', async () => {
  const house = await openHouse({ storeRatePerSecond: 2 });
  for (const topic of ['a', 'b']) assert.equal(house.retained.set(message(topic, '1')), 'stored');
  assert.equal(house.retained.set(message('c', '1')), 'too-fast');
  assert.equal(house.retained.set(message('a', '')), 'cleared');
  house.advance(500);
  assert.equal(house.retained.set(message('c', '1')), 'stored');
  assert.equal(house.retained.set(message('c', '2')), 'too-fast');
  house.retained.reconfigure({ ...house.retained.settings, storeRatePerSecond: Infinity, stopPublishClearMessage: true });
  assert.equal(house.retained.set(message('c', '2')), 'stored');
  assert.equal(house.retained.set(message('c', '')), 'silenced');
});
