import net from 'node:net';
import type { Clock } from '#base/clock.ts';
import { assert, OperationalError } from '#base/errors.ts';
import type { Logger } from '#base/logger.ts';
import { type Arrival, ignoreError, peerOf, type Stage } from './arrival.ts';
import { bindServer } from './bind-server.ts';
import { type BoundAddress, formatAddress } from '#base/bind-address.ts';
import { DoorLog } from './door-log.ts';
import { LinkContext } from './link-context.ts';
import type { Accept, Transport } from './link.ts';
import { ListenerCounters } from './listener-counters.ts';
import type { ListenerOptions } from './listener-options.ts';
import { ProxyStage } from './proxy-stage.ts';
import { ReadBuffer } from './socket-handle.ts';
import { StreamLink } from './stream-link.ts';
import { TlsStage } from './tls-stage.ts';
import { TokenBucket } from '#base/token-bucket.ts';
import { WebSocketStage } from './websocket-stage.ts';

export interface Listener {
  readonly name: string;
  readonly kind: Transport;
  /** Open connections, handshaking ones included. */
  readonly connections: number;
  readonly counters: ListenerCounters;
  /** Listens. Rejects with OperationalError `listener.bind`, or `listener.tls` when certificates are unusable. */
  start(accept: Accept): Promise<BoundAddress>;
  /** Closes the door; connections that are in stay. */
  stopAccepting(): void;
  /** Stops accepting and destroys every connection; resolves when all are gone. */
  close(): Promise<void>;
  /** Applies everything but kind, name and bind to new connections, and disconnects nobody; rejects and keeps the old on error. */
  reload(options: ListenerOptions): Promise<void>;
}

export interface ListenerServices {
  readonly log: Logger;
  readonly clock: Clock;
  /** Own counters when absent. */
  readonly counters?: ListenerCounters;
  /** Give all listeners the same one; 64 KiB each otherwise. */
  readonly readBuffer?: ReadBuffer;
}

export function createListener(options: ListenerOptions, services: ListenerServices): Listener {
  return new SocketListener(options, services);
}

/** accept -> gate -> [PROXY header] -> [TLS] -> [WebSocket] -> Link */
class SocketListener implements Listener {
  readonly counters: ListenerCounters;
  readonly #clock: Clock;
  readonly #log: DoorLog;
  readonly #readBuffer: ReadBuffer;
  readonly #server: net.Server;
  #options: ListenerOptions;
  #bucket: TokenBucket | null;
  #context: LinkContext | null = null;
  #firstStage: Stage | null = null;
  #tls: TlsStage | null = null;
  #isStopped = false;
  #closed: Promise<void> | null = null;

  constructor(options: ListenerOptions, services: ListenerServices) {
    this.#options = options;
    this.#clock = services.clock;
    this.counters = services.counters ?? new ListenerCounters();
    this.#readBuffer = services.readBuffer ?? new ReadBuffer();
    this.#log = new DoorLog(services.log, options.name, services.clock);
    this.#bucket = this.#newBucket(options);
    this.#server = net.createServer({ pauseOnConnect: true }, (accepted) => this.#take(accepted));
  }

  get name(): string {
    return this.#options.name;
  }

  get kind(): Transport {
    return this.#options.kind;
  }

  get connections(): number {
    return this.#context?.openCount ?? 0;
  }

  async start(accept: Accept): Promise<BoundAddress> {
    assert(this.#context === null, 'a listener is started once');
    const { name: listener, kind: transport } = this.#options;
    const door = { listener, transport, clock: this.#clock, counters: this.counters, log: this.#log };
    const context = new LinkContext(door, accept);
    this.#context = context;
    await this.#openStages(this.#options, context);
    const bound = await bindServer(this.#server, this.#options).catch((error: unknown) => {
      this.#tls?.stop();
      throw error;
    });
    this.#server.on('error', (error) => this.#log.refused({ err: error }, 'a connection could not be accepted'));
    this.#log.info({ address: formatAddress(bound) }, 'listening');
    return bound;
  }

  stopAccepting(): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.#tls?.stop();
    this.#closed = new Promise((resolve) => {
      this.#server.close(() => resolve());
    });
  }

  async close(): Promise<void> {
    this.stopAccepting();
    await this.#context?.closeAll();
    await this.#closed;
  }

  async reload(options: ListenerOptions): Promise<void> {
    const old = this.#options;
    const isSameDoor = options.kind === old.kind && options.name === old.name && formatAddress(options.bind) === formatAddress(old.bind);
    if (!isSameDoor) throw new OperationalError('listener.reload', `listener ${old.name} cannot change its kind or address while it runs`);
    const context = this.#context;
    if (context !== null) {
      // ORDER: what can fail comes first, so that a refused reload changes nothing.
      const proxy = newProxyStage(options, context);
      if (options.tls !== null) await this.#tls?.reload(options.tls);
      this.#firstStage = this.#wireStages(options, context, proxy);
    }
    this.#options = options;
    if (rateText(options) !== rateText(old)) this.#bucket = this.#newBucket(options);
  }

  #newBucket({ acceptRate }: ListenerOptions): TokenBucket | null {
    return acceptRate === null ? null : new TokenBucket(this.#clock, acceptRate.perSecond, acceptRate.burst);
  }

  async #openStages(options: ListenerOptions, context: LinkContext): Promise<void> {
    const { kind, tls, name } = options;
    const proxy = newProxyStage(options, context);
    if (kind === 'tls' || kind === 'wss') {
      assert(tls !== null, `listener ${name} has TLS options`);
      this.#tls = await TlsStage.create(tls, context, options.handshakeTimeoutMs);
    }
    this.#firstStage = this.#wireStages(options, context, proxy);
  }

  /** The stages, last to first; null when the accepted socket is the Link's own at once. */
  #wireStages({ kind, websocket, name }: ListenerOptions, context: LinkContext, proxy: ProxyStage | null): Stage | null {
    let stage: Stage | null = null;
    if (kind === 'ws' || kind === 'wss') {
      assert(websocket !== null, `listener ${name} has WebSocket options`);
      stage = new WebSocketStage(websocket, context);
    }
    if (this.#tls !== null) {
      this.#tls.next = stage ?? { take: (arrival) => this.#linkSecure(arrival, context) };
      stage = this.#tls;
    }
    if (proxy === null) return stage;
    proxy.next = stage ?? { take: (arrival) => this.#linkRest(arrival, context) };
    return proxy;
  }

  /** Once per connection. */
  #take(accepted: net.Socket): void {
    const context = this.#context;
    if (context === null || this.#isStopped || !this.#admits(accepted)) {
      accepted.destroy();
      return;
    }
    this.counters.accepted++;
    const { tcpNoDelay, tcpKeepAlive } = this.#options;
    if (tcpNoDelay) accepted.setNoDelay(true);
    if (tcpKeepAlive !== null) accepted.setKeepAlive(true, tcpKeepAlive * 1000);
    const peer = peerOf(accepted);
    if (this.#firstStage === null) this.#link(accepted, { peer, tls: null, rest: null }, context);
    else this.#takeInStages(accepted, this.#firstStage, context);
  }

  #admits(accepted: net.Socket): boolean {
    if (this.connections >= this.#options.connectionsMax) {
      this.counters.refusedConnectionsMax++;
      this.#log.refused({ peer: peerOf(accepted), connectionsMax: this.#options.connectionsMax }, 'refused: too many connections');
      return false;
    }
    if (this.#bucket !== null && !this.#bucket.take()) {
      this.counters.refusedRate++;
      this.#log.refused({ peer: peerOf(accepted), acceptRate: this.#options.acceptRate }, 'refused: connections come too fast');
      return false;
    }
    return true;
  }

  #takeInStages(raw: net.Socket, first: Stage, context: LinkContext): void {
    const cancelDeadline = this.#clock.after(this.#options.handshakeTimeoutMs, () => {
      this.counters.handshakeTimeouts++;
      this.#log.refused({ peer: arrival.peer }, 'closed: the handshake took too long');
      raw.destroy();
    });
    const leave = (): void => {
      cancelDeadline();
      context.closed(raw);
    };
    const arrival: Arrival = { raw, socket: raw, peer: peerOf(raw), tls: null, leave };
    context.opened(raw);
    raw.on('error', ignoreError);
    raw.on('close', leave);
    first.take(arrival);
  }

  #link(accepted: net.Socket, origin: Parameters<typeof StreamLink.adopt>[2], context: LinkContext): void {
    context.offer(StreamLink.adopt(context, accepted, origin, this.#readBuffer));
  }

  /** Behind a PROXY header: what was read beyond it belongs to the Link. */
  #linkRest(arrival: Arrival, context: LinkContext): void {
    arrival.leave();
    const rest = arrival.raw.read() as Buffer | null;
    this.#link(arrival.raw, { peer: arrival.peer, tls: arrival.tls, rest }, context);
  }

  #linkSecure(arrival: Arrival, context: LinkContext): void {
    arrival.leave();
    context.offer(StreamLink.over(context, arrival.socket, { peer: arrival.peer, tls: arrival.tls, rest: null }));
  }
}

function newProxyStage({ proxyProtocol }: ListenerOptions, context: LinkContext): ProxyStage | null {
  return proxyProtocol === false ? null : new ProxyStage(proxyProtocol, context);
}

function rateText({ acceptRate }: ListenerOptions): string {
  return acceptRate === null ? '' : `${acceptRate.perSecond}/${acceptRate.burst}`;
}
