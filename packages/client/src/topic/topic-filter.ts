import { MqttError } from '#base/mqtt-error.ts';

/** Throws MqttError INVALID when no broker would take the filter. */
export function checkFilter(filter: string): void {
  const isGood = /^(\$share\/[^/+#\0]+\/|(?!\$share(\/|$)))(?!$)(([^+#\0/]*|\+)(\/|$))*#?$/.test(filter); // [MQTT-4.7.1-1] [MQTT-4.7.1-2] [MQTT-4.7.3-1] [MQTT-4.7.3-2] [MQTT-4.8.2-1] [MQTT-4.8.2-2]
  if (!isGood) throw new MqttError('INVALID', `'${filter}' is no topic filter`);
}

/** Throws MqttError INVALID when no message can be published to the topic. */
export function checkTopic(topic: string): void {
  if (topic === '' || /[+#\0]/.test(topic)) throw new MqttError('INVALID', `cannot publish to '${topic}'`); // [MQTT-3.3.2-2] [MQTT-4.7.3-1] [MQTT-4.7.3-2]
}

/** Whether a topic matches a filter, which is without prefix. */
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
