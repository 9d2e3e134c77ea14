import { createRequire } from 'node:module';
import type * as re2js from 're2js';
import { isHistoryTopic } from './history-filter.ts';
import { parseTopicFilter } from './topic-filter.ts';
import { TopicTemplate } from './topic-template.ts';

/*
 * How long a match may take, whatever the expression and the topic are: re2js needs time in proportion to the product of their
 * sizes, so that both are bounded. The worst that fits takes some 20 ms, the usual some microseconds (bench/micro/rewrite.ts).
 */
/** Topics with more UTF-16 units are not matched with expressions. */
export const REWRITABLE_CHARACTERS_MAX = 1024;
/** Instructions of a compiled expression. */
const PROGRAM_SIZE_MAX = 256;
const EXPRESSION_CHARACTERS_MAX = 1024;

/** One rule as it is written: topics that `sourceTopic` covers and `re` fits become `destTopic`. */
export interface RewriteRuleText {
  readonly action: 'publish' | 'subscribe' | 'all';
  readonly sourceTopic: string;
  readonly re: string;
  readonly destTopic: string;
}

/** What is wrong with a part of a rule, as the end of a sentence that starts with it. */
export interface RewriteRuleProblem {
  readonly key: 'sourceTopic' | 're' | 'destTopic';
  readonly message: string;
}

/** A rule that can be used. */
export class RewriteRule {
  readonly isForPublish: boolean;
  readonly isForSubscribe: boolean;
  readonly sourceTopic: string;
  readonly destination: TopicTemplate;
  readonly #expression: re2js.RE2JS;

  private constructor(text: RewriteRuleText, expression: re2js.RE2JS, destination: TopicTemplate) {
    this.isForPublish = text.action !== 'subscribe';
    this.isForSubscribe = text.action !== 'publish';
    this.sourceTopic = text.sourceTopic;
    this.destination = destination;
    this.#expression = expression;
  }

  /** The rule, or everything that is wrong with it. */
  static compile(text: RewriteRuleText): RewriteRule | readonly RewriteRuleProblem[] {
    const problems: RewriteRuleProblem[] = [];
    const source = sourceError(text.sourceTopic);
    if (source !== null) problems.push({ key: 'sourceTopic', message: source });
    const expression = compileExpression(text.re);
    if (typeof expression === 'string') problems.push({ key: 're', message: expression });
    // Without an expression nobody knows how many captures there are: one mistake is told once.
    const captures = typeof expression === 'string' ? Infinity : expression.groupCount();
    const destination = parseDestination(text, captures);
    if (typeof destination === 'string') problems.push({ key: 'destTopic', message: destination });
    if (problems.length > 0) return problems;
    return new RewriteRule(text, expression as re2js.RE2JS, destination as TopicTemplate);
  }

  /** The whole match and its groups, or null when the expression does not fit the topic. At most REWRITABLE_CHARACTERS_MAX. */
  match(topic: string): readonly string[] | null {
    const matcher = this.#expression.matcher(topic);
    if (!matcher.find()) return null;
    return Array.from({ length: matcher.groupCount() + 1 }, (_, group) => matcher.group(group) ?? '');
  }
}

function sourceError(filter: string): string | null {
  const parsed = parseTopicFilter(filter, Infinity);
  if (typeof parsed === 'string') return parsed;
  if (parsed.group === null && !filter.startsWith('$exclusive/') && !isHistoryTopic(filter)) return null;
  return 'has a prefix: rules see what is behind $share/<group>/, $exclusive/ and $history/<range>/';
}

function compileExpression(re: string): re2js.RE2JS | string {
  if (re.length > EXPRESSION_CHARACTERS_MAX) return `is longer than ${EXPRESSION_CHARACTERS_MAX} characters`;
  // PERF: loading the engine takes some 30 ms, which every start and every command would pay for rules that few have.
  const engine = createRequire(import.meta.url)('re2js') as typeof re2js;
  try {
    const expression = engine.RE2JS.compile(re);
    if (expression.programSize() <= PROGRAM_SIZE_MAX) return expression;
    return 'is too large: use fewer or smaller repetitions such as {1,100}';
  } catch (error) {
    if (!(error instanceof engine.RE2JSSyntaxException)) throw error;
    const hint = /\(\?[=!<]|\\[1-9]/.test(re) ? ' (RE2 syntax: there is no lookaround and no backreference)' : '';
    return `is not a regular expression: ${error.message.replace(/^error parsing regexp: /, '')}${hint}`;
  }
}

function parseDestination({ action, destTopic }: RewriteRuleText, captures: number): TopicTemplate | string {
  if (destTopic === '') return 'is empty';
  const template = TopicTemplate.parse(destTopic, { variables: ['clientid', 'username'], captures });
  if (typeof template === 'string') return template;
  if (action !== 'subscribe' && /[+#]/.test(destTopic)) return 'has a wildcard, which nobody can publish to';
  if (/^\$(?:share|exclusive)(?:\/|$)/.test(destTopic) || isHistoryTopic(destTopic))
    return 'has a prefix: the one that the client sent is kept';
  return template;
}
