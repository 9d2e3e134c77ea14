/** What topics are compared with: the filter without `$share/{group}/`, and without the prefixes that our own broker knows besides. */
export function matchedPart(filter: string): string {
  return filter.replace(/^\$((share|history(-live)?)\/[^/]*|exclusive|queue)\//, '');
}

/** The topic of the message that ends a reading of the history. */
export const readingEndTopic = '$history/end';
