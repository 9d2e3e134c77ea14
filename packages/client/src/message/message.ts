import type { QoS, UserProperties } from '@wrenmq/codec';

/** What can be published. Strings travel as UTF-8, and in MQTT 5 with the payload format indicator. */
export type Payload = Uint8Array | ArrayBuffer | string;

export interface PublishOptions {
  /** Default 0. */
  readonly qos?: QoS;
  /** Default false. */
  readonly retain?: boolean;
  /** Seconds after which nobody wants the message any more, here or in the broker; MQTT 5 tells the broker. Default: it stays valid. */
  readonly expiry?: number;
  readonly contentType?: string;
  readonly responseTopic?: string;
  readonly correlationData?: Uint8Array;
  readonly userProperties?: UserProperties;
  /** Aborted before the message is sent, it takes it out of the queue; after that it only ends the waiting. Rejects with ABORTED. */
  readonly signal?: AbortSignal;
  /** Milliseconds to wait for the promise, then it ends as `signal` would. Rejects with TIMEOUT. Default: no limit. */
  readonly timeout?: number;
}

export interface PublishResult {
  /** Of PUBACK or PUBREC; 0 at QoS 0 and in MQTT 3.1.1. */
  readonly reasonCode: number;
  /** The broker said that nobody subscribes to the topic (0x10). */
  readonly noSubscribers: boolean;
  /** The session was lost after the broker had taken the message (PUBREC); a broker that forwards at PUBREL only may have lost it. */
  readonly sessionLost?: boolean;
}

/** An Application Message that the broker delivered. */
export interface Message<Value = Uint8Array, Params = Record<string, string>> {
  readonly topic: string;
  /** What stood in place of `{name}` in the subscription's topic. */
  readonly params: Params;
  /** The payload as the typed topic's codec and schema give it; the bytes themselves without one. */
  readonly value: Value;
  readonly payload: Uint8Array;
  readonly qos: QoS;
  readonly retain: boolean;
  /** The broker sends it again, and says so. */
  readonly dup: boolean;
  /** 0 at QoS 0. With the session's name a key to recognise a message that a crash repeats. */
  readonly packetId: number;
  /** 1: the publisher says that the payload is UTF-8. */
  readonly payloadFormatIndicator?: number | undefined;
  readonly contentType?: string | undefined;
  readonly responseTopic?: string | undefined;
  readonly correlationData?: Uint8Array | undefined;
  readonly userProperties: UserProperties;
  /** Seconds that were left when it came. */
  readonly expiry?: number | undefined;
  /** The payload as UTF-8. */
  text(): string;
  /** The payload as JSON. Throws MqttError VALIDATION when it is not. */
  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- a shorter way to say what one expects
  json<T = unknown>(): T;
  /** Acknowledges it, with `ack: 'manual'`; without effect otherwise, the second time, and after the connection has changed. */
  ack(): void;
  /** Refuses it: a PUBACK or PUBREC with this reason code, default 0x80; in MQTT 3.1.1 it stays unacknowledged until the next connection. */
  nack(reasonCode?: number): void;
  /** Publishes to the response topic with the same correlation data. Rejects with INVALID when the message names none. */
  respond(payload: Payload, options?: PublishOptions): Promise<PublishResult>;
}
