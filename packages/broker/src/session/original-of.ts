import type { Delivery, Redelivery } from '#message/delivery.ts';
import type { Message } from '#message/message.ts';
import type { Session } from './session.ts';

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

/** Lets the hooks have their say on what the client gets; false when the message was dropped. */
export function isForwarded(session: Session, delivery: Delivery): boolean {
  const { onOutbound } = session.house.events;
  if (onOutbound === null) return true;
  const message = onOutbound(session, delivery.message);
  if (message === null) session.lose(delivery, 'rejected');
  else if (message !== delivery.message) {
    // Another member must get what it would have got without this one.
    if (delivery.group !== null) delivery.group = new OriginalOf(delivery.group, delivery.message.hold());
    delivery.message = message;
  }
  return message !== null;
}
