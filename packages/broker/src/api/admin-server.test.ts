import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import { test, type TestContext } from 'node:test';
import { Counters } from '#base/counters.ts';
import { OperationalError } from '#base/errors.ts';
import { type Logger, silentLogger } from '#base/logger.ts';
import { type AdminServerOptions, createAdminServer } from './admin-server.ts';
import { counterSamples } from './counter-samples.ts';

test('/healthz says ok as soon as the server runs', async (t) => {
  const { get } = await startServer(t, { health: { isReady: () => false, reasons: () => ['starting'] } });
  const answer = await get('/healthz');
  assert.deepEqual([answer.status, answer.body], [200, '{"status":"ok"}']);
});

test('/readyz follows the health of the broker and names the reasons', async (t) => {
  const reasons = ['the store is being recovered', 'tcp does not listen yet'];
  const { get } = await startServer(t, { health: { isReady: () => reasons.length === 0, reasons: () => reasons } });
  const before = await get('/readyz');
  assert.equal(before.status, 503);
  assert.deepEqual(JSON.parse(before.body), { status: 'not ready', reasons });
  reasons.length = 0;
  const after = await get('/readyz');
  assert.deepEqual([after.status, after.body], [200, '{"status":"ready"}']);
});

test('/metrics is Prometheus text with the counters of the house and of the process', async (t) => {
  const counters = new Counters();
  counters.publishReceivedQoS1 = 3;
  counters.dropped['queue-full'] = 2;
  const { get } = await startServer(t, {
    collect: () => [...counterSamples(counters), { name: 'wrenmq_connections', value: 7, labels: { listener: 'tcp' } }],
  });
  const { status, headers, body } = await get('/metrics');
  assert.equal(status, 200);
  assert.match(headers['content-type'] ?? '', /^text\/plain; version=0\.0\.4/);
  const lines = body.split('\n');
  for (const line of [
    '# TYPE wrenmq_messages_received_total counter',
    'wrenmq_messages_received_total{qos="1"} 3',
    'wrenmq_messages_dropped_total{reason="queue-full"} 2',
    'wrenmq_connections{listener="tcp"} 7',
    'wrenmq_ready 1',
  ]) {
    assert.ok(lines.includes(line), line);
  }
  assert.match(body, /^process_resident_memory_bytes [1-9]/m);
  assert.match(body, /^nodejs_eventloop_lag_seconds /m);
  assert.ok(!body.includes(process.version), 'no version is told');
  counters.publishReceivedQoS1 = 4;
  assert.match((await get('/metrics')).body, /^wrenmq_messages_received_total\{qos="1"\} 4$/m);
});

test('/metrics can be closed', async (t) => {
  const { get } = await startServer(t, { isMetricsOpen: false });
  const { status, body } = await get('/metrics');
  assert.equal(status, 403);
  assert.match(body, /"metrics-closed"/);
});

test('/ says what is here, without a version', async (t) => {
  const { get } = await startServer(t);
  const { status, headers, body } = await get('/');
  assert.deepEqual([status, headers['content-type']], [200, 'text/html; charset=utf-8']);
  for (const path of ['/healthz', '/readyz', '/metrics']) assert.ok(body.includes(`href="${path}"`));
  assert.equal(headers['server'], undefined);
  assert.equal(headers['x-powered-by'], undefined);
});

test('every answer, errors too, is uncached, unframed and not guessed at', async (t) => {
  const { get } = await startServer(t);
  for (const path of ['/', '/healthz', '/nothing', '/%']) {
    const { headers } = await get(path);
    assert.deepEqual([headers['cache-control'], headers['x-content-type-options']], ['no-store', 'nosniff'], path);
    assert.match(headers['content-security-policy'] as string, /default-src 'none'/, path);
  }
});

test('errors are JSON with a code, and tell nothing of the inside', async (t) => {
  const logged: unknown[] = [];
  const log: Logger = { ...silentLogger, error: (fields) => void logged.push(fields) };
  const { get } = await startServer(t, {
    log,
    collect: () => {
      throw new Error('inner secret');
    },
  });
  assert.deepEqual(await codeOf(get('/nothing')), [404, 'not-found']);
  assert.deepEqual(await codeOf(get('/healthz', { method: 'POST' })), [404, 'not-found']);
  assert.deepEqual(await codeOf(get('/%')), [400, 'bad-request']);
  const failed = await get('/metrics');
  assert.deepEqual([failed.status, failed.body.includes('inner secret')], [500, false]);
  assert.equal(logged.length, 1);
});

test('on loopback a foreign host name is answered with 421, so that DNS rebinding reads nothing', async (t) => {
  const { get } = await startServer(t, { hosts: ['Mqtt.Example.org'] });
  const status = async (host: string) => (await get('/healthz', { headers: { host } })).status;
  for (const host of [
    'localhost',
    'LOCALHOST:18083',
    '127.0.0.1:1',
    '127.0.0.2',
    '[::1]:18083',
    'mqtt.example.org',
    'mqtt.example.org.:80',
  ])
    assert.equal(await status(host), 200, host);
  for (const host of ['evil.example', 'localhost.evil.example', '127.0.0.1.evil.example', '10.0.0.1', '[::2]', 'a b', 'localhost:x'])
    assert.equal(await status(host), 421, host);
  assert.deepEqual(await codeOf(get('/nothing', { headers: { host: 'evil.example' } })), [421, 'misdirected']);
});

test('beyond loopback any host name is fine', async (t) => {
  const { get } = await startServer(t, { isLoopback: false });
  assert.equal((await get('/healthz', { headers: { host: 'mqtt.example.org' } })).status, 200);
});

test('IPv6 works', async (t) => {
  const { address, get } = await startServer(t, { bind: { host: '::1', port: 0 } });
  assert.equal(address, '::1');
  assert.equal((await get('/healthz')).status, 200);
});

test('garbage, headers without end and oversized bodies are refused', async (t) => {
  const { address, port, get } = await startServer(t);
  const exchange = async (bytes: string): Promise<string> => {
    const socket = net.connect(port, address).setEncoding('latin1');
    let answer = '';
    socket.on('data', (chunk: string) => (answer += chunk));
    socket.write(bytes);
    await once(socket, 'close');
    return answer;
  };
  assert.match(await exchange('\x10\x0c\x00\x04MQTT\x04\x02\x00\x00\x00\x00'), /^HTTP\/1\.1 400 /);
  assert.match(await exchange(`GET / HTTP/1.1\r\nhost: localhost\r\nx: ${'x'.repeat(20_000)}\r\n\r\n`), /^HTTP\/1\.1 431 /);
  const large = await get('/healthz', { method: 'POST', headers: { 'content-type': 'application/json' } }, 'x'.repeat(100_000));
  assert.ok(large.status >= 400 && large.status < 500);
});

test('an address that is taken is an error that says what to do', async (t) => {
  const { address, port } = await startServer(t);
  const second = createAdminServer(optionsWith({ bind: { host: address, port } }));
  await assert.rejects(second.start(), (error: unknown) => {
    assert.ok(error instanceof OperationalError);
    assert.equal(error.code, 'admin-bind');
    assert.match(error.message, new RegExp(`127\\.0\\.0\\.1:${port}: another program listens there.*--set admin\\.bind=127\\.0\\.0\\.1:0`));
    return true;
  });
  await second.close();
});

test('close ends open connections and may be called twice, also before start', async (t) => {
  const { address, port, server } = await startServer(t);
  const socket = net.connect(port, address);
  await once(socket, 'connect');
  const closed = once(socket, 'close');
  await server.close();
  await closed;
  await server.close();
  await createAdminServer(optionsWith({})).close();
});

interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

function optionsWith(given: Partial<AdminServerOptions>): AdminServerOptions {
  return {
    bind: { host: '127.0.0.1', port: 0 },
    isLoopback: true,
    hosts: [],
    isMetricsOpen: true,
    log: silentLogger,
    health: { isReady: () => true, reasons: () => [] },
    collect: () => [],
    ...given,
  };
}

async function startServer(t: TestContext, given: Partial<AdminServerOptions> = {}) {
  const server = createAdminServer(optionsWith(given));
  t.after(() => server.close());
  const { address, port } = await server.start();
  const get = (path: string, options: http.RequestOptions = {}, body = ''): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const request = http.request({ host: address, port, path, agent: false, ...options }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }));
      });
      request.on('error', reject);
      request.end(body);
    });
  return { server, address, port, get };
}

async function codeOf(answer: Promise<Answer>): Promise<[number, string]> {
  const { status, body } = await answer;
  return [status, (JSON.parse(body) as { error: { code: string } }).error.code];
}
