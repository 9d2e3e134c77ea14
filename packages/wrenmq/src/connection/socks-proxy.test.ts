import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { openPlain } from './open-plain.ts';
import { readExactly } from './read-exactly.ts';

/** A SOCKS5 proxy that answers byte by byte, and goes on to the target it is asked for. */
async function startProxy(login: string | undefined) {
  const asked: string[] = [];
  const server = await startServer((client) => void serve(client, login, asked));
  return Object.assign(server, { asked, place: `127.0.0.1:${server.port}` });
}

async function startServer(serveClient: (client: Socket) => void) {
  const clients = new Set<Socket>();
  const server = createServer((client) => {
    clients.add(client);
    serveClient(client);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = (): void => {
    for (const client of clients) client.destroy();
    server.close();
  };
  return { port: (server.address() as AddressInfo).port, [Symbol.dispose]: close };
}

async function serve(client: Socket, login: string | undefined, asked: string[]): Promise<void> {
  client.on('error', () => {});
  const [, count] = await readExactly(client, 2);
  const methods = await readExactly(client, count);
  const method = login === undefined ? 0 : 2;
  if (!methods.includes(method)) return void client.end(Buffer.from([5, 0xff]));
  client.write(Buffer.from([5, method]));
  if (login !== undefined) {
    const [, userBytes] = await readExactly(client, 2);
    const user = await readExactly(client, userBytes);
    const secret = await readExactly(client, (await readExactly(client, 1))[0]);
    if (`${String(user)}:${String(secret)}` !== login) return void client.end(Buffer.from([1, 1]));
    client.write(Buffer.from([1, 0]));
  }
  const host = await readExactly(client, (await readExactly(client, 5))[4]);
  const port = (await readExactly(client, 2)).readUInt16BE();
  asked.push(`${String(host)}:${port}`);
  if (String(host) === 'nowhere') return void client.end(Buffer.from([5, 4, 0, 1, 0, 0, 0, 0, 0, 0]));
  const target = connect(port, String(host));
  await once(target, 'connect');
  for (const byte of [5, 0, 0, 1, 127, 0, 0, 1, 0, 0]) client.write(Buffer.from([byte]));
  client.pipe(target).pipe(client);
}

const startEcho = () => startServer((client) => void client.pipe(client));

const { signal } = new AbortController();

for (const [title, login, user] of [
  ['without a login', undefined, ''],
  ['with a login', 'me:se:cret', 'me:se%3Acret@'],
] as const)
  test(`a connection goes through a SOCKS5 proxy ${title}, and the proxy looks the name up`, { timeout: 10_000 }, async () => {
    using echo = await startEcho();
    using proxy = await startProxy(login);
    const socket = await openPlain({
      host: '127.0.0.1',
      port: echo.port,
      bind: undefined,
      proxy: `socks5h://${user}${proxy.place}`,
      signal,
    });
    socket.write('hello');
    const bytes = await readExactly(socket, 5);
    assert.equal(String(bytes), 'hello');
    assert.deepEqual(proxy.asked, [`127.0.0.1:${echo.port}`]);
    socket.destroy();
  });

test('what the proxy refuses is said in words', { timeout: 10_000 }, async () => {
  using proxy = await startProxy(undefined);
  using guarded = await startProxy('me:secret');
  const open = (host: string, via: string) => openPlain({ host, port: 1, bind: undefined, proxy: `socks5h://${via}`, signal });
  await assert.rejects(open('nowhere', proxy.place), /the proxy cannot reach nowhere: host unreachable/);
  await assert.rejects(open('nowhere', guarded.place), /wants a login/);
  await assert.rejects(open('nowhere', `me:wrong@${guarded.place}`), /refuses the login/);
});

test('a connection can be made from an address that is named', { timeout: 10_000 }, async () => {
  using echo = await startEcho();
  const socket = await openPlain({ host: '127.0.0.1', port: echo.port, bind: '127.0.0.3', proxy: undefined, signal });
  assert.equal(socket.localAddress, '127.0.0.3');
  socket.destroy();
});
