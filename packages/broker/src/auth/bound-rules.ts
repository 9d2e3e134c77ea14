import type { QoS } from '#message/message.ts';
import { covers, intersects, matches } from '#topic/topic-filter.ts';
import type { CompiledRule, RuleName } from './access-rule.ts';
import { EVERY_QOS } from './access-rule.ts';
import type { Decision, SubscribeDecision } from './authorizer.ts';
import type { Principal } from './client-identity.ts';

/** A rule with the client's own names in its topics. */
interface BoundRule {
  readonly name: RuleName;
  readonly isAllow: boolean;
  readonly qosMask: number;
  readonly retain: boolean | null;
  /** Null: every topic there is; only ever in a rule that denies. */
  readonly filters: readonly string[] | null;
}

/** The rules that are about one client, in order. */
export class BoundRules {
  readonly #publish: BoundRule[] = [];
  readonly #subscribe: BoundRule[] = [];

  /** `rules` are those that are about the principal. */
  constructor(rules: readonly CompiledRule[], principal: Principal) {
    for (const rule of rules) {
      const bound = bindRule(rule, principal);
      if (bound === null) continue;
      if (rule.isForPublish) this.#publish.push(bound);
      if (rule.isForSubscribe) this.#subscribe.push(bound);
    }
  }

  decidePublish(topic: string, qos: QoS, retain: boolean): Decision {
    const rule = this.#publishRule(topic, qos, retain);
    return rule === null ? 'ignore' : rule.isAllow ? 'allow' : 'deny';
  }

  /** The rule that denies it; null when none does. */
  publishDenier(topic: string, qos: QoS, retain: boolean): RuleName | null {
    const rule = this.#publishRule(topic, qos, retain);
    return rule === null || rule.isAllow ? null : rule.name;
  }

  /** Allows a filter only as a whole; what an earlier rule denies of it is taken out of its deliveries. */
  decideSubscribe(filter: string, qos: QoS): SubscribeDecision {
    let isRestricted = false;
    for (const { isAllow, qosMask, filters } of this.#subscribe) {
      if ((qosMask & (1 << qos)) === 0) continue;
      if (filters === null) return 'deny';
      if (filters.some((own) => covers(own, filter))) {
        if (!isAllow) return 'deny';
        return isRestricted ? 'filtered' : 'allow';
      }
      if (!isAllow && filters.some((own) => intersects(own, filter))) isRestricted = true;
    }
    return isRestricted ? 'restrict' : 'ignore';
  }

  /** The rule that denies the filter as a whole; null when none does. */
  subscribeDenier(filter: string, qos: QoS): RuleName | null {
    for (const { isAllow, qosMask, filters, name } of this.#subscribe) {
      if ((qosMask & (1 << qos)) === 0) continue;
      if (filters === null) return name;
      if (filters.some((own) => covers(own, filter))) return isAllow ? null : name;
    }
    return null;
  }

  decideDelivery(topic: string, qos: QoS | undefined): Decision {
    const rule = this.#deliveryRule(topic, qos);
    return rule === null ? 'ignore' : rule.isAllow ? 'allow' : 'deny';
  }

  /** The rule that keeps the topic from a subscription; null when none does. */
  deliveryDenier(topic: string, qos: QoS | undefined): RuleName | null {
    const rule = this.#deliveryRule(topic, qos);
    return rule === null || rule.isAllow ? null : rule.name;
  }

  #publishRule(topic: string, qos: QoS, retain: boolean): BoundRule | null {
    for (const rule of this.#publish) {
      if ((rule.qosMask & (1 << qos)) === 0) continue;
      if (rule.retain !== null && rule.retain !== retain) continue;
      if (isMatch(rule, topic)) return rule;
    }
    return null;
  }

  #deliveryRule(topic: string, qos: QoS | undefined): BoundRule | null {
    for (const rule of this.#subscribe) if (isAboutQos(rule, qos) && isMatch(rule, topic)) return rule;
    return null;
  }
}

/** Without a QoS to compare, a rule about some of them denies but does not allow. */
function isAboutQos(rule: BoundRule, qos: QoS | undefined): boolean {
  if (qos === undefined) return rule.qosMask === EVERY_QOS || !rule.isAllow;
  return (rule.qosMask & (1 << qos)) !== 0;
}

function isMatch(rule: BoundRule, topic: string): boolean {
  const { filters } = rule;
  if (filters === null) return true;
  for (const filter of filters) if (matches(filter, topic)) return true;
  return false;
}

/** Null when nothing is left of the rule for this client. */
function bindRule(rule: CompiledRule, principal: Principal): BoundRule | null {
  const { isAllow, qosMask, retain, name } = rule;
  const filters: string[] = [];
  for (const topic of rule.topics) {
    const filter = isAllow ? bindAllowed(topic, principal) : bindDenied(topic, principal);
    if (filter !== null) filters.push(filter);
    else if (!isAllow) return { name, isAllow, qosMask, retain, filters: null };
  }
  return filters.length === 0 ? null : { name, isAllow, qosMask, retain, filters };
}

/** Null when a name cannot be a level: an allowing topic then matches nothing. */
function bindAllowed(topic: CompiledRule['topics'][number], principal: Principal): string | null {
  const levels: string[] = [];
  for (const level of topic) {
    if (typeof level === 'string') {
      levels.push(level);
      continue;
    }
    const value = principal[level.placeholder];
    // At the front, a name like `$SYS` would open a tree that no placeholder was meant for.
    if (!isOneLevel(value) || (levels.length === 0 && value.startsWith('$'))) return null;
    levels.push(value);
  }
  return levels.join('/');
}

/**
 * A denying topic whose name cannot be a level denies all it could mean, the placeholder's level and everything below; null is every
 * topic. To let it match nothing would give a client more for a stranger name.
 */
function bindDenied(topic: CompiledRule['topics'][number], principal: Principal): string | null {
  const levels: string[] = [];
  for (const level of topic) {
    const value = typeof level === 'string' ? level : principal[level.placeholder];
    if (typeof level !== 'string' && !isOneLevel(value)) return levels.length === 0 ? null : [...levels, '#'].join('/');
    levels.push(value as string);
  }
  return levels.join('/');
}

function isOneLevel(value: string | null): value is string {
  return value !== null && value !== '' && !/[/+#\0]/.test(value);
}
