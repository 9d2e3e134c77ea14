import { createHash } from 'node:crypto';

/** Longer topics are cut here and told apart by a hash; a store's key has 512 bytes at most. */
export const PLAIN_BYTES_MAX = 480;
const HASH_BYTES = 24;
/** In no UTF-8 text, and behind every byte of one. */
const CUT_MARK = Buffer.of(0xff);

/**
 * The key of a topic's record. Levels are separated by a zero byte, which no topic contains, so that keys order as a
 * tree: a topic, everything below it, its next sibling. A topic of more than 480 bytes keeps its first 480 and a hash:
 * it stays in its subtree, as far as those bytes tell.
 */
export function retainedKey(topic: string): Buffer {
  const path = retainedPath(topic);
  if (path.length <= PLAIN_BYTES_MAX) return path;
  const hash = createHash('sha256').update(path).digest().subarray(0, HASH_BYTES);
  return Buffer.concat([path.subarray(0, PLAIN_BYTES_MAX), CUT_MARK, hash]);
}

/** A topic, or some levels of one, in the form that orders as a tree. */
export function retainedPath(topic: string): Buffer {
  return Buffer.from(topic.replaceAll('/', '\0'));
}

/** The topic that a key stands for; null when the key has only a part of it. */
export function topicOfKey(key: Buffer): string | null {
  if (key.length > PLAIN_BYTES_MAX) return null;
  return key.toString().replaceAll('\0', '/');
}
