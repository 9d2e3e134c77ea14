import { type ConnectPacket, type Packet, PacketType, type Properties } from '@wrenmq/codec';

/** Properties of a CONNECT that each library sends by itself, in its own way: compared where a flag asks for them. */
const LIBRARY_PROPERTIES: Readonly<Record<string, string>> = {
  receiveMaximum: 'receive-maximum',
  maximumPacketSize: 'maximum-packet-size',
  topicAliasMaximum: 'topic-alias-maximum',
  requestProblemInformation: 'request-problem-information',
  requestResponseInformation: 'request-response-information',
};
const ANSWERS: ReadonlySet<number> = new Set([
  PacketType.PUBACK,
  PacketType.PUBREC,
  PacketType.PUBREL,
  PacketType.PUBCOMP,
  PacketType.PINGREQ,
]);

/** What a program has sent, without what says nothing about its flags: answers, identifiers, what means the same as nothing. */
export function sentPackets(packets: readonly Packet[], args: readonly string[]): unknown[] {
  return packets.filter(({ type }) => !ANSWERS.has(type)).map((packet) => plain(describePacket(packet, args)));
}

function describePacket(packet: Packet, args: readonly string[]): object {
  if (packet.type === PacketType.CONNECT) return describeConnect(packet, args);
  if (packet.type === PacketType.PUBLISH) {
    const { topic, qos, retain } = packet;
    return { type: 'PUBLISH', topic, qos, retain, payload: textOf(packet.payload), properties: textual(packet.properties) };
  }
  if (packet.type === PacketType.SUBSCRIBE) {
    // The client numbers its subscriptions itself.
    const { subscriptionIdentifier: _, ...properties } = packet.properties ?? {};
    return { type: 'SUBSCRIBE', filters: packet.filters, properties };
  }
  if (packet.type === PacketType.UNSUBSCRIBE) return { type: 'UNSUBSCRIBE', filters: packet.filters, properties: packet.properties };
  return { ...packet, type: 'DISCONNECT' };
}

function describeConnect(packet: ConnectPacket, args: readonly string[]): object {
  const { clientId, password, will, properties, ...rest } = packet;
  const isNamed = args.includes('-i') || args.includes('--id') || args.includes('-I');
  const kept = Object.entries(properties ?? {}).filter(([name, value]) => {
    const flag = LIBRARY_PROPERTIES[name];
    // A session without an expiry interval ends with the connection, as one with 0.
    return name === 'sessionExpiryInterval' ? value !== 0 : flag === undefined || args.includes(flag);
  });
  return {
    ...rest,
    type: 'CONNECT',
    // -I adds the process id.
    clientId: isNamed ? clientId.replace(/\d+$/, 'N') : 'any',
    password: password === undefined ? undefined : textOf(password),
    will: will === undefined ? undefined : { ...will, payload: textOf(will.payload), properties: textual(will.properties) },
    properties: textual(Object.fromEntries(kept)),
  };
}

function textual(properties: Properties | undefined): object {
  return Object.fromEntries(
    Object.entries(properties ?? {}).map(([name, value]) => [name, value instanceof Uint8Array ? textOf(value) : (value as unknown)]),
  );
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1');
}

/** Without what is absent or empty. */
function plain(value: object): unknown {
  return JSON.parse(JSON.stringify(value, (_name, each: unknown) => (isEmpty(each) ? undefined : each)));
}

function isEmpty(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}
