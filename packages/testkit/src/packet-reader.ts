import { propertyTable, type Properties, type PropertySpecification } from './properties.ts';
import type { AcknowledgementName, ProtocolVersion, QoS } from './packet-writer.ts';

export interface Connack {
  readonly type: 'connack';
  readonly sessionPresent: boolean;
  /** Return code before MQTT 5. */
  readonly reasonCode: number;
  readonly properties: Properties;
  readonly raw: Buffer;
}

export interface Publish {
  readonly type: 'publish';
  readonly topic: string;
  readonly payload: Buffer;
  readonly qos: QoS;
  readonly retain: boolean;
  readonly dup: boolean;
  /** 0 for QoS 0. */
  readonly packetId: number;
  readonly properties: Properties;
  readonly raw: Buffer;
}

export interface Acknowledgement {
  readonly type: AcknowledgementName;
  readonly packetId: number;
  /** 0 when it is left out. */
  readonly reasonCode: number;
  readonly properties: Properties;
  readonly raw: Buffer;
}

export interface SubscriptionAcknowledgement {
  readonly type: 'suback' | 'unsuback';
  readonly packetId: number;
  /** Empty in an UNSUBACK before MQTT 5. */
  readonly reasonCodes: readonly number[];
  readonly properties: Properties;
  readonly raw: Buffer;
}

export interface Pingresp {
  readonly type: 'pingresp';
  readonly raw: Buffer;
}

export interface Disconnect {
  readonly type: 'disconnect' | 'auth';
  readonly reasonCode: number;
  readonly properties: Properties;
  readonly raw: Buffer;
}

/** A packet as a server sends it. */
export type ServerPacket = Connack | Publish | Acknowledgement | SubscriptionAcknowledgement | Pingresp | Disconnect;

const names = ['', '', 'connack', 'publish', 'puback', 'pubrec', 'pubrel', 'pubcomp', '', 'suback', '', 'unsuback', '', 'pingresp'];
names.push('disconnect', 'auth');

// Which Reason Codes a server may send (3.2.2.2, 3.4.2.1, 3.5.2.1, 3.6.2.1, 3.7.2.1, 3.9.3, 3.11.3, 3.14.2.1, 3.15.2.1).
// DISCONNECT 0x8C stands only in the general table of 2.4.
const publishCodes = [0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99];
const reasonCodes: Readonly<Record<string, readonly number[]>> = {
  connack: [
    0x00, 0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x8c, 0x90, 0x95, 0x97, 0x99, 0x9a, 0x9b, 0x9c, 0x9d, 0x9f,
  ],
  puback: publishCodes,
  pubrec: publishCodes,
  pubrel: [0x00, 0x92],
  pubcomp: [0x00, 0x92],
  suback: [0x00, 0x01, 0x02, 0x80, 0x83, 0x87, 0x8f, 0x91, 0x97, 0x9e, 0xa1, 0xa2],
  unsuback: [0x00, 0x11, 0x80, 0x83, 0x87, 0x8f, 0x91],
  disconnect: [
    0x00, 0x80, 0x81, 0x82, 0x83, 0x87, 0x89, 0x8b, 0x8c, 0x8d, 0x8e, 0x8f, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9a, 0x9b,
    0x9c, 0x9d, 0x9e, 0x9f, 0xa0, 0xa1, 0xa2,
  ],
  auth: [0x00, 0x18, 0x19],
};

/** What a server sent breaks the standard. */
export class ServerViolation extends Error {
  constructor(detail: string, bytes: Buffer) {
    super(`${detail}: ${bytes.subarray(0, 64).toString('hex')}`);
    this.name = 'ServerViolation';
  }
}

/** Reads one complete packet as strictly as a client may, so that every test also checks the form of every answer. */
export function readPacket(version: ProtocolVersion, raw: Buffer): ServerPacket {
  return new Reader(version, raw).read();
}

/** Takes the first complete packet off the front of `bytes`; null when more bytes are needed. */
export function splitPacket(bytes: Buffer): { packet: Buffer; rest: Buffer } | null {
  let length = 0;
  for (let i = 1; i <= 4; i += 1) {
    if (bytes.length <= i) return null;
    const digit = bytes[i];
    length += (digit & 0x7f) * 128 ** (i - 1);
    if (digit >= 0x80) continue;
    if (i > 1 && digit === 0) throw new ServerViolation('the Remaining Length is longer than it must be', bytes);
    const end = i + 1 + length;
    return bytes.length < end ? null : { packet: bytes.subarray(0, end), rest: bytes.subarray(end) };
  }
  throw new ServerViolation('the Remaining Length has no end', bytes);
}

class Reader {
  readonly #version: ProtocolVersion;
  readonly #raw: Buffer;
  #position: number;

  constructor(version: ProtocolVersion, raw: Buffer) {
    this.#version = version;
    this.#raw = raw;
    this.#position = 1;
    while (raw[this.#position] >= 0x80) this.#position += 1;
    this.#position += 1;
  }

  read(): ServerPacket {
    const first = this.#raw[0];
    const type = names[first >> 4];
    const flags = first & 0x0f;
    const expected = type === 'pubrel' ? 2 : 0;
    if (type !== 'publish' && flags !== expected) this.#fail(`${type} has the flags ${flags}`);
    const packet = this.#body(type, flags);
    if (this.#position !== this.#raw.length) this.#fail(`${type} has ${this.#raw.length - this.#position} bytes too many`);
    return packet;
  }

  #body(type: string, flags: number): ServerPacket {
    switch (type) {
      case 'connack':
        return this.#connack();
      case 'publish':
        return this.#publish(flags);
      case 'puback':
      case 'pubrec':
      case 'pubrel':
      case 'pubcomp':
        return { type, packetId: this.#identifier(), ...this.#reason(type), raw: this.#raw };
      case 'suback':
      case 'unsuback':
        return this.#subscriptionAcknowledgement(type);
      case 'pingresp':
        return { type, raw: this.#raw };
      case 'disconnect':
      case 'auth':
        if (this.#version < 5) this.#fail(`a server sends no ${type} before MQTT 5`);
        return { type, ...this.#reason(type), raw: this.#raw };
      default:
        return this.#fail('a server does not send this packet');
    }
  }

  #connack(): Connack {
    const flags = this.#byte();
    const reasonCode = this.#byte();
    if (flags > 1 || (this.#version === 3 && flags !== 0)) this.#fail('reserved Connect Acknowledge Flags are set');
    if (this.#version < 5 && reasonCode > 5) this.#fail(`the return code ${reasonCode} does not exist`);
    if (this.#version === 5) this.#checkReason('connack', reasonCode);
    if (reasonCode !== 0 && flags !== 0) this.#fail('Session Present is set on a refusal');
    return { type: 'connack', sessionPresent: flags === 1, reasonCode, properties: this.#properties('connack'), raw: this.#raw };
  }

  #publish(flags: number): Publish {
    const qos = (flags >> 1) & 3;
    if (qos === 3) this.#fail('both QoS bits are set');
    const dup = (flags & 8) !== 0;
    if (dup && qos === 0) this.#fail('DUP is set at QoS 0');
    const topic = this.#utf8();
    if (/[+#]/.test(topic)) this.#fail('the Topic Name has wildcards');
    const packetId = qos === 0 ? 0 : this.#identifier();
    const properties = this.#properties('publish');
    if (topic === '' && properties.topicAlias === undefined) this.#fail('the Topic Name is empty');
    if (properties.topicAlias === 0) this.#fail('the Topic Alias is 0');
    const payload = this.#raw.subarray(this.#position);
    this.#position = this.#raw.length;
    return { type: 'publish', topic, payload, qos: qos as QoS, retain: (flags & 1) !== 0, dup, packetId, properties, raw: this.#raw };
  }

  #subscriptionAcknowledgement(type: 'suback' | 'unsuback'): SubscriptionAcknowledgement {
    const packetId = this.#identifier();
    const properties = this.#properties(type);
    const codes = type === 'unsuback' && this.#version < 5 ? [] : [...this.#raw.subarray(this.#position)];
    this.#position += codes.length;
    for (const code of codes) {
      if (this.#version === 5) this.#checkReason(type, code);
      else if (code > 2 && code !== 0x80) this.#fail(`the return code ${code} is reserved`);
    }
    return { type, packetId, reasonCodes: codes, properties, raw: this.#raw };
  }

  /** Reason Code and properties, which may be left out from the end (3.4.2.1, 3.14.2.1). */
  #reason(type: string): { reasonCode: number; properties: Properties } {
    if (this.#version < 5 || this.#position === this.#raw.length) return { reasonCode: 0, properties: {} };
    const reasonCode = this.#byte();
    this.#checkReason(type, reasonCode);
    const properties = this.#position === this.#raw.length ? {} : this.#properties(type);
    return { reasonCode, properties };
  }

  #checkReason(type: string, code: number): void {
    if (!reasonCodes[type].includes(code)) this.#fail(`a server's ${type} does not have the Reason Code 0x${code.toString(16)}`);
  }

  #properties(type: string): Properties {
    if (this.#version < 5) return {};
    const end = this.#variable() + this.#position;
    const found: Record<string, unknown> = {};
    while (this.#position < end) {
      const id = this.#variable();
      const specification = propertyTable.find((candidate) => candidate.id === id);
      if (specification === undefined) return this.#fail(`no property has the identifier ${id}`);
      if (!specification.serverPackets.includes(type)) this.#fail(`a server's ${type} does not have ${specification.name}`);
      this.#property(specification, found);
    }
    if (this.#position !== end) this.#fail('the Property Length is wrong');
    return found;
  }

  #property({ name, form }: PropertySpecification, found: Record<string, unknown>): void {
    const value = this.#value(form);
    if (name === 'userProperties' || name === 'subscriptionIdentifiers') {
      const values = (found[name] ??= []) as unknown[];
      values.push(value);
      return;
    }
    if (name in found) this.#fail(`${name} is there twice`);
    found[name] = value;
  }

  #value(form: PropertySpecification['form']): unknown {
    switch (form) {
      case 'byte':
        return this.#byte();
      case 'uint16':
        return this.#uint(2);
      case 'uint32':
        return this.#uint(4);
      case 'variable':
        return this.#variable();
      case 'utf8':
        return this.#utf8();
      case 'binary':
        return this.#take(this.#uint(2));
      case 'pair':
        return [this.#utf8(), this.#utf8()];
    }
  }

  #identifier(): number {
    const packetId = this.#uint(2);
    if (packetId === 0) this.#fail('the Packet Identifier is 0');
    return packetId;
  }

  #byte(): number {
    return this.#uint(1);
  }

  #uint(bytes: number): number {
    return this.#take(bytes).readUIntBE(0, bytes);
  }

  #variable(): number {
    let value = 0;
    for (let i = 0; i < 4; i += 1) {
      const digit = this.#byte();
      value += (digit & 0x7f) * 128 ** i;
      if (digit >= 0x80) continue;
      if (i > 0 && digit === 0) this.#fail('a Variable Byte Integer is longer than it must be');
      return value;
    }
    return this.#fail('a Variable Byte Integer has no end');
  }

  #utf8(): string {
    const bytes = this.#take(this.#uint(2));
    try {
      const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
      if (!text.includes('\0')) return text;
    } catch {
      return this.#fail('a string is ill-formed UTF-8');
    }
    return this.#fail('a string contains U+0000');
  }

  #take(count: number): Buffer {
    const end = this.#position + count;
    if (end > this.#raw.length) this.#fail('the packet is too short');
    const bytes = this.#raw.subarray(this.#position, end);
    this.#position = end;
    return bytes;
  }

  #fail(detail: string): never {
    throw new ServerViolation(detail, this.#raw);
  }
}
