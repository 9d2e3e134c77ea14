import { MqttError } from '#base/mqtt-error.ts';

const sharePrefix = '$share/';

/** What topics are compared with: the filter without `$share/{group}/`. */
export function matchedPart(filter: string): string {
  return filter.startsWith(sharePrefix) ? filter.slice(filter.indexOf('/', sharePrefix.length) + 1) : filter;
}

export function isShared(filter: string): boolean {
  return filter.startsWith(sharePrefix);
}

/** Throws MqttError INVALID when no broker would take the filter. */
export function checkFilter(filter: string): void {
  const isGood = /^(\$share\/[^/+#\0]+\/|(?!\$share(\/|$)))(?!$)(([^+#\0/]*|\+)(\/|$))*#?$/.test(filter); // [MQTT-4.7.1-1] [MQTT-4.7.1-2] [MQTT-4.7.3-1] [MQTT-4.7.3-2] [MQTT-4.8.2-1] [MQTT-4.8.2-2]
  if (!isGood) throw new MqttError('INVALID', `'${filter}' is no topic filter`);
}

/** Throws MqttError INVALID when no message can be published to the topic. */
export function checkTopic(topic: string): void {
  if (topic === '' || /[+#\0]/.test(topic)) throw new MqttError('INVALID', `cannot publish to '${topic}'`); // [MQTT-3.3.2-2] [MQTT-4.7.3-1] [MQTT-4.7.3-2]
}

/** Whether a topic matches a filter, which is without `$share`. */
export function matches(filter: string, topic: string): boolean {
  if (/^[+#]/.test(filter) && topic.startsWith('$')) return false; // [MQTT-4.7.2-1]
  const wanted = filter.split('/');
  const levels = topic.split('/');
  for (const [index, level] of wanted.entries()) {
    if (level === '#') return true; // [MQTT-4.7.1-1]
    if (index === levels.length || (level !== '+' && level !== levels[index])) return false; // [MQTT-4.7.1-2]
  }
  return wanted.length === levels.length;
}
