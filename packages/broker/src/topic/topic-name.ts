/** The longest topic name or filter in bytes: what its two-byte length can say. [MQTT-4.7.3-3] */
export const TOPIC_BYTES_MAX = 65_535;

const NUL = 0x00;
const PLUS = 0x2b;
const HASH = 0x23;
const SLASH = 0x2f;

/**
 * What is wrong with a topic name, as the end of a sentence that starts with it; null when it is valid.
 * `levelsMax` and `bytesMax` are the house's bounds, not the standard's.
 */
export function topicNameError(topic: string, levelsMax: number, bytesMax = TOPIC_BYTES_MAX): string | null {
  let levels = 1;
  for (let index = 0; index < topic.length; index += 1) {
    const code = topic.charCodeAt(index);
    if (code === SLASH) levels += 1;
    else if (code === PLUS || code === HASH) return 'contains a wildcard'; // [MQTT-3.3.2-2] [MQTT-4.7.0-1]
    else if (code === NUL) return 'contains U+0000'; // [MQTT-4.7.3-2]
  }
  return levels > levelsMax ? levelsError(levels, levelsMax) : textError(topic, bytesMax);
}

export function levelsError(levels: number, levelsMax: number): string {
  return `has ${levels} levels, more than the ${levelsMax} that are allowed`;
}

/** The rules that names and filters share. */
export function textError(text: string, bytesMax: number): string | null {
  if (text.length === 0) return 'is empty'; // [MQTT-4.7.3-1]
  // A UTF-16 unit takes at most three bytes, so that almost no text is measured.
  if (text.length * 3 > bytesMax && Buffer.byteLength(text) > bytesMax) return `is longer than ${bytesMax} bytes`; // [MQTT-4.7.3-3]
  if (!text.isWellFormed()) return 'is not well-formed Unicode'; // [MQTT-1.5.4-1]
  return null;
}

/** Whether a topic (or filter) lies in a tree that leading wildcards do not reach. */
export function isSystemTopic(topic: string): boolean {
  return topic.startsWith('$');
}
