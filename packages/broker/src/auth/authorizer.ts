import type { QoS } from '#message/message.ts';
import type { RuleName } from './access-rule.ts';
import type { Principal } from './client-identity.ts';

export type Decision = 'allow' | 'deny' | 'ignore';

/**
 * A provider's answer for a subscription. `filtered`: allowed, but some topics of the filter are not, so each topic is asked with
 * `mayReceive`. `restrict`: no opinion on the filter as a whole, but some of its topics are denied: a later `allow` becomes `filtered`.
 */
export type SubscribeDecision = Decision | 'filtered' | 'restrict';

/** One source of permissions. Failing, slow or nonsensical answers deny. */
export interface AuthorizationProvider {
  readonly name: string;
  /** `topic` is the complete name that will be routed: aliases resolved, rewrites done. */
  authorizePublish(principal: Principal, topic: string, qos: QoS, retain: boolean): Decision | Promise<Decision>;
  /** `filter` is a valid filter without `$share/<group>/`. */
  authorizeSubscribe(principal: Principal, filter: string, qos: QoS): SubscribeDecision | Promise<SubscribeDecision>;
  /** Pure and synchronous; needed by a provider that answers `filtered` or `restrict`. `qos` as in `Authorizer.mayReceive`. */
  mayReceive?(principal: Principal, topic: string, qos?: QoS): Decision;
  /** Which of its rules denies what was asked; null when none does. For who wants to know why, afterwards. */
  denier?(principal: Principal, question: AccessQuestion): RuleName | null;
}

/** What somebody wanted to do. */
export type AccessQuestion =
  | { readonly action: 'publish'; readonly topic: string; readonly qos: QoS; readonly retain: boolean }
  /** `topic` is a filter without `$share/<group>/`. */
  | { readonly action: 'subscribe'; readonly topic: string; readonly qos: QoS }
  | { readonly action: 'receive'; readonly topic: string; readonly qos: QoS };

/** What the port asks: `AuthorizationChain` is the one implementation. Never throws or rejects. */
export interface Authorizer {
  /** Grows with every change of the rules: what was cached from answers with another epoch must be asked again. */
  readonly epoch: number;
  authorizePublish(principal: Principal, topic: string, qos: QoS, retain: boolean): boolean | Promise<boolean>;
  /** `filter` as the client sent it (a valid one); `$share/<group>/` is taken off here. */
  authorizeSubscribe(principal: Principal, filter: string, qos: QoS): SubscribeAnswer | Promise<SubscribeAnswer>;
  /**
   * Whether a `filtered` subscription delivers this topic. Asked once per session and topic when a route is built. `qos` is the
   * subscription's; without it, rules that name a QoS only take away.
   */
  mayReceive(principal: Principal, topic: string, qos?: QoS): boolean;
  /** By the rules of now: which of them denies what was asked; null when it is that none allows it. */
  denier(principal: Principal, question: AccessQuestion): RuleName | null;
}

export type SubscribeAnswer = 'allow' | 'filtered' | 'deny';
