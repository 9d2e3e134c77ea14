import { MqttError } from '#base/mqtt-error.ts';

const sharePrefix = '$share/';

/** What topics are compared with: the filter without `$share/{group}/`. */
export function matchedPart(filter: string): string {
  return filter.startsWith(sharePrefix) ? filter.slice(filter.indexOf('/', sharePrefix.length) + 1) : filter;
}

export function isShared(filter: string): boolean {
  return filter.startsWith(sharePrefix);
}

export function hasWildcard(filter: string): boolean {
  return /[+#]/.test(filter);
}

/** Throws MqttError INVALID when no broker would take the filter. */
export function checkFilter(filter: string): void {
  const isGood = /^(\$share\/[^/+#\0]+\/)?(?!$)(([^+#\0/]*|\+)(\/|$))*#?$/.test(filter) && !filter.startsWith('$share//'); // [MQTT-4.7.1-1] [MQTT-4.7.1-2] [MQTT-4.7.3-1] [MQTT-4.7.3-2] [MQTT-4.8.2-1] [MQTT-4.8.2-2]
  if (!isGood) throw new MqttError('INVALID', `'${filter}' is no topic filter`);
}

/** Throws MqttError INVALID when no message can be published to the topic. */
export function checkTopic(topic: string): void {
  if (topic === '' || /[+#\0]/.test(topic)) throw new MqttError('INVALID', `cannot publish to '${topic}'`); // [MQTT-3.3.2-2] [MQTT-4.7.3-1] [MQTT-4.7.3-2]
}

/** Whether a topic matches a filter without `$share`. */
export function matches(filter: string, topic: string): boolean {
  return intersects(filter, topic);
}

/** Whether some topic matches both filters, which are without `$share`; a topic is a filter of itself. */
export function intersects(a: string, b: string): boolean {
  if ((/^[+#]/.test(a) && b[0] === '$') || (/^[+#]/.test(b) && a[0] === '$')) return false; // [MQTT-4.7.2-1]
  const left = a.split('/');
  const right = b.split('/');
  for (let level = 0; ; level += 1) {
    if (left[level] === '#' || right[level] === '#') return true;
    if (level >= left.length || level >= right.length) return left.length === right.length;
    if (left[level] !== '+' && right[level] !== '+' && left[level] !== right[level]) return false;
  }
}
