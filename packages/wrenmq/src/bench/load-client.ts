// HOT
import {
  AcknowledgementFrame,
  type ConnackPacket,
  type ConnectPacket,
  decodeAcknowledgement,
  decodePacket,
  decodePublish,
  encodePacket,
  type Packet,
  PacketType,
  PublishFrame,
  type QoS,
  ReasonCode,
  writeAcknowledgement,
} from '@wrenmq/codec';
import type { WireTarget } from '#wire/open-stream.ts';
import { PacketConnection, type PacketSink } from '#wire/packet-connection.ts';
import { readStamp, type Stamp, stampBytes, writeStamp } from './stamp.ts';

/** Whom the clients of a load tell what happens; one for all. */
export interface LoadObserver {
  /** A message of a load has come; the stamp is valid during the call. */
  onMessage(client: LoadClient, stamp: Stamp): void;
  /** A message was acknowledged to its end, with the code of PUBACK or PUBREC. */
  onAcknowledged(client: LoadClient, intendedMs: number, reasonCode: number): void;
  /** The client may send again: its window, or its socket, has room. */
  onRoom(client: LoadClient): void;
  /** The connection ended and nobody here wanted it. `reasonCode`: of the broker's DISCONNECT, -1 without one. */
  onLost(client: LoadClient, reasonCode: number): void;
}

/** What all clients of one process use in turn: each has used it up before another begins. */
export class LoadBuffers {
  readonly read = Buffer.allocUnsafeSlow(65_536);
  /** What one client writes in one go is collected here. */
  readonly write = Buffer.allocUnsafeSlow(WRITE_BYTES);
  readonly frame = new PublishFrame();
  readonly acknowledgement = new AcknowledgementFrame();
  readonly stamp: Stamp;
  constructor(stamp: Stamp) {
    this.stamp = stamp;
  }
}

/** A PUBLISH up to its payload, and where its packet identifier stands (-1 at QoS 0). */
export interface MessageHead {
  readonly bytes: Buffer;
  readonly packetIdAt: number;
}

const WRITE_BYTES = 262_144;
/** A client whose socket does not take so many bytes sends no more until it does. */
const QUEUED_BYTES_MAX = 262_144;
const PUBREL = 0x62;

export interface LoadClientOptions {
  readonly version: 4 | 5;
  /** Of messages that are sent, with the stamp. */
  readonly payloadBytes: number;
  /** Messages of QoS 1 and 2 that may be unacknowledged at a time. */
  readonly window: number;
}

/** An MQTT client that does nothing that a load does not need, with as little work per message as it can. */
export class LoadClient implements PacketSink {
  readonly index: number;
  readonly #options: LoadClientOptions;
  readonly #observer: LoadObserver;
  readonly #buffers: LoadBuffers;
  #connection!: PacketConnection;
  #window: number;
  #answer: ((packet: Packet | null) => void) | null = null;
  #isLeaving = false;
  #disconnectCode = -1;
  #writeEnd = 0;
  /** By packet identifier, when the message was intended. */
  readonly #intendedMs: number[] = [0];
  readonly #freeIds: number[] = [];
  #inflight = 0;
  #isFull = false;

  constructor(index: number, options: LoadClientOptions, observer: LoadObserver, buffers: LoadBuffers) {
    this.index = index;
    this.#options = options;
    this.#window = options.window;
    this.#observer = observer;
    this.#buffers = buffers;
  }

  get inflight(): number {
    return this.#inflight;
  }

  /** Null: the broker closed without an answer. */
  async connect(target: WireTarget, packet: ConnectPacket): Promise<ConnackPacket | null> {
    this.#connection = await PacketConnection.open(target, this, this.#buffers.read);
    if (this.#isLeaving) this.#connection.destroy();
    const connack = (await this.#ask(packet, target.timeoutMs)) as ConnackPacket | null;
    // Not more than the broker is ready for.
    this.#window = Math.min(this.#window, connack?.properties?.receiveMaximum ?? 65_535);
    return connack;
  }

  /** The first reason code that refuses, or 0. */
  async subscribe(filters: readonly string[], qos: QoS, timeoutMs: number): Promise<number> {
    const options = { qos, noLocal: false, retainAsPublished: false, retainHandling: 2 as const };
    const packet = { type: PacketType.SUBSCRIBE, packetId: 1, filters: filters.map((filter) => ({ filter, ...options })) };
    const answer = await this.#ask(packet, timeoutMs);
    if (answer?.type !== PacketType.SUBACK) throw new Error('the broker closed the connection');
    return answer.reasonCodes.find((code) => code >= 0x80) ?? 0;
  }

  /** Whether a message of this QoS may be sent now. */
  canSend(qos: QoS): boolean {
    this.#isFull = (qos > 0 && this.#inflight >= this.#window) || this.#connection.queuedBytes + this.#writeEnd > QUEUED_BYTES_MAX;
    return !this.#isFull;
  }

  /** Sends one message; it leaves with `flush`. */
  publish(head: MessageHead, stamp: Stamp): void {
    const payloadBytes = this.#options.payloadBytes;
    const bytes = head.bytes.length + payloadBytes;
    if (this.#writeEnd + bytes > WRITE_BYTES) this.flush();
    const isLarge = bytes > WRITE_BYTES;
    const target = isLarge ? Buffer.alloc(bytes) : this.#buffers.write;
    const at = isLarge ? 0 : this.#writeEnd;
    target.set(head.bytes, at);
    if (head.packetIdAt >= 0) {
      const packetId = this.#take(stamp.intendedMs);
      target[at + head.packetIdAt] = packetId >>> 8;
      target[at + head.packetIdAt + 1] = packetId;
    }
    const payloadAt = at + head.bytes.length;
    writeStamp(target, payloadAt, stamp);
    if (isLarge) this.#connection.write(target);
    else {
      target.fill(0x2e, payloadAt + stampBytes, payloadAt + payloadBytes);
      this.#writeEnd += bytes;
    }
  }

  /** Writes what has been collected. */
  flush(): void {
    if (this.#writeEnd === 0) return;
    const bytes = Buffer.from(this.#buffers.write.subarray(0, this.#writeEnd));
    this.#writeEnd = 0;
    if (!this.#connection.isClosed) this.#connection.write(bytes);
  }

  /** Says DISCONNECT; in MQTT 5 the session ends with it. */
  leave(): void {
    this.#isLeaving = true;
    if (this.#connection === undefined || this.#connection.isClosed) return;
    const properties = this.#options.version === 5 ? { properties: { sessionExpiryInterval: 0 } } : {};
    this.#connection.write(encodePacket({ type: PacketType.DISCONNECT, reasonCode: 0, ...properties }, this.#options.version));
    this.#connection.end();
  }

  destroy(): void {
    this.#isLeaving = true;
    this.#connection?.destroy();
  }

  onPacket(first: number, bytes: Buffer, body: number, end: number): void {
    const type = first >> 4;
    if (type === PacketType.PUBLISH) this.#onPublish(first, bytes, body, end);
    else if (type >= PacketType.PUBACK && type <= PacketType.PUBCOMP) this.#onAcknowledgement(first, bytes, body, end);
    else if (type === PacketType.DISCONNECT) this.#disconnectCode = end > body ? bytes[body] : 0;
    else if (type !== PacketType.PINGRESP) {
      const answer = this.#answer;
      this.#answer = null;
      answer?.(decodePacket(this.#options.version, first, bytes, body, end));
    }
  }

  onReadEnd(): void {
    this.flush();
  }

  onDrain(): void {
    if (this.#isFull) this.#observer.onRoom(this);
  }

  onClose(): void {
    this.#answer?.(null);
    this.#answer = null;
    if (!this.#isLeaving) this.#observer.onLost(this, this.#disconnectCode);
  }

  #onPublish(first: number, bytes: Buffer, body: number, end: number): void {
    const { frame, stamp } = this.#buffers;
    decodePublish(frame, this.#options.version, first, bytes, body, end);
    if (frame.qos > 0) this.#acknowledge(frame.qos === 1 ? PacketType.PUBACK << 4 : PacketType.PUBREC << 4, frame.packetId);
    if (readStamp(stamp, bytes, frame.payloadStart, frame.payloadEnd)) this.#observer.onMessage(this, stamp);
  }

  #onAcknowledgement(first: number, bytes: Buffer, body: number, end: number): void {
    const { acknowledgement } = this.#buffers;
    decodeAcknowledgement(acknowledgement, this.#options.version, first, bytes, body, end);
    const { packetId, reasonCode } = acknowledgement;
    const type = first >> 4;
    if (type === PacketType.PUBREL) this.#acknowledge(PacketType.PUBCOMP << 4, packetId);
    else if (type === PacketType.PUBREC && reasonCode < 0x80) this.#acknowledge(PUBREL, packetId);
    else this.#finish(packetId, reasonCode);
  }

  #finish(packetId: number, reasonCode: number): void {
    this.#inflight -= 1;
    this.#freeIds.push(packetId);
    this.#observer.onAcknowledged(this, this.#intendedMs[packetId], reasonCode);
    if (this.#isFull) this.#observer.onRoom(this);
  }

  /** A free packet identifier, for a message of this time. */
  #take(intendedMs: number): number {
    this.#inflight += 1;
    const packetId = this.#freeIds.pop() ?? this.#intendedMs.length;
    this.#intendedMs[packetId] = intendedMs;
    return packetId;
  }

  #acknowledge(first: number, packetId: number): void {
    if (this.#writeEnd + 4 > WRITE_BYTES) this.flush();
    this.#writeEnd = writeAcknowledgement(this.#buffers.write, this.#writeEnd, first, packetId, ReasonCode.Success);
  }

  /** Sends a packet whose answer is the next that is no message; null when the connection ends. */
  #ask(packet: Packet, timeoutMs: number): Promise<Packet | null> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
      this.#answer = (answer) => {
        clearTimeout(timer);
        resolve(answer);
      };
      this.#connection.write(encodePacket(packet, this.#options.version));
    });
  }
}

/** Encodes what all messages of one topic begin with. */
export function encodeHead(version: 4 | 5, topic: string, qos: QoS, payloadBytes: number, responseTopic?: string): MessageHead {
  const packetId = qos > 0 ? 1 : 0;
  const properties = responseTopic === undefined || version < 5 ? {} : { properties: { responseTopic } };
  const packet = { type: PacketType.PUBLISH, topic, payload: new Uint8Array(payloadBytes), qos, retain: false, dup: false, packetId };
  const whole = Buffer.from(encodePacket({ ...packet, ...properties }, version));
  const frame = new PublishFrame();
  // The length has one to four bytes, of which the last has no continuation bit.
  let body = 1;
  while (whole[body] >= 0x80) body += 1;
  decodePublish(frame, version, whole[0], whole, body + 1, whole.length);
  return { bytes: whole.subarray(0, frame.payloadStart), packetIdAt: frame.packetIdAt };
}
