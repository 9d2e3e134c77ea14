import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ReasonCode } from '@wrenmq/codec';
import { EMBEDDER } from '#hooks/order.ts';
import { Message } from '#message/message.ts';
import { Outcome } from '#publish/publisher.ts';
import { turns } from '#session/test-house.ts';
import { factsOf, identityOf, message, principalOf, TestHouse } from './test-house.ts';

const { Matched, Durable } = Outcome;

function willTo(topic: string, delay = 0) {
  return { message: message({ topic, qos: 1 }), delay };
}

test('authenticate: a hook that denies or allows stands before the chain, one that abstains leaves it to the chain', async () => {
  const house = await TestHouse.open();
  house.authenticator.outcome = { kind: 'allow', principal: principalOf('from the chain') };
  house.hooks.register(EMBEDDER, 'client.authenticate', ({ clientId }) => {
    if (clientId === 'bad') return { deny: ReasonCode.Banned };
    return clientId === 'good' ? 'allow' : 'abstain';
  });
  const outcome = (clientId: string, username: string | null = 'user') =>
    house.port.authenticate(factsOf(clientId), identityOf(clientId, username), null);
  assert.deepEqual(await outcome('bad'), { kind: 'deny', reasonCode: ReasonCode.Banned, reason: 'a hook refused the client' });
  assert.equal(house.authenticator.asked, 0);
  const good = await outcome('good');
  assert.ok(good.kind === 'allow' && good.principal.owner === 'user:user' && !good.principal.isSuperuser);
  const nameless = await outcome('good', null);
  assert.ok(nameless.kind === 'allow' && nameless.principal.isAnonymous && nameless.principal.owner === 'anonymous');
  const other = await outcome('other');
  assert.ok(other.kind === 'allow' && other.principal.clientId === 'from the chain');
});

test('publish: what was allowed for a topic is not asked again, for another QoS or RETAIN it is', async () => {
  const house = await TestHouse.open();
  const { client } = await house.connect('c');
  const asked = () => house.authorizer.take().length;
  house.publish(client, { topic: 'a' });
  assert.equal(asked(), 1);
  house.publish(client, { topic: 'a' });
  assert.equal(asked(), 0);
  house.publish(client, { topic: 'a', qos: 1 });
  assert.equal(asked(), 1);
  house.publish(client, { topic: 'a', qos: 1, retain: true });
  assert.equal(asked(), 1);
  house.publish(client, { topic: 'a', qos: 1 });
  house.publish(client, { topic: 'a' });
  assert.equal(asked(), 0, 'all that was asked of this topic is remembered');
  house.publish(client, { topic: 'b' });
  house.publish(client, { topic: 'a' });
  assert.equal(asked(), 2, 'one topic is remembered');
});

test('publish: a change of the rules ends what was remembered', async () => {
  const house = await TestHouse.open();
  const { client } = await house.connect('c');
  assert.equal(house.publish(client, { topic: 'a', qos: 1 }), 0);
  house.authorizer.denied.add('a');
  house.authorizer.epoch += 1;
  assert.equal(house.publish(client, { topic: 'a', qos: 1 }), -ReasonCode.NotAuthorized);
  assert.deepEqual(house.base.drops, [{ payload: 'x', reason: 'not-authorized' }]);
});

test('publish: what was denied is asked each time', async () => {
  const house = await TestHouse.open();
  const { client } = await house.connect('c');
  house.authorizer.denied.add('a');
  assert.equal(house.publish(client, { topic: 'a' }), -ReasonCode.NotAuthorized);
  house.authorizer.denied.clear();
  assert.equal(house.publish(client, { topic: 'a' }), 0);
});

test('publish: an authorizer that needs time makes a promise, and the message is kept until then', async () => {
  const house = await TestHouse.open();
  const { client } = await house.connect('c');
  await house.subscribe((await house.connect('reader')).client, 'a');
  house.authorizer.isAsynchronous = true;
  const read = Buffer.from('..apayload');
  const slices = { topicStart: 2, topicEnd: 3, propertiesStart: 3, propertiesEnd: 3, payloadStart: 3, payloadEnd: 10, messageExpiryAt: -1 };
  const origin = { qos: 1, retain: false, expiresAtMs: 0, receivedAtMs: 0, publisher: 'c', bodyKind: 0 } as const;
  const incoming = new Message('a', read, slices, origin);
  const outcome = house.port.publish(client, incoming, null);
  read.fill('?');
  assert.equal(await outcome, Matched | Durable);
  assert.equal(incoming.payload.toString(), 'payload');
});

test('publish: hooks rewrite before the topic is authorized', async () => {
  const house = await TestHouse.open();
  const { client } = await house.connect('c');
  const reader = await house.connect('reader');
  await house.subscribe(reader.client, 'tenant/#');
  house.hooks.register(EMBEDDER, 'message.inbound', (facts, one) =>
    message({ topic: `tenant/${facts.clientId}/${one.topic}`, payload: one.payload }),
  );
  house.authorizer.take();
  assert.equal(house.publish(client, { topic: 'a' }), Matched);
  assert.deepEqual(house.authorizer.take(), ['publish c tenant/c/a']);
  assert.equal(reader.sink.deliveries[0].message.topic, 'tenant/c/a');
  house.authorizer.denied.add('tenant/c/secret');
  assert.equal(house.publish(client, { topic: 'secret' }), -ReasonCode.NotAuthorized);
});

test('publish: what a hook makes must be publishable', async () => {
  const house = await TestHouse.open({ maximumQoS: 1, retainAvailable: false });
  const { client } = await house.connect('c');
  const made = { topic: 'a', qos: 0 as 0 | 1 | 2, retain: false };
  house.hooks.register(EMBEDDER, 'message.inbound', () => message(made));
  for (const unfit of [{ topic: 'a/+' }, { topic: '' }, { topic: 'a/'.repeat(9) }, { qos: 2 as const }, { retain: true }]) {
    Object.assign(made, { topic: 'a', qos: 0, retain: false }, unfit);
    assert.equal(house.publish(client, { topic: 'x', qos: 1 }), -ReasonCode.TopicNameInvalid, JSON.stringify(unfit));
  }
  assert.equal(house.base.dropsFor('rejected').length, 5);
});

test('publish: a hook that rejects decides the reason code, and the drop is counted', async () => {
  const house = await TestHouse.open();
  const { client } = await house.connect('c');
  house.hooks.register(EMBEDDER, 'message.inbound', () => ({ reject: ReasonCode.PayloadFormatInvalid }));
  assert.equal(house.publish(client, { topic: 'a', qos: 1 }), -ReasonCode.PayloadFormatInvalid);
  assert.deepEqual(house.base.drops, [{ payload: 'x', reason: 'rejected' }]);
});

test('publish: an authorization hook is asked for each message, and stands before the rules', async () => {
  const house = await TestHouse.open();
  const { client } = await house.connect('c');
  const asked: string[] = [];
  house.hooks.register(EMBEDDER, 'client.authorize', (_facts, action, topic) => {
    asked.push(`${action} ${topic}`);
    if (topic === 'bad') return { deny: ReasonCode.QuotaExceeded };
    return topic === 'good' ? 'allow' : 'abstain';
  });
  house.authorizer.denied.add('good').add('other');
  assert.equal(house.publish(client, { topic: 'bad', qos: 1 }), -ReasonCode.QuotaExceeded);
  assert.equal(house.publish(client, { topic: 'good' }), 0);
  assert.equal(house.publish(client, { topic: 'good' }), 0);
  assert.equal(house.publish(client, { topic: 'other' }), -ReasonCode.NotAuthorized);
  assert.deepEqual(asked, ['publish bad', 'publish good', 'publish good', 'publish other']);
});

test('open: a client may not leave a will where it may not publish', async () => {
  const house = await TestHouse.open();
  house.authorizer.denied.add('secret');
  const answer = await house.open('c', { will: willTo('secret') });
  assert.ok('reasonCode' in answer && answer.reasonCode === ReasonCode.NotAuthorized);
  assert.equal(house.base.sessions.size, 0, 'no session was touched');
});

test('open: hooks rewrite a will and decide on it, when it is set and when it is published', async () => {
  const house = await TestHouse.open();
  const reader = await house.connect('reader');
  await house.subscribe(reader.client, '#');
  let isAllowed = true;
  house.hooks.register(EMBEDDER, 'message.inbound', ({ clientId }, one) =>
    one.topic === 'bad' ? { reject: ReasonCode.PayloadFormatInvalid } : message({ topic: `tenant/${clientId}/${one.topic}`, qos: one.qos }),
  );
  house.hooks.register(EMBEDDER, 'client.authorize', ({ protocolVersion }, action, topic) => {
    assert.deepEqual([action, protocolVersion], ['publish', 5]);
    if (topic.endsWith('/secret')) return { deny: ReasonCode.QuotaExceeded };
    return isAllowed ? 'allow' : 'abstain';
  });
  const codeOf = async (topic: string) => {
    const answer = await house.open('c', { will: willTo(topic) });
    return 'reasonCode' in answer ? answer.reasonCode : 0;
  };
  assert.deepEqual(
    [await codeOf('bad'), await codeOf('secret'), await codeOf('a/'.repeat(8))],
    [ReasonCode.PayloadFormatInvalid, ReasonCode.NotAuthorized, ReasonCode.TopicNameInvalid],
  );
  assert.equal(house.base.sessions.size, 1);
  house.authorizer.denied.add('tenant/first/w').add('tenant/second/w');
  const lost = async (clientId: string) => {
    const { client } = await house.connect(clientId, { will: willTo('w') });
    return () => house.port.close(client, true, ReasonCode.UnspecifiedError);
  };
  const [first, second] = [await lost('first'), await lost('second')];
  first();
  await house.base.settle();
  isAllowed = false;
  second();
  await house.base.settle();
  assert.deepEqual(
    reader.sink.deliveries.map((one) => one.message.topic),
    ['tenant/first/w'],
  );
  assert.deepEqual(house.base.drops, [{ payload: 'x', reason: 'not-authorized' }]);
});

test('open: a session of another owner is neither given nor disturbed (D9)', async () => {
  const house = await TestHouse.open();
  const { client, sink } = await house.connect('c');
  const answer = await house.open('c', { principal: principalOf('c', 'user:mallory'), cleanStart: true });
  assert.ok('reasonCode' in answer && answer.reasonCode === ReasonCode.ClientIdentifierNotValid);
  assert.equal(sink.closedWith, null);
  assert.equal(client.session.isEnded, false);
});

test('open: takes the session over from a connection that has it [MQTT-3.1.4-3]', async () => {
  const house = await TestHouse.open();
  const first = await house.connect('c');
  const second = await house.connect('c');
  assert.equal(first.sink.closedWith, ReasonCode.SessionTakenOver);
  assert.equal(second.isSessionPresent, true);
  assert.equal(second.client.session, first.client.session);
  house.port.close(first.client, true, ReasonCode.SessionTakenOver);
  assert.equal(second.client.session.isConnected, true, 'the late end of the first connection changes nothing');
});

test('open: is answered when the session is on disk (D2)', async () => {
  const house = await TestHouse.open();
  house.base.store.isHeld = true;
  let isAnswered = false;
  const opening = house.open('c').then((answer) => {
    isAnswered = true;
    return answer;
  });
  await new Promise(setImmediate);
  await new Promise(setImmediate);
  assert.equal(isAnswered, false);
  house.base.store.isHeld = false;
  await house.base.store.land();
  assert.ok('client' in (await opening));
});

test('open: on a full disk the client is refused, and its will is not published', async () => {
  const house = await TestHouse.open();
  const reader = await house.connect('reader');
  await house.subscribe(reader.client, 'will');
  house.base.store.isFull = true;
  const answer = await house.open('c', { will: willTo('will') });
  house.base.store.isFull = false;
  assert.ok('reasonCode' in answer && answer.reasonCode === ReasonCode.QuotaExceeded);
  house.base.clock.advance(1000);
  await house.base.settle();
  assert.deepEqual(reader.sink.sent, []);
  assert.equal(house.base.counters.willsPublished, 0);
});

test('open: whoever keeps asking for new sessions on a full disk leaves none behind and keeps nobody from making room', async () => {
  const house = await TestHouse.open();
  const { store, committer, sessions, clock } = house.base;
  const { client } = await house.connect('reader');
  await house.subscribe(client, 'a');
  for (let i = 0; i < 100; i += 1) house.publish(client, { topic: 'a', qos: 1, payload: Buffer.alloc(1000) });
  await house.base.settle();
  assert.ok((await house.base.records()).log > 0);
  // As a full disk does, it takes what frees more than it takes.
  const commit = store.commit.bind(store);
  const batches: number[] = [];
  store.commit = (batch) => {
    const puts = batch.changes.reduce((bytes, { value }) => bytes + (value?.length ?? 0), 0);
    batches.push(puts);
    const isFreeing = puts === 0 && batch.changes.length > 0;
    store.isFull = !isFreeing;
    return commit(batch);
  };
  let names = 0;
  const ask = async (): Promise<void> => {
    const answers = await Promise.all(Array.from({ length: 50 }, () => house.open(`new${names++}`)));
    assert.ok(answers.every((answer) => 'reasonCode' in answer && answer.reasonCode === ReasonCode.QuotaExceeded));
  };
  await ask();
  assert.equal(committer.isFull, true);
  // All of them have come and gone: nothing of theirs is tried again.
  assert.equal(sessions.size, 1);
  for (let id = 1; id <= 100; id += 1) client.session.acknowledge(id);
  for (let tries = 0; tries < 5; tries += 1) {
    await ask();
    clock.advance(250);
    await turns(10);
  }
  assert.equal((await house.base.records()).log, 0, batches.join());
  assert.equal(sessions.size, 1);
  assert.ok(
    batches.slice(1).every((puts) => puts <= 50 * 1000),
    batches.join(),
  );
});

test('subscribe: on a full disk what a durable session would have to store is refused at once, what it has is not', async () => {
  const house = await TestHouse.open();
  const { client } = await house.connect('durable');
  const passing = await house.connect('passing', { expiryInterval: 0 });
  await house.subscribe(client, 'a');
  house.base.committer.isFull = true;
  const options = { qos: 1, noLocal: false, retainAsPublished: false, retainHandling: 0, identifier: 0 } as const;
  const codes = async (one: typeof client) => {
    const answers = await house.subscriber.subscribe(
      one,
      ['a', 'b'].map((filter) => ({ filter, options })),
    );
    return answers.map(({ reasonCode }) => reasonCode);
  };
  assert.deepEqual(await codes(client), [1, ReasonCode.QuotaExceeded]);
  assert.deepEqual(await codes(passing.client), [1, 1]);
  assert.equal(client.session.state.subscriptionCount, 1);
});

test('close: publishes the will, or not', async () => {
  for (const keepsWill of [true, false]) {
    const house = await TestHouse.open();
    const reader = await house.connect('reader');
    await house.subscribe(reader.client, 'will');
    const { client } = await house.connect('c', { will: willTo('will') });
    house.port.close(client, keepsWill, ReasonCode.Success);
    await house.base.settle();
    assert.deepEqual(reader.sink.sent, keepsWill ? ['x'] : []);
    assert.equal(house.base.counters.willsPublished, keepsWill ? 1 : 0);
  }
});

test('a will is authorized again when it is published: a right may be gone', async () => {
  const house = await TestHouse.open();
  const reader = await house.connect('reader');
  await house.subscribe(reader.client, 'will');
  const { client } = await house.connect('c', { will: willTo('will') });
  house.authorizer.denied.add('will');
  house.port.close(client, true, ReasonCode.UnspecifiedError);
  await house.base.settle();
  assert.deepEqual(reader.sink.sent, []);
  assert.deepEqual(house.base.drops, [{ payload: 'x', reason: 'not-authorized' }]);
});

test('a will that a hook rejects, or that finds no room, is counted as dropped', async () => {
  const house = await TestHouse.open();
  const reader = await house.connect('reader');
  await house.subscribe(reader.client, 'will/#');
  house.hooks.register(EMBEDDER, 'message.accept', ({ topic }) => (topic === 'will/bad' ? { reject: ReasonCode.NotAuthorized } : 'pass'));
  const bad = await house.connect('bad', { will: willTo('will/bad') });
  const unlucky = await house.connect('unlucky', { will: willTo('will/unlucky') });
  house.port.close(bad.client, true, ReasonCode.UnspecifiedError);
  house.base.committer.isFull = true;
  house.port.close(unlucky.client, true, ReasonCode.UnspecifiedError);
  await Promise.resolve();
  house.base.committer.isFull = false;
  await house.base.settle();
  assert.deepEqual(house.base.drops.map(({ reason }) => reason).toSorted(), ['rejected', 'store-full']);
  assert.equal(house.base.counters.willsPublished, 0);
});

test('abandon: a client that was gone before CONNACK leaves no will, and observers never hear of it', async () => {
  const house = await TestHouse.open();
  const told: string[] = [];
  house.hooks.register(EMBEDDER, 'client.disconnected', ({ clientId }) => void told.push(clientId));
  const { client } = await house.connect('c', { will: willTo('will') });
  house.port.abandon(client);
  await house.base.settle();
  assert.equal(client.session.isConnected, false);
  assert.equal(house.base.counters.willsPublished, 0);
  assert.deepEqual(told, []);
  house.port.close((await house.connect('c')).client, true, ReasonCode.Success);
  assert.deepEqual(told, ['c']);
});

test('retained messages go out with RETAIN [MQTT-3.3.1-8] at the lower QoS, unless the client may not receive them', async () => {
  const house = await TestHouse.open();
  for (const topic of ['a/1', 'a/secret']) house.publisher.publish(message({ topic, payload: topic, qos: 2, retain: true }), null, null);
  house.publisher.publishValue(message({ topic: 'a/value', payload: 'value', retain: true }));
  await house.base.settle();
  house.authorizer.denied.add('a/secret');
  house.authorizer.filtered.add('a/+');
  const { client, sink } = await house.connect('c');
  assert.equal(await house.subscribe(client, 'a/+', { qos: 1, identifier: 9 }), 1);
  const got = sink.deliveries.map(({ message: { topic }, qos, retain, subscriptionIdentifiers }) => [
    topic,
    qos,
    retain,
    subscriptionIdentifiers,
  ]);
  assert.deepEqual(got, [
    ['a/value', 0, true, [9]],
    ['a/1', 1, true, [9]],
  ]);
});

test('retained messages stop when the subscription is gone', async () => {
  const house = await TestHouse.open();
  house.publisher.publish(message({ topic: 'a', retain: true }), null, null);
  await house.base.settle();
  const { client, sink } = await house.connect('c');
  const options = { qos: 1, noLocal: false, retainAsPublished: false, retainHandling: 0, identifier: 0 } as const;
  const [{ retainedFor }] = await house.subscriber.subscribe(client, [{ filter: 'a', options }]);
  house.port.deliverRetained(client, retainedFor!);
  house.subscriber.unsubscribe(client, ['a']);
  await house.base.settle();
  assert.deepEqual(sink.sent, []);
});
