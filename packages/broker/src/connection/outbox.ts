// HOT
import type { Link } from '#listeners/link.ts';
import type { Counters } from '#base/counters.ts';
import type { ChunkPool } from './chunk-pool.ts';
import type { Flusher } from './flusher.ts';

/** What the outboxes of one broker share. */
export interface OutboxServices {
  readonly pool: ChunkPool;
  readonly flusher: Flusher;
  readonly counters: Counters;
}

/** Where a connection's frames gather until the end of the turn. The caller writes at `reserve`d places of `chunk`. */
export class Outbox {
  /** The chunk that the last `reserve` pointed into. */
  chunk: Buffer | null = null;
  #used = 0;
  #isDirty = false;
  /** True from a write that the operating system did not take whole until everything is out. */
  isBlocked = false;
  /** Bytes that the Link was given in all. */
  #givenBytes = 0;
  readonly #link: Link;
  readonly #house: OutboxServices;

  constructor(link: Link, house: OutboxServices) {
    this.#link = link;
    this.#house = house;
  }

  get counters(): Counters {
    return this.#house.counters;
  }

  /** Bytes that are not with the operating system yet. */
  get pendingBytes(): number {
    return this.isBlocked ? this.#used + this.#link.pendingBytes : this.#used;
  }

  /** A number that stays the same only as long as the operating system takes nothing from a blocked Link. */
  get takenBytes(): number {
    return this.#givenBytes - this.#link.pendingBytes;
  }

  /** Makes room for `bytes` in `chunk` and returns where they begin. They must be written before the turn ends. */
  reserve(bytes: number): number {
    let chunk = this.chunk;
    if (chunk !== null && this.#used + bytes > chunk.length) {
      this.#write();
      chunk = null;
    }
    if (chunk === null) {
      this.chunk = this.#house.pool.take(bytes);
      this.#used = 0;
    }
    if (!this.#isDirty) {
      this.#isDirty = true;
      this.#house.flusher.add(this);
    }
    const at = this.#used;
    this.#used += bytes;
    return at;
  }

  /** Adds a whole encoded packet. */
  push(packet: Uint8Array): void {
    const at = this.reserve(packet.length);
    this.chunk!.set(packet, at);
  }

  /** Sends what has gathered. A blocked Link keeps the whole chunk of every write, so it gets full ones only until it has drained. */
  flush(): void {
    this.#isDirty = false;
    if (this.#used > 0 && !this.isBlocked) this.#write();
  }

  /** Hands everything to the Link, which is about to end. */
  finish(): void {
    if (this.#used > 0) this.#write();
  }

  onDrain(): void {
    this.isBlocked = false;
    this.flush();
  }

  #write(): void {
    const chunk = this.chunk!;
    this.#house.counters.bytesSent += this.#used;
    this.#givenBytes += this.#used;
    const isTaken = this.#link.write(this.#used === chunk.length ? chunk : chunk.subarray(0, this.#used));
    this.chunk = null;
    this.#used = 0;
    if (isTaken) this.#house.pool.give(chunk);
    else this.isBlocked = true;
  }
}
