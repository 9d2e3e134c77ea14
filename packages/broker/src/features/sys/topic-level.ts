/** The payload has the whole client identifier; a topic of 64 KiB would serve nobody. */
const CHARACTERS_MAX = 1024;

/**
 * A client identifier as exactly one level of a topic name. What would end the level or make a wildcard of it is written as in
 * a URL (`%2F`, `%2B`, `%23`, and `%25`), so that no client slips through `clients/+/connected`, and none speaks for another.
 */
export function topicLevelOf(clientId: string): string {
  return clientId
    .slice(0, CHARACTERS_MAX)
    .toWellFormed()
    .replaceAll(/[%/+#\0]/g, escaped);
}

function escaped(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
}
