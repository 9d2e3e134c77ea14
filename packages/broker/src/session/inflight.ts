// HOT
import type { Delivery } from '#message/delivery.ts';

const SLOTS_MIN = 4;
const PACKET_IDS = 65535;
/** Nearly always nothing is to be sent again. */
const none: never[] = Object.freeze([]) as never[];

/**
 * The PUBLISH packets at QoS 1 and 2 that a client has not finished, by packet identifier. Identifiers are given in
 * turn, so the slot `packetId & mask` is nearly always free; when it is not, the table doubles.
 */
export class Inflight {
  size = 0;
  /** How many are to be sent again, as soon as the client has finished enough of the others. */
  postponed = 0;
  #slots: (Delivery | null)[] | null = null;
  #mask = 0;
  #lastPacketId = 0;
  #again: (Delivery | null)[] = none;
  #againFront = 0;

  /** Gives the delivery a packet identifier that is not in use [MQTT-2.2.1-3]. The caller keeps `size` below 65,535. */
  add(delivery: Delivery): void {
    let packetId = this.#lastPacketId;
    do packetId = (packetId % PACKET_IDS) + 1;
    while (this.get(packetId) !== null);
    this.#lastPacketId = packetId;
    delivery.packetId = packetId;
    this.#put(delivery);
  }

  /** Takes back a delivery that has its identifier from before a restart. */
  restore(delivery: Delivery): void {
    this.#lastPacketId = delivery.packetId;
    this.#put(delivery);
  }

  get(packetId: number): Delivery | null {
    if (this.#slots === null) return null;
    const delivery = this.#slots[packetId & this.#mask]!;
    return delivery !== null && delivery.packetId === packetId ? delivery : null;
  }

  remove(delivery: Delivery): void {
    this.#slots![delivery.packetId & this.#mask] = null;
    this.size -= 1;
    if (this.postponed > 0 && this.isPostponed(delivery)) {
      this.#again[this.#again.indexOf(delivery, this.#againFront)] = null;
      this.postponed -= 1;
    }
  }

  /** A new connection: all of it is to be sent again. */
  postponeAll(): void {
    this.#again = this.inOrder();
    this.#againFront = 0;
    this.postponed = this.#again.length;
  }

  /** One more is to be sent again, after the others. */
  postpone(delivery: Delivery): void {
    if (this.#again === none) this.#again = [delivery];
    else this.#again.push(delivery);
    this.postponed += 1;
  }

  isPostponed(delivery: Delivery): boolean {
    return this.postponed > 0 && this.#again.includes(delivery, this.#againFront);
  }

  /** The next that is to be sent again, or null. */
  takePostponed(): Delivery | null {
    let delivery: Delivery | null = null;
    while (delivery === null && this.postponed > 0) delivery = this.#again[this.#againFront++];
    if (delivery !== null) this.postponed -= 1;
    if (this.postponed > 0) return delivery;
    this.#again = none;
    this.#againFront = 0;
    return delivery;
  }

  /** Every delivery, in the order in which identifiers were given [MQTT-4.6.0-1]. */
  inOrder(): Delivery[] {
    if (this.#slots === null) return [];
    return this.#slots.filter((delivery) => delivery !== null).toSorted((a, b) => this.#age(b) - this.#age(a));
  }

  /** The delivery whose identifier was given first, or null. */
  get oldest(): Delivery | null {
    let oldest: Delivery | null = null;
    for (const delivery of this.#slots ?? []) {
      if (delivery !== null && (oldest === null || this.#age(delivery) > this.#age(oldest))) oldest = delivery;
    }
    return oldest;
  }

  /** Forgets everything, and the memory with it. */
  clear(): void {
    this.#slots = null;
    this.size = 0;
    this.postponed = 0;
    this.#again = none;
    this.#againFront = 0;
  }

  #put(delivery: Delivery): void {
    if (this.#slots === null) this.#allot(SLOTS_MIN);
    while (this.#slots![delivery.packetId & this.#mask] !== null) this.#grow();
    this.#slots![delivery.packetId & this.#mask] = delivery;
    this.size += 1;
  }

  /** How many identifiers were given since this one. */
  #age({ packetId }: Delivery): number {
    return (this.#lastPacketId - packetId + PACKET_IDS) % PACKET_IDS;
  }

  #grow(): void {
    const before = this.#slots!;
    this.#allot(before.length * 2);
    for (const delivery of before) if (delivery !== null) this.#slots![delivery.packetId & this.#mask] = delivery;
  }

  #allot(slots: number): void {
    this.#slots = new Array<Delivery | null>(slots).fill(null);
    this.#mask = slots - 1;
  }
}
