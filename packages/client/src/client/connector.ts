import { Deferred } from '#base/deferred.ts';
import { MqttError } from '#base/mqtt-error.ts';
import type { Surroundings } from '#base/surroundings.ts';
import type { ConnectIdentity } from '#session/session-contract.ts';
import type { TransportOpener } from '#transport/transport.ts';
import type { ConnectOptions, Credentials } from './connect-options.ts';
import type { ConnectionEnd, Driver } from './driver.ts';
import { RetryPolicy } from './retry-policy.ts';

export interface ConnectorHost {
  onConnecting(): void;
  /** An attempt has failed or a connection has ended. `willRetryIn`: milliseconds; undefined: there is no further attempt. */
  onOffline(error: MqttError, willRetryIn: number | undefined): void;
}

const connectTimeoutMs = 30_000;
const unsupportedProtocolVersion = 0x84;
const encoder = new TextEncoder();

/** Keeps a driver connected: one attempt after the other, each with its own credentials and its server in turn. */
export class Connector {
  /** Of the attempt at hand; 1 is the first since the client was made or was last online. */
  attempt = 0;
  #credentials: Credentials | undefined;
  readonly #driver: Driver;
  readonly #host: ConnectorHost;
  readonly #surroundings: Surroundings;
  readonly #open: TransportOpener;
  readonly #options: ConnectOptions;
  readonly #servers: readonly URL[];
  readonly #policy: RetryPolicy;
  #server = 0;
  /** Where the broker has sent us. */
  #redirection: URL | undefined;
  #mayFallBack: boolean;
  #isClosing = false;
  #abortion = new AbortController();
  #cancelTimeout: (() => void) | undefined;
  #sleep: Deferred<void> | undefined;

  constructor(
    driver: Driver,
    host: ConnectorHost,
    surroundings: Surroundings,
    target: { url: string | URL; open: TransportOpener; options: ConnectOptions },
  ) {
    this.#driver = driver;
    this.#host = host;
    this.#surroundings = surroundings;
    this.#open = target.open;
    this.#options = target.options;
    const { servers = [], reconnect, credentials, protocol = 'auto' } = target.options;
    this.#servers = [target.url, ...servers].map(parseUrl);
    this.#policy = new RetryPolicy(
      reconnect === false ? { maxAttempts: 0 } : (reconnect ?? {}),
      this.#servers.length,
      typeof credentials === 'function',
    );
    this.#mayFallBack = protocol === 'auto';
  }

  get servers(): number {
    return this.#servers.length;
  }

  /** The data of an AUTH packet, as the credentials of this attempt give it. */
  async respond(data: Uint8Array | undefined): Promise<Uint8Array | undefined> {
    return this.#credentials?.auth?.respond?.(data);
  }

  /** Resolves with the reason when there will be no further attempt. */
  async run(): Promise<MqttError> {
    for (;;) {
      this.attempt += 1;
      this.#host.onConnecting();
      const end = await this.#connect();
      if (this.#isClosing) return end.error;
      if (end.onlineMs !== undefined) this.attempt = 0;
      if (this.#fallBack(end.error)) continue;
      this.#chooseServer(end);
      const delay = this.#policy.next(end, this.#redirection !== undefined, this.#surroundings.random);
      this.#host.onOffline(end.error, delay);
      if (delay === undefined) return end.error;
      await this.#wait(delay);
    }
  }

  onOnline(): void {
    this.#mayFallBack = false;
    this.#cancelTimeout?.();
  }

  /** The network is back: no need to wait any longer. */
  wake(): void {
    this.#sleep?.resolve();
  }

  /** Gives up whatever is under way. */
  close(error: MqttError): void {
    this.#isClosing = true;
    this.#abortion.abort(error);
    this.wake();
  }

  async #connect(): Promise<ConnectionEnd> {
    if (this.#isClosing) return { error: this.#abortion.signal.reason as MqttError, onlineMs: undefined, serverReference: undefined };
    this.#abortion = new AbortController();
    const { signal } = this.#abortion;
    this.#cancelTimeout = this.#surroundings.after(this.#options.connectTimeout ?? connectTimeoutMs, () => {
      const error = new MqttError('TIMEOUT', 'the broker did not answer', { retryable: true });
      this.#abortion.abort(error);
      this.#driver.disconnect(error);
    });
    try {
      const { tls, websocket } = this.#options;
      const given = this.#redirection ?? this.#servers[this.#server];
      const url = websocket?.url === undefined ? given : parseUrl(await unlessAborted(websocket.url(), signal));
      const identity = await this.#identify(url, signal);
      return await this.#driver.connect((observer) => this.#open({ url, signal, tls, headers: websocket?.headers }, observer), identity);
    } catch (error) {
      return { error: signal.aborted ? (signal.reason as MqttError) : asMqttError(error), onlineMs: undefined, serverReference: undefined };
    } finally {
      this.#cancelTimeout();
    }
  }

  async #identify(url: URL, signal: AbortSignal): Promise<ConnectIdentity> {
    const { credentials } = this.#options;
    const ofUrl: Credentials = { username: decodeURIComponent(url.username), password: decodeURIComponent(url.password) };
    const given =
      typeof credentials === 'function' ? await unlessAborted(credentials({ attempt: this.attempt, signal }), signal) : credentials;
    this.#credentials = given;
    const { username, password, auth } = given ?? ofUrl;
    return {
      ...(username !== undefined && (given !== undefined || username !== '') && { username }),
      ...(password !== undefined &&
        (given !== undefined || password !== '') && { password: typeof password === 'string' ? encoder.encode(password) : password }),
      ...(auth !== undefined && { authMethod: auth.method, ...(auth.data !== undefined && { authData: auth.data }) }),
    };
  }

  /** A broker that does not know MQTT 5 is asked once more, in MQTT 3.1.1. */
  #fallBack({ reasonCode }: MqttError): boolean {
    if (!this.#mayFallBack || reasonCode !== unsupportedProtocolVersion) return false;
    this.#mayFallBack = false;
    this.#driver.session.version = 4;
    return true;
  }

  /** The next server: the one that the broker has named, or the next of ours when this one was not reached. */
  #chooseServer({ serverReference, onlineMs }: ConnectionEnd): void {
    const before = this.#redirection ?? this.#servers[this.#server];
    this.#redirection = undefined;
    const { reconnect } = this.#options;
    if (serverReference !== undefined && reconnect !== false && reconnect?.followServerReference === true) {
      const [reference] = serverReference.split(' ');
      this.#redirection = new URL(before);
      this.#redirection.host = reference;
    } else if (onlineMs === undefined) this.#server = (this.#server + 1) % this.#servers.length;
  }

  async #wait(delayMs: number): Promise<void> {
    const sleep = (this.#sleep = new Deferred<void>());
    const cancel = this.#surroundings.after(delayMs, () => sleep.resolve());
    if (!this.#isClosing) await sleep.promise;
    cancel();
    this.#sleep = undefined;
  }
}

function parseUrl(url: string | URL): URL {
  try {
    return new URL(url);
  } catch (cause) {
    throw new MqttError('INVALID', `'${String(url)}' is no URL: use mqtt://host, mqtts://host, ws://host/mqtt or wss://host/mqtt`, {
      cause,
    });
  }
}

function asMqttError(cause: unknown): MqttError {
  if (cause instanceof MqttError) return cause;
  return new MqttError('DISCONNECTED', cause instanceof Error ? cause.message : String(cause), { cause, retryable: true });
}

/** What a user's function gives, but no later than the attempt ends. */
function unlessAborted<T>(value: T | Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as MqttError), { once: true });
    Promise.resolve(value).then(resolve, reject);
  });
}
