import type { ConnackProperties, DisconnectProperties, PublishProperties, QoS, Subscription, Will } from '@wrenmq/codec';
import type { MqttError } from '#base/mqtt-error.ts';
import type { StoreOp } from '#store/session-store.ts';

/*
 * The session core: pure. It has no clock, socket, timer or promise; `now` is epoch milliseconds by a clock that never goes back:
 * `performance.timeOrigin + performance.now()`.
 *
 *   inputs (methods of Session) ──> output bytes (takeOutput), store operations and news (SessionObserver)
 *
 * After any input, `stored` and those without a connection among them, the driver calls `takeOutput` and looks at `nextTick`; once for all
 * inputs of a turn is enough, and is what makes batches.
 */

export interface SessionSettings {
  /** Empty: the broker assigns one (MQTT 5). */
  readonly clientId: string;
  readonly version: 4 | 5;
  /** Seconds. */
  readonly keepAlive: number;
  /** Seconds. */
  readonly sessionExpiry: number;
  readonly resume: 'auto' | 'always' | 'never';
  readonly onLost: 'republish' | 'fail' | 'drop';
  readonly onLostExactlyOnce: 'republish' | 'fail';
  /** What we announce. */
  readonly receiveMaximum: number;
  readonly maxPacketSize: number;
  /** Undefined: as many as the broker's Receive Maximum allows, 20 in MQTT 3.1.1. */
  readonly maxInflight: number | undefined;
  /** Store operations are wanted, and `stored` or `storeFailed` follows each batch. Otherwise nothing is handed out and nothing waited for. */
  readonly isDurable: boolean;
  readonly will?: Will;
  readonly userProperties?: ReadonlyArray<readonly [string, string]>;
}

export interface ConnectIdentity {
  readonly username?: string;
  readonly password?: Uint8Array;
  readonly authMethod?: string;
  readonly authData?: Uint8Array;
}

/** One message to publish; the driver's object, which the session calls back. Bytes are never changed while the session has them. */
export interface OutboundMessage {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: QoS;
  readonly retain: boolean;
  readonly properties: PublishProperties | undefined;
  /** Epoch milliseconds, undefined: never. What is left goes out as Message Expiry Interval. */
  readonly expiresAt: number | undefined;
  /** The session's own note: undefined at first, and left alone. */
  slot: object | undefined;
  /** QoS 1 and 2: the message is in the store; called within `publish` when the session is not durable. Counts up from 1. */
  onStored(seq: number): void;
  /**
   * Once, and last: acknowledged (QoS 0: handed to output), or dropped by `onLost`. `sessionLost`: the broker forgot the session after PUBREC, or
   * the policy was 'drop'; the broker may have lost the message.
   */
  onAcknowledged(reasonCode: number, sessionLost: boolean): void;
  /** Once, and last: refused, expired, lost, not storable. */
  onFailed(error: MqttError): void;
}

/** What a client wants to receive. The session keeps it over reconnections, and over restarts when it is durable. */
export interface SubscriptionIntent {
  readonly subscription: Subscription;
  /**
   * Written by the session within `subscribe`, and the same as long as the filter is held. Up to 64 filters share an identifier, so that they
   * travel in one SUBSCRIBE, but never two that a single topic can match. So among the local subscriptions that match a delivery's topic, those
   * are meant whose identifier is in `Delivery.subscriptionIdentifiers`; all of them when that is empty, as then the broker has no identifiers.
   */
  subscriptionIdentifier: number;
  /** The broker's answer: one for each `subscribe`; and again after a later resubscription, then for the last intent of its filter. */
  onGranted(qos: QoS): void;
  /** Never granted, or not granted again: the filter is held no longer. */
  onRefused(error: MqttError): void;
}

/** A message that the broker delivered. Views of received bytes, the receiver's to keep. */
export interface Delivery {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: QoS;
  readonly retain: boolean;
  readonly dup: boolean;
  readonly packetId: number;
  /** Decoded when asked for. */
  readonly properties: PublishProperties | undefined;
  /** Empty when the broker named none. */
  readonly subscriptionIdentifiers: readonly number[];
}

export interface ConnectionOutcome {
  readonly sessionPresent: boolean;
  readonly properties: ConnackProperties;
}

/** Called synchronously inside an input. */
export interface SessionObserver {
  /** CONNACK with success. */
  onConnected(outcome: ConnectionOutcome): void;
  /** CONNACK with failure, a DISCONNECT from the broker, a broken rule, a missed PINGRESP: close the transport once the output has left. */
  onRejected(error: MqttError, properties: ConnackProperties | DisconnectProperties | undefined): void;
  /** AUTH with 0x18: answer with `authenticate`. */
  onAuthenticate(data: Uint8Array | undefined): void;
  /**
   * One message. QoS 1 and 2 hold a place of Receive Maximum until `acknowledge`, which may be called from here. Messages that an earlier
   * process had not acknowledged come after the first `onConnected`.
   */
  onDelivery(delivery: Delivery): void;
  /** The broker had forgotten the session. After `onConnected`. */
  onSessionLost(republished: number, failed: number): void;
  /** To be appended. From within `takeOutput` and `closed`, at most two a call; `stored` or `storeFailed` follow later, one for each, in order. */
  onStore(ops: readonly StoreOp[]): void;
}

export interface SessionCore {
  /** May be set until the first CONNACK with success: a broker that does not know 5 is asked in 4. */
  version: 4 | 5;
  /** The time at which `tick` must be called at the latest; undefined: no need. */
  readonly nextTick: number | undefined;
  readonly inflight: number;
  readonly queued: number;
  readonly queuedBytes: number;
  /** Between CONNACK and the end of the connection. */
  readonly isConnected: boolean;
  /** As configured, then as the broker assigned. May be set before the first `open`: the store may have one of its own. */
  clientId: string;
  /** Milliseconds between the last PINGREQ and its answer; -1 before the first. */
  readonly rtt: number;

  /** A step from the store, in order, all before the first other input. A `session` step among them makes the first CONNECT resume. */
  restore(op: StoreOp): void;
  /** The transport is open: CONNECT goes out. */
  open(identity: ConnectIdentity, now: number): void;
  /** Bytes from the broker; the session's to keep. */
  receive(bytes: Uint8Array, now: number): void;
  /** The transport is gone. What was unacknowledged waits for the next `open`. */
  closed(): void;
  /** Everything to write, undefined when there is nothing; the caller's to keep. Hands the store operations out too. */
  takeOutput(): Uint8Array | undefined;
  /** Bytes that `takeOutput` would give: the driver flushes early and holds publishers back by it. */
  readonly outputBytes: number;

  /** Queues one message; it goes out at once when it may. Offline QoS 0 messages wait too: the driver decides whether it calls. */
  publish(message: OutboundMessage, now: number): void;
  /** Takes a message back that has not been sent; none of its callbacks comes any more. @returns whether it was there. */
  cancel(message: OutboundMessage): boolean;
  /** Sends SUBSCRIBE, also for filters that are held (their options are replaced, their retained messages come again); offline it waits. */
  subscribe(intents: readonly SubscriptionIntent[]): void;
  /** `onDone`: the broker has answered, or there is no connection and nothing to answer. */
  unsubscribe(filters: readonly string[], onDone: () => void): void;
  /**
   * Acknowledgements leave in the order of arrival, whatever the order of these calls. Void at QoS 0, for the second time, and at QoS 1 after
   * the connection has changed. A reason code of 0x80 and above refuses; MQTT 3.1.1 leaves such a message unacknowledged.
   */
  acknowledge(delivery: Delivery, reasonCode: number): void;
  /** Answers `onAuthenticate`; unasked, while connected, it starts a re-authentication. */
  authenticate(data: Uint8Array | undefined): void;
  /** DISCONNECT goes out, as far as the version has it. */
  disconnect(reasonCode: number, sessionExpiry: number | undefined): void;

  /** The oldest batch that `onStore` has handed out is durable. */
  stored(): void;
  /** It could not be stored: QUEUE_FULL or STORE. Its new messages fail with this error. */
  storeFailed(error: MqttError): void;
  /** Whether the driver reads from the transport, as it does at first: while it does not, a missing PINGRESP means nothing. */
  setReading(isReading: boolean, now: number): void;
  tick(now: number): void;
}
