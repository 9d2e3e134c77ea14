import assert from 'node:assert/strict';
import { readPacket, type ProtocolVersion, type ServerPacket, splitPacket } from '@wrenmq/testkit';
import { MemoryLink } from './memory-link.ts';

type PacketOf<T extends ServerPacket['type'], P = ServerPacket> = P extends { readonly type: infer U } ? (T extends U ? P : never) : never;

/** Turns of the event loop after which whatever the broker does by itself is done. */
const QUIET_TURNS = 6;
/** Turns after which what must happen has not happened. */
const PATIENCE_TURNS = 5000;

/** A client on a MemoryLink. It does nothing by itself; what comes is read as strictly as a client may. */
export class MemoryClient {
  readonly link: MemoryLink;
  /** In what form the answers are read; set before the first one comes. */
  version: ProtocolVersion;
  readonly packets: ServerPacket[] = [];
  /** Why the broker's bytes are not MQTT, or null. */
  violation: Error | null = null;
  #rest: Buffer = Buffer.alloc(0);

  constructor(version: ProtocolVersion, read: Buffer) {
    this.version = version;
    this.link = new MemoryLink(read, (bytes) => this.#take(bytes));
  }

  send(...packets: readonly Buffer[]): void {
    this.link.feed(packets.length === 1 ? packets[0] : Buffer.concat(packets));
  }

  /** The packets of one type that came. */
  all<T extends ServerPacket['type']>(type: T): PacketOf<T>[] {
    return this.packets.filter((packet) => packet.type === type) as PacketOf<T>[];
  }

  get last(): ServerPacket | undefined {
    return this.packets.at(-1);
  }

  /** Waits for the next packet of this type after the first `seen`, and returns it. */
  async packet<T extends ServerPacket['type']>(type: T, seen = 0): Promise<PacketOf<T>> {
    await until(() => this.all(type).length > seen || this.link.isClosed || this.violation !== null);
    if (this.violation !== null) throw this.violation;
    const found = this.all(type)[seen];
    assert.ok(found !== undefined, `expected ${type}; came ${this.packets.map((packet) => packet.type).join(' ')}`);
    return found;
  }

  /**
   * The broker ends the connection; in MQTT 5 its last packet says why. Before MQTT 5 only a CONNACK can, with a return code:
   * a reason code is looked for in MQTT 5 only.
   */
  async refused(code: number): Promise<void> {
    await until(() => this.link.isClosed);
    if (this.violation !== null) throw this.violation;
    const { last } = this;
    if (this.version < 5 && code >= 0x80) {
      assert.ok(last?.type !== 'connack' || last.reasonCode === 0, 'the CONNACK has another return code');
      return;
    }
    assert.ok(last !== undefined && 'reasonCode' in last, `expected a reason code; the last packet is ${last?.type}`);
    assert.equal(hex(last.reasonCode), hex(code));
  }

  /** Everything sent was handled and the connection is in use: what comes next is the answer to a PINGREQ. */
  async alive(): Promise<void> {
    const seen = this.all('pingresp').length;
    this.send(Buffer.of(0xc0, 0));
    await this.packet('pingresp', seen);
  }

  #take(bytes: Buffer): void {
    if (this.violation !== null) return;
    this.#rest = Buffer.concat([this.#rest, bytes]);
    try {
      for (let split = splitPacket(this.#rest); split !== null; split = splitPacket(this.#rest)) {
        this.#rest = split.rest;
        this.packets.push(readPacket(this.version, split.packet));
      }
    } catch (error) {
      this.violation = error as Error;
    }
  }
}

/** Lets the broker do what it has to do by itself. */
export async function turns(count = QUIET_TURNS): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** Turns the event loop until something holds. */
export async function until(holds: () => boolean): Promise<void> {
  for (let turn = 0; !holds(); turn += 1) {
    if (turn === PATIENCE_TURNS)
      throw new assert.AssertionError({ message: `${PATIENCE_TURNS} turns have passed, and it does not hold: ${holds.toString()}` });
    await turns(1);
  }
}

export function hex(code: number): string {
  return `0x${code.toString(16).padStart(2, '0')}`;
}
