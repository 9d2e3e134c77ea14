import { isSystemTopic, levelsError, textError, TOPIC_BYTES_MAX } from './topic-name.ts';

/** A valid topic filter as a client sent it, taken apart. */
export interface ParsedFilter {
  /** What the client sent: its name for this subscription. */
  readonly text: string;
  /** What topics are matched against: `text` without `$share/<group>/`. */
  readonly filter: string;
  /** The shared group's name, or null when the subscription is not shared. */
  readonly group: string | null;
}

const sharePrefix = '$share/';

const NUL = 0x00;
const HASH = 0x23;
const PLUS = 0x2b;
const SLASH = 0x2f;

/** Takes a topic filter apart; a string says what is wrong with it, as the end of a sentence that starts with it. */
export function parseTopicFilter(text: string, levelsMax: number, bytesMax = TOPIC_BYTES_MAX): ParsedFilter | string {
  if (!text.startsWith(sharePrefix)) {
    if (text === '$share') return 'names no shared group'; // [MQTT-4.8.2-1]
    return filterError(text, levelsMax) ?? textError(text, bytesMax) ?? { text, filter: text, group: null };
  }
  const groupEnd = text.indexOf('/', sharePrefix.length);
  const group = text.slice(sharePrefix.length, groupEnd < 0 ? text.length : groupEnd);
  if (group.length === 0) return 'names no shared group'; // [MQTT-4.8.2-1]
  if (group.includes('+') || group.includes('#')) return 'names a shared group with a wildcard in it'; // [MQTT-4.8.2-2]
  if (groupEnd < 0 || groupEnd + 1 === text.length) return 'has no filter after the shared group'; // [MQTT-4.8.2-2]
  const filter = text.slice(groupEnd + 1);
  // The whole text is what travels, so the limit on bytes and the rules for characters hold for it.
  return filterError(filter, levelsMax) ?? nulError(group) ?? textError(text, bytesMax) ?? { text, filter, group };
}

/** Whether a topic name matches a filter. Both must be valid, the filter without `$share`. */
export function matches(filter: string, topic: string): boolean {
  if (hasLeadingWildcard(filter) && isSystemTopic(topic)) return false; // [MQTT-4.7.2-1]
  let at = 0;
  let index = 0;
  for (; index < filter.length; index += 1) {
    const code = filter.charCodeAt(index);
    if (code === HASH) return true; // [MQTT-4.7.1-1]
    if (code === PLUS) {
      while (at < topic.length && topic.charCodeAt(at) !== SLASH) at += 1; // [MQTT-4.7.1-2]
    } else if (at < topic.length) {
      if (code !== topic.charCodeAt(at)) return false;
      at += 1;
    } else {
      // `a/#` matches its parent `a` too.
      return code === SLASH && index + 2 === filter.length && filter.charCodeAt(index + 1) === HASH;
    }
  }
  return at === topic.length;
}

/** Whether every topic that `inner` matches is matched by `outer`. Both must be valid, without `$share`. */
export function covers(outer: string, inner: string): boolean {
  if (hasLeadingWildcard(outer) && isSystemTopic(inner)) return false; // [MQTT-4.7.2-1]
  if (outer === '#') return true;
  const wide = outer.split('/');
  const narrow = inner.split('/');
  for (let level = 0; level < narrow.length; level += 1) {
    if (wide[level] === '#') return true;
    if (narrow[level] === '#') {
      // Here `inner` asks for one more level at least where its parent is no topic, so `+/#` is as wide as `#`.
      return !isParentATopic(narrow, level) && wide[level] === '+' && wide[level + 1] === '#';
    }
    if (wide[level] !== '+' && wide[level] !== narrow[level]) return false;
  }
  return wide.length === narrow.length || wide[narrow.length] === '#';
}

/** Whether some topic matches both filters. Both must be valid, without `$share`. */
export function intersects(a: string, b: string): boolean {
  if (hasLeadingWildcard(a) && isSystemTopic(b)) return false; // [MQTT-4.7.2-1]
  if (hasLeadingWildcard(b) && isSystemTopic(a)) return false; // [MQTT-4.7.2-1]
  const left = a.split('/');
  const right = b.split('/');
  for (let level = 0; ; level += 1) {
    if (left[level] === '#') return level < right.length || isParentATopic(left, level);
    if (right[level] === '#') return level < left.length || isParentATopic(right, level);
    if (level >= left.length || level >= right.length) return left.length === right.length;
    if (left[level] !== '+' && right[level] !== '+' && left[level] !== right[level]) return false;
  }
}

/** Whether the levels above a `#` at `level` can be a topic: no level is none, and one empty level is the empty topic. */
function isParentATopic(levels: readonly string[], level: number): boolean {
  return level > 1 || (level === 1 && levels[0] !== '');
}

function hasLeadingWildcard(filter: string): boolean {
  const code = filter.charCodeAt(0);
  return code === PLUS || code === HASH;
}

function filterError(filter: string, levelsMax: number): string | null {
  let levels = 1;
  for (let index = 0; index < filter.length; index += 1) {
    const code = filter.charCodeAt(index);
    if (code === SLASH) levels += 1;
    else if (code === NUL) return 'contains U+0000'; // [MQTT-4.7.3-2]
    else if (code === HASH) {
      if (index + 1 < filter.length) return 'has a # that is not its last character'; // [MQTT-4.7.1-1]
      if (index > 0 && filter.charCodeAt(index - 1) !== SLASH) return 'has a # that is not a level of its own'; // [MQTT-4.7.1-1]
    } else if (code === PLUS) {
      const isAlone =
        (index === 0 || filter.charCodeAt(index - 1) === SLASH) && (index + 1 === filter.length || filter.charCodeAt(index + 1) === SLASH);
      if (!isAlone) return 'has a + that is not a level of its own'; // [MQTT-4.7.1-2]
    }
  }
  return levels > levelsMax ? levelsError(levels, levelsMax) : null;
}

function nulError(group: string): string | null {
  return group.includes('\0') ? 'contains U+0000' : null; // [MQTT-4.7.3-2]
}
