import { ReasonCode } from '@wrenmq/codec';
import type { Clock } from '#base/clock.ts';
import type { Logger } from '#base/logger.ts';
import type { ClientIdentity, Principal } from './client-identity.ts';
import { createPrincipal, isGrant } from './client-identity.ts';
import type { EnhancedExchange, EnhancedMethod, EnhancedStep, MethodStep } from './enhanced-method.ts';
import type { FailureDamper } from './failure-damper.ts';
import { withinDeadline } from './within-deadline.ts';

export interface EnhancedAuthenticationOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly damper: FailureDamper;
  /** How long a method may take over one message. */
  readonly timeoutMs: number;
}

/** Which methods there are: on listeners with a chain of their own, and on all others. */
export interface MethodTable {
  readonly everywhere: readonly EnhancedMethod[];
  /** Replaces `everywhere` for the listener of that name: a chain of its own has no side door. */
  readonly byListener: ReadonlyMap<string, readonly EnhancedMethod[]>;
}

/** What a connection keeps of the authentication that let it in. */
export interface EnhancedLogin {
  readonly method: string;
  readonly principal: Principal;
}

/** More messages than any method needs. */
const MESSAGES_MAX = 16;

/** Authentication by AUTH packets, at CONNECT and again later. */
export class EnhancedAuthentication {
  readonly #options: EnhancedAuthenticationOptions;
  #methods: MethodTable = { everywhere: [], byListener: new Map() };

  constructor(options: EnhancedAuthenticationOptions) {
    this.#options = options;
  }

  /** Decides for exchanges that begin from now on. */
  replace(methods: MethodTable): void {
    this.#methods = methods;
  }

  /** For a CONNECT with an Authentication Method; hand its Authentication Data to `proceed`. */
  start(methodName: string, identity: ClientIdentity): EnhancedConversation {
    return this.#converse(methodName, identity, null);
  }

  /** For an AUTH with 0x19 on a connection that `login` let in; hand its Authentication Data to `proceed`. */
  startAgain(methodName: string, identity: ClientIdentity, login: EnhancedLogin): EnhancedConversation {
    if (methodName !== login.method) {
      const reason = 'the method differs from the one of the CONNECT';
      return new EnhancedConversation(this.#options, identity, { refusal: fail(ReasonCode.ProtocolError, reason) }); // [MQTT-4.12.1-1]
    }
    return this.#converse(methodName, identity, login.principal);
  }

  #converse(methodName: string, identity: ClientIdentity, current: Principal | null): EnhancedConversation {
    const { byListener, everywhere } = this.#methods;
    const method = (byListener.get(identity.listener) ?? everywhere).find(({ name }) => name === methodName);
    if (method === undefined) {
      const refusal = fail(ReasonCode.BadAuthenticationMethod, 'the Authentication Method is not known on this listener');
      return new EnhancedConversation(this.#options, identity, { refusal }); // [MQTT-4.12.0-1]
    }
    return new EnhancedConversation(this.#options, identity, { exchange: method.start(identity), current, method: methodName });
  }
}

type Course =
  | { readonly refusal: EnhancedStep }
  | { readonly exchange: EnhancedExchange; readonly current: Principal | null; readonly method: string };

/** One exchange with one client, from its first message to success or failure. Never throws or rejects. */
export class EnhancedConversation {
  readonly #options: EnhancedAuthenticationOptions;
  readonly #identity: ClientIdentity;
  readonly #course: Course;
  #messages = 0;
  #state: 'waiting' | 'busy' | 'over' = 'waiting';

  constructor(options: EnhancedAuthenticationOptions, identity: ClientIdentity, course: Course) {
    this.#options = options;
    this.#identity = identity;
    this.#course = course;
  }

  /** Takes the Authentication Data of the client's next packet (null: it has none) and says what to send. */
  async proceed(data: Uint8Array | null): Promise<EnhancedStep> {
    if (this.#state !== 'waiting') return fail(ReasonCode.ProtocolError, 'an AUTH packet came out of turn');
    this.#state = 'busy';
    const step = await this.#advance(data);
    this.#state = step.kind === 'continue' ? 'waiting' : 'over';
    return step;
  }

  async #advance(data: Uint8Array | null): Promise<EnhancedStep> {
    const course = this.#course;
    if ('refusal' in course) return course.refusal;
    this.#messages += 1;
    if (this.#messages > MESSAGES_MAX) return fail(ReasonCode.NotAuthorized, 'the exchange takes too many messages');
    const step = await this.#ask(course.exchange, course.method, data);
    const username = course.exchange.claimedUsername ?? '';
    const { damper } = this.#options;
    // Also before a success is believed: a locked name stays locked, whatever it proves.
    if (damper.isLocked(this.#identity, username)) {
      return fail(ReasonCode.ConnectionRateExceeded, 'too many wrong passwords from this address: locked for a while');
    }
    if (step.kind === 'fail') {
      if (step.reasonCode === ReasonCode.BadUserNameOrPassword) damper.recordFailure(this.#identity, username);
      return fail(step.reasonCode, `${course.method}: ${step.reason}`);
    }
    if (step.kind === 'continue') return step;
    const principal = createPrincipal(this.#identity, step.grant);
    if (course.current !== null && !isSameClient(principal, course.current)) {
      return fail(ReasonCode.NotAuthorized, 'the client authenticated again as somebody else');
    }
    damper.recordSuccess(this.#identity, username);
    return { kind: 'success', data: step.data, principal };
  }

  async #ask(exchange: EnhancedExchange, method: string, data: Uint8Array | null): Promise<MethodStep> {
    const { clock, timeoutMs, log } = this.#options;
    try {
      const answer = new Promise<MethodStep>((resolve) => resolve(exchange.proceed(data)));
      const step = await withinDeadline(clock, timeoutMs, answer);
      if (isMethodStep(step)) return step;
      log.error({ method }, 'an authentication method gave an answer that makes no sense: the client is refused');
    } catch (error) {
      log.error({ method, err: error }, 'an authentication method failed: the client is refused');
    }
    return { kind: 'fail', reasonCode: ReasonCode.NotAuthorized, reason: 'the method failed' };
  }
}

function isSameClient(principal: Principal, current: Principal): boolean {
  return principal.owner === current.owner && principal.clientId === current.clientId;
}

function fail(reasonCode: ReasonCode, reason: string): EnhancedStep {
  return { kind: 'fail', reasonCode, reason };
}

/** Methods come from outside as well, so that their types are no proof. */
function isMethodStep(value: unknown): value is MethodStep {
  if (typeof value !== 'object' || value === null) return false;
  const step = value as { kind?: unknown; data?: unknown; grant?: unknown; reasonCode?: unknown };
  switch (step.kind) {
    case 'continue':
      return step.data instanceof Uint8Array;
    case 'success':
      return (step.data === null || step.data instanceof Uint8Array) && isGrant(step.grant);
    case 'fail':
      return typeof step.reasonCode === 'number' && step.reasonCode >= 0x80;
    default:
      return false;
  }
}
