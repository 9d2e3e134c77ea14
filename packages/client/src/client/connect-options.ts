import type { QoS, UserProperties } from '@wrenmq/codec';
import type { MqttError } from '#base/mqtt-error.ts';
import type { Payload } from '#message/message.ts';
import type { SessionStore } from '#store/session-store.ts';
import type { TlsOptions, TransportFactory } from '#transport/transport.ts';

export type { TlsOptions };

export interface Credentials {
  readonly username?: string;
  readonly password?: string | Uint8Array;
  /** Enhanced authentication (MQTT 5). `respond` answers each AUTH of the broker; without it one exchange is all. */
  readonly auth?: {
    readonly method: string;
    readonly data?: Uint8Array;
    readonly respond?: (data: Uint8Array | undefined) => Uint8Array | undefined | Promise<Uint8Array | undefined>;
  };
}

export interface CredentialsContext {
  /** 1 for the first attempt since the client was made or was last online. */
  readonly attempt: number;
  readonly signal: AbortSignal;
}

export interface WebSocketOptions {
  /** Node.js with the package `ws` only. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Asked before every attempt, for URLs that are signed and expire. */
  readonly url?: () => string | Promise<string>;
}

export interface SessionOptions {
  /** Default `memoryStore()`. */
  readonly store?: SessionStore;
  /** Seconds that the broker keeps the session. Default 0, 86,400 with a durable store. */
  readonly expiry?: number;
  /**
   * 'auto' (default): resume what the store knows, start clean otherwise. 'always': resume even without knowing anything, for programs
   * that restart with an empty store and want what was queued; breaks [MQTT-3.2.2-4] on purpose. 'never': start clean each time.
   */
  readonly resume?: 'auto' | 'always' | 'never';
  /** What becomes of sent, unacknowledged QoS 1 messages when the broker lost the session. Default 'republish'. */
  readonly onLost?: 'republish' | 'fail' | 'drop';
  /** The same for QoS 2 messages without PUBREC, which 'republish' may double. Default 'fail'. */
  readonly onLostExactlyOnce?: 'republish' | 'fail';
}

export interface ReconnectOptions {
  /** Milliseconds. Default 500. */
  readonly minDelay?: number;
  /** Milliseconds. Default 60,000. */
  readonly maxDelay?: number;
  /** Default 2. */
  readonly factor?: number;
  /** Default 'full': anything between 0 and the delay. */
  readonly jitter?: 'full' | 'equal' | 'none';
  /** Default: no end. */
  readonly maxAttempts?: number;
  /** Decides in place of the default, which gives up where trying again cannot help (0x84, 0x85, 0x8A, 0x8C, 0x8E, ...). */
  readonly retry?: (error: MqttError, attempt: number) => boolean;
  /** Follow the server reference of 0x9C and 0x9D. Default false. */
  readonly followServerReference?: boolean;
}

export interface OutboundOptions {
  /**
   * Unacknowledged QoS 1 and 2 messages, below the broker's Receive Maximum. Default: as many as that allows; 20 in MQTT 3.1.1, where a broker
   * cannot say how many it takes (mosquitto takes 20 of QoS 2, and loses more than that).
   */
  readonly maxInflight?: number;
  /** Messages. Default 1,000,000. */
  readonly maxQueued?: number;
  /** Bytes. Default 64 MiB. */
  readonly maxQueuedBytes?: number;
  /** 'wait' (default): the promise takes as long as it needs. 'reject': QUEUE_FULL. */
  readonly whenFull?: 'wait' | 'reject';
  /**
   * What publishing does without a connection. 'queue' (default): all QoS wait in memory or store. 'queue-durable': QoS 1 and 2 wait,
   * QoS 0 is rejected with OFFLINE. 'reject': all are.
   */
  readonly offline?: 'queue' | 'queue-durable' | 'reject';
}

export interface InboundOptions {
  /** QoS 1 and 2 messages that the broker may have open with us. Default 1,024. */
  readonly receiveMaximum?: number;
  /** Bytes of a packet. Default 268,435,455. */
  readonly maxPacketSize?: number;
  /** Bytes that wait for slow subscriptions before the socket is paused. Default 16 MiB. */
  readonly maxBufferedBytes?: number;
}

export interface WillOptions {
  readonly topic: string;
  readonly payload: Payload;
  readonly qos?: QoS;
  readonly retain?: boolean;
  /** Seconds. MQTT 5. */
  readonly delay?: number;
  /** Seconds. MQTT 5. */
  readonly expiry?: number;
  readonly contentType?: string;
  readonly responseTopic?: string;
  readonly correlationData?: Uint8Array;
  readonly userProperties?: UserProperties;
}

export interface ConnectOptions {
  /**
   * Default: a random one for each client; with a durable store the store's own, made at random once and kept in it: for a directory of
   * `fileStore` or a name of `indexedDbStore` one client at a time, others get SESSION_LOCKED.
   */
  readonly clientId?: string;
  /** 'auto' (default): 5, and once 3.1.1 when the broker does not know 5. */
  readonly protocol?: '5' | '3.1.1' | 'auto';
  /** More addresses of the same broker, tried in turn after the first. */
  readonly servers?: readonly (string | URL)[];
  /** A function is asked before every attempt. Default: user name and password of the URL. */
  readonly credentials?: Credentials | ((context: CredentialsContext) => Credentials | Promise<Credentials>);
  readonly tls?: TlsOptions;
  readonly websocket?: WebSocketOptions;
  readonly transport?: TransportFactory;
  /** Seconds. Default 60; 0 turns it off. */
  readonly keepAlive?: number;
  readonly session?: SessionOptions;
  readonly reconnect?: false | ReconnectOptions;
  readonly outbound?: OutboundOptions;
  readonly inbound?: InboundOptions;
  readonly will?: WillOptions;
  /** User properties of CONNECT. */
  readonly userProperties?: UserProperties;
  /** Milliseconds for one attempt, up to CONNACK. Default 30,000. */
  readonly connectTimeout?: number;
  /** Aborts connecting, and later closes the client: what waits is rejected with ABORTED. */
  readonly signal?: AbortSignal;
}
