import type { Redelivery } from '#message/delivery.ts';
import type { Message } from '#message/message.ts';

/** The shared group of a message that a hook has changed for one member: to another member goes the message as it was before. */
export class OriginalOf implements Redelivery {
  readonly group: Redelivery;
  readonly #message: Message;

  constructor(group: Redelivery, message: Message) {
    this.group = group;
    this.#message = message;
  }

  redeliver(_changed: Message, from: object, mayWait: boolean, failures: number): boolean {
    return this.group.redeliver(this.#message, from, mayWait, failures);
  }

  lost(_changed: Message, from: object, failures: number): boolean {
    return this.group.lost(this.#message, from, failures);
  }
}
