import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { after, before, test, type TestContext } from 'node:test';
import fc from 'fast-check';
import { connect } from '@wrenmq/client';
import {
  ConnectionError,
  ConventionalRPCManager,
  ErrorCode,
  EventChannelManager,
  EventMessage,
  eventSubscribe,
  MQTTClient,
  type MQTTConfigFields,
  MQTTXError,
  PermissionDeniedError,
  RPCManager,
  type RPCManagerOptions,
  RPCMethodNotFoundError,
  RPCPeerUnreachableError,
  RPCRemoteError,
  RPCRequest,
  RPCTimeoutError,
  TooManyConcurrentCallsError,
} from '@wrenmq/client/mqttxx';
import { pythonJson, rpcPeer } from '@wrenmq/client/rpc';
import { freePort, launchBroker, LaunchedProcess, type LaunchedBroker } from '@wrenmq/testkit';
import { needs, run } from '#root/test/interop/interop.ts';

let broker!: LaunchedBroker;
before(async () => {
  broker = await launchBroker();
});
after(() => broker.close());

const python = '/usr/bin/python3';
const script = join(import.meta.dirname, 'python', 'mqttxx_peer.py');
const withPython = { timeout: 60_000, ...needs('/usr/lib/python3/dist-packages/paho/mqtt/client.py', 'python3-paho-mqtt') };

class Log {
  readonly warnings: string[] = [];
  readonly errors: string[] = [];
  warn(message: string): void {
    this.warnings.push(message);
  }
  error(message: string): void {
    this.errors.push(message);
  }
}

function make(t: TestContext, fields: Partial<MQTTConfigFields> = {}): { client: MQTTClient; log: Log } {
  const log = new Log();
  const client = new MQTTClient({ brokerHost: '127.0.0.1', brokerPort: broker.target().port, logger: log, ...fields });
  t.after(() => client.disconnect());
  return { client, log };
}

async function enter(t: TestContext, clientId: string, fields: Partial<MQTTConfigFields> = {}): Promise<MQTTClient> {
  const { client } = make(t, { clientId, cleanSession: true, ...fields });
  await client.connect();
  return client;
}

/** Ready to be called. */
async function convention(client: MQTTClient, options: RPCManagerOptions = {}): Promise<ConventionalRPCManager> {
  const rpc = new ConventionalRPCManager(client, `peer/${client.clientId}`, options);
  await client.granted();
  return rpc;
}

async function peer(t: TestContext, name: string, options: RPCManagerOptions = {}): Promise<ConventionalRPCManager> {
  return convention(await enter(t, name), options);
}

test('the example of the README: subscribe, publish, with the defaults and no client id', async (t) => {
  const { client } = make(t);
  const { promise, resolve } = Promise.withResolvers<[string, string]>();
  client.subscribe('sensors/#', (topic, payload) => resolve([topic, new TextDecoder().decode(payload)]));
  assert.equal(client.isConnected, false);
  await client.connect();
  assert.equal(client.isConnected, true);
  await client.publish('sensors/temperature', '25.5', 1);
  assert.deepEqual(await promise, ['sensors/temperature', '25.5']);
});

test('messages of a topic are handled in order, however many workers there are', async (t) => {
  const client = await enter(t, 'order', { numWorkers: 8 });
  const { promise, resolve } = Promise.withResolvers<void>();
  const seen: number[] = [];
  client.subscribe('order/a', async (_topic, payload) => {
    const n = Number(new TextDecoder().decode(payload));
    // Earlier ones take longer.
    for (let turn = 0; turn < 40 - n; turn += 1) await new Promise(setImmediate);
    if (seen.push(n) === 20) resolve();
  });
  await Promise.all(Array.from({ length: 20 }, (_, i) => client.publish('order/a', String(i), 1)));
  await promise;
  assert.deepEqual(
    seen,
    Array.from({ length: 20 }, (_, i) => i),
  );
});

test('handlers of a message are called one after the other; what one throws is logged and the next runs', async (t) => {
  const { client, log } = make(t);
  await client.connect();
  const { promise, resolve } = Promise.withResolvers<void>();
  const seen: string[] = [];
  client.subscribe('several', async () => {
    seen.push('first begins');
    await new Promise(setImmediate);
    seen.push('first ends');
  });
  client.subscribe('several', () => {
    throw new Error('oh');
  });
  client.subscribe('several', () => {
    seen.push('third');
    resolve();
  });
  await client.publish('several', '', 1);
  await promise;
  assert.deepEqual(seen, ['first begins', 'first ends', 'third']);
  assert.deepEqual(log.errors, ['a handler of several has failed']);
});

test('messages over max_payload_size are dropped with a warning', async (t) => {
  const { client, log } = make(t, { maxPayloadSize: 10 });
  await client.connect();
  const { promise, resolve } = Promise.withResolvers<number>();
  client.subscribe('large', (_topic, payload) => resolve(payload.length));
  await client.publish('large', 'x'.repeat(11), 1);
  await client.publish('large', 'x'.repeat(10), 1);
  assert.equal(await promise, 10);
  assert.deepEqual(log.warnings, ['a message of 11 bytes on large is dropped: at most 10']);
});

test('the last handler takes the subscription with it', async (t) => {
  const client = await enter(t, 'unsubscribe');
  const seen: string[] = [];
  const [one, two] = ['one', 'two'].map((name) => () => void seen.push(name));
  client.subscribe('u', one);
  client.subscribe('u', two);
  client.unsubscribe('u', one);
  client.unsubscribe('u', one);
  client.unsubscribe('unknown');
  await client.publish('u', '', 1);
  await client.raw.drain();
  client.unsubscribe('u');
  const other = await connect(`mqtt://127.0.0.1:${broker.target().port}`);
  t.after(() => other.close());
  // `unsubscribe` does not wait for the broker, as in Python.
  while (!(await other.publish('u', '', { qos: 1 })).noSubscribers);
  assert.deepEqual(seen, ['two']);
});

test('a queue that is full loses nothing: the broker waits', async (t) => {
  const client = await enter(t, 'full', { messageQueueMaxsize: 2, numWorkers: 1 });
  const { promise, resolve } = Promise.withResolvers<void>();
  const seen: number[] = [];
  client.subscribe('full/a', async (_topic, payload) => {
    await new Promise(setImmediate);
    if (seen.push(Number(new TextDecoder().decode(payload))) === 300) resolve();
  });
  await Promise.all(Array.from({ length: 300 }, (_, i) => client.publish('full/a', String(i), 1)));
  await promise;
  assert.deepEqual(
    seen,
    Array.from({ length: 300 }, (_, i) => i),
  );
});

test('disconnecting waits until what has come is handled', async (t) => {
  const client = await enter(t, 'leaves', { numWorkers: 1 });
  const seen: number[] = [];
  const { promise: begun, resolve } = Promise.withResolvers<void>();
  client.subscribe('leave', async () => {
    resolve();
    await new Promise(setImmediate);
    seen.push(1);
  });
  await Promise.all(Array.from({ length: 10 }, () => client.publish('leave', '', 1)));
  await begun;
  await client.disconnect();
  assert.equal(seen.length, 10);
  assert.equal(client.isConnected, false);
});

test('subscriptions are at QoS 1: what comes while the client is away is kept', async (t) => {
  const { client } = make(t, { clientId: 'kept' });
  const { promise, resolve } = Promise.withResolvers<string>();
  client.subscribe('kept', (_topic, payload) => resolve(new TextDecoder().decode(payload)));
  await client.connect();
  await client.granted();
  await client.disconnect();
  await (await enter(t, 'other')).publish('kept', 'for you', 1);
  await client.connect();
  assert.equal(await promise, 'for you');
  // The session goes, too.
  await client.raw.close({ sessionExpiry: 0 });
});

test('who cannot connect is told: at once when credentials are wrong, and after the last attempt', async (t) => {
  const port = await freePort();
  const { client, log } = make(t, { brokerPort: port, reconnect: { interval: 0.001, maxInterval: 0.002, maxAttempts: 2 } });
  await assert.rejects(
    client.connect(),
    (error) => error instanceof ConnectionError && error.code === ErrorCode.CONNECTION_FAILED && error.cause !== undefined,
  );
  assert.deepEqual(log.errors, ['there will be no further attempt to connect']);
  assert.throws(() => client.raw, { code: ErrorCode.NOT_CONNECTED });
  await assert.rejects(client.publish('a', ''), { code: ErrorCode.NOT_CONNECTED });
  // It may be tried again.
  await assert.rejects(client.connect(), ConnectionError);
});

test('the second connect warns, and waits for the same connection', async (t) => {
  const { client, log } = make(t);
  await Promise.all([client.connect(), client.connect()]);
  assert.equal(log.warnings.length, 1);
});

test('peers call each other by convention', async (t) => {
  const [edge, cloud] = [await peer(t, 'edge'), await peer(t, 'cloud')];
  edge.register('get_status')(async () => ({ status: 'online' }));
  cloud.register('get_config', (params: { id: number }) => ({ interval: 60, ...params }));
  assert.deepEqual(await edge.call('peer/cloud', 'get_config', { id: 7 }), { interval: 60, id: 7 });
  assert.deepEqual(await cloud.call('peer/edge', 'get_status'), { status: 'online' });
  cloud.unregister('get_config');
  await assert.rejects(edge.call('peer/cloud', 'get_config'), (error) => {
    assert.ok(error instanceof RPCMethodNotFoundError && error instanceof RPCRemoteError);
    assert.equal(String(error), '[METHOD_NOT_FOUND] 方法未找到: get_config');
    return true;
  });
});

test('the traditional manager takes bytes and messages, and needs replyTo', async (t) => {
  const client = await enter(t, 'traditional');
  const rpc = new RPCManager(client);
  rpc.register('get', () => 1);
  client.subscribe('server/traditional', rpc.handleRpcMessage);
  await client.granted();
  assert.equal(await rpc.call('server/traditional', 'get', null, { replyTo: 'server/traditional', timeout: 5 }), 1);
  await assert.rejects(rpc.call('server/traditional', 'get'), TypeError);
  const { promise, resolve } = Promise.withResolvers<string>();
  client.subscribe('server/by-hand', (_topic, payload) => resolve(new TextDecoder().decode(payload)));
  await client.granted();
  rpc.handleRpcMessage('x', new RPCRequest({ requestId: '7', method: 'get', replyTo: 'server/by-hand' }));
  assert.equal(await promise, '{"type": "rpc_response", "request_id": "7", "result": 1}');
});

test('without a connection a call fails at once', async (t) => {
  const { client } = make(t);
  const rpc = new ConventionalRPCManager(client, 'peer/offline');
  await assert.rejects(rpc.call('a', 'b'), (error) => error instanceof MQTTXError && error.code === ErrorCode.NOT_CONNECTED);
});

test('an empty error is a failure, a result that JSON has not is one too', async (t) => {
  const [a, b] = [await peer(t, 'a'), await peer(t, 'b')];
  b.register('empty', () => {
    throw new RangeError('');
  });
  b.register('symbol', () => Symbol('x'));
  await assert.rejects(a.call('peer/b', 'empty'), { name: 'RPCRemoteError', message: 'RangeError' });
  await assert.rejects(a.call('peer/b', 'symbol'), { name: 'RPCRemoteError', message: /cannot be written/ });
});

test('calls within calls do not wait for each other, however few workers there are', async (t) => {
  const [a, b] = [await convention(await enter(t, 'na', { numWorkers: 1 })), await convention(await enter(t, 'nb', { numWorkers: 1 }))];
  for (const [rpc, other] of [
    [a, 'peer/nb'],
    [b, 'peer/na'],
  ] as const)
    rpc.register('down', (depth: number) => (depth === 0 ? 'bottom' : rpc.call(other, 'down', depth - 1)));
  assert.deepEqual(await Promise.all(Array.from({ length: 20 }, () => a.call('peer/nb', 'down', 5))), Array(20).fill('bottom'));
});

test('answers go only where the responder allows it, and never below $', async (t) => {
  const rpc = await convention(await enter(t, 'deputy'), { allowReplyTo: (topic) => topic.startsWith('peer/') });
  let calls = 0;
  rpc.register('get', () => (calls += 1));
  await assert.rejects(rpc.call('peer/deputy', 'get', null, { replyTo: 'door/open', timeout: 0.05 }), RPCTimeoutError);
  assert.equal(calls, 0);
  assert.equal(await rpc.call('peer/deputy', 'get'), 1);
});

test('the authorization gets the request; no and an error refuse it', async (t) => {
  const seen: RPCRequest[] = [];
  const guarded = await peer(t, 'guarded', {
    authCallback: async (callerId, method, request) => {
      seen.push(request);
      if (method === 'odd') throw new Error('x');
      return callerId === 'admin';
    },
  });
  guarded.register('get', () => 1);
  const [admin, guest] = [await peer(t, 'admin'), await peer(t, 'guest')];
  assert.equal(await admin.call('peer/guarded', 'get', { id: 1 }), 1);
  const { requestId: _, ...request } = seen[0];
  assert.deepEqual(request, { type: 'rpc_request', method: 'get', params: { id: 1 }, replyTo: 'peer/admin', callerId: 'admin' });
  await assert.rejects(
    guest.call('peer/guarded', 'get'),
    (error) => error instanceof PermissionDeniedError && error instanceof RPCRemoteError,
  );
  await assert.rejects(admin.call('peer/guarded', 'odd'), PermissionDeniedError);
});

test('too many calls fail at once; a call that is over, and one that could not be sent, leave their place', async (t) => {
  const [a, b] = [await peer(t, 'few', { config: { maxConcurrentCalls: 1, defaultTimeout: 10 } }), await peer(t, 'waits')];
  const { promise, resolve } = Promise.withResolvers<string>();
  b.register('wait', () => promise);
  const waiting = a.call('peer/waits', 'wait');
  await assert.rejects(a.call('peer/waits', 'wait'), TooManyConcurrentCallsError);
  resolve('done');
  assert.equal(await waiting, 'done');
  await assert.rejects(a.call('no/+/topic', 'x'), { code: ErrorCode.PUBLISH_FAILED });
  await assert.rejects(a.call('peer/waits', 'x', 1, { timeout: 5 }), RPCMethodNotFoundError);
});

test('a call that waits fails when its client ends', async (t) => {
  const [a, b] = [await enter(t, 'ends'), await peer(t, 'keeps')];
  const { promise: called, resolve } = Promise.withResolvers<void>();
  b.register('wait', () => {
    resolve();
    return new Promise(() => {});
  });
  const rpc = await convention(a);
  const call = assert.rejects(rpc.call('peer/keeps', 'wait'), { code: ErrorCode.CONNECTION_LOST });
  await called;
  await a.disconnect();
  await call;
});

test('a call to nobody fails at once', async (t) => {
  const rpc = await peer(t, 'alone', { config: { defaultTimeout: 3_600 } });
  await assert.rejects(rpc.call('peer/nobody', 'get'), (error) => error instanceof RPCPeerUnreachableError && error.code === 3007);
});

test('another codec takes the place of JSON', async (t) => {
  const codec = {
    encode: (value: unknown) => new TextEncoder().encode(`!${JSON.stringify(value)}`),
    decode: (payload: Uint8Array): unknown => JSON.parse(new TextDecoder().decode(payload).slice(1)),
  };
  const [a, b] = [await peer(t, 'codec-a', { codec }), await peer(t, 'codec-b', { codec })];
  b.register('get', (params) => params);
  assert.equal(await a.call('peer/codec-b', 'get', 'x'), 'x');
});

test('events are told to all who want them, also to those who said so before there was a manager', async (t) => {
  const heard: unknown[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  eventSubscribe('ev/+/t')((topic, message: unknown) => heard.push(['early', topic, message]));
  const client = await enter(t, 'events');
  const events = new EventChannelManager(client);
  assert.equal(new EventChannelManager(client) instanceof EventChannelManager, true, 'takes nothing: the first has it');
  events.subscribe('ev/+/t')(() => {
    throw new Error('hurts nobody');
  });
  events.subscribe('ev/#', (_topic, message: unknown) => {
    heard.push(['all', message]);
    if (heard.length >= 4) resolve();
  });
  const event = new EventMessage({ eventType: 'x', data: 1, timestamp: 2 });
  await events.publish('ev/1/t', event, 1);
  await events.publish('ev/2', 'raw', 1);
  await events.publish('ev/3', { n: Number.NaN }, 1);
  await promise;
  assert.deepEqual(
    heard.filter((entry) => (entry as unknown[])[0] === 'early'),
    [['early', 'ev/1/t', event.toDict()]],
  );
  assert.deepEqual(
    heard.filter((entry) => (entry as unknown[])[0] === 'all').map((entry) => (entry as unknown[])[1]),
    [event.toDict(), { data: 'raw' }, { n: Number.NaN }],
  );
  events.unsubscribe('ev/+/t');
  events.unsubscribe('ev/#');
});

test('a Python service is called', withPython, async (t) => {
  const requests: { raw: string; qos: number }[] = [];
  const service = await LaunchedProcess.launch({
    command: python,
    args: ['-B', script, 'serve', `${broker.target().port}`],
    isReady: (line) => {
      if (line.startsWith('{')) requests.push(JSON.parse(line) as { raw: string; qos: number });
      return line === 'ready';
    },
  });
  t.after(() => service.kill());
  const rpc = await peer(t, 'js');
  const call = (method: string, params?: unknown) => rpc.call('py/service', method, params);
  const value = { text: '方法 é 😀', n: 12, deep: [null, true, [1.5e-7]] };
  assert.deepEqual(await call('echo', value), value);
  assert.equal(await call('add', { a: 1, b: 2.5 }), 3.5);
  assert.equal(await call('nothing'), null);
  assert.deepEqual(await call('not_a_number'), [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]);
  assert.deepEqual(await call('echo', [Number.NaN, 2n ** 60n]), [Number.NaN, 2 ** 60]);
  assert.equal(await call('big'), 2 ** 60);
  await assert.rejects(call('fail'), { name: 'RPCRemoteError', message: '' });
  await assert.rejects(call('unknown'), { name: 'RPCMethodNotFoundError', message: '方法未找到: unknown' });
  await assert.rejects((await peer(t, 'intruder')).call('py/service', 'echo'), PermissionDeniedError);
  const [{ raw, qos }] = requests;
  assert.equal(qos, 1);
  const { request_id: id } = JSON.parse(raw) as { request_id: string };
  assert.equal(
    raw,
    `{"type": "rpc_request", "request_id": "${id}", "method": "echo", "params": {"text": "\\u65b9\\u6cd5 \\u00e9 \\ud83d\\ude00", "n": 12, "deep": [null, true, [1.5e-07]]}, "reply_to": "peer/js", "caller_id": "js"}`,
  );
});

test('a Python caller is answered byte for byte as Python would', withPython, async (t) => {
  const client = await connect(`mqtt://127.0.0.1:${broker.target().port}`, { clientId: 'js-service' });
  t.after(() => client.close());
  const service = await rpcPeer(client, { topic: 'js/service', authorize: (_caller, method) => method !== 'forbidden' });
  service.register('echo', (params: { n: number }) => ({ ...params, n: params.n === 2 ** 60 }));
  service.register('nothing', () => undefined);
  service.register('not_a_number', () => [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]);
  service.register('empty_error', () => {
    throw new TypeError('');
  });
  service.register('symbol', () => Symbol('x'));
  // Python itself compares what came with what its json.dumps makes of it.
  const { stdout } = await run(python, ['-B', script, 'call', `${broker.target().port}`]);
  const answers = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { method: string; raw: string; answer: string });
  assert.deepEqual(
    answers.map(({ method, answer }) => [method, answer]),
    [
      ['echo', "{'text': '方法 é 😀', 'n': True, 'f': 1, 'deep': [None, True, [1.5e-07]]}"],
      ['nothing', 'None'],
      ['not_a_number', '[nan, inf, -inf]'],
      ['empty_error', "'TypeError'"],
      ['unknown', "'方法未找到: unknown'"],
      ['forbidden', "'Permission denied'"],
      ['symbol', "'a symbol cannot be written as JSON'"],
    ],
  );
});

test("any value is written as Python's json.dumps writes it", withPython, () => {
  const values = fc.sample(
    fc.oneof(
      fc.jsonValue(),
      fc.double({ noNaN: false }).map((number) => [number]),
      fc.maxSafeInteger(),
      fc.string({ unit: 'binary' }),
      fc.dictionary(fc.string(), fc.double()),
      fc.bigInt(),
    ),
    { numRuns: 1_000, seed: 7 },
  );
  const lines = values.map((value) => new TextDecoder().decode(pythonJson.encode(value)));
  const { stdout, status } = spawnSync(python, ['-B', script, 'dumps'], { input: lines.join('\n'), maxBuffer: 64 * 1024 * 1024 });
  assert.equal(status, 0);
  assert.deepEqual(stdout.toString().trimEnd().split('\n'), lines);
});
