import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MqttError } from '#base/mqtt-error.ts';
import type { StandardSchema } from '#base/standard-schema.ts';
import {
  defineRpc,
  rpcClient,
  RpcMethodNotFoundError,
  RpcNoRespondersError,
  RpcPermissionDeniedError,
  RpcRemoteError,
  RpcTimeoutError,
  RpcTooManyCallsError,
  type ServeRpcOptions,
  serveRpc,
} from './index.ts';
import { settle, TestNetwork } from './test-client.ts';

function schema<T>(accepts: (value: unknown) => boolean, map = (value: unknown) => value as T): StandardSchema<T, T> {
  return {
    '~standard': {
      version: 1,
      vendor: 'test',
      validate: (value) => (accepts(value) ? { value: map(value) } : { issues: [{ message: 'no number', path: ['n'] }] }),
    },
  };
}

const number = schema<{ n: number }>((value) => typeof (value as { n: unknown } | null)?.n === 'number');
const api = defineRpc({
  double: { input: number, output: number },
  echo: {},
  fails: {},
  waits: {},
  count: { stream: true },
  endless: { stream: true },
});

interface Heard {
  readonly aborted: string[];
  readonly calls: string[];
}

async function serve(network: TestNetwork, options: ServeRpcOptions = {}, clientId = 'server') {
  const heard: Heard = { aborted: [], calls: [] };
  const client = network.client(clientId);
  const served = await serveRpc(
    client,
    'device/1',
    api,
    {
      double: ({ n }, { method }) => {
        heard.calls.push(method);
        return { n: 2 * n };
      },
      echo: (input) => {
        heard.calls.push(clientId);
        return input;
      },
      fails: (input) => {
        heard.calls.push('fails');
        throw input as Error;
      },
      waits: (_input, { signal }) =>
        new Promise((_resolve, reject) =>
          signal.addEventListener('abort', () => {
            heard.aborted.push('waits');
            reject(new Error('aborted'));
          }),
        ),
      count: async function* (input) {
        for (let i = 0; i < (input as number); i += 1) yield i;
      },
      endless: async function* (_input, { signal }) {
        try {
          for (let i = 0; !signal.aborted; i += 1) yield i;
        } finally {
          heard.aborted.push('endless');
        }
      },
    },
    options,
  );
  return { client, served, heard };
}

test('a call travels as the profile says: one response topic, a UUID, an expiry rounded up, and who calls when', async (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: 1_700_000_000_000 });
  const network = new TestNetwork();
  await serve(network);
  const device = rpcClient(network.client('me/+#'), 'device/1', api, { timeout: 4_001 });
  assert.deepEqual(await device.double({ n: 21 }), { n: 42 });
  const [request, reply] = network.published;
  assert.equal(request.topic, 'device/1/double');
  assert.equal(request.text, '{"n":21}');
  assert.equal(request.contentType, 'application/json');
  const { signal: _, correlationData, ...options } = request.options;
  assert.deepEqual(options, {
    qos: 1,
    expiry: 5,
    responseTopic: 'clients/me%2F%2B%23/rpc',
    userProperties: [
      ['__protVer', '1.0'],
      ['__ts', '001700000000000:00000:me/+#'],
      ['__srcId', 'me/+#'],
    ],
  });
  assert.equal(correlationData!.length, 16);
  assert.equal(correlationData![6] >> 4, 4);
  assert.deepEqual([reply.topic, reply.text, reply.contentType], ['clients/me%2F%2B%23/rpc', '{"n":42}', 'application/json']);
  assert.deepEqual(reply.options, {
    qos: 1,
    expiry: 5,
    correlationData,
    userProperties: [
      ['__stat', '200'],
      ['__protVer', '1.0'],
      ['__ts', '001700000000000:00000:server'],
    ],
  });
});

test('all callers on a client share one subscription, and answers find their calls', async () => {
  const network = new TestNetwork();
  await serve(network);
  const client = network.client('caller');
  const [first, second] = [rpcClient(client, 'device/1', api), rpcClient(client, 'device/1', api)];
  const answers = await Promise.all([first.echo('a'), second.echo('b'), first.echo('c')]);
  assert.deepEqual(answers, ['a', 'b', 'c']);
  assert.equal(network.clients[1].subscriptions.size, 1);
});

test('responders listen in a group, at QoS 1, and each for itself for cancellations', async () => {
  const network = new TestNetwork();
  await serve(network);
  const listened = [...network.clients[0].subscriptions].map(({ filter, share, qos }) => [share, filter, qos]);
  assert.deepEqual(listened, [
    ['rpc', 'device/1/+', 1],
    [undefined, 'device/1/+/control', 1],
    ['rpc', 'device/1', 1],
  ]);
});

test('responders of a group share the calls', async () => {
  const network = new TestNetwork();
  const { heard } = await serve(network, {}, 'one');
  const other = await serve(network, {}, 'two');
  const device = rpcClient(network.client('caller'), 'device/1', api);
  for (let i = 0; i < 4; i += 1) await device.echo(i);
  assert.ok(heard.calls.length > 0 && other.heard.calls.length > 0);
  assert.equal(heard.calls.length + other.heard.calls.length, 4);
});

test('nothing given and nothing returned travel as nothing', async () => {
  const network = new TestNetwork();
  await serve(network);
  const device = rpcClient(network.client('caller'), 'device/1', api);
  assert.equal(await device.echo(undefined), undefined);
  assert.deepEqual(
    network.published.map(({ text }) => text),
    ['', ''],
  );
  assert.deepEqual(network.published[1].options.userProperties![0], ['__stat', '204']);
  assert.equal(await device.echo(null), null);
});

test('when nobody listens the call fails at once', async () => {
  const network = new TestNetwork();
  const device = rpcClient(network.client('caller'), 'nowhere', api);
  await assert.rejects(
    device.echo(1),
    (error) => error instanceof RpcNoRespondersError && error.reasonCode === 0x10 && error.code === 'RPC',
  );
});

test('input that the schema refuses is answered with 400 and its issues, and never reaches the method', async () => {
  const network = new TestNetwork();
  const { heard } = await serve(network);
  const device = rpcClient(network.client('caller'), 'device/1', api);
  await assert.rejects(device.double({} as never), (error) => {
    assert.ok(error instanceof RpcRemoteError);
    assert.deepEqual(
      [error.status, error.message, error.details],
      [400, 'n: no number', { issues: [{ message: 'no number', path: ['n'] }] }],
    );
    return true;
  });
  assert.deepEqual(heard.calls, []);
});

test('a result that does not fit its schema is the fault of the responder', async () => {
  const network = new TestNetwork();
  const wrong = defineRpc({ get: { output: number } });
  await serveRpc(network.client('server'), 'wrong', wrong, { get: () => ({}) as never });
  const caller = network.client('caller');
  await assert.rejects(rpcClient(caller, 'wrong', wrong).get({}), { name: 'RpcRemoteError', status: 500 });
  // A responder that does not know the schema.
  await serveRpc(network.client('careless'), 'careless', { get: {} }, { get: () => ({}) });
  await assert.rejects(rpcClient(caller, 'careless', wrong).get({}), { name: 'MqttError', code: 'VALIDATION' });
});

test('what a method throws arrives with its status, and its details', async () => {
  const network = new TestNetwork();
  const errors: unknown[] = [];
  await serveRpc(
    network.client('server'),
    'x',
    { get: {} },
    {
      get: (input) => {
        throw input === 1 ? new TypeError('') : new RpcRemoteError('locked', { status: 409, details: { by: 'me' } });
      },
    },
    { onError: (error) => errors.push(error) },
  );
  const { get } = rpcClient(network.client('caller'), 'x', { get: {} });
  await assert.rejects(get(1), { name: 'RpcRemoteError', message: 'TypeError', status: 500 });
  await assert.rejects(get(2), { name: 'RpcRemoteError', message: 'locked', status: 409, details: { by: 'me' } });
  assert.equal(errors.length, 2);
  assert.ok(network.published[1].options.userProperties!.some(([name, value]) => name === '__apErr' && value === 'true'));
});

test('a result that cannot be written is answered with an error', async () => {
  const network = new TestNetwork();
  await serveRpc(network.client('server'), 'x', { get: {} }, { get: () => 1n });
  await assert.rejects(rpcClient(network.client('caller'), 'x', { get: {} }).get(1), { name: 'RpcRemoteError', status: 500 });
});

test('an answer that is too large for the broker is answered with an error', async () => {
  const network = new TestNetwork();
  await serveRpc(network.client('server'), 'x', { get: {} }, { get: () => 'x'.repeat(100_000) });
  const { get } = rpcClient(network.client('caller'), 'x', { get: {} });
  await assert.rejects(get(1), { status: 500, message: 'the answer: larger than the broker accepts' });
});

test('an authorization that never ends ends with the time of its call', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout', 'Date'] });
  const network = new TestNetwork();
  await serve(network, { methodTimeout: 1_000, authorize: () => new Promise<boolean>(() => {}) });
  const call = assert.rejects(rpcClient(network.client('caller'), 'device/1', api).echo(1), RpcTimeoutError);
  await settle();
  t.mock.timers.tick(1_000);
  await call;
});

test('an unknown method and a refused caller have errors of their own', async () => {
  const network = new TestNetwork();
  const { heard } = await serve(network, { authorize: (caller, method) => caller === 'admin' || method !== 'echo' });
  const guest = rpcClient(network.client('guest'), 'device/1', { ...api, nothing: {} });
  await assert.rejects(guest.nothing(1), (error) => error instanceof RpcMethodNotFoundError && error instanceof RpcRemoteError);
  await assert.rejects(guest.echo(1), (error) => error instanceof RpcPermissionDeniedError && error.message === 'Permission denied');
  assert.equal(await rpcClient(network.client('admin'), 'device/1', api).echo(1), 1);
  assert.deepEqual(heard.calls, ['server']);
});

test('an authorization that throws refuses', async () => {
  const network = new TestNetwork();
  await serve(network, {
    authorize: () => {
      throw new Error('down');
    },
  });
  await assert.rejects(rpcClient(network.client('caller'), 'device/1', api).echo(1), RpcPermissionDeniedError);
});

test('the caller that the broker vouches for is the one that is authorized', async () => {
  const network = new TestNetwork();
  const seen: unknown[] = [];
  await serve(network, {
    verifiedBy: 'x-sender',
    authorize: (caller, _method, { callerId, verifiedCallerId }) => {
      seen.push([caller, callerId, verifiedCallerId]);
      return true;
    },
  });
  const device = rpcClient(network.client('liar'), 'device/1', api);
  // The broker's own stands last.
  await device.echo(1, {
    userProperties: [
      ['x-sender', 'forged'],
      ['x-sender', 'honest'],
    ],
  });
  await device.echo(1);
  assert.deepEqual(seen, [
    ['honest', 'liar', 'honest'],
    ['liar', 'liar', undefined],
  ]);
});

test('answers are not sent below $ unless the responder allows it', async () => {
  for (const [allowReplyTo, sent] of [
    [undefined, 1],
    [() => true, 2],
  ] as const) {
    const network = new TestNetwork();
    await serve(network, allowReplyTo === undefined ? {} : { allowReplyTo });
    await network.client('caller').publish('device/1/echo', '1', { responseTopic: '$SYS/x', correlationData: new Uint8Array(16) });
    await settle();
    assert.equal(network.published.length, sent);
  }
});

test('answers are not sent where the responder does not allow it', async () => {
  const network = new TestNetwork();
  const { heard } = await serve(network, { allowReplyTo: (topic) => topic.startsWith('clients/') });
  const client = network.client('caller');
  for (const responseTopic of ['$SYS/x', 'door/open', 'a/#'])
    await client.publish('device/1/echo', '1', { responseTopic, correlationData: new Uint8Array(16) });
  await settle();
  assert.deepEqual(heard.calls, []);
  assert.equal(network.published.length, 3);
  assert.equal(network.clients[0].acknowledged.length, 3);
});

test('a call that gets no answer ends when its time is over', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout', 'Date'] });
  const network = new TestNetwork();
  const { heard } = await serve(network);
  const device = rpcClient(network.client('caller'), 'device/1', api, { timeout: 2_000 });
  const call = assert.rejects(device.waits(1), (error) => error instanceof RpcTimeoutError && error.retryable);
  await settle();
  t.mock.timers.tick(1_999);
  await settle();
  assert.deepEqual(heard.aborted, []);
  t.mock.timers.tick(1);
  await call;
  // The deadline has travelled with the call.
  await settle();
  assert.deepEqual(heard.aborted, ['waits']);
  // Nobody is told what nobody waits for.
  assert.equal(network.published.length, 1);
});

test('the clock of a call starts at the call, not when it is sent', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const network = new TestNetwork();
  const client = network.client('caller');
  client.online = () => new Promise(() => {});
  const call = assert.rejects(rpcClient(client, 'device/1', api).echo(1, { timeout: 10 }), RpcTimeoutError);
  await settle();
  t.mock.timers.tick(10);
  await call;
  assert.equal(network.published.length, 0);
});

test('a method that takes longer than its responder allows is answered with 408', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout', 'Date'] });
  const network = new TestNetwork();
  await serve(network, { methodTimeout: 500 });
  const call = assert.rejects(rpcClient(network.client('caller'), 'device/1', api).waits(1), RpcTimeoutError);
  await settle();
  t.mock.timers.tick(500);
  await call;
});

test('an aborted call is cancelled at its responder', async () => {
  const network = new TestNetwork();
  const { heard } = await serve(network);
  const device = rpcClient(network.client('caller'), 'device/1', api);
  const controller = new AbortController();
  const call = assert.rejects(device.waits(1, { signal: controller.signal }), (error) => {
    assert.ok(error instanceof MqttError && error.code === 'ABORTED');
    return true;
  });
  await settle();
  controller.abort();
  await call;
  await settle();
  assert.deepEqual(heard.aborted, ['waits']);
  const { topic, text, options } = network.published[1];
  assert.deepEqual([topic, text, options.userProperties], ['device/1/waits/control', '', [['x-cancel', '1']]]);
  assert.deepEqual(options.correlationData, network.published[0].options.correlationData);
});

test('a call whose signal is aborted already is not sent', async () => {
  const network = new TestNetwork();
  await serve(network);
  const device = rpcClient(network.client('caller'), 'device/1', api);
  await assert.rejects(device.echo(1, { signal: AbortSignal.abort() }), { code: 'ABORTED' });
  await settle();
  assert.equal(network.published.length, 0);
});

test('a call that comes twice runs once, and is answered twice', async () => {
  const network = new TestNetwork();
  const { heard } = await serve(network);
  await rpcClient(network.client('caller'), 'device/1', api).double({ n: 1 });
  const [{ topic, payload, options }] = network.published;
  const { signal: _, ...again } = options;
  await network.client('again').publish(topic, payload, again);
  await settle();
  assert.deepEqual(heard.calls, ['double']);
  assert.deepEqual(
    network.published.map(({ text }) => text),
    ['{"n":1}', '{"n":2}', '{"n":1}', '{"n":2}'],
  );
});

test('a call that comes again after the window runs again', async (t) => {
  t.mock.timers.enable({ apis: ['Date'] });
  const network = new TestNetwork();
  const { heard } = await serve(network, { dedupeWindow: 1_000 });
  await rpcClient(network.client('caller'), 'device/1', api).double({ n: 1 });
  const [{ topic, payload, options }] = network.published;
  t.mock.timers.tick(1_001);
  const { signal: _, ...again } = options;
  await network.client('again').publish(topic, payload, again);
  await settle();
  assert.deepEqual(heard.calls, ['double', 'double']);
});

test('calls with the same idempotency key run once for each caller', async () => {
  const network = new TestNetwork();
  const { heard } = await serve(network);
  const device = rpcClient(network.client('caller'), 'device/1', api);
  assert.deepEqual(await device.double({ n: 1 }, { idempotencyKey: 'order 7' }), { n: 2 });
  assert.deepEqual(await device.double({ n: 1 }, { idempotencyKey: 'order 7' }), { n: 2 });
  assert.equal(heard.calls.length, 1);
  await rpcClient(network.client('other'), 'device/1', api).double({ n: 1 }, { idempotencyKey: 'order 7' });
  assert.equal(heard.calls.length, 2);
});

test('a call that was cancelled before it was done runs again under its key', async () => {
  const network = new TestNetwork();
  const { heard } = await serve(network);
  const device = rpcClient(network.client('caller'), 'device/1', api);
  for (let run = 1; run <= 2; run += 1) {
    const controller = new AbortController();
    const call = assert.rejects(device.waits(1, { idempotencyKey: 'k', signal: controller.signal }), { code: 'ABORTED' });
    await settle();
    controller.abort();
    await call;
    await settle();
    assert.equal(heard.aborted.length, run);
  }
});

test('more calls than may wait are refused at once', async () => {
  const network = new TestNetwork();
  await serve(network);
  const device = rpcClient(network.client('caller'), 'device/1', api, { maxConcurrentCalls: 1 });
  const first = device.echo(1);
  await assert.rejects(device.echo(2), RpcTooManyCallsError);
  await first;
  assert.equal(await device.echo(3), 3);
});

test('more calls than a responder runs are answered with 429 at once', async () => {
  const network = new TestNetwork();
  await serve(network, { concurrency: 1 });
  const device = rpcClient(network.client('caller'), 'device/1', api);
  const controller = new AbortController();
  const first = assert.rejects(device.waits(1, { signal: controller.signal }));
  await settle();
  await assert.rejects(device.echo(2), { name: 'RpcRemoteError', status: 429, retryable: true });
  controller.abort();
  await first;
  await settle();
  assert.equal(await device.echo(3), 3);
});

test('a call is acknowledged after its answer has left', async () => {
  const network = new TestNetwork();
  const { served } = await serve(network);
  const device = rpcClient(network.client('caller'), 'device/1', api);
  const controller = new AbortController();
  const slow = assert.rejects(device.waits(1, { signal: controller.signal }));
  await settle();
  await device.echo(1);
  await settle();
  const { acknowledged } = network.clients[0];
  assert.deepEqual(acknowledged, [], 'in the order of arrival');
  controller.abort();
  await slow;
  await settle();
  assert.deepEqual(acknowledged, ['device/1/waits', 'device/1/echo', 'device/1/waits/control']);
  await served.remove();
});

test('a slow call does not hold back the acknowledgements of more than 127 others', async () => {
  const network = new TestNetwork();
  await serve(network);
  const device = rpcClient(network.client('caller'), 'device/1', api);
  const controller = new AbortController();
  const slow = assert.rejects(device.waits(1, { signal: controller.signal }));
  await settle();
  for (let i = 0; i < 127; i += 1) await device.echo(i);
  await settle();
  assert.equal(network.clients[0].acknowledged.length, 0);
  await device.echo(127);
  await settle();
  assert.equal(network.clients[0].acknowledged.length, 129);
  controller.abort();
  await slow;
});

test('a responder that is removed answers what it has begun, and takes no more', async () => {
  const network = new TestNetwork();
  const { promise, resolve } = Promise.withResolvers<number>();
  const served = await serveRpc(network.client('server'), 'x', { get: {} }, { get: () => promise });
  const { get } = rpcClient(network.client('caller'), 'x', { get: {} });
  const call = get(1);
  await settle();
  const removed = served.remove();
  await assert.rejects(get(2), RpcNoRespondersError);
  resolve(3);
  assert.equal(await call, 3);
  await removed;
});

test('a responder whose subscription is refused rejects, and leaves none', async () => {
  const network = new TestNetwork();
  const client = network.client('server');
  await assert.rejects(serveRpc(client, 'refused', {}, {}), { code: 'REFUSED' });
  assert.equal(network.clients[0].subscriptions.size, 0);
});

test('calls fail when the client of their caller closes, and are abandoned when that of their responder does', async () => {
  const network = new TestNetwork();
  const { client: server, heard } = await serve(network);
  const client = network.client('caller');
  const call = assert.rejects(rpcClient(client, 'device/1', api).waits(1), { code: 'CLOSED' });
  await settle();
  await client.close();
  await call;
  await server.close();
  await settle();
  assert.deepEqual(heard.aborted, ['waits']);
});

test('a response topic that is refused fails the call, and the next one tries again', async () => {
  const network = new TestNetwork();
  await serve(network);
  const client = network.client('caller');
  const subscribe = client.subscribe.bind(client);
  client.subscribe = () => Promise.reject(new MqttError('REFUSED', 'not yet'));
  const device = rpcClient(client, 'device/1', api);
  await assert.rejects(device.echo(1), { code: 'REFUSED' });
  client.subscribe = subscribe;
  assert.equal(await device.echo(1), 1);
});

test('the response topic stands below the Response Information of the broker', async () => {
  const network = new TestNetwork();
  await serve(network);
  const client = network.client('caller');
  Object.assign(client, { responseInformation: 'replies/7' });
  await rpcClient(client, 'device/1', api).echo(1);
  assert.equal(network.published[0].options.responseTopic, 'replies/7/caller/rpc');
});

test('a name that is no topic level cannot be a method', () => {
  for (const name of ['a/b', '+', '', 'x#']) assert.throws(() => defineRpc({ [name]: {} }), { code: 'INVALID' });
});

test('a responder of somebody else may answer without a status, with an empty error and with details that are no JSON', async () => {
  const network = new TestNetwork();
  const server = network.client('server');
  await server.handle('x/get', async (message) => {
    const { responseTopic, correlationData } = message;
    const status = new TextDecoder().decode(message.payload);
    const userProperties: [string, string][] = status === '0' ? [] : [['__stat', status]];
    await server.publish(responseTopic!, 'oh', { correlationData: correlationData!, userProperties });
  });
  const { get } = rpcClient(network.client('caller'), 'x', { get: {} });
  await assert.rejects(get(0), { code: 'VALIDATION' });
  await assert.rejects(get(503), { name: 'RpcRemoteError', message: 'status 503', details: new TextEncoder().encode('oh') });
});
