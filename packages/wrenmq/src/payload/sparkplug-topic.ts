const NAMESPACE = 'spBv1.0/';

/** Whether Sparkplug B says what a message on this topic holds. */
export function isSparkplugTopic(topic: string): boolean {
  return topic.startsWith(NAMESPACE);
}

/** A host application tells its state in JSON. */
export function isSparkplugState(topic: string): boolean {
  return topic.startsWith(`${NAMESPACE}STATE/`);
}
