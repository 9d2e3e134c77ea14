import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { createServer, type AddressInfo, type Server } from 'node:net';
import type { Duplex } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { createWebSocketStream, WebSocketServer } from 'ws';
import type { Transport, TransportContext, TransportObserver, TransportOpener } from './transport.ts';

/** A server of one transport that hands over what it accepts. */
export interface TestPeer extends AsyncDisposable {
  readonly url: URL;
  /** The next connection, as the broker sees it. */
  accept(): Promise<Duplex>;
}

/** What a transport told. */
export class RecordingObserver implements TransportObserver {
  readonly #chunks: Uint8Array[] = [];
  drains = 0;
  closes: Array<Error | undefined> = [];
  #wake: () => void = () => undefined;

  onData(bytes: Uint8Array): void {
    this.#chunks.push(bytes);
    this.#wake();
  }

  onDrain(): void {
    this.drains += 1;
    this.#wake();
  }

  onClose(error: Error | undefined): void {
    this.closes.push(error);
    this.#wake();
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  get text(): string {
    return this.bytes.toString();
  }

  /** Waits until what it was told satisfies the condition. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => (this.#wake = resolve));
  }

  async closed(): Promise<Error | undefined> {
    await this.until(() => this.closes.length > 0);
    return this.closes[0];
  }
}

export async function open(
  opener: TransportOpener,
  url: URL,
  more: Partial<TransportContext> = {},
): Promise<{ transport: Transport; observer: RecordingObserver }> {
  const observer = new RecordingObserver();
  const transport = await opener({ url, signal: new AbortController().signal, ...more }, observer);
  return { transport, observer };
}

/** Lets what is under way in this process happen. */
export async function turns(): Promise<void> {
  for (let count = 0; count < 20; count += 1) await turn();
}

/** Reads exactly so many bytes. */
export async function readBytes(stream: Duplex, length: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let missing = length;
  while (missing > 0) {
    const chunk = stream.read() as Buffer | null;
    if (chunk === null) {
      await once(stream, 'readable', { signal: AbortSignal.timeout(10_000) });
      continue;
    }
    chunks.push(chunk);
    missing -= chunk.length;
  }
  return Buffer.concat(chunks);
}

/** Reads until the other side ends it. */
export async function readAll(stream: Duplex): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

class Arrivals {
  readonly #waiting: Duplex[] = [];
  readonly #all = new Set<Duplex>();
  #wake: () => void = () => undefined;

  add(stream: Duplex): void {
    // How a connection ends is looked at from the other side.
    stream.on('error', () => undefined);
    this.#all.add(stream);
    this.#waiting.push(stream);
    this.#wake();
  }

  async next(): Promise<Duplex> {
    while (this.#waiting.length === 0) await new Promise<void>((resolve) => (this.#wake = resolve));
    return this.#waiting.shift()!;
  }

  destroy(): void {
    for (const stream of this.#all) stream.destroy();
  }
}

/** Serves with a server of node:net or node:tls; `event` is the one that brings a connection. */
export async function serve(
  server: Server,
  event: string,
  address: { scheme: string; host: string } | { path: string },
): Promise<TestPeer> {
  const arrivals = new Arrivals();
  server.on(event, (socket: Duplex) => arrivals.add(socket));
  server.on('tlsClientError', () => undefined);
  if ('path' in address) server.listen(address.path);
  else server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = 'path' in address ? `unix:${address.path}` : `${address.scheme}://${address.host}:${(server.address() as AddressInfo).port}`;
  return { url: new URL(url), accept: () => arrivals.next(), [Symbol.asyncDispose]: () => stop(server, arrivals) };
}

export function serveTcp(): Promise<TestPeer> {
  return serve(createServer(), 'connection', { scheme: 'mqtt', host: '127.0.0.1' });
}

/** Serves WebSockets with the package `ws`, as a broker does: only with the sub-protocol `mqtt`. */
export async function serveWebSocket(server: Server = createHttpServer(), scheme = 'ws'): Promise<TestPeer & { headers(): unknown }> {
  const arrivals = new Arrivals();
  let headers: unknown;
  const webSockets = new WebSocketServer({ server: server as ReturnType<typeof createHttpServer>, path: '/mqtt', handleProtocols });
  webSockets.on('connection', (socket, request) => {
    headers = request.headers;
    arrivals.add(createWebSocketStream(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = new URL(`${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}/mqtt`);
  const dispose = (): Promise<void> => {
    webSockets.close();
    return stop(server, arrivals);
  };
  return { url, accept: () => arrivals.next(), headers: () => headers, [Symbol.asyncDispose]: dispose };
}

function handleProtocols(offered: Set<string>): string | false {
  return offered.has('mqtt') ? 'mqtt' : false;
}

function stop(server: Server, arrivals: Arrivals): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    arrivals.destroy();
  });
}
