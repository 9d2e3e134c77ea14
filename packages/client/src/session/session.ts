// HOT
import {
  AcknowledgementFrame,
  FrameDecoder,
  PacketType,
  ProtocolError,
  ReasonCode,
  canCarryReasonCode,
  checkFixedHeader,
  decodeAcknowledgement,
  decodeAuth,
  decodeConnack,
  decodeDisconnect,
  decodeSuback,
  decodeUnsuback,
  encodeAuth,
  encodeConnect,
  encodeDisconnect,
} from '@wrenmq/codec';
import type { ConnackPacket, ConnackProperties, ConnectPacket, ConnectProperties, DisconnectProperties, FrameSink } from '@wrenmq/codec';
import { MqttError } from '#base/mqtt-error.ts';
import type { StoreOp } from '#store/session-store.ts';
import { brokerLimits, packetBytesMax } from './broker-limits.ts';
import { ConnectionState } from './connection-state.ts';
import { InboundDelivery } from './inbound-delivery.ts';
import { InboundFlow, InboundRecord, topicAliasMaximum } from './inbound-flow.ts';
import { Journal } from './journal.ts';
import type { Wait } from './journal.ts';
import { KeepAlive } from './keep-alive.ts';
import type { OutboundEntry } from './outbound-entry.ts';
import { OutboundFlow } from './outbound-flow.ts';
import { OutputBuffer } from './output-buffer.ts';
import { PacketIds } from './packet-ids.ts';
import type {
  ConnectIdentity,
  Delivery,
  OutboundMessage,
  SessionCore,
  SessionObserver,
  SessionSettings,
  SubscriptionIntent,
} from './session-contract.ts';
import { connackReasonCode, reasonError } from './session-error.ts';
import { Subscriptions } from './subscriptions.ts';

const pingreq = new Uint8Array([PacketType.PINGREQ << 4, 0]);
/** Values that need not be sent, as they are the defaults. */
const receiveMaximumDefault = 0xffff;

/** Where a connection stands. `Ended`: nothing more is read or written until `closed`. */
type Phase = 'idle' | 'connecting' | 'connected' | 'ended';

/** The protocol between a client and its broker, over all connections of one session. */
export class Session implements SessionCore {
  readonly #settings: SessionSettings;
  readonly #observer: SessionObserver;
  readonly #connection: ConnectionState;
  readonly #journal: Journal;
  readonly #outbound: OutboundFlow;
  readonly #inbound: InboundFlow;
  readonly #subscriptions: Subscriptions;
  readonly #output = new OutputBuffer();
  readonly #keepAlive = new KeepAlive();
  readonly #acknowledgement = new AcknowledgementFrame();
  readonly #sink: FrameSink<Uint8Array>;
  #decoder: FrameDecoder<Uint8Array>;
  #phase: Phase = 'idle';
  #clientId: string;
  /** There is, or was, a session that the broker and we know. */
  #hasSession = false;
  #isRestored = false;
  #isCleanStart = true;
  #authMethod: string | undefined = undefined;
  /** An AUTH of the broker waits for its answer. */
  #isChallenged = false;

  constructor(settings: SessionSettings, observer: SessionObserver) {
    this.#settings = settings;
    this.#observer = observer;
    this.#clientId = settings.clientId;
    const connection = new ConnectionState(settings.version, settings.maxInflight);
    const journal = new Journal(
      settings.isDurable,
      (ops) => observer.onStore(ops),
      (wait, subject, error) => this.#settled(wait, subject, error),
    );
    const ids = new PacketIds<object>();
    this.#connection = connection;
    this.#journal = journal;
    this.#outbound = new OutboundFlow(settings, connection, this.#output, { journal, ids });
    this.#inbound = new InboundFlow(connection, this.#output, journal, { observer, receiveMaximum: settings.receiveMaximum });
    this.#subscriptions = new Subscriptions(connection, this.#output, journal, ids);
    this.#sink = { onFrame: (first, bytes, _start, body, end) => this.#frame(first, bytes, body, end) };
    this.#decoder = this.#newDecoder();
  }

  get version(): 4 | 5 {
    return this.#connection.version;
  }

  set version(version: 4 | 5) {
    this.#connection.version = version;
  }

  get nextTick(): number | undefined {
    const due = Math.min(this.#keepAlive.due, this.#outbound.expiryDue);
    return due === Infinity ? undefined : due;
  }

  get inflight(): number {
    return this.#outbound.inflight;
  }

  get queued(): number {
    return this.#outbound.queued;
  }

  get queuedBytes(): number {
    return this.#outbound.queuedBytes;
  }

  get isConnected(): boolean {
    return this.#connection.isConnected;
  }

  get clientId(): string {
    return this.#clientId;
  }

  set clientId(clientId: string) {
    this.#clientId = clientId;
  }

  get rtt(): number {
    return this.#keepAlive.rtt;
  }

  get outputBytes(): number {
    return this.#output.at;
  }

  restore(op: StoreOp): void {
    if (op.op === 'session') this.#hasSession = true;
    this.#outbound.restore(op);
    this.#inbound.restore(op);
    this.#subscriptions.restore(op);
  }

  open(identity: ConnectIdentity, now: number): void {
    this.#begin(now);
    this.#decoder = this.#newDecoder();
    this.#phase = 'connecting';
    this.#isCleanStart = this.#wantsCleanStart();
    this.#authMethod = identity.authMethod;
    this.#isChallenged = false;
    try {
      this.#output.append(encodeConnect(this.#connectPacket(identity))); // [MQTT-3.1.0-1] [MQTT311-3.1.0-1]
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#reject(new MqttError('INVALID', error.message), undefined);
    }
  }

  receive(bytes: Uint8Array, now: number): void {
    if (this.#phase === 'idle' || this.#phase === 'ended') return;
    this.#connection.now = now;
    this.#keepAlive.heard(now);
    try {
      this.#decoder.push(bytes, 0, bytes.length, this.#sink);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#break(new MqttError('PROTOCOL', error.message, { reasonCode: error.reasonCode }), error.reasonCode);
    }
  }

  closed(): void {
    this.#phase = 'idle';
    this.#connection.isConnected = false;
    this.#keepAlive.stop();
    this.#output.clear();
    this.#outbound.closed();
    this.#subscriptions.closed();
    // ORDER: steps of this connection must not share a batch with those of the next.
    this.#journal.flush();
  }

  takeOutput(): Uint8Array | undefined {
    this.#journal.flush();
    return this.#output.take();
  }

  publish(message: OutboundMessage, now: number): void {
    this.#begin(now);
    this.#outbound.publish(message);
  }

  cancel(message: OutboundMessage): boolean {
    return this.#outbound.cancel(message);
  }

  subscribe(intents: readonly SubscriptionIntent[]): void {
    this.#subscriptions.subscribe(intents);
  }

  unsubscribe(filters: readonly string[], onDone: () => void): void {
    this.#subscriptions.unsubscribe(filters, onDone);
  }

  acknowledge(delivery: Delivery, reasonCode: number): void {
    if (delivery instanceof InboundDelivery) this.#inbound.acknowledge(delivery, reasonCode);
  }

  authenticate(data: Uint8Array | undefined): void {
    const authenticationMethod = this.#authMethod;
    if (authenticationMethod === undefined || !(this.#isChallenged || this.isConnected)) return;
    const reasonCode = this.#isChallenged ? ReasonCode.ContinueAuthentication : ReasonCode.ReAuthenticate; // [MQTT-4.12.0-3] [MQTT-4.12.1-1]
    this.#isChallenged = false;
    const properties = data === undefined ? { authenticationMethod } : { authenticationMethod, authenticationData: data };
    this.#output.append(encodeAuth({ type: PacketType.AUTH, reasonCode, properties }, this.#connection.version));
  }

  disconnect(reasonCode: number, sessionExpiry: number | undefined): void {
    if (this.isConnected) {
      const code = canCarryReasonCode(PacketType.DISCONNECT, reasonCode) ? reasonCode : ReasonCode.UnspecifiedError;
      // A session that was to end with its connection cannot be prolonged. (3.14.2.2.2)
      const isChanged = sessionExpiry !== undefined && (this.#settings.sessionExpiry > 0 || sessionExpiry === 0);
      this.#disconnect(code, isChanged ? { sessionExpiryInterval: sessionExpiry } : {});
    }
    this.#end(); // [MQTT-3.14.4-2] [MQTT311-3.14.4-2]
  }

  stored(): void {
    this.#journal.settled(undefined);
  }

  storeFailed(error: MqttError): void {
    this.#journal.settled(error);
  }

  setReading(isReading: boolean, now: number): void {
    this.#keepAlive.setReading(isReading, now);
  }

  tick(now: number): void {
    this.#begin(now);
    this.#outbound.expire();
    if (!this.isConnected) return;
    if (this.#keepAlive.isSilent(now)) {
      this.#reject(
        new MqttError('DISCONNECTED', 'the broker has not answered PINGREQ', { reasonCode: ReasonCode.KeepAliveTimeout }),
        undefined,
      );
    } else if (this.#keepAlive.isPingDue(now)) {
      this.#output.append(pingreq);
    }
  }

  #begin(now: number): void {
    this.#connection.now = now;
    if (this.#isRestored) return;
    this.#isRestored = true;
    this.#outbound.settle();
  }

  #newDecoder(): FrameDecoder<Uint8Array> {
    // Frames may be kept as views: nothing is ever written again into what is allocated here, nor into what is received.
    return new FrameDecoder((bytes) => new Uint8Array(bytes), this.#settings.maxPacketSize);
  }

  /** MQTT 3.1.1 has one flag for two things: a session that starts clean ends with its connection. */
  #wantsCleanStart(): boolean {
    const { resume, sessionExpiry } = this.#settings;
    if (resume === 'never') return true;
    if (this.version === 5) return resume === 'auto' && !this.#hasSession;
    return this.#clientId === '' || (resume === 'auto' && sessionExpiry === 0); // [MQTT311-3.1.3-7]
  }

  #connectPacket(identity: ConnectIdentity): ConnectPacket {
    const { version } = this;
    const { keepAlive, will } = this.#settings;
    const packet: ConnectPacket = {
      type: PacketType.CONNECT,
      version,
      clientId: this.#clientId,
      cleanStart: this.#isCleanStart,
      keepAlive,
    };
    if (will !== undefined) packet.will = will;
    if (identity.username !== undefined) packet.username = identity.username;
    if (identity.password !== undefined) packet.password = identity.password;
    if (version === 5) packet.properties = this.#connectProperties(identity);
    return packet;
  }

  #connectProperties(identity: ConnectIdentity): ConnectProperties {
    const { sessionExpiry, receiveMaximum, maxPacketSize, userProperties } = this.#settings;
    const properties: ConnectProperties = { topicAliasMaximum, requestResponseInformation: true };
    if (sessionExpiry > 0) properties.sessionExpiryInterval = sessionExpiry;
    if (receiveMaximum < receiveMaximumDefault) properties.receiveMaximum = receiveMaximum;
    if (maxPacketSize < packetBytesMax) properties.maximumPacketSize = maxPacketSize;
    if (userProperties !== undefined) properties.userProperties = userProperties.map(([name, value]) => [name, value]);
    if (identity.authMethod !== undefined) properties.authenticationMethod = identity.authMethod;
    if (identity.authData !== undefined) properties.authenticationData = identity.authData;
    return properties;
  }

  /** One packet; false when nothing more is to be read. Throws a ProtocolError. */
  #frame(first: number, bytes: Uint8Array, body: number, end: number): boolean {
    const type = first >> 4;
    if (type === PacketType.PUBLISH && this.isConnected) {
      this.#inbound.publish(first, bytes, body, end);
      return this.#isOpen();
    }
    const { version } = this.#connection;
    checkFixedHeader(version, first);
    if (!this.isConnected) this.#handshake(type, bytes, body, end);
    else if (type >= PacketType.PUBACK && type <= PacketType.PUBCOMP) this.#acknowledged(first, bytes, body, end);
    else if (type === PacketType.SUBACK) this.#subscriptions.granted(decodeSuback(version, bytes, body, end));
    else if (type === PacketType.UNSUBACK) this.#subscriptions.left(decodeUnsuback(version, bytes, body, end));
    else if (type === PacketType.PINGRESP) this.#keepAlive.answered(this.#connection.now);
    else if (type === PacketType.AUTH) this.#challenged(bytes, body, end);
    else if (type === PacketType.DISCONNECT && version === 5) this.#disconnected(bytes, body, end);
    else throw unexpected(type);
    return this.#isOpen();
  }

  #isOpen(): boolean {
    return this.#phase === 'connecting' || this.#phase === 'connected';
  }

  #handshake(type: number, bytes: Uint8Array, body: number, end: number): void {
    if (type === PacketType.CONNACK) this.#connected(decodeConnack(this.#connection.version, bytes, body, end));
    else if (type === PacketType.AUTH) this.#challenged(bytes, body, end);
    else throw unexpected(type); // [MQTT-3.2.0-1] [MQTT311-3.2.0-1]
  }

  #acknowledged(first: number, bytes: Uint8Array, body: number, end: number): void {
    const frame = this.#acknowledgement;
    const { version } = this.#connection;
    decodeAcknowledgement(frame, version, first, bytes, body, end);
    const { packetId, reasonCode, properties } = frame;
    const type = first >> 4;
    const reasonString = properties?.reasonString;
    if (type === PacketType.PUBACK) this.#outbound.acknowledged(packetId, reasonCode, reasonString);
    else if (type === PacketType.PUBREC) this.#outbound.received(packetId, reasonCode, reasonString);
    else if (type === PacketType.PUBREL) this.#inbound.released(packetId);
    else this.#outbound.completed(packetId);
  }

  /** CONNACK. */
  #connected(packet: ConnackPacket): void {
    const { properties = {}, sessionPresent } = packet;
    const { version } = this.#connection;
    const reasonCode = version === 5 ? packet.reasonCode : connackReasonCode(packet.reasonCode);
    if (packet.reasonCode !== 0) {
      this.#reject(reasonError('REFUSED', reasonCode, properties.reasonString), properties);
      return;
    }
    if (sessionPresent && this.#isCleanStart) {
      throw new ProtocolError(ReasonCode.ProtocolError, 'MQTT-3.2.2-2', 'session present after a clean start'); // [MQTT-3.2.2-4]
    }
    const wasKnown = this.#hasSession;
    const isFirst = this.#connection.number === 0;
    this.#hasSession = true;
    this.#phase = 'connected';
    this.#clientId = properties.assignedClientIdentifier ?? this.#clientId; // [MQTT-3.2.2-16]
    const limits = brokerLimits(properties, this.#settings.keepAlive);
    this.#connection.connect(limits);
    this.#keepAlive.start(limits.keepAlive, this.#connection.now);
    // ORDER: the loss first, then what it makes of the messages.
    if (!(sessionPresent && wasKnown)) this.#journal.add({ op: 'session', state: wasKnown ? 'lost' : 'new' });
    this.#outbound.mustProbe = sessionPresent && (this.#outbound.mustProbe || !wasKnown);
    const unhandled = isFirst ? this.#inbound.unhandled() : [];
    this.#inbound.start(sessionPresent);
    const loss = this.#outbound.start(sessionPresent);
    this.#subscriptions.start(sessionPresent);
    this.#observer.onConnected({ sessionPresent, properties });
    const isExpected = this.#isCleanStart || this.#settings.sessionExpiry === 0;
    if (wasKnown && !sessionPresent && (!isExpected || loss.republished + loss.failed > 0)) {
      this.#observer.onSessionLost(loss.republished, loss.failed);
    }
    this.#outbound.resume();
    for (const delivery of unhandled) this.#observer.onDelivery(delivery);
  }

  /** AUTH. */
  #challenged(bytes: Uint8Array, body: number, end: number): void {
    const { reasonCode, properties = {} } = decodeAuth(bytes, body, end);
    const { authenticationMethod, authenticationData } = properties;
    if (this.#authMethod === undefined || (authenticationMethod ?? this.#authMethod) !== this.#authMethod) {
      throw new ProtocolError(ReasonCode.ProtocolError, 'MQTT-4.12.0-6', 'an AUTH that was not asked for'); // [MQTT-4.12.0-5]
    }
    if (reasonCode !== ReasonCode.ContinueAuthentication) return;
    this.#isChallenged = true;
    this.#observer.onAuthenticate(authenticationData);
  }

  /** DISCONNECT. */
  #disconnected(bytes: Uint8Array, body: number, end: number): void {
    const { reasonCode, properties } = decodeDisconnect(5, bytes, body, end);
    this.#reject(reasonError('DISCONNECTED', reasonCode, properties?.reasonString), properties); // [MQTT-3.14.4-3]
  }

  #settled(wait: Wait, subject: object, error: MqttError | undefined): void {
    if (!(subject instanceof InboundRecord)) {
      this.#outbound.settled(wait, subject as OutboundEntry, error);
      return;
    }
    this.#inbound.settled(wait, subject, error);
    // What we cannot keep the broker has to: it sends it again on the next connection.
    if (error !== undefined && this.isConnected) this.#break(error, ReasonCode.ImplementationSpecificError);
  }

  /** Ends the connection, and says why as far as the version has it. */
  #break(error: MqttError, reasonCode: number): void {
    if (this.isConnected && this.#connection.version === 5) {
      const code = canCarryReasonCode(PacketType.DISCONNECT, reasonCode) ? reasonCode : ReasonCode.ProtocolError;
      this.#disconnect(code, { reasonString: error.message }); // [MQTT-4.13.1-1]
    }
    this.#reject(error, undefined);
  }

  #disconnect(reasonCode: number, properties: DisconnectProperties): void {
    const bytes = encodeDisconnect({ type: PacketType.DISCONNECT, reasonCode, properties }, this.#connection.version);
    if (bytes.length <= this.#connection.limits.maxPacketSize) this.#output.append(bytes);
  }

  #reject(error: MqttError, properties: ConnackProperties | DisconnectProperties | undefined): void {
    if (this.#phase === 'ended') return;
    this.#end();
    this.#observer.onRejected(error, properties);
  }

  #end(): void {
    this.#phase = 'ended';
    this.#connection.isConnected = false;
    this.#keepAlive.stop();
  }
}

function unexpected(type: number): ProtocolError {
  return new ProtocolError(ReasonCode.ProtocolError, '2.1.2', `packet type ${type} is out of place`);
}
