import { binary, byte, uint16, uint32, utf8, variableByteInteger } from './bytes.ts';

/** The properties of MQTT 5 (2.2.2.2) by their names in the standard. */
export interface Properties {
  readonly payloadFormatIndicator?: number;
  readonly messageExpiryInterval?: number;
  readonly contentType?: string;
  readonly responseTopic?: string;
  readonly correlationData?: Buffer;
  /** Several in a PUBLISH from the server, one in a SUBSCRIBE. */
  readonly subscriptionIdentifiers?: readonly number[];
  readonly sessionExpiryInterval?: number;
  readonly assignedClientIdentifier?: string;
  readonly serverKeepAlive?: number;
  readonly authenticationMethod?: string;
  readonly authenticationData?: Buffer;
  readonly requestProblemInformation?: number;
  readonly willDelayInterval?: number;
  readonly requestResponseInformation?: number;
  readonly responseInformation?: string;
  readonly serverReference?: string;
  readonly reasonString?: string;
  readonly receiveMaximum?: number;
  readonly topicAliasMaximum?: number;
  readonly topicAlias?: number;
  readonly maximumQoS?: number;
  readonly retainAvailable?: number;
  readonly userProperties?: readonly (readonly [string, string])[];
  readonly maximumPacketSize?: number;
  readonly wildcardSubscriptionAvailable?: number;
  readonly subscriptionIdentifierAvailable?: number;
  readonly sharedSubscriptionAvailable?: number;
}

export type PropertyForm = 'byte' | 'uint16' | 'uint32' | 'variable' | 'utf8' | 'binary' | 'pair';

export interface PropertySpecification {
  readonly id: number;
  readonly name: keyof Properties;
  readonly form: PropertyForm;
  /** The packets from a server that may carry it. */
  readonly serverPackets: readonly string[];
}

const acknowledgements = ['puback', 'pubrec', 'pubrel', 'pubcomp', 'suback', 'unsuback'];

const row = (id: number, name: keyof Properties, form: PropertyForm, ...serverPackets: readonly string[]): PropertySpecification => ({
  id,
  name,
  form,
  serverPackets,
});

/** Table 2-4, written down a second time on purpose: what checks the broker must not share the broker's mistakes. */
export const propertyTable: readonly PropertySpecification[] = [
  row(0x01, 'payloadFormatIndicator', 'byte', 'publish'),
  row(0x02, 'messageExpiryInterval', 'uint32', 'publish'),
  row(0x03, 'contentType', 'utf8', 'publish'),
  row(0x08, 'responseTopic', 'utf8', 'publish'),
  row(0x09, 'correlationData', 'binary', 'publish'),
  row(0x0b, 'subscriptionIdentifiers', 'variable', 'publish'),
  row(0x11, 'sessionExpiryInterval', 'uint32', 'connack'),
  row(0x12, 'assignedClientIdentifier', 'utf8', 'connack'),
  row(0x13, 'serverKeepAlive', 'uint16', 'connack'),
  row(0x15, 'authenticationMethod', 'utf8', 'connack', 'auth'),
  row(0x16, 'authenticationData', 'binary', 'connack', 'auth'),
  row(0x17, 'requestProblemInformation', 'byte'),
  row(0x18, 'willDelayInterval', 'uint32'),
  row(0x19, 'requestResponseInformation', 'byte'),
  row(0x1a, 'responseInformation', 'utf8', 'connack'),
  row(0x1c, 'serverReference', 'utf8', 'connack', 'disconnect'),
  row(0x1f, 'reasonString', 'utf8', 'connack', 'disconnect', 'auth', ...acknowledgements),
  row(0x21, 'receiveMaximum', 'uint16', 'connack'),
  row(0x22, 'topicAliasMaximum', 'uint16', 'connack'),
  row(0x23, 'topicAlias', 'uint16', 'publish'),
  row(0x24, 'maximumQoS', 'byte', 'connack'),
  row(0x25, 'retainAvailable', 'byte', 'connack'),
  row(0x26, 'userProperties', 'pair', 'connack', 'publish', 'disconnect', 'auth', ...acknowledgements),
  row(0x27, 'maximumPacketSize', 'uint32', 'connack'),
  row(0x28, 'wildcardSubscriptionAvailable', 'byte', 'connack'),
  row(0x29, 'subscriptionIdentifierAvailable', 'byte', 'connack'),
  row(0x2a, 'sharedSubscriptionAvailable', 'byte', 'connack'),
];

/** The Property Length and the properties, in the order of the object's keys. Raw bytes are taken as the properties. */
export function encodeProperties(properties: Properties | Buffer = {}): Buffer {
  const body = Buffer.isBuffer(properties) ? properties : Buffer.concat(Object.entries(properties).flatMap(encodeProperty));
  return Buffer.concat([variableByteInteger(body.length), body]);
}

function encodeProperty([name, value]: [string, unknown]): Buffer[] {
  const specification = propertyTable.find((candidate) => candidate.name === name);
  if (specification === undefined) throw new Error(`no property is called ${name}`);
  const values = name === 'subscriptionIdentifiers' || name === 'userProperties' ? (value as unknown[]) : [value];
  return values.map((each) => Buffer.concat([byte(specification.id), encodeValue(specification.form, each)]));
}

function encodeValue(form: PropertyForm, value: unknown): Buffer {
  switch (form) {
    case 'byte':
      return byte(value as number);
    case 'uint16':
      return uint16(value as number);
    case 'uint32':
      return uint32(value as number);
    case 'variable':
      return variableByteInteger(value as number);
    case 'utf8':
      return utf8(value as string);
    case 'binary':
      return binary(value as Buffer);
    case 'pair': {
      const [key, text] = value as readonly [string, string];
      return Buffer.concat([utf8(key), utf8(text)]);
    }
  }
}
