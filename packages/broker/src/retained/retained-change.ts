import type { Message } from '#message/message.ts';
import { type Footprint, NO_FOOTPRINT } from './retained-record.ts';

/** What is to become of a topic, from `set` or `clear` until it is on disk. */
export class RetainedChange {
  readonly topic: string;
  readonly key: Buffer;
  /** Null clears. */
  message: Message | null = null;
  /** Of who published the message, if known. */
  username: string | null = null;
  sequence = 0;
  after: Footprint = NO_FOOTPRINT;
  /** What this change replaces. */
  before: Footprint = NO_FOOTPRINT;
  /** True as long as `before` is a guess, because the store is still being asked. */
  isGuess = false;
  /** True when a clear is part of it: that must not be lost, even when a message was set since. */
  hasClear = false;
  /** True when it will never be written: what was there before holds. */
  isDropped = false;

  constructor(topic: string, key: Buffer) {
    this.topic = topic;
    this.key = key;
  }
}
