import type { StoreOp } from '#store/session-store.ts';

/*
 * A step as bytes, big endian:
 *
 *   out.put    1  seq(8) qos(1, 0x80: expiresAt follows) [expiresAt(8, double)] length(4) packet
 *   out.sent   2  seq(8) packetId(2)
 *   out.rec    3  seq(8)
 *   out.done   4  seq(8)
 *   in.put     5  packetId(2) length(4) packet
 *   in.handled 6  packetId(2)
 *   in.free    7  packetId(2)
 *   sub.put    8  options(1) id(4) length(2) filter
 *   sub.del    9  length(2) filter
 *   session   10  state(1; 1: new, 2: lost)
 */
const OUT_PUT = 1;
const OUT_SENT = 2;
const OUT_REC = 3;
const OUT_DONE = 4;
const IN_PUT = 5;
const IN_HANDLED = 6;
const IN_FREE = 7;
const SUB_PUT = 8;
const SUB_DEL = 9;
const SESSION = 10;
const HAS_EXPIRY = 0x80;

/** Bytes that `encodeOp` writes. */
export function measureOp(op: StoreOp): number {
  switch (op.op) {
    case 'out.put':
      return 14 + (op.expiresAt === undefined ? 0 : 8) + op.packet.length;
    case 'out.sent':
      return 11;
    case 'out.rec':
    case 'out.done':
      return 9;
    case 'in.put':
      return 7 + op.packet.length;
    case 'in.handled':
    case 'in.free':
      return 3;
    case 'sub.put':
      return 8 + Buffer.byteLength(op.filter);
    case 'sub.del':
      return 3 + Buffer.byteLength(op.filter);
    case 'session':
      return 2;
  }
}

/** @returns the position behind it. */
export function encodeOp(op: StoreOp, bytes: Buffer, start: number): number {
  switch (op.op) {
    case 'out.put':
      return encodeOutPut(op, bytes, start);
    case 'out.sent':
      bytes.writeUInt8(OUT_SENT, start);
      bytes.writeBigUInt64BE(op.seq, start + 1);
      return bytes.writeUInt16BE(op.packetId, start + 9);
    case 'out.rec':
    case 'out.done':
      bytes.writeUInt8(op.op === 'out.rec' ? OUT_REC : OUT_DONE, start);
      return bytes.writeBigUInt64BE(op.seq, start + 1);
    case 'in.put':
      bytes.writeUInt8(IN_PUT, start);
      bytes.writeUInt16BE(op.packetId, start + 1);
      bytes.writeUInt32BE(op.packet.length, start + 3);
      bytes.set(op.packet, start + 7);
      return start + 7 + op.packet.length;
    case 'in.handled':
    case 'in.free':
      bytes.writeUInt8(op.op === 'in.handled' ? IN_HANDLED : IN_FREE, start);
      return bytes.writeUInt16BE(op.packetId, start + 1);
    case 'sub.put':
      bytes.writeUInt8(SUB_PUT, start);
      bytes.writeUInt8(op.options, start + 1);
      bytes.writeUInt32BE(op.id, start + 2);
      return encodeText(op.filter, bytes, start + 6);
    case 'sub.del':
      bytes.writeUInt8(SUB_DEL, start);
      return encodeText(op.filter, bytes, start + 1);
    case 'session':
      bytes.writeUInt8(SESSION, start);
      return bytes.writeUInt8(op.state === 'new' ? 1 : 2, start + 1);
  }
}

function encodeOutPut(op: StoreOp & { op: 'out.put' }, bytes: Buffer, start: number): number {
  bytes.writeUInt8(OUT_PUT, start);
  bytes.writeBigUInt64BE(op.seq, start + 1);
  bytes.writeUInt8(op.expiresAt === undefined ? op.qos : op.qos | HAS_EXPIRY, start + 9);
  const at = op.expiresAt === undefined ? start + 10 : bytes.writeDoubleBE(op.expiresAt, start + 10);
  bytes.writeUInt32BE(op.packet.length, at);
  bytes.set(op.packet, at + 4);
  return at + 4 + op.packet.length;
}

function encodeText(text: string, bytes: Buffer, start: number): number {
  const length = bytes.write(text, start + 2);
  bytes.writeUInt16BE(length, start);
  return start + 2 + length;
}

/** Reads the steps of one record, whose checksum holds: an error here is a record of a format that this version does not know. */
export class OpDecoder {
  readonly #bytes: Buffer;
  at: number;

  constructor(bytes: Buffer, at: number) {
    this.#bytes = bytes;
    this.at = at;
  }

  /** Packets are copies, so that one that lives long does not hold its whole record in memory. */
  next(): StoreOp {
    const kind = this.#number(1);
    switch (kind) {
      case OUT_PUT:
        return this.#outPut();
      case OUT_SENT:
        return { op: 'out.sent', seq: this.#seq(), packetId: this.#number(2) };
      case OUT_REC:
        return { op: 'out.rec', seq: this.#seq() };
      case OUT_DONE:
        return { op: 'out.done', seq: this.#seq() };
      case IN_PUT:
        return { op: 'in.put', packetId: this.#number(2), packet: this.#packet() };
      case IN_HANDLED:
        return { op: 'in.handled', packetId: this.#number(2) };
      case IN_FREE:
        return { op: 'in.free', packetId: this.#number(2) };
      case SUB_PUT: {
        const options = this.#number(1);
        const id = this.#number(4);
        return { op: 'sub.put', filter: this.#text(), options, id };
      }
      case SUB_DEL:
        return { op: 'sub.del', filter: this.#text() };
      case SESSION:
        return { op: 'session', state: this.#number(1) === 1 ? 'new' : 'lost' };
      default:
        throw new RangeError(`a step of unknown kind ${kind}`);
    }
  }

  #outPut(): StoreOp {
    const seq = this.#seq();
    const flags = this.#number(1);
    const qos = (flags & ~HAS_EXPIRY) === 1 ? 1 : 2;
    if ((flags & HAS_EXPIRY) === 0) return { op: 'out.put', seq, qos, packet: this.#packet() };
    const expiresAt = this.#bytes.readDoubleBE(this.at);
    this.at += 8;
    return { op: 'out.put', seq, qos, packet: this.#packet(), expiresAt };
  }

  #seq(): bigint {
    const seq = this.#bytes.readBigUInt64BE(this.at);
    this.at += 8;
    return seq;
  }

  #number(size: number): number {
    const value = this.#bytes.readUIntBE(this.at, size);
    this.at += size;
    return value;
  }

  #packet(): Uint8Array {
    return new Uint8Array(this.#take(this.#number(4)));
  }

  #text(): string {
    return this.#take(this.#number(2)).toString();
  }

  #take(length: number): Buffer {
    const end = this.at + length;
    if (end > this.#bytes.length) throw new RangeError('a step that is longer than its record');
    const taken = this.#bytes.subarray(this.at, end);
    this.at = end;
    return taken;
  }
}
