import fc from 'fast-check';
import {
  acknowledgementBytes,
  authBytes,
  byte,
  connectBytes,
  disconnectBytes,
  pingreqBytes,
  type ProtocolVersion,
  publishBytes,
  type QoS,
  subscribeBytes,
  uint16,
  uint32,
  unsubscribeBytes,
  utf8,
  variableByteInteger,
} from '@wrenmq/testkit';

export const versions: readonly ProtocolVersion[] = [3, 4, 5];

/** Few names, so that clients meet: take-overs, own messages, replaced subscriptions. */
const clientId = fc.constantFrom('', 'a', 'b', 'c', 'ein-langer-name-éü');
const topic = fc.constantFrom('t', 't/1', 'a/b/c', '$SYS/x', 'é', '/', 'a//b', '1/2/3/4/5/6/7/8/9/10/11', 'x'.repeat(300));
const filter = fc.oneof(
  topic,
  fc.constantFrom('#', '+', 'a/#', '+/+', '$share/g/t', '$share/g/#', '$share/', '$share/g', 'a/#/b', 'a+', ''),
);
const qos = fc.constantFrom<QoS>(0, 1, 2);
const packetId = fc.oneof(fc.integer({ min: 1, max: 6 }), fc.constantFrom(0, 65_535));
const payload = fc
  .oneof(fc.uint8Array({ maxLength: 40 }), fc.constantFrom(new Uint8Array(0), new Uint8Array(3000)))
  .map((bytes) => Buffer.from(bytes));
const text = fc.constantFrom(
  Buffer.from(''),
  Buffer.from('text'),
  Buffer.from([0xc3, 0x28]),
  Buffer.from([0]),
  Buffer.from([0xed, 0xa0, 0x80]),
  Buffer.from('a/+'),
);

/** One property: mostly well-formed, of any packet, at times unknown. */
const property = fc.oneof(
  fc
    .tuple(fc.constantFrom(0x01, 0x17, 0x19, 0x24, 0x25, 0x28, 0x29, 0x2a), fc.constantFrom(0, 1, 2))
    .map(([id, value]) => [byte(id), byte(value)]),
  fc.tuple(fc.constantFrom(0x13, 0x21, 0x22, 0x23), fc.constantFrom(0, 1, 2, 4, 65_535)).map(([id, value]) => [byte(id), uint16(value)]),
  fc
    .tuple(fc.constantFrom(0x02, 0x11, 0x18, 0x27), fc.constantFrom(0, 1, 60, 1000, 0xffffffff))
    .map(([id, value]) => [byte(id), uint32(value)]),
  fc.tuple(fc.constant(0x0b), fc.constantFrom(0, 1, 127, 128, 268_435_455)).map(([id, value]) => [byte(id), variableByteInteger(value)]),
  fc.tuple(fc.constantFrom(0x03, 0x08, 0x09, 0x12, 0x15, 0x16, 0x1a, 0x1c, 0x1f), text).map(([id, value]) => [byte(id), utf8(value)]),
  fc.tuple(fc.constant(0x26), text, text).map(([id, name, value]) => [byte(id), utf8(name), utf8(value)]),
  fc.tuple(fc.constantFrom(0x00, 0x04, 0x2b, 0x7f, 0xff), fc.constant(0)).map(([id, value]) => [byte(id), byte(value)]),
);

/** The properties of a packet, without their length: often none, at times such as the packet may not have. */
const properties = fc.oneof(
  { weight: 3, arbitrary: fc.constant(Buffer.alloc(0)) },
  { weight: 2, arbitrary: fc.array(property, { maxLength: 3 }).map((list) => Buffer.concat(list.flat())) },
);

export function connect(version: ProtocolVersion): fc.Arbitrary<Buffer> {
  const will = fc.record({ topic, payload, qos, retain: fc.boolean() });
  return fc
    .record({ clientId, clean: fc.boolean(), keepAlive: fc.constantFrom(0, 60), will: fc.option(will), properties, user: fc.boolean() })
    .map(({ will: given, user, ...options }) =>
      connectBytes(version, {
        ...options,
        ...(given === null ? {} : { will: given }),
        ...(user ? { userName: 'someone', password: 'x' } : {}),
      }),
    );
}

/** A CONNECT that is accepted. */
export function goodConnect(version: ProtocolVersion): fc.Arbitrary<Buffer> {
  const id = fc.constantFrom('a', 'b', 'c');
  const expiry = fc.constantFrom(0, 100);
  return fc
    .tuple(id, fc.boolean(), expiry)
    .map(([name, clean, sessionExpiryInterval]) => connectBytes(version, { clientId: name, clean, properties: { sessionExpiryInterval } }));
}

/** Any packet that a client may send, and some that it may not. */
export function anyPacket(version: ProtocolVersion): fc.Arbitrary<Buffer> {
  const code = fc.constantFrom(0, 0x10, 0x80, 0x92, 0x97, 0x77);
  const optional = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(arbitrary, { nil: undefined });
  const flags = fc.integer({ min: 0, max: 63 });
  const publish = fc.record({ topic, payload, qos, retain: fc.boolean(), dup: fc.boolean(), packetId, properties });
  const requests = fc.array(fc.record({ filter, options: version === 5 ? flags : fc.integer({ min: 0, max: 3 }) }), { maxLength: 4 });
  return fc.oneof(
    { weight: 6, arbitrary: publish.map((options) => publishBytes(version, { ...options, dup: options.dup && options.qos > 0 })) },
    { weight: 3, arbitrary: fc.tuple(packetId, requests, properties).map(([id, list, own]) => subscribeBytes(version, id, list, own)) },
    {
      weight: 1,
      arbitrary: fc
        .tuple(packetId, fc.array(filter, { maxLength: 4 }), properties)
        .map(([id, list, own]) => unsubscribeBytes(version, id, list, own)),
    },
    {
      weight: 4,
      arbitrary: fc
        .tuple(fc.constantFrom('puback', 'pubrec', 'pubrel', 'pubcomp'), packetId, optional(code), optional(properties))
        .map(([name, id, reason, own]) =>
          version < 5 ? acknowledgementBytes(name, id) : acknowledgementBytes(name, id, reason, reason === undefined ? undefined : own),
        ),
    },
    { weight: 1, arbitrary: fc.constant(pingreqBytes()) },
    { weight: 1, arbitrary: connect(version) },
    {
      weight: 1,
      arbitrary: fc
        .tuple(optional(code), optional(properties))
        .map(([reason, own]) => disconnectBytes(reason, reason === undefined ? undefined : own)),
    },
    { weight: 1, arbitrary: fc.tuple(fc.constantFrom(0, 0x18, 0x19, 0x80), properties).map(([reason, own]) => authBytes(reason, own)) },
    {
      weight: 1,
      arbitrary: fc
        .constantFrom('20020000', '9003000100', 'd000', 'b0020001', '00', '0000', 'ffffffffff')
        .map((hexText) => Buffer.from(hexText, 'hex')),
    },
  );
}
