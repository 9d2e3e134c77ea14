import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import type { LogFields, Logger } from '#base/logger.ts';
import { Delivery } from '#message/delivery.ts';
import { createMessage, type Message, OBSERVED_ALWAYS, OBSERVED_NEVER } from '#message/message.ts';
import { type HookInterest, Hooks } from './hooks.ts';
import { EMBEDDER, hookOrder } from './order.ts';
import type { ClientFacts, GateAnswer, HookPoint, SubscriptionRequest } from './points.ts';

const client: ClientFacts = {
  clientId: 'c',
  username: 'u',
  listener: 'tcp.default',
  peerAddress: '127.0.0.1',
  peerPort: 1,
  protocolVersion: 5,
  connectedAtMs: 0,
};
const incoming = { listener: 'tcp.default', peerAddress: '127.0.0.1' };
const request: SubscriptionRequest = { filter: 'a/b', qos: 1 };

function message(topic: string): Message {
  return createMessage({ topic, payload: 'x', publisher: 'c', receivedAtMs: 0 });
}

function fail(): never {
  throw new Error('the hook is broken');
}

let logged: { level: string; fields: LogFields; text: string }[] = [];
let hooks: Hooks;

beforeEach(() => {
  logged = [];
  const at = (level: string) => (fields: LogFields, text: string) => void logged.push({ level, fields, text });
  const log: Logger = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error'), fatal: at('fatal') };
  hooks = new Hooks(log);
});

test('without hooks every point lets pass what it is given', async () => {
  const given = message('t');
  assert.equal(hooks.admit(incoming), 'abstain');
  assert.equal(await hooks.authenticate(client, null), 'abstain');
  assert.equal(hooks.authorize(client, 'publish', 't'), 'abstain');
  assert.equal(hooks.subscriptionInbound(client, request), request);
  assert.equal(hooks.messageInbound(client, given), given);
  assert.equal(hooks.messageAccept(given, null), 'pass');
  assert.equal(hooks.messageOutbound('c', given), given);
  hooks.observe('session.closed', 'c');
  assert.deepEqual(logged, []);
});

test('a feature without a place in the order of a point is refused when it registers', () => {
  assert.throws(
    () => hooks.register('nobody', 'message.accept', () => 'pass'),
    /nobody is not listed for message\.accept in hooks\/order\.ts/,
  );
  assert.equal(hooks.messageAccept(message('t'), null), 'pass');
});

test('the embedder has a place at every point', () => {
  for (const order of Object.values(hookOrder)) assert.ok(order.includes(EMBEDDER));
});

test('a feature that is listed twice at a point is asked twice', () => {
  const add = (feature: string, sign: string): void =>
    void hooks.register(feature, 'message.inbound', (_client, one) => message(`${one.topic}${sign}`));
  add('rewrite', 'r');
  add('delayed', 'd');
  add(EMBEDDER, 'e');
  assert.equal((hooks.messageInbound(client, message('')) as Message).topic, 'edrd');
});

test('hooks of one feature run in the order in which they were registered', () => {
  const calls: number[] = [];
  for (const number of [1, 2, 3]) hooks.register(EMBEDDER, 'session.opened', () => void calls.push(number));
  hooks.observe('session.opened', 'c');
  assert.deepEqual(calls, [1, 2, 3]);
});

test('the flags for hot callers tell whether their point is used', () => {
  const flags = {
    'message.inbound': () => hooks.hasMessageInbound,
    'client.authorize': () => hooks.hasClientAuthorize,
    'message.published': () => hooks.hasMessagePublished,
    'message.delivered': () => hooks.hasMessageDelivered,
    'delivery.finished': () => hooks.hasDeliveryFinished,
    'message.outbound': () => hooks.hasMessageOutbound,
  } satisfies Partial<Record<HookPoint, () => boolean>>;
  for (const flag of Object.values(flags)) assert.equal(flag(), false);
  hooks.register(EMBEDDER, 'message.inbound', (_client, one) => one);
  hooks.register(EMBEDDER, 'client.authorize', () => 'abstain');
  hooks.register(EMBEDDER, 'message.published', () => {});
  hooks.register(EMBEDDER, 'message.delivered', () => {});
  hooks.register(EMBEDDER, 'delivery.finished', () => {});
  hooks.register(EMBEDDER, 'message.outbound', (_clientId, one) => one);
  for (const flag of Object.values(flags)) assert.equal(flag(), true);
});

test('gate: the first answer wins, and those after it are not asked', async () => {
  const asked: string[] = [];
  hooks.register(EMBEDDER, 'connection.admit', () => (asked.push('admit 1'), 'abstain'));
  hooks.register(EMBEDDER, 'connection.admit', () => (asked.push('admit 2'), { deny: 0x8a }));
  hooks.register(EMBEDDER, 'connection.admit', () => (asked.push('admit 3'), 'allow'));
  assert.deepEqual(hooks.admit(incoming), { deny: 0x8a });
  hooks.register(EMBEDDER, 'client.authenticate', async (): Promise<GateAnswer> => (asked.push('authenticate 1'), 'abstain'));
  hooks.register(EMBEDDER, 'client.authenticate', () => (asked.push('authenticate 2'), 'allow'));
  hooks.register(EMBEDDER, 'client.authenticate', () => (asked.push('authenticate 3'), { deny: 0x86 }));
  assert.equal(await hooks.authenticate(client, Buffer.from('secret')), 'allow');
  hooks.register(EMBEDDER, 'client.authorize', (_client, action, topic) => (asked.push(`${action} ${topic}`), { deny: 0x87 }));
  hooks.register(EMBEDDER, 'client.authorize', () => (asked.push('authorize 2'), 'allow'));
  assert.deepEqual(hooks.authorize(client, 'subscribe', 'a/#'), { deny: 0x87 });
  assert.deepEqual(asked, ['admit 1', 'admit 2', 'authenticate 1', 'authenticate 2', 'subscribe a/#']);
});

test('gate: one that throws denies, and nobody after it can let the client in', async () => {
  hooks.register(EMBEDDER, 'connection.admit', fail);
  hooks.register(EMBEDDER, 'connection.admit', () => 'allow');
  hooks.register(EMBEDDER, 'client.authenticate', () => Promise.reject(new Error('the hook is broken')));
  hooks.register(EMBEDDER, 'client.authenticate', () => 'allow');
  hooks.register(EMBEDDER, 'client.authorize', fail);
  hooks.register(EMBEDDER, 'client.authorize', () => 'allow');
  assert.deepEqual(hooks.admit(incoming), { deny: 0x87 });
  assert.deepEqual(await hooks.authenticate(client, null), { deny: 0x87 });
  assert.deepEqual(hooks.authorize(client, 'publish', 't'), { deny: 0x87 });
  assert.deepEqual(
    logged.map(({ level, fields }) => [level, fields['point']]),
    [
      ['error', 'connection.admit'],
      ['error', 'client.authenticate'],
      ['error', 'client.authorize'],
    ],
  );
});

test('gate: an answer that is none denies', async () => {
  for (const nonsense of [undefined, null, true, 'yes', {}, { deny: 'no' }]) {
    const fresh = new Hooks({ debug() {}, info() {}, warn() {}, error() {}, fatal() {} });
    fresh.register(EMBEDDER, 'connection.admit', () => nonsense as never);
    fresh.register(EMBEDDER, 'client.authenticate', () => nonsense as never);
    fresh.register(EMBEDDER, 'client.authorize', () => nonsense as never);
    assert.deepEqual(fresh.admit(incoming), { deny: 0x87 }, JSON.stringify(nonsense));
    assert.deepEqual(await fresh.authenticate(client, null), { deny: 0x87 }, JSON.stringify(nonsense));
    assert.deepEqual(fresh.authorize(client, 'publish', 't'), { deny: 0x87 }, JSON.stringify(nonsense));
  }
});

test('transform: each gets what the one before it made', () => {
  hooks.register(EMBEDDER, 'message.inbound', (_client, one) => message(`${one.topic}/1`));
  hooks.register(EMBEDDER, 'message.inbound', (_client, one) => message(`${one.topic}/2`));
  hooks.register(EMBEDDER, 'message.outbound', (clientId, one) => message(`${one.topic}/${clientId}`));
  hooks.register(EMBEDDER, 'subscription.inbound', (_client, one) => ({ ...one, filter: `tenant/${one.filter}` }));
  hooks.register(EMBEDDER, 'subscription.inbound', (_client, one) => ({ ...one, qos: 0 }));
  assert.equal((hooks.messageInbound(client, message('t')) as Message).topic, 't/1/2');
  assert.equal((hooks.messageOutbound('c', message('t')) as Message).topic, 't/c');
  assert.deepEqual(hooks.subscriptionInbound(client, request), { filter: 'tenant/a/b', qos: 0 });
});

test('transform: a rejection ends the row with its reason code', () => {
  const never = (): never => assert.fail('a later hook was asked');
  hooks.register(EMBEDDER, 'message.inbound', () => ({ reject: 0x99 }));
  hooks.register(EMBEDDER, 'message.inbound', never);
  hooks.register(EMBEDDER, 'message.outbound', () => ({ reject: 0x83 }));
  hooks.register(EMBEDDER, 'message.outbound', never);
  hooks.register(EMBEDDER, 'subscription.inbound', () => ({ reject: 0x8f }));
  hooks.register(EMBEDDER, 'subscription.inbound', never);
  assert.equal(hooks.messageInbound(client, message('t')), 0x99);
  assert.equal(hooks.messageOutbound('c', message('t')), 0x83);
  assert.equal(hooks.subscriptionInbound(client, request), 0x8f);
});

test('transform: one that throws, or makes something that is no message, rejects', () => {
  hooks.register(EMBEDDER, 'message.inbound', fail);
  hooks.register(EMBEDDER, 'message.outbound', () => undefined as never);
  hooks.register(EMBEDDER, 'subscription.inbound', () => 'a/b' as never);
  assert.equal(hooks.messageInbound(client, message('t')), 0x83);
  assert.equal(hooks.messageOutbound('c', message('t')), 0x83);
  assert.equal(hooks.subscriptionInbound(client, request), 0x83);
  assert.deepEqual(
    logged.map(({ level, fields }) => [level, fields['point']]),
    [
      ['error', 'message.inbound'],
      ['error', 'message.outbound'],
      ['error', 'subscription.inbound'],
    ],
  );
});

test('a reason code that the packet of the refusal cannot carry counts as a failure', async () => {
  hooks.register(EMBEDDER, 'client.authenticate', () => ({ deny: 0x97 }));
  hooks.register(EMBEDDER, 'client.authorize', (_client, action) => ({ deny: action === 'publish' ? 0x8f : 0x80 }));
  hooks.register(EMBEDDER, 'message.inbound', () => ({ reject: 0x10 }));
  assert.deepEqual(await hooks.authenticate(client, null), { deny: 0x97 });
  assert.deepEqual(hooks.authorize(client, 'publish', 't'), { deny: 0x87 });
  assert.deepEqual(hooks.authorize(client, 'subscribe', 't'), { deny: 0x80 });
  assert.equal(hooks.messageInbound(client, message('t')), 0x83);
  assert.equal(hooks.failures, 2);
});

test('a promise from a hook that may not be asynchronous is no answer, and its failure ends nothing', async () => {
  hooks.register(EMBEDDER, 'client.authorize', (async () => fail()) as never);
  assert.deepEqual(hooks.authorize(client, 'publish', 't'), { deny: 0x87 });
  await new Promise(setImmediate);
  assert.equal(hooks.failures, 1);
});

test('take: the first who does not pass decides', () => {
  const seen: string[] = [];
  hooks.register(EMBEDDER, 'message.accept', (one) => (seen.push(`1 ${one.topic}`), 'pass'));
  hooks.register(EMBEDDER, 'message.accept', (one) => (seen.push(`2 ${one.topic}`), one.topic === 'mine' ? 'taken' : 'pass'));
  hooks.register(EMBEDDER, 'message.accept', (one) => (seen.push(`3 ${one.topic}`), one.topic === 'bad' ? { reject: 0x97 } : 'pass'));
  assert.equal(hooks.messageAccept(message('mine'), null), 'taken');
  assert.equal(hooks.messageAccept(message('bad'), null), 0x97);
  assert.equal(hooks.messageAccept(message('good'), null), 'pass');
  assert.deepEqual(seen, ['1 mine', '2 mine', '1 bad', '2 bad', '3 bad', '1 good', '2 good', '3 good']);
});

test('take: who keeps a message is told who published it, and says when it is safe', () => {
  const author = { clientId: 'c', username: null };
  hooks.register(EMBEDDER, 'message.accept', (_message, who) => (who === author ? 'stored' : 'pass'));
  assert.equal(hooks.messageAccept(message('t'), author), 'stored');
  assert.equal(hooks.messageAccept(message('t'), null), 'pass');
});

test('take: one that throws or answers nonsense rejects', () => {
  hooks.register(EMBEDDER, 'message.accept', (one) => (one.topic === 'throw' ? fail() : (undefined as never)));
  assert.equal(hooks.messageAccept(message('throw'), null), 0x83);
  assert.equal(hooks.messageAccept(message('nothing'), null), 0x83);
});

test('observe: what one throws is logged, and the others still hear', () => {
  const heard: unknown[] = [];
  hooks.register(EMBEDDER, 'message.dropped', fail);
  hooks.register(EMBEDDER, 'message.dropped', (...facts) => void heard.push(facts));
  const dropped = message('t');
  hooks.observe('message.dropped', 'c', dropped, 'queue-full');
  assert.deepEqual(heard, [['c', dropped, 'queue-full']]);
  assert.deepEqual(
    logged.map(({ level, fields }) => [level, fields['point']]),
    [['warn', 'message.dropped']],
  );
});

test('delivery.finished: who asks for slow ones hears of those only, and of none whose time is not known', () => {
  const heard: [string, number][] = [];
  const observe = (name: string, interest?: HookInterest): unknown =>
    hooks.register(EMBEDDER, 'delivery.finished', (_clientId, _delivery, tookMs) => void heard.push([name, tookMs]), interest);
  observe('all');
  observe('from 0', { fromMs: 0 });
  observe('from 500', { fromMs: 500 });
  const delivery = new Delivery(message('t'), 1, false, null);
  for (const tookMs of [-1, 0, 499, 500]) hooks.deliveryFinished('c', delivery, tookMs);
  assert.deepEqual(heard, [
    ['all', -1],
    ['all', 0],
    ['from 0', 0],
    ['all', 499],
    ['from 0', 499],
    ['all', 500],
    ['from 0', 500],
    ['from 500', 500],
  ]);
});

test('delivery.finished: it is of interest from when on the most curious hook asks that is about the topic', () => {
  const isAbout = (topic: string): boolean => topic === 't';
  assert.equal(hooks.finishedFromMs('t'), OBSERVED_NEVER);
  hooks.register(EMBEDDER, 'delivery.finished', () => {}, { fromMs: 500 });
  const withdraw = hooks.register(EMBEDDER, 'delivery.finished', () => {}, { isAbout, fromMs: 20 });
  assert.deepEqual([hooks.finishedFromMs('t'), hooks.finishedFromMs('u')], [20, 500]);
  hooks.register(EMBEDDER, 'delivery.finished', () => {}, { isAbout });
  assert.deepEqual([hooks.finishedFromMs('t'), hooks.finishedFromMs('u')], [OBSERVED_ALWAYS, 500]);
  withdraw();
  assert.equal(hooks.finishedFromMs('t'), OBSERVED_ALWAYS);
});

test('delivery.finished: what a hook throws, or rejects with, is logged, and the others still hear', async () => {
  let heard = 0;
  hooks.register(EMBEDDER, 'delivery.finished', fail);
  hooks.register(EMBEDDER, 'delivery.finished', async () => fail());
  hooks.register(EMBEDDER, 'delivery.finished', () => void (heard += 1));
  hooks.deliveryFinished('c', new Delivery(message('t'), 1, false, null), 0);
  await new Promise(setImmediate);
  assert.deepEqual([heard, hooks.failures, logged.map(({ fields }) => fields['point'])], [1, 2, Array(2).fill('delivery.finished')]);
});

test('observe: a promise that a hook makes although nobody waits for it is caught when it fails', async () => {
  hooks.register(EMBEDDER, 'session.opened', async () => fail());
  hooks.observe('session.opened', 'c');
  await new Promise(setImmediate);
  assert.deepEqual(
    logged.map(({ level, fields }) => [level, fields['point']]),
    [['warn', 'session.opened']],
  );
});

test('a hook that was taken away is asked no more, and its point is as unused as before', () => {
  const calls: string[] = [];
  const withdraw = ['a', 'b'].map((name) =>
    hooks.register(EMBEDDER, 'message.inbound', (_client, one) => {
      calls.push(name);
      return one;
    }),
  );
  hooks.messageInbound(client, message('t'));
  withdraw[0]();
  hooks.messageInbound(client, message('t'));
  assert.deepEqual(calls, ['a', 'b', 'b']);
  assert.equal(hooks.hasMessageInbound, true);
  withdraw[1]();
  assert.equal(hooks.hasMessageInbound, false);
});

test('subscription.accept: everybody is asked, and one denial is enough', () => {
  const asked: string[] = [];
  const accept = (name: string, answer: GateAnswer): void =>
    void hooks.register(EMBEDDER, 'subscription.accept', (_client, { filter, match }) => {
      asked.push(`${name} ${filter} ${match}`);
      return answer;
    });
  const wanted = { filter: '$mine/a', match: 'a', qos: 1 } as const;
  accept('first', 'allow');
  assert.equal(hooks.subscriptionAccept(client, wanted), 'abstain');
  accept('second', { deny: 0x97 });
  accept('third', 'allow');
  assert.deepEqual(hooks.subscriptionAccept(client, wanted), { deny: 0x97 });
  assert.deepEqual(asked, ['first $mine/a a', 'first $mine/a a', 'second $mine/a a']);
});

test('subscription.accept: a hook that throws or answers nonsense denies', () => {
  hooks.register(EMBEDDER, 'subscription.accept', (_client, { filter }) => (filter === 'throw' ? fail() : (true as never)));
  assert.deepEqual(hooks.subscriptionAccept(client, { filter: 'throw', match: 'throw', qos: 0 }), { deny: 0x87 });
  assert.deepEqual(hooks.subscriptionAccept(client, { filter: 'a', match: 'a', qos: 0 }), { deny: 0x87 });
});

test('the name of a subscription is what transforms make of it, as far as they do', () => {
  const rename = (filter: string): void =>
    void hooks.register(EMBEDDER, 'subscription.inbound', (_client, one) => ({ ...one, filter: one.filter + filter }));
  rename('1');
  assert.equal(hooks.subscriptionName(client, 'a'), 'a1');
  hooks.register(EMBEDDER, 'subscription.inbound', (_client, one) =>
    one.filter === 'b1' ? { reject: 0x8f } : one.filter === 'c1' ? fail() : one,
  );
  rename('2');
  assert.deepEqual(
    ['a', 'b', 'c'].map((filter) => hooks.subscriptionName(client, filter)),
    ['a12', 'b1', 'c1'],
  );
});

test('a match that is no text is no answer', () => {
  hooks.register(EMBEDDER, 'subscription.inbound', (_client, one) => ({ ...one, match: 1 as never }));
  assert.equal(hooks.subscriptionInbound(client, request), 0x83);
});
