// HOT
import { ReasonCode } from '@wrenmq/codec';
import type { Logger } from '#base/logger.ts';
import type { Delivery } from '#message/delivery.ts';
import { type Message, OBSERVED_ALWAYS, OBSERVED_NEVER } from '#message/message.ts';
import { gateAnswer, isMessage, isSubscriptionRequest, RefusalPacket, rejection } from './answers.ts';
import { hookOrder } from './order.ts';
import type { Author, ClientFacts, GateAnswer, HookPoint, HookPoints, IncomingConnection, SubscriptionRequest } from './points.ts';

/** The points whose hooks only look. */
type ObserverPoint = Exclude<
  HookPoint,
  | 'connection.admit'
  | 'client.authenticate'
  | 'client.authorize'
  | 'subscription.inbound'
  | 'subscription.accept'
  | 'message.inbound'
  | 'message.accept'
  | 'message.outbound'
  | 'delivery.finished'
>;

type Table = { [Point in HookPoint]: readonly HookPoints[Point][] | null };

interface Registered {
  readonly feature: string;
  readonly hook: HookPoints[HookPoint];
  readonly interest: HookInterest;
}

/** What a hook wants to hear of; of everything when nothing is said. What it leaves out costs the hot path next to nothing. */
export interface HookInterest {
  /**
   * At `message.inbound`, `message.accept`, `message.published` and `delivery.finished`: whether it is about a topic. Asked once for as
   * long as the answer can be remembered, which ends when hooks change. It may hear of other topics as well, when somebody else is
   * about them, and at `message.accept` it hears of every message with a delay.
   */
  readonly isAbout?: (topic: string) => boolean;
  /** At `delivery.finished`: deliveries that took so many whole milliseconds or more, 0 or more. Exact: it hears of no others, and of none whose time is not known. */
  readonly fromMs?: number;
}

/** The compiled hooks of one broker. An unused point is null and costs a test. */
export class Hooks {
  /** True where a hot caller would have to prepare arguments for nobody. */
  hasMessageInbound = false;
  hasMessageAccept = false;
  hasClientAuthorize = false;
  hasMessagePublished = false;
  hasMessageDelivered = false;
  hasDeliveryFinished = false;
  hasMessageOutbound = false;
  /** How often a hook threw, or answered what is no answer. */
  failures = 0;
  readonly #log: Logger;
  readonly #registered = new Map<HookPoint, readonly Registered[]>();
  readonly #listeners: (() => void)[] = [];
  #table: Table = compile(new Map());
  /** Of each hook of `delivery.finished`, in order, what it wants to hear of. */
  #fromMs: readonly number[] = [];

  constructor(log: Logger) {
    this.#log = log;
  }

  /**
   * Adds a feature's hook, and returns what takes it away again. Throws when the feature has no place in the order of that point.
   */
  register<Point extends HookPoint>(feature: string, point: Point, hook: HookPoints[Point], interest: HookInterest = {}): () => void {
    if (!hookOrder[point]?.includes(feature)) throw new Error(`${feature} is not listed for ${point} in hooks/order.ts`);
    const entry = { feature, hook, interest };
    this.#registered.set(point, [...(this.#registered.get(point) ?? []), entry]);
    this.#compile();
    return () => {
      const others = this.#registered.get(point)!.filter((other) => other !== entry);
      this.#registered.set(point, others);
      this.#compile();
    };
  }

  /** Calls back when hooks come or go, and what was asked with `isObserved` and `finishedFromMs` must be asked again. */
  onChanged(callback: () => void): void {
    this.#listeners.push(callback);
  }

  /** Whether anybody at a point wants to hear of a topic, until hooks change. */
  isObserved(point: 'message.inbound' | 'message.accept' | 'message.published', topic: string): boolean {
    return this.#about(point, topic).length > 0;
  }

  /** From how many milliseconds on anybody wants to hear of deliveries of a topic, until hooks change; or OBSERVED_ALWAYS, OBSERVED_NEVER. */
  finishedFromMs(topic: string): number {
    return Math.min(OBSERVED_NEVER, ...this.#about('delivery.finished', topic).map(fromMsOf));
  }

  admit(connection: IncomingConnection): GateAnswer {
    const hooks = this.#table['connection.admit'];
    if (hooks === null) return 'abstain';
    try {
      for (const hook of hooks) {
        const answer = gateAnswer(hook(connection), RefusalPacket.connect);
        if (answer !== 'abstain') return answer;
      }
    } catch (error) {
      return this.#denied('connection.admit', error);
    }
    return 'abstain';
  }

  async authenticate(client: ClientFacts, password: Uint8Array | null): Promise<GateAnswer> {
    const hooks = this.#table['client.authenticate'];
    if (hooks === null) return 'abstain';
    try {
      for (const hook of hooks) {
        const answer = gateAnswer(await hook(client, password), RefusalPacket.connect);
        if (answer !== 'abstain') return answer;
      }
    } catch (error) {
      return this.#denied('client.authenticate', error);
    }
    return 'abstain';
  }

  authorize(client: ClientFacts, action: 'publish' | 'subscribe', topic: string): GateAnswer {
    const hooks = this.#table['client.authorize'];
    if (hooks === null) return 'abstain';
    try {
      for (const hook of hooks) {
        const answer = gateAnswer(hook(client, action, topic), RefusalPacket[action]);
        if (answer !== 'abstain') return answer;
      }
    } catch (error) {
      return this.#denied('client.authorize', error);
    }
    return 'abstain';
  }

  /** The subscription as it is to be made, or the reason code of its refusal. */
  subscriptionInbound(client: ClientFacts, request: SubscriptionRequest): SubscriptionRequest | number {
    const hooks = this.#table['subscription.inbound'];
    if (hooks === null) return request;
    let current = request;
    try {
      for (const hook of hooks) {
        const answer = hook(client, current);
        if (!isSubscriptionRequest(answer)) return rejection(answer, RefusalPacket.subscribe);
        current = answer;
      }
    } catch (error) {
      return this.#rejected('subscription.inbound', error);
    }
    return current;
  }

  /**
   * What a subscription is called that the client asks for by this filter. A hook that rejects it today may have let it in
   * before, so that what it was called on the way there is the answer.
   */
  subscriptionName(client: ClientFacts, filter: string): string {
    let current: SubscriptionRequest = { filter, qos: 0 };
    try {
      for (const hook of this.#table['subscription.inbound'] ?? []) {
        const answer = hook(client, current);
        if (!isSubscriptionRequest(answer)) break;
        current = answer;
      }
    } catch (error) {
      this.#failed('subscription.inbound', error);
    }
    return current.filter;
  }

  /** Whether nobody minds the subscription: `abstain`, or a denial. */
  subscriptionAccept(client: ClientFacts, request: Required<SubscriptionRequest>): Exclude<GateAnswer, 'allow'> {
    const hooks = this.#table['subscription.accept'];
    if (hooks === null) return 'abstain';
    try {
      for (const hook of hooks) {
        const answer = gateAnswer(hook(client, request), RefusalPacket.subscribe);
        if (typeof answer === 'object') return answer;
      }
    } catch (error) {
      return this.#denied('subscription.accept', error);
    }
    return 'abstain';
  }

  /** The message as it is to be published, or the reason code of its refusal. */
  messageInbound(client: ClientFacts, message: Message): Message | number {
    const hooks = this.#table['message.inbound'];
    if (hooks === null) return message;
    let current = message;
    try {
      // PERF: asked for every message, mostly of features that let it be.
      for (let i = 0; i < hooks.length; i += 1) {
        const answer = hooks[i](client, current);
        if (answer === current) continue;
        if (!isMessage(answer)) return rejection(answer, RefusalPacket.publish);
        current = answer;
      }
    } catch (error) {
      return this.#rejected('message.inbound', error);
    }
    return current;
  }

  /** `pass`, `taken`, `stored`, or the reason code of a refusal. */
  messageAccept(message: Message, author: Author | null): 'pass' | 'taken' | 'stored' | number {
    const hooks = this.#table['message.accept'];
    if (hooks === null) return 'pass';
    try {
      for (let i = 0; i < hooks.length; i += 1) {
        const answer = hooks[i](message, author);
        if (answer === 'pass') continue;
        if (answer === 'taken' || answer === 'stored') return answer;
        return rejection(answer, RefusalPacket.publish);
      }
    } catch (error) {
      return this.#rejected('message.accept', error);
    }
    return 'pass';
  }

  /** The message as this client gets it, or the reason code of its refusal. */
  messageOutbound(clientId: string, message: Message): Message | number {
    const hooks = this.#table['message.outbound'];
    if (hooks === null) return message;
    let current = message;
    try {
      for (const hook of hooks) {
        const answer = hook(clientId, current);
        if (!isMessage(answer)) return rejection(answer, RefusalPacket.publish);
        current = answer;
      }
    } catch (error) {
      return this.#rejected('message.outbound', error);
    }
    return current;
  }

  /** Tells those observers of `delivery.finished` whom it is slow enough for. `tookMs`: -1 when it is not known. */
  deliveryFinished(clientId: string, delivery: Delivery, tookMs: number): void {
    const hooks = this.#table['delivery.finished'];
    if (hooks === null) return;
    const fromMs = this.#fromMs;
    for (let i = 0; i < hooks.length; i += 1) {
      if (tookMs < fromMs[i]) continue;
      try {
        this.#forget('delivery.finished', hooks[i](clientId, delivery, tookMs));
      } catch (error) {
        this.#failed('delivery.finished', error);
      }
    }
  }

  /** Tells the observers of a point; what they throw is logged. */
  observe<Point extends ObserverPoint>(point: Point, ...facts: Parameters<HookPoints[Point]>): void {
    const hooks = this.#table[point] as readonly ((...facts: Parameters<HookPoints[Point]>) => unknown)[] | null;
    if (hooks === null) return;
    for (const hook of hooks) {
      try {
        this.#forget(point, hook(...facts));
      } catch (error) {
        this.#failed(point, error);
      }
    }
  }

  #about(point: HookPoint, topic: string): readonly Registered[] {
    const registered = this.#registered.get(point) ?? [];
    return registered.filter(({ interest: { isAbout } }) => isAbout === undefined || isAbout(topic));
  }

  #compile(): void {
    this.#table = compile(this.#registered);
    this.#fromMs = inOrder(this.#registered, 'delivery.finished').map(fromMsOf);
    this.hasMessageInbound = this.#table['message.inbound'] !== null;
    this.hasMessageAccept = this.#table['message.accept'] !== null;
    this.hasClientAuthorize = this.#table['client.authorize'] !== null;
    this.hasMessagePublished = this.#table['message.published'] !== null;
    this.hasMessageDelivered = this.#table['message.delivered'] !== null;
    this.hasDeliveryFinished = this.#table['delivery.finished'] !== null;
    this.hasMessageOutbound = this.#table['message.outbound'] !== null;
    for (const listener of this.#listeners) listener();
  }

  #denied(point: HookPoint, error: unknown): Exclude<GateAnswer, 'allow'> {
    this.failures += 1;
    this.#log.error({ point, err: error }, 'a hook failed: the client is refused');
    return { deny: ReasonCode.NotAuthorized };
  }

  #rejected(point: HookPoint, error: unknown): number {
    this.failures += 1;
    this.#log.error({ point, err: error }, 'a hook failed: what it was given is refused');
    return ReasonCode.ImplementationSpecificError;
  }

  /** Nobody waits for an asynchronous observer, but its failure must not end the process. */
  #forget(point: HookPoint, answer: unknown): void {
    if (answer instanceof Promise) answer.catch((error: unknown) => this.#failed(point, error));
  }

  #failed(point: HookPoint, error: unknown): void {
    this.failures += 1;
    this.#log.warn({ point, err: error }, 'a hook failed');
  }
}

function compile(registered: ReadonlyMap<HookPoint, readonly Registered[]>): Table {
  const table = {} as Record<HookPoint, unknown>;
  for (const point of Object.keys(hookOrder) as HookPoint[]) {
    const hooks = inOrder(registered, point);
    table[point] = hooks.length === 0 ? null : hooks.map(({ hook }) => hook);
  }
  return table as Table;
}

function inOrder(registered: ReadonlyMap<HookPoint, readonly Registered[]>, point: HookPoint): readonly Registered[] {
  const all = registered.get(point) ?? [];
  return hookOrder[point].flatMap((name) => all.filter(({ feature }) => feature === name));
}

function fromMsOf({ interest: { fromMs = OBSERVED_ALWAYS } }: Registered): number {
  return fromMs;
}
