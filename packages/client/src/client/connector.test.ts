import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PacketType } from '@wrenmq/codec';
import { MqttError } from '#base/mqtt-error.ts';
import type { ConnectOptions } from './connect-options.ts';
import { refused, ScriptedBroker, turns } from './test-broker.ts';
import type { WrenClient } from './wren-client.ts';

const unreachable = (): MqttError => new MqttError('DISCONNECTED', 'unreachable', { retryable: true });

function logOf(client: WrenClient): string[] {
  const log: string[] = [];
  client.on('online', ({ attempt }) => log.push(`online ${attempt}`));
  client.on('offline', ({ error, reasonCode, willRetryIn }) =>
    log.push(`offline ${error.code} ${reasonCode ?? '-'} ${willRetryIn ?? '-'}`),
  );
  client.on('stopped', ({ error }) => log.push(`stopped ${error.code}`));
  client.on('error', ({ error }) => log.push(`error ${String(error)}`));
  return log;
}

/** Refuses every CONNECT with this reason code. */
function refusing(reasonCode: number): ScriptedBroker {
  const broker = new ScriptedBroker();
  broker.script = (packet, connection) => {
    if (packet.type !== PacketType.CONNECT) return false;
    connection.send(refused(reasonCode));
    return true;
  };
  return broker;
}

test('attempts are spaced with growing, jittered delays, which count from the first failure', async () => {
  const broker = new ScriptedBroker();
  broker.refusals.push(unreachable(), unreachable(), unreachable());
  const client = broker.client();
  const log = logOf(client);
  await turns();
  assert.deepEqual(log, ['offline DISCONNECTED - 250']);
  broker.clock.advance(250);
  await turns();
  broker.clock.advance(500);
  await turns();
  broker.clock.advance(999);
  await turns();
  assert.equal(client.state, 'offline');
  broker.clock.advance(1);
  await turns();
  assert.deepEqual(log, ['offline DISCONNECTED - 250', 'offline DISCONNECTED - 500', 'offline DISCONNECTED - 1000', 'online 4']);
  await client.close();
});

test('the delay starts anew only after ten seconds of a healthy connection', async () => {
  const broker = new ScriptedBroker();
  const client = broker.client({ reconnect: { jitter: 'none' } });
  const log = logOf(client);
  await turns();
  broker.last.cut();
  await turns();
  broker.clock.advance(500);
  await turns();
  broker.clock.advance(9_999);
  broker.last.cut();
  await turns();
  broker.clock.advance(1_000);
  await turns();
  broker.clock.advance(10_000);
  broker.last.cut();
  await turns();
  assert.deepEqual(log, [
    'online 1',
    'offline DISCONNECTED - 500',
    'online 1',
    'offline DISCONNECTED - 1000',
    'online 1',
    'offline DISCONNECTED - 500',
  ]);
  assert.equal(client.stats.reconnects, 2);
  await client.close();
});

test('reason codes that a further attempt cannot change end it, others do not', async () => {
  const outcome = async (reasonCode: number, options: ConnectOptions = {}): Promise<string> => {
    const client = refusing(reasonCode).client({ protocol: '5', ...options });
    const log = logOf(client);
    await turns();
    await client.close();
    return log.at(-1)!;
  };
  for (const code of [0x84, 0x85, 0x86, 0x87, 0x8a, 0x8c, 0x90, 0x9a, 0x9b, 0x9d])
    assert.equal(await outcome(code), 'stopped REFUSED', code.toString(16));
  for (const code of [0x80, 0x88, 0x89, 0x97, 0x9c, 0x9f])
    assert.equal(await outcome(code), `offline REFUSED ${code} 250`, code.toString(16));
  assert.equal(await outcome(0x87, { credentials: () => ({ username: 'u' }) }), 'offline REFUSED 135 250');
  assert.equal(await outcome(0x88, { reconnect: { retry: () => false } }), 'stopped REFUSED');
  assert.equal(await outcome(0x88, { reconnect: false }), 'stopped REFUSED');
});

test('a session that was taken over is not taken back', async () => {
  const broker = new ScriptedBroker();
  const client = broker.client();
  const log = logOf(client);
  await turns();
  broker.last.send({ type: PacketType.DISCONNECT, reasonCode: 0x8e });
  await turns();
  assert.deepEqual(log, ['online 1', 'offline DISCONNECTED 142 -', 'stopped DISCONNECTED']);
  await assert.rejects(client.publish('a', 'x'), { code: 'DISCONNECTED', reasonCode: 0x8e });
  await assert.rejects(client.online(), { reasonCode: 0x8e });
});

test('after so many attempts it gives up', async () => {
  const broker = new ScriptedBroker();
  broker.refusals.push(...Array.from({ length: 9 }, unreachable));
  const client = broker.client({ reconnect: { maxAttempts: 2, jitter: 'none' } });
  const log = logOf(client);
  for (let round = 0; round < 3; round += 1) {
    await turns();
    broker.clock.advance(60_000);
  }
  await turns();
  assert.deepEqual(log, ['offline DISCONNECTED - 500', 'offline DISCONNECTED - 1000', 'offline DISCONNECTED - -', 'stopped DISCONNECTED']);
});

test('credentials are asked for with every attempt', async () => {
  const broker = refusing(0x87);
  const asked: number[] = [];
  const credentials = ({ attempt }: { attempt: number }) => {
    asked.push(attempt);
    return Promise.resolve({ username: 'user', password: `token ${attempt}` });
  };
  const client = broker.client({ credentials, protocol: '5' });
  await turns();
  broker.clock.advance(60_000);
  await turns();
  assert.deepEqual(asked, [1, 2]);
  const passwords = broker.connections.map((connection) => Buffer.from(connection.of(PacketType.CONNECT)[0].password!).toString());
  assert.deepEqual(passwords, ['token 1', 'token 2']);
  await client.close();
});

test('user name and password of the URL are used when there are no others', async () => {
  const broker = new ScriptedBroker();
  const client = broker.client({}, 'mqtt://u%40x:p%2F@broker.example');
  await turns();
  const [connect] = broker.last.of(PacketType.CONNECT);
  assert.deepEqual([connect.username, Buffer.from(connect.password!).toString()], ['u@x', 'p/']);
  await client.close();
});

test('credentials that cannot be had are a failed attempt', async () => {
  const broker = new ScriptedBroker();
  let calls = 0;
  const credentials = () => {
    calls += 1;
    if (calls === 1) throw new Error('no vault');
    return {};
  };
  const client = broker.client({ credentials });
  const log = logOf(client);
  await turns();
  broker.clock.advance(500);
  await turns();
  assert.deepEqual(log, ['offline DISCONNECTED - 250', 'online 2']);
  await client.close();
});

test('a broker that does not answer is given up after connectTimeout', async () => {
  for (const isSilent of [true, false]) {
    const broker = new ScriptedBroker();
    broker.isSilent = isSilent;
    broker.script = () => true;
    const client = broker.client({ connectTimeout: 5_000 });
    const log = logOf(client);
    await turns();
    broker.clock.advance(4_999);
    await turns();
    assert.deepEqual(log, []);
    broker.clock.advance(1);
    await turns();
    assert.deepEqual(log, ['offline TIMEOUT - 250']);
    if (!isSilent) assert.equal(broker.last.isOpen, false);
    await client.close();
  }
});

test('a broker that does not know MQTT 5 is asked once in 3.1.1, and keeps what was published meanwhile', async () => {
  const broker = new ScriptedBroker();
  broker.script = (packet, connection) => {
    if (packet.type !== PacketType.CONNECT || packet.version === 4) return false;
    connection.send(refused(0x84));
    return true;
  };
  const client = broker.client();
  const log = logOf(client);
  const published = client.publish('a', 'x', { qos: 1, userProperties: [['k', 'v']] });
  await published;
  assert.deepEqual(log, ['online 2']);
  assert.equal(client.protocolVersion, 4);
  assert.deepEqual(
    broker.connections.map((connection) => connection.version),
    [5, 4],
  );
  await client.close();
});

test('without auto there is no falling back', async () => {
  const broker = refusing(0x84);
  const client = broker.client({ protocol: '5' });
  const log = logOf(client);
  await turns();
  assert.deepEqual(log, ['offline REFUSED 132 -', 'stopped REFUSED']);
  assert.equal(broker.connections.length, 1);
});

test('servers are tried in turn, and one round counts as one failure', async () => {
  const broker = new ScriptedBroker();
  broker.refusals.push(unreachable(), unreachable(), unreachable());
  const client = broker.client(
    { servers: ['mqtt://b.example', new URL('mqtt://c.example')], reconnect: { jitter: 'none' } },
    'mqtt://a.example',
  );
  const log = logOf(client);
  for (let round = 0; round < 4; round += 1) {
    await turns();
    broker.clock.advance(1_000);
  }
  await turns();
  assert.deepEqual(log, ['offline DISCONNECTED - 500', 'offline DISCONNECTED - 500', 'offline DISCONNECTED - 500', 'online 4']);
  assert.equal(broker.last.url.host, 'a.example');
  await client.close();
});

test('a server reference is followed only when that is allowed', async () => {
  for (const followServerReference of [true, false]) {
    const broker = new ScriptedBroker();
    broker.script = (packet, connection) => {
      if (packet.type !== PacketType.CONNECT || connection.url.host !== 'broker.example') return false;
      connection.send({
        ...(refused(0x9d) as { type: 2; sessionPresent: false; reasonCode: number }),
        properties: { serverReference: 'other.example:1884' },
      });
      return true;
    };
    const client = broker.client({ reconnect: { followServerReference } });
    const log = logOf(client);
    await turns();
    broker.clock.advance(1_000);
    await turns();
    if (followServerReference) assert.equal(broker.last.url.href, 'mqtt://other.example:1884');
    else assert.equal(log.at(-1), 'stopped REFUSED');
    await client.close();
  }
});

test('an AUTH is answered by the credentials of the attempt', async () => {
  const broker = new ScriptedBroker();
  broker.script = (packet, connection) => {
    if (packet.type === PacketType.CONNECT)
      connection.send({
        type: PacketType.AUTH,
        reasonCode: 0x18,
        properties: { authenticationMethod: 'M', authenticationData: new Uint8Array([1]) },
      });
    if (packet.type === PacketType.AUTH)
      connection.send({ type: PacketType.CONNACK, sessionPresent: false, reasonCode: 0, properties: { authenticationMethod: 'M' } });
    return true;
  };
  const respond = (data: Uint8Array | undefined) => Promise.resolve(new Uint8Array([data![0] + 1]));
  const client = broker.client({ credentials: { auth: { method: 'M', respond } } });
  await client.online();
  assert.deepEqual(broker.last.of(PacketType.AUTH)[0].properties?.authenticationData, new Uint8Array([2]));
  await client.close();
});

test('the URL of a WebSocket is asked for before every attempt', async () => {
  const broker = new ScriptedBroker();
  let calls = 0;
  const client = broker.client({ websocket: { url: () => `wss://signed.example/?n=${(calls += 1)}` } });
  await turns();
  broker.last.cut();
  await turns();
  broker.clock.advance(500);
  await turns();
  assert.deepEqual(
    broker.connections.map(({ url }) => url.search),
    ['?n=1', '?n=2'],
  );
  await client.close();
});

test('a page that is shown again, or is back on the network, does not wait for its timers', async (t) => {
  const world = globalThis as { document?: EventTarget; addEventListener?: unknown; removeEventListener?: unknown };
  const network = new EventTarget();
  world.document = new EventTarget();
  world.addEventListener = network.addEventListener.bind(network);
  world.removeEventListener = network.removeEventListener.bind(network);
  t.after(() => {
    delete world.document;
    delete world.addEventListener;
    delete world.removeEventListener;
  });
  const broker = new ScriptedBroker();
  const client = broker.client({ keepAlive: 10, reconnect: { minDelay: 60_000, jitter: 'none' } });
  const log = logOf(client);
  await client.online();
  broker.last.cut();
  await turns();
  network.dispatchEvent(new Event('online'));
  await turns();
  assert.deepEqual(log, ['online 1', 'offline DISCONNECTED - 60000', 'online 1']);
  const pings = (): number => broker.last.of(PacketType.PINGREQ).length;
  assert.equal(pings(), 0);
  broker.timersSleep = true;
  broker.clock.advance(9_000);
  assert.equal(pings(), 0);
  world.document.dispatchEvent(new Event('visibilitychange'));
  await turns();
  assert.equal(pings(), 1);
  await client.close();
  network.dispatchEvent(new Event('online'));
  await turns();
  assert.equal(broker.connections.length, 2);
});

test('a URL that is none is refused at once', () => {
  assert.throws(() => new ScriptedBroker().client({}, 'localhost'), { code: 'INVALID' });
});
