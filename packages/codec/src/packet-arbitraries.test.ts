import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { PacketType } from './packet-type.ts';
import type { ProtocolVersion } from './packet-type.ts';
import type { Packet, Will } from './packet.ts';
import type { Properties } from './properties.ts';

const uint16 = fc.nat(0xffff);
const positive16 = fc.integer({ min: 1, max: 0xffff });
const uint32 = fc.nat(0xffffffff);
const positive32 = fc.integer({ min: 1, max: 0xffffffff });
const text = fc.string({ unit: 'binary', maxLength: 20 }).filter((value) => !value.includes('\0'));
const word = text.filter((value) => value.length > 0);
const topic = word.map((value) => value.replaceAll(/[+#]/g, '/'));
const binary = fc.uint8Array({ maxLength: 40 });
const qos = fc.constantFrom(0, 1, 2);
const bit = fc.constantFrom(0, 1);
const userProperties = fc.array(fc.tuple(text, text), { minLength: 1, maxLength: 3 });

const values: { readonly [Name in keyof Properties]-?: fc.Arbitrary<unknown> } = {
  payloadFormatIndicator: bit,
  messageExpiryInterval: uint32,
  contentType: text,
  responseTopic: topic,
  correlationData: binary,
  subscriptionIdentifiers: fc.array(fc.integer({ min: 1, max: 268_435_455 }), { minLength: 1, maxLength: 3 }),
  subscriptionIdentifier: fc.integer({ min: 1, max: 268_435_455 }),
  sessionExpiryInterval: uint32,
  assignedClientIdentifier: text,
  serverKeepAlive: uint16,
  authenticationMethod: text,
  authenticationData: binary,
  requestProblemInformation: fc.boolean(),
  willDelayInterval: uint32,
  requestResponseInformation: fc.boolean(),
  responseInformation: text,
  serverReference: text,
  reasonString: text,
  receiveMaximum: positive16,
  topicAliasMaximum: uint16,
  topicAlias: positive16,
  maximumQoS: bit,
  retainAvailable: fc.boolean(),
  userProperties,
  maximumPacketSize: positive32,
  wildcardSubscriptionAvailable: fc.boolean(),
  subscriptionIdentifierAvailable: fc.boolean(),
  sharedSubscriptionAvailable: fc.boolean(),
};

/** Any of these properties, or none: `{ properties: ... }` or `{}`. */
function withProperties(version: ProtocolVersion, ...names: (keyof Properties)[]): fc.Arbitrary<{ properties?: Properties }> {
  if (version < 5) return fc.constant({});
  const model = Object.fromEntries(names.map((name) => [name, values[name]]));
  return fc.record(model, { requiredKeys: [], noNullPrototype: true }).map((given) => {
    const properties = given as Properties;
    if (properties.authenticationMethod === undefined) delete properties.authenticationData;
    return Object.keys(properties).length === 0 ? {} : { properties };
  });
}

function packetOf(
  model: Record<string, fc.Arbitrary<unknown>>,
  properties: fc.Arbitrary<{ properties?: Properties }>,
): fc.Arbitrary<Packet> {
  return fc
    .tuple(fc.record(model, { noNullPrototype: true }), properties)
    .map(([fields, given]) => ({ ...fields, ...given }) as unknown as Packet);
}

function will(version: ProtocolVersion): fc.Arbitrary<Will> {
  const properties = withProperties(
    version,
    'payloadFormatIndicator',
    'messageExpiryInterval',
    'contentType',
    'responseTopic',
    'correlationData',
    'willDelayInterval',
    'userProperties',
  );
  return packetOf({ topic, payload: binary, qos, retain: fc.boolean() }, properties) as unknown as fc.Arbitrary<Will>;
}

function connect(version: ProtocolVersion): fc.Arbitrary<Packet> {
  const properties = withProperties(
    version,
    'sessionExpiryInterval',
    'authenticationMethod',
    'authenticationData',
    'requestProblemInformation',
    'requestResponseInformation',
    'receiveMaximum',
    'topicAliasMaximum',
    'userProperties',
    'maximumPacketSize',
  );
  const fields = { clientId: text, cleanStart: fc.boolean(), keepAlive: uint16 };
  const optional = fc.record({ will: will(version), username: text, password: binary }, { requiredKeys: [], noNullPrototype: true });
  const model = { type: fc.constant(PacketType.CONNECT), version: fc.constant(version), ...fields };
  return fc.tuple(packetOf(model, properties), optional).map(([packet, more]) => {
    if (version < 5 && more.username === undefined) delete more.password;
    return { ...packet, ...more };
  });
}

function connack(version: ProtocolVersion): fc.Arbitrary<Packet> {
  const names = (Object.keys(values) as (keyof Properties)[]).filter(
    (name) => !/^(payload|message|content|responseTopic|correlation|subscriptionIdentifiers?$|request|willDelay|topicAlias$)/.test(name),
  );
  const codes = version === 5 ? fc.constantFrom(0x80, 0x87, 0x9f) : fc.constantFrom(1, 5);
  const flags = fc.oneof(
    fc.record({ sessionPresent: version > 3 ? fc.boolean() : fc.constant(false), reasonCode: fc.constant(0) }),
    fc.record({ sessionPresent: fc.constant(false), reasonCode: codes }),
  );
  const rest = packetOf({ type: fc.constant(PacketType.CONNACK) }, withProperties(version, ...names));
  return fc.tuple(rest, flags).map(([packet, given]) => ({ ...packet, ...given }));
}

function publish(version: ProtocolVersion): fc.Arbitrary<Packet> {
  const properties = withProperties(
    version,
    'payloadFormatIndicator',
    'messageExpiryInterval',
    'contentType',
    'responseTopic',
    'correlationData',
    'subscriptionIdentifiers',
    'topicAlias',
    'userProperties',
  );
  const acknowledged = { qos: fc.constantFrom(1, 2), dup: fc.boolean(), packetId: positive16 };
  const plain = { qos: fc.constant(0), dup: fc.constant(false), packetId: fc.constant(0) };
  const payload = fc.uint8Array({ maxLength: 300 });
  const fields = { type: fc.constant(PacketType.PUBLISH), topic, payload, retain: fc.boolean() };
  return fc.oneof(packetOf({ ...fields, ...acknowledged }, properties), packetOf({ ...fields, ...plain }, properties));
}

function reasoned(version: ProtocolVersion, type: PacketType, codes: readonly number[]): fc.Arbitrary<Packet> {
  const reasonCode = version === 5 ? fc.constantFrom(...codes) : fc.constant(0);
  const model = { type: fc.constant(type), packetId: positive16, reasonCode };
  return packetOf(model, withProperties(version, 'reasonString', 'userProperties'));
}

function subscriptions(version: ProtocolVersion): fc.Arbitrary<Packet>[] {
  const is5 = version === 5;
  const options = {
    filter: word.filter((value) => !value.startsWith('$share/')),
    qos,
    noLocal: is5 ? fc.boolean() : fc.constant(false),
    retainAsPublished: is5 ? fc.boolean() : fc.constant(false),
    retainHandling: is5 ? fc.constantFrom(0, 1, 2) : fc.constant(0),
  };
  const subscription = fc.record(options, { noNullPrototype: true });
  const some = <T>(item: fc.Arbitrary<T>) => fc.array(item, { minLength: 1, maxLength: 4 });
  const unsubackCodes = is5 ? some(fc.constantFrom(0, 0x11, 0x8f)) : fc.constant([]);
  const answer = withProperties(version, 'reasonString', 'userProperties');
  const model = (type: PacketType, fields: Record<string, fc.Arbitrary<unknown>>) => ({
    type: fc.constant(type),
    packetId: positive16,
    ...fields,
  });
  return [
    packetOf(
      model(PacketType.SUBSCRIBE, { filters: some(subscription) }),
      withProperties(version, 'subscriptionIdentifier', 'userProperties'),
    ),
    packetOf(model(PacketType.SUBACK, { reasonCodes: some(fc.constantFrom(0, 1, 2, 0x80)) }), answer),
    packetOf(model(PacketType.UNSUBSCRIBE, { filters: some(word) }), withProperties(version, 'userProperties')),
    packetOf(model(PacketType.UNSUBACK, { reasonCodes: unsubackCodes }), answer),
  ];
}

function ends(version: ProtocolVersion): fc.Arbitrary<Packet>[] {
  const names = ['sessionExpiryInterval', 'serverReference', 'reasonString', 'userProperties'] as const;
  const reasonCode = version === 5 ? fc.constantFrom(0, 4, 0x8e, 0x9d) : fc.constant(0);
  const disconnect = packetOf({ type: fc.constant(PacketType.DISCONNECT), reasonCode }, withProperties(version, ...names));
  const pings = [PacketType.PINGREQ, PacketType.PINGRESP].map((type) => fc.constant({ type }));
  if (version < 5) return [disconnect, ...pings];
  const auth = fc
    .tuple(text, withProperties(5, 'authenticationData', 'reasonString', 'userProperties'), fc.constantFrom(0, 0x18, 0x19))
    .map(([authenticationMethod, { properties }, code]): Packet => {
      return { type: PacketType.AUTH, reasonCode: code, properties: { ...properties, authenticationMethod } };
    });
  return [disconnect, ...pings, auth];
}

/** Any valid packet of a version, in the form in which the decoder returns it. */
export function anyPacket(version: ProtocolVersion): fc.Arbitrary<Packet> {
  return fc.oneof(
    connect(version),
    connack(version),
    publish(version),
    reasoned(version, PacketType.PUBACK, [0, 0x10, 0x99]),
    reasoned(version, PacketType.PUBREC, [0, 0x91]),
    reasoned(version, PacketType.PUBREL, [0, 0x92]),
    reasoned(version, PacketType.PUBCOMP, [0, 0x92]),
    ...subscriptions(version),
    ...ends(version),
  );
}

describe('anyPacket', () => {
  for (const version of [3, 4, 5] as const) {
    it(`makes packets of every type that version ${version} has`, () => {
      const types = new Set(fc.sample(anyPacket(version), { numRuns: 500, seed: 10 }).map(({ type }) => type));
      assert.equal(types.size, version === 5 ? 15 : 14);
    });
  }
});
