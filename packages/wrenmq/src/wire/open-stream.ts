import { once } from 'node:events';
import { connect as connectTcp, type Socket, type TcpNetConnectOpts } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';

/** A broker, and how to reach it. */
export interface WireTarget {
  /** mqtt://, mqtts://, ws://, wss://, or unix:///path. */
  readonly url: URL;
  readonly tls?: ConnectionOptions;
  readonly localAddress?: string;
  /** For what is waited for: the stream, and each answer. */
  readonly timeoutMs: number;
  /** Told when each layer of the stream stands. */
  readonly onLayer?: (layer: StreamLayer) => void;
}

export type StreamLayer = 'TCP' | 'TLS' | 'WebSocket';

/** Who is given what a stream reads. */
export interface StreamReader {
  /** Every read of a TCP socket lands here. */
  readonly buffer: Buffer;
  /** The bytes are used up when this returns. */
  onBytes(count: number, bytes: Buffer): void;
}

const TLS_PORT = 8883;
const PORTS: Readonly<Record<string, number>> = { 'mqtt:': 1883, 'tcp:': 1883, 'mqtts:': TLS_PORT, 'ssl:': TLS_PORT, 'tls:': TLS_PORT };

/** Opens a byte stream to a broker; rejects when that fails or takes too long. */
export async function openStream(target: WireTarget, reader: StreamReader): Promise<Duplex> {
  const { protocol } = target.url;
  if (protocol === 'ws:' || protocol === 'wss:') return openWebSocket(target, reader);
  if (PORTS[protocol] === TLS_PORT) return openTls(target, reader);
  const onread = {
    buffer: reader.buffer,
    callback: (count: number, bytes: Uint8Array) => {
      reader.onBytes(count, bytes as Buffer);
      return true;
    },
  };
  const socket = connectTcp({ ...place(target), noDelay: true, onread } as TcpNetConnectOpts);
  await opened(socket, 'connect', target.timeoutMs);
  target.onLayer?.('TCP');
  return socket;
}

async function openTls(target: WireTarget, reader: StreamReader): Promise<Duplex> {
  const socket = connectTls({ ...place(target), ...target.tls } as ConnectionOptions);
  socket.setNoDelay(true);
  socket.once('connect', () => target.onLayer?.('TCP'));
  await opened(socket, 'secureConnect', target.timeoutMs);
  target.onLayer?.('TLS');
  return readBy(socket, reader);
}

async function openWebSocket({ url, tls, localAddress, timeoutMs, onLayer }: WireTarget, reader: StreamReader): Promise<Duplex> {
  const { createWebSocketStream, WebSocket } = await import('ws');
  const plain = new URL(url);
  plain.username = plain.password = '';
  const socket = new WebSocket(plain, 'mqtt', { ...tls, localAddress, handshakeTimeout: timeoutMs, perMessageDeflate: false });
  await once(socket, 'open');
  onLayer?.('WebSocket');
  return readBy(createWebSocketStream(socket), reader);
}

function readBy(stream: Duplex, reader: StreamReader): Duplex {
  return stream.on('data', (bytes: Buffer) => reader.onBytes(bytes.length, bytes));
}

function place({ url, localAddress }: WireTarget): { readonly path: string } | { readonly host: string; readonly port: number } {
  if (url.protocol === 'unix:') return { path: decodeURIComponent(url.pathname) };
  const port = url.port === '' ? PORTS[url.protocol] : Number(url.port);
  if (port === undefined) throw new Error(`${url.protocol}// is no way to reach a broker`);
  // IPv6 addresses stand in brackets in a URL.
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  return { host, port, ...(localAddress === undefined ? {} : { localAddress }) };
}

function opened(socket: Socket, event: string, timeoutMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => {
      clearTimeout(timer);
      socket.destroy();
      reject(error);
    };
    const timer = setTimeout(() => fail(new Error(`no connection within ${timeoutMs} ms`)), timeoutMs);
    socket.once('error', fail);
    socket.once(event, () => {
      clearTimeout(timer);
      socket.off('error', fail);
      resolve();
    });
  });
}
