import { PacketType } from './packet-type.ts';
import type { PacketReader } from './packet-reader.ts';
import { PacketWriter } from './packet-writer.ts';
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

/** How a value travels: the name of the method that reads and writes it. `boolean` is a byte of 0 or 1. */
type Kind = 'boolean' | 'uint8' | 'uint16' | 'uint32' | 'variableByteInteger' | 'string' | 'binary' | 'pair';

type Definition = readonly [
  id: number,
  name: keyof Properties,
  kind: Kind,
  contexts: readonly PropertyContext[],
  /** The smallest and largest value of a number; the kind's own bounds when absent. */
  min?: number,
  max?: number,
];

const { CONNECT, CONNACK, PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP, SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK, DISCONNECT, AUTH } =
  PacketType;
const message: readonly PropertyContext[] = [PUBLISH, willContext];
const connection: readonly PropertyContext[] = [CONNECT, CONNACK];
const authentication: readonly PropertyContext[] = [CONNECT, CONNACK, AUTH];
const answers: readonly PropertyContext[] = [CONNACK, PUBACK, PUBREC, PUBREL, PUBCOMP, SUBACK, UNSUBACK, DISCONNECT, AUTH];

/** Table 2-4 of the standard, by ascending identifier, which is also the order in which properties are written. */
const definitions: readonly Definition[] = [
  [0x01, 'payloadFormatIndicator', 'uint8', message, 0, 1],
  [0x02, 'messageExpiryInterval', 'uint32', message],
  [0x03, 'contentType', 'string', message],
  [0x08, 'responseTopic', 'string', message],
  [0x09, 'correlationData', 'binary', message],
  [0x0b, 'subscriptionIdentifiers', 'variableByteInteger', [PUBLISH], 1],
  [0x0b, 'subscriptionIdentifier', 'variableByteInteger', [SUBSCRIBE], 1],
  [0x11, 'sessionExpiryInterval', 'uint32', [CONNECT, CONNACK, DISCONNECT]],
  [0x12, 'assignedClientIdentifier', 'string', [CONNACK]],
  [0x13, 'serverKeepAlive', 'uint16', [CONNACK]],
  [0x15, 'authenticationMethod', 'string', authentication],
  [0x16, 'authenticationData', 'binary', authentication],
  [0x17, 'requestProblemInformation', 'boolean', [CONNECT], 0, 1],
  [0x18, 'willDelayInterval', 'uint32', [willContext]],
  [0x19, 'requestResponseInformation', 'boolean', [CONNECT], 0, 1],
  [0x1a, 'responseInformation', 'string', [CONNACK]],
  [0x1c, 'serverReference', 'string', [CONNACK, DISCONNECT]],
  [0x1f, 'reasonString', 'string', answers],
  [0x21, 'receiveMaximum', 'uint16', connection, 1],
  [0x22, 'topicAliasMaximum', 'uint16', connection],
  [0x23, 'topicAlias', 'uint16', [PUBLISH], 1],
  [0x24, 'maximumQoS', 'uint8', [CONNACK], 0, 1],
  [0x25, 'retainAvailable', 'boolean', [CONNACK], 0, 1],
  [0x26, 'userProperties', 'pair', [CONNECT, ...message, SUBSCRIBE, UNSUBSCRIBE, ...answers]],
  [0x27, 'maximumPacketSize', 'uint32', connection, 1],
  [0x28, 'wildcardSubscriptionAvailable', 'boolean', [CONNACK], 0, 1],
  [0x29, 'subscriptionIdentifierAvailable', 'boolean', [CONNACK], 0, 1],
  [0x2a, 'sharedSubscriptionAvailable', 'boolean', [CONNACK], 0, 1],
];

const definitionsOf: readonly (readonly Definition[])[] = Array.from({ length: 16 }, (_, context) =>
  definitions.filter(([, , , contexts]) => contexts.includes(context as PropertyContext)),
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
    const definition = definitionsOf[context].find(([candidate]) => candidate === identifier);
    if (definition === undefined) throw malformed('2.2.2.2', `property 0x${identifier.toString(16)} is unknown or not allowed here`);
    const [, name, kind] = definition;
    if (kind === 'pair') {
      (properties.userProperties ??= []).push([reader.string(), reader.string()]); // [MQTT-1.5.7-1]
      continue;
    }
    const value = reader[kind === 'boolean' ? 'uint8' : kind]();
    checkValue(definition, value);
    if (name === 'subscriptionIdentifiers') {
      (properties.subscriptionIdentifiers ??= []).push(value as number);
      continue;
    }
    if (values[name] !== undefined) throw violation('2.2.2.2', `${name} occurs twice`);
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
    const [identifier, name, kind] = definition;
    const value = properties[name];
    if (value === undefined) continue;
    if (kind === 'pair') {
      for (const [key, text] of value as UserProperties) {
        writer.uint8(identifier);
        writer.string(key);
        writer.string(text); // [MQTT-3.3.2-17]
      }
      continue;
    }
    for (const each of name === 'subscriptionIdentifiers' ? (value as number[]) : [value]) {
      checkValue(definition, each);
      writer.uint8(identifier);
      if (kind === 'boolean') writer.uint8(Number(each));
      else writer[kind](each as never);
    }
  }
}

/** The bounds that hold in both directions. */
function checkValue([, name, , , min = 0, max = Infinity]: Definition, value: unknown): void {
  if (typeof value === 'number' && (value < min || value > max)) {
    if (name === 'topicAlias') throw new ProtocolError(ReasonCode.TopicAliasInvalid, 'MQTT-3.3.2-8', 'topic alias 0'); // [MQTT-3.3.2-8]
    throw violation('2.2.2.2', `${name} is ${value}`);
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
