import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { openByProxy } from './socks-proxy.ts';

export interface PlainTarget {
  readonly host: string;
  readonly port: number;
  /** The local address. */
  readonly bind: string | undefined;
  /** socks5h://[user[:password]@]host[:port] */
  readonly proxy: string | undefined;
  readonly signal: AbortSignal;
}

/** A TCP connection, from the address and by way of the proxy that the flags name. */
export async function openPlain({ host, port, bind, proxy, signal }: PlainTarget): Promise<Socket> {
  const via = proxy === undefined ? undefined : new URL(proxy);
  const next = via === undefined ? { host, port } : { host: via.hostname, port: Number(via.port || SOCKS_PORT) };
  const socket = connect({ ...next, ...(bind === undefined ? {} : { localAddress: bind }), noDelay: true });
  const giveUp = (): unknown => socket.destroy(new Error('given up'));
  signal.addEventListener('abort', giveUp);
  try {
    await once(socket, 'connect');
    if (via !== undefined) await openByProxy(socket, via, { host, port });
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    signal.removeEventListener('abort', giveUp);
  }
}

const SOCKS_PORT = 1080;
