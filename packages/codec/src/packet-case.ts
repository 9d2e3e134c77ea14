import type { ProtocolVersion } from './packet-type.ts';
import type { Packet } from './packet.ts';

/** A valid packet and its bytes. */
export interface PacketCase {
  readonly name: string;
  readonly version: ProtocolVersion;
  readonly bytes: Uint8Array;
  readonly packet: Packet;
  /** False when the packet has another form as well, which the encoder prefers. */
  readonly isShortest?: false;
}

type Part = number | readonly number[];

/** The bytes of a packet whose body is shorter than 128 bytes; independent of the codec. */
export function frame(first: number, ...parts: Part[]): Uint8Array {
  const body = parts.flat();
  return Uint8Array.of(first, short(body.length), ...body);
}

/** A string after its length in two bytes. */
export function text(value: string): number[] {
  const encoded = new TextEncoder().encode(value);
  return [0, short(encoded.length), ...encoded];
}

/** Properties after their length. */
export function properties(...parts: Part[]): number[] {
  const content = parts.flat();
  return [short(content.length), ...content];
}

function short(length: number): number {
  if (length > 127) throw new Error('cases of this length are written byte by byte');
  return length;
}

/** A packet that must be refused, and how. */
export interface ErrorCase {
  readonly name: string;
  readonly version: ProtocolVersion;
  readonly bytes: Uint8Array;
  readonly reasonCode: number;
  readonly clause: string;
}

export function bytes(...values: number[]): Uint8Array {
  return Uint8Array.of(...values);
}

/** The protocol name and its length. */
export const name4 = [0, 4, 0x4d, 0x51, 0x54, 0x54];
export const name3 = [0, 6, 0x4d, 0x51, 0x49, 0x73, 0x64, 0x70];

/** A user property and a reason string, and what they mean. */
export const user = [0x26, 0, 1, 0x6b, 0, 1, 0x76];
export const userProperties: [string, string][] = [['k', 'v']];
export const reason = [0x1f, 0, 2, 0x6e, 0x6f];
export const reasonAndUser = { reasonString: 'no', userProperties };
