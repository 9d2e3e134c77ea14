import { chmodSync } from 'node:fs';
import { lstat, unlink } from 'node:fs/promises';
import net from 'node:net';
import { OperationalError } from '#base/errors.ts';
import { type BindAddress, type BoundAddress, formatAddress, type UnixBind } from '#base/bind-address.ts';
import type { ListenerOptions } from './listener-options.ts';

/** Makes `server` listen where the options say; rejects with `listener.bind` and a sentence that says how to mend it. */
export async function bindServer(server: net.Server, options: ListenerOptions): Promise<BoundAddress> {
  const { bind } = options;
  try {
    await listen(server, options);
  } catch (error) {
    const isStale = 'path' in bind && codeOf(error) === 'EADDRINUSE' && (await isStaleSocket(bind.path));
    if (!isStale) throw bindError(error, options);
    await unlink(bind.path);
    await listen(server, options).catch((again: unknown) => {
      throw bindError(again, options);
    });
  }
  return boundAddress(server, bind);
}

function listen(server: net.Server, options: ListenerOptions): Promise<void> {
  const { bind, backlog, ipv6Only } = options;
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.once('listening', () => {
      server.removeListener('error', reject);
      resolve();
    });
    if ('path' in bind) listenOnPath(server, bind, backlog);
    else server.listen({ host: bind.host, port: bind.port, backlog, ipv6Only });
  });
}

function listenOnPath(server: net.Server, bind: UnixBind, backlog: number): void {
  server.listen({ path: bind.path, backlog });
  // ORDER: the file exists as soon as listen() returns, and gets its mode before the event loop can accept anyone.
  if (server.listening) chmodSync(bind.path, bind.mode ?? 0o660);
}

function boundAddress(server: net.Server, bind: BindAddress): BoundAddress {
  if ('path' in bind) return { path: bind.path };
  const address = server.address() as net.AddressInfo;
  return { host: address.address, port: address.port };
}

/** A socket file whose process has died refuses connections; a live one takes them; anything else is not ours to remove. */
async function isStaleSocket(path: string): Promise<boolean> {
  const file = await lstat(path).catch(() => null);
  if (file === null || !file.isSocket()) return false;
  return new Promise((resolve) => {
    const probe = net.connect({ path });
    probe.once('connect', () => {
      probe.destroy();
      resolve(false);
    });
    probe.once('error', (error) => resolve(codeOf(error) === 'ECONNREFUSED'));
  });
}

function bindError(cause: unknown, options: ListenerOptions): OperationalError {
  const text = `listener ${options.name} cannot listen on ${formatAddress(options.bind)}: ${explain(cause, options.bind)}`;
  return new OperationalError('listener.bind', text, { cause, retryable: codeOf(cause) === 'EADDRINUSE' });
}

function explain(cause: unknown, bind: BindAddress): string {
  switch (codeOf(cause)) {
    case 'EADDRINUSE':
      return 'path' in bind
        ? 'a running process listens there, or the file is no socket; stop it or choose another path'
        : 'another program listens there; stop it or choose another port';
    case 'EACCES':
    case 'EPERM':
      return 'path' in bind
        ? 'no permission to create the socket there; choose a directory that this user may write'
        : 'no permission; choose a port above 1023, or grant CAP_NET_BIND_SERVICE';
    case 'EADDRNOTAVAIL':
      return 'this machine has no such address; use one of its own, or 0.0.0.0 or :: for all';
    case 'EAFNOSUPPORT':
      return 'this machine does not speak that address family; use an IPv4 address';
    case 'ENOTFOUND':
      return 'the host name is unknown; write an address';
    case 'ENOENT':
      return 'the directory does not exist; create it first';
    default:
      return cause instanceof Error ? cause.message : String(cause);
  }
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException | null)?.code ?? '';
}
