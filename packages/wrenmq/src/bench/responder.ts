// HOT
import type { QoS } from '@wrenmq/codec';
import type { LoadClient, MessageHead } from './load-client.ts';
import { Stamp } from './stamp.ts';

/** Sends each message back to where its stream has its answers. It has a window too: what does not fit waits, which is no more than is asked at a time. */
export class Responder {
  readonly client: LoadClient;
  readonly #headOfStream: readonly MessageHead[];
  readonly #qos: QoS;
  readonly #waiting: Stamp[] = [];

  constructor(client: LoadClient, headOfStream: readonly MessageHead[], qos: QoS) {
    this.client = client;
    this.#headOfStream = headOfStream;
    this.#qos = qos;
  }

  answer(stamp: Stamp): void {
    if (this.#waiting.length === 0 && this.client.canSend(this.#qos)) this.client.publish(this.#headOfStream[stamp.stream], stamp);
    else this.#waiting.push(Object.assign(new Stamp(), stamp));
  }

  /** The window, or the socket, has room. */
  goOn(): void {
    while (this.#waiting.length > 0 && this.client.canSend(this.#qos)) {
      const stamp = this.#waiting.shift()!;
      this.client.publish(this.#headOfStream[stamp.stream], stamp);
    }
    this.client.flush();
  }
}
