import { ReasonCode } from '@wrenmq/codec';
import {
  type ClientFacts,
  type FeatureContext,
  rewriteMessage,
  type RunningFeature,
  type SubscriptionRequest,
  type TransformAnswer,
} from '#hooks/feature.ts';
import type { Message } from '#message/message.ts';
import type { RewriteRuleText } from '#topic/rewrite-rule.ts';
import { type RewriteQuestion, type RewriteResult, RewriteRules } from './rewrite-rules.ts';

export interface RewriteSettings {
  readonly rules: readonly RewriteRuleText[];
}

/** Gives messages and subscriptions other topics. Without rules it has no hooks, and costs nothing. */
export class Rewrite implements RunningFeature<RewriteSettings> {
  readonly #context: FeatureContext<RewriteSettings>;
  #rules = new RewriteRules([]);
  #withdrawals: (() => void)[] = [];

  constructor(context: FeatureContext<RewriteSettings>) {
    this.#context = context;
    this.reload(context.settings);
  }

  /** Holds from the next packet on. What is subscribed stays as it is. The rules must be as the configuration allows them. */
  reload({ rules }: RewriteSettings): void {
    this.stop();
    this.#rules = new RewriteRules(rules);
    if (this.#rules.arePublishing) {
      const interest = { isAbout: (topic: string) => this.#rules.forTopic(topic) !== null };
      this.#withdrawals.push(this.#context.on('message.inbound', (client, message) => this.#rewriteMessage(client, message), interest));
    }
    if (this.#rules.areSubscribing) {
      this.#withdrawals.push(this.#context.on('subscription.inbound', (client, request) => this.#rewriteRequest(client, request)));
    }
  }

  stop(): void {
    for (const withdraw of this.#withdrawals.splice(0)) withdraw();
  }

  /** What would become of a topic now. */
  preview(question: RewriteQuestion): RewriteResult {
    return this.#rules.preview(question);
  }

  #rewriteMessage(client: ClientFacts, message: Message): TransformAnswer<Message> {
    const fitting = this.#rules.forTopic(message.topic);
    if (fitting === null) return message;
    const applied = this.#rules.apply(fitting, client);
    if (typeof applied === 'string') return applied === message.topic ? message : rewriteMessage(message, { topic: applied });
    this.#report(client, message.topic, fitting.rule, applied.refusal);
    return { reject: ReasonCode.TopicNameInvalid };
  }

  #rewriteRequest(client: ClientFacts, request: SubscriptionRequest): TransformAnswer<SubscriptionRequest> {
    if (request.match !== undefined) return request;
    const result = this.#rules.rewriteFilter(request.filter, client);
    if (result.kind !== 'refused') return result.kind === 'unchanged' ? request : { ...request, filter: result.topic };
    this.#report(client, request.filter, result.rule, result.reason);
    return { reject: ReasonCode.TopicFilterInvalid };
  }

  #report({ clientId }: ClientFacts, topic: string, rule: number, reason: string): void {
    this.#context.log.warn({ clientId, topic, rule: `rewrite.rules.${rule}`, reason }, 'a topic cannot be rewritten: it is refused');
  }
}
