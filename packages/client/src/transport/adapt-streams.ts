import { MqttError } from '#base/mqtt-error.ts';
import { aborted, cannotOpen, invalid, lost } from './transport-errors.ts';
import type { Transport, TransportFactory, TransportObserver, TransportOpener } from './transport.ts';

type Streams = Awaited<ReturnType<TransportFactory>>;

/** Bytes that wait for the writing side at which `write` says that it is full. */
const UNSENT_BYTES_HIGH = 1024 * 1024;
const CLOSE_MS_MAX = 1_000;

/** Makes a TransportOpener of what a user has injected. */
export function adaptStreams(factory: TransportFactory): TransportOpener {
  return async (context, observer) => {
    const { url, signal } = context;
    // The URL is the factory's own matter: its path and query may hold secrets.
    const place = `${url.protocol}//${url.host}`;
    if (signal.aborted) throw aborted(place, signal);
    let giveUp!: () => void;
    const abortion = new Promise<'aborted'>((resolve) => {
      giveUp = () => resolve('aborted');
      signal.addEventListener('abort', giveUp);
    });
    const opening = Promise.resolve(factory(context));
    try {
      const streams = await Promise.race([opening, abortion]);
      if (streams !== 'aborted') return new StreamTransport(streams, place, observer);
    } catch (cause) {
      throw cause instanceof MqttError ? cause : cannotOpen(place, cause);
    } finally {
      signal.removeEventListener('abort', giveUp);
    }
    // What comes too late is closed unused.
    opening.then(
      (streams) => streams.close(),
      () => undefined,
    );
    throw aborted(place, signal);
  };
}

class StreamTransport implements Transport {
  readonly #streams: Streams;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #place: string;
  readonly #observer: TransportObserver;
  readonly #startTimer: ReturnType<typeof setTimeout>;
  #closeTimer: ReturnType<typeof setTimeout> | undefined;
  readonly #unsent: Uint8Array[] = [];
  #unsentBytes = 0;
  #isWriting = false;
  /** `onDrain` is owed. */
  #isFull = false;
  #hasStarted = false;
  #isPaused = false;
  #goOn: (() => void) | undefined;
  /** By us. */
  #isClosing = false;
  #hasEnded = false;

  constructor(streams: Streams, place: string, observer: TransportObserver) {
    this.#streams = streams;
    this.#reader = streams.readable.getReader();
    this.#place = place;
    this.#observer = observer;
    // ORDER: whoever waits for the opener's promise goes first; it has gone on when it writes, as a client speaks first.
    this.#startTimer = setTimeout(() => this.#start(), 0);
  }

  write(bytes: Uint8Array): boolean {
    this.#start();
    // After the end there is nobody to hold back.
    if (this.#isClosing || this.#hasEnded) return true;
    this.#unsent.push(bytes);
    this.#unsentBytes += bytes.length;
    if (!this.#isWriting) void this.#send();
    this.#isFull = this.#unsentBytes >= UNSENT_BYTES_HIGH;
    return !this.#isFull;
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#goOn?.();
    this.#goOn = undefined;
  }

  close(): void {
    if (this.#isClosing || this.#hasEnded) return;
    this.#isClosing = true;
    if (!this.#isWriting) this.destroy();
    else this.#closeTimer = setTimeout(() => this.destroy(), CLOSE_MS_MAX);
  }

  destroy(): void {
    this.#isClosing = true;
    this.#unsent.length = 0;
    this.#end(undefined);
  }

  #start(): void {
    if (this.#hasStarted) return;
    this.#hasStarted = true;
    clearTimeout(this.#startTimer);
    void this.#receive();
  }

  async #receive(): Promise<void> {
    try {
      for (;;) {
        const { done, value } = await this.#reader.read();
        // What was asked for before the pause waits for its end.
        while (this.#isPaused && !this.#isClosing) await new Promise<void>((resolve) => (this.#goOn = resolve));
        if (this.#isClosing) return;
        if (done) return this.#end(lost(this.#place, 'the connection was closed by'));
        if (!(value instanceof Uint8Array)) throw invalid('the injected stream gave something else than a Uint8Array');
        this.#observer.onData(value);
      }
    } catch (error) {
      this.#end(lost(this.#place, 'lost the connection to', error));
    }
  }

  async #send(): Promise<void> {
    this.#isWriting = true;
    try {
      for (let bytes = this.#unsent.shift(); bytes !== undefined; bytes = this.#unsent.shift()) {
        await this.#streams.write(bytes);
        this.#unsentBytes -= bytes.length;
      }
    } catch (error) {
      return this.#end(lost(this.#place, 'lost the connection to', error));
    }
    this.#isWriting = false;
    if (this.#isClosing) return this.#end(undefined);
    if (!this.#isFull || this.#hasEnded) return;
    this.#isFull = false;
    this.#observer.onDrain();
  }

  #end(reason: Error | undefined): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    clearTimeout(this.#startTimer);
    clearTimeout(this.#closeTimer);
    this.resume();
    const failed = (): void => undefined;
    // Both may fail when the stream is broken already, which was told.
    this.#reader.cancel(reason).catch(failed);
    try {
      this.#streams.close();
    } catch {
      failed();
    }
    queueMicrotask(() => this.#observer.onClose(this.#isClosing ? undefined : reason));
  }
}
