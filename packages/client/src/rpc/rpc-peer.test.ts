import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  rpcClient,
  rpcPeer,
  RpcMethodNotFoundError,
  RpcPermissionDeniedError,
  RpcRemoteError,
  RpcTooManyCallsError,
  serveRpc,
} from './index.ts';
import { settle, TestNetwork } from './test-client.ts';

test('two peers call each other, each on one topic', async () => {
  const network = new TestNetwork();
  const edge = await rpcPeer(network.client('device_123'), { topic: 'edge/device_123' });
  const cloud = await rpcPeer(network.client('config'), { topic: 'cloud/config' });
  edge.register('get_status', () => ({ status: 'online' }));
  cloud.register('get_config', async (params) => ({ params, interval: 60 }));
  assert.deepEqual(await edge.call('cloud/config', 'get_config', { id: 1 }), { params: { id: 1 }, interval: 60 });
  assert.deepEqual(await cloud.call('edge/device_123', 'get_status'), { status: 'online' });
  const [request, reply] = network.published;
  const { request_id: id } = JSON.parse(request.text) as { request_id: string };
  assert.match(id, /^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
  assert.deepEqual(
    [request.topic, request.text],
    [
      'cloud/config',
      `{"type": "rpc_request", "request_id": "${id}", "method": "get_config", "params": {"id": 1}, "reply_to": "edge/device_123", "caller_id": "device_123"}`,
    ],
  );
  assert.deepEqual(
    [reply.topic, reply.text],
    ['edge/device_123', `{"type": "rpc_response", "request_id": "${id}", "result": {"params": {"id": 1}, "interval": 60}}`],
  );
  for (const { options } of network.published) {
    const { signal: _, expiry: __, ...rest } = options;
    assert.deepEqual(rest, { qos: 1 });
  }
});

test('nested calls do not wait for each other: answers do not queue behind the methods that need them', async () => {
  const network = new TestNetwork();
  const peers = await Promise.all(['a', 'b'].map((name) => rpcPeer(network.client(name), { topic: name })));
  const [a, b] = peers;
  for (const [peer, other] of [
    [a, 'b'],
    [b, 'a'],
  ] as const)
    peer.register('down', async (depth: number) => (depth === 0 ? 'bottom' : peer.call(other, 'down', depth - 1)));
  assert.deepEqual(await Promise.all(Array.from({ length: 20 }, () => a.call('b', 'down', 9))), Array(20).fill('bottom'));
});

test('the last function of a name counts, until it is taken away', async () => {
  const network = new TestNetwork();
  const peer = await rpcPeer(network.client('a'), { topic: 'a' });
  const forget = peer.register('get', () => 1);
  peer.register('get', () => 2);
  forget();
  assert.equal(await peer.call('a', 'get'), 2);
  peer.unregister('get');
  await assert.rejects(peer.call('a', 'get'), (error) => error instanceof RpcMethodNotFoundError && error.message === '方法未找到: get');
});

test('undefined travels as null, both ways', async () => {
  const network = new TestNetwork();
  const peer = await rpcPeer(network.client('a'), { topic: 'a' });
  const given: unknown[] = [];
  peer.register('get', (params) => void given.push(params));
  assert.equal(await peer.call('a', 'get'), null);
  assert.deepEqual(given, [null]);
});

test('a result that JSON does not have is answered with an error, and so is an error without a text', async () => {
  const network = new TestNetwork();
  const peer = await rpcPeer(network.client('a'), { topic: 'a' });
  peer.register('symbol', () => Symbol('x'));
  peer.register('empty', () => {
    throw new RangeError('');
  });
  await assert.rejects(peer.call('a', 'symbol'), { name: 'RpcRemoteError', message: /cannot be written as JSON/ });
  await assert.rejects(peer.call('a', 'empty'), { name: 'RpcRemoteError', message: 'RangeError' });
});

test('who may not call is told so, also when the authorization throws', async () => {
  const network = new TestNetwork();
  const peer = await rpcPeer(network.client('a'), {
    topic: 'a',
    authorize: (caller, method) => {
      if (method === 'odd') throw new Error(caller);
      return caller === 'b';
    },
  });
  peer.register('get', () => 1);
  const b = await rpcPeer(network.client('b'), { topic: 'b' });
  assert.equal(await b.call('a', 'get'), 1);
  await assert.rejects(b.call('a', 'odd'), RpcPermissionDeniedError);
  const c = await rpcPeer(network.client('c'), { topic: 'c' });
  await assert.rejects(c.call('a', 'get'), RpcRemoteError);
});

test('too many calls fail at once', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const network = new TestNetwork();
  const peer = await rpcPeer(network.client('a'), { topic: 'a', maxConcurrentCalls: 2, timeout: 0 });
  peer.register('wait', () => new Promise(() => {}));
  const waiting = [peer.call('a', 'wait'), peer.call('a', 'wait')].map((call) => assert.rejects(call, { name: 'RpcTimeoutError' }));
  await assert.rejects(peer.call('a', 'wait'), RpcTooManyCallsError);
  await settle();
  t.mock.timers.tick(30_000);
  await Promise.all(waiting);
});

test('a publish that fails leaves no call behind', async () => {
  const network = new TestNetwork();
  const client = network.client('a');
  const peer = await rpcPeer(client, { topic: 'a', maxConcurrentCalls: 1 });
  await assert.rejects(
    peer.call('a', 'x', () => {}),
    TypeError,
  );
  await assert.rejects(peer.call('a', 'x'), RpcMethodNotFoundError);
});

test('answers to nobody, repeated answers, and what others send are ignored', async () => {
  const network = new TestNetwork();
  const client = network.client('a');
  const peer = await rpcPeer(client, { topic: 'a' });
  peer.register('get', () => 1);
  for (const payload of ['{"type": "rpc_response", "request_id": "7", "result": 1}', '{"type": "event"}', 'no json', '', '{'])
    await client.publish('a', payload);
  await settle();
  assert.equal(await peer.call('a', 'get'), 1);
  assert.equal(network.clients[0].acknowledged.length, 7);
});

test('a peer without a topic gets its answers at the response topic of its client', async () => {
  const network = new TestNetwork();
  const peer = await rpcPeer(network.client('a'), { topic: 'a' });
  peer.register('get', () => 1);
  const caller = await rpcPeer(network.client('b'));
  assert.equal(await caller.call('a', 'get'), 1);
  assert.equal(network.published[1].topic, 'clients/b/rpc');
});

test('messages of a subscription of your own go through handleMessage', async () => {
  const network = new TestNetwork();
  const client = network.client('a');
  const peer = await rpcPeer(client);
  await client.handle('mine', (message) => peer.handleMessage(message.topic, message.payload));
  peer.register('get', (_params, { topic, message, callerId }) => [topic, message === undefined, callerId]);
  peer.register('nested', () => peer.call('mine', 'get', null, { replyTo: 'mine' }));
  assert.deepEqual(await peer.call('mine', 'nested', null, { replyTo: 'mine' }), ['mine', true, 'a']);
});

test('wire auto answers both wires on one topic; each call is told which', async () => {
  const network = new TestNetwork();
  const peer = await rpcPeer(network.client('a'), { topic: 'a', wire: 'auto' });
  peer.register('get', (_params, { wire }) => wire);
  const caller = network.client('b');
  assert.equal(await rpcClient(caller, 'a', { get: {} }).get(1), 'mqtt5');
  assert.equal(await (await rpcPeer(caller)).call('a', 'get'), 'mqttxx');
  assert.equal(await (await rpcPeer(caller, { wire: 'mqtt5' })).call('a', 'get'), 'mqtt5');
});

test('a call knows its message, its deadline, its name, and what was sent', async (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: 1_000 });
  const network = new TestNetwork();
  const peer = await rpcPeer(network.client('a'), { topic: 'a', wire: 'auto' });
  peer.register('get', (_params, { message, deadline, callId, replyTo, readInput }) => [
    message?.topic,
    deadline,
    callId.length,
    replyTo,
    readInput(),
  ]);
  const caller = network.client('b');
  const { get } = rpcClient(caller, 'a', { get: {} }, { timeout: 2_000 });
  assert.deepEqual(await get([7]), ['a/get', 3_000, 36, 'clients/b/rpc', [7]]);
  assert.deepEqual(await (await rpcPeer(caller)).call('a', 'get', 7, { timeout: 2_000 }), ['a', 3_000, 36, 'clients/b/rpc', 7]);
});

test('a contract is served on both wires', async () => {
  const network = new TestNetwork();
  await serveRpc(network.client('a'), 'a', { get: {} }, { get: (_input, { wire }) => wire });
  assert.equal(await (await rpcPeer(network.client('b'))).call('a', 'get'), 'mqttxx');
});

test('without MQTT 5 everything travels as JSON, and nothing is shared', async () => {
  const network = new TestNetwork();
  await serveRpc(network.client('a', 4), 'a', { get: {} }, { get: (input, { wire }) => [wire, input] });
  assert.deepEqual(
    [...network.clients[0].subscriptions].map(({ filter, share }) => [filter, share]),
    [['a', undefined]],
  );
  assert.deepEqual(await rpcClient(network.client('b', 4), 'a', { get: {} }).get(1), ['mqttxx', 1]);
  assert.equal((JSON.parse(network.published[0].text) as { reply_to: string }).reply_to, 'clients/b/rpc');
});

test('answers are not sent where the peer does not allow it, and not nowhere', async () => {
  const network = new TestNetwork();
  const client = network.client('a');
  const peer = await rpcPeer(client, { topic: 'a', allowReplyTo: (topic) => topic !== 'door/open' });
  let calls = 0;
  peer.register('get', () => (calls += 1));
  for (const reply of ['door/open', '', 'a/+', 'ok'])
    await client.publish('a', `{"type": "rpc_request", "request_id": "1", "method": "get", "reply_to": "${reply}"}`);
  await settle();
  assert.equal(calls, 1);
  assert.equal(network.published.at(-1)!.topic, 'ok');
});

test('a request without MQTT 5 that comes twice runs once', async () => {
  const network = new TestNetwork();
  const client = network.client('a');
  const peer = await rpcPeer(client, { topic: 'a' });
  let calls = 0;
  peer.register('get', () => (calls += 1));
  for (let i = 0; i < 2; i += 1)
    await client.publish('a', '{"type": "rpc_request", "request_id": "1", "method": "get", "reply_to": "b"}', { qos: 1 });
  await settle();
  assert.equal(calls, 1);
  assert.equal(network.published.filter(({ topic }) => topic === 'b').length, 2);
});
