import { ReasonCode } from '@wrenmq/codec';
import type { AccessQuestion, Authorizer } from '#auth/authorizer.ts';
import type { Principal } from '#auth/client-identity.ts';
import { type RefusalCause, RefusedBy } from '#explain/decision.ts';
import type { Decisions } from '#explain/decisions.ts';
import type { Message, QoS } from '#message/message.ts';
import type { Session } from '#session/session.ts';

const byHook: RefusalCause = { by: RefusedBy.Hook, rule: null, text: '' };
const byServer: RefusalCause = { by: RefusedBy.Server, rule: null, text: '' };
const byDefault: RefusalCause = { by: RefusedBy.NoRule, rule: null, text: '' };

/** Remembers who was refused what, and by which rule. */
export class Refusals {
  readonly #decisions: Decisions;
  readonly #authorizer: Authorizer;

  constructor(decisions: Decisions, authorizer: Authorizer) {
    this.#decisions = decisions;
    this.#authorizer = authorizer;
  }

  /** The client may not publish it. */
  publishing(principal: Principal, message: Message): void {
    const { topic, qos, retain } = message;
    this.#decisions.refused(message, principal.clientId, this.causeOf(principal, { action: 'publish', topic, qos, retain }));
  }

  /** A hook does not let it pass. */
  rejecting(message: Message): void {
    this.#decisions.refused(message, message.publisher, byHook);
  }

  /** `name`: what hooks made of the filter. */
  subscribing(session: Session, name: string, qos: QoS, reasonCode: number): void {
    const isDenied = reasonCode === ReasonCode.NotAuthorized;
    const cause = isDenied ? this.#subscribeCause(session.state.principal as Principal, name, qos) : byServer;
    this.#decisions.subscriptionRefused(session, name, reasonCode, cause);
  }

  /** The topic is kept from a subscription that matches it. */
  receiving(session: Session, principal: Principal, topic: string, qos: QoS): void {
    this.#decisions.withheld(session, topic, this.causeOf(principal, { action: 'receive', topic, qos }));
  }

  /** Why that is denied, by the rules of now. */
  causeOf(principal: Principal, question: AccessQuestion): RefusalCause {
    const name = this.#authorizer.denier(principal, question);
    return name === null ? byDefault : { by: RefusedBy.Rule, rule: name.place, text: name.text };
  }

  #subscribeCause(principal: Principal, name: string, qos: QoS): RefusalCause {
    const topic = name.startsWith('$share/') ? name.split('/').slice(2).join('/') : name;
    const answer = this.#authorizer.authorizeSubscribe(principal, name, qos);
    return answer === 'allow' || answer === 'filtered' ? byHook : this.causeOf(principal, { action: 'subscribe', topic, qos });
  }
}
