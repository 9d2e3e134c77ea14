import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ReasonCode } from '@wrenmq/codec';
import { EMBEDDER } from '#hooks/order.ts';
import { TestSink } from '#session/test-house.ts';
import { connectDetails } from '#hooks/test-feature-context.ts';
import { message, TestHouse } from './test-house.ts';

test('a client is subscribed by others as if it had asked: hooks, permissions, limits, retained messages', async () => {
  const house = await TestHouse.open({ subscriptionsPerClientMax: 2 });
  house.hooks.register(EMBEDDER, 'subscription.inbound', (_client, request) => ({ ...request, filter: `mine/${request.filter}` }));
  house.authorizer.denied.add('mine/secret');
  house.publisher.publish(message({ topic: 'mine/a', qos: 1, payload: 'kept', retain: true }), null, null);
  const { client, sink } = await house.connect('c');
  const wishes = ['secret', 'a', 'b', 'c'].map((filter) => ({ filter, qos: 1 as const, noLocal: filter === 'b' }));
  const codes = house.port.clients.subscribe('c', wishes);
  await house.base.settle();
  assert.deepEqual(await codes, [ReasonCode.NotAuthorized, 1, 1, ReasonCode.QuotaExceeded]);
  assert.deepEqual(
    Array.from(client.session.state.subscriptions(), ({ text, options: { noLocal } }) => [text, noLocal]),
    [
      ['mine/a', false],
      ['mine/b', true],
    ],
  );
  assert.deepEqual(
    sink.deliveries.map(({ retain, message: { topic } }) => [topic, retain]),
    [['mine/a', true]],
  );
});

test('who is not connected is not subscribed, and nothing is known of it', async () => {
  const house = await TestHouse.open();
  assert.equal(await house.port.clients.subscribe('nobody', [{ filter: 'a', qos: 0 }]), null);
  assert.equal(await house.port.clients.unsubscribe('nobody', ['a']), null);
  const { client } = await house.connect('c');
  assert.equal(house.port.clients.facts('c'), client.facts);
  house.port.close(client, false, 0);
  assert.equal(house.port.clients.facts('c'), null);
  assert.equal(await house.port.clients.subscribe('c', [{ filter: 'a', qos: 0 }]), null);
});

test('a connection that was replaced takes nobody away', async () => {
  const house = await TestHouse.open();
  const { client: first } = await house.connect('c');
  const { client: second } = await house.connect('c');
  house.port.close(first, false, 0);
  assert.equal(house.port.clients.facts('c'), second.facts);
});

test('subscriptions are ended by others as by the client', async () => {
  const house = await TestHouse.open();
  const { client } = await house.connect('c');
  await house.subscribe(client, 'a');
  const codes = house.port.clients.unsubscribe('c', ['a', 'b']);
  await house.base.settle();
  assert.deepEqual(await codes, [ReasonCode.Success, ReasonCode.NoSubscriptionExisted]);
  assert.equal(house.router.subscriptions, 0);
});

test('what is asked for while CONNACK is on its way is waited for, what is asked for later is not', async () => {
  const house = await TestHouse.open();
  house.authorizer.isAsynchronous = true;
  let calls = 0;
  house.hooks.register(EMBEDDER, 'client.connected', ({ clientId }) => {
    calls += 1;
    if (clientId === 'c') void house.port.clients.subscribe(clientId, [{ filter: 'a', qos: 0 }]);
  });
  const open = async (clientId: string) => {
    const answer = await house.open(clientId, { sink: new TestSink() });
    assert.ok('client' in answer);
    house.port.connected(answer.client, answer.isSessionPresent, connectDetails);
    assert.equal(house.router.subscriptions, 0, 'CONNACK comes first');
    return answer.client;
  };
  const client = await open('c');
  await house.port.settle(client);
  assert.equal(house.router.subscriptions, 1);
  await house.port.clients.unsubscribe('c', ['a']);
  const other = await open('other');
  assert.equal(house.port.settle(other), null);
  assert.equal(calls, 2);
});

test('on a full disk what a durable session would have to store is refused', async () => {
  const house = await TestHouse.open();
  await house.connect('c');
  house.base.store.isFull = true;
  assert.deepEqual(await house.port.clients.subscribe('c', [{ filter: 'a', qos: 0 }]), [ReasonCode.QuotaExceeded]);
});
