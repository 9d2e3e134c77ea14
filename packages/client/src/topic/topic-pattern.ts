import { matchedPart } from '#base/filter-prefix.ts';
import { MqttError } from '#base/mqtt-error.ts';
import { checkFilter, matches } from './topic-filter.ts';

/** A filter in which levels may have names: `sensors/{room}/{rest...}` is `sensors/+/#`. */
export class TopicPattern {
  readonly pattern: string;
  /** What the broker gets. */
  readonly filter: string;
  /** What topics are compared with. */
  readonly #matched: string;
  /** By level; undefined where a level has no name. */
  readonly #names: ReadonlyArray<string | undefined>;
  readonly #hasNames: boolean;

  /** Throws MqttError INVALID. */
  constructor(pattern: string, share?: string) {
    const text = share === undefined ? pattern : `$share/${share}/${pattern}`;
    const levels = text.split('/');
    const names = levels.map(nameOf);
    this.pattern = pattern;
    this.filter = levels.map((level, index) => (names[index] === undefined ? level : isRest(level) ? '#' : '+')).join('/');
    checkFilter(this.filter);
    this.#matched = matchedPart(this.filter);
    this.#names = names.slice(levels.length - this.#matched.split('/').length);
    this.#hasNames = names.some((name) => name !== undefined);
  }

  matches(topic: string): boolean {
    return matches(this.#matched, topic);
  }

  /** What stands in place of the names in a topic that matches. */
  params(topic: string): Record<string, string> {
    const params: Record<string, string> = {};
    if (!this.#hasNames) return params;
    const levels = topic.split('/');
    this.#names.forEach((name, index) => {
      if (name === undefined) return;
      const isTail = index === this.#names.length - 1 && this.#matched.endsWith('#');
      params[name] = isTail ? levels.slice(index).join('/') : levels[index];
    });
    return params;
  }

  /** The topic with these values in place of the names. Throws MqttError INVALID. */
  fill(params: Readonly<Record<string, string>>): string {
    const levels = this.pattern.split('/').map((level) => {
      const name = nameOf(level);
      if (name === undefined) return level;
      const value = params[name] ?? '';
      if (value === '' || (isRest(level) ? /[+#]/ : /[+#/]/).test(value))
        throw new MqttError('INVALID', `'${value}' cannot be {${name}} of ${this.pattern}`);
      return value;
    });
    return levels.join('/');
  }
}

function nameOf(level: string): string | undefined {
  return /^\{([^{}]+?)(\.\.\.)?\}$/.exec(level)?.[1];
}

function isRest(level: string): boolean {
  return level.endsWith('...}');
}
