import http from 'node:http';
import type { Duplex } from 'node:stream';
import type net from 'node:net';
import { type ServerOptions, WebSocketServer } from 'ws';
import type { Arrival, Stage } from './arrival.ts';
import type { LinkContext } from './link-context.ts';
import type { WebSocketListenerOptions } from './listener-options.ts';
import { WebSocketLink } from './websocket-link.ts';
import { isLoopback } from '#base/bind-address.ts';
import { isOriginAllowed } from './websocket-origin.ts';

const headerBytesMax = 8192;

interface Refusal {
  readonly status: number;
  readonly text: string;
}

/**
 * The HTTP upgrade. Like the TLS stage, its server never listens. Slow senders are bounded by the listener's handshake
 * deadline, so HTTP's own timers are off.
 */
export class WebSocketStage implements Stage {
  readonly #options: WebSocketListenerOptions;
  readonly #context: LinkContext;
  readonly #http: http.Server;
  readonly #webSockets: WebSocketServer;
  readonly #arrivals = new WeakMap<object, Arrival>();

  constructor(options: WebSocketListenerOptions, context: LinkContext) {
    this.#options = options;
    this.#context = context;
    this.#http = http.createServer({ maxHeaderSize: headerBytesMax, headersTimeout: 0, requestTimeout: 0, keepAliveTimeout: 0 });
    this.#http.on('request', (request: http.IncomingMessage, response: http.ServerResponse) => this.#answer(request, response));
    this.#http.on('upgrade', (request: http.IncomingMessage, socket: Duplex, head: Buffer) => this.#upgrade(request, socket, head));
    this.#http.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => this.#badRequest(error, socket));
    // @types/ws does not know closeTimeout yet.
    const webSocketOptions: ServerOptions & { closeTimeout: number } = {
      noServer: true,
      clientTracking: false,
      // Compression costs up to 300 KB per connection and MQTT payloads are the users' to compress.
      perMessageDeflate: false,
      maxPayload: options.frameBytesMax,
      autoPong: false,
      closeTimeout: 5000,
      handleProtocols: (_offered, request) => this.#subprotocolOf(request) ?? false,
    };
    this.#webSockets = new WebSocketServer(webSocketOptions);
    this.#webSockets.on('wsClientError', (error, socket) => this.#refuse(socket, { status: 400, text: error.message }));
  }

  take(arrival: Arrival): void {
    this.#arrivals.set(arrival.socket, arrival);
    this.#http.emit('connection', arrival.socket);
    arrival.socket.resume();
  }

  #answer(request: http.IncomingMessage, response: http.ServerResponse): void {
    const { status, text } = this.#isOurPath(request)
      ? {
          status: 426,
          text: `This is an MQTT WebSocket endpoint: connect with an MQTT client, sub-protocol '${this.#options.subprotocols[0]}'.`,
        }
      : this.#notFound();
    this.#count(request.socket, { status, text });
    response.writeHead(status, {
      'Content-Type': 'text/plain; charset=utf-8',
      Connection: 'close',
      ...(status === 426 ? { Upgrade: 'websocket' } : {}),
    });
    response.end(`${text}\n`);
  }

  #upgrade(request: http.IncomingMessage, socket: Duplex, head: Buffer): void {
    const arrival = this.#arrivals.get(socket);
    const refusal = this.#check(request);
    if (arrival === undefined || refusal !== null) {
      this.#refuse(socket, refusal ?? { status: 500, text: 'unknown connection' });
      return;
    }
    this.#webSockets.handleUpgrade(request, socket, head, (webSocket) => {
      arrival.leave();
      this.#context.offer(new WebSocketLink(this.#context, webSocket, socket as net.Socket, arrival));
    });
  }

  #check(request: http.IncomingMessage): Refusal | null {
    if (!this.#isOurPath(request)) return this.#notFound();
    const { origins, subprotocols } = this.#options;
    const { origin, host } = request.headers;
    const { localAddress } = request.socket;
    const isLocal = localAddress === undefined || isLoopback({ host: localAddress, port: 0 });
    if (!isOriginAllowed(origins, { origin, host, isLoopback: isLocal })) {
      return { status: 403, text: "This Origin may not connect here: name it in the listener's websocket.origins." };
    }
    if (this.#subprotocolOf(request) === null) {
      const names = subprotocols.map((name) => `'${name}'`).join(' or ');
      return { status: 400, text: `The WebSocket sub-protocol ${names} must be offered.` }; // [MQTT-6.0.0-3]
    }
    return null;
  }

  /** The first offered sub-protocol that we speak; it is the one that the answer names. [MQTT-6.0.0-4] */
  #subprotocolOf(request: http.IncomingMessage): string | null {
    const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim());
    return offered.find((name) => this.#options.subprotocols.includes(name)) ?? null;
  }

  #isOurPath(request: http.IncomingMessage): boolean {
    return (request.url ?? '').split('?', 1)[0] === this.#options.path;
  }

  #notFound(): Refusal {
    return { status: 404, text: `MQTT over WebSocket is at ${this.#options.path}.` };
  }

  #badRequest(error: NodeJS.ErrnoException, socket: Duplex): void {
    const isTooLarge = error.code === 'HPE_HEADER_OVERFLOW';
    if (socket.writable)
      this.#refuse(socket, {
        status: isTooLarge ? 431 : 400,
        text: isTooLarge ? 'The headers are too large.' : 'This is no HTTP request.',
      });
    else socket.destroy();
  }

  #refuse(socket: Duplex, refusal: Refusal): void {
    this.#count(socket, refusal);
    const { status, text } = refusal;
    const body = `${text}\n`;
    socket.end(
      `HTTP/1.1 ${status} ${http.STATUS_CODES[status]}\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\n` +
        `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    );
  }

  #count(socket: object, { status, text }: Refusal): void {
    this.#context.counters.websocketErrors++;
    this.#context.log.refused({ peer: this.#arrivals.get(socket)?.peer, status, reason: text }, 'refused: WebSocket');
  }
}
