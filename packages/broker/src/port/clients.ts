import { ReasonCode } from '@wrenmq/codec';
import type { ConnectedClients, SubscriptionWish } from '#hooks/feature.ts';
import type { ClientFacts } from '#hooks/points.ts';
import type { Committer } from '#store/committer.ts';
import type { Client } from './client.ts';
import type { ClientPort } from './client-port.ts';

/** The clients that are connected, by client identifier, and what the house may ask in their name. */
export class Clients implements ConnectedClients {
  readonly #port: ClientPort;
  readonly #committer: Committer;
  readonly #connected = new Map<string, Client>();

  constructor(port: ClientPort, committer: Committer) {
    this.#port = port;
    this.#committer = committer;
  }

  add(client: Client): void {
    this.#connected.set(client.facts.clientId, client);
  }

  /** Nothing happens when another connection has the client identifier meanwhile. */
  delete(client: Client): void {
    const { clientId } = client.facts;
    if (this.#connected.get(clientId) === client) this.#connected.delete(clientId);
  }

  [Symbol.iterator](): Iterator<Client> {
    return this.#connected.values();
  }

  facts(clientId: string): ClientFacts | null {
    return this.#connected.get(clientId)?.facts ?? null;
  }

  async subscribe(clientId: string, wishes: readonly SubscriptionWish[]): Promise<readonly number[] | null> {
    const client = this.#connected.get(clientId);
    if (client === undefined) return null;
    const requests = wishes.map(({ filter, qos, noLocal = false, retainAsPublished = false, retainHandling = 0 }) => ({
      filter,
      options: { qos, noLocal, retainAsPublished, retainHandling, identifier: 0 },
    }));
    // ORDER: the first subscription is made a turn of the microtasks later, when CONNACK is in the outbox.
    const made = this.#port.subscriber.subscribe(client, requests);
    client.settling?.push(made);
    const answers = await made;
    this.#port.deliverStored(client, answers);
    const codes = answers.map(({ reasonCode }) => reasonCode);
    return (await this.#isKept(client)) ? codes : codes.map(refuse);
  }

  async unsubscribe(clientId: string, filters: readonly string[]): Promise<readonly number[] | null> {
    const client = this.#connected.get(clientId);
    if (client === undefined) return null;
    const codes = this.#port.subscriber.unsubscribe(client, filters);
    return (await this.#isKept(client)) ? codes : codes.map(refuse);
  }

  /** As SUBACK and UNSUBACK: what is answered is on disk (D2). */
  async #isKept({ session }: Client): Promise<boolean> {
    return !session.isDurable || (await this.#committer.durable()) === null;
  }
}

function refuse(code: number): number {
  return code < ReasonCode.UnspecifiedError ? ReasonCode.QuotaExceeded : code;
}
