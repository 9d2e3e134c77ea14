import type net from 'node:net';
import type { Peer, TlsFacts } from './link.ts';

/** A connection on its way through the handshakes, before it is a Link. */
export interface Arrival {
  /** As accepted; destroying it ends the connection at any stage. */
  readonly raw: net.Socket;
  /** What the next stage reads: `raw`, later the TLS socket on it. */
  socket: net.Socket;
  peer: Peer;
  tls: TlsFacts | null;
  /** The handshakes are over: the deadline is off, and the connection counts as a Link from now on. */
  leave: () => void;
}

/** One step of the way in; it calls what was given to it as the next step, or destroys the arrival. */
export interface Stage {
  take(arrival: Arrival): void;
}

/** The far end as the kernel sees it; an IPv4 peer of an IPv6 socket gets its IPv4 name. */
export function peerOf(socket: net.Socket): Peer {
  const address = socket.remoteAddress ?? '';
  return { address: address.startsWith('::ffff:') ? address.slice('::ffff:'.length) : address, port: socket.remotePort ?? 0 };
}

export function ignoreError(): void {}
