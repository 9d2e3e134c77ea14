import { binary, byte, frame, uint16, utf8 } from './bytes.ts';
import { encodeProperties, type Properties } from './properties.ts';

export type ProtocolVersion = 3 | 4 | 5;
export type QoS = 0 | 1 | 2;

export interface Will {
  readonly topic: string;
  readonly payload?: string | Buffer;
  readonly qos?: QoS;
  readonly retain?: boolean;
  readonly properties?: Properties;
}

export interface ConnectOptions {
  readonly clientId?: string | Buffer;
  /** Clean Start in MQTT 5, Clean Session before; true when absent. */
  readonly clean?: boolean;
  /** Seconds; 0 when absent. */
  readonly keepAlive?: number;
  readonly will?: Will;
  readonly userName?: string | Buffer;
  readonly password?: string | Buffer;
  readonly properties?: Properties | Buffer;
  /** Instead of the flags that follow from the other options. */
  readonly flags?: number;
  readonly protocolName?: string;
  readonly protocolLevel?: number;
}

export interface PublishOptions {
  readonly topic: string | Buffer;
  readonly payload?: string | Buffer;
  readonly qos?: QoS;
  readonly retain?: boolean;
  readonly dup?: boolean;
  /** For QoS 1 and 2. */
  readonly packetId?: number;
  readonly properties?: Properties | Buffer;
}

export interface SubscriptionRequest {
  readonly filter: string | Buffer;
  readonly qos?: QoS;
  readonly noLocal?: boolean;
  readonly retainAsPublished?: boolean;
  readonly retainHandling?: number;
  /** Instead of the byte that follows from the other options. */
  readonly options?: number;
}

export type AcknowledgementName = 'puback' | 'pubrec' | 'pubrel' | 'pubcomp';

const acknowledgementByte = { puback: 0x40, pubrec: 0x50, pubrel: 0x62, pubcomp: 0x70 } as const;

export function connectBytes(version: ProtocolVersion, options: ConnectOptions = {}): Buffer {
  const { will } = options;
  const payload = [utf8(options.clientId ?? '')];
  if (will !== undefined) {
    if (version === 5) payload.push(encodeProperties(will.properties));
    payload.push(utf8(will.topic), binary(Buffer.from(will.payload ?? '')));
  }
  if (options.userName !== undefined) payload.push(utf8(options.userName));
  if (options.password !== undefined) payload.push(utf8(options.password));
  return frame(
    0x10,
    utf8(options.protocolName ?? (version === 3 ? 'MQIsdp' : 'MQTT')),
    byte(options.protocolLevel ?? version),
    byte(options.flags ?? connectFlags(options)),
    uint16(options.keepAlive ?? 0),
    version === 5 ? encodeProperties(options.properties) : Buffer.alloc(0),
    ...payload,
  );
}

function connectFlags({ clean = true, will, userName, password }: ConnectOptions): number {
  let flags = clean ? 0x02 : 0;
  if (will !== undefined) flags |= 0x04 | ((will.qos ?? 0) << 3) | (will.retain === true ? 0x20 : 0);
  if (password !== undefined) flags |= 0x40;
  if (userName !== undefined) flags |= 0x80;
  return flags;
}

export function publishBytes(version: ProtocolVersion, options: PublishOptions): Buffer {
  const qos = options.qos ?? 0;
  return frame(
    0x30 | (options.dup === true ? 0x08 : 0) | (qos << 1) | (options.retain === true ? 1 : 0),
    utf8(options.topic),
    qos > 0 ? uint16(options.packetId ?? 0) : Buffer.alloc(0),
    version === 5 ? encodeProperties(options.properties) : Buffer.alloc(0),
    Buffer.from(options.payload ?? ''),
  );
}

/** PUBACK, PUBREC, PUBREL or PUBCOMP; in MQTT 5 with a Reason Code and properties only when they are given. */
export function acknowledgementBytes(
  name: AcknowledgementName,
  packetId: number,
  reasonCode?: number,
  properties?: Properties | Buffer,
): Buffer {
  const parts = [uint16(packetId)];
  if (reasonCode !== undefined) parts.push(byte(reasonCode));
  if (properties !== undefined) parts.push(encodeProperties(properties));
  return frame(acknowledgementByte[name], ...parts);
}

export function subscribeBytes(
  version: ProtocolVersion,
  packetId: number,
  requests: readonly SubscriptionRequest[],
  properties?: Properties | Buffer,
): Buffer {
  return frame(
    0x82,
    uint16(packetId),
    version === 5 ? encodeProperties(properties) : Buffer.alloc(0),
    requests.flatMap((request) => [utf8(request.filter), byte(request.options ?? subscriptionOptions(request))]),
  );
}

function subscriptionOptions(request: SubscriptionRequest): number {
  const noLocal = request.noLocal === true ? 0x04 : 0;
  const retainAsPublished = request.retainAsPublished === true ? 0x08 : 0;
  return (request.qos ?? 0) | noLocal | retainAsPublished | ((request.retainHandling ?? 0) << 4);
}

export function unsubscribeBytes(
  version: ProtocolVersion,
  packetId: number,
  filters: readonly (string | Buffer)[],
  properties?: Properties | Buffer,
): Buffer {
  return frame(
    0xa2,
    uint16(packetId),
    version === 5 ? encodeProperties(properties) : Buffer.alloc(0),
    filters.map((filter) => utf8(filter)),
  );
}

export function pingreqBytes(): Buffer {
  return frame(0xc0);
}

/** In MQTT 5 without a Reason Code for a normal disconnection unless one is given. */
export function disconnectBytes(reasonCode?: number, properties?: Properties | Buffer): Buffer {
  const parts: Buffer[] = [];
  if (reasonCode !== undefined) parts.push(byte(reasonCode));
  if (properties !== undefined) parts.push(encodeProperties(properties));
  return frame(0xe0, ...parts);
}

export function authBytes(reasonCode: number, properties?: Properties | Buffer): Buffer {
  return frame(0xf0, byte(reasonCode), encodeProperties(properties));
}
