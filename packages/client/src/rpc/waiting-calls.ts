import type { Message } from '#message/message.ts';
import type { JsonResponse } from './json-wire.ts';
import { formatId } from './native-wire.ts';

/** A call that has no answer yet. */
export interface WaitingCall {
  /** An answer of MQTT 5. */
  onMessage(message: Message): void;
  /** An answer of mqttxx. */
  onResponse(response: JsonResponse): void;
  fail(error: Error): void;
}

/** The calls whose answers arrive at one topic. Bounded by what `maxConcurrentCalls` lets in. */
export class WaitingCalls {
  readonly #calls = new Map<string, WaitingCall>();

  add(id: string, call: WaitingCall): void {
    this.#calls.set(id, call);
  }

  delete(id: string): void {
    this.#calls.delete(id);
  }

  /** An answer to nobody, because it is late or a repetition, is dropped. */
  offerMessage(message: Message): void {
    this.#calls.get(formatId(message.correlationData!))?.onMessage(message);
  }

  /** @returns whether somebody waited for it. */
  offerResponse(response: JsonResponse): boolean {
    const call = this.#calls.get(response.request_id);
    call?.onResponse(response);
    return call !== undefined;
  }

  failAll(error: Error): void {
    for (const call of this.#calls.values()) call.fail(error);
  }
}
