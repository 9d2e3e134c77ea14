// HOT
import type { Logger } from '#base/logger.ts';
import type { Message } from '#message/message.ts';
import { hookOrder } from './order.ts';
import type { ClientFacts, GateAnswer, HookPoint, HookPoints, IncomingConnection, SubscriptionRequest } from './points.ts';

/** Not authorized: what a gate that throws answers. */
const NOT_AUTHORIZED = 0x87;
/** Implementation specific error: what a transform that throws answers. */
const IMPLEMENTATION_SPECIFIC_ERROR = 0x83;

/** The points whose hooks only look. */
type ObserverPoint = Exclude<
  HookPoint,
  | 'connection.admit'
  | 'client.authenticate'
  | 'client.authorize'
  | 'subscription.inbound'
  | 'message.inbound'
  | 'message.accept'
  | 'message.outbound'
>;

type Table = { [Point in HookPoint]: readonly HookPoints[Point][] | null };

/**
 * The compiled hooks of one broker. An unused point is null and costs a test.
 */
export class Hooks {
  /** True where a hot caller would have to prepare arguments for nobody. */
  hasMessageInbound = false;
  hasClientAuthorize = false;
  hasMessagePublished = false;
  hasMessageDelivered = false;
  hasMessageOutbound = false;
  readonly #log: Logger;
  readonly #registered = new Map<HookPoint, { feature: string; hook: HookPoints[HookPoint] }[]>();
  #table: Table = compile(new Map());

  constructor(log: Logger) {
    this.#log = log;
  }

  /** Adds a feature's hook. Throws when the feature has no place in the order of that point. */
  register<Point extends HookPoint>(feature: string, point: Point, hook: HookPoints[Point]): void {
    if (!hookOrder[point]?.includes(feature)) throw new Error(`${feature} is not listed for ${point} in hooks/order.ts`);
    const hooks = this.#registered.get(point) ?? [];
    hooks.push({ feature, hook });
    this.#registered.set(point, hooks);
    this.#table = compile(this.#registered);
    this.hasMessageInbound = this.#table['message.inbound'] !== null;
    this.hasClientAuthorize = this.#table['client.authorize'] !== null;
    this.hasMessagePublished = this.#table['message.published'] !== null;
    this.hasMessageDelivered = this.#table['message.delivered'] !== null;
    this.hasMessageOutbound = this.#table['message.outbound'] !== null;
  }

  admit(connection: IncomingConnection): GateAnswer {
    for (const hook of this.#table['connection.admit'] ?? []) {
      const answer = this.#gate('connection.admit', () => hook(connection));
      if (answer !== 'abstain') return answer;
    }
    return 'abstain';
  }

  async authenticate(client: ClientFacts, password: Uint8Array | null): Promise<GateAnswer> {
    for (const hook of this.#table['client.authenticate'] ?? []) {
      try {
        const answer = await hook(client, password);
        if (answer !== 'abstain') return answer;
      } catch (error) {
        return this.#denied('client.authenticate', error);
      }
    }
    return 'abstain';
  }

  authorize(client: ClientFacts, action: 'publish' | 'subscribe', topic: string): GateAnswer {
    const hooks = this.#table['client.authorize'];
    if (hooks === null) return 'abstain';
    for (const hook of hooks) {
      const answer = this.#gate('client.authorize', () => hook(client, action, topic));
      if (answer !== 'abstain') return answer;
    }
    return 'abstain';
  }

  /** The subscription as it is to be made, or the reason code of its refusal. */
  subscriptionInbound(client: ClientFacts, request: SubscriptionRequest): SubscriptionRequest | number {
    let current = request;
    for (const hook of this.#table['subscription.inbound'] ?? []) {
      const answer = this.#transform('subscription.inbound', () => hook(client, current));
      if (typeof answer === 'number') return answer;
      current = answer;
    }
    return current;
  }

  /** The message as it is to be published, or the reason code of its refusal. */
  messageInbound(client: ClientFacts, message: Message): Message | number {
    let current = message;
    for (const hook of this.#table['message.inbound'] ?? []) {
      const answer = this.#transform('message.inbound', () => hook(client, current));
      if (typeof answer === 'number') return answer;
      current = answer;
    }
    return current;
  }

  /** `pass`, `taken`, or the reason code of a refusal. */
  messageAccept(message: Message): 'pass' | 'taken' | number {
    const hooks = this.#table['message.accept'];
    if (hooks === null) return 'pass';
    for (const hook of hooks) {
      const answer = this.#transform('message.accept', () => hook(message));
      if (answer !== 'pass') return answer;
    }
    return 'pass';
  }

  /** The message as this client gets it, or the reason code of its refusal. */
  messageOutbound(clientId: string, message: Message): Message | number {
    let current = message;
    for (const hook of this.#table['message.outbound'] ?? []) {
      const answer = this.#transform('message.outbound', () => hook(clientId, current));
      if (typeof answer === 'number') return answer;
      current = answer;
    }
    return current;
  }

  /** Tells the observers of a point; what they throw is logged. */
  observe<Point extends ObserverPoint>(point: Point, ...facts: Parameters<HookPoints[Point]>): void {
    const hooks = this.#table[point] as readonly ((...facts: Parameters<HookPoints[Point]>) => void)[] | null;
    if (hooks === null) return;
    for (const hook of hooks) {
      try {
        hook(...facts);
      } catch (error) {
        this.#log.warn({ point, err: error }, 'a hook failed');
      }
    }
  }

  #gate(point: HookPoint, ask: () => GateAnswer): GateAnswer {
    try {
      return ask();
    } catch (error) {
      return this.#denied(point, error);
    }
  }

  #denied(point: HookPoint, error: unknown): GateAnswer {
    this.#log.error({ point, err: error }, 'a hook failed: the client is refused');
    return { deny: NOT_AUTHORIZED };
  }

  #transform<Value>(point: HookPoint, ask: () => Value | { readonly reject: number }): Value | number {
    try {
      const answer = ask();
      return isRejection(answer) ? answer.reject : (answer as Value);
    } catch (error) {
      this.#log.error({ point, err: error }, 'a hook failed: what it was given is refused');
      return IMPLEMENTATION_SPECIFIC_ERROR;
    }
  }
}

function isRejection(answer: unknown): answer is { readonly reject: number } {
  return typeof answer === 'object' && answer !== null && 'reject' in answer;
}

function compile(registered: ReadonlyMap<HookPoint, { feature: string; hook: HookPoints[HookPoint] }[]>): Table {
  const table = {} as Record<HookPoint, unknown>;
  for (const point of Object.keys(hookOrder) as HookPoint[]) {
    const order = hookOrder[point];
    const hooks = (registered.get(point) ?? []).toSorted((a, b) => order.indexOf(a.feature) - order.indexOf(b.feature));
    table[point] = hooks.length === 0 ? null : hooks.map(({ hook }) => hook);
  }
  return table as Table;
}
