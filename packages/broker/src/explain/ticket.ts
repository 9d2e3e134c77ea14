import type { Delivery } from '#message/delivery.ts';
import { NOT_LOGGED } from '#message/message.ts';

/** A durable queue may put what waits on disk and read it back: only the message's place in the log is the same then. */
export function isLogged(client: { readonly isDurable: boolean }, { message }: Delivery): boolean {
  return client.isDurable && message.offset !== NOT_LOGGED;
}

/** By which the entry of a delivery that was queued is found when it leaves the queue. */
export function ticketOf(client: { readonly isDurable: boolean }, delivery: Delivery): number {
  return isLogged(client, delivery) ? delivery.message.offset | 0 : delivery.decision;
}
