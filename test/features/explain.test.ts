import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '@wrenmq/testkit';
import { needs } from '#root/test/interop/interop.ts';
import { connected, type FindingOf, found, gone, kindsOf, Paho, place, until } from './explain-place.ts';

// broker.explain, with mosquitto_pub, mosquitto_sub and paho: every kind of finding, really provoked.

const mosquitto = { timeout: 60_000, ...needs('/usr/bin/mosquitto_sub', 'mosquitto-clients') };
const paho = { timeout: 60_000, ...needs('/usr/lib/python3/dist-packages/paho/mqtt/client.py', 'python3-paho-mqtt') };
const everything = { permission: 'allow', action: 'all', topics: ['#'] } as const;

test('nobody of that name was ever here', mosquitto, async (t) => {
  const { broker, publish } = await place(t);
  await publish('t');
  const { endedAtMs, openedAtMs } = await found(broker, 'no-session');
  assert.deepEqual([endedAtMs, openedAtMs], [null, null]);
});

test('no session then: the client was here before and came again later', mosquitto, async (t) => {
  const { broker, publish, subscriber } = await place(t);
  await gone(broker, await subscriber('-t', 't'));
  await publish('t');
  const { atMs, endedAtMs } = await found(broker, 'no-session');
  await subscriber('-t', 't');
  const later = await found(broker, 'no-session');
  assert.equal(later.atMs, atMs);
  assert.ok(endedAtMs !== null && endedAtMs <= atMs && later.openedAtMs !== null && later.openedAtMs >= atMs);
  assert.equal(later.endedAtMs, endedAtMs);
  assert.match(later.text, /Session Expiry Interval/);
});

test('no matching subscription: the nearest is named, and what the client had ended', mosquitto, async (t) => {
  const { broker, publish, subscriber, connect } = await place(t);
  const client = await subscriber('-t', 'home/Kitchen/temp', '-t', 'garden/#');
  await publish('home/kitchen/temp');
  const question = { topic: 'home/kitchen/temp' };
  const nearest = { filter: 'home/Kitchen/temp', qos: 0, noLocal: false } as const;
  assert.deepEqual((await found(broker, 'no-subscription', question)).nearest, nearest);
  await gone(broker, client);
  assert.deepEqual((await found(broker, 'no-subscription', question)).nearest, nearest, 'also when its session is over');
  const other = await connect({ clientId: 'other' });
  await other.subscribe({ filter: 't', qos: 1 });
  await other.unsubscribe('t');
  await publish('t');
  const ended = await found(broker, 'no-subscription', { clientId: 'other' });
  assert.equal(ended.nearest?.filter, 't');
  assert.ok(ended.endedAtMs !== null && ended.endedAtMs <= ended.atMs);
});

test('QoS 0 while the client is away', mosquitto, async (t) => {
  const { broker, publish, subscriber } = await place(t);
  await gone(broker, await subscriber('-c', '-q', '1', '-t', 't'));
  await publish('t', '--repeat', '3');
  const { count, offlineSinceMs, atMs } = await found(broker, 'offline-qos-0');
  assert.equal(count, 3);
  assert.ok(offlineSinceMs !== null && offlineSinceMs <= atMs);
  await subscriber('-c', '-q', '1', '-t', 't');
  assert.equal((await found(broker, 'offline-qos-0')).offlineSinceMs, offlineSinceMs, 'also when it is back');
});

test('No Local', paho, async (t) => {
  const { broker, target } = await place(t);
  const client = await Paho.start(t, target.port, { clientId: 'c', filter: 't', noLocal: true, publishes: ['t'] });
  await client.heard('published');
  assert.equal((await found(broker, 'no-local')).count, 1);
  await broker.publish({ topic: 't', qos: 1 });
  await client.heard('message');
  await client.kill();
  assert.deepEqual((await kindsOf(broker, { at: Date.now() })).toSorted(), ['delivered t', 'no-local t'], 'both within the same second');
});

for (const overflow of ['drop-new', 'drop-oldest'] as const) {
  test(`queue full (${overflow})`, mosquitto, async (t) => {
    const { broker, publish, subscriber } = await place(t, { session: { queueMessagesMax: 2, overflow } });
    await gone(broker, await subscriber('-c', '-q', '1', '-t', 't', '-t', 'u'));
    await publish('t', '-q', '1');
    for (let i = 0; i < 2; i += 1) await publish('u', '-q', '1');
    const lost = overflow === 'drop-new' ? 'u' : 't';
    const full = await found(broker, 'queue-full', { topic: lost });
    assert.equal(full.queuedAtMs === null, overflow === 'drop-new');
    const kept = await found(broker, 'queued', { topic: overflow === 'drop-new' ? 't' : 'u' });
    assert.deepEqual([kept.waitingFor, kept.waiting, kept.qos], ['client', 2, 1]);
  });
}

test('queue full, where the publisher is refused', mosquitto, async (t) => {
  const { broker, publish, subscriber } = await place(t, { session: { queueMessagesMax: 1, overflow: 'reject' } });
  await gone(broker, await subscriber('-c', '-q', '1', '-t', 't'));
  await publish('t', '-q', '1', '-V', '5');
  await publish('t', '-q', '1', '-V', '5').catch(() => {});
  const { by, publisher } = await found(broker, 'publish-refused');
  assert.deepEqual([by, publisher], ['no-room', 'publisher']);
});

test('expired in the queue', mosquitto, async (t) => {
  const clock = new FakeClock();
  const { broker, publish, subscriber } = await place(t, {}, clock);
  await gone(broker, await subscriber('-c', '-q', '1', '-t', 't'));
  await publish('t', '-q', '1', '-V', '5', '-D', 'publish', 'message-expiry-interval', '10');
  const publishedAt = clock.wallMs();
  clock.advance(11_000);
  await found(broker, 'queued');
  await gone(broker, await subscriber('-c', '-q', '1', '-t', 't'));
  const { atMs, queuedAtMs } = await found(broker, 'expired');
  assert.deepEqual([atMs - publishedAt, queuedAtMs], [11_000, publishedAt]);
  clock.advance(3600_000);
  await found(broker, 'expired', { at: publishedAt });
});

test('too large for the client', mosquitto, async (t) => {
  const { broker, publish, subscriber } = await place(t);
  const client = await subscriber('-V', '5', '-q', '1', '-t', 't', '-D', 'connect', 'maximum-packet-size', '100');
  for (const qos of ['0', '1']) {
    await publish('t', '-q', qos, '-m', 'x'.repeat(200));
    await found(broker, 'too-large');
  }
  await gone(broker, client);
  await found(broker, 'too-large');
});

test('the PUBLISH was refused by rule #n', mosquitto, async (t) => {
  const rules = [
    { permission: 'deny', action: 'subscribe', topics: ['nothing'] },
    { permission: 'deny', action: 'publish', topics: ['t', 't/#'], who: { clientId: 'publisher' } },
    everything,
  ];
  const { broker, publish, subscriber } = await place(t, { authorization: { rules } });
  const client = await subscriber('-t', '#');
  for (const qos of ['0', '1', '2']) await publish('t', '-q', qos);
  const refused = await found(broker, 'publish-refused');
  assert.deepEqual([refused.publisher, refused.by, refused.rule, refused.ruleText], ['publisher', 'rule', 1, 'deny publish t t/#']);
  assert.match(refused.text, /authorization\.rules\[1\]/);
  await gone(broker, client);
  await found(broker, 'publish-refused');
});

test('the subscription was refused by rule #n, or since no rule fits', mosquitto, async (t) => {
  const rules = [
    { permission: 'allow', action: 'all', topics: ['open/#'] },
    { permission: 'deny', action: 'subscribe', topics: ['t/#'] },
    { permission: 'allow', action: 'publish', topics: ['#'] },
  ];
  const { broker, publish, connect } = await place(t, { authorization: { rules } });
  const client = await connect({ clientId: 'c' });
  assert.deepEqual(await client.subscribe(['t/+', 'u', '$share/g/t/x'].map((filter) => ({ filter, qos: 1 }))), [0x87, 0x87, 0x87]);
  await publish('t/a');
  await publish('t/x');
  await publish('u');
  const byRule = await found(broker, 'subscription-refused', { topic: 't/a' });
  assert.deepEqual([byRule.filter, byRule.by, byRule.rule, byRule.reasonCode], ['t/+', 'rule', 1, 0x87]);
  assert.equal((await found(broker, 'subscription-refused', { topic: 't/x' })).filter, '$share/g/t/x');
  assert.equal((await found(broker, 'subscription-refused', { topic: 'u' })).by, 'default');
  await client.cut();
  await until(() => connected(broker) === 0);
  await found(broker, 'subscription-refused', { topic: 't/a' });
});

test('a hook refused the subscription', mosquitto, async (t) => {
  const { broker, publish, connect } = await place(t);
  broker.hook('client.authorize', (_client, action) => (action === 'subscribe' ? { deny: 0x87 } : 'abstain'));
  const client = await connect({ clientId: 'c' });
  assert.deepEqual(await client.subscribe('t'), [0x87]);
  await publish('t');
  const { by, filter } = await found(broker, 'subscription-refused');
  assert.deepEqual([by, filter], ['hook', 't']);
});

test('the topic is kept from the subscriber by rule #n, whose subscription is wider', mosquitto, async (t) => {
  const rules = [{ permission: 'deny', action: 'subscribe', topics: ['secret/#'] }, everything];
  const { broker, publish, subscriber } = await place(t, { authorization: { rules } });
  const client = await subscriber('-t', '#');
  await publish('secret/plan');
  const question = { topic: 'secret/plan' };
  const withheld = await found(broker, 'topic-withheld', question);
  assert.deepEqual([withheld.filter, withheld.by, withheld.rule, withheld.ruleText], ['#', 'rule', 0, 'deny subscribe secret/#']);
  await gone(broker, client);
  assert.equal((await found(broker, 'topic-withheld', question)).rule, 0);
});

test('rewritten to another topic, and what became of it there', mosquitto, async (t) => {
  const rules = [{ action: 'publish', sourceTopic: 'x/#', re: '^x/(.+)$', destTopic: 'y/$1' }];
  const { broker, publish, subscriber } = await place(t, { rewrite: { rules } });
  const client = await subscriber('-t', 'x/#', '-t', 'y/a');
  await publish('x/a');
  await publish('x/b');
  assert.equal((await found(broker, 'rewritten', { topic: 'x/a' })).to, 'y/a');
  assert.deepEqual(await kindsOf(broker, { topic: 'x/a' }), ['rewritten x/a', 'delivered y/a']);
  assert.deepEqual(await kindsOf(broker, { topic: 'x/b' }), ['rewritten x/b', 'no-subscription y/b']);
  await gone(broker, client);
  assert.deepEqual(await kindsOf(broker, { topic: 'x/a' }), ['rewritten x/a', 'delivered y/a']);
});

test('taken by delayed publish, until it is due', mosquitto, async (t) => {
  const clock = new FakeClock();
  const { broker, publish, subscriber } = await place(t, {}, clock);
  const client = await subscriber('-t', 't');
  const publishedAt = clock.wallMs();
  await publish('$delayed/30/t', '-q', '1');
  assert.equal((await found(broker, 'delayed')).dueAtMs, publishedAt + 30_000);
  assert.deepEqual(await kindsOf(broker, { topic: '$delayed/30/t' }), ['rewritten $delayed/30/t', 'delayed t']);
  clock.advance(30_000);
  await client.next();
  await found(broker, 'delivered');
  await found(broker, 'delayed', { at: publishedAt });
});

test('taken by a hook of the embedding program, or rejected by one', mosquitto, async (t) => {
  const { broker, publish } = await place(t);
  broker.hook('message.accept', ({ topic }) => (topic === 't' ? 'taken' : topic === 'u' ? { reject: 0x87 } : 'pass'));
  await publish('t', '-q', '1');
  await publish('u', '-q', '1');
  await found(broker, 'taken');
  assert.equal((await found(broker, 'publish-refused', { topic: 'u' })).by, 'hook');
});

test('sent, and not acknowledged; the next waits for that', paho, async (t) => {
  const { broker, target } = await place(t);
  const client = await Paho.start(t, target.port, { clientId: 'c', filter: '#', receiveMaximum: 1, isStuck: true });
  await broker.publish({ topic: 't', qos: 1 });
  await client.heard('message');
  await broker.publish({ topic: 'u', qos: 1 });
  const sent = await found(broker, 'unacknowledged');
  assert.deepEqual([sent.qos, sent.packetId, sent.acknowledgement, sent.sessionEndedAtMs], [1, 1, null, null]);
  assert.deepEqual((({ waitingFor, waiting }) => [waitingFor, waiting])(await found(broker, 'queued', { topic: 'u' })), [
    'acknowledgements',
    1,
  ]);
  await client.kill();
  await until(() => connected(broker) === 0);
  await found(broker, 'unacknowledged');
  assert.equal((await found(broker, 'queued', { topic: 'u' })).waitingFor, 'client');
});

test('delivered with packet identifier and acknowledged, at each QoS', mosquitto, async (t) => {
  const { broker, publish, subscriber } = await place(t);
  await subscriber('-q', '2', '-t', '#', '-C', '4');
  for (const qos of ['0', '1', '2']) await publish(`t/${qos}`, '-q', qos);
  // It ends with this one, and has acknowledged the others.
  await publish('end');
  await until(() => connected(broker) === 0);
  const once = await found(broker, 'delivered', { topic: 't/0' });
  assert.deepEqual([once.qos, once.packetId, once.count, once.acknowledgement], [0, null, 1, null]);
  for (const [qos, packet] of [
    [1, 'PUBACK'],
    [2, 'PUBCOMP'],
  ] as const) {
    const sent: FindingOf<'delivered'> = await found(broker, 'delivered', { topic: `t/${qos}` });
    assert.deepEqual([sent.qos, sent.acknowledgement?.packet, sent.retain, sent.queuedAtMs], [qos, packet, false, null]);
    assert.ok(sent.packetId! > 0 && sent.acknowledgement!.atMs >= sent.atMs);
  }
});
