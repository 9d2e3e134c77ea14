import { matches } from '#topic/topic-filter.ts';
import { PLAIN_BYTES_MAX, retainedKey, retainedPath } from './retained-key.ts';

/** What follows a subtree's root and all its descendants: levels end with a zero byte, or with the key. */
const AFTER = Buffer.of(1);
const BELOW = Buffer.of(0);
/** Behind every key that begins with the same 480 bytes. */
const AFTER_CUT = Buffer.of(0xff, 0xff);
const DOLLAR = 0x24;
const AFTER_DOLLAR = Buffer.of(DOLLAR + 1);

/** The way of a filter through the tree of keys: where to begin and end, and what can be passed over. */
export class FilterWalk {
  /** The first key that may match, or undefined for the table's first. */
  readonly from: Buffer | undefined;
  /** The first key behind all that may match, or undefined. */
  readonly to: Buffer | undefined;
  readonly #filter: string;
  readonly #levels: readonly string[];

  constructor(filter: string) {
    this.#filter = filter;
    this.#levels = filter.split('/');
    const firstWildcard = this.#levels.findIndex((level) => level === '+' || level === '#');
    if (firstWildcard < 0) {
      this.from = retainedKey(filter);
      this.to = nextKey(this.from);
    } else if (firstWildcard > 0) {
      const prefix = retainedPath(this.#levels.slice(0, firstWildcard).join('/'));
      if (prefix.length < PLAIN_BYTES_MAX) {
        this.from = this.#levels[firstWildcard] === '#' ? prefix : Buffer.concat([prefix, BELOW]);
        this.to = Buffer.concat([prefix, AFTER]);
      } else {
        this.from = prefix.subarray(0, PLAIN_BYTES_MAX);
        this.to = Buffer.concat([this.from, AFTER_CUT]);
      }
    }
  }

  matches(topic: string): boolean {
    return matches(this.#filter, topic);
  }

  /** True when nothing from `key` on can match. */
  isBehind(key: Buffer): boolean {
    return this.to !== undefined && key.compare(this.to) >= 0;
  }

  /** After a topic that does not match: the next key that may; null when there is none. */
  seek(topic: string, key: Buffer): Buffer | null {
    // A cut key tells too little of what stands behind it.
    if (key.length > PLAIN_BYTES_MAX) return nextKey(key);
    const isLeadingWildcard = this.#levels[0] === '+' || this.#levels[0] === '#';
    if (isLeadingWildcard && key[0] === DOLLAR) return AFTER_DOLLAR; // [MQTT-4.7.2-1]
    const target = this.#target(topic.split('/'), key);
    if (target === null) return null;
    const cut = target.subarray(0, PLAIN_BYTES_MAX);
    return cut.compare(key) > 0 ? cut : nextKey(key);
  }

  #target(found: readonly string[], key: Buffer): Buffer | null {
    const wanted = this.#levels;
    let level = 0;
    while (level < found.length && level < wanted.length && (wanted[level] === '+' || wanted[level] === found[level])) level += 1;
    if (level === found.length) {
      // The topic is too short: go on below it.
      return Buffer.concat([key, BELOW, literalPath(wanted[level])]);
    }
    if (level < wanted.length) {
      const ahead = retainedPath([...found.slice(0, level), wanted[level]].join('/'));
      if (ahead.compare(key) > 0) return ahead;
    }
    // Nothing more can match here: go on behind the last level that is free to change.
    const free = wanted.lastIndexOf('+', Math.min(level, wanted.length) - 1);
    if (free < 0 || level === 0) return null;
    return Buffer.concat([retainedPath(found.slice(0, free + 1).join('/')), AFTER]);
  }
}

/** The smallest key that is greater. */
export function nextKey(key: Buffer): Buffer {
  return Buffer.concat([key, BELOW]);
}

function literalPath(level: string): Buffer {
  return level === '+' || level === '#' ? Buffer.alloc(0) : retainedPath(level);
}
