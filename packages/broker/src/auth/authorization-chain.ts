// HOT: authorizePublish runs once per message
import type { Clock } from '#base/clock.ts';
import { OperationalError } from '#base/errors.ts';
import type { Logger } from '#base/logger.ts';
import type { QoS } from '#message/message.ts';
import { parseTopicFilter } from '#topic/topic-filter.ts';
import { isSystemTopic } from '#topic/topic-name.ts';
import type { RuleName } from './access-rule.ts';
import type { AccessQuestion, AuthorizationProvider, Authorizer, SubscribeAnswer, SubscribeDecision } from './authorizer.ts';
import type { Principal } from './client-identity.ts';
import { withinDeadline } from './within-deadline.ts';

export interface AuthorizationChainOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** How long one provider may take. */
  readonly timeoutMs: number;
}

/** What happens when no provider has an opinion. `allow` never reaches into the `$` trees. */
export type NoMatch = 'allow' | 'deny';

/** A question on its way from provider to provider. */
interface Question {
  readonly ask: (provider: AuthorizationProvider) => unknown;
  readonly answers: ReadonlySet<unknown>;
  readonly topicOrFilter: string;
  readonly providers: readonly AuthorizationProvider[];
}

const publishAnswers: ReadonlySet<unknown> = new Set(['allow', 'deny', 'ignore']);
const subscribeAnswers: ReadonlySet<unknown> = new Set(['allow', 'deny', 'ignore', 'filtered', 'restrict']);

/** Asks providers in order; the first that has an opinion decides. Superusers may do everything. Answers at once where the providers do. */
export class AuthorizationChain implements Authorizer {
  readonly #options: AuthorizationChainOptions;
  #providers: readonly AuthorizationProvider[] = [];
  #noMatch: NoMatch = 'deny';
  #epoch = 0;

  constructor(options: AuthorizationChainOptions) {
    this.#options = options;
  }

  get epoch(): number {
    return this.#epoch;
  }

  /** Decides from now on; who is being asked about goes on with the providers it began with. */
  replace(providers: readonly AuthorizationProvider[], noMatch: NoMatch): void {
    this.#providers = providers;
    this.#noMatch = noMatch;
    this.#epoch += 1;
  }

  authorizePublish(principal: Principal, topic: string, qos: QoS, retain: boolean): boolean | Promise<boolean> {
    if (principal.isSuperuser) return true;
    const providers = this.#providers;
    for (let index = 0; index < providers.length; index += 1) {
      const provider = providers[index];
      let decision: unknown;
      try {
        decision = provider.authorizePublish(principal, topic, qos, retain);
      } catch (error) {
        this.#report(provider, error);
        return false;
      }
      if (decision === 'ignore') continue;
      if (decision === 'allow') return true;
      if (decision === 'deny') return false;
      const ask = (next: AuthorizationProvider): unknown => next.authorizePublish(principal, topic, qos, retain);
      const question = { ask, answers: publishAnswers, topicOrFilter: topic, providers: providers.slice(index) };
      return this.#askOn(question, decision, false).then((answer) => answer === 'allow');
    }
    return this.#default(topic) === 'allow';
  }

  authorizeSubscribe(principal: Principal, filter: string, qos: QoS): SubscribeAnswer | Promise<SubscribeAnswer> {
    if (principal.isSuperuser) return 'allow';
    const parsed = parseTopicFilter(filter, Infinity);
    if (typeof parsed === 'string') return 'deny';
    const providers = this.#providers;
    let isRestricted = false;
    for (let index = 0; index < providers.length; index += 1) {
      const provider = providers[index];
      let decision: unknown;
      try {
        decision = provider.authorizeSubscribe(principal, parsed.filter, qos);
      } catch (error) {
        return this.#report(provider, error);
      }
      if (!subscribeAnswers.has(decision)) {
        const ask = (next: AuthorizationProvider): unknown => next.authorizeSubscribe(principal, parsed.filter, qos);
        const question = { ask, answers: subscribeAnswers, topicOrFilter: parsed.filter, providers: providers.slice(index) };
        return this.#askOn(question, decision, isRestricted);
      }
      if (decision === 'restrict') isRestricted = true;
      else if (decision !== 'ignore') return restrict(decision as SubscribeAnswer, isRestricted);
    }
    return restrict(this.#default(parsed.filter), isRestricted);
  }

  mayReceive(principal: Principal, topic: string, qos?: QoS): boolean {
    if (principal.isSuperuser) return true;
    let isOneSilent = false;
    for (const provider of this.#providers) {
      if (provider.mayReceive === undefined) {
        isOneSilent = true;
        continue;
      }
      try {
        const decision = provider.mayReceive(principal, topic, qos);
        if (decision !== 'ignore') return decision === 'allow';
      } catch (error) {
        this.#report(provider, error);
        return false;
      }
    }
    // What nobody took out belongs to whoever granted the filter: a provider that judges filters only as a whole, or the default.
    return isOneSilent || this.#default(topic) === 'allow';
  }

  denier(principal: Principal, question: AccessQuestion): RuleName | null {
    for (const provider of this.#providers) {
      const name = provider.denier?.(principal, question) ?? null;
      if (name !== null) return name;
    }
    return null;
  }

  /** Goes on from an answer of the first provider that is not there yet (or that makes no sense). */
  async #askOn(question: Question, firstAnswer: unknown, wasRestricted: boolean): Promise<SubscribeAnswer> {
    let isRestricted = wasRestricted;
    let answer = firstAnswer;
    for (let index = 0; index < question.providers.length; index += 1) {
      const provider = question.providers[index];
      if (index > 0) answer = new Promise((resolve) => resolve(question.ask(provider)));
      const decision = await this.#settle(question, provider, answer);
      if (decision === 'restrict') isRestricted = true;
      else if (decision !== 'ignore') return restrict(decision, isRestricted);
    }
    return restrict(this.#default(question.topicOrFilter), isRestricted);
  }

  async #settle(question: Question, provider: AuthorizationProvider, answer: unknown): Promise<SubscribeDecision> {
    try {
      const decision = await withinDeadline(this.#options.clock, this.#options.timeoutMs, Promise.resolve(answer));
      if (question.answers.has(decision)) return decision as SubscribeDecision;
      return this.#report(provider, new OperationalError('nonsense', 'the answer makes no sense'));
    } catch (error) {
      return this.#report(provider, error);
    }
  }

  #default(topicOrFilter: string): NoMatch {
    return isSystemTopic(topicOrFilter) ? 'deny' : this.#noMatch;
  }

  #report(provider: AuthorizationProvider, error: unknown): 'deny' {
    this.#options.log.error({ provider: provider.name, err: error }, 'an authorization provider failed: the answer is no');
    return 'deny';
  }
}

function restrict(answer: SubscribeAnswer, isRestricted: boolean): SubscribeAnswer {
  return answer === 'allow' && isRestricted ? 'filtered' : answer;
}
