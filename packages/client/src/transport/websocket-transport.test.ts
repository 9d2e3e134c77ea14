import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MqttError } from '#base/mqtt-error.ts';
import { RecordingObserver, turns } from './test-transport.ts';
import type { Transport } from './transport.ts';
import { openWebSocket, type WebSocketLike } from './websocket-transport.ts';

/** A browser's WebSocket as a test drives it. */
class ScriptedWebSocket extends EventTarget {
  binaryType = 'blob';
  bufferedAmount = 0;
  readyState = 0;
  readonly sent: Uint8Array[] = [];
  closeCalls = 0;

  send(bytes: Uint8Array): void {
    this.sent.push(bytes);
    this.bufferedAmount += bytes.length;
  }

  close(): void {
    this.closeCalls += 1;
  }

  tell(type: string, facts: object = {}): void {
    if (type === 'open') this.readyState = 1;
    if (type === 'close') this.readyState = 3;
    this.dispatchEvent(Object.assign(new Event(type), facts));
  }
}

async function openScripted(): Promise<{ socket: ScriptedWebSocket; transport: Transport; observer: RecordingObserver }> {
  const socket = new ScriptedWebSocket();
  const observer = new RecordingObserver();
  const context = { url: new URL('wss://broker.example/mqtt'), signal: new AbortController().signal };
  const opening = openWebSocket(context, observer, (url, subprotocol) => {
    assert.deepEqual([url, subprotocol], ['wss://broker.example/mqtt', 'mqtt']);
    return socket as unknown as WebSocketLike;
  });
  assert.equal(socket.binaryType, 'arraybuffer');
  socket.tell('open');
  const transport = await opening;
  return { socket, transport, observer };
}

test('a text frame ends the connection [MQTT-6.0.0-1]', async () => {
  const { socket, observer } = await openScripted();
  socket.tell('message', { data: 'text' });
  const error = await observer.closed();
  assert.ok(error instanceof MqttError && error.code === 'DISCONNECTED', String(error));
  assert.match(error.message, /text frame from wss:\/\/broker\.example\/mqtt/);
  assert.equal(socket.closeCalls, 1);
});

test('a browser holds back so many bytes during a pause, then gives the connection up', async () => {
  const { socket, transport, observer } = await openScripted();
  transport.pause();
  const data = new ArrayBuffer(16 * 1024 * 1024);
  for (let count = 0; count < 4; count += 1) socket.tell('message', { data });
  await turns();
  assert.deepEqual(observer.closes, []);
  socket.tell('message', { data });
  transport.resume();
  const error = await observer.closed();
  assert.match(String(error), /hold back more than 67108864 bytes/);
  assert.equal(socket.closeCalls, 1);
});

test('a pause while held bytes are handed over holds the rest', async () => {
  const { socket, transport, observer } = await openScripted();
  const seen: number[] = [];
  observer.onData = (bytes) => {
    seen.push(bytes[0]);
    transport.pause();
  };
  transport.write(new Uint8Array(1));
  transport.pause();
  for (const byte of [1, 2, 3]) socket.tell('message', { data: Uint8Array.of(byte).buffer });
  for (const count of [1, 2, 3]) {
    transport.resume();
    await turns();
    assert.equal(seen.length, count);
  }
  assert.deepEqual(seen, [1, 2, 3]);
});

test('a browser that ends slowly is not waited for', async () => {
  const { socket, transport, observer } = await openScripted();
  transport.close();
  assert.equal(await observer.closed(), undefined);
  socket.tell('close', { code: 1000, reason: '' });
  socket.tell('message', { data: new ArrayBuffer(1) });
  await turns();
  assert.equal(observer.closes.length, 1);
  assert.equal(observer.text, '');
});

test('closing during a pause after the end of the connection tells the end', async () => {
  for (const method of ['close', 'destroy'] as const) {
    const { socket, transport, observer } = await openScripted();
    transport.pause();
    socket.tell('message', { data: new ArrayBuffer(1) });
    socket.tell('close', { code: 1001, reason: 'going away' });
    await turns();
    assert.deepEqual(observer.closes, []);
    transport[method]();
    assert.match(String(await observer.closed()), /1001 'going away'/);
    assert.equal(observer.text, '');
  }
});

test('onDrain comes when the buffer has emptied, and not after the end', async () => {
  const { socket, transport, observer } = await openScripted();
  assert.equal(transport.write(new Uint8Array(1024 * 1024)), false);
  assert.equal(transport.write(new Uint8Array(1)), false);
  socket.bufferedAmount = 0;
  await observer.until(() => observer.drains === 1);
  assert.equal(transport.write(new Uint8Array(1024 * 1024)), false);
  transport.destroy();
  await observer.closed();
  assert.equal(observer.drains, 1);
});
