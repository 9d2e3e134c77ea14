import type { QoS } from '#message/message.ts';
import type { AccessRule, CompiledRule, RuleName } from './access-rule.ts';
import { compileRules } from './access-rule.ts';
import type { AccessQuestion, AuthorizationProvider, Decision, SubscribeDecision } from './authorizer.ts';
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

/** So many different selections of rules are shared; clients with others have an object of their own. */
const SHARED_MAX = 1024;
/** Rules whose bits fit into one small number. */
const KEY_BITS = 30;

/** Permissions from ordered rules; ignores what no rule is about. */
export class RulesProvider implements AuthorizationProvider {
  readonly name = 'rules';
  readonly #rules: readonly CompiledRule[];
  /** As many as there are principals that have published, or been asked about topic by topic. */
  readonly #boundRules = new WeakMap<Principal, BoundRules>();
  /** Rules without placeholders, by their places in the list: one object serves everybody whom they are about. */
  readonly #shared = new Map<number | string, BoundRules>();

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
    // Not kept: at start every stored session is asked about, and most are asked about nothing else.
    return (this.#boundRules.get(principal) ?? this.#bindNew(principal)).decideSubscribe(filter, qos);
  }

  mayReceive(principal: Principal, topic: string, qos?: QoS): Decision {
    return this.#bind(principal).decideDelivery(topic, qos);
  }

  denier(principal: Principal, question: AccessQuestion): RuleName | null {
    const bound = this.#boundRules.get(principal) ?? this.#bindNew(principal);
    const { action, topic, qos } = question;
    if (action === 'publish') return bound.publishDenier(topic, qos, question.retain);
    return action === 'subscribe' ? bound.subscribeDenier(topic, qos) : bound.deliveryDenier(topic, qos);
  }

  #bind(principal: Principal): BoundRules {
    let bound = this.#boundRules.get(principal);
    if (bound === undefined) {
      bound = this.#bindNew(principal);
      this.#boundRules.set(principal, bound);
    }
    return bound;
  }

  #bindNew(principal: Principal): BoundRules {
    const key = this.#selectionKey(principal);
    const shared = this.#shared.get(key);
    if (shared !== undefined) return shared;
    const rules = this.#rules.filter((rule) => rule.isAbout(principal));
    const bound = new BoundRules(rules, principal);
    if (!rules.some(hasPlaceholder) && this.#shared.size < SHARED_MAX) this.#shared.set(key, bound);
    return bound;
  }

  /** Which rules are about the principal: a bit for each, in one number where that has room for them. PERF: a restart asks for each session. */
  #selectionKey(principal: Principal): number | string {
    let earlier = '';
    let bits = 0;
    for (let place = 0; place < this.#rules.length; place += 1) {
      if (place > 0 && place % KEY_BITS === 0) {
        earlier += `${bits},`;
        bits = 0;
      }
      bits = (bits << 1) | (this.#rules[place].isAbout(principal) ? 1 : 0);
    }
    return earlier === '' ? bits : earlier + bits;
  }
}

function hasPlaceholder({ topics }: CompiledRule): boolean {
  return topics.some((levels) => levels.some((level) => typeof level !== 'string'));
}
