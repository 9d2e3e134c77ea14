import { violation } from './protocol-error.ts';

/** What can be said of a topic filter without knowing its grammar, which is the broker's. */
export function checkTopicFilter(filter: string): void {
  if (filter.length === 0) throw violation('MQTT-4.7.3-1', 'a topic filter is empty'); // [MQTT-4.7.3-1] [MQTT311-4.7.3-1]
}
