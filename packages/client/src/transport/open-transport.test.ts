import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import { test } from 'node:test';
import { WebSocket } from 'ws';
import { tempDirectory } from '@wrenmq/testkit';
import { MqttError } from '#base/mqtt-error.ts';
import { adaptStreams } from './adapt-streams.ts';
import { openTransport as openInBrowser } from './open-transport-browser.ts';
import { openTransport } from './open-transport.ts';
import { open, readAll, readBytes, serve, serveTcp, serveWebSocket, type TestPeer, turns } from './test-transport.ts';
import type { TransportFactory, TransportOpener } from './transport.ts';
import { openWebSocket } from './websocket-transport.ts';

interface Kind {
  readonly name: string;
  readonly serve: () => Promise<TestPeer>;
  readonly opener: TransportOpener;
}

async function serveUnix(): Promise<TestPeer> {
  const directory = await tempDirectory();
  const peer = await serve(createServer(), 'connection', { path: join(directory.path, 'broker socket') });
  return { ...peer, [Symbol.asyncDispose]: () => peer[Symbol.asyncDispose]().then(() => directory.remove()) };
}

/** An injected transport over a socket. */
const overSocket: TransportFactory = async ({ url }) => {
  const { connect } = await import('node:net');
  const socket = connect(Number(url.port), url.hostname);
  await once(socket, 'connect');
  const { readable, writable } = Duplex.toWeb(socket);
  const writer = writable.getWriter() as WritableStreamDefaultWriter<Uint8Array>;
  return {
    readable: readable as ReadableStream<Uint8Array>,
    write: (bytes) => writer.write(bytes),
    close: () => void writer.close().catch(() => undefined),
  };
};

const openWithPackage: TransportOpener = (context, observer) =>
  openWebSocket(context, observer, (url, subprotocol) => new WebSocket(url, subprotocol));

const kinds: readonly Kind[] = [
  { name: 'TCP', serve: serveTcp, opener: openTransport },
  { name: 'a Unix socket', serve: serveUnix, opener: openTransport },
  { name: "Node's WebSocket", serve: () => serveWebSocket(), opener: openTransport },
  { name: 'the WebSocket of ws', serve: () => serveWebSocket(), opener: openWithPackage },
  { name: "the browser's opener", serve: () => serveWebSocket(), opener: openInBrowser },
  { name: 'injected streams', serve: serveTcp, opener: adaptStreams(overSocket) },
];

const chunk = new Uint8Array(65_536).fill(7);

for (const { name, serve: start, opener } of kinds) {
  test(`${name}: bytes go both ways, in order`, async () => {
    await using peer = await start();
    const { transport, observer } = await open(opener, peer.url);
    const broker = await peer.accept();
    for (const word of ['one ', 'two ', 'three']) transport.write(Buffer.from(word));
    assert.equal((await readBytes(broker, 13)).toString(), 'one two three');
    broker.write('four ');
    broker.write('five');
    await observer.until(() => observer.text.length === 9);
    assert.equal(observer.text, 'four five');
    transport.destroy();
    await observer.closed();
  });

  test(`${name}: what comes at once waits for whoever opens it`, async () => {
    await using peer = await start();
    let isOpen = false;
    const order: boolean[] = [];
    const observer = { onData: () => void order.push(isOpen), onDrain: () => undefined, onClose: () => undefined };
    const opening = opener({ url: peer.url, signal: new AbortController().signal }, observer);
    void peer.accept().then((broker) => broker.write('early'));
    // A few steps between the promise and the one who waits, as in a caller of several async functions.
    const transport = await (async () => (async () => opening)())();
    isOpen = true;
    while (order.length === 0) await turns();
    assert.deepEqual(order, [true]);
    transport.destroy();
  });

  test(`${name}: write says when the other side does not read, and onDrain when it does again`, async () => {
    await using peer = await start();
    const { transport, observer } = await open(opener, peer.url);
    const broker = await peer.accept();
    let count = 1;
    while (transport.write(chunk.slice()) && count < 1_000) {
      count += 1;
      await turns();
    }
    assert.ok(count < 1_000, 'it took 64 MB without a word');
    assert.equal(observer.drains, 0);
    const received = await readBytes(broker, count * chunk.length);
    await observer.until(() => observer.drains > 0);
    assert.equal(received.length, count * chunk.length);
    transport.destroy();
  });

  test(`${name}: pause holds back, resume goes on`, async () => {
    await using peer = await start();
    const { transport, observer } = await open(opener, peer.url);
    const broker = await peer.accept();
    broker.write('first');
    await observer.until(() => observer.text === 'first');
    transport.pause();
    for (let part = 0; part < 5; part += 1) {
      await new Promise((resolve) => broker.write(` ${part}`, resolve));
      await turns();
    }
    assert.equal(observer.text, 'first');
    transport.resume();
    await observer.until(() => observer.text.length === 15);
    assert.equal(observer.text, 'first 0 1 2 3 4');
    transport.destroy();
  });

  test(`${name}: what came before the end is told before it, also after a pause`, async () => {
    await using peer = await start();
    const { transport, observer } = await open(opener, peer.url);
    const broker = await peer.accept();
    transport.pause();
    broker.write('last words');
    broker.end();
    await turns();
    assert.equal(observer.text, '');
    transport.resume();
    const error = await observer.closed();
    assert.equal(observer.text, 'last words');
    assert.ok(error instanceof MqttError && error.code === 'DISCONNECTED' && error.retryable, String(error));
    assert.deepEqual(observer.closes.length, 1);
  });

  test(`${name}: close sends what was written, and is no error`, async () => {
    await using peer = await start();
    const { transport, observer } = await open(opener, peer.url);
    const broker = await peer.accept();
    for (let count = 0; count < 32; count += 1) transport.write(chunk.slice());
    transport.close();
    transport.close();
    assert.equal((await readAll(broker)).length, 32 * chunk.length);
    assert.equal(await observer.closed(), undefined);
    assert.equal(transport.write(chunk.slice()), true);
    await turns();
    assert.equal(observer.closes.length, 1);
  });

  test(`${name}: close ends a connection that nobody reads`, async () => {
    await using peer = await start();
    const { transport, observer } = await open(opener, peer.url);
    await peer.accept();
    for (let count = 0; count < 1_000 && transport.write(chunk.slice()); count += 1) await turns();
    transport.close();
    assert.equal(await observer.closed(), undefined);
  });

  test(`${name}: destroy ends it, paused or not`, async () => {
    await using peer = await start();
    const { transport, observer } = await open(opener, peer.url);
    const broker = await peer.accept();
    transport.pause();
    broker.write('never read');
    await turns();
    transport.destroy();
    assert.deepEqual(observer.closes, [], 'told from inside a method');
    assert.equal(await observer.closed(), undefined);
    assert.equal(observer.text, '');
    transport.destroy();
    await turns();
    assert.equal(observer.closes.length, 1);
  });

  test(`${name}: a connection that breaks is an error with its place`, async () => {
    await using peer = await start();
    const { observer } = await open(opener, peer.url);
    const broker = await peer.accept();
    broker.destroy();
    const error = await observer.closed();
    assert.ok(error instanceof MqttError && error.code === 'DISCONNECTED' && error.retryable, String(error));
    assert.match(error.message, peer.url.protocol === 'unix:' ? /broker socket/ : new RegExp(peer.url.host));
  });

  test(`${name}: a broker that is not there is named, with the reason`, async () => {
    const peer = await start();
    await peer[Symbol.asyncDispose]();
    const error = await open(opener, peer.url).then(
      () => assert.fail('it opened'),
      (reason: unknown) => reason,
    );
    assert.ok(error instanceof MqttError && error.code === 'DISCONNECTED' && error.retryable, String(error));
    assert.match(error.message, peer.url.protocol === 'unix:' ? /broker socket.*ENOENT/ : new RegExp(peer.url.host));
  });

  test(`${name}: an attempt that was given up opens nothing`, async () => {
    await using peer = await start();
    const reason = new Error('enough');
    await assert.rejects(open(opener, peer.url, { signal: AbortSignal.abort(reason) }), { code: 'ABORTED', cause: reason });
    const controller = new AbortController();
    const opening = open(opener, peer.url, { signal: controller.signal });
    controller.abort(reason);
    await assert.rejects(opening, { code: 'ABORTED', cause: reason });
  });
}

test('a host that never answers is waited for until the attempt is given up', async () => {
  await using peer = await serveTcp();
  for (const scheme of ['ws', 'mqtts', 'wss']) {
    const controller = new AbortController();
    const opening = open(openTransport, new URL(`${scheme}://127.0.0.1:${peer.url.port}/mqtt`), { signal: controller.signal });
    const broker = await peer.accept();
    controller.abort();
    await assert.rejects(opening, { code: 'ABORTED' });
    broker.resume();
    // Node's own WebSocket goes on with a TLS handshake until its own limit has passed.
    if (scheme !== 'wss') await once(broker, 'close');
  }
});

test('a URL that leads nowhere is INVALID, and says how to mend it', async () => {
  const cases: ReadonlyArray<readonly [string, RegExp]> = [
    ['http://broker.example', /scheme http: is unknown.*mqtts, ws/],
    ['mqtt:///path', /host name/],
    ['mqtt://%ff', /not a host name/],
    ['unix://run/broker.sock', /three slashes.*unix:\/run\/broker\.sock/],
    ['mqtt+unix:///', /path of a socket/],
    ['unix:/%00', /path of a socket/],
    ['unix:/%ff', /not a path/],
  ];
  for (const [url, message] of cases) {
    await assert.rejects(open(openTransport, new URL(url)), { name: 'MqttError', code: 'INVALID', message, retryable: false }, url);
  }
});

test('a WebSocket that is refused at / is told where brokers are', async () => {
  await using peer = await serveWebSocket();
  await assert.rejects(open(openTransport, new URL(`ws://${peer.url.host}`)), { code: 'DISCONNECTED', message: /1006.*\/mqtt$/ });
  const signed = new URL(`ws://name:secret@${peer.url.host}/other?signature=secret#secret`);
  const refusal = await open(openWithPackage, signed).catch((error: unknown) => error);
  assert.match(String(refusal), /\/other: Unexpected server response: 400$/);
  const { transport } = await open(openTransport, new URL(`ws://name:secret@${peer.url.host}/mqtt?signature=secret#secret`));
  const broker = await peer.accept();
  transport.destroy();
  broker.destroy();
});

test('a browser opens WebSockets only', async () => {
  await assert.rejects(open(openInBrowser, new URL('mqtts://broker.example:8883')), {
    code: 'INVALID',
    message: /wss:\/\/broker\.example/,
  });
  const headers = { authorization: 'x' };
  await assert.rejects(open(openInBrowser, new URL('ws://broker.example'), { headers }), { code: 'INVALID', message: /headers/ });
});

test('mqtt+unix:// and tcp:// are names for the same', async () => {
  await using unix = await serveUnix();
  await using tcp = await serveTcp();
  for (const [url, peer] of [[`mqtt+unix://${unix.url.pathname}`, unix] as const, [`tcp://127.0.0.1:${tcp.url.port}`, tcp] as const]) {
    const { transport, observer } = await open(openTransport, new URL(url));
    await peer.accept();
    transport.destroy();
    await observer.closed();
  }
});

test('a host name has several addresses, and one of them is enough', async () => {
  await using peer = await serveTcp();
  const { transport } = await open(openTransport, new URL(`mqtt://localhost:${peer.url.port}`));
  await peer.accept();
  transport.destroy();
});
