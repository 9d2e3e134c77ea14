// HOT
import type { Delivery } from '#message/delivery.ts';

const SLOTS_MIN = 4;
const PACKET_IDS = 65535;

/**
 * The PUBLISH packets at QoS 1 and 2 that a client has not finished, by packet identifier. Identifiers are given in
 * turn, so the slot `packetId & mask` is nearly always free; when it is not, the table doubles.
 */
export class Inflight {
  size = 0;
  #slots: (Delivery | null)[] | null = null;
  #mask = 0;
  #lastPacketId = 0;

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
  }

  /** Every delivery, in the order in which identifiers were given [MQTT-4.6.0-1]. */
  inOrder(): Delivery[] {
    if (this.#slots === null) return [];
    const last = this.#lastPacketId;
    const age = (delivery: Delivery): number => (last - delivery.packetId + PACKET_IDS) % PACKET_IDS;
    return this.#slots.filter((delivery) => delivery !== null).toSorted((a, b) => age(b) - age(a));
  }

  /** Forgets everything, and the memory with it. */
  clear(): void {
    this.#slots = null;
    this.size = 0;
  }

  #put(delivery: Delivery): void {
    if (this.#slots === null) this.#allot(SLOTS_MIN);
    while (this.#slots![delivery.packetId & this.#mask] !== null) this.#grow();
    this.#slots![delivery.packetId & this.#mask] = delivery;
    this.size += 1;
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
