import assert from 'node:assert/strict';
import { test } from 'node:test';
import { publishBytes, subscribeBytes } from '@wrenmq/testkit';
import { turns } from '#root/test/fuzz/memory-client.ts';
import { MemoryHouse } from '#root/test/fuzz/memory-house.ts';
import { usedBytes } from '#root/test/fuzz/measure.ts';

// What the broker remembers for speed, fed by those who send: it has a bound in bytes, not only in entries.

const MIB = 1024 * 1024;

test('topic names of 64 KB, each used once, are not remembered without bound', async () => {
  await using house = await MemoryHouse.open();
  const publisher = await house.connect();
  const before = await usedBytes();
  for (let number = 0; number < 2500; number += 1) {
    publisher.send(publishBytes(5, { topic: `${number}${'t'.repeat(65_000)}` }));
    await turns(2);
  }
  await publisher.alive();
  const grown = (await usedBytes()) - before;
  assert.ok(grown < 80 * MIB, `${Math.round(grown / MIB)} MiB are kept of 155`);
});

test('the receivers of many topics, each wanted by many clients, are not remembered without bound', async () => {
  await using house = await MemoryHouse.open();
  const publisher = await house.connect();
  for (let number = 0; number < 500; number += 1) {
    const subscriber = await house.connect();
    subscriber.send(subscribeBytes(5, 1, [{ filter: '#', qos: 1 }]));
    await subscriber.packet('suback');
    // It takes nothing, so that what is measured is not what it was sent.
    subscriber.link.stopTaking();
  }
  const before = await usedBytes();
  for (let number = 0; number < 8000; number += 100) {
    publisher.send(...Array.from({ length: 100 }, (_, index) => publishBytes(5, { topic: `sensors/${number + index}` })));
    await turns(2);
  }
  await publisher.alive();
  const grown = (await usedBytes()) - before;
  assert.ok(grown < 100 * MIB, `${Math.round(grown / MIB)} MiB are kept of 365`);
});

test('topic aliases keep at most as many topics as mqtt.topicAliasMaximum says', async () => {
  await using house = await MemoryHouse.open({ mqtt: { topicAliasMaximum: 10 } });
  const publisher = await house.connect();
  const before = await usedBytes();
  // Beside what the test above allows for topics: as much again, many times over.
  for (let number = 0; number < 3000; number += 1) {
    publisher.send(publishBytes(5, { topic: `${number}${'a'.repeat(65_000)}`, properties: { topicAlias: (number % 10) + 1 } }));
    await turns(2);
  }
  await publisher.alive();
  const grown = (await usedBytes()) - before;
  assert.ok(grown < 85 * MIB, `${Math.round(grown / MIB)} MiB are kept of 190`);
});
