import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import test from 'node:test';
import { WebSocket } from 'ws';
import { type ListenerOptions, websocketDefaults, type WebSocketListenerOptions } from './listener-options.ts';
import { gone, TestDoor } from './test-door.ts';
import { TlsRig } from './test-tls-rig.ts';

function open(websocket: Partial<WebSocketListenerOptions> = {}, more: Partial<ListenerOptions> = {}): Promise<TestDoor> {
  return TestDoor.open({ kind: 'ws', name: 'ws.test', websocket: { ...websocketDefaults, ...websocket }, ...more });
}

function connect(
  door: TestDoor,
  { path = '/mqtt', protocols = ['mqtt'], ...more }: { path?: string; protocols?: string[]; origin?: string } = {},
): WebSocket {
  const socket = new WebSocket(`ws://127.0.0.1:${door.address.port}${path}`, protocols, more);
  socket.on('error', () => {});
  return socket;
}

async function refusal(socket: WebSocket): Promise<{ status: number | undefined; text: string }> {
  const [request, response] = (await once(socket, 'unexpected-response')) as [http.ClientRequest, http.IncomingMessage];
  const text = (await response.toArray()).join('');
  request.destroy();
  return { status: response.statusCode, text };
}

function get(door: TestDoor, path: string): Promise<{ status: number | undefined; text: string; upgrade: string | undefined }> {
  return new Promise((resolve, reject) => {
    const request = http.get({ ...door.address, path }, (response) => {
      const { statusCode: status, headers } = response;
      response.toArray().then((parts) => resolve({ status, text: parts.join(''), upgrade: headers.upgrade }), reject);
    });
    request.on('error', reject);
  });
}

test('[MQTT-6.0.0-4] the sub-protocol in the answer is the one the client offered', async () => {
  await using door = await open();
  for (const [protocols, chosen] of [
    [['mqtt'], 'mqtt'],
    [['mqttv3.1'], 'mqttv3.1'],
    [['other', 'mqtt'], 'mqtt'],
  ] as const) {
    const client = connect(door, { protocols: [...protocols] });
    await once(client, 'open');
    assert.equal(client.protocol, chosen);
    client.terminate();
  }
});

test('[MQTT-6.0.0-3] a client that offers no MQTT sub-protocol gets 400 and a sentence', async () => {
  await using door = await open();
  for (const protocols of [[], ['soap']]) {
    assert.deepEqual(await refusal(connect(door, { protocols })), {
      status: 400,
      text: "The WebSocket sub-protocol 'mqtt' or 'mqttv3.1' must be offered.\n",
    });
  }
  assert.deepEqual([door.handlers.length, door.listener.counters.websocketErrors], [0, 2]);
});

test('only the path serves MQTT; a query is no part of it', async () => {
  await using door = await open();
  assert.equal((await refusal(connect(door, { path: '/' }))).status, 404);
  assert.equal((await refusal(connect(door, { path: '/mqtt/' }))).status, 404);
  const client = connect(door, { path: '/mqtt?token=1' });
  await once(client, 'open');
  client.terminate();
});

test('a browser that looks at the address learns what it is for', async () => {
  await using door = await open();
  const answer = await get(door, '/mqtt');
  assert.deepEqual([answer.status, answer.upgrade], [426, 'websocket']);
  assert.match(answer.text, /MQTT WebSocket endpoint/);
  assert.deepEqual(await get(door, '/'), { status: 404, text: 'MQTT over WebSocket is at /mqtt.\n', upgrade: undefined });
});

test('an Origin that is not allowed gets 403; no Origin is no browser', async () => {
  await using door = await open({ origins: ['https://app.example'] });
  assert.equal((await refusal(connect(door, { origin: 'https://evil.example' }))).status, 403);
  for (const options of [{ origin: 'https://app.example' }, {}]) {
    const client = connect(door, options);
    await once(client, 'open');
    client.terminate();
  }
});

test('[MQTT-6.0.0-2] bytes pass without regard to frame borders, one binary frame per write', async () => {
  await using door = await open();
  const client = connect(door);
  await once(client, 'open');
  for (const part of ['ab', 'c', 'def']) client.send(Buffer.from(part));
  client.send(Buffer.from('gh'), { fin: false });
  client.send(Buffer.from('ij'), { fin: true });
  const handler = await door.handler();
  assert.equal((await handler.untilReceived(10)).toString(), 'abcdefghij');
  assert.deepEqual([handler.link.transport, handler.link.tls, handler.link.peer.address], ['ws', null, '127.0.0.1']);
  const frames: [string, boolean][] = [];
  client.on('message', (data, isBinary) => frames.push([(data as Buffer).toString(), isBinary]));
  assert.equal(handler.link.write(Buffer.from('one')), true);
  assert.equal(handler.link.write(Buffer.from('two')), true);
  while (frames.length < 2) await once(client, 'message');
  assert.deepEqual(frames, [
    ['one', true],
    ['two', true],
  ]);
  client.close();
  assert.equal(await handler.untilClosed(), null);
  assert.equal(door.listener.connections, 0);
});

test('[MQTT-6.0.0-1] a text frame closes the connection', async () => {
  await using door = await open();
  const client = connect(door);
  await once(client, 'open');
  client.send('text');
  client.send(Buffer.from('never'));
  const [code] = await once(client, 'close');
  assert.equal(code, 1003);
  const handler = door.handlers[0];
  assert.match((await handler.untilClosed())!.message, /text frame/);
  assert.deepEqual([handler.received.length, handler.closes.length, door.listener.counters.websocketErrors], [0, 1, 1]);
});

test('a message that is too long closes the connection, also in fragments', async () => {
  await using door = await open({ frameBytesMax: 1000 });
  for (const isFragmented of [false, true]) {
    const client = connect(door);
    await once(client, 'open');
    client.send(Buffer.alloc(1000), { fin: !isFragmented });
    client.send(Buffer.alloc(1001));
    const [code] = await once(client, 'close');
    assert.equal(code, 1009);
  }
  assert.ok(await door.handlers[1].untilClosed());
  assert.deepEqual([door.handlers.map(({ received }) => received.length), door.listener.counters.websocketErrors], [[1000, 0], 2]);
});

test('a ping is answered; pongs to a peer that does not read are not hoarded', async () => {
  await using door = await open();
  const client = connect(door);
  await once(client, 'open');
  client.ping('p');
  assert.equal(String((await once(client, 'pong'))[0]), 'p');
  const { link } = await door.handler();
  client.pause();
  while (link.write(Buffer.alloc(1 << 20)));
  const pending = link.pendingBytes;
  for (let i = 0; i < 100; i++) client.ping('x');
  client.send(Buffer.from('after the pings'));
  await (await door.handler()).untilReceived(15);
  assert.ok(link.pendingBytes <= pending);
  client.terminate();
});

test('a WebSocket link writes false while the peer does not read, and one onDrain follows', async () => {
  await using door = await open();
  const client = connect(door);
  await once(client, 'open');
  client.pause();
  const handler = await door.handler();
  let sent = 0;
  const write = (): boolean => {
    sent += 1 << 20;
    return handler.link.write(Buffer.alloc(1 << 20, 1));
  };
  while (write());
  for (let i = 0; i < 2; i++) assert.equal(write(), false);
  assert.ok(handler.link.pendingBytes >= 2 << 20);
  let received = 0;
  client.on('message', (data) => (received += (data as Buffer).length));
  client.resume();
  await once(handler, 'drain');
  while (received < sent) await once(client, 'message');
  assert.deepEqual([handler.drains, handler.link.pendingBytes], [1, 0]);
  client.terminate();
});

test('frames that one read brought wait while the link is paused, and keep their order', async () => {
  await using door = await open();
  const client = connect(door);
  await once(client, 'open');
  const handler = await door.handler();
  const take = handler.onBytes.bind(handler);
  let isInside = false;
  handler.onBytes = (bytes, start, end) => {
    assert.equal(isInside, false);
    isInside = true;
    take(bytes, start, end);
    handler.link.pause();
    isInside = false;
  };
  for (const part of ['1', '2', '3', '4']) client.send(Buffer.from(part));
  for (let count = 1; count <= 4; count++) {
    await handler.untilReceived(count);
    await new Promise(setImmediate);
    assert.equal(handler.received.toString(), '1234'.slice(0, count));
    isInside = true;
    handler.link.resume();
    isInside = false;
  }
  client.terminate();
});

test('end sends what is pending and a close frame; a peer that does not answer it has five seconds', async () => {
  await using door = await open();
  const client = connect(door);
  await once(client, 'open');
  const handler = await door.handler();
  let received = 0;
  client.on('message', (data) => (received += (data as Buffer).length));
  handler.link.write(Buffer.alloc(4 << 20));
  handler.link.end();
  const [code] = await once(client, 'close');
  assert.deepEqual([code, received], [1000, 4 << 20]);
  assert.equal(await handler.untilClosed(), null);
  const stuck = connect(door);
  await once(stuck, 'open');
  stuck.pause();
  const second = await door.handler(1);
  while (second.link.write(Buffer.alloc(1 << 20)));
  second.link.end();
  door.clock.advance(5000);
  assert.equal(await second.untilClosed(), null);
  stuck.terminate();
});

test('a throw from a handler closes that WebSocket only', async () => {
  await using door = await open();
  const client = connect(door);
  await once(client, 'open');
  (await door.handler()).onBytes = () => {
    throw new Error('bug');
  };
  client.send(Buffer.from('x'));
  await once(client, 'close');
  assert.match((await door.handlers[0].untilClosed())!.message, /bug/);
  assert.equal(door.listener.counters.handlerErrors, 1);
});

test('broken HTTP, large headers and unmasked frames are refused', async () => {
  await using door = await open();
  const answer = async (bytes: string): Promise<string> => {
    const client = net.connect(door.address);
    client.write(bytes);
    const parts = await client.toArray();
    client.destroy();
    return parts.join('').split('\r\n')[0];
  };
  assert.equal(await answer('\x10\x0f\x00\x04MQTT\x04\x02\x00\x3c\x00\x03abc'), 'HTTP/1.1 400 Bad Request');
  assert.equal(
    await answer(`GET /mqtt HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(9000)}\r\n\r\n`),
    'HTTP/1.1 431 Request Header Fields Too Large',
  );
  const upgrade = 'GET /mqtt HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: mqtt\r\n';
  assert.equal(await answer(`${upgrade}Sec-WebSocket-Version: 12\r\n\r\n`), 'HTTP/1.1 400 Bad Request');
  const good = `${upgrade}Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`;
  assert.equal(await answer(`${good}\x82\x01x`), 'HTTP/1.1 101 Switching Protocols');
  assert.equal(door.handlers[0].received.length, 0);
  assert.ok(await door.handlers[0].untilClosed());
});

test('headers that come too slowly are ended by the deadline', async () => {
  await using door = await open();
  const client = net.connect(door.address).resume();
  client.write('GET /mqtt HTTP/1.1\r\n');
  while (door.listener.connections === 0) await new Promise(setImmediate);
  door.clock.advance(10_000);
  await gone(client);
  assert.equal(door.listener.counters.handshakeTimeouts, 1);
  const slow = connect(door);
  await once(slow, 'open');
  door.clock.advance(60_000);
  slow.send(Buffer.from('open'));
  await (await door.handler()).untilReceived(4);
  slow.terminate();
});

test('a secure WebSocket knows TLS facts, writes, drains, and demands the client certificate like TLS does', async () => {
  await using rig = await TlsRig.create();
  await using door = await open({}, { kind: 'wss', tls: rig.tls({ clientCertificates: 'required', caPath: rig.authority.caPath }) });
  const { ca } = rig;
  const url = `wss://localhost:${door.address.port}/mqtt`;
  const stranger = new WebSocket(url, ['mqtt'], { ca, family: 4 });
  await gone(stranger);
  assert.deepEqual([door.handlers.length, door.listener.counters.tlsErrors], [0, 1]);
  const client = new WebSocket(url, ['mqtt'], {
    ca,
    family: 4,
    ...(await rig.client('me')),
  });
  await once(client, 'open');
  const handler = await door.handler();
  assert.deepEqual([handler.link.transport, handler.link.tls!.certificate!.commonName], ['wss', 'me']);
  client.send(Buffer.from('in'));
  await handler.untilReceived(2);
  assert.equal(handler.link.write(Buffer.from('out')), false);
  assert.equal(String((await once(client, 'message'))[0]), 'out');
  while (handler.drains === 0) await once(handler, 'drain');
  client.close();
  assert.equal(await handler.untilClosed(), null);
});
