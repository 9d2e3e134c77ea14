import fc from 'fast-check';
import { variableByteInteger } from '@wrenmq/testkit';

/** What is done to the bytes of a packet; the numbers are taken modulo what there is to choose from. */
export interface Mutation {
  readonly kind: (typeof kinds)[number];
  readonly at: number;
  readonly value: number;
}

const kinds = [
  'flip',
  'set',
  'length16',
  'insert',
  'delete',
  'repeat',
  'cut',
  'cutAndMend',
  'claimMore',
  'claimLess',
  'overlong',
  'flags',
  'token',
] as const;

/** What parsers trip over. */
const tokens = [
  '00',
  'ff',
  'ffff',
  '0000',
  '80808080',
  'ffffff7f',
  '8000',
  'c080',
  'eda080',
  'f4908080',
  '0001',
  '26000000',
  '23ffff',
  '0b00',
].map((text) => Buffer.from(text, 'hex'));

export const mutation: fc.Arbitrary<Mutation> = fc.record({ kind: fc.constantFrom(...kinds), at: fc.nat(10_000), value: fc.nat(65_535) });

/** The packet, mutated. Those that change its size by more than a claim leave the Remaining Length right, so that the bytes get past the frame. */
export function mutate(packet: Buffer, { kind, at, value }: Mutation): Buffer {
  const body = bodyOf(packet);
  const place = body.length === 0 ? 0 : at % body.length;
  switch (kind) {
    case 'flip':
      return framed(packet, withByte(body, place, (body[place] ?? 0) ^ (1 << (value % 8))));
    case 'set':
      return framed(packet, withByte(body, place, value & 0xff));
    case 'length16':
      return framed(packet, withByte(withByte(body, place, value >> 8), place + 1, value & 0xff));
    case 'insert':
      return framed(packet, splice(body, place, 0, Buffer.alloc(value % 9, value & 0xff)));
    case 'delete':
      return framed(packet, splice(body, place, 1 + (value % 4), Buffer.alloc(0)));
    case 'repeat':
      return framed(packet, splice(body, place, 0, body.subarray(place, place + 1 + (value % 20))));
    case 'cut':
      return packet.subarray(0, at % (packet.length + 1));
    case 'cutAndMend':
      return framed(packet, body.subarray(0, place));
    case 'claimMore':
      return Buffer.concat([packet.subarray(0, 1), variableByteInteger(body.length + 1 + (value % 300)), body]);
    case 'claimLess':
      return Buffer.concat([packet.subarray(0, 1), variableByteInteger(Math.max(0, body.length - 1 - (value % 4))), body]);
    case 'overlong':
      return Buffer.concat([
        packet.subarray(0, 1),
        Buffer.from([0x80 | (body.length & 0x7f), 0x80, 0x80, 0x80, 0x01].slice(0, 2 + (value % 4))),
        body,
      ]);
    case 'flags':
      return withByte(packet, 0, (packet[0] & 0xf0) | (value & 0x0f));
    case 'token':
      return framed(packet, splice(body, place, value % 3, tokens[value % tokens.length]));
  }
}

function bodyOf(packet: Buffer): Buffer {
  let at = 1;
  while (at < packet.length && packet[at] >= 0x80) at += 1;
  return packet.subarray(at + 1);
}

function framed(packet: Buffer, body: Buffer): Buffer {
  return Buffer.concat([packet.subarray(0, 1), variableByteInteger(body.length), body]);
}

function withByte(bytes: Buffer, at: number, value: number): Buffer {
  if (at >= bytes.length) return bytes;
  const copy = Buffer.from(bytes);
  copy[at] = value;
  return copy;
}

function splice(bytes: Buffer, at: number, count: number, inserted: Buffer): Buffer {
  return Buffer.concat([bytes.subarray(0, at), inserted, bytes.subarray(at + count)]);
}
