import { ReasonCode } from '@wrenmq/codec';
import type { AuthenticationOutcome, Authenticator } from '#auth/authenticator.ts';
import type { Authorizer, SubscribeAnswer } from '#auth/authorizer.ts';
import type { ClientIdentity, Principal } from '#auth/client-identity.ts';
import type { EnhancedAuthentication } from '#auth/enhanced-authentication.ts';
import { silentLogger } from '#base/logger.ts';
import { HistoryDelivery } from '#history/history-delivery.ts';
import { TestReadingHistory } from '#history/test-reading-history.ts';
import { Hooks } from '#hooks/hooks.ts';
import type { ClientFacts } from '#hooks/points.ts';
import { connectDetails } from '#hooks/test-feature-context.ts';
import { createMessage, type Message, type MessageFields } from '#message/message.ts';
import { HistoryDebts } from '#publish/history-debts.ts';
import { Publisher } from '#publish/publisher.ts';
import { Router } from '#publish/router.ts';
import { shareServices } from '#publish/test-house.ts';
import { RetainedDelivery } from '#retained/retained-delivery.ts';
import { Retained } from '#retained/retained.ts';
import { plainSettings } from '#retained/test-settings.ts';
import type { SubscriptionOptions } from '#session/subscription.ts';
import { TestHouse as SessionHouse, TestSink } from '#session/test-house.ts';
import type { Capabilities } from './capabilities.ts';
import { ClientPort, type OpenAnswer, type OpenRequest } from './client-port.ts';
import type { Client } from './client.ts';
import { Subscriber } from './subscriber.ts';

/** Permissions that a test sets; it notes every question. */
class TestAuthorizer implements Authorizer {
  epoch = 1;
  isAsynchronous = false;
  denied = new Set<string>();
  filtered = new Set<string>();
  readonly asked: string[] = [];

  authorizePublish(principal: Principal, topic: string): boolean | Promise<boolean> {
    this.asked.push(`publish ${principal.clientId} ${topic}`);
    return this.#answer(!this.denied.has(topic));
  }

  authorizeSubscribe(principal: Principal, filter: string): SubscribeAnswer | Promise<SubscribeAnswer> {
    this.asked.push(`subscribe ${principal.clientId} ${filter}`);
    if (this.denied.has(filter)) return this.#answer('deny');
    return this.#answer(this.filtered.has(filter) ? 'filtered' : 'allow');
  }

  denier(): null {
    return null;
  }

  mayReceive(_principal: Principal, topic: string): boolean {
    return !this.denied.has(topic);
  }

  /** What was asked since the last call. */
  take(): string[] {
    return this.asked.splice(0);
  }

  #answer<Answer>(answer: Answer): Answer | Promise<Answer> {
    return this.isAsynchronous ? Promise.resolve(answer) : answer;
  }
}

class TestAuthenticator implements Authenticator {
  outcome: AuthenticationOutcome = { kind: 'deny', reasonCode: ReasonCode.NotAuthorized, reason: 'nobody knows the client' };
  asked = 0;
  /** Everyone is who they say they are. */
  admitsAll = false;

  authenticate({ clientId, username }: ClientIdentity): Promise<AuthenticationOutcome> {
    this.asked += 1;
    const principal = { ...principalOf(clientId, `user:${username}`), username };
    return Promise.resolve(this.admitsAll ? { kind: 'allow', principal } : this.outcome);
  }
}

export const everything: Capabilities = {
  maximumQoS: 2,
  retainAvailable: true,
  wildcardSubscriptionAvailable: true,
  subscriptionIdentifierAvailable: true,
  sharedSubscriptionAvailable: true,
  topicLevelsMax: 8,
  topicBytesMax: 1000,
  subscriptionsPerClientMax: 4,
};

/** The port with real sessions, router and retained messages, and permissions in the test's hands. */
export class TestHouse {
  readonly base = new SessionHouse();
  readonly hooks = new Hooks(silentLogger);
  readonly authorizer = new TestAuthorizer();
  readonly authenticator = new TestAuthenticator();
  /** What was published is in it as far as a test puts it there. */
  readonly history = new TestReadingHistory();
  readonly router = new Router(shareServices({ hooks: this.hooks, counters: this.base.counters }), this.history);
  readonly retained: Retained;
  readonly publisher: Publisher;
  readonly subscriber: Subscriber;
  readonly port: ClientPort;

  private constructor(retained: Retained, capabilities: Capabilities) {
    const { base, hooks, authorizer, authenticator, router, history } = this;
    const { counters, committer, sessions } = base;
    this.retained = retained;
    const debts = new HistoryDebts(base.log, committer);
    const common = { clock: base.clock, router, committer, counters, hooks, decisions: null };
    this.publisher = new Publisher({ ...common, retained, history: null, debts, refusesWhenFull: false });
    const { clock } = base;
    const explained = { decisions: null, refusals: null };
    this.subscriber = new Subscriber({ authorizer, hooks, router, committer, counters, clock, history, capabilities, ...explained });
    const enhanced = {} as EnhancedAuthentication;
    const retainedDelivery = new RetainedDelivery(retained, 4, base.clock, silentLogger);
    const { publisher, subscriber } = this;
    this.port = new ClientPort({
      authenticator,
      enhanced,
      authorizer,
      hooks,
      counters,
      sessions,
      subscriber,
      publisher,
      retainedDelivery,
      historyDelivery: new HistoryDelivery(history, 4, base.clock, silentLogger),
      committer,
      capabilities,
      ...explained,
    });
    base.events.onWill = (session, will) => this.port.publishWill(session, will);
    base.events.onEnded = (session) => {
      for (const one of session.state.subscriptions()) router.remove(one);
      sessions.forget(session);
    };
  }

  static async open(capabilities: Partial<Capabilities> = {}): Promise<TestHouse> {
    const { store, committer, clock, counters } = new SessionHouse();
    const retained = await Retained.open({
      store,
      committer,
      clock,
      onDropped: (_message, reason) => void (counters.dropped[reason] += 1),
      log: silentLogger,
      settings: { ...plainSettings, messagesMax: 1000 },
    });
    return new TestHouse(retained, { ...everything, ...capabilities });
  }

  /** Lets a client in, by default to a session that outlives its connection; `resume`d. */
  async connect(
    clientId: string,
    request: Partial<OpenRequest> = {},
  ): Promise<{ client: Client; sink: TestSink; isSessionPresent: boolean }> {
    const sink = new TestSink();
    const answer = await this.open(clientId, { sink, ...request });
    if ('reasonCode' in answer) throw new Error(`refused with ${answer.reasonCode}: ${answer.reason}`);
    this.port.connected(answer.client, answer.isSessionPresent, connectDetails);
    answer.client.session.resume();
    await this.port.settle(answer.client);
    return { ...answer, sink };
  }

  open(clientId: string, request: Partial<OpenRequest> = {}): Promise<OpenAnswer> {
    const defaults = { cleanStart: false, expiryInterval: 3600, will: null, sink: new TestSink() };
    return this.port.open({ facts: factsOf(clientId), principal: principalOf(clientId), ...defaults, ...request });
  }

  /** SUBACK's reason codes; what is retained is delivered. */
  async subscribe(client: Client, filter: string, options: Partial<SubscriptionOptions> = {}): Promise<number> {
    const all = { qos: 1, noLocal: false, retainAsPublished: false, retainHandling: 0, identifier: 0, ...options } as const;
    const answers = await this.subscriber.subscribe(client, [{ filter, options: all }]);
    this.port.deliverStored(client, answers);
    await this.base.settle();
    return answers[0].reasonCode;
  }

  /** While permissions are known at once. */
  publish(client: Client, fields: Omit<MessageFields, 'publisher' | 'receivedAtMs'>): number {
    const outcome = this.port.publish(client, message(fields), null);
    if (typeof outcome !== 'number') throw new Error('the outcome is a promise');
    return outcome;
  }
}

export function message(fields: Omit<MessageFields, 'publisher' | 'receivedAtMs'>): Message {
  return createMessage({ payload: 'x', ...fields, publisher: 'publisher', receivedAtMs: 0 });
}

export function identityOf(clientId: string, username: string | null = 'user'): ClientIdentity {
  return {
    clientId,
    username,
    listener: 'tcp.default',
    peerAddress: '127.0.0.1',
    peerPort: 50_000,
    isLoopbackListener: true,
    certificateCommonName: null,
    protocolVersion: 5,
  };
}

export function principalOf(clientId: string, owner = 'user:user'): Principal {
  return {
    clientId,
    username: 'user',
    isAnonymous: false,
    isSuperuser: false,
    owner,
    listener: 'tcp.default',
    peerAddress: '127.0.0.1',
    isLoopbackListener: true,
    protocolVersion: 5,
  };
}

export function factsOf(clientId: string): ClientFacts {
  const peer = { peerAddress: '127.0.0.1', peerPort: 50_000 };
  return { clientId, username: 'user', listener: 'tcp.default', ...peer, protocolVersion: 5, connectedAtMs: 0 };
}
