import type { Link, LinkHandler, Peer, TlsFacts, Transport } from '#root/packages/broker/src/listeners/link.ts';

/**
 * A Link without a socket. What the broker reads lies in a buffer that is overwritten when the call is over, as with the
 * real one: whoever keeps a reference to it reads garbage. The far end decides whether written bytes are taken.
 */
export class MemoryLink implements Link {
  readonly listener = 'tcp';
  readonly transport: Transport = 'tcp';
  readonly peer: Peer = { address: '127.0.0.1', port: 40_000 };
  readonly tls: TlsFacts | null = null;
  /** Settles when the broker was told of the end. */
  readonly whenClosed: Promise<void>;
  /** The broker asked for an orderly end, or cut. */
  isEnded = false;
  isClosed = false;
  isPaused = false;
  readonly #read: Buffer;
  readonly #onTaken: (bytes: Buffer) => void;
  #handler: LinkHandler | null = null;
  /** What the far end sent and the broker has not read. */
  #input: Buffer[] = [];
  #isPumping = false;
  /** What the broker wrote and the far end has not taken. */
  #kept: Buffer[] = [];
  #isTaking = true;
  #settleClosed!: () => void;

  /** Every read lands in `read`, which the Links of a house share. `onTaken` is the far end; its bytes are valid only during the call. */
  constructor(read: Buffer, onTaken: (bytes: Buffer) => void) {
    this.#read = read;
    this.#onTaken = onTaken;
    this.whenClosed = new Promise((resolve) => {
      this.#settleClosed = resolve;
    });
  }

  get pendingBytes(): number {
    return this.#kept.reduce((sum, bytes) => sum + bytes.length, 0);
  }

  /** What the kept bytes cost: a view keeps all of the buffer that it looks at. */
  get keptMemoryBytes(): number {
    const buffers = new Set(this.#kept.map((bytes) => bytes.buffer));
    return [...buffers].reduce((sum, buffer) => sum + buffer.byteLength, 0);
  }

  /** Sent and not read by the broker. */
  get unreadBytes(): number {
    return this.#input.reduce((sum, bytes) => sum + bytes.length, 0);
  }

  start(handler: LinkHandler): void {
    this.#handler = handler;
    this.#schedule();
  }

  write(bytes: Buffer): boolean {
    if (this.isEnded) return true;
    if (this.#isTaking) {
      this.#onTaken(bytes);
      return true;
    }
    this.#kept.push(bytes);
    return false;
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
    this.#schedule();
  }

  end(): void {
    if (this.isEnded) return;
    this.isEnded = true;
    this.#input = [];
    if (this.#isTaking) setImmediate(() => this.#close(null));
  }

  destroy(): void {
    this.isEnded = true;
    this.#kept = [];
    setImmediate(() => this.#close(null));
  }

  /** The far end sends bytes; each call is one read of the broker unless it is longer than the read buffer. */
  feed(bytes: Buffer): void {
    if (this.isEnded) return;
    const most = this.#read.length;
    for (let at = 0; at < bytes.length; at += most) this.#input.push(bytes.subarray(at, at + most));
    this.#schedule();
  }

  /** The far end stops taking what the broker writes. */
  stopTaking(): void {
    this.#isTaking = false;
  }

  /** The far end takes so many bytes and no more, which leaves some. */
  takeSome(bytes: number): void {
    let rest = bytes;
    while (rest > 0 && this.#kept.length > 0) {
      const [first] = this.#kept;
      this.#onTaken(first.subarray(0, rest));
      if (rest < first.length) this.#kept[0] = first.subarray(rest);
      else this.#kept.shift();
      rest -= first.length;
    }
  }

  /** The far end takes everything again. */
  takeAgain(): void {
    this.#isTaking = true;
    for (const bytes of this.#kept.splice(0)) this.#onTaken(bytes);
    if (this.isEnded) this.#close(null);
    else this.#handler?.onDrain();
  }

  /** The far end is gone. */
  cut(): void {
    this.isEnded = true;
    this.#input = [];
    this.#kept = [];
    setImmediate(() => this.#close(new Error('read ECONNRESET')));
  }

  #schedule(): void {
    if (this.#isPumping || this.#handler === null) return;
    this.#isPumping = true;
    process.nextTick(() => {
      this.#isPumping = false;
      this.#pump();
    });
  }

  #pump(): void {
    while (!this.isPaused && !this.isEnded && this.#input.length > 0) {
      const bytes = this.#input.shift()!;
      // Not at the start, so that nobody takes positions for granted.
      const start = bytes.length < this.#read.length ? 1 : 0;
      bytes.copy(this.#read, start);
      this.#handler!.onBytes(this.#read, start, start + bytes.length);
      this.#read.fill(0xaa, start, start + bytes.length);
    }
  }

  #close(reason: Error | null): void {
    if (this.isClosed) return;
    this.isClosed = true;
    const handler = this.#handler;
    this.#handler = null;
    handler?.onClose(reason);
    this.#settleClosed();
  }
}
