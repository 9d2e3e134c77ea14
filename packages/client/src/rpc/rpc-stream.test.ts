import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defineRpc, rpcClient, RpcNoRespondersError, serveRpc } from './index.ts';
import { settle, TestNetwork } from './test-client.ts';

const api = defineRpc({ count: { stream: true }, one: {} });

interface Source {
  yielded: number;
  isEnded: boolean;
}

async function serve(network: TestNetwork, options = {}) {
  const source: Source = { yielded: 0, isEnded: false };
  const served = await serveRpc(
    network.client('server'),
    'x',
    api,
    {
      count: async function* (input, { signal }) {
        try {
          const limit = typeof input === 'number' ? input : Number.POSITIVE_INFINITY;
          if (input === 'silent') await new Promise((resolve) => signal.addEventListener('abort', resolve));
          for (let i = 0; i < limit; i += 1) {
            source.yielded += 1;
            yield i;
            if (input === 'fails') throw new Error('broken');
          }
        } finally {
          source.isEnded = true;
        }
      },
      one: () => 'only',
    },
    options,
  );
  return { served, source };
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

test('a stream arrives whole, in order, and ends', async () => {
  const network = new TestNetwork();
  await serve(network);
  const { count } = rpcClient(network.client('caller'), 'x', api);
  for (const length of [0, 1, 64, 65, 1_000]) {
    assert.deepEqual(
      await collect(count(length)),
      Array.from({ length }, (_, i) => i),
    );
  }
});

test('items are numbered, and the end has the next number', async () => {
  const network = new TestNetwork();
  await serve(network);
  await collect(rpcClient(network.client('caller'), 'x', api).count(1));
  const [request, item, end] = network.published;
  assert.deepEqual(request.options.userProperties!.at(-1), ['x-credit', '64']);
  assert.deepEqual(item.options.userProperties!.slice(-1), [['x-seq', '0']]);
  assert.deepEqual(end.options.userProperties!.slice(-2), [
    ['x-seq', '1'],
    ['x-end', '1'],
  ]);
  assert.equal(end.options.userProperties![0][1], '204');
});

test('leaving the loop stops the stream at its source', async () => {
  const network = new TestNetwork();
  const { source } = await serve(network);
  for await (const item of rpcClient(network.client('caller'), 'x', api).count('endless')) if (item === 5) break;
  await settle();
  assert.ok(source.isEnded);
});

test('a slow reader holds its source back', async () => {
  const network = new TestNetwork();
  const { source } = await serve(network);
  const stream = rpcClient(network.client('caller'), 'x', api).count('endless')[Symbol.asyncIterator]();
  await stream.next();
  for (let i = 0; i < 10; i += 1) await settle();
  assert.equal(source.yielded, 64);
  for (let i = 0; i < 31; i += 1) await stream.next();
  for (let i = 0; i < 10; i += 1) await settle();
  assert.equal(source.yielded, 64);
  // Half the window is taken: more is granted.
  await stream.next();
  for (let i = 0; i < 10; i += 1) await settle();
  assert.equal(source.yielded, 96);
  await stream.return!();
});

test('what a stream throws comes after its items', async () => {
  const network = new TestNetwork();
  await serve(network);
  const items: unknown[] = [];
  await assert.rejects(
    async () => {
      for await (const item of rpcClient(network.client('caller'), 'x', api).count('fails')) items.push(item);
    },
    { name: 'RpcRemoteError', message: 'broken', status: 500 },
  );
  assert.deepEqual(items, [0]);
});

test('aborting a stream ends it on both sides', async () => {
  const network = new TestNetwork();
  const { source } = await serve(network);
  const controller = new AbortController();
  const stream = collect(rpcClient(network.client('caller'), 'x', api).count('silent', { signal: controller.signal }));
  const ended = assert.rejects(stream, { code: 'ABORTED' });
  await settle();
  controller.abort();
  await ended;
  await settle();
  assert.ok(source.isEnded);
});

test('repetitions are dropped, a gap is an error', async () => {
  const network = new TestNetwork();
  await serve(network);
  const { count } = rpcClient(network.client('caller'), 'x', api);
  const server = network.clients[0] as unknown as ReturnType<TestNetwork['client']>;
  let isRepeating = false;
  network.drop = ({ topic, payload, options }) => {
    if (topic.startsWith('clients/') && !isRepeating) {
      isRepeating = true;
      void server.publish(topic, payload, options);
      isRepeating = false;
    }
    return false;
  };
  assert.deepEqual(await collect(count(3)), [0, 1, 2]);
  network.drop = ({ options }) => options.userProperties?.some(([name, value]) => name === 'x-seq' && value === '1') ?? false;
  await assert.rejects(collect(count(3)), { name: 'RpcError', message: /lost/ });
});

test('a quiet stream lives, a dead one times out', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'] });
  const network = new TestNetwork();
  await serve(network);
  const { count } = rpcClient(network.client('caller'), 'x', api, { timeout: 3_000 });
  const outcomes: unknown[] = [];
  const ended = collect(count('silent')).catch((error: unknown) => outcomes.push(error));
  await settle();
  for (let second = 0; second < 20; second += 1) {
    t.mock.timers.tick(1_000);
    await settle();
  }
  assert.deepEqual(outcomes, []);
  network.drop = ({ topic }) => topic.startsWith('clients/');
  for (let second = 0; second < 3; second += 1) {
    t.mock.timers.tick(1_000);
    await settle();
  }
  await ended;
  assert.deepEqual(
    outcomes.map((outcome) => (outcome as Error).name),
    ['RpcTimeoutError'],
  );
});

test('a stream ends when its caller is gone', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const network = new TestNetwork();
  const { source } = await serve(network);
  const caller = network.client('caller');
  const ended = assert.rejects(collect(rpcClient(caller, 'x', api).count('silent')), { code: 'CLOSED' });
  await settle();
  await caller.close();
  await ended;
  t.mock.timers.tick(10_000);
  await settle();
  t.mock.timers.tick(10_000);
  await settle();
  assert.ok(source.isEnded);
});

test('a stream whose call is repeated goes on', async () => {
  const network = new TestNetwork();
  await serve(network);
  const stream = rpcClient(network.client('caller'), 'x', api).count(200)[Symbol.asyncIterator]();
  assert.equal((await stream.next()).value, 0);
  const [{ topic, payload, options }] = network.published;
  const { signal: _, ...again } = options;
  await network.client('again').publish(topic, payload, again);
  for (let i = 1; i < 200; i += 1) assert.equal((await stream.next()).value, i);
  assert.equal((await stream.next()).done, true);
});

test('a removed responder ends its streams', async () => {
  const network = new TestNetwork();
  const { served, source } = await serve(network);
  const ended = assert.rejects(collect(rpcClient(network.client('caller'), 'x', api).count('silent')), { status: 503 });
  await settle();
  await served.remove();
  await ended;
  assert.ok(source.isEnded);
});

test('a stream is acknowledged when it begins, since it may never end', async () => {
  const network = new TestNetwork();
  await serve(network);
  const stream = rpcClient(network.client('caller'), 'x', api).count('endless')[Symbol.asyncIterator]();
  await stream.next();
  assert.deepEqual(network.clients[0].acknowledged, ['x/count']);
  await stream.return!();
});

test('one answer is a stream of one, nobody an error, mqttxx no way for a stream', async () => {
  const network = new TestNetwork();
  await serve(network);
  const caller = network.client('caller');
  assert.deepEqual(await collect(rpcClient(caller, 'x', { one: { stream: true } }).one(0)), ['only']);
  await assert.rejects(collect(rpcClient(caller, 'y', api).count(0)), RpcNoRespondersError);
  await assert.rejects(collect(rpcClient(caller, 'x', api, { wire: 'mqttxx' }).count(0)), /needs MQTT 5/);
  await assert.rejects(rpcClient(caller, 'x', { count: {} }, { wire: 'mqttxx' }).count(0), /needs MQTT 5/);
});
