import type { Message, MqttClient, Subscription } from '@wrenmq/client';
import type { Formatter } from '#output/format-message.ts';
import { changed } from '#output/printable.ts';
import type { Output } from '#output/output.ts';
import type { PayloadTransform } from '#payload/payload-transform.ts';
import type { MessageFilter } from './message-filter.ts';

interface ReceptionOptions {
  readonly print: Formatter;
  readonly transform: PayloadTransform;
  readonly filter: MessageFilter;
  /** Messages to print. */
  readonly count: number;
  /** Clears the retained messages that come. */
  readonly isRemoving: boolean;
  /** Printed with every message: the identifier on the wire is the client's own. */
  readonly subscriptionIdentifier: number | undefined;
}

/** Takes messages, prints them, and knows when it is enough. */
export class Reception {
  readonly output: Output;
  readonly #options: ReceptionOptions;
  #printed = 0;
  #removals: Promise<unknown>[] = [];

  constructor(output: Output, options: ReceptionOptions) {
    this.output = output;
    this.#options = options;
  }

  get count(): number {
    return this.#options.count;
  }

  /** Until there are enough, or no more come. Leaves the subscription as it is. */
  async takeFrom(subscription: Subscription<Message>, client: MqttClient): Promise<void> {
    // Not a loop: leaving one would unsubscribe.
    const messages = subscription[Symbol.asyncIterator]();
    for (;;) {
      const next = await messages.next();
      if (next.done === true || !this.#take(next.value, client)) break;
      const room = this.output.room();
      if (room !== undefined) await room;
    }
    await Promise.all(this.#removals);
  }

  /** False: it was the last. */
  #take(message: Message, client: MqttClient): boolean {
    const { filter, isRemoving, count } = this.#options;
    const verdict = filter.judge(message);
    if (verdict !== 'end' && isRemoving && message.retain && !filter.isFilteredOut(message.topic))
      this.#removals.push(client.publish(message.topic, new Uint8Array(0), { qos: 1, retain: true }));
    if (verdict === 'print') this.#print(message);
    message.ack();
    return verdict !== 'end' && this.#printed < count;
  }

  #print(message: Message): void {
    const { print, transform, filter, subscriptionIdentifier } = this.#options;
    const shown = transform(message);
    if (shown === undefined) return;
    this.#printed += 1;
    if (!filter.isDrawn()) return;
    print(subscriptionIdentifier === undefined ? shown : changed(shown, { subscriptionIdentifier }), this.output);
  }
}
