/** Whether a topic name matches a topic filter (4.7 of the standard). */
export function topicMatches(filter: string, topic: string): boolean {
  if (filter === topic) return true;
  // What begins with $ belongs to the broker: wildcards leave it out.
  if (topic.startsWith('$') && (filter.startsWith('+') || filter.startsWith('#'))) return false;
  const wanted = filter.split('/');
  const levels = topic.split('/');
  for (const [i, level] of wanted.entries()) {
    if (level === '#') return true;
    if (i >= levels.length || (level !== '+' && level !== levels[i])) return false;
  }
  return wanted.length === levels.length;
}
