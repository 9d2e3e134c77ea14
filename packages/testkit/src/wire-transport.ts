import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { WebSocket } from 'ws';

/** Where a broker listens. */
export interface WireTarget {
  readonly host?: string;
  readonly port?: number;
  /** A Unix socket instead of host and port. */
  readonly path?: string;
  /** Speaks TLS. */
  readonly tls?: WireTls;
  /** Speaks WebSocket, at this path (`/mqtt`). */
  readonly webSocketPath?: string;
  /** The sub-protocols to offer; `mqtt` when absent. */
  readonly webSocketProtocols?: readonly string[];
}

export interface WireTls {
  /** PEM of the authority to trust. */
  readonly ca: string | Buffer;
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
  readonly servername?: string;
}

export interface WireEvents {
  onBytes(bytes: Buffer): void;
  /** Once, when no more bytes will come. */
  onClose(): void;
}

/** A byte stream to a broker, over whatever transport. */
export interface WireTransport {
  write(bytes: Buffer): void;
  /** Ends orderly, after what was written. */
  end(): void;
  /** Cuts the connection at once. */
  destroy(): void;
  /** Stops and restarts reading, so that the broker's writes pile up. */
  pause(): void;
  resume(): void;
  /** The WebSocket below, for tests of frames. */
  readonly webSocket?: WebSocket;
}

/** Connects; rejects when the connection or the handshake fails. */
export function openTransport(target: WireTarget, events: WireEvents): Promise<WireTransport> {
  return target.webSocketPath === undefined ? openStream(target, events) : openWebSocket(target, target.webSocketPath, events);
}

function openStream(target: WireTarget, events: WireEvents): Promise<WireTransport> {
  return new Promise((resolve, reject) => {
    const socket = streamTo(target);
    socket.once('error', reject);
    socket.once(target.tls === undefined ? 'connect' : 'secureConnect', () => {
      socket.off('error', reject);
      // A reset is a close to us; 'close' follows every 'error'.
      socket.on('error', () => {});
      socket.setNoDelay(true);
      socket.on('data', (bytes: Buffer) => events.onBytes(bytes));
      socket.once('close', () => events.onClose());
      resolve({
        write: (bytes) => void socket.write(bytes),
        end: () => socket.end(),
        destroy: () => socket.destroy(),
        pause: () => socket.pause(),
        resume: () => socket.resume(),
      });
    });
  });
}

function streamTo(target: WireTarget): Socket {
  const place = target.path === undefined ? { host: target.host ?? '127.0.0.1', port: target.port ?? 0 } : { path: target.path };
  return target.tls === undefined ? connectTcp(place) : connectTls({ ...place, ...target.tls });
}

function openWebSocket(target: WireTarget, path: string, events: WireEvents): Promise<WireTransport> {
  const scheme = target.tls === undefined ? 'ws' : 'wss';
  const url = `${scheme}://${target.host ?? '127.0.0.1'}:${target.port}${path}`;
  return new Promise((resolve, reject) => {
    const webSocket = new WebSocket(url, [...(target.webSocketProtocols ?? ['mqtt'])], { ...target.tls, perMessageDeflate: false });
    webSocket.once('error', reject);
    webSocket.once('open', () => {
      webSocket.off('error', reject);
      webSocket.on('error', () => {});
      webSocket.on('message', (data) => events.onBytes(data as Buffer));
      webSocket.once('close', () => events.onClose());
      resolve({
        write: (bytes) => webSocket.send(bytes),
        end: () => webSocket.close(),
        destroy: () => webSocket.terminate(),
        pause: () => webSocket.pause(),
        resume: () => webSocket.resume(),
        webSocket,
      });
    });
  });
}
