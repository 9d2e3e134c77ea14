// HOT
import { Deque } from '#base/deque.ts';
import type { ReceivedMessage } from '#message/received-message.ts';
import type { Pressure } from './pressure.ts';

export interface BufferOptions {
  /** Messages. QoS 1 and 2 may exceed it up to Receive Maximum, which holds the broker back. */
  readonly limit: number;
  readonly whenFull: 'backpressure' | 'drop-oldest' | 'drop-newest';
  readonly pressure: Pressure;
  /** The buffer is full: once, until it has half emptied. */
  readonly onFull: (pending: number) => void;
}

/** Counts into the bytes of a message what an object costs. */
const messageOverheadBytes = 64;

/** Messages that wait for one consumer. */
export class DeliveryBuffer {
  readonly #waiting = new Deque<ReceivedMessage>();
  readonly #options: BufferOptions;
  #isFull = false;

  constructor(options: BufferOptions) {
    this.#options = options;
  }

  get length(): number {
    return this.#waiting.length;
  }

  push(message: ReceivedMessage): void {
    if (message.qos === 0 && this.#waiting.length >= this.#options.limit && !this.#makeRoom()) {
      this.#options.pressure.dropped += 1;
      return;
    }
    this.#waiting.push(message);
    this.#options.pressure.addBytes(sizeOf(message));
  }

  shift(): ReceivedMessage | undefined {
    return this.#taken(this.#waiting.shift());
  }

  takeFirst(condition: (message: ReceivedMessage) => boolean): ReceivedMessage | undefined {
    return this.#taken(this.#waiting.takeFirst(condition));
  }

  /** The broker sends what is unacknowledged again: what waits here at QoS 1 would come twice. */
  forgetRepeated(): void {
    for (let left = this.length; left > 0; left -= 1) {
      const message = this.shift()!;
      if (message.qos !== 1) this.push(message);
    }
  }

  /** @returns whether one more message of QoS 0 may come in. */
  #makeRoom(): boolean {
    const { whenFull, pressure, onFull } = this.#options;
    if (!this.#isFull) {
      this.#isFull = true;
      onFull(this.#waiting.length);
      if (whenFull === 'backpressure') pressure.addFullBuffers(1);
    }
    if (whenFull === 'backpressure') return !pressure.isOverflowing;
    if (whenFull === 'drop-oldest' && this.takeFirst((message) => message.qos === 0) !== undefined) {
      pressure.dropped += 1;
      return true;
    }
    return false;
  }

  #taken(message: ReceivedMessage | undefined): ReceivedMessage | undefined {
    if (message === undefined) return undefined;
    const { limit, whenFull, pressure } = this.#options;
    pressure.addBytes(-sizeOf(message));
    if (this.#isFull && this.#waiting.length <= limit / 2) {
      this.#isFull = false;
      if (whenFull === 'backpressure') pressure.addFullBuffers(-1);
    }
    return message;
  }
}

function sizeOf(message: ReceivedMessage): number {
  return message.payload.length + message.topic.length + messageOverheadBytes;
}
