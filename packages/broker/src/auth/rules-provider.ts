import type { QoS } from '#message/message.ts';
import type { AccessRule, CompiledRule } from './access-rule.ts';
import { compileRules } from './access-rule.ts';
import type { AuthorizationProvider, Decision, SubscribeDecision } from './authorizer.ts';
import { BoundRules } from './bound-rules.ts';
import { assert } from '#base/errors.ts';
import type { Principal } from './client-identity.ts';

/**
 * What everybody may do when no rules are configured: everything outside the `$` trees (`#` does not reach into them), and watch
 * the broker where only this machine can connect.
 */
export const defaultRules: readonly AccessRule[] = [
  { permission: 'allow', action: 'all', topics: ['#'] },
  { permission: 'allow', action: 'subscribe', topics: ['$SYS/#'], who: { loopback: true } },
];

/** Permissions from ordered rules; ignores what no rule is about. */
export class RulesProvider implements AuthorizationProvider {
  readonly name = 'rules';
  readonly #rules: readonly CompiledRule[];
  /** As many as there are principals alive. */
  readonly #boundRules = new WeakMap<Principal, BoundRules>();

  /** The rules must be without problems. */
  constructor(rules: readonly AccessRule[]) {
    const compiled = compileRules(rules);
    assert(compiled.problems.length === 0, 'the rules were checked before');
    this.#rules = compiled.rules;
  }

  authorizePublish(principal: Principal, topic: string, qos: QoS, retain: boolean): Decision {
    return this.#bind(principal).decidePublish(topic, qos, retain);
  }

  authorizeSubscribe(principal: Principal, filter: string, qos: QoS): SubscribeDecision {
    return this.#bind(principal).decideSubscribe(filter, qos);
  }

  mayReceive(principal: Principal, topic: string, qos?: QoS): Decision {
    return this.#bind(principal).decideDelivery(topic, qos);
  }

  #bind(principal: Principal): BoundRules {
    let bound = this.#boundRules.get(principal);
    if (bound === undefined) {
      bound = new BoundRules(this.#rules, principal);
      this.#boundRules.set(principal, bound);
    }
    return bound;
  }
}
