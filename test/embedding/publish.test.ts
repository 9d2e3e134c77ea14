import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OperationalError } from '@wrenmq/broker';
import { embed } from './start.ts';

test('publish tells whether any subscription matched', async (t) => {
  const { broker, connect } = await embed(t);
  assert.equal(await broker.publish({ topic: 'a' }), false);
  const client = await connect();
  await client.subscribe('a');
  assert.equal(await broker.publish({ topic: 'a' }), true);
});

test('a message has all that it is given', async (t) => {
  const { broker, connect } = await embed(t);
  const client = await connect();
  await client.subscribe({ filter: 'a/#', qos: 2, retainAsPublished: true });
  const payload = Buffer.from([0, 1, 2, 255]);
  await broker.publish({
    topic: 'a/ü',
    payload,
    qos: 2,
    retain: true,
    properties: { contentType: 'application/octet-stream', messageExpiryInterval: 60, userProperties: [['k', 'v']] },
  });
  const message = await client.receive();
  assert.deepEqual([message.topic, message.payload, message.qos, message.retain], ['a/ü', payload, 2, true]);
  assert.equal(message.properties.contentType, 'application/octet-stream');
  assert.equal(message.properties.messageExpiryInterval, 60);
});

test('bytes are copied: the program may use its buffer again at once', async (t) => {
  const { broker, connect } = await embed(t);
  const client = await connect();
  await client.subscribe({ filter: 'a', qos: 1 });
  const payload = Buffer.from('before');
  const published = broker.publish({ topic: 'a', payload, qos: 1 });
  payload.fill('?');
  await published;
  assert.equal((await client.receive()).payload.toString(), 'before');
});

test('a topic that is none is refused', async (t) => {
  const { broker } = await embed(t);
  for (const topic of ['', 'a/+', '#', 'a\0b', 'x'.repeat(70_000)]) {
    await assert.rejects(broker.publish({ topic }), (error) => error instanceof OperationalError && error.code === 'publish.topic');
  }
});

test('what a hook rejects is rejected', async (t) => {
  const { broker } = await embed(t, {}, (prepared) => prepared.hook('message.accept', () => ({ reject: 0x99 })));
  await assert.rejects(broker.publish({ topic: 'a' }), (error) => error instanceof OperationalError && error.code === 'publish.rejected');
});

test('the empty retained message clears', async (t) => {
  const { broker, connect } = await embed(t);
  await broker.publish({ topic: 'a', payload: 'x', retain: true });
  await broker.publish({ topic: 'a', retain: true });
  const client = await connect();
  await client.subscribe('a');
  await client.expectNothing();
});

test('a program may publish from a hook', async (t) => {
  const { connect } = await embed(t, {}, (prepared) => {
    prepared.hook('message.published', ({ topic }) => {
      if (!topic.startsWith('echo/')) void prepared.publish({ topic: `echo/${topic}`, payload: 'seen' });
    });
  });
  const client = await connect();
  await client.subscribe('#');
  await client.publish({ topic: 'a', payload: 'x' });
  assert.deepEqual([(await client.receive()).topic, (await client.receive()).topic], ['a', 'echo/a']);
});
