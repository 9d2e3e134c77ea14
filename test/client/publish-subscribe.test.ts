import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { defineTopic, publishOnce, receive } from '@wrenmq/client';
import { ClientBroker, take, texts } from './client-broker.ts';

let house: ClientBroker;
before(async () => {
  house = await ClientBroker.launch();
});
after(() => house[Symbol.asyncDispose]());

for (const protocol of ['5', '3.1.1'] as const) {
  test(`MQTT ${protocol}: what is published at any QoS arrives at the QoS that was granted`, async () => {
    const client = await house.connect({ protocol });
    const root = `qos/${protocol}`;
    const streams = await Promise.all(([0, 1, 2] as const).map((qos) => client.subscribe(`${root}/${qos}/{n}`, { qos })));
    for (const subscribed of [0, 1, 2])
      for (const qos of [0, 1, 2] as const) await client.publish(`${root}/${subscribed}/${qos}`, `${qos}`, { qos });
    for (const [subscribed, stream] of streams.entries()) {
      assert.equal(stream.grantedQoS, subscribed);
      const messages = await take(stream, 3);
      const byQoS = messages.toSorted((a, b) => Number(a.params.n) - Number(b.params.n));
      assert.deepEqual(
        byQoS.map((message) => [message.text(), message.qos]),
        [0, 1, 2].map((qos) => [`${qos}`, Math.min(qos, subscribed)]),
      );
    }
    await client.close();
  });

  test(`MQTT ${protocol}: retained messages come to the first consumer of a filter and to the second`, async () => {
    const client = await house.connect({ protocol });
    const topic = `retained/${protocol}`;
    await client.publish(topic, 'state', { qos: 1, retain: true });
    const first = await client.subscribe(topic, { qos: 1 });
    assert.deepEqual(texts(await take(first, 1)), ['state']);
    const second = await client.subscribe(topic, { qos: 1 });
    assert.deepEqual(texts(await take(second, 1)), ['state']);
    await client.publish(topic, 'live', { qos: 1 });
    assert.deepEqual([texts(await take(first, 1)), texts(await take(second, 1))], [['live'], ['live']]);
    await client.publish(topic, '', { qos: 1, retain: true });
    await client.close();
  });
}

test('overlapping subscriptions get a message once each', async () => {
  const client = await house.connect();
  const seen: string[] = [];
  for (const filter of ['over/#', 'over/+', 'over/a', 'over/a'])
    await client.handle(filter, (message) => void seen.push(`${filter} ${message.text()}`), { qos: 1 });
  const both = await client.subscribe(['over/a', 'over/#'], { qos: 1 });
  for (const text of ['1', '2']) await client.publish('over/a', text, { qos: 1 });
  await client.publish('over/end', 'end', { qos: 1 });
  assert.deepEqual(texts(await take(both, 3)), ['1', '2', 'end']);
  assert.deepEqual(seen.toSorted(), [
    'over/# 1',
    'over/# 2',
    'over/# end',
    'over/+ 1',
    'over/+ 2',
    'over/+ end',
    'over/a 1',
    'over/a 1',
    'over/a 2',
    'over/a 2',
  ]);
});

test('a thousand filters are held by a few packets, and each gets its own', async () => {
  const client = await house.connect();
  const streams = await Promise.all(Array.from({ length: 1_000 }, (_, index) => client.subscribe(`many/${index}`, { qos: 1 })));
  await Promise.all(streams.map((_, index) => client.publish(`many/${index}`, `${index}`, { qos: 1 })));
  const received = await Promise.all(
    streams.map(async (stream) => {
      for await (const message of stream) return message.text();
    }),
  );
  assert.deepEqual(
    received,
    streams.map((_, index) => `${index}`),
  );
  await client.close();
});

test('the members of a shared subscription share', async () => {
  const [publisher, ...members] = await Promise.all([house.connect(), house.connect(), house.connect()]);
  const seen: string[][] = [[], []];
  for (const [index, member] of members.entries())
    await member.handle('jobs/{n}', (message) => void seen[index].push(message.params.n), { qos: 1, share: 'billing' });
  await Promise.all(Array.from({ length: 100 }, (_, index) => publisher.publish(`jobs/${index}`, 'x', { qos: 1 })));
  await Promise.all(members.map((member) => member.drain()));
  await publisher.publish('jobs/wait', 'x', { qos: 1 });
  const all = seen.flat().filter((n) => n !== 'wait');
  assert.equal(new Set(all).size, all.length);
  assert.ok(seen.every((each) => each.length > 0));
});

test('messages that are acknowledged by hand come again to the next connection until they are', async () => {
  const options = { clientId: 'by-hand', session: { expiry: 100, resume: 'always' } } as const;
  const first = await house.connect(options);
  const stream = await first.subscribe('hand/#', { qos: 1, ack: 'manual' });
  const publisher = await house.connect();
  for (const text of ['1', '2', '3']) await publisher.publish('hand/a', text, { qos: 1 });
  const messages = await take(stream, 3);
  messages[0].ack();
  await first.drain();
  await first.close();
  messages[1].ack();
  const second = house.create(options);
  const again = await second.subscribe('hand/#', { qos: 1 });
  const repeated = await take(again, 2);
  assert.deepEqual(texts(repeated), ['2', '3']);
  assert.ok(repeated.every(({ dup }) => dup));
});

test('typed topics carry typed values', async () => {
  const client = await house.connect();
  const temperature = defineTopic('sensors/{room}/temperature', { qos: 1 });
  const stream = await client.subscribe(temperature);
  await client.publish(temperature({ room: 'r1' }), { value: 25.5 });
  const [message] = await take(stream, 1);
  assert.deepEqual([message.value, message.params, message.contentType], [{ value: 25.5 }, { room: 'r1' }, 'application/json']);
});

test('a request is answered, by one or by many', async () => {
  const [asking, ...answering] = await Promise.all([house.connect(), house.connect(), house.connect()]);
  for (const [index, client] of answering.entries())
    await client.handle('question', async (message) => void (await message.respond(`${message.text()} ${index}`)), { qos: 1 });
  const answer = await asking.request('question', 'who?');
  assert.match(answer.text(), /^who\? [01]$/);
  const all: string[] = [];
  for await (const message of asking.requestMany('question', 'all?', { max: 2 })) all.push(message.text());
  assert.deepEqual(all.toSorted(), ['all? 0', 'all? 1']);
  await assert.rejects(asking.request('nobody/listens', 'x'), { code: 'REFUSED', reasonCode: 0x10 });
});

test('one message goes out or comes in without a client to look after', async () => {
  assert.deepEqual(await publishOnce(house.url, 'once/a', 'kept', { qos: 1, retain: true }), { reasonCode: 0x10, noSubscribers: true });
  await publishOnce(house.url, 'once/b', 'kept too', { retain: true });
  const retained = await receive(house.url, 'once/#', { retained: true, signal: AbortSignal.timeout(30_000) });
  assert.deepEqual(texts(retained).toSorted(), ['kept', 'kept too']);
  assert.deepEqual(texts(await receive(house.url, 'once/a', { qos: 1 })), ['kept']);
  assert.deepEqual(await receive(house.url, 'once/none', { retained: true }), []);
  const abortion = new AbortController();
  const received = receive(house.url, 'once/live', { count: 2, signal: abortion.signal });
  let isOver = false;
  const over = (): void => void (isOver = true);
  received.then(over, over);
  const publisher = await house.connect();
  // If it ends before it has subscribed, there will never be a subscriber.
  while (!isOver && (await publisher.publish('once/live', 'one', { qos: 1 })).noSubscribers);
  abortion.abort();
  assert.ok((await received).length <= 1);
});

test('a broker that is not there is an error of connect, at once', async () => {
  const { connect } = await import('@wrenmq/client');
  await assert.rejects(connect('mqtt://127.0.0.1:1', { connectTimeout: 5_000 }), { code: 'DISCONNECTED' });
  await assert.rejects(connect('http://127.0.0.1'), { code: 'INVALID' });
  await assert.rejects(connect(house.url, { signal: AbortSignal.abort() }), { code: 'ABORTED' });
  const client = await connect('mqtt://127.0.0.1:1', { servers: [house.url] });
  await client.close();
});
