// HOT: forTopic runs once per message while there are rules about messages
import { assert } from '#base/errors.ts';
import { RewriteRule, type RewriteRuleText, REWRITABLE_CHARACTERS_MAX } from '#topic/rewrite-rule.ts';
import { covers, matches, parseTopicFilter } from '#topic/topic-filter.ts';

/** Who publishes or subscribes. */
export interface RewriteClient {
  readonly clientId: string;
  readonly username: string | null;
}

/** A topic and who says it. */
export interface RewriteQuestion extends RewriteClient {
  readonly action: 'publish' | 'subscribe';
  /** A topic name, or a filter with whatever prefix. */
  readonly topic: string;
}

/** What becomes of a topic. `rule`: its place in the list, from 0; null when no rule is about the topic. */
export type RewriteResult =
  | { readonly kind: 'unchanged'; readonly topic: string; readonly rule: number | null }
  | { readonly kind: 'rewritten'; readonly topic: string; readonly rule: number }
  | { readonly kind: 'refused'; readonly topic: string; readonly rule: number; readonly reason: string };

interface Refusal {
  readonly refusal: string;
}

/** The rule that a topic fits, and what its expression found there. */
export interface Fitting {
  readonly rule: number;
  readonly captures: readonly string[];
  /** Why every client is refused; null when it depends on the client. */
  readonly refusal: string | null;
  /** The same for every client; null when it depends on the client. */
  readonly topic: string | null;
}

/** So many topics are remembered with what becomes of them; when there are more, all are looked up afresh. */
const REMEMBERED_MAX = 16_384;
/** A longer topic is looked up each time. */
const REMEMBERED_CHARACTERS_MAX = 256;

const prefixes = /^(\$exclusive\/|\$queue\/|\$share\/[^/]*\/|\$history(?:-live)?\/[^/]*\/)/;
/** What a rewritten filter may not begin with: the client has not asked for it. */
const prefixed = /^\$(?:share|queue|exclusive|history(?:-live)?)(?:\/|$)/;

/** What would become of a topic under these rules; they must be as the configuration allows them. */
export function previewRewrite(rules: readonly RewriteRuleText[], question: RewriteQuestion): RewriteResult {
  return new RewriteRules(rules).preview(question);
}

/** Rules in order; of those that cover a topic the last decides, alone. */
export class RewriteRules {
  readonly #rules: readonly RewriteRule[];
  /** What is fit for a topic that was published; null: no rule changes it. */
  #remembered = new Map<string, Fitting | null>();

  /** The rules must be without problems. */
  constructor(rules: readonly RewriteRuleText[]) {
    this.#rules = rules.map((text) => {
      const rule = RewriteRule.compile(text);
      assert(rule instanceof RewriteRule, 'the rule was checked with the configuration');
      return rule;
    });
  }

  get arePublishing(): boolean {
    return this.#rules.some(({ isForPublish }) => isForPublish);
  }

  get areSubscribing(): boolean {
    return this.#rules.some(({ isForSubscribe }) => isForSubscribe);
  }

  /** How a message's topic is changed; null: it stays. */
  forTopic(topic: string): Fitting | null {
    const known = this.#remembered.get(topic);
    if (known !== undefined) return known;
    const fitting = this.#fit(this.#placeOf(topic), topic);
    if (topic.length > REMEMBERED_CHARACTERS_MAX) return fitting;
    if (this.#remembered.size >= REMEMBERED_MAX) this.#remembered = new Map();
    this.#remembered.set(topic, fitting);
    return fitting;
  }

  /** The topic for this client, or why there is none. */
  apply(fitting: Fitting, { clientId, username }: RewriteClient): string | Refusal {
    if (fitting.topic !== null) return fitting.topic;
    if (fitting.refusal !== null) return { refusal: fitting.refusal };
    const { destination } = this.#rules[fitting.rule];
    const topic = destination.expand({ clientid: clientId, username }, fitting.captures);
    return typeof topic === 'string' ? topic : { refusal: `\${${topic.variable}} ${topic.problem}` };
  }

  /** What would become of a topic. */
  preview({ action, topic, ...client }: RewriteQuestion): RewriteResult {
    return action === 'publish' ? this.#previewTopic(topic, client) : this.rewriteFilter(topic, client);
  }

  /** Rewrites what is behind `$share/group/`, `$exclusive/` or `$history/range/`; what the client put before it stays. */
  rewriteFilter(filter: string, client: RewriteClient): RewriteResult {
    const prefix = prefixes.exec(filter)?.[1] ?? '';
    const inner = filter.slice(prefix.length);
    // What is no filter must not become one.
    const isValid = typeof parseTopicFilter(inner, Infinity) !== 'string';
    const place = isValid
      ? this.#rules.findLastIndex(({ isForSubscribe, sourceTopic }) => isForSubscribe && covers(sourceTopic, inner))
      : -1;
    const result = this.#result(inner, place, this.#fit(place, inner), client);
    if (result.kind === 'rewritten' && prefixed.test(result.topic)) {
      return { kind: 'refused', topic: filter, rule: result.rule, reason: `${result.topic} has a prefix that was not asked for` };
    }
    return { ...result, topic: prefix + result.topic };
  }

  #previewTopic(topic: string, client: RewriteClient): RewriteResult {
    const place = this.#placeOf(topic);
    return this.#result(topic, place, this.#fit(place, topic), client);
  }

  #placeOf(topic: string): number {
    return this.#rules.findLastIndex(({ isForPublish, sourceTopic }) => isForPublish && matches(sourceTopic, topic));
  }

  #fit(rule: number, topic: string): Fitting | null {
    if (rule < 0) return null;
    if (topic.length > REWRITABLE_CHARACTERS_MAX) {
      return { rule, captures: [], topic: null, refusal: `the topic has more than ${REWRITABLE_CHARACTERS_MAX} characters` };
    }
    const captures = this.#rules[rule].match(topic);
    if (captures === null) return null;
    const { destination } = this.#rules[rule];
    return { rule, captures, refusal: null, topic: destination.hasVariables ? null : (destination.expand({}, captures) as string) };
  }

  #result(topic: string, place: number, fitting: Fitting | null, client: RewriteClient): RewriteResult {
    if (fitting === null) return { kind: 'unchanged', topic, rule: place < 0 ? null : place };
    const applied = this.apply(fitting, client);
    if (typeof applied === 'object') return { kind: 'refused', topic, rule: place, reason: applied.refusal };
    if (applied === topic) return { kind: 'unchanged', topic, rule: place };
    return { kind: 'rewritten', topic: applied, rule: place };
  }
}
