// HOT
import { acknowledgementBytes, PacketType, ReasonCode, writeAcknowledgement } from '@wrenmq/codec';
import type { OperationalError } from '#base/errors.ts';
import type { Committer, Waiter } from '#store/committer.ts';
import type { Outbox } from './outbox.ts';

/** Stands for both lists while nothing is held, so that an idle connection has none. */
const nothing: never[] = [];

/** Puts back what a refused commit has to undo, says what the client hears, and goes on when less is held. */
export interface RefusalHandler {
  /** An acknowledgement cannot be given: the disk is full. Returns false to end the connection. */
  onRefusedAcknowledgement(type: number, packetId: number): boolean;
  /** The disk has answered: less is held than before. */
  onReleased(): void;
}

/**
 * What the broker has to tell a client about its packets, in order. What must wait for the disk waits here, and what
 * comes after it waits too, since acknowledgements leave in the order of the packets [MQTT-4.6.0-2] [MQTT-4.6.0-3].
 */
export class Acknowledgements implements Waiter {
  /** How many QoS 1 messages are not acknowledged yet: with the open QoS 2 exchanges, what Receive Maximum counts. */
  unacknowledgedQoS1 = 0;
  readonly #outbox: Outbox;
  readonly #committer: Committer;
  readonly #refusals: RefusalHandler;
  /** An acknowledgement as number (type, reason code, packet identifier), any other packet as bytes. */
  #held: (number | Uint8Array)[] = nothing;
  /** The commit that each held item waits for; negative when it only waits for its turn, whatever becomes of that commit. */
  #sequences: number[] = nothing;
  #lastSequence = 0;

  constructor(outbox: Outbox, committer: Committer, refusals: RefusalHandler) {
    this.#outbox = outbox;
    this.#committer = committer;
    this.#refusals = refusals;
  }

  /** How many packets wait for the disk. */
  get held(): number {
    return this.#held.length;
  }

  /** Sends PUBACK, PUBREC, PUBREL or PUBCOMP; after the open commit when it has to wait. */
  acknowledge(type: number, packetId: number, reasonCode: number, mustWait: boolean): void {
    if (!mustWait && this.#held.length === 0) {
      this.#write(type, packetId, reasonCode);
      return;
    }
    if (type === PacketType.PUBACK) this.unacknowledgedQoS1 += 1;
    this.#hold((type << 24) | (reasonCode << 16) | packetId, mustWait);
  }

  /** Sends any other packet, at its place in the order. */
  send(packet: Uint8Array, mustWait: boolean): void {
    if (!mustWait && this.#held.length === 0) this.#outbox.push(packet);
    else this.#hold(packet, mustWait);
  }

  onDurable(sequence: number, error: OperationalError | null): void {
    const items = this.#held;
    const sequences = this.#sequences;
    let count = 0;
    while (count < items.length && Math.abs(sequences[count]) <= sequence) count += 1;
    if (count === items.length) this.#held = this.#sequences = nothing;
    else {
      this.#held = items.slice(count);
      this.#sequences = sequences.slice(count);
    }
    let isOver = false;
    for (let i = 0; i < count; i += 1) {
      if (error !== null && sequences[i] > 0) isOver = !this.#refuse(items[i], isOver) || isOver;
      else this.#release(items[i], isOver);
    }
    this.#refusals.onReleased();
  }

  #hold(item: number | Uint8Array, mustWait: boolean): void {
    if (mustWait && this.#lastSequence !== this.#committer.sequence) this.#lastSequence = this.#committer.whenDurable(this);
    const sequence = mustWait ? this.#lastSequence : -this.#lastSequence;
    if (this.#held === nothing) {
      this.#held = [item];
      this.#sequences = [sequence];
      return;
    }
    this.#held.push(item);
    this.#sequences.push(sequence);
  }

  #release(item: number | Uint8Array, isOver: boolean): void {
    if (typeof item !== 'number') {
      if (!isOver) this.#outbox.push(item);
      return;
    }
    const type = item >>> 24;
    if (type === PacketType.PUBACK) this.unacknowledgedQoS1 -= 1;
    if (!isOver) this.#write(type, item & 0xffff, (item >>> 16) & 0xff);
  }

  /** What the item says did not come true. False when the connection ends by it; the rest is taken back all the same. */
  #refuse(item: number | Uint8Array, isOver: boolean): boolean {
    if (typeof item !== 'number') return this.#refusals.onRefusedAcknowledgement(0, 0);
    const type = item >>> 24;
    const packetId = item & 0xffff;
    if (type === PacketType.PUBACK) this.unacknowledgedQoS1 -= 1;
    const isTold = this.#refusals.onRefusedAcknowledgement(type, packetId);
    if (isTold && !isOver) this.#write(type, packetId, ReasonCode.QuotaExceeded);
    return isTold;
  }

  #write(type: number, packetId: number, reasonCode: number): void {
    this.#outbox.counters.packetsSent += 1;
    const at = this.#outbox.reserve(reasonCode === 0 ? acknowledgementBytes : acknowledgementBytes + 1);
    // PUBREL has the reserved flags 0010 [MQTT-3.6.1-1].
    const first = (type << 4) | (type === PacketType.PUBREL ? 2 : 0);
    writeAcknowledgement(this.#outbox.chunk!, at, first, packetId, reasonCode);
  }
}
