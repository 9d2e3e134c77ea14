import tls from 'node:tls';
import { type Arrival, ignoreError, type Stage } from './arrival.ts';
import { isCleanName } from './certificate-name.ts';
import { FileWatch } from './file-watch.ts';
import type { LinkContext } from './link-context.ts';
import type { TlsFacts } from './link.ts';
import type { TlsListenerOptions } from './listener-options.ts';
import { rawSocketOf } from './socket-handle.ts';
import { contextFor, loadTlsMaterial, type TlsMaterial, tlsPaths } from './tls-material.ts';

/**
 * The TLS handshake. The tls.Server never listens: it is fed with accepted sockets, so that a reload is a new server for
 * new connections, and the old one lives on in the connections that it made.
 */
export class TlsStage implements Stage {
  /** Set by the listener before the first connection. */
  next: Stage | null = null;
  readonly #context: LinkContext;
  readonly #handshakeTimeoutMs: number;
  readonly #arrivals = new WeakMap<object, Arrival>();
  #options: TlsListenerOptions;
  #material: TlsMaterial;
  #server: tls.Server;
  #watch: FileWatch | null = null;
  #isStopped = false;

  private constructor(options: TlsListenerOptions, context: LinkContext, material: TlsMaterial, handshakeTimeoutMs: number) {
    this.#context = context;
    this.#handshakeTimeoutMs = handshakeTimeoutMs;
    this.#options = options;
    this.#material = material;
    this.#server = this.#createServer();
  }

  static async create(options: TlsListenerOptions, context: LinkContext, handshakeTimeoutMs: number): Promise<TlsStage> {
    let stage: TlsStage | null = null;
    const watch = await watchFiles(options, context, () => stage);
    try {
      stage = new TlsStage(options, context, await loadTlsMaterial(options), handshakeTimeoutMs);
    } catch (error) {
      watch.stop();
      throw error;
    }
    stage.#watch = watch;
    return stage;
  }

  take(arrival: Arrival): void {
    this.#arrivals.set(arrival.raw, arrival);
    this.#server.emit('connection', arrival.raw);
  }

  /** New connections get the new certificates; rejects with `listener.tls` and keeps the old ones when they are unusable. */
  async reload(options: TlsListenerOptions): Promise<void> {
    const watch = await watchFiles(options, this.#context, () => this);
    try {
      this.#apply(options, await loadTlsMaterial(options));
    } catch (error) {
      watch.stop();
      throw error;
    }
    this.#watch?.stop();
    this.#watch = watch;
    if (this.#isStopped) watch.stop();
  }

  stop(): void {
    this.#isStopped = true;
    this.#watch?.stop();
  }

  /** The files have changed: the same as a reload, but whoever wrote them reads our log. */
  async reloadFiles(): Promise<void> {
    try {
      this.#apply(this.#options, await loadTlsMaterial(this.#options));
      this.#context.log.info({}, 'changed TLS files are in use for new connections');
    } catch (error) {
      this.#context.log.error({ err: error }, 'changed TLS files are not usable; the old ones stay in use');
    }
  }

  #apply(options: TlsListenerOptions, material: TlsMaterial): void {
    const before = this.#server;
    const hadSameTrust = this.#material.trust === material.trust;
    this.#options = options;
    this.#material = material;
    this.#server = this.#createServer();
    // Tickets stay valid over a renewed certificate, but never over a new authority or revocation list: a resumed
    // session is not verified again.
    if (hadSameTrust) this.#server.setTicketKeys(before.getTicketKeys());
  }

  #createServer(): tls.Server {
    const material = this.#material;
    const server = tls.createServer({
      ...material.main,
      requestCert: this.#options.clientCertificates !== 'none',
      // Refused by us instead, since only then the reason is known and can be logged.
      rejectUnauthorized: false,
      ...(this.#options.alpn.length === 0 ? {} : { ALPNProtocols: [...this.#options.alpn] }),
      handshakeTimeout: this.#handshakeTimeoutMs,
      // Must never throw: the runtime does not catch it.
      SNICallback: (serverName, done) => done(null, contextFor(material, serverName)),
    });
    server.on('secureConnection', (socket) => this.#secured(socket));
    server.on('tlsClientError', (error, socket) => this.#failed(error, socket));
    return server;
  }

  #secured(socket: tls.TLSSocket): void {
    socket.on('error', ignoreError);
    const arrival = this.#arrivalOf(socket);
    if (arrival === null) {
      socket.destroy();
      return;
    }
    const facts = establishFacts(socket, this.#options.clientCertificates);
    if (typeof facts === 'string') {
      this.#refuse(arrival, facts);
      return;
    }
    arrival.socket = socket;
    arrival.tls = facts;
    this.next?.take(arrival);
  }

  #failed(error: Error, socket: tls.TLSSocket): void {
    const arrival = this.#arrivalOf(socket);
    if (arrival === null) socket.destroy();
    else if (!arrival.raw.destroyed) this.#refuse(arrival, error.message);
  }

  #refuse(arrival: Arrival, reason: string): void {
    this.#context.counters.tlsErrors++;
    this.#context.log.refused({ peer: arrival.peer, reason }, 'refused: TLS');
    arrival.raw.destroy();
  }

  #arrivalOf(socket: tls.TLSSocket): Arrival | null {
    const raw = rawSocketOf(socket);
    return raw === null ? null : (this.#arrivals.get(raw) ?? null);
  }
}

function watchFiles(options: TlsListenerOptions, context: LinkContext, stage: () => TlsStage | null): Promise<FileWatch> {
  const timing = { clock: context.clock, intervalMs: options.watchIntervalMs };
  return FileWatch.start(tlsPaths(options), timing, async () => stage()?.reloadFiles());
}

/** What the handshake established, or why the client is refused. */
function establishFacts(socket: tls.TLSSocket, clientCertificates: TlsListenerOptions['clientCertificates']): TlsFacts | string {
  const serverName = typeof socket.servername === 'string' && socket.servername !== '' ? socket.servername : null;
  if (serverName !== null && !isCleanName(serverName)) return 'the server name is no clean text';
  const base = { protocol: socket.getProtocol() ?? '', serverName };
  if (clientCertificates === 'none') return { ...base, certificate: null };
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) return clientCertificates === 'required' ? 'no client certificate' : { ...base, certificate: null };
  if (!socket.authorized) return `client certificate: ${String(socket.authorizationError)}`;
  const commonName = socket.getPeerCertificate().subject?.CN ?? '';
  if (typeof commonName !== 'string') return 'client certificate: more than one common name';
  if (!isCleanName(commonName)) return 'client certificate: the common name is no clean text';
  const subject = certificate.subject.split('\n').join(', ');
  return { ...base, certificate: { commonName, subject, fingerprint256: certificate.fingerprint256 } };
}
