import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { connect, type ConnectOptions, type MqttClient } from '@wrenmq/client';
import { defineRpc, rpcClient, RpcNoRespondersError, rpcPeer, RpcTimeoutError, serveRpc } from '@wrenmq/client/rpc';
import { FaultProxy, launchBroker, type LaunchedBroker } from '@wrenmq/testkit';

let broker!: LaunchedBroker;
before(async () => {
  broker = await launchBroker({ settings: { 'mqtt.responseInformation': 'replies/' } });
});
after(() => broker.close());

async function join(t: { after(done: () => Promise<void>): void }, clientId: string, options: ConnectOptions = {}): Promise<MqttClient> {
  const client = await connect(`mqtt://127.0.0.1:${broker.target().port}`, { clientId, ...options });
  t.after(() => client.close());
  return client;
}

const api = defineRpc({ add: {}, count: { stream: true }, wait: {} });

interface Served {
  readonly calls: string[];
  readonly ended: Promise<void>;
}

async function serve(client: MqttClient, topic: string): Promise<Served> {
  const calls: string[] = [];
  const { promise: ended, resolve } = Promise.withResolvers<void>();
  await serveRpc(client, topic, api, {
    add: (input) => {
      const [a, b] = input as number[];
      calls.push(client.clientId);
      return a + b;
    },
    count: async function* (input) {
      try {
        for (let i = 0; i < (input as number); i += 1) yield i;
      } finally {
        resolve();
      }
    },
    wait: (_input, { signal }) =>
      new Promise((done) =>
        signal.addEventListener('abort', () => {
          resolve();
          done('stopped');
        }),
      ),
  });
  return { calls, ended };
}

for (const protocol of ['5', '3.1.1'] as const) {
  test(`calls are answered over MQTT ${protocol}`, async (t) => {
    await serve(await join(t, 'server', { protocol }), 'calls');
    const { add } = rpcClient(await join(t, 'caller', { protocol }), 'calls', api);
    assert.equal(await add([1, 2]), 3);
    const sums = await Promise.all(Array.from({ length: 90 }, (_, i) => add([i, 1])));
    assert.deepEqual(
      sums,
      Array.from({ length: 90 }, (_, i) => i + 1),
    );
  });
}

test('a call to nobody fails at once, not when its time is over', async (t) => {
  const { add } = rpcClient(await join(t, 'caller'), 'nobody', api, { timeout: 3_600_000 });
  await assert.rejects(add([1, 2]), RpcNoRespondersError);
});

test('two responders share the calls', async (t) => {
  const served = [await serve(await join(t, 'one'), 'shared'), await serve(await join(t, 'two'), 'shared')];
  const { add } = rpcClient(await join(t, 'caller'), 'shared', api);
  await Promise.all(Array.from({ length: 50 }, () => add([1, 1])));
  assert.equal(served[0].calls.length + served[1].calls.length, 50);
  assert.ok(served.every(({ calls }) => calls.length > 0));
});

test('a long stream arrives whole and in order; leaving it ends it at its source', async (t) => {
  const { ended } = await serve(await join(t, 'server'), 'streams');
  const { count } = rpcClient(await join(t, 'caller'), 'streams', api);
  let expected = 0;
  for await (const item of count(2_000)) assert.equal(item, expected++);
  assert.equal(expected, 2_000);
  const other = await serve(await join(t, 'other'), 'endless');
  for await (const item of rpcClient(await join(t, 'caller 2'), 'endless', api).count(1e9)) if (item === 100) break;
  await Promise.all([ended, other.ended]);
});

test('an aborted call is cancelled at the responder that runs it', async (t) => {
  const { ended } = await serve(await join(t, 'server'), 'cancelled');
  const bystander = await serve(await join(t, 'bystander'), 'cancelled');
  const { wait, add } = rpcClient(await join(t, 'caller'), 'cancelled', api);
  const controller = new AbortController();
  const call = assert.rejects(wait(1, { signal: controller.signal }), { code: 'ABORTED' });
  // The broker hands messages of one publisher on in order: the call has arrived before this one is answered.
  await Promise.all([add([1, 2]), add([1, 2])]);
  controller.abort();
  await call;
  await Promise.race([ended, bystander.ended]);
});

test('a deadline travels with its call', async (t) => {
  const { ended } = await serve(await join(t, 'server'), 'deadline');
  const { wait } = rpcClient(await join(t, 'caller'), 'deadline', api, { timeout: 50 });
  await assert.rejects(wait(1), RpcTimeoutError);
  await ended;
});

test('a responder that dies before it answers leaves its calls to another', async (t) => {
  const contract = defineRpc({ get: {} });
  await serveRpc(await join(t, 'living'), 'crash', contract, { get: () => 'alive' });
  const dying = await join(t, 'dying', { reconnect: false });
  let calls = 0;
  await serveRpc(dying, 'crash', contract, {
    get: async () => {
      calls += 1;
      await dying.close({ withWill: true });
      return new Promise(() => {});
    },
  });
  const { get } = rpcClient(await join(t, 'caller'), 'crash', contract);
  assert.deepEqual(await Promise.all(Array.from({ length: 20 }, () => get(1))), Array(20).fill('alive'));
  assert.ok(calls > 0);
});

test('a caller of 3.1.1 and a responder of 5 meet in JSON; answers go below the Response Information otherwise', async (t) => {
  const topics: string[] = [];
  const server = await join(t, 'server');
  await serveRpc(server, 'both', { get: {} }, { get: (_input, { wire }) => wire }, { allowReplyTo: (topic) => topics.push(topic) > 0 });
  assert.equal(await rpcClient(await join(t, 'old', { protocol: '3.1.1' }), 'both', { get: {} }).get(1), 'mqttxx');
  assert.equal(await rpcClient(await join(t, 'new'), 'both', { get: {} }).get(1), 'mqtt5');
  assert.deepEqual(topics, ['clients/old/rpc', 'replies/new/rpc']);
});

test('calls go on after the connection was lost on either side, while one waits', async (t) => {
  const proxy = await FaultProxy.start(broker.target());
  t.after(() => proxy.close());
  const options = { reconnect: { minDelay: 1, maxDelay: 10 }, session: { expiry: 60 } };
  const url = `mqtt://127.0.0.1:${proxy.target.port}`;
  const server = await connect(url, { clientId: 'server', ...options });
  const caller = await connect(url, { clientId: 'caller', ...options });
  t.after(() => Promise.all([server.close(), caller.close()]));
  const { promise: called, resolve } = Promise.withResolvers<void>();
  const { promise: answer, resolve: give } = Promise.withResolvers<string>();
  await serveRpc(server, 'again', { get: {} }, { get: () => (resolve(), answer) });
  const { get } = rpcClient(caller, 'again', { get: {} });
  const call = get(1);
  await called;
  proxy.cutAll();
  await Promise.all([caller, server].map((client) => new Promise<void>((done) => client.on('offline', () => done(), { once: true }))));
  await Promise.all([caller.online(), server.online()]);
  give('late');
  assert.equal(await call, 'late');
  assert.equal(await get(2), 'late');
});

test('each call runs once and is answered, however often the connections are cut', { timeout: 60_000 }, async (t) => {
  const proxy = await FaultProxy.start(broker.target());
  t.after(() => proxy.close());
  const options = { reconnect: { minDelay: 1, maxDelay: 5 }, session: { expiry: 60 } };
  const url = `mqtt://127.0.0.1:${proxy.target.port}`;
  const server = await connect(url, { clientId: 'cut server', ...options });
  const caller = await connect(url, { clientId: 'cut caller', ...options });
  t.after(() => Promise.all([server.close({ sessionExpiry: 0 }), caller.close({ sessionExpiry: 0 })]));
  const runs = new Map<number, number>();
  const contract = defineRpc({ once: {} });
  await serveRpc(server, 'cut', contract, {
    once(input) {
      const n = input as number;
      runs.set(n, (runs.get(n) ?? 0) + 1);
      if (n % 20 === 7) proxy.cutAll();
      return n;
    },
  });
  const { once } = rpcClient(caller, 'cut', contract);
  for (let round = 0; round < 10; round += 1) {
    const numbers = Array.from({ length: 40 }, (_, i) => round * 40 + i);
    assert.deepEqual(await Promise.all(numbers.map((n) => once(n))), numbers);
  }
  assert.equal(runs.size, 400);
  assert.deepEqual(
    [...runs].filter(([, count]) => count !== 1),
    [],
  );
});

test('peers of both kinds call each other', async (t) => {
  const edge = await rpcPeer(await join(t, 'edge'), { topic: 'edge/1', wire: 'auto' });
  const cloud = await rpcPeer(await join(t, 'cloud', { protocol: '3.1.1' }), { topic: 'cloud/1' });
  edge.register('get', () => ({ at: 'edge' }));
  cloud.register('get', () => edge.topic);
  assert.deepEqual(await cloud.call('edge/1', 'get'), { at: 'edge' });
  assert.equal(await edge.call('cloud/1', 'get'), 'edge/1');
});
