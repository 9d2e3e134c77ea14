/**
 * HOT. The only file that touches what node:net and node:tls do not document. Every function has a documented way out,
 * so that a runtime which changes these details costs speed, not service.
 */
import net from 'node:net';
import type tls from 'node:tls';

/** One per process-wide set of listeners: every read of every socket lands here and is used up before the next. */
export class ReadBuffer {
  readonly bytes = Buffer.allocUnsafeSlow(65536);
}

interface Handle {
  reading: boolean;
  readonly writeQueueSize?: number;
  readStop(): number;
}

interface SocketInternals {
  _handle: Handle | null;
  readonly _writableState?: { readonly writing?: boolean; readonly writelen?: number };
  _server: net.Server | null;
}

/**
 * Moves the connection of a paused socket into a new one that reads into the shared buffer, or returns null when the runtime
 * does not let us. `callback` is called as a method of the new socket, which spares a closure per connection.
 * PERF: `pair -P 50 -w 1`: a read that allocates nothing is worth 15 to 40 %.
 */
export function adoptSocket(
  accepted: net.Socket,
  buffer: ReadBuffer,
  callback: (this: net.Socket, count: number, bytes: Buffer) => boolean,
): net.Socket | null {
  const from = accepted as unknown as SocketInternals;
  const handle = from._handle;
  if (typeof handle !== 'object' || handle === null || typeof handle.readStop !== 'function') return null;
  if (handle.reading) {
    handle.reading = false;
    handle.readStop();
  }
  from._handle = null;
  const options = { handle, manualStart: true, onread: { buffer: buffer.bytes, callback } };
  const socket = new net.Socket(options as unknown as net.SocketConstructorOpts);
  // The server counts open sockets by this field; without it close() would wait for a socket that no longer exists.
  (socket as unknown as SocketInternals)._server = from._server;
  from._server = null;
  return socket;
}

/**
 * Bytes written to a TCP or Unix socket that the kernel has not taken. `writableLength`, the way out, falls only when a whole
 * write is done, and one write can be all that has gathered for a slow peer.
 */
export function untakenBytes(socket: net.Socket): number {
  const { _handle: handle, _writableState: state } = socket as unknown as SocketInternals;
  const rest = handle?.writeQueueSize;
  if (state?.writing !== true || state.writelen === undefined || rest === undefined) return socket.writableLength;
  return socket.writableLength - state.writelen + rest;
}

/** The TCP socket under a TLS socket that a server made around it. */
export function rawSocketOf(secure: tls.TLSSocket): net.Socket | null {
  return (secure as unknown as { _parent?: net.Socket })._parent ?? null;
}
