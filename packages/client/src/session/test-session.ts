import { FrameDecoder, decodePacket, encodePacket, PacketType } from '@wrenmq/codec';
import type { ConnackProperties, DisconnectProperties, Packet, PublishProperties, QoS, Subscription } from '@wrenmq/codec';
import type { MqttError } from '#base/mqtt-error.ts';
import type { StoreOp } from '#store/session-store.ts';
import type {
  ConnectionOutcome,
  Delivery,
  OutboundMessage,
  SessionObserver,
  SessionSettings,
  SubscriptionIntent,
} from './session-contract.ts';
import { Session } from './session.ts';

export const defaultSettings: SessionSettings = {
  clientId: 'c',
  version: 5,
  keepAlive: 0,
  sessionExpiry: 100,
  resume: 'auto',
  onLost: 'republish',
  onLostExactlyOnce: 'fail',
  receiveMaximum: 65_535,
  maxPacketSize: 268_435_455,
  maxInflight: 65_535,
  isDurable: false,
};

/** A message whose end can be read. */
export class TestMessage implements OutboundMessage {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: QoS;
  readonly retain: boolean;
  readonly properties: PublishProperties | undefined;
  readonly expiresAt: number | undefined;
  slot: object | undefined = undefined;
  seq = 0;
  /** 'stored 1', 'acknowledged 0', 'failed EXPIRED', ... */
  readonly calls: string[] = [];
  error: MqttError | undefined = undefined;

  constructor(topic: string, qos: QoS, options: Partial<Pick<OutboundMessage, 'payload' | 'retain' | 'properties' | 'expiresAt'>> = {}) {
    this.topic = topic;
    this.qos = qos;
    this.payload = options.payload ?? new Uint8Array(0);
    this.retain = options.retain ?? false;
    this.properties = options.properties;
    this.expiresAt = options.expiresAt;
  }

  onStored(seq: number): void {
    this.seq = seq;
    this.calls.push(`stored ${seq}`);
  }

  onAcknowledged(reasonCode: number, sessionLost: boolean): void {
    this.calls.push(`acknowledged ${reasonCode}${sessionLost ? ' lost' : ''}`);
  }

  onFailed(error: MqttError): void {
    this.error = error;
    this.calls.push(`failed ${error.code}`);
  }
}

/** An intent whose answers can be read. */
export class TestIntent implements SubscriptionIntent {
  readonly subscription: Subscription;
  subscriptionIdentifier = -1;
  readonly calls: string[] = [];

  constructor(filter: string, options: Partial<Subscription> = {}) {
    this.subscription = { filter, qos: 1, noLocal: false, retainAsPublished: false, retainHandling: 0, ...options };
  }

  onGranted(qos: QoS): void {
    this.calls.push(`granted ${qos}`);
  }

  onRefused(error: MqttError): void {
    this.calls.push(`refused ${error.code} ${error.reasonCode ?? ''}`.trim());
  }
}

/** A session, a clock, and the broker's end of its connection as packets. */
export class TestSession implements SessionObserver {
  readonly session: Session;
  readonly settings: SessionSettings;
  now = 1_000_000;
  /** What it has been told, in order. */
  readonly news: string[] = [];
  readonly deliveries: Delivery[] = [];
  readonly batches: (readonly StoreOp[])[] = [];
  outcome: ConnectionOutcome | undefined = undefined;
  error: MqttError | undefined = undefined;
  rejection: ConnackProperties | DisconnectProperties | undefined = undefined;
  /** Each delivery is acknowledged at once with this code; -1: not. */
  autoAcknowledge = -1;

  constructor(settings: Partial<SessionSettings> = {}) {
    this.settings = { ...defaultSettings, ...settings };
    this.session = new Session(this.settings, this);
  }

  onConnected(outcome: ConnectionOutcome): void {
    this.outcome = outcome;
    this.news.push(`connected ${outcome.sessionPresent}`);
  }

  onRejected(error: MqttError, properties: ConnackProperties | DisconnectProperties | undefined): void {
    this.error = error;
    this.rejection = properties;
    this.news.push(`rejected ${error.code}`);
  }

  onAuthenticate(data: Uint8Array | undefined): void {
    this.news.push(`authenticate ${data === undefined ? '' : new TextDecoder().decode(data)}`);
  }

  onDelivery(delivery: Delivery): void {
    this.deliveries.push(delivery);
    if (this.autoAcknowledge >= 0) this.session.acknowledge(delivery, this.autoAcknowledge);
  }

  onSessionLost(republished: number, failed: number): void {
    this.news.push(`lost ${republished} ${failed}`);
  }

  onStore(ops: readonly StoreOp[]): void {
    this.batches.push(ops);
  }

  /** The packets that the session has to send now. */
  output(): Packet[] {
    return decodeAll(this.settings.version, this.session.takeOutput());
  }

  /** The same, as short texts. */
  sent(): string[] {
    return this.output().map(describePacket);
  }

  receive(...packets: Packet[]): this {
    for (const packet of packets) this.session.receive(encodePacket(packet, this.settings.version), this.now);
    return this;
  }

  /** The same, one byte at a time. */
  receiveCut(packet: Packet): void {
    for (const byte of encodePacket(packet, this.settings.version)) this.session.receive(new Uint8Array([byte]), this.now);
  }

  /** Opens a connection and answers CONNECT. */
  connect(properties: ConnackProperties = {}, sessionPresent = false): this {
    this.session.open({}, this.now);
    this.output();
    return this.receive({ type: PacketType.CONNACK, reasonCode: 0, sessionPresent, properties });
  }

  /** The connection is gone; the next one is up. */
  reconnect(properties: ConnackProperties = {}, sessionPresent = true): this {
    this.session.closed();
    return this.connect(properties, sessionPresent);
  }

  publish(topic: string, qos: QoS, options: ConstructorParameters<typeof TestMessage>[2] = {}): TestMessage {
    const message = new TestMessage(topic, qos, options);
    this.session.publish(message, this.now);
    return message;
  }

  subscribe(filter: string, options: Partial<Subscription> = {}): TestIntent {
    const intent = new TestIntent(filter, options);
    this.session.subscribe([intent]);
    return intent;
  }

  /** The steps since the last call, as short texts, batch by batch. */
  steps(): string[] {
    return this.batches.splice(0).map((batch) => batch.map(describeStep).join(', '));
  }
}

export function decodeAll(version: 4 | 5, bytes: Uint8Array | undefined): Packet[] {
  const packets: Packet[] = [];
  if (bytes === undefined) return packets;
  const decoder = new FrameDecoder<Uint8Array>((size) => new Uint8Array(size), 268_435_455);
  decoder.push(bytes, 0, bytes.length, {
    onFrame(first, frame, _start, body, end) {
      packets.push(decodePacket(version, first, frame, body, end));
      return true;
    },
  });
  return packets;
}

const packetNames = Object.keys(PacketType);

/** 'PUBLISH 1 a q1 dup', 'PUBREL 1', 'SUBSCRIBE 1 a,b', ... */
export function describePacket(packet: Packet): string {
  const name = packetNames[packet.type - 1];
  if (packet.type === PacketType.PUBLISH) {
    return `${name} ${packet.packetId} ${packet.topic} q${packet.qos}${packet.dup ? ' dup' : ''}${packet.retain ? ' retain' : ''}`;
  }
  if (packet.type === PacketType.SUBSCRIBE) return `${name} ${packet.packetId} ${packet.filters.map((each) => each.filter).join()}`;
  if (packet.type === PacketType.UNSUBSCRIBE) return `${name} ${packet.packetId} ${packet.filters.join()}`;
  if (packet.type === PacketType.CONNECT) return `${name} ${packet.cleanStart ? 'clean' : 'resume'}`;
  const id = 'packetId' in packet ? ` ${packet.packetId}` : '';
  const code = 'reasonCode' in packet && packet.reasonCode > 0 ? ` 0x${packet.reasonCode.toString(16)}` : '';
  return name + id + code;
}

/** 'put 1 q2', 'sent 1 7', 'in.free 3', ... */
export function describeStep(op: StoreOp): string {
  if (op.op === 'out.put') return `put ${op.seq} q${op.qos}`;
  if (op.op === 'out.sent') return `sent ${op.seq} ${op.packetId}`;
  if (op.op === 'out.rec' || op.op === 'out.done') return `${op.op.slice(4)} ${op.seq}`;
  if (op.op === 'sub.put') return `${op.op} ${op.filter} ${op.options} ${op.id}`;
  if (op.op === 'sub.del') return `${op.op} ${op.filter}`;
  if (op.op === 'session') return `session ${op.state}`;
  return `${op.op} ${op.packetId}`;
}
