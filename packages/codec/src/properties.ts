import { PacketType } from './packet-type.ts';
import type { PacketReader } from './packet-reader.ts';
import { PacketWriter } from './packet-writer.ts';
import { PropertyId } from './property-id.ts';
import { ProtocolError, malformed, violation } from './protocol-error.ts';
import { ReasonCode } from './reason-code.ts';

export type UserProperties = [name: string, value: string][];

/** Every property of MQTT 5.0, under the standard's name; the packet types pick theirs. Absent means not sent. */
export interface Properties {
  payloadFormatIndicator?: 0 | 1;
  /** Seconds. */
  messageExpiryInterval?: number;
  contentType?: string;
  responseTopic?: string;
  correlationData?: Uint8Array;
  /** In a PUBLISH: one for each subscription that matched. */
  subscriptionIdentifiers?: number[];
  /** In a SUBSCRIBE. */
  subscriptionIdentifier?: number;
  /** Seconds; 0xffffffff never expires. */
  sessionExpiryInterval?: number;
  assignedClientIdentifier?: string;
  /** Seconds. */
  serverKeepAlive?: number;
  authenticationMethod?: string;
  authenticationData?: Uint8Array;
  requestProblemInformation?: boolean;
  /** Seconds. */
  willDelayInterval?: number;
  requestResponseInformation?: boolean;
  responseInformation?: string;
  serverReference?: string;
  reasonString?: string;
  receiveMaximum?: number;
  topicAliasMaximum?: number;
  topicAlias?: number;
  maximumQoS?: 0 | 1;
  retainAvailable?: boolean;
  /** In the order in which they travel. */
  userProperties?: UserProperties;
  /** Bytes. */
  maximumPacketSize?: number;
  wildcardSubscriptionAvailable?: boolean;
  subscriptionIdentifierAvailable?: boolean;
  sharedSubscriptionAvailable?: boolean;
}

/** Where properties stand: a packet type, or `willContext` for those of a will. */
export type PropertyContext = PacketType | typeof willContext;

/** No packet has type 0. */
export const willContext = 0;

type Kind = 'byte' | 'boolean' | 'uint16' | 'uint32' | 'variable' | 'string' | 'binary' | 'pair';

interface Definition {
  readonly id: number;
  readonly name: keyof Properties;
  readonly kind: Kind;
  readonly contexts: readonly PropertyContext[];
  /** The smallest and largest value of a number; the kind's own bounds when absent. */
  readonly min?: number;
  readonly max?: number;
  /** The section that defines it. */
  readonly section: string;
}

const { CONNECT, CONNACK, PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP, SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK, DISCONNECT, AUTH } =
  PacketType;
const message: readonly PropertyContext[] = [PUBLISH, willContext];
const answers: readonly PropertyContext[] = [CONNACK, PUBACK, PUBREC, PUBREL, PUBCOMP, SUBACK, UNSUBACK, DISCONNECT, AUTH];
const id = PropertyId;

/** Table 2-4 of the standard, by ascending identifier, which is also the order in which properties are written. */
const definitions: readonly Definition[] = [
  { id: id.PayloadFormatIndicator, name: 'payloadFormatIndicator', kind: 'byte', contexts: message, max: 1, section: '3.3.2.3.2' },
  { id: id.MessageExpiryInterval, name: 'messageExpiryInterval', kind: 'uint32', contexts: message, section: '3.3.2.3.3' },
  { id: id.ContentType, name: 'contentType', kind: 'string', contexts: message, section: '3.3.2.3.9' },
  { id: id.ResponseTopic, name: 'responseTopic', kind: 'string', contexts: message, section: '3.3.2.3.5' },
  { id: id.CorrelationData, name: 'correlationData', kind: 'binary', contexts: message, section: '3.3.2.3.6' },
  { id: id.SubscriptionIdentifier, name: 'subscriptionIdentifiers', kind: 'variable', contexts: [PUBLISH], min: 1, section: '3.3.2.3.8' },
  { id: id.SubscriptionIdentifier, name: 'subscriptionIdentifier', kind: 'variable', contexts: [SUBSCRIBE], min: 1, section: '3.8.2.1.2' },
  {
    id: id.SessionExpiryInterval,
    name: 'sessionExpiryInterval',
    kind: 'uint32',
    contexts: [CONNECT, CONNACK, DISCONNECT],
    section: '3.1.2.11.2',
  },
  { id: id.AssignedClientIdentifier, name: 'assignedClientIdentifier', kind: 'string', contexts: [CONNACK], section: '3.2.2.3.7' },
  { id: id.ServerKeepAlive, name: 'serverKeepAlive', kind: 'uint16', contexts: [CONNACK], section: '3.2.2.3.14' },
  { id: id.AuthenticationMethod, name: 'authenticationMethod', kind: 'string', contexts: [CONNECT, CONNACK, AUTH], section: '3.1.2.11.9' },
  { id: id.AuthenticationData, name: 'authenticationData', kind: 'binary', contexts: [CONNECT, CONNACK, AUTH], section: '3.1.2.11.10' },
  { id: id.RequestProblemInformation, name: 'requestProblemInformation', kind: 'boolean', contexts: [CONNECT], section: '3.1.2.11.7' },
  { id: id.WillDelayInterval, name: 'willDelayInterval', kind: 'uint32', contexts: [willContext], section: '3.1.3.2.2' },
  { id: id.RequestResponseInformation, name: 'requestResponseInformation', kind: 'boolean', contexts: [CONNECT], section: '3.1.2.11.6' },
  { id: id.ResponseInformation, name: 'responseInformation', kind: 'string', contexts: [CONNACK], section: '3.2.2.3.15' },
  { id: id.ServerReference, name: 'serverReference', kind: 'string', contexts: [CONNACK, DISCONNECT], section: '3.2.2.3.16' },
  { id: id.ReasonString, name: 'reasonString', kind: 'string', contexts: answers, section: '3.2.2.3.9' },
  { id: id.ReceiveMaximum, name: 'receiveMaximum', kind: 'uint16', contexts: [CONNECT, CONNACK], min: 1, section: '3.1.2.11.3' },
  { id: id.TopicAliasMaximum, name: 'topicAliasMaximum', kind: 'uint16', contexts: [CONNECT, CONNACK], section: '3.1.2.11.5' },
  { id: id.TopicAlias, name: 'topicAlias', kind: 'uint16', contexts: [PUBLISH], min: 1, section: '3.3.2.3.4' },
  { id: id.MaximumQoS, name: 'maximumQoS', kind: 'byte', contexts: [CONNACK], max: 1, section: '3.2.2.3.4' },
  { id: id.RetainAvailable, name: 'retainAvailable', kind: 'boolean', contexts: [CONNACK], section: '3.2.2.3.5' },
  {
    id: id.UserProperty,
    name: 'userProperties',
    kind: 'pair',
    contexts: [CONNECT, ...message, SUBSCRIBE, UNSUBSCRIBE, ...answers],
    section: '3.1.2.11.8',
  },
  { id: id.MaximumPacketSize, name: 'maximumPacketSize', kind: 'uint32', contexts: [CONNECT, CONNACK], min: 1, section: '3.1.2.11.4' },
  {
    id: id.WildcardSubscriptionAvailable,
    name: 'wildcardSubscriptionAvailable',
    kind: 'boolean',
    contexts: [CONNACK],
    section: '3.2.2.3.11',
  },
  {
    id: id.SubscriptionIdentifierAvailable,
    name: 'subscriptionIdentifierAvailable',
    kind: 'boolean',
    contexts: [CONNACK],
    section: '3.2.2.3.12',
  },
  { id: id.SharedSubscriptionAvailable, name: 'sharedSubscriptionAvailable', kind: 'boolean', contexts: [CONNACK], section: '3.2.2.3.13' },
];

const definitionsOf: readonly (readonly Definition[])[] = Array.from({ length: 16 }, (_, context) =>
  definitions.filter((definition) => definition.contexts.includes(context as PropertyContext)),
);

/**
 * Reads the properties that fill the rest of `reader` and may stand in `context`. Values are copied.
 *
 *     { identifier (variable byte integer) | value }*
 */
export function decodeProperties(reader: PacketReader, context: PropertyContext): Properties {
  const properties: Properties = {};
  const values = properties as Record<string, unknown>;
  while (!reader.isAtEnd) {
    const identifier = reader.variableByteInteger();
    const definition = definitionsOf[context].find((candidate) => candidate.id === identifier);
    if (definition === undefined) throw malformed('2.2.2.2', `property 0x${identifier.toString(16)} is unknown or not allowed here`);
    const { name, kind } = definition;
    if (kind === 'pair') {
      (properties.userProperties ??= []).push([reader.string(), reader.string()]); // [MQTT-1.5.7-1]
      continue;
    }
    const value = decodeValue(reader, kind);
    checkValue(definition, value);
    if (name === 'subscriptionIdentifiers') {
      (properties.subscriptionIdentifiers ??= []).push(value as number);
      continue;
    }
    if (values[name] !== undefined) throw violation(definition.section, `${name} occurs twice`);
    values[name] = kind === 'boolean' ? value === 1 : value;
  }
  checkTogether(properties);
  return properties;
}

/** Reads the length of the properties, then these; undefined when there are none. */
export function readProperties(reader: PacketReader, context: PropertyContext): Properties | undefined {
  const length = reader.variableByteInteger();
  return length === 0 ? undefined : decodeProperties(reader.part(length), context); // [MQTT-2.2.2-1]
}

/** Writes the length of the properties, then these. */
export function writeProperties(writer: PacketWriter, context: PropertyContext, properties: Properties | undefined): void {
  if (properties === undefined) {
    writer.uint8(0); // [MQTT-2.2.2-1]
    return;
  }
  const content = new PacketWriter();
  encodeProperties(content, context, properties);
  writer.variableByteInteger(content.content().length); // [MQTT-2.2.2-1]
  writer.rest(content.content());
}

/** Writes what `decodeProperties` reads, by ascending identifier. */
export function encodeProperties(writer: PacketWriter, context: PropertyContext, properties: Properties): void {
  checkTogether(properties);
  for (const definition of definitionsOf[context]) {
    const value = properties[definition.name];
    if (value === undefined) continue;
    if (definition.kind === 'pair') {
      for (const [name, text] of value as UserProperties) {
        writer.uint8(definition.id);
        writer.string(name);
        writer.string(text); // [MQTT-3.3.2-17]
      }
      continue;
    }
    const list = definition.name === 'subscriptionIdentifiers' ? (value as number[]) : [value];
    for (const each of list) {
      checkValue(definition, each);
      writer.uint8(definition.id);
      encodeValue(writer, definition.kind, each);
    }
  }
}

function decodeValue(reader: PacketReader, kind: Kind): number | string | Uint8Array {
  if (kind === 'byte' || kind === 'boolean') return reader.uint8();
  if (kind === 'uint16') return reader.uint16();
  if (kind === 'uint32') return reader.uint32();
  if (kind === 'variable') return reader.variableByteInteger();
  return kind === 'string' ? reader.string() : reader.binary();
}

function encodeValue(writer: PacketWriter, kind: Kind, value: unknown): void {
  if (kind === 'byte' || kind === 'boolean') writer.uint8(Number(value));
  else if (kind === 'uint16') writer.uint16(value as number);
  else if (kind === 'uint32') writer.uint32(value as number);
  else if (kind === 'variable') writer.variableByteInteger(value as number);
  else if (kind === 'string') writer.string(value as string);
  else writer.binary(value as Uint8Array);
}

/** The bounds that hold in both directions. */
function checkValue(definition: Definition, value: unknown): void {
  const { name, kind, section, min = 0, max = kind === 'boolean' ? 1 : Infinity } = definition;
  if (typeof value === 'number' && (value < min || value > max)) {
    if (name === 'topicAlias') throw new ProtocolError(ReasonCode.TopicAliasInvalid, 'MQTT-3.3.2-8', 'topic alias 0'); // [MQTT-3.3.2-8]
    throw violation(section, `${name} is ${value}`);
  }
  if (name === 'responseTopic') checkResponseTopic(value as string);
}

function checkResponseTopic(topic: string): void {
  if (topic.length === 0) throw violation('MQTT-4.7.3-1', 'a response topic is empty'); // [MQTT-4.7.3-1]
  if (/[+#]/.test(topic)) throw violation('MQTT-3.3.2-14', 'a response topic has wildcards'); // [MQTT-3.3.2-14]
}

/** Authentication data are meaningless without the method that defines them. */
function checkTogether(properties: Properties): void {
  if (properties.authenticationData !== undefined && properties.authenticationMethod === undefined) {
    throw violation('3.1.2.11.10', 'authentication data without an authentication method');
  }
}
