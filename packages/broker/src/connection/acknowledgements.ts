// HOT
import { acknowledgementBytes, PacketType, ReasonCode, writeAcknowledgement } from '@wrenmq/codec';
import type { OperationalError } from '#base/errors.ts';
import type { Committer, Waiter } from '#store/committer.ts';
import type { Outbox } from './outbox.ts';

/** Stands for both lists while nothing is held, so that an idle connection has none. */
const nothing: never[] = [];

/** Puts back what a refused commit has to undo, and says what the client hears. */
export interface RefusalHandler {
  /** An acknowledgement cannot be given: the disk is full. Returns false to end the connection. */
  onRefusedAcknowledgement(type: number, packetId: number): boolean;
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
  /** The commit that each held item waits for. */
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
    this.#hold((type << 24) | (reasonCode << 16) | packetId);
  }

  /** Sends any other packet, at its place in the order. */
  send(packet: Uint8Array, mustWait: boolean): void {
    if (!mustWait && this.#held.length === 0) this.#outbox.push(packet);
    else this.#hold(packet);
  }

  onDurable(sequence: number, error: OperationalError | null): void {
    let count = 0;
    while (count < this.#held.length && this.#sequences[count]! <= sequence) count += 1;
    const due = count === this.#held.length ? this.#held : this.#held.splice(0, count);
    if (due === this.#held) this.#held = this.#sequences = nothing;
    else this.#sequences.splice(0, count);
    for (let i = 0; i < due.length; i += 1) if (!this.#release(due[i]!, error)) return;
  }

  #hold(item: number | Uint8Array): void {
    if (this.#lastSequence !== this.#committer.sequence) this.#lastSequence = this.#committer.whenDurable(this);
    if (this.#held === nothing) {
      this.#held = [item];
      this.#sequences = [this.#lastSequence];
      return;
    }
    this.#held.push(item);
    this.#sequences.push(this.#lastSequence);
  }

  #release(item: number | Uint8Array, error: OperationalError | null): boolean {
    if (typeof item !== 'number') {
      if (error === null) this.#outbox.push(item);
      return error === null || this.#refusals.onRefusedAcknowledgement(0, 0);
    }
    const type = item >>> 24;
    const packetId = item & 0xffff;
    let reasonCode = (item >>> 16) & 0xff;
    if (type === PacketType.PUBACK) this.unacknowledgedQoS1 -= 1;
    if (error !== null && reasonCode < ReasonCode.UnspecifiedError) {
      if (!this.#refusals.onRefusedAcknowledgement(type, packetId)) return false;
      reasonCode = ReasonCode.QuotaExceeded;
    }
    this.#write(type, packetId, reasonCode);
    return true;
  }

  #write(type: number, packetId: number, reasonCode: number): void {
    const at = this.#outbox.reserve(reasonCode === 0 ? acknowledgementBytes : acknowledgementBytes + 1);
    // PUBREL has the reserved flags 0010 [MQTT-3.6.1-1].
    const first = (type << 4) | (type === PacketType.PUBREL ? 2 : 0);
    writeAcknowledgement(this.#outbox.chunk!, at, first, packetId, reasonCode);
  }
}
