// HOT
import type { ConnackProperties, DisconnectProperties } from '@wrenmq/codec';
import { Deferred } from '#base/deferred.ts';
import { MqttError } from '#base/mqtt-error.ts';
import type { Surroundings } from '#base/surroundings.ts';
import type { ConnectIdentity, ConnectionOutcome, Delivery, SessionCore, SessionObserver } from '#session/session-contract.ts';
import type { SessionStore, StoreOp } from '#store/session-store.ts';
import type { Transport, TransportObserver } from '#transport/transport.ts';

export interface DriverHost {
  /** The output of a turn is about to be taken: the last moment for what belongs to it. */
  onTurn(): void;
  /** There may be room for more. */
  onRoom(): void;
  onOnline(outcome: ConnectionOutcome): void;
  onDelivery(delivery: Delivery): void;
  onSessionLost(republished: number, failed: number): void;
  onAuthenticate(data: Uint8Array | undefined): void;
  onRestored(op: StoreOp): void;
  onError(error: unknown): void;
}

/** Why a connection has ended. */
export interface ConnectionEnd {
  readonly error: MqttError;
  /** Milliseconds; undefined: it never was online. */
  readonly onlineMs: number | undefined;
  readonly serverReference: string | undefined;
}

/** So much is written without waiting for the end of the turn. */
const earlyFlushBytes = 64 * 1024;

/** Gives a session what it has not: a clock, timers, a store, and one transport after the other. */
export class Driver implements SessionObserver {
  readonly session: SessionCore;
  /** Publishing is possible: what the store held is back. */
  isReady: boolean;
  /** Set when there will be no further connection: what every call is refused with. */
  ended: MqttError | undefined;
  /** The transport's own buffer is full. */
  isBlocked = false;
  /** Bytes that a full transport has taken. */
  unsentBytes = 0;
  /** Bytes that this turn has written before its end. */
  turnBytes = 0;
  readonly #host: DriverHost;
  readonly #surroundings: Surroundings;
  readonly #store: SessionStore | undefined;
  readonly #epochMs: number;
  #transport: Transport | undefined;
  #connectionEnded = new Deferred<ConnectionEnd>();
  #rejection: { readonly error: MqttError; readonly serverReference: string | undefined } | undefined;
  #onlineSinceMs: number | undefined;
  #isReading = true;
  #isFlushDue = false;
  #timerAt = Infinity;
  #cancelTimer: (() => void) | undefined;

  constructor(
    host: DriverHost,
    surroundings: Surroundings,
    store: SessionStore | undefined,
    makeSession: (observer: SessionObserver) => SessionCore,
  ) {
    this.#host = host;
    this.#surroundings = surroundings;
    this.#store = store;
    this.isReady = store === undefined;
    this.#epochMs = surroundings.wallMs() - surroundings.monotonicMs();
    this.session = makeSession(this);
  }

  /** Epoch milliseconds by a clock that never goes back. */
  now(): number {
    return this.#epochMs + this.#surroundings.monotonicMs();
  }

  /** Brings back what a durable store holds. */
  async restore(): Promise<void> {
    if (this.#store === undefined) return;
    if (this.session.clientId === '') this.session.clientId = await this.#store.identify!();
    const { ops } = await this.#store.open(this.session.clientId);
    for await (const op of ops) {
      this.session.restore(op);
      this.#host.onRestored(op);
    }
    this.isReady = this.ended === undefined;
    this.touch();
  }

  /** Runs one connection on a transport that is just open; resolves when it has ended. */
  async connect(open: (observer: TransportObserver) => Promise<Transport>, identity: ConnectIdentity): Promise<ConnectionEnd> {
    const ended = (this.#connectionEnded = new Deferred<ConnectionEnd>());
    this.#rejection = undefined;
    const isCurrent = (): boolean => this.#connectionEnded === ended && this.#transport !== undefined;
    this.#transport = await open({
      onData: (bytes) => {
        if (isCurrent() && this.#rejection === undefined) this.#receive(bytes);
      },
      onDrain: () => {
        if (isCurrent()) this.#onDrain();
      },
      onClose: (error) => {
        if (isCurrent()) this.#onClose(error);
      },
    });
    this.#isReading = true;
    this.session.open(identity, this.now());
    this.flush();
    return ended.promise;
  }

  /** Ends the connection: at once, or when what was written has left. */
  disconnect(error: MqttError, isGraceful = false): void {
    this.#rejection ??= { error, serverReference: undefined };
    if (isGraceful) this.#transport?.close();
    else this.#transport?.destroy();
  }

  /** After any input to the session: its output leaves at the end of the turn. */
  touch(): void {
    if (!this.#isFlushDue) {
      this.#isFlushDue = true;
      this.#surroundings.soon(this.#onSoon);
    }
    const { outputBytes } = this.session;
    if (outputBytes < earlyFlushBytes) return;
    this.turnBytes += outputBytes;
    this.#write();
  }

  flush(): void {
    this.#host.onTurn();
    this.#write();
    this.#setTimer();
    this.#host.onRoom();
  }

  setReading(isReading: boolean): void {
    if (this.#transport === undefined || isReading === this.#isReading) return;
    this.#isReading = isReading;
    if (isReading) this.#transport.resume();
    else this.#transport.pause();
    this.session.setReading(isReading, this.now());
  }

  /** The machine may have slept: what is due is due now. */
  tick = (): void => {
    this.#timerAt = Infinity;
    this.session.tick(this.now());
    this.flush();
  };

  /** No connection follows. Resolves when the transport is closed and the store has everything. */
  async end(error: MqttError, isGraceful: boolean): Promise<void> {
    this.#cancelTimer?.();
    this.#write();
    this.disconnect(error, isGraceful);
    if (this.#transport !== undefined) await this.#connectionEnded.promise;
    this.isReady = false;
    await this.#store?.close();
  }

  onConnected(outcome: ConnectionOutcome): void {
    this.#onlineSinceMs = this.#surroundings.monotonicMs();
    this.#host.onOnline(outcome);
  }

  onRejected(error: MqttError, properties: ConnackProperties | DisconnectProperties | undefined): void {
    this.#rejection ??= { error, serverReference: properties?.serverReference };
    // ORDER: what the session has to say to it leaves first.
    this.#surroundings.soon(() => {
      this.#write();
      this.#transport?.close();
    });
  }

  onAuthenticate(data: Uint8Array | undefined): void {
    this.#host.onAuthenticate(data);
  }

  onDelivery(delivery: Delivery): void {
    this.#host.onDelivery(delivery);
  }

  onSessionLost(republished: number, failed: number): void {
    this.#host.onSessionLost(republished, failed);
  }

  onStore(ops: readonly StoreOp[]): void {
    // After the end nothing is new: what was not stored comes again from the broker.
    if (!this.isReady) return;
    this.#store!.append(ops).then(
      () => {
        this.session.stored();
        this.touch();
      },
      (error: MqttError) => {
        this.session.storeFailed(error);
        this.#host.onError(error);
        this.touch();
      },
    );
  }

  #onSoon = (): void => {
    this.#isFlushDue = false;
    this.turnBytes = 0;
    this.flush();
  };

  #write(): void {
    const bytes = this.session.takeOutput();
    if (bytes === undefined || this.#transport === undefined) return;
    this.isBlocked = !this.#transport.write(bytes) || this.isBlocked;
    if (this.isBlocked) this.unsentBytes += bytes.length;
  }

  #receive(bytes: Uint8Array): void {
    this.session.receive(bytes, this.now());
    this.touch();
  }

  #onDrain(): void {
    this.#unblock();
    this.touch();
  }

  #onClose(cause: Error | undefined): void {
    this.#transport = undefined;
    this.#unblock();
    const onlineMs = this.#onlineSinceMs === undefined ? undefined : this.#surroundings.monotonicMs() - this.#onlineSinceMs;
    this.#onlineSinceMs = undefined;
    const rejection = this.#rejection;
    this.#rejection = undefined;
    this.session.closed();
    const lost = cause instanceof MqttError ? cause : new MqttError('DISCONNECTED', 'the connection was lost', { cause, retryable: true });
    this.#connectionEnded.resolve({ error: rejection?.error ?? lost, onlineMs, serverReference: rejection?.serverReference });
    this.touch();
  }

  #unblock(): void {
    this.isBlocked = false;
    this.unsentBytes = 0;
  }

  #setTimer(): void {
    const at = this.session.nextTick ?? Infinity;
    // One that is too early finds nothing due, which is cheaper than setting it anew with every packet.
    if (at >= this.#timerAt || this.ended !== undefined) return;
    this.#cancelTimer?.();
    this.#timerAt = at;
    this.#cancelTimer = this.#surroundings.after(Math.max(0, at - this.now()), this.tick);
  }
}
