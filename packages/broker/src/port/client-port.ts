// HOT
import { ReasonCode } from '@wrenmq/codec';
import type { AuthenticationOutcome, Authenticator } from '#auth/authenticator.ts';
import type { Authorizer } from '#auth/authorizer.ts';
import type { ClientIdentity, Principal } from '#auth/client-identity.ts';
import type { EnhancedAuthentication } from '#auth/enhanced-authentication.ts';
export type { EnhancedConversation } from '#auth/enhanced-authentication.ts';
import type { Counters } from '#base/counters.ts';
import type { Decisions } from '#explain/decisions.ts';
import type { HistoryDelivery } from '#history/history-delivery.ts';
import type { Hooks } from '#hooks/hooks.ts';
import type { Author, ClientFacts, ConnectDetails, DisconnectDetails } from '#hooks/points.ts';
import { Delivery } from '#message/delivery.ts';
import type { Message, QoS } from '#message/message.ts';
import { Outcome, type Publisher } from '#publish/publisher.ts';
import type { Route } from '#publish/route.ts';
import type { RetainedDelivery } from '#retained/retained-delivery.ts';
import type { Session } from '#session/session.ts';
import type { Sessions } from '#session/sessions.ts';
import type { Sink } from '#session/sink.ts';
import type { Subscription } from '#session/subscription.ts';
import { Will } from '#session/will.ts';
import type { Committer } from '#store/committer.ts';
import { isHistoryTopic } from '#topic/history-filter.ts';
import { topicNameError } from '#topic/topic-name.ts';
import type { Capabilities } from './capabilities.ts';
import { Client } from './client.ts';
import { Clients } from './clients.ts';
import type { Refusals } from './refusals.ts';
import { type FilterAnswer, principalOf, type Subscriber } from './subscriber.ts';

/** A client that asks to be let in, after it has proven who it is. */
export interface OpenRequest {
  readonly facts: ClientFacts;
  readonly principal: Principal;
  readonly cleanStart: boolean;
  /** Seconds, already capped. */
  readonly expiryInterval: number;
  readonly will: { readonly message: Message; readonly delay: number } | null;
  readonly sink: Sink;
}

interface Refusal {
  readonly reasonCode: number;
  readonly reason: string;
}

export type OpenAnswer = { readonly client: Client; readonly isSessionPresent: boolean } | Refusal;

/** How a connection ended, as far as the protocol knows. */
export type Ending = Omit<DisconnectDetails, 'isDiscarded'>;

const lost: Ending = { localPort: 0, by: 'network', properties: {} };
const noRoom: Refusal = { reasonCode: ReasonCode.QuotaExceeded, reason: 'the session cannot be stored: the disk is full' };

export interface PortServices {
  readonly authenticator: Authenticator;
  readonly enhanced: EnhancedAuthentication;
  readonly authorizer: Authorizer;
  readonly hooks: Hooks;
  readonly counters: Counters;
  readonly sessions: Sessions;
  readonly subscriber: Subscriber;
  readonly publisher: Publisher;
  readonly retainedDelivery: RetainedDelivery;
  /** Null where no history is kept. */
  readonly historyDelivery: HistoryDelivery | null;
  readonly committer: Committer;
  readonly capabilities: Capabilities;
  /** Both null where nothing is to be explained. */
  readonly decisions: Decisions | null;
  readonly refusals: Refusals | null;
}

/** What any protocol may ask of the kernel. */
export class ClientPort {
  readonly enhanced: EnhancedAuthentication;
  readonly subscriber: Subscriber;
  readonly clients: Clients;
  readonly #house: PortServices;

  constructor(house: PortServices) {
    this.#house = house;
    this.enhanced = house.enhanced;
    this.subscriber = house.subscriber;
    this.clients = new Clients(this, house.committer);
  }

  /** Who is this? The hook's answer stands before the chain's, and cannot make anyone a user whom no provider knows. */
  async authenticate(facts: ClientFacts, identity: ClientIdentity, password: Uint8Array | null): Promise<AuthenticationOutcome> {
    const answer = await this.#house.hooks.authenticate(facts, password);
    if (typeof answer === 'object') return { kind: 'deny', reasonCode: answer.deny as ReasonCode, reason: 'a hook refused the client' };
    if (answer === 'allow') return { kind: 'allow', principal: hookedPrincipal(identity) };
    return this.#house.authenticator.authenticate(identity, password);
  }

  /**
   * Opens or takes over the client's session; resolves when that is durable (D2). The caller sends CONNACK and then calls
   * `session.resume`. Reason codes of refusals: 0x87 will not authorized, 0x85 the session is someone else's, 0x97 no room.
   */
  async open(request: OpenRequest): Promise<OpenAnswer> {
    const { facts, principal, sink } = request;
    const will = request.will === null ? null : await this.#takeWill(request, request.will);
    if (will !== null && 'reasonCode' in will) return will;
    // A session that this one replaces must be gone for good before the client hears of it.
    const wasDurable = this.#house.sessions.get(facts.clientId)?.isDurable === true;
    // It would be refused by the disk, and with it everybody's changes in the same batch, such as those that make room.
    if (this.#house.committer.isFull && request.expiryInterval > 0 && !wasDurable) return noRoom;
    const opened = this.#house.sessions.open({
      clientId: facts.clientId,
      cleanStart: request.cleanStart,
      expiryInterval: request.expiryInterval,
      owner: principal.owner,
      principal,
      will,
      sink,
    });
    if (opened === null)
      return { reasonCode: ReasonCode.ClientIdentifierNotValid, reason: 'the session of this client id belongs to another user' };
    const { session, isPresent } = opened;
    if (session.isDurable || wasDurable) {
      const error = await this.#house.committer.durable();
      if (error !== null) {
        // The client was never here: its will is nobody's, and a session that is not stored is none.
        this.#leave(session, sink, false);
        if (!session.state.isStored && !session.isConnected) session.end();
        return noRoom;
      }
    }
    this.#house.hooks.observe('session.opened', facts.clientId);
    return { client: new Client(facts, principal, session, sink), isSessionPresent: isPresent };
  }

  /**
   * Publishes a message of a client, with the topic's route when the caller has it. Returns Outcome bits, or minus the
   * reason code of a refusal; a promise only when an authorization provider needs one.
   */
  publish(client: Client, message: Message, route: Route | null): number | Promise<number> {
    const { hooks } = this.#house;
    // PERF: the route remembers whether a hook is about its topic. `npm run bench -- --rows pair`
    const mayBeRewritten = hooks.hasMessageInbound && (route === null || !route.isCurrent || route.isRewritten);
    if (mayBeRewritten) return this.#publishHooked(client, message, route);
    return this.#publishAllowed(client, message, route);
  }

  /** Publishes what needs no rewriting any more, if the client may. */
  #publishAllowed(client: Client, message: Message, route: Route | null): number | Promise<number> {
    const { authorizer, hooks } = this.#house;
    if (hooks.hasClientAuthorize) return this.#authorizeAndPublish(client, message, route);
    const bit = 1 << (message.qos * 2 + (message.retain ? 1 : 0));
    if (client.allowedTopic === message.topic && (client.allowedBits & bit) !== 0 && client.allowedEpoch === authorizer.epoch) {
      return this.#house.publisher.publish(message, client.session, route);
    }
    return this.#authorizeAndPublish(client, message, route);
  }

  /** After SUBACK: what is stored and due to new subscriptions, at the pace of the client. */
  deliverStored(client: Client, answers: readonly FilterAnswer[]): void {
    for (const { retainedFor, reading = null } of answers) {
      if (retainedFor !== null) this.deliverRetained(client, retainedFor);
      if (reading !== null) this.#house.historyDelivery!.start(reading);
    }
  }

  /** Rules changed: what is under way and no subscription of the session is asked about, too. */
  reauthorizeReadings(): void {
    for (const { readings, principal } of this.clients) {
      for (const { subscription } of readings?.values() ?? []) this.subscriber.reauthorize(subscription, principal);
    }
  }

  /** What the house tells of itself at once, and the retained messages of a new subscription at the pace of the client. */
  deliverRetained(client: Client, subscription: Subscription): void {
    const { session, sink } = client;
    const { publisher, retainedDelivery } = this.#house;
    for (const message of publisher.values.matching(subscription.filter)) this.#offerRetained(subscription, message);
    retainedDelivery.start(subscription.filter, {
      pacedAs: session,
      offerRetained: (message) => this.#offerRetained(subscription, message),
      isReady: () => session.isReady && sink.isWritable,
      onReady: (callback) => session.whenReady(callback),
      isClosed: () => session.sink !== sink || session.state.subscription(subscription.text) !== subscription,
    });
  }

  /** CONNACK is on its way, and the session about to be resumed. */
  connected(client: Client, isSessionPresent: boolean, details: ConnectDetails): void {
    this.#house.counters.clientsConnected += 1;
    client.settling = [];
    this.clients.add(client);
    for (const reading of this.subscriber.resumeReadings(client)) this.#house.historyDelivery!.start(reading);
    this.#house.hooks.observe('client.connected', client.facts, isSessionPresent, details);
  }

  /** What has to be waited for before the client's next packet, if anything: subscriptions that are made for it. */
  settle(client: Client): Promise<unknown> | null {
    const { settling } = client;
    client.settling = null;
    return settling === null || settling.length === 0 ? null : Promise.all(settling);
  }

  /** The connection is gone; `keepsWill` is false after a DISCONNECT that deletes it. */
  close(client: Client, keepsWill: boolean, reasonCode: number, ending: Ending = lost): void {
    const { counters, hooks, sessions } = this.#house;
    counters.clientsDisconnected += 1;
    const details = { ...ending, isDiscarded: sessions.discarding === client.session };
    this.clients.delete(client);
    this.#leave(client.session, client.sink, keepsWill);
    hooks.observe('client.disconnected', client.facts, reasonCode, details);
  }

  /** The connection was gone before the client was told that it is let in. */
  abandon({ session, sink }: Client): void {
    this.#leave(session, sink, false);
  }

  /** Publishes a session's will, if its owner may (still) publish there; resolves in the turn in which that is done. */
  async publishWill(session: Session, message: Message): Promise<void> {
    const principal = principalOf(session);
    if (!(await this.#mayPublish(factsOf(principal), principal, message))) {
      this.#house.refusals?.publishing(principal, message);
      session.drop(message, 'not-authorized');
      return;
    }
    const outcome = this.#house.publisher.publish(message, session, null);
    if (outcome < 0) session.drop(message, 'rejected');
    else if ((outcome & Outcome.Refused) !== 0) session.drop(message, 'store-full');
    else this.#house.counters.willsPublished += 1;
  }

  /** Whether who published this may (still) do so: asked again before a message that was kept is published. */
  mayPublish(author: Author, message: Message): Promise<boolean> {
    const principal = author as Principal;
    return this.#mayPublish(factsOf(principal), principal, message);
  }

  /** The will as hooks make it, if the client may publish that; or the refusal. */
  async #takeWill({ facts, principal }: OpenRequest, { message, delay }: NonNullable<OpenRequest['will']>): Promise<Will | Refusal> {
    const rewritten = this.#house.hooks.messageInbound(facts, message);
    if (typeof rewritten === 'number') return { reasonCode: rewritten, reason: 'a hook rejected the will' };
    if (rewritten !== message && this.#isUnfit(rewritten)) {
      return { reasonCode: ReasonCode.TopicNameInvalid, reason: 'what a hook made of the will cannot be published' };
    }
    if (isHistoryTopic(rewritten.topic)) {
      return { reasonCode: ReasonCode.TopicNameInvalid, reason: 'nobody publishes to the history: it is only read there' };
    }
    if (await this.#mayPublish(facts, principal, rewritten)) return new Will(rewritten.hold(), delay);
    return { reasonCode: ReasonCode.NotAuthorized, reason: `the client may not publish its will to ${rewritten.topic}` };
  }

  async #mayPublish(facts: ClientFacts, principal: Principal, { topic, qos, retain }: Message): Promise<boolean> {
    const hooked = this.#house.hooks.authorize(facts, 'publish', topic);
    return hooked === 'abstain' ? this.#house.authorizer.authorizePublish(principal, topic, qos, retain) : hooked === 'allow';
  }

  #leave(session: Session, sink: Sink, keepsWill: boolean): void {
    if (session.sink === sink && !keepsWill) session.state.discardWill();
    this.#house.sessions.release(session, sink);
  }

  #offerRetained(subscription: Subscription, message: Message): void {
    const { session, options, mayReceive } = subscription;
    if (mayReceive !== null && !mayReceive(message.topic)) return;
    const qos = Math.min(message.qos, options.qos) as QoS;
    const delivery = new Delivery(message, qos, true, options.identifier === 0 ? null : [options.identifier]); // [MQTT-3.3.1-8]
    if (qos === 0) session.offerQoS0(delivery);
    else session.offer(delivery);
  }

  #authorizeAndPublish(client: Client, message: Message, route: Route | null): number | Promise<number> {
    const { hooks, authorizer } = this.#house;
    if (isHistoryTopic(message.topic)) {
      client.session.drop(message, 'rejected');
      return -ReasonCode.TopicNameInvalid;
    }
    const hooked = hooks.authorize(client.facts, 'publish', message.topic);
    if (typeof hooked === 'object') {
      this.#house.refusals?.rejecting(message);
      return this.#refuse(client, message, hooked.deny);
    }
    if (hooked === 'allow') return this.#house.publisher.publish(message, client.session, route);
    const allowed = authorizer.authorizePublish(client.principal, message.topic, message.qos, message.retain);
    if (typeof allowed === 'boolean') return this.#decide(client, message, allowed, route);
    message.hold();
    return allowed.then((isAllowed) => this.#decide(client, message, isAllowed, null));
  }

  #decide(client: Client, message: Message, isAllowed: boolean, route: Route | null): number {
    if (!isAllowed) {
      this.#house.refusals?.publishing(client.principal, message);
      return this.#refuse(client, message, ReasonCode.NotAuthorized);
    }
    const { epoch } = this.#house.authorizer;
    if (client.allowedTopic !== message.topic || client.allowedEpoch !== epoch) client.allowedBits = 0;
    client.allowedTopic = message.topic;
    client.allowedEpoch = epoch;
    client.allowedBits |= 1 << (message.qos * 2 + (message.retain ? 1 : 0));
    return this.#house.publisher.publish(message, client.session, route);
  }

  #publishHooked(client: Client, message: Message, route: Route | null): number | Promise<number> {
    const rewritten = this.#house.hooks.messageInbound(client.facts, message);
    if (typeof rewritten === 'number') return this.#reject(client, message, rewritten);
    if (rewritten === message) return this.#publishAllowed(client, message, route);
    if (this.#isUnfit(rewritten)) return this.#reject(client, message, ReasonCode.TopicNameInvalid);
    if (rewritten.topic !== message.topic) this.#house.decisions?.rewritten(message.topic, rewritten.topic);
    return this.#publishAllowed(client, rewritten, null);
  }

  /** What a hook made goes through the same checks as what a client sends. */
  #isUnfit({ topic, qos, retain }: Message): boolean {
    const { topicLevelsMax, topicBytesMax, maximumQoS, retainAvailable } = this.#house.capabilities;
    return topicNameError(topic, topicLevelsMax, topicBytesMax) !== null || qos > maximumQoS || (retain && !retainAvailable);
  }

  #reject(client: Client, message: Message, reasonCode: number): number {
    this.#house.refusals?.rejecting(message);
    client.session.drop(message, 'rejected');
    return -reasonCode;
  }

  #refuse(client: Client, message: Message, reasonCode: number): number {
    client.session.drop(message, 'not-authorized');
    return -reasonCode;
  }
}

function hookedPrincipal(identity: ClientIdentity): Principal {
  const { clientId, username, listener, peerAddress, isLoopbackListener, protocolVersion } = identity;
  const owner = username === null ? 'anonymous' : `user:${username}`;
  const rights = { isAnonymous: username === null, isSuperuser: false, owner };
  return { clientId, username, ...rights, listener, peerAddress, isLoopbackListener, protocolVersion };
}

/** What hooks see of a client that is not there any more. */
function factsOf({ clientId, username, listener, peerAddress, protocolVersion }: Principal): ClientFacts {
  return { clientId, username, listener, peerAddress, peerPort: 0, protocolVersion, connectedAtMs: 0 };
}
