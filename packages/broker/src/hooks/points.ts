import type { DropReason } from '#base/counters.ts';
import type { Message } from '#message/message.ts';

/** What a hook may know of a client. */
export interface ClientFacts {
  readonly clientId: string;
  /** The proven user name, or null. */
  readonly username: string | null;
  /** `tcp.default`, or a gateway's name. */
  readonly listener: string;
  readonly peerAddress: string;
  /** 3, 4 or 5. */
  readonly protocolVersion: number;
}

/** A connection that has not said CONNECT yet. */
export interface IncomingConnection {
  readonly listener: string;
  readonly peerAddress: string;
}

export interface SubscriptionRequest {
  readonly filter: string;
  readonly qos: 0 | 1 | 2;
}

/** What a gate says: yes, no with a reason code of MQTT 5, or nothing. */
export type GateAnswer = 'allow' | 'abstain' | { readonly deny: number };
/** What a transform says: go on with this value, or refuse with a reason code of MQTT 5. */
export type TransformAnswer<Value> = Value | { readonly reject: number };
/** What a take may say besides: the message is mine now. */
export type TakeAnswer = 'pass' | 'taken' | { readonly reject: number };

/**
 * The extension points. A gate that throws denies, a transform or take that throws rejects, an observer that throws is
 * logged and passed over. All are synchronous, but for the gates that may return a promise: then reading of
 * that connection pauses until it settles.
 */
export interface HookPoints {
  /** gate: may this peer connect at all? Asked before the first byte is read. */
  'connection.admit': (connection: IncomingConnection) => GateAnswer;
  /** gate, async: asked before the authentication chain. `password` is valid during the call only. */
  'client.authenticate': (client: ClientFacts, password: Uint8Array | null) => GateAnswer | Promise<GateAnswer>;
  /** gate: asked before the authorization chain, with the topic that will be routed. */
  'client.authorize': (client: ClientFacts, action: 'publish' | 'subscribe', topic: string) => GateAnswer;
  /** transform: rewrites a subscription before it is authorized. */
  'subscription.inbound': (client: ClientFacts, request: SubscriptionRequest) => TransformAnswer<SubscriptionRequest>;
  /** transform: rewrites a message before its topic is authorized. A kept message must be held. */
  'message.inbound': (client: ClientFacts, message: Message) => TransformAnswer<Message>;
  /** take: sees every message that is about to be routed, whoever published it. */
  'message.accept': (message: Message) => TakeAnswer;
  /** transform: sees a message before it goes to one client. */
  'message.outbound': (clientId: string, message: Message) => TransformAnswer<Message>;
  'client.connected': (client: ClientFacts, isSessionPresent: boolean) => void;
  'client.disconnected': (client: ClientFacts, reasonCode: number) => void;
  'session.opened': (clientId: string) => void;
  'session.closed': (clientId: string) => void;
  'subscription.added': (clientId: string, filter: string, qos: 0 | 1 | 2) => void;
  'subscription.removed': (clientId: string, filter: string) => void;
  'message.published': (message: Message, hasSubscribers: boolean) => void;
  /** The client has acknowledged, or at QoS 0 was sent, the message. */
  'message.delivered': (clientId: string, message: Message) => void;
  'message.dropped': (clientId: string | null, message: Message | null, reason: DropReason) => void;
}

export type HookPoint = keyof HookPoints;
