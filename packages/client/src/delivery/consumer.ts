import { readingEndTopic } from '#base/filter-prefix.ts';
import type { Surroundings } from '#base/surroundings.ts';
import type { MessageSource, ReceivedMessage, ReceivedPublish, Receipt } from '#message/received-message.ts';
import type { BufferOptions } from './delivery-buffer.ts';

/** One local subscription: where messages go in the end. */
export interface Consumer {
  readonly source: MessageSource;
  /** Bounded work, never throws. */
  offer(message: ReceivedMessage): void;
  /** A new connection repeats what was not acknowledged. */
  forgetRepeated(): void;
  /** Nothing comes any more; with an error when that is not by our wish. */
  end(error?: Error): void;
}

/** What a consumer is made with. */
export interface ConsumerContext {
  readonly surroundings: Surroundings;
  readonly buffer: BufferOptions;
  readonly source: MessageSource;
  /** Of a typed topic. */
  readonly decode?: ((payload: Uint8Array) => unknown) | undefined;
  /** Gives the subscription up; resolves when the broker knows. */
  readonly leave: (consumer: Consumer) => Promise<void>;
  /** It has ended, for whatever reason. */
  readonly onEnd: () => void;
  readonly onError: (error: unknown) => void;
}

/** Whether the message is the last one: it ends a reading of the history, and the subscription is nothing else. */
export function isLast({ topic }: ReceivedMessage, { patterns }: MessageSource): boolean {
  return topic === readingEndTopic && patterns.length === 1;
}

/** One message that several consumers see: it is done with when all are, and refused when one refuses it. */
export class SharedReceipt implements Receipt {
  readonly #receipt: Receipt;
  #missing: number;
  #reasonCode = 0;

  constructor(receipt: Receipt, consumers: number) {
    this.#receipt = receipt;
    this.#missing = consumers;
  }

  acknowledge(publish: ReceivedPublish, reasonCode: number): void {
    this.#reasonCode = Math.max(this.#reasonCode, reasonCode);
    this.#missing -= 1;
    if (this.#missing === 0) this.#receipt.acknowledge(publish, this.#reasonCode);
  }
}
