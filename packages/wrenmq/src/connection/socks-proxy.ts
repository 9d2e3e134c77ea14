import type { Socket } from 'node:net';
import { readExactly } from './read-exactly.ts';

const VERSION = 5;
const NO_LOGIN = 0;
const LOGIN = 2;
const LOGIN_VERSION = 1;
const CONNECT = 1;
const DOMAIN_NAME = 3;
const ADDRESS_BYTES: Readonly<Record<number, number>> = { 1: 4, 4: 16 };
const REASONS = [
  'general failure',
  'not allowed by its rules',
  'network unreachable',
  'host unreachable',
  'connection refused',
  'time exceeded',
  'command not supported',
  'address type not supported',
];

/** Asks a SOCKS5 proxy (RFC 1928, RFC 1929) at the other end of the socket to go on to the target; the proxy looks the name up. */
export async function openByProxy(socket: Socket, proxy: URL, target: { readonly host: string; readonly port: number }): Promise<void> {
  const hasLogin = proxy.username !== '';
  socket.write(Buffer.from(hasLogin ? [VERSION, 2, NO_LOGIN, LOGIN] : [VERSION, 1, NO_LOGIN]));
  const [, method] = await readExactly(socket, 2);
  if (method === LOGIN && hasLogin) await logIn(socket, proxy);
  else if (method !== NO_LOGIN) throw new Error('the proxy wants a login: socks5h://user:password@host');
  const name = Buffer.from(target.host);
  const port = Buffer.from([target.port >> 8, target.port & 0xff]);
  socket.write(Buffer.concat([Buffer.from([VERSION, CONNECT, 0, DOMAIN_NAME, name.length]), name, port]));
  const [, reply, , type] = await readExactly(socket, 4);
  if (reply !== 0) throw new Error(`the proxy cannot reach ${target.host}: ${REASONS[reply - 1] ?? reply}`);
  const addressBytes = ADDRESS_BYTES[type] ?? (await readExactly(socket, 1))[0];
  await readExactly(socket, addressBytes + 2);
}

async function logIn(socket: Socket, { username, password }: URL): Promise<void> {
  const [user, secret] = [username, password].map((text) => Buffer.from(decodeURIComponent(text)));
  socket.write(Buffer.concat([Buffer.from([LOGIN_VERSION, user.length]), user, Buffer.from([secret.length]), secret]));
  const [, status] = await readExactly(socket, 2);
  if (status !== 0) throw new Error('the proxy refuses the login');
}
