import { ReasonCode } from '@wrenmq/codec';
import type { Entrance, EntranceRefusal } from '#connection/connection-services.ts';
import type { ListenerCounters } from '#listeners/listener-counters.ts';

/** What all entrances of a broker share. */
export interface EntranceHouse {
  /** Why no client is taken now, when so many are in; or null. */
  refusal(clients: number): EntranceRefusal | null;
}

/** The clients of the broker, in all. */
export class ClientCount {
  clients = 0;
}

/** The way in through one listener. What counts are clients, not connections: who has not said CONNECT takes nobody's place. */
export class ListenerEntrance implements Entrance {
  /** May be changed at any time; who is in stays. */
  connectionsMax: number;
  readonly #listener: string;
  readonly #house: EntranceHouse;
  readonly #all: ClientCount;
  readonly #counters: ListenerCounters;
  #clients = 0;

  constructor(
    listener: { readonly name: string; readonly connectionsMax: number; readonly counters: ListenerCounters },
    house: EntranceHouse,
    all: ClientCount,
  ) {
    this.connectionsMax = listener.connectionsMax;
    this.#listener = listener.name;
    this.#counters = listener.counters;
    this.#house = house;
    this.#all = all;
  }

  enter(): EntranceRefusal | null {
    const refusal = this.#house.refusal(this.#all.clients);
    if (refusal !== null) return refusal;
    if (this.#clients >= this.connectionsMax) {
      this.#counters.refusedConnectionsMax += 1;
      return { reasonCode: ReasonCode.ServerBusy, reason: `listeners.${this.#listener}.connectionsMax is ${this.connectionsMax}` };
    }
    this.#clients += 1;
    this.#all.clients += 1;
    return null;
  }

  leave(): void {
    this.#clients -= 1;
    this.#all.clients -= 1;
  }
}
