import type { ConnectProperties, DisconnectProperties } from '@wrenmq/codec';
import type { DropReason } from '#base/counters.ts';
import type { Delivery } from '#message/delivery.ts';
import type { Message } from '#message/message.ts';

/** What a hook may know of a client. */
export interface ClientFacts {
  /** As the client sent it, or as the broker assigned it when it sent none. */
  readonly clientId: string;
  /** The proven user name, or null. In `client.authenticate` it is still the client's claim. */
  readonly username: string | null;
  /** `tcp.default`, or a gateway's name. */
  readonly listener: string;
  /** IP address without brackets; empty for a Unix socket. */
  readonly peerAddress: string;
  /** The port at the peer's end; 0 for a Unix socket, and for a client that is not connected any more. */
  readonly peerPort: number;
  /** 3 (MQTT 3.1), 4 (3.1.1) or 5. */
  readonly protocolVersion: number;
  /** When it was let in, wall clock in milliseconds; 0 before that, and for a client that is not connected any more. */
  readonly connectedAtMs: number;
}

/** What a client asked for when it connected, and what it got. */
export interface ConnectDetails {
  /** The port of the listener; 0 for a Unix socket. */
  readonly localPort: number;
  /** The keep alive in force, seconds; 0 for none. */
  readonly keepAlive: number;
  readonly cleanStart: boolean;
  /** As granted, seconds. */
  readonly sessionExpiryInterval: number;
  /** How many messages at QoS 1 and 2 the client takes at a time. */
  readonly receiveMaximum: number;
  /** Of CONNECT in MQTT 5; else empty. */
  readonly properties: ConnectProperties;
}

/** How a connection ended. */
export interface DisconnectDetails {
  readonly localPort: number;
  /** Who ended it: the client with DISCONNECT, the broker, or nobody: the network connection was gone. */
  readonly by: 'client' | 'broker' | 'network';
  /** The client came again with Clean Start, and this session is discarded. */
  readonly isDiscarded: boolean;
  /** Of the client's DISCONNECT in MQTT 5; else empty. */
  readonly properties: DisconnectProperties;
}

/** How a subscription was asked for. */
export interface SubscriptionDetails {
  readonly noLocal: boolean;
  readonly retainAsPublished: boolean;
  readonly retainHandling: 0 | 1 | 2;
  /** 0 for none. */
  readonly identifier: number;
}

/** A connection that has not said CONNECT yet. */
export interface IncomingConnection {
  readonly listener: string;
  readonly peerAddress: string;
}

export interface SubscriptionRequest {
  /** As the client sent it: `$share/group/` is part of it. It is the subscription's name, with which it is ended. */
  readonly filter: string;
  readonly qos: 0 | 1 | 2;
  /**
   * What is authorized and what topics are matched with, where that is not the name: a filter without `$share`. A hook says
   * it for a syntax of its own, such as `$exclusive/t`, whose name a shared subscription cannot have.
   */
  readonly match?: string;
}

/** What a gate says: yes, no with a reason code of MQTT 5, or nothing. */
export type GateAnswer = 'allow' | 'abstain' | { readonly deny: number };
/** What a transform says: go on with this value, or refuse with a reason code of MQTT 5. */
export type TransformAnswer<Value> = Value | { readonly reject: number };
/** What a take may say besides: the message is mine now; or mine, and safe as soon as the open batch is on disk. */
export type TakeAnswer = 'pass' | 'taken' | 'stored' | { readonly reject: number };
/** The client who published, as the house knows it: plain values, to be kept and given back. */
export interface Author {
  readonly clientId: string;
  readonly username: string | null;
}

/**
 * The extension points. A gate that throws denies (0x87), a transform or take that throws rejects (0x83), an observer that
 * throws is logged and passed over; an answer that is none counts as thrown. All but `client.authenticate` are synchronous.
 *
 * The reason codes of a refusal travel in a packet that allows some only, and any other counts as thrown. CONNACK: 0x80
 * to 0x8A, 0x8C, 0x90, 0x95, 0x97, 0x99 to 0x9D, 0x9F. SUBACK: 0x80, 0x83, 0x87, 0x8F, 0x91, 0x97, 0x9E, 0xA1, 0xA2. PUBACK
 * and PUBREC: 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99. MQTT 3 knows fewer: CONNACK 1 to 5, SUBACK 0x80, and for a PUBLISH none (it is
 * acknowledged and goes nowhere).
 *
 * A message belongs to the hook during the call only: its bytes may lie in the connection's read buffer. `message.hold()`
 * makes it own them. What a transform returns is `createMessage(...)` or the message that it was given.
 */
export interface HookPoints {
  /** gate: may this peer connect at all? Asked before the first byte is read; a refused one is closed without an answer. */
  'connection.admit': (connection: IncomingConnection) => GateAnswer;
  /**
   * gate, may return a promise, during which nothing is read from that connection: asked before the authentication chain,
   * not for clients that name an authentication method. `allow` admits the client under the user name that it claims.
   * `password` is null when none was sent.
   */
  'client.authenticate': (client: ClientFacts, password: Uint8Array | null) => GateAnswer | Promise<GateAnswer>;
  /**
   * gate: asked before the authorization chain, with the topic that will be routed, or with the filter without
   * `$share/group/`. For every PUBLISH of a client: no answer is remembered. For a will when it is set, and again when it is
   * published, then with what was known of the client when it was last connected.
   */
  'client.authorize': (client: ClientFacts, action: 'publish' | 'subscribe', topic: string) => GateAnswer;
  /** transform: rewrites a subscription before it is authorized. The client may unsubscribe with what it sent, if the hook answers the same then. */
  'subscription.inbound': (client: ClientFacts, request: SubscriptionRequest) => TransformAnswer<SubscriptionRequest>;
  /**
   * gate: may this subscription be made, after everything else has agreed? Every hook is asked, and one denial is enough.
   * Nothing comes between this and `subscription.added`: what was free when it was asked is free then.
   */
  'subscription.accept': (client: ClientFacts, request: Required<SubscriptionRequest>) => GateAnswer;
  /** transform: rewrites a message of a client before its topic is authorized; a will when it is set. */
  'message.inbound': (client: ClientFacts, message: Message) => TransformAnswer<Message>;
  /**
   * take: sees every message that is about to be routed, whoever published it. A taken one is acknowledged as delivered, a stored
   * one when the open batch is on disk. `author` null: a part of the house published it. A rejection with 0x97 means that there is no room: MQTT 3 clients are disconnected then.
   */
  'message.accept': (message: Message, author: Author | null) => TakeAnswer;
  /** transform: sees a message before it goes to one client; a rejected one is dropped for that client. */
  'message.outbound': (clientId: string, message: Message) => TransformAnswer<Message>;
  /** CONNACK is on its way. */
  'client.connected': (client: ClientFacts, isSessionPresent: boolean, details: ConnectDetails) => void;
  /** `reasonCode`: of the DISCONNECT that was sent or received, 0x80 when the connection was lost. */
  'client.disconnected': (client: ClientFacts, reasonCode: number, details: DisconnectDetails) => void;
  /** A client has its session, a new one or one from before. */
  'session.opened': (clientId: string) => void;
  /** The session is over: expired, discarded, or ended with its connection. */
  'session.closed': (clientId: string) => void;
  /** Made, or replaced; `filter` with `$share/group/`. */
  'subscription.added': (clientId: string, filter: string, qos: 0 | 1 | 2, details: SubscriptionDetails) => void;
  'subscription.removed': (clientId: string, filter: string) => void;
  /** Routed, and handed to whoever matched. */
  'message.published': (message: Message, hasSubscribers: boolean) => void;
  /** The client has acknowledged, or at QoS 0 was sent, the message. */
  'message.delivered': (clientId: string, message: Message) => void;
  /**
   * As `message.delivered`, but cheaper: nothing is copied for it, so that the bytes of the message may be gone. Topic, sizes and times are
   * there. `tookMs`: from routing until now; -1 when that is not known, for retained messages, and when the client was not connected
   * at first. Of a topic that somebody observes here, messages know when they were routed (`routedAtMs`), and deliveries when they
   * were sent first (`sentAtMs`) and what they waited for (`obstacle`). These times are milliseconds of the broker's own count: only
   * their differences mean something, and they are exact to a turn of the event loop. A hook may ask for what took long alone (`fromMs`).
   */
  'delivery.finished': (clientId: string, delivery: Delivery, tookMs: number) => void;
  /** One delivery came to nothing. `clientId` null: nobody's in particular; `message` null: it could not be read any more. */
  'message.dropped': (clientId: string | null, message: Message | null, reason: DropReason) => void;
}

export type HookPoint = keyof HookPoints;
