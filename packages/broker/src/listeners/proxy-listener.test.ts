import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { join } from 'node:path';
import test from 'node:test';
import tls from 'node:tls';
import { WebSocket } from 'ws';
import { tempDirectory } from '@wrenmq/testkit/temp-directory.ts';
import { listenerDefaults, websocketDefaults } from './listener-options.ts';
import { proxyV2, tlvSsl } from './test-proxy-header.ts';
import { anyPort, gone, RecordingHandler, TestDoor } from './test-door.ts';
import { TlsRig } from './test-tls-rig.ts';

const proxyProtocol = { trusted: ['127.0.0.0/8'], timeoutMs: 3000 };
const header = 'PROXY TCP4 192.0.2.1 198.51.100.1 12345 1883\r\n';
const source = { address: '192.0.2.1', port: 12345 };

test('the peer of a TCP link is who the header names, and bytes behind the header arrive in order', async () => {
  await using door = await TestDoor.open({ proxyProtocol });
  const client = net.connect(door.address);
  client.write(`${header}first`);
  const handler = await door.handler();
  assert.deepEqual(handler.link.peer, source);
  await handler.untilReceived(5);
  client.write('second');
  assert.equal((await handler.untilReceived(11)).toString(), 'firstsecond');
  assert.equal(handler.link.write(Buffer.from('answer')), true);
  assert.equal(String((await once(client, 'data'))[0]), 'answer');
  assert.equal(door.listener.connections, 1);
  assert.equal(door.clock.pending, 0);
  client.end();
  assert.equal(await handler.untilClosed(), null);
});

test('a header that comes byte by byte is read, and a FIN right behind the last packet is not lost', async () => {
  await using door = await TestDoor.open({ proxyProtocol });
  const client = net.connect({ ...door.address, noDelay: true });
  for (const byte of header) {
    client.write(byte);
    await new Promise(setImmediate);
  }
  client.end('last words');
  const handler = await door.handler();
  assert.equal(await handler.untilClosed(), null);
  assert.equal(handler.received.toString(), 'last words');
});

test('a handler that pauses at once gets the bytes behind the header when it resumes', async () => {
  await using door = await TestDoor.open({ proxyProtocol });
  door.handle = (link) => {
    link.pause();
    return new RecordingHandler(link);
  };
  const client = net.connect(door.address);
  client.write(`${header}rest`);
  const handler = await door.handler();
  client.write('more');
  await new Promise(setImmediate);
  assert.equal(handler.received.length, 0);
  handler.link.resume();
  assert.equal(handler.received.length, 0);
  assert.equal((await handler.untilReceived(8)).toString(), 'restmore');
  client.destroy();
});

test('LOCAL and UNKNOWN leave the real peer; a verified common name is told', async () => {
  await using door = await TestDoor.open({ proxyProtocol });
  const clients = [proxyV2({ command: 0, family: 0, body: Buffer.alloc(0) }), Buffer.from('PROXY UNKNOWN\r\n')].map((bytes) => {
    const socket = net.connect(door.address);
    socket.write(bytes);
    return socket;
  });
  await door.handler(1);
  assert.deepEqual(
    door.handlers.map(({ link }) => link.peer.address),
    ['127.0.0.1', '127.0.0.1'],
  );
  const body = Buffer.concat([Buffer.from([192, 0, 2, 1, 198, 51, 100, 1, 0x30, 0x39, 0x07, 0x5b]), tlvSsl({ commonName: 'sensor-1' })]);
  const client = net.connect(door.address);
  client.write(proxyV2({ command: 1, family: 0x11, body }));
  const { link } = await door.handler(2);
  assert.deepEqual([link.peer, link.tls!.certificate!.commonName], [source, 'sensor-1']);
  for (const socket of [...clients, client]) socket.destroy();
});

test('a header that is missing, malformed, too long or late closes the connection and is counted', async () => {
  await using door = await TestDoor.open({ proxyProtocol });
  for (const bytes of [Buffer.from([0x10, 0x0f]), Buffer.from('PROXY TCP4 x\r\n'), Buffer.alloc(70000, 0x50)]) {
    const client = net.connect(door.address).resume();
    client.write(bytes);
    await gone(client);
  }
  const late = net.connect(door.address).resume();
  late.write(header.slice(0, 20));
  while (door.clock.pending < 2) await new Promise(setImmediate);
  door.clock.advance(3000);
  await gone(late);
  const { counters } = door.listener;
  assert.deepEqual([door.handlers.length, counters.proxyProtocolErrors, counters.handshakeTimeouts], [0, 4, 0]);
});

test('A35: a peer that is not trusted is refused whatever header it sends', async () => {
  await using door = await TestDoor.open({ proxyProtocol: { trusted: ['10.0.0.0/8', '2001:db8::/32', '192.0.2.9'], timeoutMs: 3000 } });
  const client = net.connect(door.address).resume();
  client.write(header);
  await gone(client);
  assert.deepEqual([door.handlers.length, door.listener.counters.proxyProtocolErrors], [0, 1]);
});

test('a trusted list that is no address list is refused by name', async () => {
  for (const text of ['10.0.0.0/33', 'proxy.example', '::1/129', '10.0.0.1/x', '10.0.0.1/', '10.0.0.1/8/8']) {
    await assert.rejects(TestDoor.open({ proxyProtocol: { trusted: [text], timeoutMs: 1 } }), /proxyProtocol\.trusted: '/, text);
  }
});

test('a refused reload changes nothing; a good one changes whom new connections must trust', async () => {
  await using door = await TestDoor.open({ proxyProtocol });
  const options = { ...listenerDefaults, kind: 'tcp', name: 'tcp.test', bind: anyPort, connectionsMax: 0 } as const;
  await assert.rejects(door.listener.reload({ ...options, proxyProtocol: { trusted: ['x'], timeoutMs: 1 } }), /neither an address/);
  const client = net.connect(door.address);
  client.write(`${header}x`);
  assert.deepEqual((await door.handler()).link.peer, source);
  await door.listener.reload({ ...options, connectionsMax: 9, proxyProtocol: { trusted: ['192.0.2.0/24'], timeoutMs: 1 } });
  await gone(net.connect(door.address).resume());
  assert.equal(door.listener.counters.proxyProtocolErrors, 1);
  client.destroy();
});

test('a Unix socket may stand behind a proxy too', async () => {
  await using directory = await tempDirectory();
  const path = join(directory.path, 'mqtt.sock');
  await using door = await TestDoor.open({ kind: 'unix', bind: { path }, proxyProtocol: { trusted: [], timeoutMs: 3000 } });
  const client = net.connect(path);
  client.write(`${header}x`);
  const handler = await door.handler();
  assert.deepEqual(handler.link.peer, source);
  await handler.untilReceived(1);
  client.destroy();
});

test('the header stands before the TLS handshake, and before HTTP', async () => {
  await using rig = await TlsRig.create();
  await using secure = await TestDoor.open({ kind: 'tls', proxyProtocol, tls: rig.tls() });
  const raw = net.connect(secure.address);
  raw.write(header);
  const client = tls.connect({ socket: raw, ca: rig.ca, servername: 'localhost' });
  client.write('hello');
  const handler = await secure.handler();
  assert.equal((await handler.untilReceived(5)).toString(), 'hello');
  assert.deepEqual([handler.link.peer, handler.link.tls!.protocol], [source, 'TLSv1.3']);
  client.destroy();

  for (const kind of ['ws', 'wss'] as const) {
    await using door = await TestDoor.open({ kind, proxyProtocol, tls: rig.tls(), websocket: websocketDefaults });
    const carrier = net.connect(door.address);
    carrier.write(header);
    const createConnection = () => (kind === 'ws' ? carrier : tls.connect({ socket: carrier, ca: rig.ca, servername: 'localhost' }));
    const webSocket = new WebSocket(`${kind}://localhost/mqtt`, ['mqtt'], { createConnection: createConnection });
    webSocket.on('open', () => webSocket.send(Buffer.from('hello')));
    const webHandler = await door.handler();
    assert.equal((await webHandler.untilReceived(5)).toString(), 'hello');
    assert.deepEqual(webHandler.link.peer, source);
    webSocket.terminate();
  }
});

test('header and HTTP request or TLS hello may come in one piece', async () => {
  await using door = await TestDoor.open({ kind: 'ws', proxyProtocol, websocket: websocketDefaults });
  const client = net.connect(door.address);
  const frame = Buffer.from([0x82, 0x82, 0, 0, 0, 0, 0x68, 0x69]);
  const request =
    'GET /mqtt HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: mqtt\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';
  client.write(Buffer.concat([Buffer.from(header + request), frame]));
  const handler = await door.handler();
  assert.equal((await handler.untilReceived(2)).toString(), 'hi');
  assert.deepEqual(handler.link.peer, source);
  client.destroy();
});

test('the header and a TLS hello in one piece make a connection', async () => {
  await using rig = await TlsRig.create();
  await using door = await TestDoor.open({ kind: 'tls', proxyProtocol, tls: rig.tls() });
  const raw = net.connect(door.address);
  raw.cork();
  raw.write(header);
  const client = tls.connect({ socket: raw, ca: rig.ca, servername: 'localhost' });
  process.nextTick(() => raw.uncork());
  client.write('hello');
  assert.equal((await (await door.handler()).untilReceived(5)).toString(), 'hello');
  client.destroy();
});
