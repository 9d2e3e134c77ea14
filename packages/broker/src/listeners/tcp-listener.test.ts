import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import test from 'node:test';
import { OperationalError } from '#base/errors.ts';
import type { Link, LinkHandler } from './link.ts';
import { anyPort, gone, RecordingHandler, TestDoor } from './test-door.ts';

test('a link carries bytes both ways and knows where it comes from', async () => {
  await using door = await TestDoor.open();
  const client = net.connect(door.address);
  client.write('hello');
  const handler = await door.handler();
  assert.equal((await handler.untilReceived(5)).toString(), 'hello');
  const { link } = handler;
  assert.deepEqual([link.listener, link.transport, link.tls], ['tcp.test', 'tcp', null]);
  assert.deepEqual(link.peer, { address: '127.0.0.1', port: (client.address() as net.AddressInfo).port });
  assert.equal(link.write(Buffer.from('world')), true);
  const [answer] = (await once(client, 'data')) as [Buffer];
  assert.equal(answer.toString(), 'world');
  assert.equal(door.listener.connections, 1);
  client.end();
  assert.equal(await handler.untilClosed(), null);
  assert.equal(door.listener.connections, 0);
});

test('no handler method is called from inside a link method', async () => {
  await using door = await TestDoor.open();
  let depth = 0;
  let calls = 0;
  const inside = (action: () => unknown): void => {
    depth++;
    action();
    depth--;
  };
  const big = Buffer.alloc(8 << 20);
  door.handle = (link) =>
    new (class extends RecordingHandler {
      override onBytes(bytes: Buffer, start: number, end: number): void {
        calls++;
        assert.equal(depth, 0);
        super.onBytes(bytes, start, end);
        inside(() => link.pause());
        inside(() => link.resume());
        inside(() => link.write(big));
      }
      override onDrain(): void {
        calls++;
        assert.equal(depth, 0);
        super.onDrain();
        inside(() => link.end());
        inside(() => link.destroy());
      }
      override onClose(reason: Error | null): void {
        calls++;
        assert.equal(depth, 0);
        super.onClose(reason);
        inside(() => link.write(big));
        inside(() => link.pause());
        inside(() => link.resume());
        inside(() => link.end());
        inside(() => link.destroy());
      }
    })(link);
  const client = net.connect(door.address).resume();
  client.write('x');
  const handler = await door.handler();
  await handler.untilClosed();
  await gone(client);
  assert.equal(calls, 3);
  assert.deepEqual(handler.closes, [null]);
  assert.equal(door.listener.counters.handlerErrors, 0);
});

test('write is false while the peer does not read, and one onDrain follows when everything is gone', async () => {
  await using door = await TestDoor.open();
  const client = net.connect(door.address).pause();
  const { link } = await door.handler();
  const handler = await door.handler();
  const chunk = Buffer.alloc(1 << 20, 7);
  let sent = 0;
  while (link.write(chunk)) sent += chunk.length;
  sent += chunk.length;
  for (let i = 0; i < 3; i++) {
    assert.equal(link.write(chunk), false);
    sent += chunk.length;
  }
  assert.ok(link.pendingBytes >= 3 << 20);
  assert.equal(handler.drains, 0);
  let received = 0;
  client.on('data', (bytes) => (received += bytes.length));
  client.resume();
  await once(handler, 'drain');
  assert.equal(link.pendingBytes, 0);
  while (received < sent) await once(client, 'data');
  assert.deepEqual([received, handler.drains], [sent, 1]);
  // And again: the second time is no different from the first.
  client.pause();
  while (link.write(chunk));
  client.resume();
  await once(handler, 'drain');
  assert.equal(handler.drains, 2);
  client.destroy();
});

test('a small write behind a full socket also ends in onDrain', async () => {
  await using door = await TestDoor.open();
  const client = net.connect(door.address).pause();
  const handler = await door.handler();
  while (handler.link.write(Buffer.alloc(64)));
  client.resume();
  await once(handler, 'drain');
  assert.equal(handler.link.pendingBytes, 0);
  client.destroy();
});

test('a paused link reads nothing until it is resumed', async () => {
  await using door = await TestDoor.open();
  const client = net.connect(door.address);
  const handler = await door.handler();
  client.write('a');
  await handler.untilReceived(1);
  handler.link.pause();
  client.write('b');
  // A second connection makes a whole round trip meanwhile.
  const other = net.connect(door.address);
  other.write('x');
  await (await door.handler(1)).untilReceived(1);
  assert.equal(handler.received.toString(), 'a');
  handler.link.resume();
  assert.equal((await handler.untilReceived(2)).toString(), 'ab');
  client.destroy();
  other.destroy();
});

test('end sends what is pending, then closes, and nothing is read any more', async () => {
  await using door = await TestDoor.open();
  const client = net.connect({ ...door.address, allowHalfOpen: true });
  const handler = await door.handler();
  const big = Buffer.alloc(4 << 20, 1);
  handler.link.write(big);
  handler.link.end();
  client.write('too late');
  let received = 0;
  client.on('data', (bytes) => (received += bytes.length));
  await once(client, 'end');
  assert.equal(received, big.length);
  assert.equal(handler.received.length, 0);
  client.end();
  assert.equal(await handler.untilClosed(), null);
});

test('end gives a peer that takes nothing five seconds', async () => {
  await using door = await TestDoor.open();
  const client = net.connect(door.address).pause();
  const handler = await door.handler();
  while (handler.link.write(Buffer.alloc(1 << 20)));
  handler.link.end();
  door.clock.advance(4999);
  assert.equal(door.listener.connections, 1);
  door.clock.advance(1);
  assert.equal(await handler.untilClosed(), null);
  assert.equal(door.clock.pending, 0);
  client.destroy();
});

test('a reset by the peer is told as an error, exactly once', async () => {
  await using door = await TestDoor.open();
  const client = net.connect(door.address);
  const handler = await door.handler();
  if (client.connecting) await once(client, 'connect');
  client.resetAndDestroy();
  assert.equal(((await handler.untilClosed()) as NodeJS.ErrnoException).code, 'ECONNRESET');
  assert.equal(handler.closes.length, 1);
});

test('a throw from a handler closes that link only, and is counted and logged', async () => {
  await using door = await TestDoor.open();
  const bug = new Error('bug');
  door.handle = (link) => {
    const handler = new RecordingHandler(link);
    if (door.handlers.length === 1)
      handler.onBytes = () => {
        throw bug;
      };
    return handler;
  };
  const healthy = net.connect(door.address);
  const first = await door.handler(0);
  const client = net.connect(door.address);
  const second = await door.handler(1);
  client.write('x');
  await gone(client);
  assert.equal(await second.untilClosed(), bug);
  healthy.write('still here');
  await first.untilReceived(10);
  assert.equal(door.listener.counters.handlerErrors, 1);
  assert.equal(door.log.lines.filter(({ level }) => level === 'error').length, 1);
  healthy.destroy();
});

test('throws from accept, onDrain and onClose do no harm either', async () => {
  await using door = await TestDoor.open();
  door.handle = () => {
    throw new Error('accept');
  };
  await gone(net.connect(door.address).resume());
  const throwing = (link: Link): LinkHandler => ({
    onBytes: () => void link.write(Buffer.alloc(16 << 20)),
    onDrain: () => {
      throw new Error('drain');
    },
    onClose: () => {
      throw new Error('close');
    },
  });
  door.handle = throwing;
  const client = net.connect(door.address).resume();
  client.write('x');
  await gone(client);
  assert.equal(door.listener.counters.handlerErrors, 3);
});

test('a link that accept refuses is destroyed', async () => {
  await using door = await TestDoor.open();
  door.handle = () => null;
  await gone(net.connect(door.address).resume());
  assert.equal(door.listener.connections, 0);
});

test('connections beyond connectionsMax are closed at once and counted; a free place is given again', async () => {
  await using door = await TestDoor.open({ connectionsMax: 2 });
  const [a, b] = [net.connect(door.address), net.connect(door.address)];
  await door.handler(1);
  await gone(net.connect(door.address).resume());
  assert.equal(door.listener.counters.refusedConnectionsMax, 1);
  a.destroy();
  await door.handlers[0].untilClosed();
  const c = net.connect(door.address);
  await door.handler(2);
  assert.deepEqual([door.listener.connections, door.listener.counters.accepted], [2, 3]);
  b.destroy();
  c.destroy();
});

test('connections beyond the accept rate are closed at once and counted', async () => {
  await using door = await TestDoor.open({ acceptRate: { perSecond: 2, burst: 3 } });
  const clients = [1, 2, 3].map(() => net.connect(door.address));
  await door.handler(2);
  await gone(net.connect(door.address).resume());
  assert.equal(door.listener.counters.refusedRate, 1);
  door.clock.advance(500);
  clients.push(net.connect(door.address));
  await door.handler(3);
  await gone(net.connect(door.address).resume());
  assert.equal(door.listener.counters.refusedRate, 2);
  for (const client of clients) client.destroy();
});

test('a flood of refusals is a flood of counts, not of lines', async () => {
  await using door = await TestDoor.open({ connectionsMax: 0 });
  await Promise.all(Array.from({ length: 40 }, () => gone(net.connect(door.address).resume())));
  assert.equal(door.listener.counters.refusedConnectionsMax, 40);
  assert.equal(door.log.lines.filter(({ level }) => level === 'warn').length, 10);
  door.clock.advance(1000);
  await gone(net.connect(door.address).resume());
  assert.equal(door.log.lines.at(-1)!.fields['suppressedLines'], 30);
});

test('an address in use is refused with a sentence that says how to mend it', async () => {
  await using door = await TestDoor.open();
  await assert.rejects(TestDoor.open({ bind: door.address }), (error: unknown) => {
    assert.ok(error instanceof OperationalError);
    assert.equal(error.code, 'listener.bind');
    assert.match(
      error.message,
      /tcp\.test cannot listen on 127\.0\.0\.1:\d+: another program listens there; stop it or choose another port/,
    );
    return true;
  });
});

test('an address that this machine does not have is refused with a sentence', async () => {
  await assert.rejects(TestDoor.open({ bind: { host: '192.0.2.1', port: 0 } }), /192\.0\.2\.1:0: this machine has no such address/);
});

test('stopAccepting closes the door and leaves open connections alone; close ends them', async () => {
  await using door = await TestDoor.open();
  const client = net.connect(door.address);
  const handler = await door.handler();
  door.listener.stopAccepting();
  const late = net.connect(door.address);
  const [error] = (await once(late, 'error')) as [NodeJS.ErrnoException];
  assert.equal(error.code, 'ECONNREFUSED');
  client.write('x');
  await handler.untilReceived(1);
  await Promise.all([door.listener.close(), gone(client)]);
  assert.equal(handler.closes.length, 1);
  assert.equal(door.listener.connections, 0);
});

test('accepted sockets send small packets at once and are probed when they are silent, as the options say', async (t) => {
  const noDelay = t.mock.method(net.Socket.prototype, 'setNoDelay');
  const keepAlive = t.mock.method(net.Socket.prototype, 'setKeepAlive');
  const wanted = async (tcpNoDelay: boolean, tcpKeepAlive: number | null) => {
    await using door = await TestDoor.open({ tcpNoDelay, tcpKeepAlive });
    for (const { mock } of [noDelay, keepAlive]) mock.resetCalls();
    const client = net.connect(door.address);
    await door.handler();
    client.destroy();
    return [noDelay.mock.calls.map((call) => call.arguments), keepAlive.mock.calls.map((call) => call.arguments)];
  };
  assert.deepEqual(await wanted(true, null), [[[true]], []]);
  assert.deepEqual(await wanted(false, 90), [[], [[true, 90_000]]]);
});

test('reload applies limits to new connections and refuses to move the door', async () => {
  await using door = await TestDoor.open();
  const client = net.connect(door.address);
  await door.handler();
  const options = {
    kind: 'tcp',
    name: 'tcp.test',
    bind: anyPort,
    ipv6Only: false,
    backlog: 1,
    tcpKeepAlive: null,
    tcpNoDelay: true,
    connectionsMax: 1,
    acceptRate: null,
    handshakeTimeoutMs: 1,
    proxyProtocol: false,
    tls: null,
    websocket: null,
  } as const;
  await door.listener.reload(options);
  await gone(net.connect(door.address).resume());
  assert.equal(door.listener.counters.refusedConnectionsMax, 1);
  await assert.rejects(door.listener.reload({ ...options, bind: { host: '127.0.0.1', port: 1 } }), /cannot change its kind or address/);
  client.destroy();
});

test('an IPv6 listener takes IPv6 peers, and IPv4 peers under their IPv4 name', async (t) => {
  let door: TestDoor;
  try {
    door = await TestDoor.open({ bind: { host: '::', port: 0 } });
  } catch (error) {
    t.skip(`no IPv6 here: ${(error as Error).message}`);
    return;
  }
  await using _ = door;
  const v4 = net.connect({ host: '127.0.0.1', port: door.address.port });
  assert.equal((await door.handler(0)).link.peer.address, '127.0.0.1');
  v4.destroy();
  const v6 = net.connect({ host: '::1', port: door.address.port });
  const [event] = await Promise.race([once(v6, 'connect').then(() => ['connect']), once(v6, 'error').then(([error]) => [String(error)])]);
  if (event !== 'connect') {
    t.skip(`no ::1 here: ${event}`);
    return;
  }
  assert.equal((await door.handler(1)).link.peer.address, '::1');
  v6.destroy();
});
